"""Sentences and figures on the epochs, the events and the end of a training.

A mixture has two kinds of figures. An epoch measures its network (or n-grams) alone; the end of the
training measures the mixture, which suggests. Wherever a figure is shown, its kind is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from rnnlm_tui.config import Config
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    LearnedWords,
    Metrics,
    Paused,
    Progress,
    Resumed,
    Saved,
    Warned,
)
from rnnlm_tui.formatting import (
    format_loss,
    format_percent,
    format_perplexity,
    plural,
    shorten,
)
from rnnlm_tui.wording.savings import savings_sentence

OUTCOMES = {
    "completed": "trained",
    "early_stop": "ended early: it no longer got better on lines that it does not learn",
    "stopped": "stopped",
    "diverged": "diverged: the loss became infinite or NaN",
}
"""The reasons in `Finished` events in words."""
METRIC_FORMATS: Mapping[str, Callable[[float], str]] = {
    "loss": format_loss,
    "penalty": format_loss,
    "accuracy": format_percent,
    "perplexity": format_perplexity,
    "top1": format_percent,
    "top5": format_percent,
}
"""The formats of the metrics of an epoch, in the order in which they are shown."""
FIRST_POINTS = 5
"""Points of the training loss in the first epoch, in which it falls most. Others have fewer."""
Points: TypeAlias = list[tuple[float, float]]
"""Places in a training, in epochs, each with the loss there."""
LARGEST_LOSS = 1e9
"""Nats. A larger loss, which a run that diverges may have, is drawn at this height."""


def trained_part(config: Config, in_mixture: str = " alone") -> str:
    """Names the part of a model that its epochs measure, "network" or "n-grams". In a mixture
    `in_mixture` is appended."""
    part = "network" if config.has_network else "n-grams"
    return part + in_mixture if config.is_mixed else part


def outcome(finished: Finished, done: int = 0, epochs: int | None = None) -> str:
    """Says how a training ended and which epoch of it is kept.

    `done` of the `epochs` are trained: 0 and None if the caller does not know. Epoch 0 stands for
    the n-grams of a mixture, which are saved before its network is trained.
    """
    how = OUTCOMES[finished.reason]
    kept, update = finished.metrics, finished.update
    if finished.reason == "completed" and done > 1:
        how += f" for {done:,} epochs"
    if update is not None:
        fate = "the model is replaced" if update.replaced else "the model stays as it was"
        if update.old_loss is None or update.new_loss is None:
            return f"{how}: {fate}"
        better = "predicts" if update.replaced else "does not predict"
        return f"{how}: the update {better} held-out lines better, so {fate}"
    if kept is None:
        return f"{how} before the first epoch ended"
    if kept.epoch == 0:
        return f"{how} in the first epoch; the n-grams are kept"
    if finished.reason == "stopped" and done and epochs:
        how += f" after {done:,} of {plural(epochs, 'epoch')}"
    if kept.epoch == done and finished.reason in ("completed", "stopped"):
        return how
    return f"{how}; epoch {kept.epoch:,} is kept"


def result_sentences(
    finished: Finished, done: int = 0, epochs: int | None = None, took: str = ""
) -> list[str]:
    """Returns the result of a run as sentences: the keys that the model saves on lines that it has
    not learned, the outcome, and the words that it has learned. The outcome comes first if no keys
    were counted, or if the run diverged. It ends with the duration `took` if a model is kept."""
    kept, update, evaluation = finished.metrics, finished.update, finished.evaluation
    learned = _learned_sentences(finished.learned)
    how = outcome(finished, done, epochs)
    if took and kept:
        how += f", {took}"
    before = update.old_savings if update is not None else None
    if update is not None and not update.replaced and evaluation is not None:
        # The old model stays, so its savings count, not those of the new one.
        evaluation, before = replace(evaluation, keystroke_savings=before), None
    if savings := savings_sentence(evaluation, before, are_unseen=True):
        has_diverged = finished.reason == "diverged"
        return [how, savings, *learned] if has_diverged else [savings, how, *learned]
    if update is None and kept is not None and kept.epoch > 0 and kept.held_out is None:
        unmeasured = "it cannot be measured on lines that are new to it"
        return [how, f"it has learned every line, so {unmeasured}", *learned]
    return [how, *learned]


def _learned_sentences(learned: LearnedWords | None) -> list[str]:
    """Says which words a model has learned that its base does not know, such as "it knows Marta,
    Zoë Muñoz and 41 more words of yours". Returns no sentence if there are none."""
    if learned is None or not learned.count:
        return []
    first, more = learned.first, learned.count - len(learned.first)
    if not more:
        return [f"it knows {' and '.join(first)} from your text"]
    return [f"it knows {', '.join(first)} and {plural(more, 'more word')} of yours"]


