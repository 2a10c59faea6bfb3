"""The progress of a training, derived from its events. Does not import textual."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from rnnlm_tui.events import (
    COMPARING,
    MEASURING,
    Comparison,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Metrics,
    Paused,
    Preparing,
    Progress,
    Resumed,
    SampleText,
    Saved,
    Started,
    Warned,
)
from rnnlm_tui.formatting import cut_words, sanitize
from rnnlm_tui.wording.trainings import TrainingCurve, best_of, event_words

RISING_EPOCHS = 2
"""After this many epochs in a row with a rising held-out loss comes a note. One rise is noise."""
FLAT_EPOCHS = 5
"""After this many epochs without a better held-out loss comes a note."""
FLAT_TRAIN_EPOCHS = 10
"""If no lines are held out, a note comes after this many epochs without a lower training loss. They
are more, since dropout makes a falling loss rise for a few epochs now and then."""
SUSPICIOUS_ACCURACY = 0.9
"""From this accuracy on its own lines on, a warning says how little that means."""
BEFORE_MIXED = ", not yet mixed with the rest"
"""Is added to figures of a network that is a part of a mixture."""
NOTE = "·"
"""The label of notes in the log."""
WARNING = "!"
"""The label of warnings in the log."""


class Phase(StrEnum):
    """The state of a run."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (Phase.FINISHED, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry of the log of a run: a note, a warning, or what the model wrote after an epoch.
    `label` is NOTE, WARNING or the number of the epoch."""

    label: str
    text: str


class RunProgress:
    """The phase, figures, epochs and notes of a run.

    `preparing` is the last event about work before or after the epochs, such as reading a large
    text; None while epochs are trained. `last_report` is the last event about the steps of an
    epoch. `log` has the oldest line first. `curve` is the training loss.
    """

    def __init__(self, *, had_model: bool = False) -> None:
        """`had_model` is true if there is a model of its name already, as of a run that is resumed
        or updates a model."""
        self._had_model = had_model
        self._begin(None, [])

    def _begin(self, started: Started | None, epochs: Sequence[EpochEnded]) -> None:
        """Begins anew, with these epochs, which were trained before."""
        self.started = started
        self.phase = Phase.STARTING if started is None else Phase.TRAINING
        self.preparing: Preparing | None = None
        self.last_report: Progress | None = None
        self.saved: Saved | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.elapsed_s = 0.0
        self.log: list[LogLine] = []
        self.curve = TrainingCurve()
        self.epochs: list[EpochEnded] = []
        for event in epochs:
            self.add_epoch(event)

    @property
    def epochs_total(self) -> int | None:
        """The number of epochs to train in all; None while it is unknown."""
        return self.started.config.epochs if self.started else None

    @property
    def epochs_done(self) -> int:
        """The number of finished epochs, including those before a resume."""
        before = self.started.epochs_done if self.started else 0
        return self.epochs[-1].epoch if self.epochs else before

    @property
    def step(self) -> int:
        """The number of finished steps in the epoch of the last report. If that epoch is over, all
        its steps are finished, although the last ones may have had no report."""
        last = self.last_report
        if last is None:
            return 0
        return last.steps if last.epoch <= self.epochs_done else last.step

    @property
    def run_share(self) -> float:
        """The share of the run that is finished, from 0 to 1. Steps of the current epoch count."""
        epochs = min(1.0, self.epochs_done / (self.epochs_total or math.inf))
        return max(epochs, self.last_report.share) if self.last_report else epochs

    @property
    def so_far(self) -> list[EpochEnded]:
        """The epoch of the last report as if it had ended there, in a list; [] before a report."""
        if (last := self.last_report) is None or last.loss is None:
            return []
        perplexity = math.exp(last.loss) if last.loss < 700 else None
        train = Metrics(loss=last.loss, accuracy=last.accuracy, perplexity=perplexity)
        sample: SampleText = {"seed": "", "text": "", "next": []}
        return [EpochEnded(last.time, last.epoch, train, None, False, sample, last.elapsed_s)]

    @property
    def is_past_training(self) -> bool:
        """True once no more epochs are trained: the model is being measured, or the run is over."""
        phase = self.preparing.phase if self.preparing else ""
        return self.phase.is_over or self.run_share == 1 or phase in (MEASURING, COMPARING)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept; None before the first one."""
        return best_of(self.epochs)

    @property
    def is_saved(self) -> bool:
        """True if there is a model: the run has saved one now, or before it was resumed."""
        return self._had_model or self.saved is not None or self.epochs_done > 0

    @property
    def is_update(self) -> bool:
        """True if the run updates a model, which stays as it is until the end of the run."""
        return self.started is not None and self.started.is_update

    def comparison_with(self, active: str | None) -> Comparison | None:
        """Returns the comparison of the model of a finished run with the `active` one, if any."""
        found = self.finished.comparison if self.finished is not None else None
        return found if found is not None and found.name == active else None

    def take(self, event: Event) -> None:
        match event:
            case Preparing() if self.phase.is_over:  # the run was started again
                self._begin(None, self.epochs)
            case Started(epochs_done=done):
                self._begin(event, [ended for ended in self.epochs if ended.epoch <= done])
                if done:
                    self.note(f"resumed after epoch {done}")
            case Progress():
                self.last_report = event
                self.curve.add(event)
            case EpochEnded():
                self.add_epoch(event)
            case Saved():
                is_resumed = self.started is not None and self.started.epochs_done > 0
                is_first = self.saved is None
                self.saved = event
                if event.best and is_first and not is_resumed:
                    at_end = "it replaces the model at the end, if it is better"
                    use = at_end if self.is_update else "you can write with it"
                    self.note(event_words(event) or f"epoch {event.epoch} is saved: {use}")
            case Paused() | Resumed():
                self.phase = Phase.PAUSED if isinstance(event, Paused) else Phase.TRAINING
                if event.reason != "stop requested":  # with this reason it resumes only to stop
                    self.note(event_words(event))
            case Warned():
                self.note(event_words(event), WARNING)
            case Finished():
                self.phase, self.finished = Phase.FINISHED, event
            case Failed():
                self.phase, self.failed = Phase.FAILED, event
        self.preparing = event if isinstance(event, Preparing) else None
        self.elapsed_s = getattr(event, "elapsed_s", self.elapsed_s)

    def stopping(self) -> None:
        """Records that the run was told to stop."""
        if not self.phase.is_over:
            self.phase = Phase.STOPPING

    def note(self, text: str, label: str = NOTE) -> None:
        self.log.append(LogLine(label, sanitize(text)))

    def add_epoch(self, event: EpochEnded) -> None:
        """Adds an epoch. The epochs of a saved run are added before it is resumed. The event
        `Started` then says how many of them the run goes on from."""
        self.epochs.append(event)
        self.curve.add(event)
        self.elapsed_s = event.elapsed_s
        seed, text = event.sample["seed"], event.sample["text"]
        rest = text.removeprefix(seed).strip() if text.startswith(seed) else text
        self.log.append(LogLine(f"{event.epoch}", cut_words(sanitize(rest)) or "(nothing)"))
        is_mixed = self.started is not None and self.started.config.is_mixed
        self.log += epoch_notes(self.epochs, is_mixed)


