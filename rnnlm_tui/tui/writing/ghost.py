"""The suggestions at the cursor: the words of the list, and the ghost, which is the words in
italics after the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from rnnlm_tui.formatting import same_start, sanitize, shorten
from rnnlm_tui.suggesting.accepting import is_ghost_likely
from rnnlm_tui.text.letters import begin_of
from rnnlm_tui.text.tokenizer import Insertion
from rnnlm_tui.tui.writing.page_rows import wrapped

if TYPE_CHECKING:
    from textual.widgets.text_area import Location

    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions
    from rnnlm_tui.tui.preferences import Preferences


SECOND_KEY, BEFORE_SECOND = " ⇧Tab", "   "
"""The text behind the second word, and the gap between the ghost and that word."""


class GhostRows(NamedTuple):
    """The ghost as it is drawn: the character over the space before the cursor, or ""; what follows
    the cursor in its row; the second word of the list behind that, or ""; and the rows below."""

    over_space: str = ""
    text: str = ""
    second: str = ""
    below: tuple[str, ...] = ()


class Suggested:
    """The words of the list, the chosen one, and the ghost, divided into the pieces in which it is
    accepted. While the user types text that matches the ghost, the rest of it stays until a newer
    answer replaces it; a ghost that was asked for stays as long as the text matches it.

    The preferences can switch off the ghost, and for the word at the cursor everything can be
    hidden or the ghost forced. `before` is the line up to the cursor, `word` where the word at the
    cursor begins.
    """

    def __init__(self, preferences: Preferences) -> None:
        self.candidates: tuple[Suggestion, ...] = ()
        """The words of the list."""
        self.choice = 0
        """The number of the word chosen in the list, which took as many presses of Down; 0 for
        none."""
        self.is_requested = False
        """Whether the ghost is one that was asked for."""
        self._prefix = ""
        self._preferences = preferences
        self._word: Location | None = None
        """The word at which everything is hidden or the ghost forced."""
        self._hides = False
        self._line = ""
        """The line up to the cursor and the whole ghost, as accepting it would write them."""
        self._typed = ""
        """`_line` with the letters as they were typed. The ghost may write some in another way."""
        self._ends: list[tuple[int, bool]] = []
        """Where each piece ends in `_line`, and whether a space follows it in running text."""
        self._second, self._second_from = "", 0
        """The line up to the cursor with the second word of the list, as accepting that would write
        them, and where the word begins."""
        self._second_after = ""
        """The line up to the cursor for which the second word was suggested. The word may write the
        end of that in another way: a mark replaces a space."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. The ghost does not
        apply to a shorter line."""

    def set_visible(self, word: Location, is_visible: bool) -> None:
        """Hides the ghost and the list at this word, or shows the ghost even if it is off, hidden
        or unlikely."""
        self._word, self._hides = word, not is_visible

    def show_as_usual(self) -> None:
        """Ends what `set_visible` did."""
        self._word = None

    def toggle_ghost(self) -> None:
        """Switches the ghost on or off. The list is not affected."""
        self._preferences.ghost ^= True
        self.show_as_usual()

    def is_hidden(self, word: Location) -> bool:
        """Returns whether the ghost and the list are hidden."""
        return self._hides and word == self._word

    def show(self, suggestions: Suggestions | None, before: str) -> None:
        """Sets the suggestions for the cursor, or none. A choice is kept."""
        self.candidates = suggestions.candidates if suggestions else ()
        self._prefix = suggestions.prefix if suggestions else ""
        stays = self.is_requested and suggestions is not None and bool(self.pieces(before))
        if not stays and (not self.choice or not self.candidates):
            self.set_ghost(before, suggestions.ghost if suggestions else ())
        self.choose(self.choice, before)
        self._second, self._second_after = "", before
        if len(self.candidates) > 1 and not self.candidates[1].corrects:
            word = self.candidates[1]
            self._second = before[: len(before) - word.replaces_before] + sanitize(word.text)
            self._second_from = len(before) - max(len(self._prefix), word.replaces_before)

    def choose(self, choice: int, before: str) -> None:
        """Chooses a word of the list, or none (0). It becomes the ghost, unless it corrects typed
        letters."""
        self.choice = min(choice, len(self.candidates))
        if self.choice:
            chosen = self.candidates[self.choice - 1]
            self.set_ghost(before, [] if chosen.corrects else [chosen])

    def drop_chosen(self, before: str) -> None:
        """Drops the chosen word before an answer comes without it, and chooses the next one."""
        words, place = self.candidates, self.choice - 1
        self.candidates = words[:place] + words[place + 1 :]
        self.set_ghost(before, ())
        self.choose(self.choice, before)

    def request(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the ghost that was asked for. It is shown even if the ghost is off, hidden or
        unlikely."""
        self.show_as_usual()
        self.choice = 0
        self.set_ghost(before, pieces)
        self.is_requested = True

    def set_ghost(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the ghost after `before`."""
        self.is_requested = False
        prefix, replaced = self._prefix, pieces[0].replaces_before if pieces else 0
        self._line = before[: len(before) - replaced]
        self._shortest = min(len(self._line), len(before) - len(prefix))
        self._ends = [(len(self._line), True)] if replaced and not prefix else []
        for piece in pieces:
            self._line += sanitize(piece.text)
            self._ends.append((len(self._line), piece.space_after))
        drawn = len(before)
        if prefix and replaced:
            drawn = len(before) - replaced
            drawn += len(begin_of(self._line[drawn:], before[drawn:]))
        self._typed = before + self._line[drawn:] if prefix else self._line

    def ghost(self, before: str, word: Location) -> tuple[str, bool]:
        """Returns the part of the ghost after `before` that is to be shown, or "", and whether it
        replaces the space before the cursor, as a comma does. Typed letters that it would write in
        another way stay as they are until it is accepted."""
        first = self.candidates[0] if self.candidates else None
        is_likely = first is not None and is_ghost_likely(first.probability, self._prefix)
        is_wanted = self._preferences.ghost and (is_likely or self.choice)
        is_forced = self.is_requested or (word == self._word and not self._hides)
        if not is_forced and (not is_wanted or self.is_hidden(word)):
            return "", False
        drawn = self._places(before)[1]
        is_shorter = drawn < min(len(before), len(self._line))
        return self._line[drawn:], is_shorter and not self._typed.startswith(before)

    def second(self, before: str) -> str:
        """Returns the second word of the list, which stands behind a ghost, or "". It stays as long
        as the letters typed fit it."""
        fits = len(before) >= self._second_from and self._second.startswith(before)
        is_of_word = fits or before == self._second_after
        is_free = is_of_word and not self.choice and not self.is_requested
        return self._second[self._second_from :].strip() if is_free else ""

    def pieces(self, before: str) -> list[Insertion]:
        """Returns the pieces of the part of the ghost after `before`."""
        start = self._places(before)[0]
        left = [(end, space_after) for end, space_after in self._ends if end > start]
        ends = pairwise((start, *(end for end, _ in left)))
        return [
            Insertion(self._line[begin:end], len(before) - start if begin == start else 0, after)
            for (begin, end), (_, after) in zip(ends, left, strict=True)
        ]

    def _places(self, before: str) -> tuple[int, int]:
        """Returns the index in `_line` of the text that accepting inserts, and of the ghost as it
        is drawn. Both are the length of `_line` if `before` does not match it."""
        here = len(before)
        if here >= self._shortest:
            if self._line.startswith(before):
                return here, here
            if self._typed.startswith(before):
                drawn = here + len(self._line) - len(self._typed)
                is_first = drawn <= self._ends[0][0]
                return same_start(self._line, before) if is_first else drawn, drawn
            is_after_piece = any(end == here - 1 for end, _ in self._ends)
            lines = (self._line[: here - 1], self._typed[: here - 1])
            if is_after_piece and before[-1:] == " " and before[:-1] in lines:
                return here - 1, here - 1
        return len(self._line), len(self._line)


def fit_ghost(
    shown: tuple[str, bool], second: str, before: str, column: int, width: int, rows: int
) -> GhostRows:
    """Trims a ghost to the row of the cursor, of `width` cells, or wraps it into at most `rows`
    more. `shown` is the ghost, and whether it replaces the space before the cursor; `before` is the
    line up to the cursor, which is in this `column`."""
    ghost, over_space = shown
    below = list[str]()
    if ghost and rows:
        filler = "x" * (column - over_space)
        if before.endswith(" ") and not over_space:
            filler = f"{filler[:-1]} "[: len(filler)]  # its first word may be in the next row
        first, *below = wrapped(filler + ghost, max(1, width))
        ghost = first[len(filler) :]
        if len(below) > rows:
            below[rows - 1 :] = [shorten(" ".join(below[rows - 1 :]), width)]
    room = max(1, width - column + over_space)
    left = room - cell_len(f"{BEFORE_SECOND}{second}{SECOND_KEY}")
    first_word = len(ghost) - len(ghost.lstrip()) + len(next(iter(ghost.split()), ""))
    if not ghost or not second or left < min(len(ghost), first_word + 1):
        second, left = "", room
    ghost, covered = shorten(ghost, left), int(over_space)
    return GhostRows(ghost[:covered], ghost[covered:], second, tuple(below))
