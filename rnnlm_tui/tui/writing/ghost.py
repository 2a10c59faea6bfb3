"""The grey words after the cursor. No textual here."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from rnnlm_tui.formatting import sanitize


class Ghost:
    """The words suggested at the cursor, and the text that is shown there in grey."""

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ()
        self._prefix = ""
        self._line = ""
        """The line up to the cursor with the ghost. As long as the typed text matches it, the rest
        stays visible until a newer answer replaces it."""
        self._shortest = 0
        """The length of the line without the word that the ghost completes. A shorter line is
        another line."""

    def suggest(self, words: Iterable[str], prefix: str) -> None:
        """Takes the suggested words, all of which begin with `prefix`, the word being typed."""
        self.words, self._prefix = tuple(map(sanitize, words)), prefix

    def set(self, line: str, continuation: str) -> None:
        """Puts a ghost after `line`, the line up to the cursor. `continuation` begins with the
        prefix."""
        self._line = line + continuation[len(self._prefix) :]
        self._shortest = len(line) - len(self._prefix)

    def clear(self) -> None:
        """Removes the ghost. The suggested words stay."""
        self._line = ""

    def remaining(self, line: str) -> str:
        """The part of the ghost that comes after `line`; "" if the line does not agree with it."""
        if len(line) < self._shortest or not self._line.startswith(line):
            return ""
        return self._line[len(line) :]

    def remaining_of_word(self, index: int) -> str:
        """The letters that a suggested word adds to the prefix."""
        return self.words[index][len(self._prefix) :]


class Visibility:
    """Whether suggestions are shown: the ghost can be off, and until the next word everything may
    be hidden, or the ghost shown. Each method is given the line up to the cursor."""

    def __init__(self) -> None:
        self.ghost_on = True
        self._word: int | None = None
        self._hides = False

    def hide(self, before: str) -> None:
        """Hides the ghost and the list until the next word."""
        self._word, self._hides = word_number(before), True

    def force(self, before: str) -> None:
        """Shows the ghost at this word, even if it is off or hidden."""
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
        """The cursor has moved; `is_empty`: the whole line is."""
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

    def shows_ghost(self, before: str) -> bool:
        """Whether there may be a ghost."""
        is_forced = not self._hides and self._word == word_number(before)
        return is_forced or (self.ghost_on and not self.is_hidden(before))


def word_number(before: str) -> int:
    """The number of the word at the end of a text, from 1; a new one begins after each space."""
    return len(before.split()) + (not before or before[-1].isspace())


def cut_to(ghost: str, room: int) -> str:
    """As many whole words of the ghost as fit into `room` cells, or the part of one that does."""
    if cell_len(ghost) <= room:
        return ghost
    part = set_cell_size(ghost, max(0, room - 1)).rstrip()
    if " " in part.lstrip() and not ghost.startswith(part + " "):
        part = part.rpartition(" ")[0]
    return f"{part}…" if part.strip() else ""
