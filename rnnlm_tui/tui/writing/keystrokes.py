"""Counts the key presses that suggestions save. Does not import textual."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlm_tui.formatting import same_start

TYPED = 1
NOT_COUNTED = 255


@dataclass(frozen=True, slots=True)
class Keystrokes:
    """`written` is the number of key presses that a text takes without suggestions, `saved` how
    many fewer it took; negative if choosing words cost more than it saved."""

    written: int = 0
    saved: int = 0

    def __add__(self, other: Keystrokes) -> Keystrokes:
        return Keystrokes(self.written + other.written, self.saved + other.saved)

    def __str__(self) -> str:
        percent = f" ({self.saved / self.written:.0%})" if self.written else ""
        return f"{self.saved} of {self.written} keys saved{percent}"


class KeystrokeCounter:
    """Counts the key presses for each character of a text.

    Deleted characters and the keys that delete them do not count. Neither do characters that were
    pasted, recalled, or brought back by undo or redo.
    """

    def __init__(self) -> None:
        self._presses = bytearray()

    @property
    def presses(self) -> bytes:
        """The key presses of each character, `NOT_COUNTED` for those that do not count. They may be
        set to what they were for the same text."""
        return bytes(self._presses)

    @presses.setter
    def presses(self, presses: bytes) -> None:
        self._presses[:] = presses

    def typed(self, start: int, end: int, length: int) -> None:
        """Records that the characters `start:end` were replaced by `length` typed ones."""
        self._presses[start:end] = bytes((TYPED,)) * length

    def inserted(self, start: int, end: int, keys: int | None, typed: bytes = b"") -> None:
        """Records that the characters `start:end` were accepted with `keys` key presses in all;
        None if they were pasted or recalled. The first ones replace letters that took the presses
        `typed`."""
        self._presses[start:end] = bytes((NOT_COUNTED if keys is None else 0,)) * (end - start)
        self._presses[start : start + len(typed)] = typed
        place = min(start + len(typed), end - 1)
        if keys is not None and start < end:
            self._presses[place] = min(self._presses[place] + keys, NOT_COUNTED - 1)

    def restored(self, before: str, after: str) -> None:
        """Records that undo or redo has changed the text from `before` to `after`."""
        same = same_start(before, after)
        self._presses[same:] = bytes((NOT_COUNTED,)) * (len(after) - same)

    def count(self, line: str) -> Keystrokes:
        """Returns the counts for the text as it would be sent, without spaces at its ends."""
        presses = self._presses[len(line) - len(line.lstrip()) : len(line.rstrip())]
        left_out = presses.count(NOT_COUNTED)
        written = len(presses) - left_out
        return Keystrokes(written, written - (sum(presses) - left_out * NOT_COUNTED))
