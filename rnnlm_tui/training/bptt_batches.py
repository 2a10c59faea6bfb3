"""Batches of a text for a causal network: every word and every end of line is a target once.

The line `a b c` has the inputs `<s> a b c` and the targets `a b c </s>`, so the text is one stream
of steps:

    input   <s> a  b  c    <s> d  e    <s> f  ...
    target  a   b  c  </s> d   e  </s> f   g  ...

In the context `stream`, B streams of equal length are cut from it and read in parallel, T steps a
batch; the state of each is passed from batch to batch (truncated back-propagation through time):

    batch 1          batch 2          ...
    stream 1  0 .. T-1      T .. 2T-1
    stream 2  L .. L+T-1    L+T .. L+2T-1
    ...

In the context `line` a batch is B whole lines, padded at the end.

Shapes: M targets (words and ends of lines), B batch, T time steps, L steps of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnlm_tui.config import CausalTrainConfig
from rnnlm_tui.errors import UsageError
from rnnlm_tui.text.examples import EncodedLines
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, PADDING, UNKNOWN_ID
from rnnlm_tui.training.prefix_batches import EVALUATION_BATCH, WHOLE, Share

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Inputs and targets, [B, T] each; padding after the end of a stream."""
SAME_LENGTH_BATCHES = 64
"""Lines are sorted by length within groups of this many batches, so that little is padded."""
EVALUATION_STREAMS, EVALUATION_STREAM, EVALUATION_STEPS = 16, 1000, 64
"""Held-out text is cut into at most 16 streams of at least 1,000 steps, because each begins without
context, and evaluated 64 steps at a time."""


class TargetStream:
    """Lines of ids as one stream of targets."""

    def __init__(self, lines: EncodedLines) -> None:
        self.targets = lines.targets  # [M]
        self.line_starts = lines.starts

    def __len__(self) -> int:
        return len(self.targets)

    def batch(self, places: NDArray[np.int64], beyond: NDArray[np.bool_]) -> Batch:
        """Inputs and targets at these places; padding where `beyond` is true."""
        places = np.minimum(places, len(self) - 1)
        before = self.targets[places - 1]  # at 0 the last, which is an end too
        read = np.where(before == END_ID, BEGIN_ID, before)
        inputs, answers = (np.where(beyond, PADDING, x) for x in (read, self.targets[places]))
        return inputs.astype(np.int64), answers.astype(np.int64)


def stream_batches(
    stream: TargetStream,
    streams: int,
    steps: int,
    rotation: int = 0,
    first: int = 0,
    share: Share = WHOLE,
) -> Iterator[Batch]:
    """Yields the batches of the context `stream` from number `first` on: the rows of `share`.

    The text begins at target number `rotation` and wraps around at its end.
    """
    length = stream_length(stream, streams)
    begins = np.arange(streams)[share.rows(streams), None] * length  # [B, 1]
    for low in range(first * steps, length, steps):
        places = begins + np.arange(low, min(low + steps, length))  # [B, T]
        yield stream.batch((places + rotation) % len(stream), places >= len(stream))


