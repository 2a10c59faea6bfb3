"""The interface of learners, which the training loop drives, and the learner of n-grams. The
learner of networks is in `network_learner`, which loads PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from rnnlm_tui.config import NgramConfig
from rnnlm_tui.events import Metrics
from rnnlm_tui.lm.kneser_ney import ngram_arrays
from rnnlm_tui.lm.mixture import ComponentName
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.store.run_files import Tensors
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.training.job import Job

Parts = dict[ComponentName, Arrays]
"""The weights of a model's network and the tables of its n-grams, as its file has them."""


class Learner(Protocol):
    """A model that learns in steps, measures itself on held-out lines, and can be saved. It reads
    and advances the position of its job."""

    steps: int
    """The number of steps of an epoch."""
    device: str
    """The device that it computes on, such as "cpu"."""

    @property
    def threads(self) -> int | None:
        """The number of threads of the next step."""

    def begin(self) -> None:
        """Begins or continues the epoch of the position."""

    def step(self) -> None:
        """Takes the next step, and adds it and its figures to the position."""

    def held_out_metrics(self) -> Metrics | None:
        """Returns the metrics on the held-out lines, or None without such lines. Call it between
        two epochs."""

    def parts(self) -> Parts:
        """Returns what it has learned, as the file of the model has it."""

    def state(self) -> Tensors:
        """Returns the tensors that a run is resumed from, or {} if it cannot be resumed."""


class NgramLearner:
    """Counts the n-grams of a text: one epoch, with one step for each length."""

    device, threads = "cpu", None

    def __init__(self, job: Job) -> None:
        assert isinstance(job.config.model, NgramConfig)
        self._job, self.steps = job, job.config.model.order

    def begin(self) -> None:
        self._levels, self._arrays = count_ngrams(self._job, self.steps), Tensors()

    def step(self) -> None:
        self._arrays |= next(self._levels)
        position = self._job.position
        position.step += 1
        position.totals.predictions += self._job.prepared.predictions / self.steps

    def held_out_metrics(self) -> Metrics | None:
        self._levels = iter(())  # the generator holds the counts: 0.4 GB for 10 million words
        prepared = self._job.prepared
        model = NgramModel(prepared.vocabulary, prepared.tokenizer, self._arrays)
        found = summarize(score(model, self._job.lines_to_measure, counts_keys=False))
        if not found.words:
            return None
        return Metrics(
            loss=found.loss, perplexity=found.perplexity, top1=found.top1, top5=found.top5
        )

    def parts(self) -> Parts:
        return {"ngrams": self._arrays}

    def state(self) -> Tensors:
        return {}


def count_ngrams(job: Job, order: int) -> Iterator[Arrays]:
    """Yields the tables of the n-grams of the training lines, one length at a time."""
    return ngram_arrays(job.prepared.train, job.prepared.vocabulary.total_words, order)
