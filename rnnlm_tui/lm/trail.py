"""The words of a context that a network has read, with its states after each of them.

Shapes: T words, H hidden, L layers, P parts of a layer's state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
TINY = float(np.finfo(np.float32).tiny)


class Trail:
    """`ids` are the words read. One more word, or fewer, costs no copy of the others."""

    def __init__(self, start: Array, room: int) -> None:
        """No words, and the states [L, P, H] before the first; room for so many words at first."""
        self.ids: list[int] = []
        self._states = np.empty((room + 1, *start.shape), np.float32)
        self._states[0] = start
        self._directions = np.empty((room, start.shape[-1]), np.float32)
        self._directed = 0
        """Words whose direction is known."""

    def states(self) -> Array:
        """The states before the first word and after each: [T + 1, L, P, H], the trail's own."""
        return self._states[: len(self.ids) + 1]

    def directions(self) -> Array:
        """The last layer's outputs after each word, as unit vectors [T, H]; the trail's own."""
        if self._directed < (count := len(self.ids)):
            outputs = self._states[self._directed + 1 : count + 1, -1, 0]
            lengths = np.linalg.norm(outputs, axis=1, keepdims=True)
            self._directions[self._directed : count] = outputs / np.maximum(lengths, TINY)
            self._directed = count
        return self._directions[: self._directed]

    def extend(self, ids: Sequence[int], states: Array) -> None:
        """Adds words with the states [n, L, P, H] after each."""
        begin, end = len(self.ids), len(self.ids) + len(ids)
        if end > len(self._directions):
            self._states = _larger(self._states, begin + 1, 2 * end + 1)
            self._directions = _larger(self._directions, self._directed, 2 * end)
        self._states[begin + 1 : end + 1] = states
        self.ids += ids

    def cut(self, length: int) -> None:
        """Keeps only the first words."""
        del self.ids[length:]
        self._directed = min(self._directed, length)

    def drop(self, count: int) -> None:
        """Forgets the first words, but not what they did to the states after the others."""
        left, directed = len(self.ids) - count, max(0, self._directed - count)
        self._states[: left + 1] = self._states[count : len(self.ids) + 1].copy()
        self._directions[:directed] = self._directions[count : count + directed].copy()
        self._directed = directed
        del self.ids[:count]

    def copy(self, length: int) -> Trail:
        """Another trail of the first words."""
        other = Trail(self._states[0], max(length, len(self._directions)))
        other.extend(self.ids[:length], self._states[1 : length + 1])
        other._directed = min(self._directed, length)
        other._directions[: other._directed] = self._directions[: other._directed]
        return other


def _larger(rows: Array, used: int, room: int) -> Array:
    """The used rows, with room for more."""
    found = np.empty((room, *rows.shape[1:]), np.float32)
    found[:used] = rows[:used]
    return found