def epoch_figures(ended: EpochEnded) -> list[tuple[str, str, str]]:
    """Returns the figures of an epoch, first those on the training lines. Each has the lines that
    it was measured on ("training" or "held-out"), its name and its text. A penalty of 0 is left
    out."""
    return [
        (lines, name.replace("top", "top-"), format_metric(value))
        for lines, metrics in (("training", ended.train), ("held-out", ended.held_out))
        for name, format_metric in METRIC_FORMATS.items()
        if (value := getattr(metrics, name, None)) is not None and (value or name != "penalty")
    ]


def explain_figure(lines: str, name: str, ended: EpochEnded) -> str:
    """Explains a figure of an epoch in a short line. `lines` and `name` are those of
    `epoch_figures`; "" and "epoch" explain the number of the epoch."""
    metrics = (ended.train if lines == "training" else ended.held_out) or Metrics()
    loss, penalty = metrics.loss or 0.0, metrics.penalty or 0.0
    perplexity = metrics.perplexity or 1.0
    sentences = {
        "epoch": "one pass through the training lines; ^ is the one kept",
        "loss": f"mean -ln p(right word), {loss:.3f} nats = {loss / math.log(2):.2f} bits",
        "penalty": f"on large weights; Keras prints loss + penalty, {loss + penalty:.3f}",
        "perplexity": f"e^{loss:.3f}, as unsure as among {format_perplexity(perplexity)} words",
        "accuracy": "how often its likeliest word is the right one",
        "top-1": "how often its first suggestion is right",
        "top-5": "how often one of its five suggestions is right",
    }
    return f"{lines} {name}: {sentences[name]}".strip()


def next_words(ended: EpochEnded) -> list[tuple[str, str]]:
    """Returns the likeliest next words of the seed line, each with its probability as text."""
    return [(shorten(n.word), format_percent(n.probability)) for n in ended.sample["next"]]


class TrainingCurve:
    """The training loss as a line.

    The first epoch is divided into five pieces, the second into two; a later one is a single piece.
    A point is the middle of a piece, in epochs (1.0 to 2.0 is the second one), and its mean loss.
    An event has the mean loss since the start of its epoch. That mean times the share of the epoch
    that is done is a sum. The loss of a piece is the difference of the sums at its ends, divided by
    its share of the epoch.
    """

    def __init__(self) -> None:
        self.points: Points = []
        self._epoch = 0
        """The epoch of the last event."""
        self._done = 0.0
        """The end of the last piece with a point, as a share of that epoch."""
        self._sum = 0.0
        """The sum at that end."""

    def add(self, event: Progress | EpochEnded) -> None:
        if isinstance(event, EpochEnded):
            share, loss = 1.0, event.train.loss
        else:
            share, loss = event.step / max(1, event.steps), event.loss
        is_repeated = event.epoch == self._epoch and share < self._done  # by a run that is resumed
        if event.epoch != self._epoch or is_repeated:
            self._epoch, self._done, self._sum = event.epoch, 0.0, 0.0
            self.points = [point for point in self.points if point[0] < event.epoch - 1]
        if loss is None or not math.isfinite(loss):
            return
        pieces = max(1, FIRST_POINTS // event.epoch)
        if int(share * pieces) > int(self._done * pieces):  # a piece has ended
            loss_sum = share * max(-LARGEST_LOSS, min(LARGEST_LOSS, loss))
            middle = event.epoch - 1 + (self._done + share) / 2
            self.points.append((middle, (loss_sum - self._sum) / (share - self._done)))
            self._done, self._sum = share, loss_sum


def training_curve(events: Iterable[Progress | EpochEnded]) -> Points:
    """Returns the training loss as a line, from the events of a history, or from its epochs
    alone."""
    curve = TrainingCurve()
    for event in events:
        curve.add(event)
    return curve.points


def loss_points(epochs: Iterable[tuple[int, Metrics | None]]) -> Points:
    """Returns the finite losses of epochs, each as a point: the number of the epoch, the loss."""
    losses = ((epoch, metrics.loss) for epoch, metrics in epochs if metrics)
    return [
        (epoch, max(-LARGEST_LOSS, min(LARGEST_LOSS, loss)))
        for epoch, loss in losses
        if loss is not None and math.isfinite(loss)
    ]


def held_out_curve(epochs: Iterable[EpochEnded]) -> Points:
    """Returns the held-out losses, each as a point: the number of the epoch, the loss."""
    return loss_points((ended.epoch, ended.held_out) for ended in epochs)


def best_of(epochs: Sequence[EpochEnded]) -> int | None:
    """Returns the last epoch that was better than all before it; None without epochs."""
    return next((ended.epoch for ended in reversed(epochs) if ended.best), None)


def event_words(event: Event) -> str:
    """Says what happened, or returns "" for an event that figures show better."""
    match event:
        case Saved(epoch=0):
            return "the n-grams are saved: you can write with them"
        case Paused(reason=reason) | Resumed(reason=reason):
            return event.event if reason in ("", "requested") else f"{event.event}: {reason}"
        case Warned():
            return event.message
        case Failed():
            return event.message + (f" ({event.hint})" if event.hint else "")
    return ""
