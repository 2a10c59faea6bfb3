"""The ranked words, each with its probability as a bar and in percent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize

EIGHTHS = " ▏▎▍▌▋▊▉"
WIDEST_WORD = 22
WIDEST_BAR = 24
CHOSEN = Style(bold=True, reverse=True)
"""Not in the CSS: the styles of a widget's components leave "reverse" out."""


@dataclass(frozen=True, slots=True)
class Row:
    """A word and its probability, 0 to 1."""

    word: str
    probability: float


class CandidateList(Widget):
    """As many rows as there is room for. A click on one picks it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "candidates--word",
        "candidates--typed",
        "candidates--percent",
        "candidates--bar",
        "candidates--note",
    }
    DEFAULT_CSS = """
    CandidateList {
        height: 5;
        .candidates--typed { text-style: bold underline; }
        .candidates--percent { color: $text-muted; }
        .candidates--bar { color: $text-accent; }
        .candidates--note { color: $text-muted; text-style: italic; }
        &:ansi .candidates--bar { color: ansi_default; }
    }
    """

    class Picked(Message):
        """A click on the row with this number, from 0."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()
        self._typed = 0
        self._choice: int | None = None
        self._note = ""

    def show(self, rows: tuple[Row, ...], typed: int, choice: int | None, note: str) -> None:
        """Shows `rows`, or `note` where there are none. Of each word `typed` letters stand in the
        line already; `choice` is the number of the row that is chosen."""
        new = (rows, typed, choice, note)
        if new != (self._rows, self._typed, self._choice, self._note):
            self._rows, self._typed, self._choice, self._note = new
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Picks the row."""
        if self._first + event.y < len(self._rows):
            self.post_message(self.Picked(self._first + event.y))

    @property
    def _first(self) -> int:
        """The row at the top: the chosen one is always in sight."""
        return max(0, (self._choice or 0) - self.size.height + 1)

    def render_line(self, y: int) -> Strip:
        """A row: its mark, its digit while one is chosen, the word, the percent, the bar."""
        width = self.size.width
        number = self._first + y
        content = self._row(number, width) if number < len(self._rows) else self._note_line(y)
        strip = Strip(content.render_segments(self.visual_style), content.cell_length)
        return strip.adjust_cell_length(width, self.rich_style)

    def _note_line(self, y: int) -> Content:
        if self._rows or not self._note:
            return Content("")
        lines = Content(self._note).wrap(max(10, self.size.width - 2))
        style = self.get_visual_style("candidates--note")
        return Content(" ") + lines[y].stylize(style) if y < len(lines) else Content("")

    def _row(self, number: int, width: int) -> Content:
        row, chosen = self._rows[number], number == self._choice
        longest = max(cell_len(spelled(r)) for r in self._rows)
        word_width = min(longest, WIDEST_WORD, max(6, width - 16))
        typed = self.get_visual_style("candidates--typed")
        word = Content(spelled(row)).stylize(typed, 0, self._typed)
        word = word.truncate(word_width, ellipsis=True, pad=True)
        if chosen:
            word = word.stylize(CHOSEN)
        mark = "▸" if chosen or (self._choice is None and number == 0) else " "
        digit = f"{number + 1}" if self._choice is not None and number < 9 else " "
        percent_style = self.get_visual_style("candidates--percent")
        percent = (f" {in_percent(row.probability):>4} ", percent_style)
        room = min(WIDEST_BAR, width - word_width - 11)
        drawn = (bar(row.probability, room), self.get_visual_style("candidates--bar"))
        return Content.assemble(f" {mark}{digit} ", word, percent, drawn)


def spelled(row: Row) -> str:
    """The word as it is shown, or as much of it as could ever be."""
    return sanitize(row.word[: 4 * WIDEST_WORD])


def in_percent(share: float) -> str:
    """A share for a person; what rounds to nothing, but is not, says so."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def bar(share: float, width: int) -> str:
    """A bar of `width` cells at a share of 1, in eighths of a cell."""
    eighths = round(max(0.0, min(share, 1.0)) * max(0, width) * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
