"""Counting as a training: the events of a run that makes a model of counts. No torch.

It is one epoch, with a step for each length of sequences.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

import numpy as np

from rnnlm_tui.config import NgramConfig
from rnnlm_tui.events import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    FinishReason,
    Progress,
    Saved,
    Started,
)
from rnnlm_tui.lm.kneser_ney import Arrays, count_levels, level_arrays
from rnnlm_tui.lm.ngram import HELD_OUT_SAMPLE, TRAIN_SAMPLE, NgramModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.run_state import Position
from rnnlm_tui.suggest import generate_words
from rnnlm_tui.text.encoded import EncodedLines
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.checkpoint import Checkpoints, RunState
from rnnlm_tui.training.control import SAMPLE_WORDS, Control
from rnnlm_tui.training.run import TrainingRun, versions_without_torch

MOST_RANKED = 2 * HELD_OUT_SAMPLE
"""Predictions: more than the lines of a sample have together, but where one is a whole book."""


class NgramTrainer:
    """One run, from its start to its end. It has nothing to go on with but its own beginning."""

    def __init__(
        self, job: TrainingRun, control: Control, clock: Callable[[], float] = time.monotonic
    ) -> None:
        assert isinstance(job.prepared, PreparedLines) and isinstance(job.config.model, NgramConfig)
        self._job, self._control, self._clock = job, control, clock
        self._prepared, self._order = job.prepared, job.config.model.order
        self._checkpoints = Checkpoints(job.folder)
        self._began = clock()
        self._paused_s = 0.0
        self._arrays: Arrays = {}
        self._sizes: list[int] = []

    def run(self) -> Iterator[Event]:
        """Counts. The events end with `finished`, which comes after the save.

        Raises StorageError where the model cannot be saved.
        """
        yield self._started()
        state = RunState(self._job.config, self._job.origin, Position(), {}, {})
        self._checkpoints.save_state(state)
        yield from self._count()
        if self._control.stopped:
            yield self._finished("stopped", {})
            return
        ended = self._measured()
        yield ended
        metrics = {"epoch": 1, "train": ended.train, "held_out": ended.held_out}
        self._save(cast(EpochFigures, metrics))
        yield Saved(self._time(), 1, str(self._job.folder), best=True)
        yield self._finished("completed", metrics)

    def _count(self) -> Iterator[Event]:
        """Fills the arrays, a length of sequences a step, until done or told to stop."""
        vocabulary = self._prepared.vocabulary
        levels = count_levels(self._prepared.examples, vocabulary, self._order)
        for k, arrays in enumerate(level_arrays(levels, vocabulary), start=1):
            self._arrays |= arrays
            sequences = len(arrays[f"probability.{k}"])
            self._sizes.append(sequences - (k == 1))  # padding is no word
            yield self._progress(k)
            self._paused_s += yield from self._control.wait_while_paused(self._time)
            if self._control.stopped:
                return

    def _measured(self) -> EpochEnded:
        """The figures of the model, and how it continues the seed line."""
        prepared = self._prepared
        tokenizer = TOKENIZERS[self._job.config.tokenizer]
        model = NgramModel(self._order, prepared.vocabulary, tokenizer, self._arrays)
        seen = spread_lines(prepared.examples, TRAIN_SAMPLE, prepared.vocabulary)
        train_loss, (accuracy, _) = mean_loss(model, seen), hit_rates(model, seen)
        train = {"loss": train_loss, "penalty": 0.0, "accuracy": accuracy}
        held_out = None
        if len(prepared.held_out):
            loss = mean_loss(model, prepared.held_out)
            some = spread_lines(prepared.held_out, HELD_OUT_SAMPLE, prepared.vocabulary)
            top1, top5 = hit_rates(model, some)
            held_out = {"loss": loss, "perplexity": math.exp(loss), "top1": top1, "top5": top5}
        seed_line = self._control.seed_line
        text = " ".join([seed_line, *generate_words(model, seed_line, SAMPLE_WORDS)]).strip()
        return EpochEnded(
            time=self._time(),
            epoch=1,
            train={**train, "perplexity": math.exp(train_loss)},
            held_out=held_out,
            best=True,
            sample={"seed": seed_line, "text": text},
            elapsed_s=self._elapsed_s(),
        )

    def _save(self, metrics: EpochFigures) -> None:
        """Puts the model in place; its run cannot go on."""
        job, prepared = self._job, self._prepared
        card = ModelCard(
            config=job.config,
            tokenizer=job.config.tokenizer,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            parameters=sum(self._sizes),
            vocabulary="",
            weights="",
            corpus=prepared.card,
            metrics=metrics,
            epochs_done=1,
            created="",
            updated="",
            versions=versions_without_torch(),
            history=[metrics],
            sizes=self._sizes,
        )
        self._checkpoints.save_model(card, prepared.vocabulary.words, self._arrays)
        self._checkpoints.drop_state()

    def _started(self) -> Started:
        job, prepared = self._job, self._prepared
        architecture, total = ARCHITECTURES[job.config.preset], prepared.vocabulary.total_words
        costs = (job.config, total, prepared.window, prepared.examples.predictions)
        return Started(
            time=self._time(),
            name=job.name,
            preset=job.config.preset,
            config=job.config.to_json(),
            seed=job.config.train.seed,
            corpus=prepared.card,
            total_words=total,
            window=prepared.window,
            examples=prepared.examples.predictions,
            held_out_lines=prepared.held_out_lines,
            parameters=0,
            memory_bytes=architecture.training_bytes(*costs),
            estimated_s=architecture.training_seconds(*costs),
            epochs_done=0,
            device="cpu",
            threads=1,
            versions=versions_without_torch(),
        )

    def _progress(self, step: int) -> Progress:
        elapsed = self._elapsed_s()
        return Progress(
            time=self._time(),
            epoch=1,
            epochs=1,
            step=step,
            steps=self._order,
            loss=math.nan,
            accuracy=math.nan,
            examples_per_s=self._prepared.examples.predictions * step / max(elapsed, 1e-9),
            elapsed_s=elapsed,
            eta_s=elapsed / step * (self._order - step),
        )

    def _finished(self, why: FinishReason, metrics: dict[str, Any]) -> Finished:
        return Finished(
            time=self._time(),
            reason=why,
            best_epoch=1 if metrics else None,
            metrics=metrics,
            path=str(self._job.folder),
            elapsed_s=self._elapsed_s(),
        )

    def _elapsed_s(self) -> float:
        return self._time() - self._paused_s

    def _time(self) -> float:
        return self._clock() - self._began


def spread_lines(lines: EncodedLines, most: int, vocabulary: Vocabulary) -> EncodedLines:
    """Every n-th line, so that about `most` words are predicted at most."""
    every = -(-lines.predictions // most)
    chosen = [line for i, line in enumerate(lines) if i % every == 0]
    lengths = np.array([len(line) for line in chosen], dtype=np.int64)
    return EncodedLines(np.concatenate(chosen), lengths, vocabulary)


def mean_loss(model: NgramModel, lines: EncodedLines) -> float:
    """The mean negative log-likelihood of the words and the ends of lines, in nats."""
    # Above zero even where a discount of exactly 0 leaves nothing to an unseen word.
    probabilities = np.maximum(model.probabilities_of(lines), np.finfo(np.float32).tiny)
    return float(-np.log(probabilities.astype(np.float64)).mean())


def hit_rates(model: NgramModel, lines: EncodedLines) -> tuple[float, float]:
    """How often the word, or the end of the line, is the likeliest, and among the five likeliest,
    as shares of all predictions, or of the first of them where one line is a whole book."""
    ranks = []
    for context, target in islice(lines.pairs(model.window), MOST_RANKED):
        probabilities = model.next_word_probabilities(context)
        ranks.append(np.count_nonzero(probabilities > probabilities[target]))
    return float(np.mean(np.array(ranks) < 1)), float(np.mean(np.array(ranks) < 5))


def train(job: TrainingRun, control: Control) -> Iterator[Event]:
    """The events of this run."""
    return NgramTrainer(job, control).run()
