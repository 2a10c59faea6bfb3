"""Batches of a text for a network.

The lesson's network has all prefixes of the lines in random order. A causal network has every word
and every end of line as a target once: the line `a b c` has the inputs `<s> a b c` and the targets
`a b c </s>`, so the text is one stream of steps:

    input   <s> a  b  c    <s> d  e    <s> f  ...
    target  a   b  c  </s> d   e  </s> f   g  ...

B streams of equal length are cut from it and read in parallel, T steps a batch; the state of each
is passed from batch to batch (truncated back-propagation through time):

    batch 1          batch 2          ...
    stream 1  0 .. T-1      T .. 2T-1
    stream 2  L .. L+T-1    L+T .. L+2T-1
    ...

Shapes: M targets (words and ends of lines), B batch, T time steps, L steps of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnlm_tui.config import CausalTrainConfig, TrainConfig
from rnnlm_tui.errors import Sentence, UsageError
from rnnlm_tui.text.examples import EncodedLines, PrefixExamples
from rnnlm_tui.text.prepare import PreparedLines, PreparedPrefixes
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, PADDING, UNKNOWN_ID

EVALUATION_BATCH = 256
EVALUATION_STREAMS, EVALUATION_STREAM, EVALUATION_STEPS = 16, 1000, 64
"""Held-out text is cut into at most 16 streams of at least 1,000 steps, because each begins without
context, and evaluated 64 steps at a time."""


class Shard(NamedTuple):
    """The part of every batch that process `rank` of `of` computes: consecutive rows, about as many
    for each process."""

    rank: int = 0
    of: int = 1

    def rows(self, total: int) -> slice:
        """The rows of a batch of `total`. If there are fewer rows than processes, a process without
        rows computes the first one, which then does not count."""
        if not self.has_rows(total):
            return slice(0, 1)
        return slice(total * self.rank // self.of, total * (self.rank + 1) // self.of)

    def has_rows(self, total: int) -> bool:
        """Whether this process has rows of its own in a batch of `total`."""
        return total * self.rank // self.of < total * (self.rank + 1) // self.of


WHOLE = Shard()
"""The shard of a process that trains alone: all rows."""


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
        shard: Shard = WHOLE,
    ) -> None:
        self._examples, self._held_out = prepared.examples, prepared.held_out
        self._size, self._seed = config.batch_size, config.seed
        self._device, self._shard = device, shard
        self.rows = config.batch_size
        """The number of rows of the last whole batch."""

    @property
    def steps(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-len(self._examples) // self._size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields this process's rows of the batches from `first_step` on: features [B, T], labels
        [B]."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._examples))
        for start in range(first_step * self._size, len(order), self._size):
            rows = order[start : start + self._size]
            self.rows = len(rows)
            yield self._batch(self._examples, rows[self._shard.rows(len(rows))])

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
        self, examples: PrefixExamples, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> tuple[Tensor, Tensor]:
        features, labels = map(torch.from_numpy, examples.batch(rows))
        return features.to(self._device), labels.to(self._device)


def stream_batches(
    lines: EncodedLines,
    streams: int,
    steps: int,
    rotation: int = 0,
    first: int = 0,
    shard: Shard = WHOLE,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yields the batches from number `first` on: the inputs and targets [B, T] in the rows of
    `shard`, with padding after the end of the text.

    The text begins at target number `rotation` and wraps around at its end.
    """
    length = stream_length(lines, streams)
    begins = np.arange(streams)[shard.rows(streams), None] * length  # [B, 1]
    for low in range(first * steps, length, steps):
        places = begins + np.arange(low, min(low + steps, length))  # [B, T]
        rotated = (places + rotation) % lines.predictions
        before = lines.targets[rotated - 1]  # at 0 the last, which is an end too
        inputs = np.where(before == END_ID, BEGIN_ID, before)
        in_text = places < lines.predictions
        yield (
            np.where(in_text, inputs, PADDING).astype(np.int64),
            np.where(in_text, lines.targets[rotated], PADDING).astype(np.int64),
        )


def stream_length(lines: EncodedLines, streams: int) -> int:
    """The length of each stream, in steps."""
    return -(-lines.predictions // streams)


class BpttBatches:
    """The batches of a prepared corpus.

    Everything random depends on the seed and the epoch's number alone, so a run can resume in the
    middle of an epoch: where the text begins, and which of the words that occur once are replaced
    by `<unk>`, so that it is learned even if every word has an id.
    """

    def __init__(
        self,
        prepared: PreparedLines,
        settings: CausalTrainConfig,
        device: torch.device,
        shard: Shard = WHOLE,
    ) -> None:
        """Raises UsageError if there are fewer streams than processes."""
        self._settings, self._device = settings, device
        self._lines, self._held_out = prepared.examples, prepared.held_out
        self._streams = max(1, min(settings.batch_size, self._lines.predictions // settings.bptt))
        self._shard = shard
        self.rows = self._streams
        """The number of rows of a whole batch."""
        if self._streams < shard.of:
            raise UsageError(
                f"batches of {self._streams} rows cannot be shared by {shard.of} processes",
                Sentence("start fewer, or take a larger {batch_size}"),
            )
        total_words = prepared.vocabulary.total_words
        counts = prepared.examples.word_counts(total_words)
        # If <unk> occurs in the text, it is learned there.
        self._rare = (counts == 1) & (counts[UNKNOWN_ID] == 0)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-stream_length(self._lines, self._streams) // self._settings.bptt)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields this process's rows of the batches from `first_step` on: inputs and targets
        [B, T]."""
        settings, lines = self._settings, self._lines
        rng = np.random.default_rng((settings.seed, epoch))
        ids = np.arange(len(self._rare))
        ids[self._rare & (rng.random(len(ids)) < settings.unk_rate)] = UNKNOWN_ID
        rotation = int(rng.choice(lines.starts))
        for read, answers in stream_batches(
            lines, self._streams, settings.bptt, rotation, first_step, self._shard
        ):
            yield self._tensor(ids[read]), self._tensor(ids[answers])

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields all held-out lines; nothing if no line is held out."""
        held = self._held_out
        if len(held) == 0:
            return
        streams = max(1, min(EVALUATION_STREAMS, held.predictions // EVALUATION_STREAM))
        for read, answers in stream_batches(held, streams, EVALUATION_STEPS):
            yield self._tensor(read), self._tensor(answers)

    def _tensor(self, ids: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(ids).to(self._device)
