"""Inserts text and manages the spaces around it: an accepted word is followed by a space, which
a punctuation mark typed next replaces. Gives a digit back that took a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Location, Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.text.tokenizer import Insertion, gives_space_back, takes_space
from rnnlm_tui.tui.writing.keystrokes import NOT_COUNTED, KeystrokeCounter

if TYPE_CHECKING:
    from rnnlm_tui.accepting import Accept, Suggestion

MAX_TEXT = 20_000
"""Characters. At 20,000 a key takes 5 ms longer; at 2 million it takes half a second."""


class TextTooLong(Message):
    """Text was not inserted: there would be too much of it."""


class TakenDigit(NamedTuple):
    """A plain digit that has taken a word, which is from `start` to `end` until the next key shows
    whether the digit itself was meant. `text` is the text before it, with its `presses`."""

    digit: str
    start: Location
    end: Location
    text: str
    presses: bytes


class Typing:
    """Inserts what is typed, accepted or pasted, and counts the keys."""

    def __init__(self, area: TextArea, counter: KeystrokeCounter) -> None:
        self._area, self._counter = area, counter
        self.takes_space = takes_space
        """Whether a character typed after a text replaces the space at its end; replaced by the
        rule that the active model has learned."""
        self._space_end: Location | None = None
        """The location after the space of the last accept, while the cursor is there."""
        self._mark: Location | None = None
        """The location of the punctuation mark, while letters are typed after it."""
        self.taken: TakenDigit | None = None
        """The plain digit pressed last, if it took a word."""

    def forget(self) -> None:
        """Forgets the space of the last accept, so that it is not replaced, and its digit."""
        self._space_end = self._mark = self.taken = None

    def insert(
        self,
        text: str,
        place: Selection | None = None,
        keys: int | None = None,
        repaired: int = 0,
    ) -> bool:
        """Replaces `place`, by default the selection, as one undo step. `keys` is the number of key
        presses that accepted the text, None if it was pasted or recalled. Its first `repaired`
        letters are those typed there, written in another way. Returns False and posts `TextTooLong`
        if there is no room for it."""
        area = self._area
        start, end = sorted(place or area.selection)
        first, last = index_of(area, start), index_of(area, end)
        if len(area.text) - (last - first) + len(text) > MAX_TEXT:
            area.post_message(TextTooLong())
            return False
        typed = self._counter.presses[first : first + repaired]
        area.history.checkpoint()
        area.replace(text, start, end, maintain_selection_offset=False)
        area.history.checkpoint()
        self._counter.inserted(first, first + len(text), keys, typed)
        return True

    def accept(self, pieces: Sequence[Insertion | Suggestion], keys: int) -> None:
        """Inserts accepted words, one after the other, and a space after them if there is none. The
        letters typed of the first one are written as it has them; the rest of the word that the
        cursor is in is replaced."""
        area, first, last, repaired = self._area, pieces[0], pieces[-1], 0
        text = sanitize("".join(piece.text for piece in pieces))
        start, end = sorted(area.selection)
        if area.selection.is_empty:
            start = start[0], start[1] - first.replaces_before
            repaired = 0 if self._before().endswith(" ") else first.replaces_before
            # A plain insertion is one of the ghost, which is at the end of the text.
            end = end[0], end[1] + (0 if isinstance(last, tuple) else last.replaces_after)
        if first.replaces_before and not repaired:
            keys += self._presses_of_space(start)
        following = area.document.get_line(end[0])[end[1] : end[1] + 1]
        if last.space_after and not following.isspace():
            before = f"{self._line_up_to(start)}{text} "
            text += " " * (not following or not self.takes_space(before, following))
        has_room = self.insert(text, Selection(start, end), keys, repaired)
        self._space_end = area.cursor_location if has_room and text.endswith(" ") else None

    def accept_by_digit(self, digit: str, accept: Accept, prefix: str) -> None:
        """Inserts what a digit has taken after the half-typed `prefix`; `give_digit_back` undoes it
        until anything else is done."""
        text, presses = self._area.text, self._counter.presses
        row, column = self._area.cursor_location
        self.accept(accept.pieces, len(accept.keys))
        if self._area.text != text:
            end = len(self._before().rstrip(" "))
            start = min(column - len(prefix), end)
            self.taken = TakenDigit(digit, (row, start), (row, end), text, presses)

    def give_digit_back(self, following: str = "") -> bool:
        """If the last key was a plain digit that took a word, types it instead. `following` is a
        character typed right after it, which shows what was meant, as in `co2 ` and `win10`;
        without one, Backspace or undo asked for it. Returns whether it was given back."""
        area, taken = self._area, self.taken
        if taken is None or not (following.isdigit() or following in ("", " ")):
            return False
        area.undo()
        self._counter.presses = taken.presses
        here = index_of(area, area.cursor_location)
        area.replace(taken.digit, *area.selection, maintain_selection_offset=False)
        self._counter.inserted(here, here + 1, 1 if following else 2)
        return True

    def type(self, character: str) -> None:
        """Inserts a typed character. A punctuation mark replaces the space of the last accept."""
        area, here, mark = self._area, self._area.cursor_location, self._mark
        if not character.isspace() and not self._before()[-1:].strip():  # a word begins
            area.history.checkpoint()
        if here == self._space_end and area.selection.is_empty:
            space = here[0], here[1] - 1
            if character == " ":  # it is there already
                self._counter.typed(index_of(area, space), index_of(area, here), 1)
                self._space_end = None
                return
            if self.takes_space(self._before(), character):
                keys, place = 1 + self._presses_of_space(space), index_of(area, space)
                area.replace(character, space, here, maintain_selection_offset=False)
                self._counter.inserted(place, place + 1, keys)
                self._mark = space
                return
        area.replace(character, *area.selection, maintain_selection_offset=False)
        if mark is None:
            return
        before = self._before()
        if gives_space_back(before[mark[1]], before[mark[1] + 1 :]):
            place = index_of(area, mark)
            area.replace(" ", mark, mark)
            self._counter.inserted(place, place + 1, 0)
        elif character.isalpha():
            self._mark = mark

    def _presses_of_space(self, place: Location) -> int:
        """The presses for a space that is replaced, which the character in its place takes over."""
        presses = self._counter.presses[index_of(self._area, place)]
        return 0 if presses == NOT_COUNTED else presses

    def _before(self) -> str:
        return self._line_up_to(self._area.cursor_location)

    def _line_up_to(self, place: Location) -> str:
        return self._area.document.get_line(place[0])[: place[1]]


def index_of(area: TextArea, location: Location) -> int:
    """Converts a location to an index in the text. The location may be past the end: a TextArea
    ends the deletion of the last line at the line after it."""
    return len(area.get_text_range((0, 0), min(location, area.document.end)))
