"""A text area that grows with its text and wraps its suggestion with it."""

from __future__ import annotations

from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location

from rnnlm_tui.tui.widgets.textual_private import HookedTextArea, wrap_last_line


class GrowingArea(HookedTextArea):
    """A text area of as many rows as its text and its suggestion need."""

    DEFAULT_CSS = """
    GrowingArea {
        & .text-area--suggestion { color: $text-muted; text-style: italic; }
        &:ansi .text-area--suggestion { color: ansi_default; text-style: italic dim; }
        &:ansi .text-area--cursor { color: ansi_default; text-style: reverse; }
        &:ansi .text-area--cursor { background: ansi_default; }
    }
    """
    _is_editing = False
    """True while `edit` runs, not during undo and redo."""

    def fit(self, *, has_new_width: bool) -> None:
        """Wraps the suggestion with the text. A row that only the suggestion needed stays while the
        user writes; otherwise the screen would jump whenever one comes and goes."""
        wrap_last_line(self.wrapped_document, self.suggestion)
        rows, before = self.wrapped_document.height, self.virtual_size.height
        if rows == before - 1 and self.text and not has_new_width:
            rows = before
        self.virtual_size = Size(0, rows)
        if has_new_width:
            self.refresh()  # so that it is painted at its new size at once

    def render_line(self, y: int) -> Strip:
        """Renders a line, cut to the width of the area: a grapheme that the cursor splits is wider
        in its parts."""
        return Strip([*super().render_line(y)]).adjust_cell_length(self.size.width)

    def watch_suggestion(self) -> None:
        if self.is_mounted and not self._is_editing:
            self.fit(has_new_width=False)
            self.scroll_cursor_visible()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Scrolls so that the cursor and the suggestion are visible."""
        scrolled = super().scroll_cursor_visible(center, animate=False)
        if not self.suggestion:
            return scrolled
        x, y = self.wrapped_document.location_to_offset(self.cursor_location)
        rows = min(self.size.height or 1, self.wrapped_document.height - y)
        return scrolled + self.scroll_to_region(Region(x, y, 1, rows), animate=False, force=True)

    def edit(self, edit: Edit) -> EditResult:
        """Makes a change. Undo and redo do not come here."""
        self._is_editing = True
        result = super().edit(edit)
        self._is_editing = False
        self.scroll_cursor_visible()
        return result


def is_in_row_of(area: TextArea, location: Location) -> bool:
    """Returns whether the cursor is in the same row of the screen as a location."""
    offset_of = area.wrapped_document.location_to_offset
    return offset_of(area.cursor_location).y == offset_of(location).y
