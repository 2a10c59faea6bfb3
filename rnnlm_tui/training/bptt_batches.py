"""Batches of a text for a causal network: every word and every end of a line is a target once.

A line of the words a b c is read as `<s> a b c` and answered by `a b c </s>`, so that the text is
one stream of steps:

    read    <s> a  b  c    <s> d  e    <s> f  ...
    answer  a   b  c  </s> d   e  </s> f   g  ...

In the context `stream`, B streams of equal length are cut from it and read side by side, T steps a
batch; the state of each goes on from batch to batch (truncated back-propagation through time):

    batch 1          batch 2          ...
    stream 1  0 .. T-1      T .. 2T-1
    stream 2  L .. L+T-1    L+T .. L+2T-1
    ...

In the context `line` a batch is B whole lines, each from its own begin, padded at the end.

Shapes: N words, M targets (words and ends of lines), B batch, T time steps, L steps of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnlm_tui.config import CausalTrainConfig
from rnnlm_tui.text.encoded import EncodedLines
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary
from rnnlm_tui.training.prefix_batches import EVALUATION_BATCH

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""What is read and what is to be answered, [B, T] each; padding where a stream is over."""
SAME_LENGTH_BATCHES = 64
"""Lines are sorted by length within stretches of so many batches, so that little is padded."""
EVALUATION_STREAMS, EVALUATION_STREAM, EVALUATION_STEPS = 16, 1000, 64
"""Held-out text is read as so many streams at most, each so long at least, since each begins with
no context; and so many steps at a time."""


class TargetStream:
    """The text as one stream of targets, from lines of ids."""

    def __init__(
        self, tokens: NDArray[np.int32], starts: NDArray[np.int64], begin_id: int, end_id: int
    ) -> None:
        """`tokens` [N], and where each line starts."""
        self.begin_id, self.end_id = begin_id, end_id
        ends = np.append(starts[1:], len(tokens)) if len(starts) else starts
        self.targets = np.insert(tokens, ends, end_id)  # [M]
        self.line_starts = np.asarray(starts + np.arange(len(starts)), dtype=np.int64)

    @classmethod
    def of(cls, lines: EncodedLines, vocabulary: Vocabulary) -> TargetStream:
        """The stream of these lines. Raises ValueError for words without begin and end of line."""
        if vocabulary.begin_id is None or vocabulary.end_id is None:
            raise ValueError("a stream needs a begin and an end of line")
        return cls(lines.tokens, lines.starts, vocabulary.begin_id, vocabulary.end_id)

    def __len__(self) -> int:
        return len(self.targets)

    def read(self, places: NDArray[np.int64]) -> Batch:
        """What is read at these places of the stream, and the answers."""
        before = self.targets[places - 1].astype(np.int64)  # at 0 the last, which is an end too
        inputs = np.where(before == self.end_id, self.begin_id, before)
        return inputs, self.targets[places].astype(np.int64)


def stream_batches(
    stream: TargetStream, streams: int, steps: int, rotation: int = 0, first: int = 0
) -> Iterator[Batch]:
    """All batches of the context `stream` from number `first` on.

    The text is read from its target number `rotation` on and, at its end, from its first.
    """
    length = stream_length(stream, streams)
    begins = np.arange(streams)[:, None] * length  # [B, 1]
    for low in range(first * steps, length, steps):
        places = begins + np.arange(low, min(low + steps, length))  # [B, T]
        beyond = places >= len(stream)
        read, answers = stream.read((np.minimum(places, len(stream) - 1) + rotation) % len(stream))
        read[beyond] = answers[beyond] = PADDING
        yield read, answers


