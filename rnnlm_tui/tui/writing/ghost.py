"""What is suggested at the cursor: the words of the list, and the ghost, the grey words after the
cursor. Does not import textual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rnnlm_tui.accepting import (
    DIGITS,
    WITH_ALT,
    Accept,
    accepting_digits,
    is_ghost_likely,
    is_of_letters,
    ways_to_accept,
)
from rnnlm_tui.formatting import same_start, sanitize
from rnnlm_tui.text.tokenizer import Insertion

if TYPE_CHECKING:
    from textual.widgets.text_area import Location

    from rnnlm_tui.accepting import Suggestion
    from rnnlm_tui.suggest import Suggestions
    from rnnlm_tui.tui.preferences import Preferences


class Ghost:
    """The text shown in grey, divided into the pieces in which it is accepted.

    While the user types text that matches the ghost, the rest of it stays until a newer answer
    replaces it.
    """

    def __init__(self) -> None:
        self._line = ""
        """The line up to the cursor as accepting the ghost would write it, and the whole ghost."""
        self._typed = ""
        """The same with the letters that were typed, of which the ghost may write some in another
        way."""
        self._ends: list[tuple[int, bool]] = []
        """Where each piece ends in `_line`, and whether a space follows it in running text."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. The ghost does not
        apply to a shorter line."""

    def set(self, before: str, prefix: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the ghost after `before`, the line up to the cursor, which ends with the partly
        typed word `prefix`."""
        replaced = pieces[0].replaces_before if pieces else 0
        self._line = before[: len(before) - replaced]
        self._shortest = min(len(self._line), len(before) - len(prefix))
        self._ends = [(len(self._line), True)] if replaced and not prefix else []
        for piece in pieces:
            self._line += sanitize(piece.text)
            self._ends.append((len(self._line), piece.space_after))
        self._typed = before + self._line[len(before) :] if prefix else self._line

    def clear(self) -> None:
        self.set("", "", ())

    def rest(self, before: str) -> tuple[str, bool]:
        """Returns the part of the ghost after `before`, and whether it replaces the space before
        the cursor, as a comma does; "" if the line does not match the ghost. Typed letters that it
        would write in another way stay as they are until it is accepted."""
        drawn = self._places(before)[1]
        return self._line[drawn:], drawn < min(len(before), len(self._line))

    def _places(self, before: str) -> tuple[int, int]:
        """Where the text that accepting inserts begins in the line, and where the ghost does, which
        is drawn. Both are at its end if `before` does not match it."""
        here = len(before)
        if here >= self._shortest:
            if self._line.startswith(before):
                return here, here
            if self._typed.startswith(before):
                is_first = here <= self._ends[0][0]
                return same_start(self._line, before) if is_first else here, here
            is_after_piece = any(end == here - 1 for end, _ in self._ends)
            lines = (self._line[: here - 1], self._typed[: here - 1])
            if is_after_piece and before[-1:] == " " and before[:-1] in lines:
                return here - 1, here - 1
        return len(self._line), len(self._line)

    def pieces(self, before: str) -> list[Insertion]:
        """Returns the pieces of the part of the ghost after `before`."""
        start = self._places(before)[0]
        left = [(end, space_after) for end, space_after in self._ends if end > start]
        ends = pairwise((start, *(end for end, _ in left)))
        return [
            Insertion(self._line[begin:end], len(before) - start if begin == start else 0, after)
            for (begin, end), (_, after) in zip(ends, left, strict=True)
        ]


