"""The training of a network as a generator of events.

The trainer knows nothing of the network except how to ask for a step, and nothing of who watches:
the command line and the terminal app are loops over its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch

from rnnlm_tui.config import Config
from rnnlm_tui.event_types import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    FinishReason,
    Saved,
    Warned,
)
from rnnlm_tui.formatting import plural
from rnnlm_tui.store.run_state import EpochTotals, Position
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.training.checkpoint import Tensors, arrays_of, part_of, state_of
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.epoch_steps import EpochSteps
from rnnlm_tui.training.estimate import RunSeconds
from rnnlm_tui.training.evaluation import evaluate_saved_model
from rnnlm_tui.training.learner import Learner
from rnnlm_tui.training.ranks import LEARN, Ranks
from rnnlm_tui.training.run import RunReport, TrainingRun, sample
from rnnlm_tui.training.run_saver import RunSaver

MAX_RECOVERIES = 3


def train(run: TrainingRun, control: Control, ranks: Ranks | None = None) -> Iterator[Event]:
    """Yields the events of this run. With several processes, rank 0 alone calls this.

    Raises UsageError if there is no such device, or if it lacks the precision, RankError if another
    process is gone.
    """
    with _settings_of_torch():
        yield from Trainer(run, control, ranks=ranks).events()


def follow(ranks: Ranks, config: Config, prepared: PreparedText, control: Control) -> None:
    """Trains as rank 0 tells this process to, until rank 0 ends the run. Raises RankError."""
    with _settings_of_torch():
        learner = Learner(config, prepared, ranks=ranks)
        while True:
            message, arrays = ranks.receive()
            if message != LEARN:
                return
            state = state_of(arrays)
            learner.restore(state)
            unknown, position = RunSeconds(0.0, 0.0, 0.0, 0.0), state.position
            steps = EpochSteps(config, learner, position, control, time.monotonic, unknown)
            for _event in steps.train():  # rank 0 reports the same
                pass


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
        self._run, self._control, self._ranks = run, control, ranks
        self._report = report = RunReport(run, clock, {"torch": torch.__version__})
        self._learner = learner = Learner(run.config, run.prepared, run.weights, ranks)
        rate = run.config.network_train.learning_rate
        self._position = run.state.position if run.state else Position(learning_rate=rate)
        self._estimated = report.estimate()
        self._steps = EpochSteps(
            run.config, learner, self._position, control, report.time, self._estimated
        )
        self._saver = RunSaver(run, self._position, control, report)

    def events(self) -> Iterator[Event]:
        """Trains. The events end with `finished`, after the last save and the evaluation.

        Raises StorageError if the model cannot be saved.
        """
        if self._run.state is not None:
            self._learner.restore(self._run.state)
        start = self._learner.state()
        yield self._report.started(
            self._steps.seconds_left() + self._estimated.start,
            epochs_done=self._position.epoch - 1,
            device=str(self._learner.device),
            threads=self._learner.threads,
        )
        yield from self._warnings()
        if self._run.state is None:
            self._saver.save_state(start)
        if self._run.config.is_mixed:
            yield from self._saver.save_ngrams()
        reason = self._reason_to_end()  # a run may have been killed while it was measured
        while reason is None:
            yield from self._train_epoch()
            if not (math.isfinite(self._position.sums.nll) and self._learner.has_finite_weights()):
                if self._position.recoveries == MAX_RECOVERIES:
                    reason = "diverged"
                else:
                    yield self._recover(start)
            elif not self._steps.are_done:
                train, tensors = self._steps.metrics(), self._learner.state()
                yield from self._saver.save_within_epoch(train, tensors)
                reason = "stopped"
            else:
                yield from self._end_epoch()
                reason = self._reason_to_end() or ("stopped" if self._control.stopped else None)
        yield from self._finish(reason)

    def _warnings(self) -> Iterator[Event]:
        yield from self._report.warnings()
        wanted, threads = self._run.config.network_train.threads, self._learner.threads
        if wanted is not None and wanted > threads:
            cores = plural(threads, "core")
            message = f"{wanted} threads are more than the {cores} here: training with {threads}"
            yield Warned(self._report.time(), message)

    def _reason_to_end(self) -> FinishReason | None:
        """Why no further epoch is to be trained, or None if one is."""
        if self._position.epoch > self._run.config.epochs:
            return "completed"
        train = self._run.config.train
        return "early_stop" if self._position.patience_exhausted(train) else None

    def _train_epoch(self) -> Iterator[Event]:
        """Trains the rest of an epoch, together with the other ranks."""
        if self._position.sums.steps == 0:
            self._learner.begin_epoch()
        if self._ranks is not None:
            self._ranks.send(LEARN, arrays_of(self._saver.state(self._learner.state())))
        yield from self._steps.train()

    def _end_epoch(self) -> Iterator[Event]:
        """Evaluates, saves the weights as the model if they are the best so far, and saves the
        state of the run."""
        position, now = self._position, self._report.time
        began, epoch = now(), position.epoch
        train, held_out = self._steps.metrics(), self._learner.held_out_metrics()
        tensors = self._learner.state()
        weights = part_of(tensors, "weight.")
        model = self._report.model(weights)
        is_best, mixture = self._saver.compare(model, held_out["loss"] if held_out else None)
        metrics = cast(EpochFigures, {"epoch": epoch, "train": train, "held_out": held_out})
        position.history.append(metrics)
        self._go_to_epoch(epoch + 1)
        if is_best:
            position.best_epoch, position.best_loss = epoch, (held_out or train)["loss"]
        text = sample(model, self._control.seed_line)
        position.elapsed_s += now() - began
        yield EpochEnded(now(), epoch, train, held_out, is_best, text, position.elapsed_s)
        saving = now()
        if is_best:
            self._saver.save_model(metrics, weights, mixture)
        elif position.best_epoch is not None:
            self._saver.save_figures(metrics)
        self._saver.save_state(tensors)
        position.elapsed_s += now() - saving
        self._steps.time_left.set_end(now() - began)
        yield Saved(now(), epoch, str(self._run.path), is_best)

    def _go_to_epoch(self, epoch: int) -> None:
        position = self._position
        position.epoch, position.sums, position.dropout = epoch, EpochTotals(), None

    def _recover(self, start: Tensors) -> Event:
        """Goes back to the best epoch with half the learning rate; the loss was not finite."""
        position, failed = self._position, self._position.epoch
        best = position.best_epoch or 0
        weights = self._saver.checkpoints.best_weights() if best else part_of(start, "weight.")
        position.recoveries += 1
        position.learning_rate /= 2
        position.updates = 0
        position.history = [entry for entry in position.history if entry["epoch"] <= best]
        self._go_to_epoch(best + 1)
        self._learner.network.load_weights(weights)
        self._learner.restart_optimizer(position.learning_rate)
        return Warned(
            self._report.time(),
            f"the loss of epoch {failed} is not a finite number: going back to "
            f"{f'epoch {best}' if best else 'the start'} with half the learning rate,"
            f" {position.learning_rate:g} ({position.recoveries} of {MAX_RECOVERIES} times)",
        )

    def _finish(self, reason: FinishReason) -> Iterator[Event]:
        """Evaluates the model that is kept, and ends. A run that is over leaves no state."""
        saved, evaluation = self._saver.checkpoints.saved(), None
        if saved:
            evaluation = yield from evaluate_saved_model(self._run, self._control, self._report)
        if reason in ("completed", "early_stop"):
            self._saver.checkpoints.drop_state()
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
