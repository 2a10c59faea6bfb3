"""The list: the suggested words below the line being written, each with its probability."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from rnnlm_tui.formatting import SLIP_MARK, format_whole_percent, sanitize
from rnnlm_tui.suggesting.accepting import LISTED
from rnnlm_tui.text.letters import is_code

if TYPE_CHECKING:
    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions

UNKNOWN = "unknown: "
NARROWEST_PLACE = 15
"""The least cells for a word, its digit and its probability. A row of 80 cells has five."""
WIDEST_WORD = 22
"""The most cells of a word in a row with room."""
BEFORE_WORD = 3
"""Cells before a word, for the mark of the chosen one, a digit and a space."""
AFTER_WORD = 6
"""Cells after a word, for its probability."""
CHOSEN = Style(bold=True, reverse=True)
"""The style of the chosen word. It is not in the CSS, since Textual's component styles ignore
"reverse"."""


class Listing(NamedTuple):
    """What the list shows: the words, the typed `prefix` that they complete, the number of the
    chosen word or 0, and the `digits` that take a word now, alone or with alt."""

    words: Sequence[Suggestion] = ()
    prefix: str = ""
    choice: int = 0
    digits: str = ""


@dataclass
class WordClicked(Message):
    """The word of the list with this index was clicked."""

    index: int


class Candidates(Widget):
    """Shows five words in a row, or in two rows if they need more room, and a note. Shows the next
    five words when one of them is chosen."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("digit", "word", "correction", "typed", "percent", "note", "unknown")
    }
    DEFAULT_CSS = """
    Candidates {
        height: 2; padding: 0 1;
        .digit { color: $take; text-style: bold; }
        .word { color: $ghost; }
        .typed { color: $foreground; text-style: bold; }
        .unknown { color: $warn; text-style: underline; }
        .correction { color: $good; }
        .percent { color: $quiet; }
        .note { color: $quiet; text-style: italic; }
        &:ansi .correction, &:ansi .digit { color: ansi_default; }
        &:ansi .percent, &:ansi .note, &:ansi .unknown { color: ansi_default; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.listing = Listing()
        self._note = ""

    def show(self, listing: Listing, note: str) -> None:
        if (listing, note) != (self.listing, self._note):
            self.listing, self._note = listing, note
            self.refresh()

    @property
    def _first(self) -> int:
        """The index of the first word in view."""
        return max(0, self.listing.choice - 1) // LISTED * LISTED

    def on_click(self, event: events.Click) -> None:
        index = event.style.meta.get("word")
        if index is not None and event.chain == 1:  # a double click takes one word
            self.post_message(WordClicked(index))

    def render(self) -> Content:
        before, label, unknown = self._note.partition(UNKNOWN)
        note = Content.styled(f" {before}{label}", self.get_visual_style("note"))
        note += Content.styled(unknown, self.get_visual_style("unknown"))
        rows, width = self._rows(), self.size.width
        lines = [Content("").join(row) for row in rows]
        if len(lines) > 1:
            lines[-1] += note
        else:
            lines.append(note)
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)

    def _rows(self) -> list[list[Content]]:
        """Returns the words in view in one row, or in two if they need more room. Without words
        there is no row.

        Blanks after a word let the next one begin at a multiple of a fifth of the row, so that it
        stays where it is while others change. After a long word it begins later.
        """
        width, shown = self.size.width, self.listing.words[self._first :][:LISTED]
        column_width = max(NARROWEST_PLACE, width // LISTED)
        for widest in (WIDEST_WORD, width // 3 - BEFORE_WORD - AFTER_WORD):
            rows = list[list[Content]]()
            filled = width  # as in a full row, so that the first word begins one
            for index in range(self._first, self._first + len(shown)):
                item = self._item(index, max(1, widest))
                if item.cell_length > width - filled:
                    rows.append([])
                    filled = 0
                next_begin = min(column_width * (len(rows[-1]) + 1), width)
                item = item.pad_right(max(0, next_begin - filled - item.cell_length))
                rows[-1].append(item.stylize(Style.from_meta({"word": index})))
                filled += item.cell_length
            if len(rows) <= 2:
                break
        return rows

    def _item(self, index: int, widest: int) -> Content:
        """Returns a word, cut to `widest` cells, with its digit and its probability."""
        candidate, is_chosen = self.listing.words[index], index == self.listing.choice - 1
        style = self.get_visual_style("correction" if candidate.corrects else "word")
        word = Content.styled(spelled(candidate, self.listing.prefix), style)
        if not candidate.corrects:
            word = word.stylize(self.get_visual_style("typed"), 0, len(self.listing.prefix))
        word = word.truncate(widest, ellipsis=True)
        if is_chosen:
            word = word.stylize(CHOSEN)
        digit = f"{index + 1}" if f"{index + 1}" in self.listing.digits else " "
        share = f" {format_whole_percent(candidate.probability)} "
        return Content.assemble(
            "▸" if is_chosen else " ",
            (digit, self.get_visual_style("digit")),
            " ",
            word,
            (share, self.get_visual_style("percent")),
        )


def note_on_words(suggestions: Suggestions, told: Container[str] = ()) -> str:
    """Returns a note that no known word begins with the typed letters, or else one that names the
    unknown words of the line, without those that were `told` before; "" if there are none."""
    unknown = unknown_in(suggestions)
    if suggestions.prefix in unknown and not suggestions.candidates:
        return f"no known word begins with {sanitize(suggestions.prefix)}"
    new = [word for word in unknown if word not in told]
    return f"{UNKNOWN}{sanitize(', '.join(new))}" if new else ""


def unknown_in(suggestions: Suggestions) -> list[str]:
    """Returns the unknown words that may be slips. Leaves out words with a capital, which may be
    names, and numbers, times and addresses."""
    return [word for word in suggestions.unknown if word == word.lower() and not is_code(word)]


def spelled(candidate: Suggestion, prefix: str) -> str:
    """Returns a word of the list as it will stand in the line, with a mark before it if it corrects
    typed letters."""
    return (SLIP_MARK if candidate.corrects else "") + sanitize(candidate.in_line(prefix))