class Suggested:
    """The suggestions at the cursor: the words of the list, the chosen one, and the ghost, and
    whether they are shown. The preferences can switch off the ghost, and until the next word
    everything can be hidden or the ghost forced.

    `before` is the line up to the cursor, `word` where the word at the cursor begins.
    """

    def __init__(self, preferences: Preferences) -> None:
        self._suggestions: Suggestions | None = None
        self.choice: int | None = None
        """The index of the word chosen in the list."""
        self._preferences = preferences
        self._is_likely = False
        self._ghost = Ghost()
        self.clear_ghost = self._ghost.clear
        self._word: Location | None = None
        """The word at which everything was hidden or the ghost forced."""
        self._hides = False

    def hide(self, word: Location) -> None:
        """Hides the ghost and the list until the next word."""
        self._word, self._hides = word, True

    def force(self, word: Location) -> None:
        """Shows the ghost for this word, even if it is off, hidden or unlikely."""
        self._word, self._hides = word, False

    def show_as_usual(self) -> None:
        """Ends `hide` and `force`."""
        self._word = None

    def toggle_ghost(self) -> None:
        """Switches the ghost on or off. The list is not affected."""
        self._preferences.ghost ^= True
        if self._preferences.ghost or not self._hides:
            self.show_as_usual()

    def move_to(self, word: Location, *, is_empty: bool) -> None:
        """Takes note of a cursor movement. `is_empty`: the whole text is empty."""
        if self._word is None:
            return
        if self._hides and is_empty:
            self._word = word
        if word > self._word or (word < self._word and not self._hides):
            self.show_as_usual()

    def is_hidden(self, word: Location) -> bool:
        """Returns whether the ghost and the list are hidden."""
        return self._hides and self._word is not None and word <= self._word

    @property
    def candidates(self) -> tuple[Suggestion, ...]:
        """The words of the list."""
        return self._suggestions.candidates if self._suggestions else ()

    @property
    def prefix(self) -> str:
        """The beginning of the word being typed, which those of the list have."""
        return self._suggestions.prefix if self._suggestions else ""

    @property
    def presses_to_choose(self) -> int:
        """The presses of Down that have chosen a word."""
        return 0 if self.choice is None else self.choice + 1

    def show(self, suggestions: Suggestions | None, before: str) -> None:
        """Sets the suggestions for the cursor, or none. A choice is kept."""
        self._suggestions = suggestions
        if suggestions and suggestions.candidates:
            likely = suggestions.candidates[0].probability
            self._is_likely = is_ghost_likely(likely, suggestions.prefix)
        if self.choice is not None and self.candidates:
            self.choose(min(self.choice, len(self.candidates) - 1), before)
        else:
            self.choice = None
            self._ghost.set(before, self.prefix, suggestions.ghost if suggestions else ())

    def choose(self, choice: int | None, before: str) -> None:
        """Chooses a word of the list, which becomes the ghost, or none."""
        self.choice = choice
        if choice is not None:
            self._ghost.set(before, self.prefix, self.candidates[choice : choice + 1])

    def ghost(self, before: str, word: Location) -> tuple[str, bool]:
        """Returns the ghost to show, or "", and whether it replaces the space before the cursor, as
        a comma does."""
        is_forced = not self._hides and self._word == word
        is_wanted = self._is_likely or self.choice is not None
        if is_forced or (self._preferences.ghost and is_wanted and not self.is_hidden(word)):
            return self._ghost.rest(before)
        return "", False

    def accepts(self, before: str, *, has_ghost: bool, is_empty: bool) -> Iterable[Accept]:
        """Returns the ways to accept suggestions. `is_empty`: the whole text is empty."""
        if self._suggestions is None:
            return ()
        ghost = self._ghost.pieces(before) if has_ghost else ()
        return ways_to_accept(
            self._suggestions, before, ghost, self._preferences.digits, is_empty=is_empty
        )

    def digits(self, before: str, after: str) -> str:
        """Returns the plain digits that take a word while the list is shown and nothing is chosen.
        `after` is the rest of the line: within a word they take none."""
        suggestions = self._suggestions
        is_in_word = after[:1].isalnum() or any(word.replaces_after for word in self.candidates)
        if suggestions is None or is_in_word:
            return ""
        return accepting_digits(suggestions, before, self._preferences.digits)

    def may_take_digits(self, before: str) -> bool:
        """Returns whether plain digits may take a word, whatever the answer for the text is."""
        setting, last = self._preferences.digits, before[-1:]
        if not last or last.isspace():
            return setting == "always"
        return setting != WITH_ALT and is_of_letters(last)

    @property
    def digits_with_alt(self) -> str:
        """The digits to show that take a word with alt; "" if plain ones may take one."""
        return DIGITS[: len(self.candidates)] if self._preferences.digits == WITH_ALT else ""
