"""A corpus as lines of ids, for the models that learn every word of a line and its end.

Shapes: M targets, the words of a text and the ends of its lines; L lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import count_ids
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID


class EncodedLines:
    """The lines of a text that have words, all in one array, in memory or mapped from a file.

    `targets` [M] are what is predicted, line after line: the ids of the words and, after each
    line, that of its end. `lengths` [L] are the words of each line, `starts` [L] the places where
    the lines begin. `folder` is where a large text has its file, None for one in memory.
    """

    def __init__(
        self, targets: NDArray[Any], lengths: NDArray[np.int64], folder: Path | None = None
    ) -> None:
        """`targets` as above; `lengths` may hold zeros for empty lines."""
        self.targets, self.folder = targets, folder
        self.lengths = lengths[lengths > 0]
        self.starts = np.cumsum(self.lengths + 1) - self.lengths - 1

    @classmethod
    def of(cls, tokens: NDArray[Any], lengths: NDArray[np.int64]) -> EncodedLines:
        """The lines of these words, without their ends; `lengths` may hold zeros."""
        return cls(with_ends(tokens, lengths), lengths)

    def __len__(self) -> int:
        """The number of lines."""
        return len(self.starts)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """The lines, each as a view of the ids of its words."""
        ends = self.starts + self.lengths
        return (self.targets[a:b] for a, b in zip(self.starts, ends, strict=True))

    @property
    def words(self) -> int:
        """The number of words."""
        return len(self.targets) - len(self)

    @property
    def predictions(self) -> int:
        """The number of words and ends of lines, which are predicted."""
        return len(self.targets)

    def word_counts(self, total_words: int) -> NDArray[np.int64]:
        """How often each id occurs as a word."""
        counts = count_ids(self.targets, total_words)
        counts[END_ID] -= len(self)
        return counts

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first `count` words and ends of lines, each after the ids before it in its line, the
        begin of the line included."""
        found: list[tuple[list[int], int]] = []
        for line in self:
            whole = [BEGIN_ID, *line.tolist(), END_ID]
            for i in range(1, len(whole)):
                if len(found) == count:
                    return found
                found.append((whole[:i], whole[i]))
        return found


def with_ends(tokens: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """The words of lines, with its end after each line that has words."""
    ends: NDArray[Any] = np.insert(tokens, np.cumsum(lengths[lengths > 0]), END_ID)
    return ends
