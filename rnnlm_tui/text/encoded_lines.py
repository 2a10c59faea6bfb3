"""The lines of a text as ids, to count and to learn from.

Shapes: N words, L lines, M targets (words and ends of lines), B batch, T time steps (the window).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import END_ID, PADDING


def number_words(
    lines: Iterable[str], tokenizer: Tokenizer, number_of: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns the number of each word [N], and the length of each line in words [L]. A word without
    a number gets the next one, which is added to `number_of`. A million words take 0.15 s."""
    numbers, lengths = array("i"), array("q")
    for line in lines:
        words = tokenizer.words(line)
        lengths.append(len(words))
        numbers.extend([number_of.setdefault(word, len(number_of)) for word in words])
    return np.asarray(numbers), np.asarray(lengths)


class EncodedLines:
    """The lines of a text that have words, as ids. Line i is `ids[starts[i]:starts[i + 1]]`."""

    def __init__(self, ids: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """`ids` [N] are those of all lines. `lengths` are the numbers of words of the lines, and
        may hold zeros for lines without words."""
        self.ids = ids
        self._has_words = lengths > 0
        self.starts = np.concatenate(([0], np.cumsum(lengths[self._has_words])))  # [L + 1]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yields the ids of each line, as a view."""
        return (self.ids[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True))

    def chosen(self, mask: NDArray[np.bool_]) -> EncodedLines:
        """Returns the lines for which `mask` is True. It has a value for each line of the text,
        also for those without words."""
        mask, lengths = mask[self._has_words], np.diff(self.starts)
        return EncodedLines(self.ids[np.repeat(mask, lengths)], lengths[mask])

    @property
    def words(self) -> int:
        return len(self.ids)

    @property
    def longest(self) -> int:
        """The number of words of the longest line."""
        return int(np.diff(self.starts).max(initial=0))

    @cached_property
    def targets(self) -> NDArray[Any]:
        """The ids that a model of whole lines predicts [M]: the words of each line and its end."""
        targets: NDArray[Any] = np.insert(self.ids, self.starts[1:], END_ID)
        return targets

    @property
    def first_words(self) -> NDArray[Any]:
        """The ids of the first words of the lines [L], which the lesson does not predict."""
        return self.ids[self.starts[:-1]]

    def windows(
        self, which: NDArray[np.int64], window: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the features [B, T] and the labels [B] of the lesson's examples with the numbers
        `which` [B]. Each word but the first of a line is the label of an example. The features are
        the words before it, left-padded. All examples at once would take `window` times the
        memory."""
        # A line of n words has n - 1 examples, so starts[i] - i examples come before line i.
        line = np.searchsorted(self.starts - np.arange(len(self.starts)), which, side="right") - 1
        places = which + line + 1
        before = places[:, None] + np.arange(-window, 0)  # [B, T]
        outside = before < self.starts[line][:, None]
        features = np.where(outside, PADDING, self.ids[np.maximum(before, 0)])
        return features.astype(np.int64), self.ids[places].astype(np.int64)

    def word_counts(self, total_words: int) -> NDArray[np.int64]:
        """Returns for each id of a vocabulary of `total_words` ids how often it is a word here."""
        return np.bincount(self.ids, minlength=total_words)