def stream_length(stream: TargetStream, streams: int) -> int:
    """The steps of each of so many streams."""
    return -(-len(stream) // streams)


def line_batches(
    stream: TargetStream, order: NDArray[np.int64], lines: int, steps: int, first: int = 0
) -> Iterator[Batch]:
    """All batches of the context `line` from number `first` on: `lines` lines each, in `order`.

    A line longer than `steps` is cut into lines of that length, which `order` counts too.
    """
    starts, lengths = line_pieces(stream, steps)
    for low in range(first * lines, len(order), lines):
        chosen = order[low : low + lines]
        long = lengths[chosen]
        places = starts[chosen][:, None] + np.arange(long.max())  # [B, T]
        beyond = np.arange(long.max()) >= long[:, None]
        read, answers = stream.read(np.minimum(places, len(stream) - 1))
        read[beyond] = answers[beyond] = PADDING
        yield read, answers


def line_pieces(stream: TargetStream, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the lines start, those longer than `steps` in pieces, and how many targets each has."""
    lengths = np.diff(np.append(stream.line_starts, len(stream)))
    pieces = -(-lengths // steps)
    line = np.repeat(np.arange(len(lengths)), pieces)
    piece = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = stream.line_starts[line] + piece * steps
    return starts, np.minimum(lengths[line] - piece * steps, steps)


def shuffled_by_length(
    lengths: NDArray[np.int64], lines: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """A random order of lines in which those of a batch are about as long."""
    order = rng.permutation(len(lengths))
    stretch = lines * SAME_LENGTH_BATCHES
    batches: list[NDArray[np.int64]] = []
    for low in range(0, len(order), stretch):
        part = order[low : low + stretch]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + lines] for i in range(0, len(part), lines)]
    # The one batch that may be smaller stays last, so that the number of a batch tells its place.
    whole = [batch for batch in batches if len(batch) == lines]
    rest = [batch for batch in batches if len(batch) < lines]
    return np.concatenate([*(whole[i] for i in rng.permutation(len(whole))), *rest])


class BpttBatches:
    """The batches of a prepared corpus.

    Everything random in an epoch follows from the seed and the epoch's number alone, so that a run
    can go on in the middle of one: where the text is begun, or the order of its lines; and which of
    the words that occur once are read, and answered, as unknown ones, so that `<unk>` is learned
    though every word has an id.
    """

    def __init__(
        self,
        prepared: PreparedLines,
        context: str,
        settings: CausalTrainConfig,
        device: torch.device,
    ) -> None:
        """`context` is stream or line."""
        self._config, self._context = settings, context
        self._device = device
        vocabulary = prepared.vocabulary
        self._stream = TargetStream.of(prepared.examples, vocabulary)
        self._held_out = TargetStream.of(prepared.held_out, vocabulary)
        counts = np.bincount(prepared.examples.tokens, minlength=vocabulary.total_words)
        self._unknown_id = vocabulary.unknown_id or 0
        # Where <unk> occurs of itself, it is learned as often as it occurs.
        self._rare = (counts == 1) & (counts[self._unknown_id] == 0)
        _, self._lengths = line_pieces(self._stream, self._config.bptt)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        if self._context == "line":
            return -(-len(self._lengths) // self._config.batch_size)
        return -(-stream_length(self._stream, self._streams) // self._config.bptt)

    @property
    def _streams(self) -> int:
        """As many as asked for, unless the text is so short that one would not fill a batch."""
        return max(1, min(self._config.batch_size, len(self._stream) // self._config.bptt))

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch from `first_step` on: what is read and the answers [B, T]."""
        rng = np.random.default_rng((self._config.seed, epoch))
        ids = np.arange(len(self._rare))
        ids[self._rare & (rng.random(len(ids)) < self._config.unk_rate)] = self._unknown_id
        if self._context == "line":
            order = shuffled_by_length(self._lengths, self._config.batch_size, rng)
            batches = line_batches(
                self._stream, order, self._config.batch_size, self._config.bptt, first_step
            )
        else:
            rotation = int(rng.choice(self._stream.line_starts))
            batches = stream_batches(
                self._stream, self._streams, self._config.bptt, rotation, first_step
            )
        for read, answers in batches:
            yield self._tensor(ids[read]), self._tensor(ids[answers])

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All held-out lines, in order; nothing where no line is held out."""
        held = self._held_out
        if len(held) == 0:
            return
        if self._context == "line":
            _, lengths = line_pieces(held, self._config.bptt)
            order = np.argsort(lengths, kind="stable")
            batches = line_batches(held, order, EVALUATION_BATCH, self._config.bptt)
        else:
            streams = max(1, min(EVALUATION_STREAMS, len(held) // EVALUATION_STREAM))
            batches = stream_batches(held, streams, EVALUATION_STEPS)
        for read, answers in batches:
            yield self._tensor(read), self._tensor(answers)

    def _tensor(self, ids: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(ids).to(self._device)
