"""Numbers the words of a text, so that lines are tokenized once, before the vocabulary is known.

A block numbers its words by first appearance, training lines first. When all blocks are there, the
words of the text and their counts are known, and the numbers are translated into ids. Shapes: N
words, L lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import ArrayWriter
from rnnlm_tui.text.tokenizer import TokenizedText
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

Encoded = tuple[NDArray[Any], NDArray[np.int64]]
"""The concatenated ids of lines, without unknown words that have no id, and the length of each."""


@dataclass(slots=True)
class _NumberedBlock:
    """A block within the text: where its numbers begin, the numbers in the text of its own words,
    and the words without a number yet, which occur in held-out lines only."""

    begin: int
    numbers: NDArray[np.int32]
    counts: NDArray[np.int64]
    others: tuple[str, ...]
    lengths: NDArray[np.int64]
    train_lines: int


@dataclass(slots=True)
class NumberedText:
    """All blocks of a text, whose numbers go to `writer`, in memory or in a file."""

    writer: ArrayWriter
    words: dict[str, int] = field(default_factory=dict)
    """The distinct words and their numbers. Words of held-out lines only come last."""
    total: int = 0
    """The number of words."""
    _blocks: list[_NumberedBlock] = field(default_factory=list)

    def add(self, block: TokenizedText, train_lines: int) -> None:
        """Adds the next block, whose first lines are training lines. Raises StorageError if its
        numbers cannot be written."""
        train_words = int(block.lengths[:train_lines].sum())
        counts = np.bincount(block.numbers[:train_words])
        known = len(counts)
        numbers = self._numbers_of(block.words[:known])
        self._blocks.append(
            _NumberedBlock(
                self.total, numbers, counts, block.words[known:], block.lengths, train_lines
            )
        )
        self.writer.append(block.numbers)
        self.total += len(block.numbers)

    def counts(self) -> NDArray[np.int64]:
        """How often each word occurs in the training lines. To be called after the last `add`."""
        counts = np.zeros(len(self.words), np.int64)
        for block in self._blocks:
            counts[block.numbers] += block.counts
        for block in self._blocks:
            block.numbers = np.append(block.numbers, self._numbers_of(block.others))
            block.others = ()
        return np.append(counts, np.zeros(len(self.words) - len(counts), np.int64))

    def _numbers_of(self, words: Sequence[str]) -> NDArray[np.int32]:
        known = self.words
        return np.array([known.setdefault(word, len(known)) for word in words], np.int32)

    def encoded(self, vocabulary: Vocabulary) -> Iterator[tuple[Encoded, Encoded]]:
        """The training lines and the held-out lines of each block as ids."""
        numbers, ids = self.writer.finish(), vocabulary.ids([*self.words])
        for block in self._blocks:
            words = int(block.lengths.sum())
            of_block = ids[block.numbers][numbers[block.begin : block.begin + words]]
            yield _split(of_block, block.lengths, block.train_lines)


def _split(
    ids: NDArray[np.int32], lengths: NDArray[np.int64], train_lines: int
) -> tuple[Encoded, Encoded]:
    kept = ids != PADDING
    if not kept.all():
        line_of = np.repeat(np.arange(len(lengths)), lengths)
        ids, lengths = ids[kept], np.bincount(line_of[kept], minlength=len(lengths))
    end = int(lengths[:train_lines].sum())
    return (ids[:end], lengths[:train_lines]), (ids[end:], lengths[train_lines:])
