"""Lines of a text as ids, to count and to learn from.

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
    """The numbers of all words [N], and how many words each line has [L]; 0.15 s for a million
    words. Words that have no number yet get the next one."""
    numbers, lengths = array("i"), array("q")
    for line in lines:
        words = tokenizer.words(line)
        lengths.append(len(words))
        numbers.extend([number_of.setdefault(word, len(number_of)) for word in words])
    return np.asarray(numbers), np.asarray(lengths)


class EncodedLines:
    """The lines with words of a text, in one array of ids.

    `ids` [N] are their words, and line i is those from `starts[i]` up to `starts[i + 1]`
    [L + 1].
    """

    def __init__(self, ids: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """`lengths` may hold zeros for lines without words."""
        self.ids = ids
        self.starts = np.concatenate(([0], np.cumsum(lengths[lengths > 0])))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """The lines, each as a view of its word ids."""
        return (self.ids[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True))

    @property
    def words(self) -> int:
        return len(self.ids)

    @property
    def longest(self) -> int:
        """The words of the longest line."""
        return int(np.diff(self.starts).max(initial=0))

    @cached_property
    def targets(self) -> NDArray[Any]:
        """What a model of whole lines predicts: the words of each line and its end [M]."""
        targets: NDArray[Any] = np.insert(self.ids, self.starts[1:], END_ID)
        return targets

    @property
    def first_words(self) -> NDArray[Any]:
        """The ids of the first words of the lines [L], which the lesson does not predict."""
        return self.ids[self.starts[:-1]]

    def windows(
        self, which: NDArray[np.int64], window: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of all words but the first of each line, those numbered `which` [B] as labels [B], each
        with the words before it as left-padded features [B, T]: the lesson's n-gram sequences,
        whose whole matrix would take `window` times the memory."""
        # The number of such a word is its position minus the lines begun by then.
        line = np.searchsorted(self.starts - np.arange(len(self.starts)), which, side="right") - 1
        places = which + line + 1
        before = places[:, None] + np.arange(-window, 0)  # [B, T]
        outside = before < self.starts[line][:, None]
        features = np.where(outside, PADDING, self.ids[np.maximum(before, 0)])
        return features.astype(np.int64), self.ids[places].astype(np.int64)

    def word_counts(self, total_words: int) -> NDArray[np.int64]:
        """How often each id occurs as a word."""
        return np.bincount(self.ids, minlength=total_words)
