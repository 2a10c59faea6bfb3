"""The rows of the page: its lines, wrapped to a width, and above them the days of writing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from rnnlm_tui.formatting import day_and_time, day_name
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.text.reading import count_words
from rnnlm_tui.tui.writing.insertion import MAX_TEXT
from rnnlm_tui.tui.writing.open_text import shown_line

TAB = 4
"""The cells between two tab stops."""


class PageLine:
    """A turn as it was when the page was laid out."""

    def __init__(self, turn: Turn) -> None:
        self.turn, self.line = turn, turn.line
        self.plain_text = shown_line(turn)
        self.words = count_words(turn.line)
        self.day = "" if turn.sent is None else day_name(turn.sent)
        """The day on which the line was kept, or "" for a line of a file."""

    def is_of(self, turn: Turn) -> bool:
        """Returns whether this is the turn as it is now."""
        return (self.turn, self.line) == (turn, turn.line)


class Row(NamedTuple):
    """A row of the page. `line_index` is -1 for a heading, a blank row or a row of a hint. `style`
    is the component class of its style, or ""."""

    line_index: int
    style: str
    content: str | Content


BLANK = Row(-1, "", "")


class PageRows:
    """The rows of lines. A line that is wrapped has a blank row before it and after it. Lines that
    fit in a row have none between them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.width = 0
        """The cells of a row; 0 while they are unknown, when there are no rows."""
        self._starts: list[int] = []
        """For each line the index of its first row, which may be a heading or a blank row."""

    def lay_out(self, lines: Sequence[PageLine], first: int = 0) -> None:
        """Puts the lines from index `first` on into rows. Takes 10 ms for 50,000 words."""
        if not self.width:
            return
        start = self._starts[first] if first < len(self._starts) else len(self.rows)
        del self.rows[start:], self._starts[first:]
        if not first:
            self.rows = []  # they may be those of a hint
        for place in range(first, len(lines)):
            self._starts.append(len(self.rows))
            self._add_rows(place, lines[place], lines[place - 1] if place else None)

    def of_line(self, index: int) -> range:
        """Returns the indices of the rows of a line, with a heading or a blank row above it. Empty
        before it is laid out."""
        starts = [*self._starts, len(self.rows)]
        return range(starts[index], starts[index + 1]) if index < len(self._starts) else range(0)

    def _add_rows(self, place: int, line: PageLine, above: PageLine | None) -> None:
        """Adds the rows of a line with the index `place`. `above` is the line above it."""
        text = line.plain_text
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}…"  # the rest could not be edited
        rows_of_line = wrapped(text, self.width)
        sent = line.turn.sent
        if sent is not None and (above is None or line.day != above.day):
            if above is not None:
                self.rows.append(BLANK)
            heading = f"── {day_and_time(sent)} "
            self.rows.append(Row(-1, "day", heading.ljust(self.width, "─")))
        elif line.day and above is not None:  # a file has blank lines of its own
            # The line above is wrapped if both of the last rows are of it.
            is_above_wrapped = all(row.line_index == place - 1 for row in self.rows[-2:])
            if len(rows_of_line) > 1 or is_above_wrapped:
                self.rows.append(BLANK)
        self.rows += [Row(place, "", row) for row in rows_of_line]


def wrapped(text: str, width: int) -> list[str]:
    """Returns a text in rows of at most this width in cells. Takes 10 ms for 50,000 words. Textual
    takes a second for them."""
    rows = list[str]()
    for line in text.expandtabs(TAB).split("\n"):
        found = _wrapped_by_length(line, width)
        if not line.isascii() and any(cell_len(row) > width for row in found):
            found = [row.plain for row in Content(line).wrap(width)]
        rows += found
    return rows


def _wrapped_by_length(line: str, width: int) -> list[str]:
    """Returns the rows of a line in which each character takes one cell."""
    rows, start = list[str](), 0
    while len(line) - start > width:
        space = line.rfind(" ", start, start + width + 1)
        is_at_space = space > start
        end = space if is_at_space else start + width
        rows.append(line[start:end])
        start = end + 1 if is_at_space else end
    return [*rows, line[start:]]
