"""The suggested words, each with its probability as a percentage and a bar.

`WordsPane` shows the best five in rows under the line, `CandidateList` a longer list. A digit
stands before a word while it inserts that word, alone or with alt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from rnnlm_tui.accepting import LISTED
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.bars import bar, in_percent

if TYPE_CHECKING:
    from rnnlm_tui.accepting import Suggestion
    from rnnlm_tui.suggest import Suggestions

WIDE = 100
"""Width in cells at which one row has room for all of them, with bars and a note."""
SHORTEST_BAR = 3
WIDEST_WORD = 22
WIDEST_BAR = 24
CHOSEN = Style(bold=True, reverse=True)
"""Not in the CSS: Textual's component styles ignore "reverse"."""


class Shown(NamedTuple):
    """What a list shows: the `words`, which begin with the typed `prefix`, the index of the chosen
    one, a `note`, and the `digits` that insert a word now."""

    words: Sequence[Suggestion] = ()
    prefix: str = ""
    choice: int | None = None
    note: str = ""
    digits: str = ""


class Candidates(Widget):
    """Base class of widgets that show suggested words. A click on a word picks it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"digit", "typed", "percent", "bar", "note"}
    DEFAULT_CSS = """
    Candidates {
        .digit { color: $text-accent; text-style: bold; }
        .typed { text-style: bold; }
        .percent { color: $text-muted; }
        .bar { color: $primary; }
        .note { color: $text-muted; text-style: italic; }
        &:ansi .digit, &:ansi .bar, &:ansi .percent, &:ansi .note { color: ansi_default; }
    }
    """

    @dataclass
    class Picked(Message):
        """The word with this index was clicked."""

        index: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown = Shown()

    def show(
        self,
        suggestions: Suggestions | None,
        choice: int | None = None,
        note: str = "",
        digits: str = "",
    ) -> None:
        """Shows the words found, or `note` if there are none. `BestWords` shows it after the words
        too."""
        words, prefix = (suggestions.candidates, suggestions.prefix) if suggestions else ((), "")
        new = Shown(words, prefix, choice, note, digits)
        if new != self.shown:
            self.shown = new
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = self.index_at(event.x, event.y)
        is_again = event.chain > 1  # a double click takes one word, not the next one too
        if index is not None and index < len(self.shown.words) and not is_again:
            self.post_message(self.Picked(index))

    def index_at(self, x: int, y: int) -> int | None:
        """Returns the index of the word in this cell; it may be past the last word."""
        raise NotImplementedError

    def note(self) -> Content:
        return Content.styled(self.shown.note, self.get_visual_style("note"))

    def word(self, index: int, width: int, shown: range) -> Content:
        """Returns a word with its digit, percentage and bar in `width` cells, aligned with the
        words of the range `shown`."""
        candidates, prefix, choice, _, digits = self.shown
        longest = max(cell_len(spelled(candidates[i], prefix)) for i in shown)
        word_width = min(longest, WIDEST_WORD, max(1, width - 8))
        candidate = candidates[index]
        word = Content(spelled(candidate, prefix))
        word = word.stylize(self.get_visual_style("typed"), 0, len(prefix))
        word = word.truncate(word_width, ellipsis=True, pad=True)
        if index == choice:
            word = word.stylize(CHOSEN)
        digit = f"{index + 1}" if f"{index + 1}" in digits else " "
        room = min(WIDEST_BAR, width - word_width - 9)
        drawn = bar(candidate.probability, room) if room >= SHORTEST_BAR else ""
        return Content.assemble(
            "▸" if index == choice else " ",
            (digit, self.get_visual_style("digit")),
            " ",
            word,
            (f" {in_percent(candidate.probability):>4}", self.get_visual_style("percent")),
            (f" {drawn}" if drawn else "", self.get_visual_style("bar")),
        )


class BestWords(Candidates):
    """The best five words, in one row if the window is wide or very narrow, otherwise in two. Moves
    on to the next five if one of them is chosen."""

    DEFAULT_CSS = """
    BestWords { height: 2; padding: 0 1; }
    """

    @property
    def _columns(self) -> int:
        if self.size.height == 1 and self.size.width < WIDE:
            return max(1, self.size.width // 14)
        return -(-(LISTED + bool(self.shown.note)) // self.size.height)

    @property
    def room(self) -> int:
        """The number of words that there is room for; all before the first layout."""
        return min(LISTED, self._columns * self.size.height) if self.size.height else LISTED

    @property
    def _first(self) -> int:
        return (self.shown.choice or 0) // self.room * self.room

    def index_at(self, x: int, y: int) -> int | None:
        column = x // max(1, self.size.width // self._columns)
        index = y * self._columns + column
        return self._first + index if index < LISTED and column < self._columns else None

    def render(self) -> Content:
        candidates, note = self.shown.words, self.shown.note
        if not candidates:
            return self.note().pad_left(1)
        width, columns, first = self.size.width // self._columns, self._columns, self._first
        shown = range(first, min(len(candidates), first + self.room))
        cells = [self.word(i, width - 1, shown).truncate(width, pad=True) for i in shown]
        if note and len(cells) == LISTED < columns * self.size.height:
            cells.append(self.note().pad_left(1).truncate(width, ellipsis=True))
        rows = (cells[at : at + columns] for at in range(0, len(cells), columns))
        return Content("\n").join(Content("").join(row) for row in rows)


class CandidateList(Candidates):
    """All words, one per row."""

    DEFAULT_CSS = """
    CandidateList { height: 10; } /* as many as are asked for */
    """

    def index_at(self, x: int, y: int) -> int | None:
        return y

    def render(self) -> Content:
        if not self.shown.words:
            return self.note()
        shown = range(len(self.shown.words))
        return Content("\n").join(self.word(i, self.size.width, shown) for i in shown)


class FixedText(Static):
    """A Static that repaints only itself when its text changes. Its CSS must fix its size.

    A Static lays out the whole screen again, which takes 3 ms per key press.
    """

    def __init__(self, id: str) -> None:
        super().__init__("", id=id, markup=False)

    def show(self, text: str) -> None:
        if text != self.content:
            self.update(text, layout=False)


def note_on(suggestions: Suggestions) -> str:
    """Says what the model does not know; "" if there is nothing to say."""
    if suggestions.prefix and not suggestions.candidates:
        return f"no known word begins with {sanitize(suggestions.prefix)}"
    return f"unknown: {sanitize(', '.join(suggestions.unknown))}" if suggestions.unknown else ""


def spelled(candidate: Suggestion, prefix: str) -> str:
    """Returns the word as it will be inserted, cut to what could ever be shown."""
    kept = prefix[: max(0, len(prefix) - candidate.replaces_before)]
    return sanitize((kept + candidate.text).strip()[: 4 * WIDEST_WORD])
