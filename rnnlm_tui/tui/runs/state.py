"""The progress of a training, derived from its events.

`now` is always `time.monotonic()`; the time of an event is that of the run's process.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from textual.notifications import SeverityLevel

from rnnlm_tui.event_types import (
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
from rnnlm_tui.results import ENOUGH_WORDS, outcome, trained_part
from rnnlm_tui.tui.runs.notes import Note, RunNotes


class Phase(StrEnum):
    """What a run is doing. CRASHED: its process ended without saying so."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"

    @property
    def is_over(self) -> bool:
        return self in (Phase.FINISHED, Phase.FAILED, Phase.CRASHED)


class RunProgress:
    """The phase, figures, epochs and notes of a run.

    `preparing` is set while a large text is read or counted. `crash_reason` is a sentence on how a
    process ended that did not say so itself.
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
        self.crash_reason = ""
        self._notes = RunNotes()
        self._best: int | None = None
        self._time = 0.0
        self._arrived: float | None = None
        """When `_elapsed` and `_left` were measured; None while the clock is stopped."""
        self._elapsed = 0.0
        self._left: float | None = None

    @property
    def notes(self) -> list[Note]:
        """What the figures mean, oldest first. An updated note comes last."""
        return self._notes.items

    @property
    def part(self) -> str:
        """The part of the model that the figures of the epochs measure."""
        return trained_part(self.started.config) if self.started else "network"

    @property
    def has_few_held_out(self) -> bool:
        """Whether about so few words are held out that their figures say nothing."""
        if (started := self.started) is None:
            return False
        words_per_line = started.corpus.words / max(1, started.corpus.lines)
        return started.held_out_lines * words_per_line < ENOUGH_WORDS

    @property
    def epoch(self) -> int:
        """The epoch being trained, or the last one that was."""
        return self.progress.epoch if self.progress else self.epochs_done

    @property
    def epochs_total(self) -> int | None:
        """The number of epochs to train in all; None while it is unknown."""
        if self.progress is not None:
            return self.progress.epochs
        return self.started.config.epochs if self.started else None

    @property
    def epochs_done(self) -> int:
        """The number of finished epochs, including those before a resume."""
        before = self.started.epochs_done if self.started else 0
        return self.epochs[-1].epoch if self.epochs else before

    @property
    def step(self) -> int:
        """The number of finished steps of the epoch. The last step may go unreported."""
        last = self.progress
        if last is None:
            return 0
        return last.steps if last.epoch <= self.epochs_done else min(last.step, last.steps)

    @property
    def epoch_share(self) -> float:
        """The finished share of the epoch, from 0 to 1."""
        return self.step / max(1, self.progress.steps) if self.progress else 0.0

    @property
    def run_share(self) -> float:
        """The finished share of the run, from 0 to 1, including steps of the current epoch."""
        total = self.epochs_total
        if not total:
            return 0.0
        within = self.epoch_share if self.progress and self.progress.epoch > self.epochs_done else 0
        return min(1.0, (self.epochs_done + within) / total)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept; None before the first one."""
        return self.finished.best_epoch if self.finished else self._best

    def eta_s(self, now: float) -> float | None:
        """Returns the seconds of training left. They count down between reports, but not in a
        pause. None before the training starts, once they have counted down to 0, and after it is
        stopped or over."""
        if self.phase not in (Phase.TRAINING, Phase.PAUSED):
            return None
        return self._left_at(now) or None

    def elapsed_s(self, now: float) -> float:
        """Returns the seconds trained, without pauses, including those before a resume."""
        return self._elapsed + self._since(now)

    def _since(self, now: float) -> float:
        return 0.0 if self._arrived is None else max(0.0, now - self._arrived)

    def remember(self, epochs: Iterable[EpochEnded]) -> None:
        """Adds the earlier epochs of a resumed run, for the curve and the samples.

        The `Started` event of the run says which of them count.
        """
        for event in epochs:
            self._add(event)

    def take(self, event: Event, now: float) -> None:
        """Handles the next event, which arrived at `now`."""
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
        self._time = event.time

    def stopping(self) -> None:
        """Records that the run was asked to stop."""
        if not self.phase.is_over:
            self.phase = Phase.STOPPING

    def crashed(self, reason: str, now: float) -> None:
        """Records that the run's process is gone. Does nothing if the run is over."""
        if self.phase.is_over:
            return
        time = self._time + self._since(now)
        self._stop_clock(now)
        self.phase, self.crash_reason = Phase.CRASHED, reason
        self._notes.say(time, reason, "error")

    def note(self, text: str, severity: SeverityLevel = "information") -> None:
        """Adds a note of the app, at the time of the last event."""
        self._notes.say(self._time, text, severity)

    def _prepare(self, event: Preparing) -> None:
        if self.phase.is_over:  # the run was started again
            self.phase, self.started, self.progress = Phase.STARTING, None, None
        self.preparing = event

    def _begin(self, event: Started, now: float) -> None:
        before = [e for e in self.epochs if e.epoch <= event.epochs_done]
        if self.started is not None:  # the run was started again
            self.progress = self.saved = self.finished = self.failed = None
            self._notes, self.crash_reason = RunNotes(), ""
        self.started, self.epochs, self._best = event, [], None
        self.remember(before)
        self.phase = Phase.TRAINING
        self._set_clock(now, before[-1].elapsed_s if before else 0.0, None)

    def _add(self, event: EpochEnded) -> None:
        self._drop_from(event.epoch)
        self.epochs.append(event)
        if event.best:
            self._best = event.epoch

    def _drop_from(self, epoch: int) -> None:
        """Drops epochs that are trained again after a crash."""
        while self.epochs and self.epochs[-1].epoch >= epoch:
            self.epochs.pop()

    def _finish(self, event: Finished, now: float) -> None:
        self._stop_clock(now)
        self.phase, self.finished = Phase.FINISHED, event
        self._elapsed = event.elapsed_s
        how = outcome(event, self.epochs_done)
        self._notes.say(event.time, how, "error" if event.reason == "diverged" else "information")

    def _set_clock(self, now: float, elapsed: float, left: float | None) -> None:
        self._elapsed, self._left, self._arrived = elapsed, left, now

    def _left_at(self, now: float) -> float | None:
        return None if self._left is None else max(0.0, self._left - self._since(now))

    def _stop_clock(self, now: float) -> None:
        self._elapsed, self._left = self.elapsed_s(now), self._left_at(now)
        self._arrived = None
