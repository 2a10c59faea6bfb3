"""The list of suggested words, each with its probability in percent and as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize

if TYPE_CHECKING:
    from rnnlm_tui.suggest import Suggestion, Suggestions

EIGHTHS = " ▏▎▍▌▋▊▉"
WIDEST_WORD = 22
WIDEST_BAR = 24
CHOSEN = Style(bold=True, reverse=True)
"""Not in the CSS: the styles of a widget's components leave "reverse" out."""


class CandidateList(Widget):
    """As many words as there is room for. A click on one picks it."""

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
        self._candidates: Sequence[Suggestion] = ()
        self._typed = 0
        self._choice: int | None = None
        self._note = ""

    def show(self, found: Suggestions | None, choice: int | None = None, note: str = "") -> None:
        """Shows the words that were found, or `note` if there are none. `choice` is the number of
        the one that is chosen."""
        candidates = found.candidates if found is not None else ()
        new = (candidates, len(found.prefix) if found is not None else 0, choice, note)
        if new != (self._candidates, self._typed, self._choice, self._note):
            self._candidates, self._typed, self._choice, self._note = new
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Picks the word."""
        if self._first + event.y < len(self._candidates):
            self.post_message(self.Picked(self._first + event.y))

    @property
    def _first(self) -> int:
        """The number of the word at the top: the chosen one is always in sight."""
        return max(0, (self._choice or 0) - self.size.height + 1)

    def render_line(self, y: int) -> Strip:
        """A mark, a digit while one is chosen, the word, the percent, the bar."""
        width = self.size.width
        number = self._first + y
        content = self._row(number, width) if number < len(self._candidates) else self._note_line(y)
        strip = Strip(content.render_segments(self.visual_style), content.cell_length)
        return strip.adjust_cell_length(width, self.rich_style)

    def _note_line(self, y: int) -> Content:
        if self._candidates or not self._note:
            return Content("")
        lines = Content(self._note).wrap(max(10, self.size.width - 2))
        style = self.get_visual_style("candidates--note")
        return Content(" ") + lines[y].stylize(style) if y < len(lines) else Content("")

    def _row(self, number: int, width: int) -> Content:
        found, chosen = self._candidates[number], number == self._choice
        longest = max(cell_len(spelled(c)) for c in self._candidates)
        word_width = min(longest, WIDEST_WORD, max(6, width - 16))
        typed = self.get_visual_style("candidates--typed")
        word = Content(spelled(found)).stylize(typed, 0, self._typed)
        word = word.truncate(word_width, ellipsis=True, pad=True)
        if chosen:
            word = word.stylize(CHOSEN)
        mark = "▸" if chosen or (self._choice is None and number == 0) else " "
        digit = f"{number + 1}" if self._choice is not None and number < 9 else " "
        percent_style = self.get_visual_style("candidates--percent")
        percent = (f" {in_percent(found.probability):>4} ", percent_style)
        room = min(WIDEST_BAR, width - word_width - 11)
        drawn = (bar(found.probability, room), self.get_visual_style("candidates--bar"))
        return Content.assemble(f" {mark}{digit} ", word, percent, drawn)


def spelled(found: Suggestion) -> str:
    """The word as it is shown, or as much of it as could ever be."""
    return sanitize(found.word[: 4 * WIDEST_WORD])


def in_percent(share: float) -> str:
    """A share in percent; "<1%" for one that would be rounded to nothing."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def bar(share: float, width: int) -> str:
    """A bar of `width` cells at a share of 1, in eighths of a cell."""
    eighths = round(max(0.0, min(share, 1.0)) * max(0, width) * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
