"""The words that a model knows, and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PADDING = 0


class Vocabulary:
    """Ids from 1 by falling frequency, ties by first appearance; id 0 is padding.

    Source: the lesson (Keras's `Tokenizer`).
    """

    def __init__(self, words: Sequence[str]) -> None:
        """`words` in the order of their ids, the first with id 1. Raises ValueError on doubles."""
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words, start=1)}
        if len(self._ids) != len(self.words):
            raise ValueError("a word stands twice in the vocabulary")
        self._sorted: tuple[NDArray[np.str_], NDArray[np.int64]] | None = None

    @classmethod
    def fit(cls, lines: Iterable[Sequence[str]]) -> Vocabulary:
        """The vocabulary of tokenized `lines`."""
        counts: Counter[str] = Counter()
        for line in lines:
            counts.update(line)
        # most_common() sorts stably, so ties keep the order of first appearance.
        return cls([word for word, _ in counts.most_common()])

    @property
    def total_words(self) -> int:
        """The number of ids, padding included."""
        return len(self.words) + 1

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def word(self, word_id: int) -> str:
        """The word with this id, which must be 1 or more."""
        return self.words[word_id - 1]

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of the words that are known, in order; the others are dropped."""
        return [self._ids[word] for word in words if word in self._ids]

    def ids_with_prefix(self, prefix: str) -> NDArray[np.int64]:
        """The ids of all words that begin with `prefix`, by binary search."""
        if self._sorted is None:
            order = sorted(range(len(self.words)), key=self.words.__getitem__)
            # An array of objects, since numpy's own strings drop trailing NULs.
            spelled = np.array([self.words[i] for i in order], dtype=object)
            self._sorted = spelled, np.array(order, dtype=np.int64) + 1
        spelled, ids = self._sorted
        low = np.searchsorted(spelled, prefix)
        # No character sorts after the last code point, so this is the end of the prefix's words.
        high = np.searchsorted(spelled, prefix + chr(0x10FFFF))
        return ids[low:high]
