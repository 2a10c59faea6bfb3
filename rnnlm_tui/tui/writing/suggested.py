"""The suggestions at the cursor: the words of the list, and the ghost, the words in italics after
the cursor."""

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


SECOND_KEY = " ⇧Tab"
"""The text after the second word of the list."""
BEFORE_SECOND = "   "
"""The gap between the ghost and that word."""


class GhostRows(NamedTuple):
    """The ghost as it is drawn: the character over the space before the cursor, the text after the
    cursor, the second word of the list after that, each of them "" if there is none, and the rows
    below."""

    over_space: str = ""
    text: str = ""
    second: str = ""
    below: tuple[str, ...] = ()


class Suggested:
    """The words of the list, the chosen one, and the ghost.

    The ghost consists of pieces, which Tab accepts one after the other. While the user types what
    the ghost says, the rest of it stays until the next answer, or, if ctrl+r has asked for it, as
    long as the text matches it. The user can switch the ghost off, and hide the suggestions or
    force the ghost for the word at the cursor.

    In the methods, `before` is the line up to the cursor, and `word` is where the word at the
    cursor begins.
    """

    def __init__(self, preferences: Preferences) -> None:
        self.candidates: tuple[Suggestion, ...] = ()
        """The words of the list."""
        self.choice = 0
        """The number of the word chosen in the list, or 0. It took as many presses of Down."""
        self.is_requested = False
        """True if ctrl+r has asked for the ghost."""
        self._prefix = ""
        """The letters typed of the word that the suggestions complete."""
        self._preferences = preferences
        self._word: Location | None = None
        """The word for which suggestions are hidden or the ghost is forced."""
        self._hides = False
        """True if suggestions are hidden for that word, false if the ghost is forced."""
        self._line = ""
        """The line up to the cursor and the whole ghost, as accepting the ghost would write it."""
        self._typed = ""
        """`_line`, but with letters that the user has typed as they were typed. Accepting the ghost
        may change some, such as a small letter to a capital."""
        self._ends: list[tuple[int, bool]] = []
        """Where each piece ends in `_line`, and whether a space follows it in running text."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. A line that is shorter
        does not have that word any more, and the ghost does not fit it."""
        self._second = ""
        """The line up to the cursor and the second word of the list, as accepting that word would
        write it."""
        self._second_from = 0
        """Where that word begins in `_second`."""
        self._second_after = ""
        """The line up to the cursor when that word was suggested. It may differ from the beginning
        of `_second`: accepting a mark removes a space."""

    def set_visible(self, word: Location, is_visible: bool) -> None:
        """Hides the ghost and the list for this word, or shows its ghost even if that is switched
        off or unlikely."""
        self._word, self._hides = word, not is_visible

    def show_as_usual(self) -> None:
        """Ends what `set_visible` did."""
        self._word = None

    def toggle_ghost(self) -> None:
        """Switches the ghost on or off, but not the list."""
        self._preferences.ghost = not self._preferences.ghost
        self.show_as_usual()

    def is_hidden(self, word: Location) -> bool:
        """Returns whether the ghost and the list are hidden."""
        return self._hides and word == self._word

    def show(self, suggestions: Suggestions | None, before: str) -> None:
        """Sets the suggestions at the cursor, or none. The chosen word stays chosen."""
        self.candidates = suggestions.candidates if suggestions else ()
        self._prefix = suggestions.prefix if suggestions else ""
        stays = self.is_requested and suggestions is not None and bool(self.pieces(before))
        if not stays and (not self.choice or not self.candidates):
            self.set_ghost(before, suggestions.ghost if suggestions else ())
        self.choose(self.choice, before)
        self._second = ""
        self._second_after = before
        if len(self.candidates) > 1 and not self.candidates[1].corrects:
            word = self.candidates[1]
            self._second = before[: len(before) - word.replaces_before] + sanitize(word.text)
            self._second_from = len(before) - max(len(self._prefix), word.replaces_before)

    def choose(self, choice: int, before: str) -> None:
        """Chooses the word of the list with this number, or none (0). The word becomes the ghost,
        unless it corrects typed letters."""
        self.choice = min(choice, len(self.candidates))
        if self.choice:
            chosen = self.candidates[self.choice - 1]
            self.set_ghost(before, [] if chosen.corrects else [chosen])

    def drop_chosen(self, before: str) -> None:
        """Removes the chosen word from the list, and chooses the next one. The next answer will not
        have it any more."""
        words, place = self.candidates, self.choice - 1
        self.candidates = words[:place] + words[place + 1 :]
        self.set_ghost(before, ())
        self.choose(self.choice, before)

    def request(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets a ghost that ctrl+r has asked for. It is shown even if the ghost is switched off,
        hidden or unlikely."""
        self.show_as_usual()
        self.choice = 0
        self.set_ghost(before, pieces)
        self.is_requested = True

    def set_ghost(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the pieces of the ghost after `before`."""
        self.is_requested = False
        prefix = self._prefix
        replaced = pieces[0].replaces_before if pieces else 0
        kept = len(before) - replaced
        self._line = before[:kept]
        self._shortest = min(kept, len(before) - len(prefix))
        # A first piece that replaces the space before the cursor: that space ends a piece, too.
        self._ends = [(kept, True)] if replaced and not prefix else []
        for piece in pieces:
            self._line += sanitize(piece.text)
            self._ends.append((len(self._line), piece.space_after))
        self._typed = self._line
        if prefix:
            # The first piece may write the typed letters in another way, and so in another length.
            written = begin_of(self._line[kept:], before[kept:]) if replaced else ""
            self._typed = before + self._line[kept + len(written) :]

    def ghost(self, before: str, word: Location) -> tuple[str, bool]:
        """Returns the part of the ghost to show after `before`, or "", and whether it replaces the
        space before the cursor, as a comma does. If accepting the ghost changes typed letters, they
        stay as they are until then."""
        first = self.candidates[0] if self.candidates else None
        is_likely = first is not None and is_ghost_likely(first.probability, self._prefix)
        is_wanted = self._preferences.ghost and (is_likely or self.choice)
        is_forced = self.is_requested or (word == self._word and not self._hides)
        if not is_forced and (not is_wanted or self.is_hidden(word)):
            return "", False
        _, drawn_from = self._places(before)
        is_shorter = drawn_from < min(len(before), len(self._line))
        return self._line[drawn_from:], is_shorter and not self._typed.startswith(before)

    def second(self, before: str) -> str:
        """Returns the second word of the list, to show after the ghost, or "". It stays while the
        user types its letters."""
        fits = len(before) >= self._second_from and self._second.startswith(before)
        is_shown = fits or before == self._second_after
        if not is_shown or self.choice or self.is_requested:
            return ""
        return self._second[self._second_from :].strip()

    def pieces(self, before: str) -> list[Insertion]:
        """Returns the pieces of the ghost that are left after `before`."""
        start, _ = self._places(before)
        left = [(end, space_after) for end, space_after in self._ends if end > start]
        spans = pairwise((start, *(end for end, _ in left)))
        return [
            Insertion(self._line[begin:end], len(before) - start if begin == start else 0, after)
            for (begin, end), (_, after) in zip(spans, left, strict=True)
        ]

    def _places(self, before: str) -> tuple[int, int]:
        """Returns two indices in `_line`: from which on accepting inserts it after `before`, and
        from which on the ghost is drawn. The first one is smaller if accepting changes letters
        before the cursor. Both are the length of `_line` if `before` does not match it."""
        length = len(before)
        if length >= self._shortest:
            if self._line.startswith(before):
                return length, length
            if self._typed.startswith(before):
                drawn_from = length + len(self._line) - len(self._typed)
                is_in_first = drawn_from <= self._ends[0][0]
                return same_start(self._line, before) if is_in_first else drawn_from, drawn_from
            # The user has typed a space after a piece, and the next piece replaces it.
            is_after_piece = any(end == length - 1 for end, _ in self._ends)
            lines = (self._line[: length - 1], self._typed[: length - 1])
            if is_after_piece and before[-1:] == " " and before[:-1] in lines:
                return length - 1, length - 1
        return len(self._line), len(self._line)


def fit_ghost(
    shown: tuple[str, bool], second: str, before: str, column: int, width: int, rows: int
) -> GhostRows:
    """Cuts a ghost to the row of the cursor, of `width` cells, or wraps it into at most `rows` rows
    below. Leaves out the `second` word if there is no room for it and a word of the ghost.

    `shown` is the ghost, and whether it replaces the space before the cursor. `before` is the line
    up to the cursor, which is in this `column`.
    """
    ghost, over_space = shown
    below = list[str]()
    if ghost and rows:
        filler = "x" * (column - over_space)  # stands for the text before the ghost
        if before.endswith(" ") and not over_space:
            filler = f"{filler[:-1]} "[: len(filler)]  # so that the ghost may begin in the next row
        first, *below = wrapped(filler + ghost, max(1, width))
        ghost = first[len(filler) :]
        if len(below) > rows:
            below[rows - 1 :] = [shorten(" ".join(below[rows - 1 :]), width)]
    room = max(1, width - column + over_space)
    left = room - cell_len(f"{BEFORE_SECOND}{second}{SECOND_KEY}")
    first_word = len(ghost) - len(ghost.lstrip()) + len(next(iter(ghost.split()), ""))
    if not ghost or not second or left < min(len(ghost), first_word + 1):
        second = ""
        left = room
    ghost = shorten(ghost, left)
    covered = 1 if over_space else 0
    return GhostRows(ghost[:covered], ghost[covered:], second, tuple(below))
