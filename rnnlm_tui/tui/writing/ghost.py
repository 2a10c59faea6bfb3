"""What is offered for the line being written. No textual here."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from rnnlm_tui.formatting import sanitize


class Ghost:
    """The words for the place of the cursor, and the ghost behind it."""

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ()
        self._prefix = ""
        self._promised = ""
        """The line up to the cursor with its ghost; while what is typed agrees with it, the rest
        stays on screen, and a newer answer replaces it behind."""
        self._promised_from = 0
        """The length of the line without the word that the ghost completes: a shorter line is
        another line."""

    def take(self, words: Iterable[str], prefix: str) -> None:
        """Offers `words`, all of which begin with `prefix`."""
        self.words, self._prefix = tuple(map(sanitize, words)), prefix

    def promise(self, line: str, continuation: str) -> None:
        """Puts a ghost behind `line`, the line up to the cursor. `continuation` begins with the
        prefix."""
        self._promised = line + continuation[len(self._prefix) :]
        self._promised_from = len(line) - len(self._prefix)

    def withdraw(self) -> None:
        """Takes the ghost back; the words stay."""
        self._promised = ""

    def rest_of(self, line: str) -> str:
        """What of the ghost is still ahead of `line`."""
        if len(line) < self._promised_from or not self._promised.startswith(line):
            return ""
        return self._promised[len(line) :]

    def rest_of_word(self, index: int) -> str:
        """What the word adds to the prefix."""
        return self.words[index][len(self._prefix) :]


def fitting(ghost: str, room: int) -> str:
    """As many whole words of the ghost as fit into `room` cells, or the part of one that does."""
    if cell_len(ghost) <= room:
        return ghost
    part = set_cell_size(ghost, max(0, room - 1)).rstrip()
    if " " in part.lstrip() and not ghost.startswith(part + " "):
        part = part.rpartition(" ")[0]
    return f"{part}…" if part.strip() else ""
