"""The progress of a training, derived from its events. Does not import textual."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

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
    Warned,
)
from rnnlm_tui.formatting import cut_words, sanitize
from rnnlm_tui.results import ENOUGH_WORDS, event_words, trained_part

RISING_EPOCHS = 2
"""A held-out loss that rises once is noise; twice in a row is worth a note."""
RISING_TRAIN_EPOCHS = 3
FLAT_EPOCHS = 5
FLAT_TRAIN_EPOCHS = 10
"""Without held-out lines. Dropout makes a training loss that still falls rise for a few epochs."""
SUSPICIOUS_ACCURACY = 0.9
NOTE, WARNING = "·", "!"
NGRAMS = (
    "it counts in one pass which word follows each word, each two words, and so on up to its order;"
    " for words that it has never seen together it trusts the shorter ones"
)


class Phase(StrEnum):
    """What a run is doing."""

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
class Line:
    """What a run has written after an epoch, with its number, or a note or a warning on it."""

    label: str
    text: str


class RunProgress:
    """The phase, figures, epochs and notes of a run.

    `preparing` is set while a large text is read or counted, `progress` is the last report of the
    steps. `lines` are the continuations of the seed line and the notes, oldest first.
    """

    def __init__(self) -> None:
        self.started: Started | None = None
        self.epochs: list[EpochEnded] = []
        self._begin()

    def _begin(self, epochs: Iterable[EpochEnded] = ()) -> None:
        """Begins a run, or begins it again after these epochs."""
        self.phase = Phase.STARTING
        self.preparing: Preparing | None = None
        self.progress: Progress | None = None
        self.saved: Saved | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.elapsed_s = 0.0
        self.lines: list[Line] = []
        before, self.epochs = list(epochs), []
        for event in before:
            self.add(event)

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
        within = self.epoch_share if self.progress and self.progress.epoch > self.epochs_done else 0
        return min(1.0, (self.epochs_done + within) / (self.epochs_total or math.inf))

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept; None before the first one."""
        return best_of(self.epochs)

    @property
    def is_saved(self) -> bool:
        """Whether the run has saved a model."""
        return self.saved is not None or self.epochs_done > 0

    def take(self, event: Event) -> None:
        """Handles the next event."""
        match event:
            case Preparing() if self.phase.is_over:  # the run was started again
                self._begin(self.epochs)
                self.started = None
            case Started():
                self._start(event)
            case Progress():
                self.progress, self.elapsed_s = event, event.elapsed_s
            case EpochEnded():
                self.elapsed_s = event.elapsed_s
                self.add(event)
            case Saved():
                if event.best and not self.is_resumed and self.saved is None:
                    what = f"epoch {event.epoch}" if event.epoch else "a first n-gram model"
                    self.note(f"{what} is saved: you can write with it")
                self.saved = event
            case Paused():
                self.phase = Phase.PAUSED
                self.note(event_words(event))
            case Resumed():
                self.phase = Phase.TRAINING
                if event.reason == "requested":  # not if it resumes only to stop
                    self.note(event_words(event))
            case Warned():
                self.note(event_words(event), WARNING)
            case Finished():
                self.phase, self.finished, self.elapsed_s = Phase.FINISHED, event, event.elapsed_s
            case Failed():
                self.phase, self.failed = Phase.FAILED, event
        self.preparing = event if isinstance(event, Preparing) else None

    def stopping(self) -> None:
        """Records that the run was asked to stop."""
        if not self.phase.is_over:
            self.phase = Phase.STOPPING

    @property
    def is_resumed(self) -> bool:
        return self.started is not None and self.started.epochs_done > 0

    def note(self, text: str, label: str = NOTE) -> None:
        self.lines.append(Line(label, sanitize(text)))

    def add(self, event: EpochEnded) -> None:
        """Adds an epoch. Those before a resume come first; `Started` says which of them count."""
        self.epochs.append(event)
        seed, text = event.sample["seed"], event.sample["text"]
        rest = text.removeprefix(seed).strip() if text.startswith(seed) else text
        self.lines.append(Line(f"{event.epoch}", cut_words(sanitize(rest)) or "(nothing)"))
        self.lines += epoch_notes(self.epochs, self.part)

    def _start(self, event: Started) -> None:
        notes = self.lines if self.started is None and not self.epochs else []
        self.started = event
        self._begin(e for e in self.epochs if e.epoch <= event.epochs_done)
        self.phase = Phase.TRAINING
        self.elapsed_s = self.epochs[-1].elapsed_s if self.epochs else 0.0
        self.lines += notes
        if event.epochs_done:
            self.note(f"resumed after epoch {event.epochs_done}")
        elif event.preset == "ngram":
            self.note(NGRAMS)


def best_of(epochs: Sequence[EpochEnded]) -> int | None:
    """The last epoch that was better than all before it; None without epochs."""
    return next((ended.epoch for ended in reversed(epochs) if ended.best), None)


def epoch_notes(epochs: Sequence[EpochEnded], part: str) -> Iterator[Line]:
    """What the last of these epochs tells about the run, in plain words. Each fact is told once, by
    the epoch that shows it first. `part` is the `trained_part` of the run."""
    last, best = epochs[-1], best_of(epochs)
    train = [ended.train.loss for ended in epochs]
    if _rises(train) == RISING_TRAIN_EPOCHS:
        text = f"training loss rose for {RISING_TRAIN_EPOCHS} epochs"
        yield Line(WARNING, f"{text}: a smaller learning rate may help")
    if last.held_out is not None:
        rising = _rises([each.held_out.loss for each in epochs if each.held_out is not None])
        if rising == RISING_EPOCHS and not last.best:
            text = f"held-out loss rose for {rising} epochs: the model is overfitting"
            yield Line(WARNING, f"{text}; epoch {best} is kept")
        elif last.epoch - (best or 0) == FLAT_EPOCHS:
            text = f"held-out loss has not improved for {FLAT_EPOCHS} epochs"
            yield Line(NOTE, f"{text}; epoch {best} is kept")
    else:
        known = [loss for loss in train if loss is not None]
        if known and len(train) - 1 - train.index(min(known)) == FLAT_TRAIN_EPOCHS:
            text = f"training loss has not fallen for {FLAT_TRAIN_EPOCHS} epochs"
            yield Line(NOTE, f"{text}: more will hardly help")
        perfect = [e for e in epochs if (e.train.accuracy or 0) >= SUSPICIOUS_ACCURACY]
        if perfect == [last]:
            text = "accuracy on its own lines says nothing about unseen ones"
            yield Line(WARNING, f"{text}: hold some lines out")
    yield from _perplexity_note(epochs, part)


def _perplexity_note(epochs: Sequence[EpochEnded], part: str) -> Iterator[Line]:
    """Explains the perplexity each time it has halved."""
    told, choices = math.inf, None
    for ended in epochs:
        figures = ended.held_out if ended.held_out is not None else ended.train
        choices = figures.perplexity
        if choices is None or choices > told / 2:
            choices = None
        else:
            told = choices
    if choices is None:
        return
    where = "unseen lines" if epochs[-1].held_out is not None else "its own lines"
    shown = f"{choices:,.0f}" if choices >= 10 else f"{choices:.1f}"
    alone = f" ({part})" if part.endswith(" alone") else ""
    yield Line(NOTE, f"on {where} it is as unsure as if it chose among {shown} words{alone}")


def _rises(losses: Sequence[float | None]) -> int:
    """How many times in a row the loss has risen at the end."""
    count = 0
    for after, before in pairwise(reversed(losses)):
        if after is None or before is None or after <= before:
            break
        count += 1
    return count
