"""Notes on a run: what its figures mean, in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual.notifications import SeverityLevel

from rnnlm_tui.event_types import (
    EpochEnded,
    Event,
    Failed,
    Paused,
    Resumed,
    Saved,
    Started,
    Warned,
)
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.results import event_words, trained_part

MAX_NOTES = 200
RISING_EPOCHS = 2
"""A held-out loss that rises once is noise; twice in a row is worth a note."""
RISING_TRAIN_EPOCHS = 3
FLAT_EPOCHS = 5
FLAT_TRAIN_EPOCHS = 10
"""Without held-out lines. Dropout makes a training loss that still falls rise for a few epochs."""
SUSPICIOUS_ACCURACY = 0.9
NGRAMS = (
    "it counts in one pass which word follows each word, each two words, and so on up to its order;"
    " for words that it has never seen together it trusts the shorter ones"
)


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about the run. `time` is in seconds since its start."""

    time: float
    text: str
    severity: SeverityLevel = "information"


class RunNotes:
    """The notes of one run, oldest first.

    A note on something that lasts, such as a loss that rises over several epochs, is updated.
    """

    def __init__(self) -> None:
        self.items: list[Note] = []
        self._lasting: dict[str, Note] = {}
        self._told_once: set[str] = set()
        self._choices = self._lowest = math.inf
        self._lowest_epoch = 0
        self._part = ""

    def say(
        self, time: float, text: str, severity: SeverityLevel = "information", topic: str = ""
    ) -> None:
        """Adds a note, which replaces the last one on the same topic, if any."""
        note, before = Note(time, text, severity), self._lasting.pop(topic, None)
        self.items[:] = [item for item in self.items if item is not before]
        self.items.append(note)
        if topic:
            self._lasting[topic] = note
        del self.items[:-MAX_NOTES]

    def _once(self, topic: str) -> bool:
        """Returns True the first time it is called for a topic."""
        new = topic not in self._told_once
        self._told_once.add(topic)
        return new

    def take(self, event: Event) -> None:
        """Adds a note on an event other than the end of an epoch or of the run."""
        if isinstance(event, Started):
            self._part = trained_part(event.config)
        match event:
            case Started(epochs_done=done) if done:
                self.say(event.time, f"resumed after epoch {done}")
                self._told_once |= {"saved"}
            case Started(preset="ngram"):
                self.say(event.time, NGRAMS)
            case Saved(best=True) if self._once("saved"):
                what = f"epoch {event.epoch}" if event.epoch else "a first n-gram model"
                self.say(event.time, f"{what} is saved: you can write with it")
            case Paused() | Resumed(reason="requested"):  # not if it resumes only to stop
                self.say(event.time, sanitize(event_words(event)))
            case Warned():
                self.say(event.time, sanitize(event_words(event)), "warning")
            case Failed():
                self.say(event.time, sanitize(event_words(event)), "error")

    def epoch(self, epochs: Sequence[EpochEnded], best: int | None) -> None:
        """Adds notes on the last of these epochs. `best` is the epoch whose weights are kept."""
        last = epochs[-1]
        if last.held_out is not None:
            self._held_out(epochs, best)
        else:
            self._without_held_out(last)
        self._rising(epochs)
        self._perplexity(last)

    def _held_out(self, epochs: Sequence[EpochEnded], best: int | None) -> None:
        last = epochs[-1]
        figures = (epoch.held_out for epoch in reversed(epochs))
        rising = _rises(each.loss for each in figures if each is not None)
        since_best = last.epoch - (best or 0)
        if last.best:
            ended_topics = self._lasting.keys() & {"rising", "no better"}
            for topic in ended_topics:
                del self._lasting[topic]
            if ended_topics:
                text = f"held-out loss is at a new low: epoch {last.epoch} is kept"
                self.say(last.time, text)
        elif rising >= RISING_EPOCHS:
            text = (
                f"held-out loss rose for {rising} epochs: the model is overfitting;"
                f" epoch {best} is kept"
            )
            self.say(last.time, text, "warning", "rising")
        elif since_best >= FLAT_EPOCHS:
            text = f"held-out loss has not improved for {since_best} epochs; epoch {best} is kept"
            self.say(last.time, text, topic="no better")

    def _without_held_out(self, last: EpochEnded) -> None:
        if (last.train.accuracy or 0) >= SUSPICIOUS_ACCURACY and self._once("perfect"):
            text = "accuracy on its own lines says nothing about unseen ones: hold some lines out"
            self.say(last.time, text, "warning")
        loss = last.train.loss
        if loss is not None and loss < self._lowest:
            self._lowest, self._lowest_epoch = loss, last.epoch
            self._lasting.pop("flat", None)
        elif (since := last.epoch - self._lowest_epoch) >= FLAT_TRAIN_EPOCHS:
            text = f"training loss has not fallen for {since} epochs: more will hardly help"
            self.say(last.time, text, topic="flat")

    def _rising(self, epochs: Sequence[EpochEnded]) -> None:
        rising = _rises(e.train.loss for e in reversed(epochs))
        if rising == RISING_TRAIN_EPOCHS:
            text = f"training loss rose for {rising} epochs: a smaller learning rate may help"
            self.say(epochs[-1].time, text, "warning", "training loss")

    def _perplexity(self, last: EpochEnded) -> None:
        """Explains the perplexity each time it has halved."""
        figures = last.held_out if last.held_out is not None else last.train
        choices = figures.perplexity
        if choices is None or choices > self._choices / 2:
            return
        self._choices = choices
        where = "unseen lines" if last.held_out is not None else "its own lines"
        shown = f"{choices:,.0f}" if choices >= 10 else f"{choices:.1f}"
        part = f" ({self._part})" if self._part.endswith(" alone") else ""
        unsure = f"it is as unsure as if it chose among {shown} words{part}"
        self.say(last.time, f"on {where} {unsure}")


def _rises(newest_first: Iterable[float | None]) -> int:
    """Returns how many times in a row the loss has risen. Looks at no losses before that."""
    count = 0
    for after, before in pairwise(newest_first):
        if after is None or before is None or after <= before:
            break
        count += 1
    return count
