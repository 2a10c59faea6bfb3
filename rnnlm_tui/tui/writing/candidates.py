"""The suggested words under the line, each with its share and a bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.accepting import LISTED
from rnnlm_tui.formatting import CORRECTS, bar, in_percent, sanitize
from rnnlm_tui.text.tokenizer import is_code

if TYPE_CHECKING:
    from rnnlm_tui.accepting import Suggestion
    from rnnlm_tui.suggest import Suggestions

WIDE = 100
"""Width in cells from which one row has room for all of them."""
UNKNOWN = "unknown: "
SHORTEST_BAR = 3
WIDEST_WORD = 22
WIDEST_BAR = 24
CHOSEN = Style(bold=True, reverse=True)
"""Not in the CSS: Textual's component styles ignore "reverse"."""


class Candidates(Widget):
    """Five words, in one row if the window is wide, otherwise in two, and a note behind them. Moves
    on to the next five if one of them is chosen. A click on a word picks it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "digit",
        "word",
        "correction",
        "typed",
        "percent",
        "bar",
        "note",
        "unknown",
    }
    DEFAULT_CSS = """
    Candidates {
        height: 2; padding: 0 1;
        .digit { color: $text-accent; text-style: bold; }
        .typed { text-style: bold; }
        .correction { color: $text-success; }
        .percent { color: $text-muted; }
        .bar { color: $primary; }
        .note { color: $text-muted; text-style: italic; }
        &:ansi .correction, &:ansi .digit, &:ansi .bar { color: ansi_default; }
        &:ansi .percent, &:ansi .note { color: ansi_default; }
    }
    """

    def __init__(self, pick: Callable[[int], None]) -> None:
        """`pick` is called with the index of the word that was clicked."""
        super().__init__()
        self._pick = pick
        self._words: Sequence[Suggestion] = ()
        self._prefix, self._choice, self._note, self._digits = "", 0, "", ""

    def show(self, suggestions: Suggestions | None, choice: int, note: str, digits: str) -> None:
        """Shows the words found, which of them is chosen (from 1; 0 for none), a note, and the
        `digits` that insert a word now, alone or with alt."""
        words, prefix = (suggestions.candidates, suggestions.prefix) if suggestions else ((), "")
        before = (self._words, self._prefix, self._choice, self._note, self._digits)
        if (words, prefix, choice, note, digits) != before:
            self._words, self._prefix = words, prefix
            self._choice, self._note, self._digits = choice, note, digits
            self.refresh()

    @property
    def _columns(self) -> int:
        return LISTED if self.size.width >= WIDE else -(-(LISTED + 1) // 2)

    @property
    def _first(self) -> int:
        return max(0, self._choice - 1) // LISTED * LISTED

    def on_click(self, event: events.Click) -> None:
        column = event.x // max(1, self.size.width // self._columns)
        place = event.y * self._columns + column
        index, is_again = self._first + place, event.chain > 1  # a double click takes one word
        if max(place, column) < LISTED and index < len(self._words) and not is_again:
            self._pick(index)

    def render(self) -> Content:
        before, label, unknown = self._note.partition(UNKNOWN)
        style = self.get_visual_style("note")
        note = Content.styled(f" {before}{label}", style)
        note += Content.styled(unknown, self.get_visual_style("unknown"))
        if not self._words:
            return note
        width = self.size.width // self._columns
        shown = range(self._first, min(len(self._words), self._first + LISTED))
        longest = max(cell_len(spelled(self._words[i], self._prefix)) for i in shown)
        cells = [self._word(i, width - 1, longest).truncate(width, pad=True) for i in shown]
        cells += [Content(" " * width)] * (LISTED - len(cells))
        cells.append(note if self._columns == LISTED else note.truncate(width, ellipsis=True))
        rows = (cells[at : at + self._columns] for at in range(0, len(cells), self._columns))
        return Content("\n").join(Content("").join(row) for row in rows)

    def _word(self, index: int, width: int, longest: int) -> Content:
        """A word with its digit, share and bar in `width` cells, aligned with others, the longest
        of which has so many."""
        word_width = min(longest, WIDEST_WORD, max(1, width - 8))
        candidate, is_chosen = self._words[index], index == self._choice - 1
        style = self.get_visual_style("correction" if candidate.corrects else "word")
        word = Content.styled(spelled(candidate, self._prefix), style)
        if not candidate.corrects:
            word = word.stylize(self.get_visual_style("typed"), 0, len(self._prefix))
        word = word.truncate(word_width, ellipsis=True, pad=True)
        if is_chosen:
            word = word.stylize(CHOSEN)
        digit = f"{index + 1}" if f"{index + 1}" in self._digits else " "
        room = min(WIDEST_BAR, width - word_width - 9)
        drawn = bar(candidate.probability, room) if room >= SHORTEST_BAR else ""
        return Content.assemble(
            "▸" if is_chosen else " ",
            (digit, self.get_visual_style("digit")),
            " ",
            word,
            (f" {in_percent(candidate.probability):>4}", self.get_visual_style("percent")),
            (f" {drawn}" if drawn else "", self.get_visual_style("bar")),
        )


def note_on(suggestions: Suggestions) -> str:
    """Says which words the model does not know, which may be slips; "" if there are none. Names,
    which have a capital, and numbers, times and addresses are no slips."""
    unknown = [w for w in suggestions.unknown if w == w.lower() and not is_code(w)]
    if suggestions.prefix in unknown and not suggestions.candidates:
        return f"no known word begins with {sanitize(suggestions.prefix)}"
    return f"{UNKNOWN}{sanitize(', '.join(unknown))}" if unknown else ""


def spelled(candidate: Suggestion, prefix: str) -> str:
    """Returns the word as it will be inserted, cut to what could ever be shown, with a mark before
    it if it corrects typed letters."""
    kept = prefix[: max(0, len(prefix) - candidate.replaces_before)]
    mark = CORRECTS if candidate.corrects else ""
    return mark + sanitize((kept + candidate.text).strip()[: 4 * WIDEST_WORD])
