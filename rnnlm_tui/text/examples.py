"""A corpus as examples to learn from, made on demand from one array of ids.

Shapes: N words, M targets (words and ends of lines), L lines, B batch, T time steps (the window).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import count_ids
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, PADDING


class EncodedLines:
    """The non-empty lines of a text in one array, in memory or mapped from a file, for models that
    predict each word of a line and its end.

    `targets` [M] are the ids to predict: the words of each line and the end of the line. `lengths`
    [L] are the numbers of words of the lines, `starts` [L] their first positions in `targets`.
    `folder` is the folder of a large text's files, None for a text in memory.
    """

    def __init__(
        self, targets: NDArray[Any], lengths: NDArray[np.int64], folder: Path | None = None
    ) -> None:
        """`targets` as above; `lengths` may hold zeros for empty lines."""
        self.targets, self.folder = targets, folder
        self.lengths = lengths[lengths > 0]
        self.starts = np.cumsum(self.lengths + 1) - self.lengths - 1

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """The lines, each as a view of its word ids."""
        ends = self.starts + self.lengths
        return (self.targets[a:b] for a, b in zip(self.starts, ends, strict=True))

    @property
    def words(self) -> int:
        return len(self.targets) - len(self)

    @property
    def predictions(self) -> int:
        """The number of predictions: words and ends of lines."""
        return len(self.targets)

    def word_counts(self, total_words: int) -> NDArray[np.int64]:
        """How often each id occurs as a word."""
        counts = count_ids(self.targets, total_words)
        counts[END_ID] -= len(self)
        return counts

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first `count` targets, each with its context: the start of line and the ids
        between."""
        examples: list[tuple[list[int], int]] = []
        for line in self:
            whole = [BEGIN_ID, *line.tolist(), END_ID]
            for i in range(1, len(whole)):
                if len(examples) == count:
                    return examples
                examples.append((whole[:i], whole[i]))
        return examples


def insert_ends(tokens: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Inserts the end of line after each line that has words."""
    ends: NDArray[Any] = np.insert(tokens, np.cumsum(lengths[lengths > 0]), END_ID)
    return ends


class PrefixExamples:
    """All words but the first of each line, each with the words before it: the lesson's n-gram
    sequences.

    Only the ids are stored. The padded matrix would take `window` times the memory.
    """

    def __init__(self, tokens: NDArray[np.int32], lengths: NDArray[np.int64], window: int) -> None:
        """`tokens` [N] of lines with these `lengths` [L]. The features of a word are the `window`
        words before it."""
        self.tokens, self.window = tokens, window
        self._starts = np.concatenate(([0], np.cumsum(lengths[lengths > 0])))
        # The number of an example is the position of its word minus the lines begun by then.
        self._first_examples = self._starts - np.arange(len(self._starts))

    def __len__(self) -> int:
        return int(self._first_examples[-1])

    @property
    def first_words(self) -> NDArray[np.int32]:
        """The ids of the first words of the lines [L], which are not examples."""
        return self.tokens[self._starts[:-1]]

    @property
    def predictions(self) -> int:
        return len(self)

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first `count` words to predict, each with the ids of the words before it."""
        features, labels = self.batch(np.arange(min(count, len(self))))
        return [
            ([i for i in row if i != PADDING], label)
            for row, label in zip(features.tolist(), labels.tolist(), strict=True)
        ]

    def batch(self, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The examples numbered `which` [B]: left-padded features [B, T] and labels [B]."""
        line = np.searchsorted(self._first_examples, which, side="right") - 1
        places = which + line + 1
        before = places[:, None] + np.arange(-self.window, 0)  # [B, T]
        outside = before < self._starts[line][:, None]
        features = np.where(outside, PADDING, self.tokens[np.maximum(before, 0)])
        return features.astype(np.int64), self.tokens[places].astype(np.int64)
