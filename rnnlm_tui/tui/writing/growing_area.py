"""A text area that grows with its text and wraps its suggestion with it."""

from __future__ import annotations

from textual._wrap import compute_wrap_offsets
from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widgets import TextArea

MAX_ROWS = 8
"""Rows up to which the area grows; then it scrolls."""


class GrowingArea(TextArea):
    """A text area of as many rows as its text and its suggestion need."""

    DEFAULT_CSS = """
    GrowingArea {
        & .text-area--suggestion { color: $text-muted; text-style: italic underline; }
        &:ansi .text-area--suggestion { color: ansi_default; text-style: italic underline dim; }
        &:ansi .text-area--cursor { color: ansi_default; text-style: reverse; }
        &:ansi .text-area--cursor { background: ansi_default; }
    }
    """
    _is_editing = False
    """True while `edit` runs, not during undo and redo."""

    def _refresh_size(self) -> None:
        """Wraps the suggestion with the text. A row that only the suggestion needed stays while the
        user writes; otherwise the screen would jump whenever one comes and goes."""
        wrap_last_line(self.wrapped_document, self.suggestion)
        rows, before = self.wrapped_document.height, self.virtual_size.height
        if rows == before - 1 and self.text:
            rows = before
        self.virtual_size = Size(0, rows)

    def _rewrap_and_refresh_virtual_size(self) -> None:
        super()._rewrap_and_refresh_virtual_size()
        self.virtual_size = Size(0, self.wrapped_document.height)
        self.refresh()  # so that it is painted at its new size at once

    def render_line(self, y: int) -> Strip:
        """Renders a line, cut to the width of the area: a grapheme that the cursor splits is wider
        in its parts."""
        return Strip([*super().render_line(y)]).adjust_cell_length(self.size.width)

    def watch_suggestion(self) -> None:
        if self.is_mounted and not self._is_editing:
            self._refresh_size()
            self.scroll_cursor_visible()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Scrolls so that the cursor and the suggestion are visible."""
        self._recompute_cursor_offset()  # type: ignore[no-untyped-call]
        x, y = self._cursor_offset
        rows = min(MAX_ROWS, self.wrapped_document.height - y) if self.suggestion else 1
        shown = Region(x, y, 1, rows)
        return self.scroll_to_region(shown, animate=False, force=True, center=center)

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


def wrap_last_line(wrapped: WrappedDocument, suggestion: str) -> None:
    """Wraps the last line of a document together with the suggestion after it."""
    last = wrapped.document.line_count - 1
    line = wrapped.document.get_line(last) + suggestion
    width, tab = wrapped._width, wrapped._tab_width
    breaks = compute_wrap_offsets(line, width, tab) if width else []
    first = wrapped._line_index_to_offsets[last][0]
    wrapped._wrap_offsets[last] = breaks
    wrapped._line_index_to_offsets[last] = [first + row for row in range(len(breaks) + 1)]
    wrapped._offset_to_line_info[first:] = [(last, row) for row in range(len(breaks) + 1)]
