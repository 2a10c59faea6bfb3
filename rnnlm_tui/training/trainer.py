"""Training as a generator of events.

The trainer knows nothing of the network but how to ask for a step, and nothing of who watches: the
command line and the terminal app are loops over its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from rnnlm_tui.events import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    FinishReason,
    Progress,
    Saved,
    Started,
    Warned,
)
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.run_state import EpochTotals, GeneratorState, Position
from rnnlm_tui.suggest import generate_words
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.training.checkpoint import Checkpoints, RunState
from rnnlm_tui.training.control import SAMPLE_WORDS, Control
from rnnlm_tui.training.learner import Learner, flushed_subnormals, perplexity
from rnnlm_tui.training.networks import BatchLoss
from rnnlm_tui.training.run import TrainingRun, versions_without_torch

REPORT_EVERY_S = 0.1
MOST_RECOVERIES = 3
SPEED_MEMORY = 0.9
"""The estimate of the time left follows the speed of about the last ten reports."""


class Trainer:
    """One run, from its start or from a saved state to its end."""

    def __init__(
        self, job: TrainingRun, control: Control, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Builds the network. Raises UsageError for a device that is not there."""
        self._job, self._control, self._clock = job, control, clock
        self._began = clock()
        self._epochs = job.config.epochs
        self._learner = Learner(job.config, job.prepared, job.weights)
        self._steps = self._learner.batches.steps
        self._checkpoints = Checkpoints(job.folder)
        self._position = Position(learning_rate=job.config.network_train.learning_rate)
        self._pending: list[BatchLoss] = []
        self._seconds_a_step = 0.0
        self._seconds_an_end = 0.0
        self._dropout = np.random.default_rng()

    def run(self) -> Iterator[Event]:
        """Trains. The events end with `finished`, which comes after the last save.

        Raises StorageError where the model cannot be saved.
        """
        self._seconds_a_step = self._learner.calibrate()
        self._restore()
        start = self._learner.weights()
        yield self._started()
        if self._job.state is None:
            self._save_state()
        config = self._job.config
        while self._position.epoch <= self._epochs:
            yield from self._train_epoch()
            if not (math.isfinite(self._position.sums.nll) and self._learner.is_sound()):
                if self._position.recoveries == MOST_RECOVERIES:
                    yield self._finished("diverged")
                    return
                yield self._recover(start)
            elif self._position.sums.steps < self._steps:
                yield self._save_within_epoch()
                break
            else:
                yield from self._end_epoch()
                if self._control.stopped or self._position.patience_exhausted(config.train):
                    break
        yield self._finished(self._why_over())

    def _why_over(self) -> FinishReason:
        if self._position.epoch > self._epochs:
            return "completed"
        return "stopped" if self._control.stopped else "early_stop"

    def _restore(self) -> None:
        state = self._job.state
        if state is None:
            return
        self._position = state.position
        self._learner.load_weights(state.weights)
        self._learner.restart_optimizer(state.position.learning_rate)
        self._learner.load_moments(state.moments, state.position.updates)
        self._learner.load_hidden_state(state.hidden_state)
        self._checkpoints.fresh = state.position.best_epoch is None

    def _train_epoch(self) -> Iterator[Event]:
        """Steps until the epoch ends, the loss is not finite, or the run is to stop."""
        position, sums = self._position, self._position.sums
        self._dropout = np.random.default_rng((self._job.config.train.seed, position.epoch, 1))
        if position.dropout is not None:
            self._dropout.bit_generator.state = position.dropout
        if sums.steps == 0:
            self._learner.begin_epoch()
        batches = self._learner.batches.epoch(position.epoch, sums.steps)
        last, steps_before, examples_before = self._clock(), sums.steps, sums.examples
        while not self._control.stopped and (batch := next(batches, None)):
            done = (position.epoch - 1 + sums.steps / self._steps) / self._epochs
            loss = self._learner.step(*batch, self._dropout, done)
            self._pending.append(loss)
            position.updates += 1
            sums.steps += 1
            sums.examples += loss.predictions
            now = self._clock()
            if now - last >= REPORT_EVERY_S or self._control.paused:
                self._count(now - last, sums.steps - steps_before)
                yield self._progress((sums.examples - examples_before) / max(now - last, 1e-9))
                if not math.isfinite(sums.nll):
                    return
                yield from self._control.wait_while_paused(self._time)
                last, steps_before, examples_before = self._clock(), sums.steps, sums.examples
        self._count(self._clock() - last, sums.steps - steps_before)

    def _count(self, seconds: float, steps: int) -> None:
        """Adds the steps since the last report to the sums, one by one, so that a run that was
        resumed has the same figures to the last digit."""
        sums = self._position.sums
        for loss in self._pending:
            sums.nll += loss.nll_sum.item()
            sums.penalty += loss.penalty.item()
            sums.correct += int(loss.hits.item())
        self._pending.clear()
        self._position.elapsed_s += seconds
        if steps:
            self._seconds_a_step *= SPEED_MEMORY
            self._seconds_a_step += (1 - SPEED_MEMORY) * seconds / steps

    def _end_epoch(self) -> Iterator[Event]:
        """Measures, keeps the weights if they are the best so far, and saves."""
        position, began = self._position, self._clock()
        epoch, held_out = position.epoch, self._learner.held_out_metrics()
        train = self._train_metrics()
        # With nothing held out the last weights are kept, as in the lesson.
        best = (
            held_out is None or position.best_loss is None or held_out["loss"] < position.best_loss
        )
        figures = {"epoch": epoch, "train": train, "held_out": held_out}
        position.history.append(cast(EpochFigures, figures))
        position.epoch, position.sums, position.dropout = epoch + 1, EpochTotals(), None
        if best:
            position.best_epoch = epoch
            position.best_loss = held_out["loss"] if held_out else train["loss"]
        seed_line = self._control.seed_line
        sample = {"seed": seed_line, "text": self._sample(seed_line)}
        measured = self._clock() - began
        position.elapsed_s += measured
        yield EpochEnded(self._time(), epoch, train, held_out, best, sample, position.elapsed_s)
        began = self._clock()
        self._save_model(position.history[-1] if best else None)
        self._save_state()
        saved = self._clock() - began
        position.elapsed_s += saved
        self._seconds_an_end = measured + saved
        yield Saved(self._time(), epoch, str(self._job.folder), best)

    def _sample(self, seed_line: str) -> str:
        """`seed_line` and its likeliest continuation."""
        config, prepared = self._job.config, self._job.prepared
        model = ARCHITECTURES[config.preset].load(
            config.model,
            prepared.vocabulary,
            TOKENIZERS[config.tokenizer],
            prepared.window,
            self._learner.weights(),
        )
        return " ".join([seed_line, *generate_words(model, seed_line, SAMPLE_WORDS)]).strip()

    def _train_metrics(self) -> dict[str, float]:
        """Means of the epoch so far: the loss and the accuracy an example, the penalty a step."""
        sums = self._position.sums
        loss = sums.nll / max(1, sums.examples)
        return {
            "loss": loss,
            "penalty": sums.penalty / max(1, sums.steps),
            "accuracy": sums.correct / max(1, sums.examples),
            "perplexity": perplexity(loss),
        }

    def _save_within_epoch(self) -> Event:
        """Saves a run that is stopped in the middle of an epoch.

        Its weights become the model only where no epoch has ended yet.
        """
        position = self._position
        kept = position.best_epoch is None and position.updates > 0
        if kept:
            metrics = {"epoch": position.epoch, "train": self._train_metrics(), "held_out": None}
            self._save_model(cast(EpochFigures, {**metrics, "steps": position.sums.steps}))
        position.dropout = cast(GeneratorState, self._dropout.bit_generator.state)
        self._save_state()
        return Saved(self._time(), position.epoch, str(self._job.folder), kept)

    def _save_model(self, metrics: EpochFigures | None) -> None:
        """Puts the weights in place as the model, or, without `metrics`, only its history."""
        job, prepared = self._job, self._job.prepared
        card = ModelCard(
            config=job.config,
            tokenizer=job.config.tokenizer,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            parameters=self._parameters(),
            vocabulary="",
            weights="",
            corpus=prepared.card,
            metrics=metrics or self._position.history[-1],
            epochs_done=self._position.epoch - 1,
            created="",
            updated="",
            versions=versions(),
            history=self._position.history,
        )
        weights = None if metrics is None else self._learner.weights()
        self._checkpoints.save_model(card, prepared.vocabulary.words, weights)

    def _save_state(self) -> None:
        state = RunState(
            self._job.config,
            self._job.origin,
            self._position,
            self._learner.weights(),
            self._learner.moments(),
            self._learner.hidden_state() if self._position.sums.steps else {},
        )
        self._checkpoints.save_state(state)

    def _recover(self, start: dict[str, NDArray[np.float32]]) -> Event:
        """Goes back to the best epoch with half the learning rate; the loss was not finite."""
        position = self._position
        best = position.best_epoch or 0
        weights = start if best == 0 else self._checkpoints.best_weights()
        position.recoveries += 1
        position.learning_rate /= 2
        failed, position.epoch, position.sums = position.epoch, best + 1, EpochTotals()
        position.dropout, position.updates = None, 0
        position.history = [entry for entry in position.history if entry["epoch"] <= best]
        self._learner.load_weights(weights)
        self._learner.restart_optimizer(position.learning_rate)
        return Warned(
            self._time(),
            f"the loss of epoch {failed} is not a finite number: going back to "
            f"{f'epoch {best}' if best else 'the start'} with half the learning rate,"
            f" {position.learning_rate:g} ({position.recoveries} of {MOST_RECOVERIES} times)",
        )

    def _started(self) -> Started:
        job, prepared, position = self._job, self._job.prepared, self._position
        parameters = self._parameters()
        return Started(
            time=self._time(),
            name=job.name,
            preset=job.config.preset,
            config=job.config.to_json(),
            seed=job.config.train.seed,
            corpus=prepared.card,
            total_words=prepared.vocabulary.total_words,
            window=prepared.window,
            examples=prepared.examples.predictions,
            held_out_lines=prepared.held_out_lines,
            parameters=parameters,
            memory_bytes=ARCHITECTURES[job.config.preset].training_bytes(
                job.config,
                prepared.vocabulary.total_words,
                prepared.window,
                prepared.examples.predictions,
            ),
            estimated_s=self._time_left(),
            epochs_done=position.epoch - 1,
            device=str(self._learner.device),
            threads=self._learner.threads,
            versions=versions(),
        )

    def _time_left(self) -> float:
        """Seconds to the end of the last epoch, with what each end of an epoch was seen to take."""
        epochs = self._epochs - self._position.epoch + 1
        steps = epochs * self._steps - self._position.sums.steps
        return steps * self._seconds_a_step + epochs * self._seconds_an_end

    def _progress(self, examples_per_s: float) -> Progress:
        position, sums = self._position, self._position.sums
        metrics = self._train_metrics()
        return Progress(
            time=self._time(),
            epoch=position.epoch,
            epochs=self._epochs,
            step=sums.steps,
            steps=self._steps,
            loss=metrics["loss"],
            accuracy=metrics["accuracy"],
            examples_per_s=examples_per_s,
            elapsed_s=position.elapsed_s,
            eta_s=self._time_left(),
        )

    def _finished(self, why: FinishReason) -> Finished:
        position = self._position
        return Finished(
            time=self._time(),
            reason=why,
            best_epoch=position.best_epoch,
            metrics=dict(self._checkpoints.metrics() or {}),
            path=str(self._job.folder),
            elapsed_s=position.elapsed_s,
        )

    def _parameters(self) -> int:
        config, prepared = self._job.config, self._job.prepared
        architecture = ARCHITECTURES[config.preset]
        return architecture.parameters(config.model, prepared.vocabulary.total_words)

    def _time(self) -> float:
        return self._clock() - self._began


def versions() -> dict[str, str]:
    """The versions that decide what a run computes."""
    return {**versions_without_torch(), "torch": torch.__version__}


def train(job: TrainingRun, control: Control) -> Iterator[Event]:
    """The events of this run. Raises UsageError for a device that is not there."""
    with flushed_subnormals():
        yield from Trainer(job, control).run()
