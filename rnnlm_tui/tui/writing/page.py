"""The page: the lines of a text as paragraphs, and what can be done with them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from rnnlm_tui.formatting import day_name, shorten
from rnnlm_tui.session.tables import Continuation, Copied, Turn
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.writing.finding import Matches
from rnnlm_tui.tui.writing.insights import CopyFinder
from rnnlm_tui.tui.writing.open_text import OpenText, lines_of
from rnnlm_tui.tui.writing.predictor import LoadedModel, Predictor, continued
from rnnlm_tui.tui.writing.spacing import MAX_TEXT
from rnnlm_tui.tui.writing.wrapping import wrapped

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

PAGE_KEYS: tuple[Binding, ...] = (
    Binding("ctrl+r", "page('continue_last')", "continue", show=False,
            id="autocomplete.another",
            tooltip="Continue the last line; or continue it again"),
    Binding("f7", "page('copy_last')", "copy", show=False, id="autocomplete.copy_last",
            tooltip="Copy the last line of the page"),
    Binding("pageup", "page('scroll_page', -1)", "Page up", show=False, id="autocomplete.page_up",
            tooltip="Scroll the page up"),
    Binding("pagedown", "page('scroll_page', 1)", "Page down", show=False,
            id="autocomplete.page_down",
            tooltip="Scroll the page down"),
)  # fmt: skip
"""Bindings of the screen, which work wherever the focus is."""
BESIDE = 2
"""Cells to the right of the lines: a blank and the scrollbar, which a ScrollView paints over."""
BAR = "  ▏ "
"""In front of what a model wrote."""


class PageLine:
    """A sent line, or a continuation of it by a model."""

    def __init__(self, turn: Turn, continuation: Continuation | None = None) -> None:
        self.turn, self.continuation = turn, continuation
        self.plain_text = sanitize_lines(continuation.text if continuation else turn.line)
        self.day = "" if turn.sent is None else day_name(turn.sent)
        """The day on which the line was sent, "" for a line of a file."""


class Row(NamedTuple):
    """A row of the page: the index of its line, or -1 for a heading and a blank row; the component
    class of its style, or ""; what stands in it."""

    line: int
    style: str
    content: str | Content


BLANK = Row(-1, "", "")


class Page(ScrollView, can_focus=True):
    """Shows the lines, and lets the active model continue them. A click on a line edits it. Lines
    that fit in a row stand close; one that is wrapped has a blank row before and after.

    Only the rows in sight are painted: a text may have thousands of lines.
    """

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", id="page.up", tooltip="Go to the line above"),
        Binding("down", "move(1)", "down", id="page.down", tooltip="Go to the line below"),
        Binding("enter,e", "edit", "edit", id="page.edit", tooltip="Edit the line"),
        Binding("c", "copy", "copy", id="page.copy", tooltip="Copy the line"),
        Binding("u", "take", "use", id="page.take",
                tooltip="Insert the line; into the text being written"),
        Binding("d,delete", "remove", "remove", id="page.remove",
                tooltip="Remove what the model added; a line of yours goes if you empty it"),
        Binding("escape", "screen.move_pane", "back", id="page.leave",
                tooltip="Go back to the line being written"),
    ]  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {"day", "bar", "continued"}
    DEFAULT_CSS = """
    Page {
        height: 1fr; padding-left: 1; color: $foreground;
        scrollbar-size-vertical: 1; overflow-x: hidden;
        .day { color: $text-muted; text-style: bold; }
        .bar { color: $primary; }
        .continued { color: $text-muted; text-style: italic; }
        &:ansi { color: ansi_default; }
        &:ansi .day, &:ansi .bar, &:ansi .continued { color: ansi_default; }
    }
    """

    def __init__(self, text: OpenText, predictor: Predictor) -> None:
        super().__init__()
        self.text = text
        self.lines: list[PageLine] = []
        self._predictor = predictor
        self._matches = Matches()
        self._copies = CopyFinder(lambda: self.app.library)
        self._current: int | None = None
        """The index of the line that is marked: keys act on it, or it is being edited."""
        self._edited: Turn | None = None
        self.found: Turn | None = None
        """The turn with the current match, or the last one that was found."""
        self._rows: list[Row] = []
        self._starts: list[int] = []
        """The first row of each line, or that of the heading or blank row above it."""
        self._line_width = 0
        self._is_at_end = True
        """Whether the page stays at its end when its height changes."""

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    @property
    def allow_select(self) -> bool:
        return True

    # Rows

    def fill(self) -> None:
        """Shows the lines of the open text from its end."""
        self.lines = [
            PageLine(turn, continuation)
            for turn in self.text.turns
            for continuation in (None, *turn.continuations)
        ]
        self._lay_out(0)
        self._show_end()

    def _add(self, turn: Turn, continuation: Continuation | None = None) -> None:
        """Shows a new turn at the bottom, or a continuation below the lines of its turn, unless the
        text was closed in the meantime."""
        after = [place for place, line in enumerate(self.lines) if line.turn is turn][-1:]
        if continuation is not None and not after:
            return
        place = after[0] + 1 if after else len(self.lines)
        self.lines.insert(place, PageLine(turn, continuation))
        if self._current is not None and place <= self._current:
            self._current += 1
        self._lay_out(place)
        self._show_end()

    def _lay_out(self, first: int) -> None:
        """Puts the lines from index `first` on into rows. Takes 10 ms for 50,000 words."""
        self.can_focus = bool(self.lines)  # keys have no use on an empty page
        if self._current is not None and self._current >= len(self.lines):
            self._current = None
        if self._line_width:
            del self._rows[self._starts[first] if first < len(self._starts) else len(self._rows) :]
            del self._starts[first:]
            for place in range(first, len(self.lines)):
                self._add_rows(place)
            self.virtual_size = Size(self._line_width, len(self._rows))
            self._search()
        self.refresh()

    def _add_rows(self, place: int) -> None:
        line, above = self.lines[place], self.lines[place - 1] if place else None
        rows = self._contents_of(line)
        self._starts.append(len(self._rows))
        if line.continuation is not None:
            self._rows += [Row(place, "continued", row) for row in rows]
            return
        if line.day and line.day != (above and above.day):
            self._rows += [BLANK] * (above is not None)
            self._rows.append(Row(-1, "day", line.day))
        elif line.day and above is not None:  # a file has blank lines of its own
            rows_above = sum(row.line == place - 1 for row in self._rows[self._starts[-2] :])
            self._rows += [BLANK] * (len(rows) > 1 or rows_above > 1)
        self._rows += [Row(place, "", row) for row in rows]

    def _contents_of(self, line: PageLine) -> list[str] | list[Content]:
        """What stands in the rows of a line."""
        if (continuation := line.continuation) is None:
            return wrapped(shorten_line(line.plain_text), self._line_width)
        body = _with_copies(Content(line.plain_text), continuation.copied)
        return body.wrap(max(1, self._line_width - len(BAR)))

    def render_line(self, y: int) -> Strip:
        at, width = self.scroll_offset.y + y, self.size.width
        if at >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[at]
        content = Content(row.content) if isinstance(row.content, str) else row.content
        if row.style:
            content = content.stylize_before(self.get_visual_style(row.style))
        for place, is_current in self._matches.in_row(at):
            style = "reverse" if is_current else "bold underline"
            content = content.stylize(style, place.start, place.end)
        if row.style == "continued":
            content = Content.styled(BAR, self.get_visual_style("bar")) + content
        if row.line >= 0 and row.line == self._current:
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
        rows = (f"{BAR * (row.style == 'continued')}{row.content}" for row in self._rows)
        return selection.extract("\n".join(rows)).replace(BAR, ""), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_resize(self) -> None:
        """Wraps the lines to the width of the page, and stays at the end if it was there."""
        width = max(1, self.size.width - BESIDE)
        if width != self._line_width:
            self._line_width = width
            self._lay_out(0)
        if self._is_at_end:
            self._show_end()

    def _show_end(self) -> None:
        self._is_at_end = True
        self.scroll_end(animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.is_vertical_scroll_end:
            self._is_at_end = True
        elif new_value < old_value:
            self._is_at_end = False

    def _line_at(self, row: int) -> int | None:
        """The index of the line in a row, None if there is none."""
        index = self._rows[row].line if row < len(self._rows) else -1
        return index if index >= 0 else None

    # Finding

    def find(self, words: str) -> str:
        """Marks where words stand, and shows the first place from the last one found on, else from
        the top of what is in sight. Returns which of how many that is; "" marks nothing."""
        self._matches.words = words
        self._search()
        return self.find_next(0)

    def find_next(self, by: int) -> str:
        """Shows the next (1) or previous (-1) place. Returns which of how many that is."""
        self._matches.step(by)
        if places := self._matches.current:
            self.found = self.lines[self._rows[places[0].row].line].turn
            region = Region(0, places[0].row, 1, len(places))
            self.scroll_to_region(region, animate=False, force=True)
        self.refresh()
        return str(self._matches)

    def _search(self) -> None:
        current = self._matches.current
        from_row = current[0].row if current else int(self.scroll_offset.y)
        rows = (
            (row.line, row.content if isinstance(row.content, str) else row.content.plain)
            for row in self._rows
        )
        self._matches.search(rows, from_row)

    # Keys and clicks

    def on_click(self, event: events.Click) -> None:
        """Edits the line, unless the mouse has selected text."""
        index = self._line_at(int(self.scroll_offset.y) + event.y)
        if index is not None and not self.screen.get_selected_text():
            self.app.autocomplete.edit(self.lines[index].turn)

    def on_focus(self) -> None:
        """Marks the line that was found last, or else the last one."""
        found = self._place_of(self.found)
        last = len(self.lines) - 1 if self.lines else None
        self._mark(last if found is None else found)

    def on_blur(self) -> None:
        self._mark(self._place_of(self._edited))

    def _place_of(self, turn: Turn | None) -> int | None:
        """The index of the line of a turn."""
        return next((i for i, line in enumerate(self.lines) if line.turn is turn), None)

    def mark_edited(self, turn: Turn | None) -> None:
        """Marks the line that is being edited, and shows it; None marks no line."""
        if turn is not self._edited:
            self._edited = turn
            self._mark(self._place_of(turn))

    @property
    def current(self) -> PageLine | None:
        """The line that keys act on while the page has the focus."""
        return None if self._current is None else self.lines[self._current]

    def _mark(self, index: int | None) -> None:
        self._current = index
        self.refresh()
        if index is not None and self._rows:
            first = self._starts[index]
            end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._rows)
            self.scroll_to_region(Region(0, first, 1, end - first), animate=False, force=True)

    def action_move(self, by: int) -> None:
        if self._current is None:  # another text was opened
            self.on_focus()
        else:
            self._mark(max(0, min(self._current + by, len(self.lines) - 1)))

    def action_copy(self) -> None:
        if self.current is not None:
            self.copy(self.current)

    def action_take(self) -> None:
        if self.current is not None:
            self.app.autocomplete.write(self.current.plain_text)

    def action_edit(self) -> None:
        if self.current is not None:
            self.app.autocomplete.edit(self.current.turn)

    def action_remove(self) -> None:
        """Removes the marked continuation, and marks the line above it."""
        if (line := self.current) is None or self._current is None:
            return
        if line.continuation is None:
            self.app.notify_user("this line is yours: e edits it, and an empty line removes it")
            return
        self.text.remove_continuation(line.turn, line.continuation)
        place = self._current
        del self.lines[place]
        self._lay_out(place)
        self._mark(place - 1)
        self.app.notify_user("removed what the model added")

    def scroll_page(self, by: int) -> None:
        """Scrolls a page down (1) or up (-1). A row of it stays in sight."""
        y = by * max(1, self.size.height - 1)
        self.scroll_relative(y=y, animate=False, force=True, immediate=True)

    def on_key(self, event: events.Key) -> None:
        """Passes on letters that are not bound here: they belong to the text being written."""
        character = event.character
        is_bound = event.key in self.screen.active_bindings
        if character and character.isprintable() and not is_bound:
            event.stop()
            self.app.autocomplete.write(character)

    def copy(self, line: PageLine) -> None:
        """Copies a line. Not all terminals support that, so the toast names another way."""
        self.app.copy_to_clipboard(line.plain_text)
        start = shorten(" ".join(line.plain_text.split()), 30)
        self.app.notify_user(f"copied “{start}”. If pasting does not work, F5 saves the text")

    def copy_last(self) -> None:
        if self.lines:
            self.copy(self.lines[-1])
        else:
            self.app.notify_user("there is no line to copy yet")

    # The lines

    def send(self, line: str) -> None:
        """Adds a line of the user."""
        self._add(self.text.add_line(line))
        self.app.autocomplete.lines_changed()

    def change(self, turn: Turn, line: str) -> None:
        """Replaces the line of a turn; an empty line deletes the turn."""
        if turn not in self.text.turns:  # another text was opened in the meantime
            if line:
                self.send(line)
            return
        if line == lines_of(turn.line).strip():
            return
        self.text.change_line(turn, line)
        if not line:
            self.app.notify_user("removed the paragraph; ctrl+z brings it back to the editor")
        first = next(i for i, shown in enumerate(self.lines) if shown.turn is turn)
        new = [PageLine(turn)] if line else []
        self.lines[first:] = new + [shown for shown in self.lines[first:] if shown.turn is not turn]
        self._lay_out(first)
        self.app.autocomplete.lines_changed()

    def continue_last(self) -> None:
        """Lets the model continue the last line, even if it has a continuation."""
        if (loaded_model := self.app.loaded_model) is None:
            self.app.notify_user("no model can continue the line: F3 trains one", "warning")
        elif not self.text.turns:
            self.app.notify_user("add a line to the page first: Enter")
        else:
            # The lines above are read here: another text may be opened while the model works.
            turn = self.text.turns[-1]
            *above, last = (*self.text.previous_lines(turn), *turn.line.splitlines())
            self._continue(loaded_model, turn, tuple(above), last)

    @work(group="continuation")
    async def _continue(
        self, loaded_model: LoadedModel, turn: Turn, above: tuple[str, ...], line: str
    ) -> None:
        again = bool(turn.continuations)
        words, sampled = await self._predictor.continuation(loaded_model, line, above, again=again)
        if not words:
            self.app.notify_user(f"{loaded_model.name} has nothing to add to this line")
            return
        copied = await asyncio.to_thread(self._copies.copied, loaded_model, line, words)
        text = continued(loaded_model, line, words)
        continuation = Continuation(text, loaded_model.name, sampled, copied)
        self.text.add_continuation(turn, continuation)
        if self.app.is_running:
            self._add(turn, continuation)


def shorten_line(text: str) -> str:
    """Cuts a line too long to be edited."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _with_copies(body: Content, copied: tuple[Copied, ...]) -> Content:
    """Underlines the copied words of a line, and adds the numbers of the lines they come from."""
    words = list(re.finditer(r"[^ ]+", body.plain))
    spans = [s for s in copied if s.start >= 0 and 0 < s.length <= len(words) - s.start]
    for span in spans:
        last = words[span.start + span.length - 1]
        body = body.stylize("underline", words[span.start].start(), last.end())
    if not spans:
        return body
    numbers = dict.fromkeys(str(span.line_number) for span in spans)
    lines = "line" if len(numbers) == 1 else "lines"
    return body + Content.styled(f"  = {lines} {', '.join(numbers)} of its text", "dim not italic")