def stream_length(stream: TargetStream, streams: int) -> int:
    """The length of each stream, in steps."""
    return -(-len(stream) // streams)


def line_batches(
    stream: TargetStream,
    order: NDArray[np.int64],
    lines: int,
    steps: int,
    first: int = 0,
    share: Share = WHOLE,
) -> Iterator[Batch]:
    """Yields the batches of the context `line` from number `first` on: the rows of `share`.

    A batch is `lines` lines, in `order`. A line longer than `steps` counts as several lines, in
    `order` too.
    """
    starts, lengths = line_pieces(stream, steps)
    for low in range(first * lines, len(order), lines):
        chosen = order[low : low + lines]
        chosen = chosen[share.rows(len(chosen))]
        steps_of_batch = np.arange(lengths[chosen].max())
        places = starts[chosen][:, None] + steps_of_batch  # [B, T]
        yield stream.batch(places, steps_of_batch >= lengths[chosen][:, None])


def line_pieces(stream: TargetStream, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and lengths of the lines, in targets; lines longer than `steps` are cut into
    pieces."""
    lengths = np.diff(np.append(stream.line_starts, len(stream)))
    pieces = -(-lengths // steps)
    line = np.repeat(np.arange(len(lengths)), pieces)
    piece = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = stream.line_starts[line] + piece * steps
    return starts, np.minimum(lengths[line] - piece * steps, steps)


def shuffled_by_length(
    lengths: NDArray[np.int64], lines: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """A random order of the lines in which those of one batch have similar lengths."""
    order = rng.permutation(len(lengths))
    stretch = lines * SAME_LENGTH_BATCHES
    batches: list[NDArray[np.int64]] = []
    for low in range(0, len(order), stretch):
        part = order[low : low + stretch]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + lines] for i in range(0, len(part), lines)]
    # The one batch that may be smaller stays last, so that batch k starts at k times its size.
    whole = [batch for batch in batches if len(batch) == lines]
    rest = [batch for batch in batches if len(batch) < lines]
    return np.concatenate([*(whole[i] for i in rng.permutation(len(whole))), *rest])


class BpttBatches:
    """The batches of a prepared corpus.

    Everything random depends on the seed and the epoch's number alone, so a run can resume in the
    middle of an epoch: where the text begins, or the order of its lines; and which of the words
    that occur once are replaced by `<unk>`, so that it is learned even if every word has an id.
    """

    def __init__(
        self,
        prepared: PreparedLines,
        context: str,
        settings: CausalTrainConfig,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        """`context` is stream or line; `share` says which rows of each batch this process computes.

        Raises UsageError if there are fewer streams than processes.
        """
        self._settings, self._context, self._device = settings, context, device
        self._stream = TargetStream(prepared.examples)
        self._held_out = TargetStream(prepared.held_out)
        self._streams = max(1, min(settings.batch_size, len(self._stream) // settings.bptt))
        self._share = share
        self.rows = self._streams
        """The number of rows of the last whole batch."""
        if context == "stream" and self._streams < share.of:
            raise UsageError(
                f"batches of {self._streams} rows cannot be shared by {share.of} processes",
                "start fewer, or take a larger --batch-size",
            )
        total_words = prepared.vocabulary.total_words
        counts = prepared.examples.word_counts(total_words)
        # If <unk> occurs in the text, it is learned there.
        self._rare = (counts == 1) & (counts[UNKNOWN_ID] == 0)
        self._lengths = np.empty(0, np.int64)
        if context == "line":
            _, self._lengths = line_pieces(self._stream, settings.bptt)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        if self._context == "line":
            return -(-len(self._lengths) // self._settings.batch_size)
        return -(-stream_length(self._stream, self._streams) // self._settings.bptt)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields this process's share of the batches from `first_step` on: inputs and targets
        [B, T]."""
        settings, stream = self._settings, self._stream
        rng = np.random.default_rng((settings.seed, epoch))
        ids = np.arange(len(self._rare))
        ids[self._rare & (rng.random(len(ids)) < settings.unk_rate)] = UNKNOWN_ID
        most, steps = settings.batch_size, settings.bptt
        if self._context == "line":
            order = shuffled_by_length(self._lengths, most, rng)
            batches = line_batches(stream, order, most, steps, first_step, self._share)
        else:
            rotation = int(rng.choice(stream.line_starts))
            batches = stream_batches(
                stream, self._streams, steps, rotation, first_step, self._share
            )
        for number, (read, answers) in enumerate(batches, start=first_step):
            if self._context == "line":
                self.rows = min(most, len(self._lengths) - number * most)
            yield self._tensor(ids[read]), self._tensor(ids[answers])

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields all held-out lines; nothing if no line is held out."""
        held = self._held_out
        if len(held) == 0:
            return
        if self._context == "line":
            _, lengths = line_pieces(held, self._settings.bptt)
            order = np.argsort(lengths, kind="stable")
            batches = line_batches(held, order, EVALUATION_BATCH, self._settings.bptt)
        else:
            streams = max(1, min(EVALUATION_STREAMS, len(held) // EVALUATION_STREAM))
            batches = stream_batches(held, streams, EVALUATION_STEPS)
        for read, answers in batches:
            yield self._tensor(read), self._tensor(answers)

    def _tensor(self, ids: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(ids).to(self._device)
