"""The rows of the page: its lines wrapped to a width, with the days on which they were sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from rnnlm_tui.formatting import day_name
from rnnlm_tui.session.tables import Continuation, Turn
from rnnlm_tui.text.reading import count_words
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.writing.spacing import MAX_TEXT

BAR = "  ▏ "
"""In front of what a model wrote."""
BY_MODEL = "the model, ctrl+r"
"""Beside what a model wrote."""
HINT_WIDTH = 72
TAB = 4


class PageLine:
    """A line that was kept, or a continuation of it by a model."""

    def __init__(self, turn: Turn, continuation: Continuation | None = None) -> None:
        self.turn, self.continuation, self.line = turn, continuation, turn.line
        self.plain_text = sanitize_lines(continuation.text if continuation else turn.line)
        self.words = 0 if continuation else count_words(turn.line)
        self.day = "" if turn.sent is None else day_name(turn.sent)
        """The day on which the line was sent, "" for a line of a file."""

    def is_of(self, turn: Turn, continuation: Continuation | None) -> bool:
        """Whether it shows this as it is now."""
        return (self.turn, self.continuation, self.line) == (turn, continuation, turn.line)


class Row(NamedTuple):
    """A row of the page: the index of its line, or -1 for a heading and a blank row; the component
    class of its style, or ""; what stands in it, and at its right end."""

    line: int
    style: str
    content: str | Content
    note: str = ""


BLANK = Row(-1, "", "")


class PageRows:
    """Lines in rows. Lines that fit in a row stand close; one that is wrapped has a blank row
    before and after. Above them is a `hint`, or nothing."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.width, self.hint = 0, ""
        """Before the width is known there are no rows."""
        self._starts: list[int] = []
        """The first row of each line, or that of the heading or blank row above it."""

    def lay_out(self, lines: Sequence[PageLine], first: int = 0) -> None:
        """Puts the lines from index `first` on into rows. Takes 10 ms for 50,000 words."""
        if not self.width:
            return
        del self.rows[self._starts[first] if first < len(self._starts) else len(self.rows) :]
        del self._starts[first:]
        if first == 0:
            hint = wrapped(self.hint, max(1, min(HINT_WIDTH, self.width - 1)))
            self.rows = [Row(-1, "hint", f" {row}") for row in hint if self.hint]
        for place in range(first, len(lines)):
            self._starts.append(len(self.rows))
            self._add_rows(place, lines[place], lines[place - 1] if place else None)

    def of_line(self, index: int) -> range:
        """The places of the rows of a line, with the heading or blank row above it; empty before it
        is laid out."""
        starts = (*self._starts[index : index + 2], len(self.rows))
        return range(*starts[:2]) if len(starts) > 1 else range(0)

    def _add_rows(self, place: int, line: PageLine, above: PageLine | None) -> None:
        if (continuation := line.continuation) is not None:
            rows, note = self._continued(continuation)
            self.rows += [Row(place, "continued", row) for row in rows]
            self.rows[-1] = self.rows[-1]._replace(note=note)
            return
        text = line.plain_text
        shown = text[:MAX_TEXT] + "…" * (len(text) > MAX_TEXT)  # the rest cannot be edited
        rows_of_line = wrapped(shown, self.width)
        if line.day and line.day != (above and above.day):
            self.rows += [BLANK] * (above is not None)
            self.rows.append(Row(-1, "day", line.day))
        elif line.day and above is not None:  # a file has blank lines of its own
            rows_above = sum(row.line == place - 1 for row in self.rows[self._starts[-2] :])
            self.rows += [BLANK] * (len(rows_of_line) > 1 or rows_above > 1)
        self.rows += [Row(place, "", row) for row in rows_of_line]

    def _continued(self, continuation: Continuation) -> tuple[list[Content], str]:
        """Returns the rows of what a model wrote, in which the words that it has copied are
        underlined, and the note at the end of the last one."""
        body = Content(sanitize_lines(continuation.text))
        words = list(re.finditer(r"[^ ]+", body.plain))
        copied = [s for s in continuation.copied if 0 <= s.start <= len(words) - s.length]
        for span in copied:
            last = words[span.start + span.length - 1]
            body = body.stylize("underline", words[span.start].start(), last.end())
        numbers = dict.fromkeys(str(span.line_number) for span in copied)
        lines = f"= {'line' if len(numbers) == 1 else 'lines'} {', '.join(numbers)} of its text"
        note = f"{lines} · {BY_MODEL}" if copied else BY_MODEL
        rows = body.wrap(max(1, self.width - len(BAR)))
        if len(BAR) + rows[-1].cell_length + 2 + len(note) > self.width:
            rows.append(Content(""))
        return rows, note


def wrapped(text: str, width: int) -> list[str]:
    """The rows of a text with this width in cells: for 50,000 words in 10 ms, where Textual takes a
    second."""
    rows = list[str]()
    for line in text.expandtabs(TAB).split("\n"):
        found = _wrapped_by_length(line, width)
        if not line.isascii() and any(cell_len(row) > width for row in found):
            found = [row.plain for row in Content(line).wrap(width)]
        rows += found
    return rows


def _wrapped_by_length(line: str, width: int) -> list[str]:
    """Wraps a line of characters that take one cell each."""
    rows, start = list[str](), 0
    while len(line) - start > width:
        space = line.rfind(" ", start, start + width + 1)
        end = space if space > start else start + width
        rows.append(line[start:end])
        start = end + (space > start)
    return [*rows, line[start:]]
