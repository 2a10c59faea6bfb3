"""The page: the lines of the open text, and what can be done with them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from rnnlm_tui.formatting import straight_quotes
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.widgets.base_screen import OfApp
from rnnlm_tui.tui.writing.open_text import OpenText
from rnnlm_tui.tui.writing.page_rows import PageLine, PageRows, Row

BESIDE = 2
"""Cells to the right of the lines, for a blank and the scrollbar. A ScrollView paints over them."""

Hint: TypeAlias = Callable[[int], list[Content]]
"""Returns the rows of a hint for a width in cells."""


@dataclass
class LineClicked(Message):
    """A line of the page was clicked."""

    turn: Turn


class Page(OfApp, ScrollView, can_focus=True):
    """Shows the lines, the last one right above the line being written, or a hint if there are
    none. A click on a line edits it.

    Paints only the rows in sight, since a text may have thousands of lines.
    """

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,e", "screen.edit_marked", "edit", id="page.edit", tooltip="Edit the line"),
        Binding("up", "move(-1)", "line", key_display="↑↓", id="page.up",
                tooltip="Go to the line above"),
        Binding("down", "move(1)", "line", show=False, id="page.down",
                tooltip="Go to the line below"),
        Binding("c", "copy", "copy", id="page.copy", tooltip="Copy the line"),
        Binding("d,delete", "screen.remove_marked", "remove", id="page.remove",
                tooltip="Remove the line"),
        Binding("ctrl+z,super+z", "screen.undo", "undo", id="page.undo",
                tooltip="Undo what was done last; bring back what was removed"),
        Binding("ctrl+y,super+y", "screen.redo", "Redo", show=False, id="page.redo",
                tooltip="Redo what was undone last"),
        Binding("escape", "screen.go_back", "back", id="page.leave",
                tooltip="Go back to the line being written"),
    ]  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {"day"}
    DEFAULT_CSS = """
    Page {
        height: 1fr; padding: 0 1 0 2; color: $foreground;
        scrollbar-size-vertical: 1; overflow-x: hidden;
        .day { color: $quiet; }
        &:ansi, &:ansi .day { color: ansi_default; }
    }
    """

    def __init__(self, text: OpenText) -> None:
        super().__init__()
        self.open_text = text
        self.lines: list[PageLine] = []
        self._marked: int | None = None
        """The index of the marked line, on which keys act or which is being edited."""
        self._edited: Turn | None = None
        """The turn that is being edited."""
        self._found: Turn | None = None
        """The turn that was found last."""
        self._patterns: list[re.Pattern[str]] = []
        """What is being looked for. A line that is found has all of it."""
        self._rows = PageRows()
        self._hint: Hint | None = None
        self._is_at_end = True
        """True if the page is to stay at its end when its height changes."""

    # Rows

    def show(self, changed: Turn | None = None) -> None:
        """Shows the lines of the open text as they are now. Goes to the turn that has `changed`, or
        to the end if that is None. If the turn was removed, stays where it is."""
        turns = self.open_text.turns
        same = 0
        while same < min(len(self.lines), len(turns)) and self.lines[same].is_of(turns[same]):
            same += 1
        marked_line = self.marked_line
        self.lines[same:] = [PageLine(turn) for turn in turns[same:]]
        if marked_line is not None:
            self._marked = self._index_of(marked_line.turn)
        self._lay_out(same)
        index = self._index_of(changed)
        is_last = changed is None or turns[-1:] == [changed]
        if index is not None and not is_last:
            self._bring_in_sight(index)
        elif is_last or self._is_at_end:
            self._show_end()

    def show_hint(self, hint: Hint | None) -> None:
        """Sets the hint that is shown while there are no lines."""
        self._hint = hint
        if not self.lines:
            self._lay_out()
            self._show_end()

    def _lay_out(self, first: int = 0) -> None:
        """Puts the lines from index `first` on into rows."""
        self.can_focus = bool(self.lines)  # on an empty page its keys do nothing
        self._rows.lay_out(self.lines, first)
        if self._hint is not None and not self.lines:
            rows = self._hint(self._rows.width)
            self._rows.rows = [Row(-1, "", row) for row in rows]
        self.virtual_size = Size(self._rows.width, len(self._rows.rows))
        self.refresh()

    def _row_at(self, y: int) -> int:
        """Returns the index of the row that is drawn `y` cells below the top of the page. Few lines
        stand at the bottom, a hint in the middle: the index is negative above them."""
        empty = max(0, self.size.height - len(self._rows.rows))
        return int(self.scroll_offset.y) + y - (empty if self.lines else empty // 2)

    def render_line(self, y: int) -> Strip:
        at, width = self._row_at(y), self.size.width
        if not 0 <= at < len(self._rows.rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows.rows[at]
        content = row.content if isinstance(row.content, Content) else Content(row.content)
        if row.style:
            content = content.stylize_before(self.get_visual_style(row.style))
        if row.line_index >= 0:
            for pattern in self._patterns:
                for match in pattern.finditer(straight_quotes(content.plain)):
                    content = content.stylize("bold underline", *match.span())
        if row.line_index == self._marked:
            content = content.stylize("reverse")
        selection = self.text_selection
        span = selection.get_span(at) if selection is not None else None
        if span is not None:
            start, end = span
            selected = Style.from_styles(self.screen.get_component_styles("screen--selection"))
            content = content.stylize(selected, start, len(content) if end < 0 else end)
        strip = Strip(content.render_segments(self.visual_style))
        return strip.adjust_cell_length(width, self.rich_style).apply_offsets(0, at)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(str(row.content) for row in self._rows.rows)), "\n"

    def on_resize(self) -> None:
        """Wraps the lines to the width of the page. Stays at the end if it was there, and shows the
        marked line."""
        width = max(1, self.size.width - BESIDE)
        if width != self._rows.width:
            self._rows.width = width
            self._lay_out()
        if self._is_at_end:
            self._show_end()
        if self._marked is not None:
            self._bring_in_sight(self._marked)
        if self.show_vertical_scrollbar:  # it may have appeared after the page was scrolled
            self.vertical_scrollbar.position = self.scroll_y

    def _show_end(self) -> None:
        self._is_at_end = True
        if self.lines:
            self.scroll_end(animate=False, immediate=True, force=True)
        else:  # a hint is read from its beginning
            self.scroll_home(animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.is_vertical_scroll_end:
            self._is_at_end = True
        elif new_value < old_value:
            self._is_at_end = False
        if self.has_focus and self._marked is not None:
            self._keep_mark_in_sight(self._marked)

    def _keep_mark_in_sight(self, marked: int) -> None:
        """Marks the nearest line in sight if the mouse wheel has scrolled the marked one away."""
        in_sight = self._rows.rows[int(self.scroll_offset.y) :][: self.size.height]
        places = [row.line_index for row in in_sight if row.line_index >= 0]
        if places and marked not in places:
            self._marked = min(max(marked, places[0]), places[-1])
            self.refresh()
            self.refresh_bindings()

    # Finding

    def find(self, words: str, turn: Turn | None = None) -> str:
        """Finds lines with these words, and goes to the first one: from `turn` on, or else from the
        line found last, or else from the top of what is in sight. Returns its number among the
        lines found, as in "2 of 5".

        Looks for the words as a phrase. If no line has it, or the line of `turn` does not have it,
        looks for lines with all of the words. Capitals and curly quotes make no difference.
        """
        parts = [re.escape(word) for word in straight_quotes(words).split()]
        phrase = re.compile(r"\s+".join(parts), re.IGNORECASE)
        self._patterns = [phrase] if parts else []
        if turn is not None:
            self._found = turn
            self._mark(self._index_of(turn))
        places = self._matches()
        if not places or (turn is not None and self._marked not in places):
            self._patterns = [re.compile(part, re.IGNORECASE) for part in parts]
            places = self._matches()
        if turn is not None and not places:  # the list of texts finds "strasse" in "Straße"
            return ""
        return self._go_to(places, 0)

    def _matches(self) -> list[int]:
        """Returns the indices of the lines that have all of what is being looked for."""
        texts = enumerate(straight_quotes(line.plain_text) for line in self.lines)
        return [at for at, text in texts if all(each.search(text) for each in self._patterns)]

    def find_next(self, by: int) -> str:
        """Goes to the next (1) or previous (-1) line that was found, from the last one to the first
        one. Returns its number as `find` does."""
        return self._go_to(self._matches(), by)

    def _go_to(self, places: list[int], by: int) -> str:
        """Goes from the marked line to one of the lines with these indices: to the next one (1), to
        the previous one (-1), or, unless it is one of them itself, to the next one (0). Returns the
        number as `find` does."""
        self.refresh()
        if not self._patterns:
            return ""
        if not places:
            self._mark(None)
            return "not found"
        here = self._index_of(self._found) if self._marked is None else self._marked
        if here is None:
            in_sight = self._rows.rows[int(self.scroll_offset.y) :]
            here = next((row.line_index for row in in_sight if row.line_index >= 0), 0)
        index = bisect_right(places, here) if by > 0 else bisect_left(places, here) + by
        index %= len(places)
        self._mark(places[index])
        self._found = self.lines[places[index]].turn
        return f"{index + 1} of {len(places)}"

    def end_finding(self) -> None:
        self._patterns = []
        self._mark(self._index_of(self._edited))

    # Keys and clicks

    def on_click(self, event: events.Click) -> None:
        """Edits the clicked line, unless the mouse has selected text."""
        place, rows = event.get_content_offset(self), self._rows.rows
        at = -1 if place is None else self._row_at(place.y)
        index = rows[at].line_index if 0 <= at < len(rows) else -1
        if index >= 0 and not self.screen.get_selected_text():
            self.post_message(LineClicked(self.lines[index].turn))

    def on_focus(self) -> None:
        """Marks the line that was found last, or else the last one."""
        if self._marked is None:
            found = self._index_of(self._found)
            last = len(self.lines) - 1 if self.lines else None
            self._mark(last if found is None else found)

    def on_blur(self) -> None:
        self._mark(self._index_of(self._edited))

    def _index_of(self, turn: Turn | None) -> int | None:
        """Returns the index of the line of a turn; None if it has no line."""
        return next((at for at, line in enumerate(self.lines) if line.turn is turn), None)

    def mark_edited(self, turn: Turn | None) -> None:
        """Marks and shows the line of the turn that is being edited, or no line."""
        if turn is not self._edited:
            self._edited = turn
            self._mark(self._index_of(turn))

    @property
    def marked_line(self) -> PageLine | None:
        """The marked line."""
        return None if self._marked is None else self.lines[self._marked]

    def mark_at(self, index: int) -> None:
        """Marks the line with this index, or else the last one."""
        if self.lines:
            self._mark(min(index, len(self.lines) - 1))

    def _mark(self, index: int | None) -> None:
        self._marked = index
        self.refresh()
        if index is not None:
            self._bring_in_sight(index)

    def _bring_in_sight(self, index: int) -> None:
        if rows := self._rows.of_line(index):
            region = Region(0, rows.start, 1, len(rows))
            self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def action_move(self, by: int) -> None:
        if self._marked is None:  # another text was opened
            self.on_focus()
        else:
            self._mark(max(0, min(self._marked + by, len(self.lines) - 1)))

    def action_copy(self) -> None:
        """Copies the line. The toast names another way, since not all terminals support this."""
        if self.marked_line is not None:
            self.app.copy_to_clipboard(self.marked_line.plain_text)
            save = self.app.shown_key("autocomplete.save", "f5")
            self.app.notify_user(f"copied. If pasting does not work, {save} saves the text")

    def scroll_page(self, by: int) -> None:
        """Scrolls down (1) or up (-1) by the height of the page, but for a row. While the page has
        the focus, the mark moves by as much."""
        y = by * max(1, self.size.height - 1)
        marked, rows = self._marked if self.has_focus else None, self._rows.rows
        self.scroll_relative(y=y, animate=False, force=True, immediate=True)
        if marked is not None:
            last_row = self._rows.of_line(marked).stop - 1
            place = max(0, min(last_row + y, len(rows) - 1))
            self._mark(next(row.line_index for row in rows[place:] if row.line_index >= 0))

    async def on_key(self, event: events.Key) -> None:
        """Types letters that are not bound here into the line being written, at once: later keys
        would overtake a message."""
        character = event.character
        is_bound = event.key in self.screen.active_bindings
        if character and character.isprintable() and not is_bound:
            event.stop()
            await self.run_action(f"screen.write({character!r})")
