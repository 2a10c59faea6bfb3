"""The words that a network has read, with the hidden states after each.

Shapes: T words, H hidden, L layers, P parts of a layer's state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlm_tui.lm.model import Array

TINY = float(np.finfo(np.float32).tiny)


class StateCache:
    """The ids read so far and the states after them. Extending or cutting copies no states."""

    def __init__(self, start: Array, capacity: int) -> None:
        """An empty cache with the initial states [L, P, H] and space for `capacity` words."""
        self.ids: list[int] = []
        self._states = np.empty((capacity + 1, *start.shape), np.float32)
        self._states[0] = start
        self._directions = np.empty((capacity, start.shape[-1]), np.float32)
        self._directed = 0
        """The number of words whose direction has been computed."""

    def states(self) -> Array:
        """A view of the states before the first word and after each [T + 1, L, P, H]."""
        return self._states[: len(self.ids) + 1]

    def directions(self) -> Array:
        """A view of the last layer's outputs after each word, as unit vectors [T, H]."""
        if self._directed < (count := len(self.ids)):
            outputs = self._states[self._directed + 1 : count + 1, -1, 0]
            lengths = np.linalg.norm(outputs, axis=1, keepdims=True)
            self._directions[self._directed : count] = outputs / np.maximum(lengths, TINY)
            self._directed = count
        return self._directions[: self._directed]

    def extend(self, ids: Sequence[int], states: Array) -> None:
        """Appends words with the states [n, L, P, H] after each."""
        begin, end = len(self.ids), len(self.ids) + len(ids)
        if end > len(self._directions):
            self._states = _larger(self._states, begin + 1, 2 * end + 1)
            self._directions = _larger(self._directions, self._directed, 2 * end)
        self._states[begin + 1 : end + 1] = states
        self.ids += ids

    def cut(self, length: int) -> None:
        """Keeps the first `length` words."""
        del self.ids[length:]
        self._directed = min(self._directed, length)

    def drop(self, count: int) -> None:
        """Drops the first `count` words. The states after the others stay as they are."""
        left, directed = len(self.ids) - count, max(0, self._directed - count)
        self._states[: left + 1] = self._states[count : len(self.ids) + 1].copy()
        self._directions[:directed] = self._directions[count : count + directed].copy()
        self._directed = directed
        del self.ids[:count]

    def copy(self, length: int) -> StateCache:
        """A copy with the first `length` words."""
        other = StateCache(self._states[0], max(length, len(self._directions)))
        other.extend(self.ids[:length], self._states[1 : length + 1])
        other._directed = min(self._directed, length)
        other._directions[: other._directed] = self._directions[: other._directed]
        return other


def _larger(rows: Array, used: int, capacity: int) -> Array:
    """A copy of the used rows in an array with space for `capacity` rows."""
    found = np.empty((capacity, *rows.shape[1:]), np.float32)
    found[:used] = rows[:used]
    return found
