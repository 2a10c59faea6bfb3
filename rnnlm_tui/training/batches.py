"""Batches of a text for a network.

Everything random depends only on the seed and the number of the epoch, so that a run can resume in
the middle of an epoch.

The lesson's network reads all prefixes of the lines in random order. For a causal network every
word and every end of line is a target once: the line `a b c` has the inputs `<s> a b c` and the
targets `a b c </s>`, so the text is one stream of steps:

    input   <s> a  b  c    <s> d  e    <s> f  ...
    target  a   b  c  </s> d   e  </s> f   g  ...

The stream is cut into B streams of equal length, which are read in parallel, T steps a batch. Their
hidden states are passed from batch to batch (truncated back-propagation through time):

    batch 1          batch 2          ...
    stream 1  0 .. T-1      T .. 2T-1
    stream 2  L .. L+T-1    L+T .. L+2T-1
    ...

Shapes: B batch, T time steps, L steps of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalTrainConfig, LessonTrainConfig
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, PADDING, UNKNOWN_ID

EVALUATION_BATCH = 256
"""The number of held-out examples of the lesson that are measured at a time."""
EVALUATION_STREAMS = 16
"""The most streams into which held-out lines are cut for a causal network."""
EVALUATION_LENGTH = 1000
"""The fewest steps of such a stream. Each stream begins without context."""
Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The ids that a network reads [B, T], and its targets: [B] for the lesson's, [B, T] for others."""


class PrefixBatches:
    """The lesson's batches: all prefix sequences, in a new random order each epoch."""

    def __init__(self, prepared: Prepared, settings: LessonTrainConfig) -> None:
        self._prepared, self._seed = prepared, settings.seed
        self.rows = settings.batch_size
        """Rows of a batch; the last one of an epoch may have fewer."""
        self.steps = -(-prepared.predictions // self.rows)
        """Batches per epoch."""

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yields the batches from `first_step` on."""
        order = np.random.default_rng((self._seed, epoch)).permutation(self._prepared.predictions)
        for start in range(first_step * self.rows, len(order), self.rows):
            rows = order[start : start + self.rows]
            yield self._prepared.train.windows(rows, self._prepared.window)

    def held_out(self) -> Iterator[Batch]:
        """Yields the examples of all held-out lines in order, then the first word of each line,
        which only padding precedes."""
        held, window = self._prepared.held_out, self._prepared.window
        count = self._prepared.predictions_in(held)
        for start in range(0, count, EVALUATION_BATCH):
            yield held.windows(np.arange(start, min(start + EVALUATION_BATCH, count)), window)
        for start in range(0, len(held), EVALUATION_BATCH):
            words = held.first_words[start : start + EVALUATION_BATCH].astype(np.int64)
            yield np.full((len(words), window), PADDING), words


class BpttBatches:
    """The batches of a causal network. The text begins at another line each epoch, and some of the
    words that occur once are replaced by `<unk>`, so that `<unk>` is learned even if every word has
    an id."""

    def __init__(
        self, lines: EncodedLines, prepared: Prepared, settings: CausalTrainConfig
    ) -> None:
        """`lines` are the training lines of a text, or some of them."""
        self._lines, self._held_out, self._settings = lines, prepared.held_out, settings
        self.rows = max(1, min(settings.batch_size, len(lines.targets) // settings.bptt))
        """Rows of a batch: one for each stream."""
        self.steps = -(-stream_length(lines, self.rows) // settings.bptt)
        """Batches per epoch."""
        counts = lines.word_counts(prepared.vocabulary.total_words)
        # If <unk> occurs in the text, it is learned there.
        self._replaceable = (counts == 1) & (counts[UNKNOWN_ID] == 0)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yields the batches from `first_step` on."""
        settings, lines = self._settings, self._lines
        rng = np.random.default_rng((settings.seed, epoch))
        learned_as = np.arange(len(self._replaceable))  # for each id itself, or <unk>
        is_replaced = self._replaceable & (rng.random(len(learned_as)) < settings.unk_rate)
        learned_as[is_replaced] = UNKNOWN_ID
        # The targets of a line are its words and its end, so its first one is this.
        first_targets = lines.starts[:-1] + np.arange(len(lines))
        rotation = int(rng.choice(first_targets))
        batches = stream_batches(lines, self.rows, settings.bptt, rotation, first_step)
        for inputs, targets in batches:
            yield learned_as[inputs], learned_as[targets]

    def held_out(self) -> Iterator[Batch]:
        """Yields all held-out lines."""
        held = self._held_out
        if len(held):
            streams = max(1, min(EVALUATION_STREAMS, len(held.targets) // EVALUATION_LENGTH))
            yield from stream_batches(held, streams, steps=64)


def stream_length(lines: EncodedLines, streams: int) -> int:
    """Returns the length L of each stream, in steps."""
    return -(-len(lines.targets) // streams)


def stream_batches(
    lines: EncodedLines, streams: int, steps: int, rotation: int = 0, first: int = 0
) -> Iterator[Batch]:
    """Yields batches of `steps` steps, from the batch with the number `first` on. The text is read
    as a circle, from the target with the number `rotation` on. Padding fills the last stream."""
    length = stream_length(lines, streams)
    begins = np.arange(streams)[:, None] * length  # [B, 1]
    for low in range(first * steps, length, steps):
        places = begins + np.arange(low, min(low + steps, length))  # [B, T]
        rotated = (places + rotation) % len(lines.targets)
        before = lines.targets[rotated - 1]  # -1 is the last target, which is an end of a line
        inputs = np.where(before == END_ID, BEGIN_ID, before)
        in_text = places < len(lines.targets)
        yield (
            np.where(in_text, inputs, PADDING).astype(np.int64),
            np.where(in_text, lines.targets[rotated], PADDING).astype(np.int64),
        )
