"""Inserts text and manages the spaces around it: an accepted word is followed by a space, which
a punctuation mark typed next replaces. Gives a digit back that took a word. Counts the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Location, Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.text.tokenizer import Insertion, gives_space_back, takes_space

if TYPE_CHECKING:
    from rnnlm_tui.accepting import Accept, Suggestion

MAX_TEXT = 20_000
"""Characters. At 20,000 a key takes 5 ms longer; at 2 million it takes half a second."""


class Keystrokes(NamedTuple):
    """The characters `written`, each a key press without suggestions, and how many presses fewer
    they took: `saved`, negative if they took more."""

    written: int = 0
    saved: int = 0


@dataclass
class TextTooLong(Message):
    """This text was not inserted: there would be too much of it."""

    text: str


class TakenDigit(NamedTuple):
    """A plain digit that has taken a word, which is from `start` to `end` until the next key shows
    whether the digit itself was meant."""

    digit: str
    start: Location
    end: Location


class Typing:
    """Inserts what is typed, accepted or pasted, and counts the keys: those that wrote letters
    deleted later too."""

    def __init__(self, area: TextArea) -> None:
        self._area = area
        self.takes_space = takes_space
        """Whether a character typed after a text replaces the space at its end; replaced by the
        rule that the active model has learned."""
        self.presses = 0
        """The keys that have written the text, all but what was pasted or recalled."""
        self._given = 0
        """The characters of the text that were pasted or recalled."""
        self._space_end: Location | None = None
        """The location after the space of the last accept, while the cursor is there."""
        self._mark: Location | None = None
        """The location of the punctuation mark, while letters are typed after it."""
        self.taken: TakenDigit | None = None
        """The plain digit pressed last, if it took a word."""

    @property
    def keystrokes(self) -> Keystrokes:
        """The count for the text as it would be sent, without spaces at its ends."""
        written = max(0, len(self._area.text.strip()) - self._given)
        return Keystrokes(written, written - self.presses if written else 0)

    def forget(self) -> None:
        """Forgets the space of the last accept, so that it is not replaced, and its digit."""
        self._space_end = self._mark = self.taken = None

    def deleted(self, length: int) -> None:
        """Counts what was deleted as pasted, as far as that was any."""
        self._given = max(0, self._given - length)
        if not self._area.text:
            self.presses = self._given = 0

    def insert(self, text: str, place: Selection | None = None, keys: int | None = None) -> bool:
        """Replaces `place`, by default the selection, as one undo step. `keys` is the number of key
        presses that accepted the text, None if it was pasted or recalled. Returns False and posts
        `TextTooLong` if there is no room for it."""
        area = self._area
        start, end = sorted(place or area.selection)
        replaced = len(area.get_text_range(start, end))
        if len(area.text) - replaced + len(text) > MAX_TEXT:
            area.post_message(TextTooLong(text if keys is None else ""))
            return False
        area.history.checkpoint()
        area.replace(text, start, end, maintain_selection_offset=False)
        area.history.checkpoint()
        if keys is not None:
            self.presses += keys
        elif len(text) == len(area.text):
            self.presses, self._given = 0, len(text)
        else:
            self._given += len(text)
        return True

    def accept(self, pieces: Sequence[Insertion | Suggestion], keys: int) -> None:
        """Inserts accepted words, one after the other, and a space after them if there is none. The
        letters typed of the first one are written as it has them; the rest of the word that the
        cursor is in is replaced."""
        area, first, last = self._area, pieces[0], pieces[-1]
        text = sanitize("".join(piece.text for piece in pieces))
        start, end = sorted(area.selection)
        if area.selection.is_empty:
            start = start[0], start[1] - first.replaces_before
            # A plain insertion is one of the ghost, which is at the end of the text.
            end = end[0], end[1] + (0 if isinstance(last, tuple) else last.replaces_after)
        following = area.document.get_line(end[0])[end[1] : end[1] + 1]
        if last.space_after and not following.isspace():
            before = f"{self._line_up_to(start)}{text} "
            text += " " * (not following or not self.takes_space(before, following))
        has_room = self.insert(text, Selection(start, end), keys)
        self._space_end = area.cursor_location if has_room and text.endswith(" ") else None

    def accept_by_digit(self, digit: str, accept: Accept, prefix: str) -> None:
        """Inserts what a digit has taken after the half-typed `prefix`; `give_digit_back` undoes it
        until anything else is done."""
        text = self._area.text
        row, column = self._area.cursor_location
        self.accept(accept.pieces, len(accept.keys))
        if self._area.text != text:
            end = len(self._before().rstrip(" "))
            self.taken = TakenDigit(digit, (row, min(column - len(prefix), end)), (row, end))

    def give_digit_back(self, following: str = "") -> bool:
        """If the last key was a plain digit that took a word, types it instead. `following` is a
        character typed right after it, which shows what was meant, as in `co2 ` and `win10`;
        without one, Backspace or undo asked for it. Returns whether it was given back."""
        area, taken = self._area, self.taken
        if taken is None or not (following.isdigit() or following in ("", " ")):
            return False
        area.undo()
        area.replace(taken.digit, *area.selection, maintain_selection_offset=False)
        self.presses += not following
        return True

    def type(self, character: str) -> None:
        """Inserts a typed character. A punctuation mark replaces the space of the last accept."""
        area, here, mark = self._area, self._area.cursor_location, self._mark
        self.presses += 1
        if not character.isspace() and not self._before()[-1:].strip():  # a word begins
            area.history.checkpoint()
        if here == self._space_end and area.selection.is_empty:
            if character == " ":  # it is there already
                self._space_end = None
                return
            if self.takes_space(self._before(), character):
                space = here[0], here[1] - 1
                area.replace(character, space, here, maintain_selection_offset=False)
                self._mark = space
                return
        area.replace(character, *area.selection, maintain_selection_offset=False)
        if mark is None:
            return
        before = self._before()
        if gives_space_back(before[mark[1]], before[mark[1] + 1 :]):
            area.replace(" ", mark, mark)
        elif character.isalpha():
            self._mark = mark

    def _before(self) -> str:
        return self._line_up_to(self._area.cursor_location)

    def _line_up_to(self, place: Location) -> str:
        return self._area.document.get_line(place[0])[: place[1]]
