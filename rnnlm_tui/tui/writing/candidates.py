"""The list of suggested words, each with its probability in percent and as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
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
    COMPONENT_CLASSES: ClassVar[set[str]] = {"typed", "percent", "bar", "note"}
    DEFAULT_CSS = """
    CandidateList {
        height: 5;
        .typed { text-style: bold underline; }
        .percent { color: $text-muted; }
        .bar { color: $text-accent; }
        .note { color: $text-muted; text-style: italic; }
        &:ansi .bar { color: ansi_default; }
    }
    """

    @dataclass
    class Picked(Message):
        """A click on the word with this number, from 0."""

        index: int

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
        if self._first + event.y < len(self._candidates):
            self.post_message(self.Picked(self._first + event.y))

    @property
    def _first(self) -> int:
        """The number of the word at the top: the chosen one is always in sight."""
        return max(0, (self._choice or 0) - self.size.height + 1)

    def render(self) -> Content:
        """A row has a mark, a digit while a word is chosen, the word, the percent, the bar."""
        if not self._candidates:
            return Content.assemble(" ", (self._note, self.get_visual_style("note")))
        shown = range(self._first, min(len(self._candidates), self._first + self.size.height))
        return Content("\n").join(self._row(number) for number in shown)

    def _row(self, number: int) -> Content:
        found, width = self._candidates[number], self.size.width
        longest = max(cell_len(spelled(c)) for c in self._candidates)
        word_width = min(longest, WIDEST_WORD, max(6, width - 16))
        word = Content(spelled(found)).stylize(self.get_visual_style("typed"), 0, self._typed)
        word = word.truncate(word_width, ellipsis=True, pad=True)
        if number == self._choice:
            word = word.stylize(CHOSEN)
        mark = "▸" if number == (self._choice or 0) else " "
        digit = f"{number + 1}" if self._choice is not None and number < 9 else " "
        percent = f" {in_percent(found.probability):>4} "
        drawn = bar(found.probability, min(WIDEST_BAR, width - word_width - 11))
        return Content.assemble(
            f" {mark}{digit} ",
            word,
            (percent, self.get_visual_style("percent")),
            (drawn, self.get_visual_style("bar")),
        )


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
