"""The grey words after the cursor. No textual here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlm_tui.formatting import sanitize

if TYPE_CHECKING:
    from rnnlm_tui.suggest import Suggestion, Suggestions
    from rnnlm_tui.text.tokenizer import Written

THRESHOLD = 0.15
"""The ghost is shown if its first word is at least as likely, by default."""
TYPED_LETTERS = 2
TYPED_FACTOR = 0.6
"""From so many typed letters of a word on, so much of the threshold is enough."""


class Ghost:
    """The text that is shown in grey, in the pieces in which it may be accepted.

    As long as the typed text agrees with it, the rest stays until a newer answer replaces it.
    """

    def __init__(self) -> None:
        self._line = ""
        """The line up to the cursor with the whole ghost."""
        self._ends: list[tuple[int, bool]] = []
        """Where each piece ends in `_line`, and whether a space follows it in running text."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. A shorter line is
        another line."""

    def set(self, before: str, prefix: str, pieces: Sequence[Written | Suggestion]) -> None:
        """Puts a ghost after `before`, the line up to the cursor, which ends with the half-typed
        word `prefix`."""
        eats = bool(pieces) and pieces[0].eats_space and before.endswith(" ")
        self._line = before[:-1] if eats else before
        self._shortest = len(self._line) - len(prefix)
        self._ends = [(len(self._line), True)] if eats else []
        for piece in pieces:
            self._line += sanitize(piece.text)
            self._ends.append((len(self._line), piece.space_after))

    def clear(self) -> None:
        """Removes the ghost."""
        self.set("", "", ())

    def rest(self, before: str) -> tuple[str, bool]:
        """What of the ghost comes after `before`, and whether it takes the place of the space
        before the cursor, as a comma does; "" if the line does not agree with it."""
        here = len(before)
        if here >= self._shortest:
            if self._line.startswith(before):
                return self._line[here:], False
            is_after_piece = any(end == here - 1 for end, _ in self._ends)
            if is_after_piece and before[-1:] == " " and self._line.startswith(before[:-1]):
                return self._line[here - 1 :], True
        return "", False

    def take(self, before: str, *, whole: bool) -> Written:
        """The next piece that adds something to a line, or all that is left; there must be one."""
        from rnnlm_tui.text.tokenizer import Written  # numpy

        rest, eats_space = self.rest(before)
        start = len(self._line) - len(rest)
        ends = self._ends[-1:] if whole else self._ends
        end, space_after = next(e for e in ends if self._line[start : e[0]].strip())
        return Written(self._line[start:end], eats_space, space_after)


class Visibility:
    """Whether suggestions are shown: the ghost can be off, and until the next word everything may
    be hidden, or the ghost shown. Each method is given the text up to the cursor."""

    def __init__(self) -> None:
        self.ghost_on = True
        self.threshold = THRESHOLD
        self._word: int | None = None
        self._hides = False

    def hide(self, before: str) -> None:
        """Hides the ghost and the list until the next word."""
        self._word, self._hides = word_number(before), True

    def force(self, before: str) -> None:
        """Shows the ghost at this word, even if it is off, hidden or unlikely."""
        self._word, self._hides = word_number(before), False

    def reset(self) -> None:
        """Ends what was for one word."""
        self._word = None

    def toggle(self) -> None:
        """Switches the ghost off or on. The list stays."""
        self.ghost_on = not self.ghost_on
        if self.ghost_on or not self._hides:
            self.reset()

    def move_to(self, before: str, *, is_empty: bool) -> None:
        """The cursor has moved; `is_empty`: the whole text is."""
        if self._word is None:
            return
        if self._hides and is_empty:
            self._word = 1
        word = word_number(before)
        if word > self._word or (word < self._word and not self._hides):
            self.reset()

    def is_hidden(self, before: str) -> bool:
        """Whether the list is hidden too."""
        return self._hides and self._word is not None and word_number(before) <= self._word

    def is_forced(self, before: str) -> bool:
        return not self._hides and self._word is not None and self._word == word_number(before)

    def is_likely_enough(self, probability: float, prefix: str) -> bool:
        """Whether a ghost is shown whose first word has this probability, after typed letters."""
        factor = TYPED_FACTOR if len(prefix) >= TYPED_LETTERS else 1
        return probability >= self.threshold * factor


class Suggested:
    """What is suggested at the cursor: the words of the list, which of them is chosen, the ghost.

    `before` is the line up to the cursor, `written` the whole text up to it.
    """

    def __init__(self) -> None:
        self.candidates: tuple[Suggestion, ...] = ()
        self.choice: int | None = None
        """The number of the word that is chosen in the list, from 0."""
        self.visibility = Visibility()
        self._prefix = ""
        self._is_likely = False
        self._ghost = Ghost()
        self.clear_ghost, self.take = self._ghost.clear, self._ghost.take

    def show(self, found: Suggestions | None, before: str) -> None:
        """Takes what was found for the cursor, or nothing. A choice stays chosen."""
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
        """Chooses a word of the list, which is the ghost from now on; or none of them."""
        self.choice = choice
        if choice is not None:
            self._ghost.set(before, self._prefix, self.candidates[choice : choice + 1])

    def ghost(self, before: str, written: str) -> str:
        """The ghost that is shown at the end of a text."""
        forced = self.visibility.is_forced(written)
        if not forced and self.visibility.is_hidden(written):
            return ""
        if not forced and not self.visibility.ghost_on:
            return ""
        is_wanted = forced or self._is_likely or self.choice is not None
        return self._ghost.rest(before)[0] if is_wanted else ""


def word_number(before: str) -> int:
    """The number of the word at the end of a text, from 1; a new one begins after each space."""
    return len(before.split()) + (not before or before[-1].isspace())
