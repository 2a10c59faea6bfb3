"""The training of a network as a generator of events.

The trainer knows nothing of the network except how to ask for a step, and nothing of who watches:
the command line and the terminal app are loops over its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from rnnlm_tui.config import Config
from rnnlm_tui.event_types import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    FinishReason,
    Progress,
    Saved,
    Warned,
)
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.mixture import ComponentName, Fit
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import Mixture, ModelCard
from rnnlm_tui.store.run_state import EpochTotals, GeneratorState, Position, TextOrigin
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.checkpoint import Checkpoint, part_of, state_of
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.estimate import MAX_AT_FIRST
from rnnlm_tui.training.held_out import (
    evaluate_held_out,
    evaluate_saved_model,
    loss_of_update,
    mix,
)
from rnnlm_tui.training.learner import Learner, perplexity
from rnnlm_tui.training.networks import BatchLoss
from rnnlm_tui.training.ngram_trainer import TextNgrams, count_ngrams
from rnnlm_tui.training.ranks import LEARN, Ranks
from rnnlm_tui.training.run import RunEvents, TrainingRun, sample
from rnnlm_tui.training.time_left import TimeLeft

REPORT_EVERY_S = 0.1
MAX_RECOVERIES = 3

OLDER_MODEL_STAYS = (
    "stopped before the end of the first epoch: the previous model is kept, and the new one can"
    " be resumed"
)

Arrays = dict[str, NDArray[Any]]


def train(run: TrainingRun, control: Control, ranks: Ranks | None = None) -> Iterator[Event]:
    """Yields the events of this run. With several processes, rank 0 alone calls this.

    Raises UsageError if there is no such device, RankError if another process is gone.
    """
    with _settings_of_torch():
        yield from Trainer(run, control, ranks=ranks).events()


def follow(ranks: Ranks, config: Config, prepared: PreparedText, control: Control) -> None:
    """Trains as rank 0 tells this process to, until rank 0 ends the run. Raises RankError."""
    with _settings_of_torch():
        learner = Learner(config, prepared, ranks=ranks)
        while True:
            what, arrays = ranks.receive()
            if what != LEARN:
                return
            _follow_epoch(learner, state_of(arrays), control)


def _follow_epoch(learner: Learner, state: Checkpoint, control: Control) -> None:
    """Trains the rest of an epoch as `Trainer._train_epoch` does on rank 0, from the same state."""
    position, epochs, steps = state.position, state.config.epochs, learner.batches.steps
    learner.restore(state)
    learner.begin_steps(lambda: state)
    dropout, sums = dropout_generator(state.config, position), position.sums
    batches = learner.batches.epoch(position.epoch, sums.steps)
    while not learner.should_stop(control.stopped) and (batch := next(batches, None)):
        learner.step(*batch, dropout, share_done(position, steps, epochs))
        sums.steps += 1
    learner.end_steps(is_early=sums.steps < steps)


def share_done(position: Position, steps: int, epochs: int) -> float:
    """Returns the share of the run that is over, from 0 to 1; `steps` is per epoch."""
    return (position.epoch - 1 + position.sums.steps / steps) / epochs


def dropout_generator(config: Config, position: Position) -> np.random.Generator:
    """Returns the random generator for the dropout of the rest of an epoch."""
    dropout = np.random.default_rng((config.train.seed, position.epoch, 1))
    if position.dropout is not None:
        dropout.bit_generator.state = position.dropout
    return dropout


@contextmanager
def _settings_of_torch() -> Iterator[None]:
    # The L2 penalty drives weights and Adam's means below 1e-38, and Intel processors are a hundred
    # times slower with such numbers: an epoch of the lesson takes 23 s instead of 7 s.
    # A thread keeps the mode it starts with, so this comes before the first operation.
    torch.set_flush_denormal(True)
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


class Trainer:
    """One run, from its start or from a saved state to its end."""

    def __init__(
        self,
        run: TrainingRun,
        control: Control,
        clock: Callable[[], float] = time.monotonic,
        ranks: Ranks | None = None,
    ) -> None:
        """Builds the network. Raises UsageError if there is no such device."""
        self._run, self._control, self._clock = run, control, clock
        self._report = RunEvents(run, clock, {"torch": torch.__version__})
        self._epochs = run.config.epochs
        self._learner = Learner(run.config, run.prepared, run.weights, ranks)
        self._steps = self._learner.batches.steps
        self._checkpoints = run.checkpoints()
        self._position = Position(learning_rate=run.config.network_train.learning_rate)
        self._estimated = of_run = self._report.estimate()
        of_step = of_run.steps / (self._epochs * self._steps)
        self._time_left = TimeLeft(of_step, of_run.each_epoch, of_run.end)
        self._ngrams: TextNgrams | None = None
        self._pending: list[BatchLoss] = []
        self._dropout = np.random.default_rng()

    def events(self) -> Iterator[Event]:
        """Trains. The events end with `finished`, after the last save and the evaluation.

        Raises StorageError if the model cannot be saved.
        """
        self._restore()
        start = self._learner.state()
        yield self._report.started(
            self._seconds_left() + self._estimated.start,
            epochs_done=self._position.epoch - 1,
            device=str(self._learner.device),
            threads=self._learner.threads,
        )
        yield from self._warnings()
        if self._run.state is None:
            self._save_state(start)
        if self._run.config.is_mixed:
            yield from self._count_ngrams()
        reason = self._reason_to_end() if self._position.epoch > self._epochs else None
        while reason is None:
            yield from self._train_epoch()
            if not (math.isfinite(self._position.sums.nll) and self._learner.has_finite_weights()):
                if self._position.recoveries == MAX_RECOVERIES:
                    reason = "diverged"
                else:
                    yield self._recover(start)
            elif self._position.sums.steps < self._steps:
                yield from self._save_within_epoch()
                reason = "stopped"
            else:
                yield from self._end_epoch()
                reason = self._reason_to_end()
        yield from self._finish(reason)

    def _warnings(self) -> Iterator[Event]:
        yield from self._report.warnings()
        wanted, threads = self._run.config.network_train.threads, self._learner.threads
        if wanted is not None and wanted > threads:
            cores = plural(threads, "core")
            message = f"{wanted} threads are more than the {cores} here: training with {threads}"
            yield Warned(self._report.time(), message)

    def _reason_to_end(self) -> FinishReason | None:
        """Why the run ends after this epoch, or None if it goes on."""
        if self._position.epoch > self._epochs:
            return "completed"
        if self._control.stopped:
            return "stopped"
        train = self._run.config.train
        return "early_stop" if self._position.patience_exhausted(train) else None

    def _restore(self) -> None:
        state = self._run.state
        if state is None:
            return
        self._position = state.position
        self._learner.restore(state)

    def _count_ngrams(self) -> Iterator[Event]:
        """Counts the n-grams that are mixed with the network. They are saved as the model, which
        has no network until the first epoch ends, unless there is a model already: that of an
        earlier run, or of this one if it was resumed. Measured on a few words."""
        run = self._run
        self._ngrams = ngrams = yield from count_ngrams(run, self._report)
        if self._checkpoints.saved() or self._checkpoints.has_older_model():
            return
        alone: dict[ComponentName, LanguageModel] = {"ngrams": ngrams.model}
        model, mixture, fit = mix(run, alone, ngrams.described, MAX_AT_FIRST)
        evaluation = evaluate_held_out(run, model, self._control, MAX_AT_FIRST, fit)
        if self._control.stopped:
            return
        card = replace(self._report.card([], None, 0, mixture=mixture), evaluation=evaluation)
        self._checkpoints.save_model(card, {"ngrams": ngrams.arrays})
        yield Saved(self._report.time(), 0, str(run.path), best=True)

    def _train_epoch(self) -> Iterator[Event]:
        """Takes steps until the epoch ends, the loss is not finite, or the run is stopped."""
        position, sums = self._position, self._position.sums
        self._dropout = dropout_generator(self._run.config, position)
        if sums.steps == 0:
            self._learner.begin_epoch()
        self._learner.begin_steps(lambda: self._state(self._learner.state()))
        batches = self._learner.batches.epoch(position.epoch, sums.steps)
        last, steps_before, examples_before = self._clock(), sums.steps, sums.examples
        while not self._wants_to_leave() and (batch := next(batches, None)):
            done = share_done(position, self._steps, self._epochs)
            began = self._clock()
            loss = self._learner.step(*batch, self._dropout, done)
            now = self._clock()
            self._learner.adapt_threads(now - began, loss.predictions)
            self._pending.append(loss)
            position.updates += 1
            sums.steps += 1
            sums.examples += loss.predictions
            sums.words += loss.words
            if now - last >= REPORT_EVERY_S or self._control.paused:
                self._count(now - last, sums.steps - steps_before)
                yield self._progress((sums.examples - examples_before) / max(now - last, 1e-9))
                yield from self._control.wait_while_paused(self._report.time)
                last, steps_before, examples_before = self._clock(), sums.steps, sums.examples
        self._count(self._clock() - last, sums.steps - steps_before)
        self._learner.end_steps(is_early=sums.steps < self._steps)

    def _wants_to_leave(self) -> bool:
        """Whether to leave the epoch before its next step."""
        is_finite = math.isfinite(self._position.sums.nll)
        return self._learner.should_stop(self._control.stopped or not is_finite)

    def _count(self, seconds: float, steps: int) -> None:
        """Adds the steps since the last report to the sums. One by one, so that a resumed run
        reports the same figures to the last digit."""
        sums = self._position.sums
        for loss in self._pending:
            sums.nll += loss.nll_sum.item()
            sums.penalty += loss.penalty.item()
            sums.correct += int(loss.hits.item())
        self._pending.clear()
        self._position.elapsed_s += seconds
        self._time_left.add_steps(seconds, steps)

    def _end_epoch(self) -> Iterator[Event]:
        """Evaluates, saves the weights as the model if they are the best so far, and saves the
        state of the run."""
        position, began = self._position, self._clock()
        epoch, held_out = position.epoch, self._learner.held_out_metrics()
        train, tensors = self._train_metrics(), self._learner.state()
        weights = part_of(tensors, "weight.")
        # With nothing held out the last weights are kept, as in the lesson.
        loss = held_out["loss"] if held_out else train["loss"]
        best = held_out is None or position.best_loss is None or loss < position.best_loss
        model = self._report.model(weights)
        mixed, mixture, fit = self._mixed(model) if best else (model, None, None)
        best = best and (not self._run.is_update or self._is_better(mixed, fit))
        metrics = cast(EpochFigures, {"epoch": epoch, "train": train, "held_out": held_out})
        position.history.append(metrics)
        position.epoch, position.sums, position.dropout = epoch + 1, EpochTotals(), None
        if best:
            position.best_epoch, position.best_loss = epoch, loss
        text = sample(model, self._control.seed_line)
        position.elapsed_s += self._clock() - began
        yield EpochEnded(
            self._report.time(), epoch, train, held_out, best, text, position.elapsed_s
        )
        saving = self._clock()
        if best:
            self._save_model(metrics, weights, mixture)
        elif position.best_epoch is not None:
            self._checkpoints.save_figures(self._card(metrics))
        self._save_state(tensors)
        position.elapsed_s += self._clock() - saving
        self._time_left.set_end(self._clock() - began)
        yield Saved(self._report.time(), epoch, str(self._run.path), best)

    def _mixed(self, model: LanguageModel) -> tuple[LanguageModel, Mixture | None, Fit | None]:
        """Mixes the network with the n-grams, if the run has any; also returns the mixture for the
        card, and its fit."""
        if self._ngrams is None:
            return model, None, None
        both: dict[ComponentName, LanguageModel] = {"network": model, "ngrams": self._ngrams.model}
        return mix(self._run, both, self._ngrams.described)

    def _is_better(self, model: LanguageModel, fit: Fit | None) -> bool:
        """Whether this epoch of an update is better than the model to replace. Remembers its loss
        if it is the best one so far."""
        position, loss = self._position, loss_of_update(self._run, model, fit)
        is_better = self._run.is_better(loss, is_last=position.epoch == self._epochs)
        if is_better or (position.best_epoch is None and _less(loss, position.new_loss)):
            position.new_loss = loss
        return is_better

    def _train_metrics(self) -> dict[str, float]:
        """Means of the epoch so far: loss per example, accuracy per word, penalty per step."""
        sums = self._position.sums
        loss = sums.nll / max(1, sums.examples)
        return {
            "loss": loss,
            "penalty": sums.penalty / max(1, sums.steps),
            "accuracy": sums.correct / max(1, sums.words),
            "perplexity": perplexity(loss),
        }

    def _save_within_epoch(self) -> Iterator[Event]:
        """Saves a run that is stopped in the middle of an epoch.

        Its weights become the model only if no epoch has ended yet, there are no n-grams, and there
        is no model of an earlier run.
        """
        position, tensors = self._position, self._learner.state()
        is_first = position.best_epoch is None
        has_model = self._ngrams is not None or self._checkpoints.has_older_model()
        kept = is_first and position.updates > 0 and not has_model
        if kept:
            metrics = {"epoch": position.epoch, "train": self._train_metrics(), "held_out": None}
            stopped_at = {**metrics, "steps": position.sums.steps}
            self._save_model(cast(EpochFigures, stopped_at), part_of(tensors, "weight."))
        elif is_first and self._checkpoints.has_older_model():
            yield Warned(self._report.time(), OLDER_MODEL_STAYS)
        position.dropout = cast(GeneratorState, dict(self._dropout.bit_generator.state))
        self._save_state(tensors)
        yield Saved(self._report.time(), position.epoch, str(self._run.path), kept)

    def _save_model(
        self, metrics: EpochFigures, weights: Arrays, mixture: Mixture | None = None
    ) -> None:
        """Saves the weights as the model, with its mixture."""
        parts: dict[ComponentName, Arrays] = {"network": weights}
        if self._ngrams is not None:
            parts["ngrams"] = self._ngrams.arrays
        self._checkpoints.save_model(self._card(metrics, mixture), parts)

    def _card(self, metrics: EpochFigures, mixture: Mixture | None = None) -> ModelCard:
        history, done = self._position.history, self._position.epoch - 1
        return self._report.card(history, metrics, done, mixture=mixture)

    def _save_state(self, tensors: Arrays) -> None:
        self._checkpoints.save_state(self._state(tensors))

    def _state(self, tensors: Arrays) -> Checkpoint:
        """The state of the run, with the tensors of the learner."""
        run = self._run
        if run.ancestors or run.origin.get("base"):
            held_out = run.prepared.held_out_mask.astype(np.uint8)
            lines: Arrays = {"lines.ancestors": run.ancestor_lines, "lines.held_out": held_out}
            tensors = tensors | lines
        origin: TextOrigin = {**run.origin, "seed_line": self._control.seed_line}
        return Checkpoint(run.config, origin, self._position, tensors)

    def _recover(self, start: Arrays) -> Event:
        """Goes back to the best epoch with half the learning rate; the loss was not finite."""
        position = self._position
        best = position.best_epoch or 0
        weights = part_of(start, "weight.") if best == 0 else self._checkpoints.best_weights()
        position.recoveries += 1
        position.learning_rate /= 2
        failed, position.epoch, position.sums = position.epoch, best + 1, EpochTotals()
        position.dropout, position.updates = None, 0
        position.history = [entry for entry in position.history if entry["epoch"] <= best]
        self._learner.network.load_weights(weights)
        self._learner.restart_optimizer(position.learning_rate)
        return Warned(
            self._report.time(),
            f"the loss of epoch {failed} is not a finite number: going back to "
            f"{f'epoch {best}' if best else 'the start'} with half the learning rate,"
            f" {position.learning_rate:g} ({position.recoveries} of {MAX_RECOVERIES} times)",
        )

    def _finish(self, reason: FinishReason) -> Iterator[Event]:
        """Evaluates the model that is kept, and ends."""
        saved, evaluation = self._checkpoints.saved(), None
        if saved:
            evaluation = yield from evaluate_saved_model(self._run, self._control, self._report)
        elif self._run.is_update and reason in ("completed", "early_stop"):
            self._checkpoints.drop_state()
        new_loss = self._position.new_loss
        yield Finished(
            time=self._report.time(),
            reason=reason,
            best_epoch=self._position.best_epoch,
            metrics=dict(saved.metrics or {"epoch": 0}) if saved else {},
            path=str(self._run.path),
            elapsed_s=self._position.elapsed_s,
            update=self._report.update(new_loss, replaced=bool(saved)),
            evaluation=evaluation,
        )

    def _seconds_left(self) -> float:
        """Seconds to the end of the last epoch."""
        epochs = self._epochs - self._position.epoch + 1
        steps = epochs * self._steps - self._position.sums.steps
        return self._time_left.seconds(steps, epochs)

    def _progress(self, examples_per_s: float) -> Progress:
        position, metrics = self._position, self._train_metrics()
        return Progress(
            time=self._report.time(),
            epoch=position.epoch,
            epochs=self._epochs,
            step=position.sums.steps,
            steps=self._steps,
            loss=metrics["loss"],
            accuracy=metrics["accuracy"],
            examples_per_s=examples_per_s,
            elapsed_s=position.elapsed_s,
            eta_s=self._seconds_left(),
            threads=self._learner.threads,
        )


def _less(one: float | None, other: float | None) -> bool:
    """Whether `one` is less; any number is less than None."""
    return one is not None and (other is None or one < other)
