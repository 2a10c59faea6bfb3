"""Inserts what is typed, accepted or pasted into the text, each accept as one undo step, and counts
the keys. Spaces are those of the rules in `accepting`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.suggesting.accepting import Suggestion, type_character
from rnnlm_tui.text.marks import takes_space
from rnnlm_tui.text.tokenizer import Insertion

MAX_TEXT = 20_000
"""Characters. At 20,000 a key takes 5 ms longer; at 2 million it takes half a second."""


@dataclass
class TextTooLong(Message):
    """This text was not inserted: there would be too much of it."""

    text: str


class Typing:
    """Inserts text into an area, and counts the keys, also those of letters deleted later."""

    def __init__(self, area: TextArea) -> None:
        self._area = area
        self.takes_space = takes_space
        """Whether a character typed after a text replaces the space at its end; replaced by the
        rule that the active model has learned."""
        self.presses = 0
        """The key presses that have written the text, apart from what was pasted or recalled."""
        self.saved_before = 0
        """The keys that the texts before this one have saved."""
        self._given = 0
        """The characters of the text that were pasted or recalled."""
        self._tail = ""
        """The end of the line up to the cursor, as far as typing may change it."""
        self.taken = ""
        """The plain digit pressed last, if it took a word."""
        self.is_halfway = False
        """Whether a digit stands in the text whose word replaces it next."""

    @property
    def saved(self) -> int:
        """The key presses saved: the characters written, without spaces at the ends of the text,
        less the presses. Negative if there were more presses."""
        written = len(self._area.text.strip()) - self._given
        return self.saved_before + (written - self.presses if written > 0 else 0)

    def forget(self) -> None:
        """Forgets the space of the last accept, so that no mark replaces it, and its digit."""
        self._tail = self.taken = ""

    def deleted(self, length: int) -> None:
        """Notes that characters were deleted: those that were pasted count as deleted first."""
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
            end = end[0], end[1] + (last.replaces_after if isinstance(last, Suggestion) else 0)
        following = area.document.get_line(end[0])[end[1] : end[1] + 1]
        if last.space_after and not following.isspace():
            before = f"{area.document.get_line(start[0])[: start[1]]}{text} "
            text += " " * (not following or not self.takes_space(before, following))
        if self.insert(text, Selection(start, end), keys) and text.endswith(" "):
            self._tail = " "

    def take_by_digit(self, digit: str, word: Suggestion) -> None:
        """Inserts the word that a digit has taken, in place of the digit, so that `give_digit_back`
        and an undo bring that back, and a redo the word."""
        area = self._area
        area.history.checkpoint()
        self.is_halfway = True
        area.replace(digit, *area.selection, maintain_selection_offset=False)
        self.is_halfway = False
        text = area.text
        self.accept([replace(word, replaces_before=word.replaces_before + 1)], 1)
        if area.text != text:
            self.taken = digit

    def give_digit_back(self, following: str = "") -> bool:
        """If the last key was a plain digit that took a word, types it instead. `following` is a
        character typed right after it, which shows what was meant, as in `co2 ` and `win10`;
        without one, Backspace or undo asked for it. Returns whether it was given back."""
        if not self.taken or not (following.isdigit() or following in ("", " ")):
            return False
        self._area.undo()
        self.presses += not following
        return True

    def type(self, character: str) -> None:
        """Inserts a typed character. A punctuation mark replaces the space of the last accept."""
        area, (start, end) = self._area, sorted(self._area.selection)
        before = area.document.get_line(start[0])[: start[1]]
        self.presses += 1
        if not character.isspace() and not before[-1:].strip():  # a word begins
            area.history.checkpoint()
        way, tail = type_character(before, self._tail, character, self.takes_space)
        if way.text:
            start = start[0], start[1] - way.replaces_before
            area.replace(way.text, start, end, maintain_selection_offset=False)
        self._tail = tail
