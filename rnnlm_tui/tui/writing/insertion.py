"""Inserts into the text what is typed, accepted or pasted, each accept as one step of undo, and
counts the keys. The module `accepting` has the rules for spaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Location, Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.suggesting.accepting import Suggestion, type_character
from rnnlm_tui.text.marks import replaces_space
from rnnlm_tui.text.tokenizer import Insertion

MAX_TEXT = 20_000
"""The most characters to which a paste or an accepted word may fill the editor. Letters are typed
beyond that, too. With 20,000 a key takes 5 ms longer, with 2 million half a second."""


@dataclass
class TextTooLong(Message):
    """This text was not inserted, since the line would be too long; "" if it was not pasted."""

    text: str


class Typing:
    """Inserts text into an area, and counts the key presses, also those of letters that are deleted
    later."""

    def __init__(self, area: TextArea) -> None:
        self._area = area
        self.replaces_space = replaces_space
        """Returns whether a character typed after a text replaces the space at its end. The active
        model sets the rule that it has learned."""
        self.presses = 0
        """The key presses for the text in the area, without what was pasted or recalled."""
        self.saved_before = 0
        """The key presses saved in the texts that `replace_all` has replaced."""
        self._untyped = 0
        """The characters in the area that were pasted or recalled."""
        self._tail = ""
        """The text before the cursor that the next character may change, such as the space after an
        accepted word; see `type_character`. It is set after an insertion, which calls `forget`."""
        self._following = ""
        """The text that followed the last typed word in its line when the word began. It is no part
        of the word."""
        self.taken_by = ""
        """The last key, if it was a plain digit that took a word; or ""."""
        self.is_halfway = False
        """True while `take_by_digit` has put a digit into the text, before it puts in the word."""

    @property
    def saved(self) -> int:
        """The key presses saved: the characters that were written, without spaces at the ends of
        the text, minus the presses. Negative if there were more presses."""
        written = len(self._area.text.strip()) - self._untyped
        return self.saved_before + (written - self.presses if written > 0 else 0)

    def forget(self) -> None:
        """Forgets the last accept, since the text or the cursor has changed: no mark replaces its
        space any more, and no key gives its digit back."""
        self._tail = self.taken_by = ""

    def deleted(self, length: int) -> None:
        """Notes that `length` characters were deleted. The pasted ones count as deleted first."""
        self._untyped = max(0, self._untyped - length)
        if not self._area.text:
            self.presses = self._untyped = 0

    def replace_all(self, text: str) -> None:
        """Replaces all of the text by a recalled one, or by "". The keys saved stay counted."""
        self.saved_before = self.saved
        self._replace((0, 0), self._area.document.end, text)

    def insert(self, text: str, place: Selection | None = None, keys: int | None = None) -> bool:
        """Replaces `place`, by default the selection, as one step of undo. `keys` is the number of
        key presses that accepted the text, or None if it was pasted. If the text does not fit,
        posts `TextTooLong` and returns False."""
        area = self._area
        start, end = sorted(place or area.selection)
        replaced = len(area.get_text_range(start, end))
        if len(area.text) - replaced + len(text) > MAX_TEXT:
            area.post_message(TextTooLong(text if keys is None else ""))
            return False
        self._replace(start, end, text, keys)
        return True

    def _replace(self, start: Location, end: Location, text: str, keys: int | None = None) -> None:
        area = self._area
        area.history.checkpoint()
        area.replace(text, start, end, maintain_selection_offset=False)
        area.history.checkpoint()
        if keys is not None:
            self.presses += keys
        elif len(text) == len(area.text):  # nothing that was typed is left
            self.presses, self._untyped = 0, len(text)
        else:
            self._untyped += len(text)

    def accept(self, pieces: Sequence[Insertion | Suggestion], keys: int) -> None:
        """Inserts accepted words in place of the selection, and a space after them if there is
        none. Replaces the letters typed of the first word, and the rest of a word that the
        selection begins in."""
        area = self._area
        first, last = pieces[0], pieces[-1]
        text = sanitize("".join(piece.text for piece in pieces))
        (row, column), end = sorted(area.selection)
        is_in_word = area.document.get_line(row)[column:] != self._following
        # Pieces of the ghost, which are no Suggestion, are at the end of the text.
        if is_in_word and isinstance(last, Suggestion):
            end = max(end, (row, column + last.replaces_after))
        start = row, column - first.replaces_before
        following = area.document.get_line(end[0])[end[1] : end[1] + 1]
        if last.space_after and not following.isspace():
            before = f"{area.document.get_line(row)[: start[1]]}{text} "
            if not following or not self.replaces_space(before, following):
                text += " "
        if self.insert(text, Selection(start, end), keys) and text.endswith(" "):
            self._tail = " "

    def take_by_digit(self, digit: str, word: Suggestion) -> None:
        """Inserts a digit and then, in place of it, the word that it takes. So an undo brings the
        digit back, and a redo the word."""
        area = self._area
        area.history.checkpoint()
        self.is_halfway = True
        area.replace(digit, *area.selection, maintain_selection_offset=False)
        self.is_halfway = False
        text = area.text
        self.accept([replace(word, replaces_before=word.replaces_before + 1)], 1)
        if area.text != text:
            self.taken_by = digit

    def give_digit_back(self, following: str = "") -> bool:
        """If the last key was a plain digit that took a word, types the digit instead.

        `following` is the character typed right after it. A space or a digit shows that the digit
        was meant, as in `co2 ` and `win10`. "" stands for Backspace or undo, which ask for it.
        Returns whether the digit was given back.
        """
        if not self.taken_by or not (following.isdigit() or following in ("", " ")):
            return False
        self._area.undo()
        if not following:
            self.presses += 1
        return True

    def type(self, character: str) -> None:
        """Inserts a typed character. A punctuation mark replaces the space of the last accept."""
        area = self._area
        start, end = sorted(area.selection)
        before = area.document.get_line(start[0])[: start[1]]
        self.presses += 1
        if not character.isspace() and not before[-1:].strip():  # a word begins
            area.history.checkpoint()
            self._following = area.document.get_line(end[0])[end[1] :]
        typed, tail = type_character(before, self._tail, character, self.replaces_space)
        if typed.text:
            start = start[0], start[1] - typed.replaces_before
            area.replace(typed.text, start, end, maintain_selection_offset=False)
        self._tail = tail