def epoch_notes(epochs: Sequence[EpochEnded], is_mixed: bool) -> Iterator[LogLine]:
    """Yields notes about the last of these epochs, in plain words. Each fact is told once, after
    the first epoch that shows it. `is_mixed` is true if they measure a part of a mixture."""
    last, best = epochs[-1], best_of(epochs)
    figures = [ended.train if ended.held_out is None else ended.held_out for ended in epochs]
    losses = [math.inf if each.loss is None else each.loss for each in figures]
    if last.held_out is not None:
        rises = 0  # in a row, up to the last epoch
        for before, after in pairwise(losses):
            rises = rises + 1 if before < after else 0
        if rises == RISING_EPOCHS:
            text = f"on unseen lines it got worse for {RISING_EPOCHS} epochs"
            yield LogLine(WARNING, f"{text}: it learns its own by heart; epoch {best} is kept")
        elif last.epoch - (best or 0) == FLAT_EPOCHS:
            text = f"on unseen lines it has not got better for {FLAT_EPOCHS} epochs"
            yield LogLine(NOTE, f"{text}; epoch {best} is kept")
    else:
        if len(losses) - 1 - losses.index(min(losses)) == FLAT_TRAIN_EPOCHS:
            text = f"training loss has not fallen for {FLAT_TRAIN_EPOCHS} epochs"
            yield LogLine(NOTE, f"{text}: more will hardly help")
        perfect = [e for e in epochs if (e.train.accuracy or 0) >= SUSPICIOUS_ACCURACY]
        if perfect == [last]:
            text = "accuracy on its own lines says nothing about unseen ones"
            yield LogLine(WARNING, f"{text}: hold some lines out")
    # A note tells the perplexity of the first epoch, and again whenever it has halved since the
    # last such note. The loop finds out whether this happens at the last epoch.
    told, is_halved = math.inf, False
    for each in figures:
        is_halved = False
        if each.perplexity is not None and each.perplexity <= told / 2:
            told, is_halved = each.perplexity, True
    if is_halved:
        where = "its own lines" if last.held_out is None else "unseen lines"
        shown = f"{told:,.0f}" if told >= 10 else f"{told:.1f}"
        mixed = BEFORE_MIXED if is_mixed else ""
        yield LogLine(NOTE, f"on {where} it is as unsure as if it chose among {shown} words{mixed}")
