"""A corpus as the lesson's prefix sequences, made on demand from one array of ids.

Shapes: N words, L lines, B batch, T time steps (the window).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.vocabulary import PADDING


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
        """The number of predictions."""
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
