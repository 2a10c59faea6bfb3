"""What the training loop drives: something that learns in steps, measures itself on held-out lines
and can be saved. N-grams are learned here, networks in `network_learner`, which loads PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from rnnlm_tui.config import NgramConfig
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.event_types import Metrics
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.lm.ngram import NgramModel, ngram_arrays
from rnnlm_tui.store.run_files import Position, Tensors
from rnnlm_tui.text.held_out import sample_lines
from rnnlm_tui.training.job import Job

TRAIN_SAMPLE = 5_000
"""Training words, in lines spread over the text, that the metrics of n-grams are measured on."""


class Totals(NamedTuple):
    """What a step adds to the figures of its epoch: sums over its predictions, in nats, the hits
    if they are counted, and the penalty."""

    predictions: int
    nll: float = 0.0
    penalty: float = 0.0
    hits: int = 0


class Learner(Protocol):
    """A model that learns."""

    steps: int
    """The steps of an epoch."""
    device: str

    @property
    def threads(self) -> int | None:
        """The number of threads of the next step."""

    def begin(self, epoch: int, step: int) -> None:
        """Begins an epoch, or the rest of one from this step on."""

    def step(self, fraction: float) -> Totals:
        """Learns the next step; `fraction` is how much of the run is over."""

    def is_finite(self) -> bool:
        """Whether the weights can be saved."""

    def train_metrics(self, position: Position) -> Metrics:
        """The metrics of the epoch so far on the training lines."""

    def held_out_metrics(self) -> Metrics | None:
        """Those on the held-out lines; None without any."""

    def network(self) -> Arrays | None:
        """The weights by their names in a model's file."""

    def ngrams(self) -> Arrays | None:
        """The tables of n-grams."""

    def tensors(self) -> Tensors:
        """All that a run is resumed from, empty if it cannot be."""


class NgramLearner:
    """Counts the n-grams of a text: one epoch, with one step for each length."""

    device, threads = "cpu", None

    def __init__(self, job: Job) -> None:
        assert isinstance(job.config.model, NgramConfig)
        self._job, self.steps = job, job.config.model.order
        self._levels: Iterator[Arrays] = iter(())
        self._arrays: Arrays = {}

    def begin(self, epoch: int, step: int) -> None:
        self._levels, self._arrays = count_ngrams(self._job, self.steps), {}

    def step(self, fraction: float) -> Totals:
        self._arrays = {**self._arrays, **next(self._levels)}
        return Totals(self._job.prepared.predictions // self.steps)

    def is_finite(self) -> bool:
        return True

    def train_metrics(self, position: Position) -> Metrics:
        if position.step < self.steps:
            return Metrics()
        prepared = self._job.prepared
        lines = sample_lines(prepared.text, TRAIN_SAMPLE, prepared.held_out_mask)
        found = summarize(score(self._model(), lines, counts_keys=False))
        return Metrics(
            loss=found.loss, perplexity=found.perplexity, accuracy=found.top1, penalty=0.0
        )

    def held_out_metrics(self) -> Metrics | None:
        model = self._model()
        scored = [
            line
            for above, lines in self._job.held_out
            for line in score(model, lines, above, counts_keys=False)
        ]
        if not any(line.words for line in scored):
            return None
        found = summarize(scored)
        return Metrics(
            loss=found.loss, perplexity=found.perplexity, top1=found.top1, top5=found.top5
        )

    def _model(self) -> NgramModel:
        prepared = self._job.prepared
        return NgramModel(prepared.vocabulary, prepared.tokenizer, self._arrays)

    def network(self) -> Arrays | None:
        return None

    def ngrams(self) -> Arrays:
        return self._arrays

    def tensors(self) -> Tensors:
        return {}


def count_ngrams(job: Job, order: int) -> Iterator[Arrays]:
    """The tables of the n-grams of the training lines, one length at a time."""
    return ngram_arrays(job.prepared.train, job.prepared.vocabulary.total_words, order)
