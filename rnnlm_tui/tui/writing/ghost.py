"""The ghost: the grey words after the cursor. Does not import textual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlm_tui.formatting import sanitize

if TYPE_CHECKING:
    from rnnlm_tui.suggest import Suggestion, Suggestions
    from rnnlm_tui.text.tokenizer import Insertion
    from rnnlm_tui.tui.preferences import Preferences

TYPED_LETTERS = 2
TYPED_FACTOR = 0.6
"""Once TYPED_LETTERS letters of a word are typed, the threshold is lowered by this factor."""


class Ghost:
    """The text shown in grey, divided into the pieces in which it is accepted.

    While the user types text that matches the ghost, the rest of it stays until a newer answer
    replaces it.
    """

    def __init__(self) -> None:
        self._line = ""
        """The line up to the cursor, followed by the whole ghost."""
        self._ends: list[tuple[int, bool]] = []
        """Where each piece ends in `_line`, and whether a space follows it in running text."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. The ghost does not
        apply to a shorter line."""

    def set(self, before: str, prefix: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the ghost after `before`, the line up to the cursor, which ends with the partly
        typed word `prefix`."""
        eats = bool(pieces) and pieces[0].eats_space and before.endswith(" ")
        self._line = before[:-1] if eats else before
        self._shortest = len(self._line) - len(prefix)
        self._ends = [(len(self._line), True)] if eats else []
        for piece in pieces:
            self._line += sanitize(piece.text)
            self._ends.append((len(self._line), piece.space_after))

    def clear(self) -> None:
        self.set("", "", ())

    def rest(self, before: str) -> tuple[str, bool]:
        """Returns the part of the ghost after `before`, and whether it replaces the space before
        the cursor, as a comma does; "" if the line does not match the ghost."""
        here = len(before)
        if here >= self._shortest:
            if self._line.startswith(before):
                return self._line[here:], False
            is_after_piece = any(end == here - 1 for end, _ in self._ends)
            if is_after_piece and before[-1:] == " " and self._line.startswith(before[:-1]):
                return self._line[here - 1 :], True
        return "", False

    def take(self, before: str, *, whole: bool) -> Insertion:
        """Returns the next piece that is not blank, or the whole rest. There must be one."""
        from rnnlm_tui.text.tokenizer import Insertion  # numpy

        rest, eats_space = self.rest(before)
        start = len(self._line) - len(rest)
        ends = self._ends[-1:] if whole else self._ends
        end, space_after = next(e for e in ends if self._line[start : e[0]].strip())
        return Insertion(self._line[start:end], eats_space, space_after)


class Visibility:
    """Decides whether suggestions are shown. The preferences can switch off the ghost, and until
    the next word everything can be hidden or the ghost forced. `before` is the text up to the
    cursor."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._word: int | None = None
        self._hides = False

    def hide(self, before: str) -> None:
        """Hides the ghost and the list until the next word."""
        self._word, self._hides = word_number(before), True

    def force(self, before: str) -> None:
        """Shows the ghost for this word, even if it is off, hidden or unlikely."""
        self._word, self._hides = word_number(before), False

    def reset(self) -> None:
        """Ends `hide` and `force`."""
        self._word = None

    def toggle(self) -> None:
        """Switches the ghost on or off. The list is not affected."""
        self._preferences.ghost ^= True
        if self._preferences.ghost or not self._hides:
            self.reset()

    def move_to(self, before: str, *, is_empty: bool) -> None:
        """Takes note of a cursor movement. `is_empty`: the whole text is empty."""
        if self._word is None:
            return
        if self._hides and is_empty:
            self._word = 1
        word = word_number(before)
        if word > self._word or (word < self._word and not self._hides):
            self.reset()

    def is_hidden(self, before: str) -> bool:
        """Returns whether the ghost and the list are hidden."""
        return self._hides and self._word is not None and word_number(before) <= self._word

    def shows_ghost(self, before: str, *, is_wanted: bool) -> bool:
        """Returns whether a ghost is shown; `is_wanted` says whether it is likely or chosen."""
        if not self._hides and self._word == word_number(before):
            return True
        return self._preferences.ghost and is_wanted and not self.is_hidden(before)

    def is_likely_enough(self, probability: float, prefix: str) -> bool:
        """Returns whether a ghost is shown whose first word, which begins with the typed `prefix`,
        has this probability."""
        factor = TYPED_FACTOR if len(prefix) >= TYPED_LETTERS else 1
        return probability >= self._preferences.ghost_from * factor


class Suggested:
    """The suggestions at the cursor: the words of the list, the chosen one, and the ghost.

    `before` is the line up to the cursor, `written` the whole text up to it.
    """

    def __init__(self, preferences: Preferences) -> None:
        self.candidates: tuple[Suggestion, ...] = ()
        self.choice: int | None = None
        """The index of the word chosen in the list."""
        self.visibility = Visibility(preferences)
        self._prefix = ""
        self._is_likely = False
        self._ghost = Ghost()
        self.clear_ghost, self.take = self._ghost.clear, self._ghost.take

    def show(self, found: Suggestions | None, before: str) -> None:
        """Sets the suggestions found for the cursor, or none. A choice is kept."""
        self.candidates = found.candidates if found else ()
        self._prefix = found.prefix if found else ""
        if self.candidates:
            likely = self.candidates[0].probability
            self._is_likely = self.visibility.is_likely_enough(likely, self._prefix)
        if self.choice is not None and self.candidates:
            self.choose(min(self.choice, len(self.candidates) - 1), before)
        else:
            self.choice = None
            self._ghost.set(before, self._prefix, found.ghost if found else ())

    def choose(self, choice: int | None, before: str) -> None:
        """Chooses a word of the list, which becomes the ghost, or none."""
        self.choice = choice
        if choice is not None:
            self._ghost.set(before, self._prefix, self.candidates[choice : choice + 1])

    def ghost(self, before: str, written: str) -> str:
        """Returns the ghost to show, or ""."""
        is_wanted = self._is_likely or self.choice is not None
        is_shown = self.visibility.shows_ghost(written, is_wanted=is_wanted)
        return self._ghost.rest(before)[0] if is_shown else ""


def word_number(before: str) -> int:
    """Returns the number of the last word of a text, from 1; each space starts a new word."""
    return len(before.split()) + (not before or before[-1].isspace())
