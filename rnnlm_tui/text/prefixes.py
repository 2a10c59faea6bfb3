"""A corpus as the lesson's prefix sequences, made on demand from one array of ids.

Shapes: N words of the text, L lines, B batch, T time steps (the window).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.vocabulary import PADDING


class PrefixExamples:
    """Every word of a line but its first, with the words before it: the lesson's n-gram sequences.

    Only the ids are stored; the padded matrix would take `window` times the memory.
    """

    def __init__(self, tokens: NDArray[np.int32], lengths: NDArray[np.int64], window: int) -> None:
        """`tokens` [N], `lengths` [L] of the lines; `window` words before a word are its
        features."""
        self.tokens, self.window = tokens, window
        self._starts = np.concatenate(([0], np.cumsum(lengths[lengths > 0])))
        # An example's number is the place of its word less one for each line begun by then.
        self._first_examples = self._starts - np.arange(len(self._starts))

    def __len__(self) -> int:
        return int(self._first_examples[-1])

    @property
    def first_words(self) -> NDArray[np.int32]:
        """The ids of the lines' first words [L], which are no examples."""
        return self.tokens[self._starts[:-1]]

    @property
    def predictions(self) -> int:
        """The number of words that are predicted."""
        return len(self)

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first `count` words to predict, each after the ids of the words before it."""
        features, labels = self.batch(np.arange(min(count, len(self))))
        return [
            ([i for i in row if i != PADDING], label)
            for row, label in zip(features.tolist(), labels.tolist(), strict=True)
        ]

    def batch(self, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The examples with the numbers `which` [B]: pre-padded features [B, T] and labels [B]."""
        line = np.searchsorted(self._first_examples, which, side="right") - 1
        places = which + line + 1
        before = places[:, None] + np.arange(-self.window, 0)  # [B, T]
        outside = before < self._starts[line][:, None]
        features = np.where(outside, PADDING, self.tokens[np.maximum(before, 0)])
        return features.astype(np.int64), self.tokens[places].astype(np.int64)
