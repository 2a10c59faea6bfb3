"""Batches of a corpus for a network. Shapes: B batch, T time steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnlm_tui.config import TrainConfig
from rnnlm_tui.text.examples import PrefixExamples
from rnnlm_tui.text.prepare import PreparedPrefixes
from rnnlm_tui.text.vocabulary import PADDING

EVALUATION_BATCH = 256


class Share(NamedTuple):
    """The part of every batch that process `rank` of `of` computes: consecutive rows, about as many
    for each process."""

    rank: int = 0
    of: int = 1

    def rows(self, total: int) -> slice:
        """The rows of a batch of `total`. If there are fewer rows than processes, a process without
        rows computes the first one, which then does not count."""
        if not self.counts(total):
            return slice(0, 1)
        return slice(total * self.rank // self.of, total * (self.rank + 1) // self.of)

    def counts(self, total: int) -> bool:
        """Whether this process has rows of its own in a batch of `total`."""
        return total * self.rank // self.of < total * (self.rank + 1) // self.of


WHOLE = Share()
"""The share of a process that trains alone."""


class PrefixBatches:
    """The lesson's batches: all prefix sequences, in a new random order each epoch.

    The order depends on the seed and the epoch's number alone, so a run can resume in the middle of
    an epoch.
    """

    def __init__(
        self,
        prepared: PreparedPrefixes,
        config: TrainConfig,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        """`share` says which rows of each batch this process computes."""
        self._examples = prepared.examples
        self._held_out = prepared.held_out
        self._size = config.batch_size
        self._seed = config.seed
        self._device, self._share = device, share
        self.rows = config.batch_size
        """The number of rows of the last whole batch."""

    @property
    def steps(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-len(self._examples) // self._size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields this process's share of the batches from `first_step` on: features [B, T], labels
        [B]."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._examples))
        for start in range(first_step * self._size, len(order), self._size):
            rows = order[start : start + self._size]
            self.rows = len(rows)
            yield self._batch(self._examples, rows[self._share.rows(len(rows))])

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields all held-out examples in order, then the first words of the lines, preceded by
        padding only. Yields nothing if no line is held out."""
        examples = self._held_out
        for start in range(0, len(examples), EVALUATION_BATCH):
            stop = min(start + EVALUATION_BATCH, len(examples))
            yield self._batch(examples, np.arange(start, stop))
        first_words = torch.from_numpy(examples.first_words).long().to(self._device)
        for start in range(0, len(first_words), EVALUATION_BATCH):
            words = first_words[start : start + EVALUATION_BATCH]
            yield words.new_full((len(words), examples.window), PADDING), words

    def _batch(
        self, examples: PrefixExamples, which: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> tuple[Tensor, Tensor]:
        features, labels = examples.batch(which)
        return (
            torch.from_numpy(features).to(self._device),
            torch.from_numpy(labels).to(self._device),
        )
