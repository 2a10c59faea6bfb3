"""Which characters of a line were typed, which accepted and which pasted: the keys saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

LONGEST_MEMORY = 4096
"""Edits that can be undone; the editor itself remembers fewer."""


@dataclass(frozen=True, slots=True)
class Part:
    """The characters from `start` to before `end`, which were not typed: accepted with `keys` key
    presses, or pasted or recalled where that is None."""

    start: int
    end: int
    keys: int | None


class KeystrokeCounter:
    """Follows the edits of one line. What is neither accepted nor pasted counts as typed, a key
    for each character; what is deleted does not count, nor do the keys that delete it."""

    def __init__(self) -> None:
        self._parts: tuple[Part, ...] = ()
        self._remembered: dict[int, tuple[Part, ...]] = {}

    def written(self, length: int) -> int:
        """Key presses that a line of this length takes without suggestions."""
        return length - sum(p.end - p.start for p in self._parts if p.keys is None)

    @property
    def saved(self) -> int:
        """Key presses saved so far; below 0 where choosing took more than it gave."""
        return sum(p.end - p.start - p.keys for p in self._parts if p.keys is not None)

    def edited(self, start: int, end: int, inserted: int) -> None:
        """The characters from `start` to before `end` have made room for `inserted` typed ones."""
        self._parts = tuple(q for p in self._parts for q in _left_of(p, start, end, inserted))

    def not_typed(self, start: int, end: int, keys: int | None) -> None:
        """These characters, just put in, were accepted with `keys` key presses, or pasted."""
        self._parts = (*self._parts, Part(start, end, keys))

    def lose_key(self) -> None:
        """The last accept took a key press more."""
        last = self._parts[-1] if self._parts else None
        if last is not None and last.keys is not None:
            self._parts = (*self._parts[:-1], replace(last, keys=last.keys + 1))

    def remember(self, line: str) -> None:
        """Keeps the account of the line as it stands now, for when undo or redo brings it back."""
        self._remembered[hash(line)] = self._parts
        if len(self._remembered) > LONGEST_MEMORY:
            del self._remembered[next(iter(self._remembered))]

    def restore(self, line: str) -> None:
        """Undo or redo has brought this line back."""
        self._parts = self._remembered.get(hash(line), ())

    def close(self, line: str) -> None:
        """The line is sent. Should undo bring it back, it has been counted already."""
        self._parts = (Part(0, len(line), None),)
        self._remembered.clear()
        self.remember(line)


def _left_of(part: Part, start: int, end: int, inserted: int) -> Iterator[Part]:
    """What is left of a part where other characters have taken the place of some, before or behind
    them. The keys are counted once."""
    before = replace(part, end=min(part.end, start))
    shift = inserted - (end - start)
    behind = Part(max(part.start, end) + shift, part.end + shift, part.keys)
    if before.start < before.end:
        yield before
        behind = replace(behind, keys=None if part.keys is None else 0)
    if behind.start < behind.end:
        yield behind
