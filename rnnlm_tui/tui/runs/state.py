"""How far a training is, made of its events. Knows no process and no screen.

`now` is always `time.monotonic()`: an event's own time is that of the run's process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Preparing,
    Progress,
    Resumed,
    Saved,
    Started,
)
from rnnlm_tui.formatting import outcome
from rnnlm_tui.tui.runs.notes import Note, RunNotes, Severity


class Phase(StrEnum):
    """What a run does now. LOST: its process is gone and never said that it ends."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        """Whether nothing comes after it."""
        return self in (Phase.FINISHED, Phase.FAILED, Phase.LOST)


class RunProgress:
    """All that a screen shows of a run: its phase, figures, epochs and notes.

    `preparing` is there while a large text is read or counted. `lost_reason` says in a sentence how
    a process ended that did not say so itself.
    """

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.preparing: Preparing | None = None
        self.started: Started | None = None
        self.progress: Progress | None = None
        self.epochs: list[EpochEnded] = []
        self.saved: Saved | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.lost_reason = ""
        self._notes = RunNotes()
        self._best: int | None = None
        self._time = 0.0
        self._arrived: float | None = None
        """When the two figures below were right; None while time does not count."""
        self._elapsed = 0.0
        self._left: float | None = None

    @property
    def notes(self) -> list[Note]:
        """What the figures mean, oldest first; a note that is updated comes last."""
        return self._notes.items

    @property
    def epoch(self) -> int:
        """The epoch that `step_share` is of: the one that is trained, or the last that was."""
        return self.progress.epoch if self.progress else self.epochs_done

    @property
    def epochs_total(self) -> int | None:
        """How many epochs the run is to have in all, or None before it has said so."""
        if self.progress is not None:
            return self.progress.epochs
        train = self.started.config.get("train") if self.started else None
        epochs = train.get("epochs") if isinstance(train, dict) else None
        return epochs if isinstance(epochs, int) else None

    @property
    def epochs_done(self) -> int:
        """The epochs that are through, those before a resume too."""
        before = self.started.epochs_done if self.started else 0
        return self.epochs[-1].epoch if self.epochs else before

    @property
    def step(self) -> int:
        """The steps of its epoch that are done. An epoch may end without a report of its last."""
        last = self.progress
        if last is None:
            return 0
        return last.steps if last.epoch <= self.epochs_done else min(last.step, last.steps)

    @property
    def step_share(self) -> float:
        """How much of its epoch is done, from 0 to 1."""
        return self.step / max(1, self.progress.steps) if self.progress else 0.0

    @property
    def epoch_share(self) -> float:
        """How much of the whole run is done, from 0 to 1, steps of the current epoch too."""
        total = self.epochs_total
        if not total:
            return 0.0
        within = self.step_share if self.progress and self.progress.epoch > self.epochs_done else 0
        return min(1.0, (self.epochs_done + within) / total)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept, or None before there is one."""
        return self.finished.best_epoch if self.finished else self._best

    @property
    def kept_epoch(self) -> int | None:
        """The epoch whose weights are the model that a finished run leaves; None if there is none.

        A run that was stopped within its first epoch keeps that one.
        """
        if self.finished is None:
            return None
        epoch = self.finished.metrics.get("epoch")
        return self.finished.best_epoch or (epoch if isinstance(epoch, int) else None)

    def eta_s(self, now: float) -> float | None:
        """Seconds of training left; they count down between reports, and not in a pause.

        None before the run has begun, and once it stops or has ended.
        """
        if self._left is None or self.phase not in (Phase.TRAINING, Phase.PAUSED):
            return None
        return max(0.0, self._left - self._since(now))

    def elapsed_s(self, now: float) -> float:
        """Seconds trained, pauses left out, those before a resume too."""
        return self._elapsed + self._since(now)

    def _since(self, now: float) -> float:
        return 0.0 if self._arrived is None else max(0.0, now - self._arrived)

    def remember(self, epochs: Iterable[EpochEnded]) -> None:
        """Takes the epochs that a resumed run has behind it, for the curve and the samples.

        The run's own `started` says which of them count.
        """
        for event in epochs:
            self._add(event)

    def take(self, event: Event, now: float) -> None:
        """Takes the next event, which arrived at `now`."""
        match event:
            case Preparing():
                self._prepare(event)
            case Started():
                self._begin(event, now)
            case Progress():
                self._drop_from(event.epoch)
                self.progress = event
                self._set_clock(now, event.elapsed_s, event.eta_s)
            case EpochEnded():
                self._add(event)
                self._set_clock(now, event.elapsed_s, self._left_at(now))
                self._notes.epoch(self.epochs, self._best)
            case Saved():
                self.saved = event
            case Paused():
                self._stop_clock(now)
                self.phase = Phase.PAUSED
            case Resumed():
                self._arrived, self.phase = now, Phase.TRAINING
            case Finished():
                self._finish(event, now)
            case Failed():
                self._stop_clock(now)
                self.phase, self.failed = Phase.FAILED, event
        if not isinstance(event, Preparing):
            self.preparing = None
        self._notes.take(event)
        self._time = event.time if math.isfinite(event.time) else self._time

    def stopping(self) -> None:
        """The run was asked to stop, and has not yet."""
        if not self.phase.is_over:
            self.phase = Phase.STOPPING

    def lost(self, reason: str, now: float) -> None:
        """The run's process is gone. Where it had said that it ends, nothing changes."""
        if self.phase.is_over:
            return
        time = self._time + self._since(now)
        self._stop_clock(now)
        self.phase, self.lost_reason = Phase.LOST, reason
        self._notes.say(time, reason, "error")

    def note(self, text: str, severity: Severity = "information") -> None:
        """A note of the app's own, at the time of the last event."""
        self._notes.say(self._time, text, severity)

    def _prepare(self, event: Preparing) -> None:
        if self.phase.is_over:  # the run of this name was ended and begun again
            self.phase, self.started, self.progress = Phase.STARTING, None, None
        self.preparing = event

    def _begin(self, event: Started, now: float) -> None:
        before = [e for e in self.epochs if e.epoch <= event.epochs_done]
        if self.started is not None:  # the run of this name was ended and begun again
            self.progress = self.saved = self.finished = self.failed = None
            self._notes, self.lost_reason = RunNotes(), ""
        self.started, self.epochs, self._best = event, [], None
        self.remember(before)
        self.phase = Phase.TRAINING
        self._set_clock(now, before[-1].elapsed_s if before else 0.0, event.estimated_s)

    def _add(self, event: EpochEnded) -> None:
        self._drop_from(event.epoch)
        self.epochs.append(event)
        if event.best:
            self._best = event.epoch

    def _drop_from(self, epoch: int) -> None:
        """Drops epochs that are trained again, after a loss that was not finite or a crash."""
        while self.epochs and self.epochs[-1].epoch >= epoch:
            self.epochs.pop()

    def _finish(self, event: Finished, now: float) -> None:
        self._stop_clock(now)
        self.phase, self.finished = Phase.FINISHED, event
        if math.isfinite(event.elapsed_s):
            self._elapsed = event.elapsed_s
        how = outcome(event.reason, self.kept_epoch, self.epochs_done, event.update)
        self._notes.say(event.time, how, "error" if event.reason == "diverged" else "information")

    def _set_clock(self, now: float, elapsed: float, left: float | None) -> None:
        self._elapsed = elapsed if math.isfinite(elapsed) else self.elapsed_s(now)
        self._left = left if left is not None and math.isfinite(left) else None
        self._arrived = now

    def _left_at(self, now: float) -> float | None:
        return None if self._left is None else max(0.0, self._left - self._since(now))

    def _stop_clock(self, now: float) -> None:
        self._elapsed, self._left = self.elapsed_s(now), self._left_at(now)
        self._arrived = None
