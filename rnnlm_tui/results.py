"""What a training or an evaluation has found, in words for people, for all front ends.

A model that is a mixture has two kinds of figures: those of its network (or n-grams) alone, which
its epochs have, and those of the mixture, which it suggests with. Each is named wherever it is
shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rnnlm_tui.config import CausalConfig, Config, ModelConfig
from rnnlm_tui.event_types import (
    EpochEnded,
    Evaluation,
    Event,
    Failed,
    Finished,
    Paused,
    Resumed,
    Saved,
    Warned,
)
from rnnlm_tui.formatting import format_loss, format_percent, format_perplexity, plural

if TYPE_CHECKING:
    from rnnlm_tui.store.card import ModelCard

ENOUGH_WORDS = 500
"""With this many words a hit rate of 10 % is accurate to 3 points."""
OUTCOMES = {
    "completed": "done",
    "early_stop": "ended early: the held-out loss stopped falling",
    "stopped": "stopped",
    "diverged": "diverged: the loss became infinite or NaN",
}
"""Texts for the reasons in `Finished` events."""
TRAINING, HELD_OUT = "training lines", "held-out lines"
FORMS: Mapping[str, Callable[[float], str]] = {
    "loss": format_loss,
    "penalty": format_loss,
    "accuracy": format_percent,
    "perplexity": format_perplexity,
    "top1": format_percent,
    "top5": format_percent,
}
"""How the metrics of an epoch are shown."""


def trained_part(config: Config) -> str:
    """The part of a model that the figures of its epochs measure: the network or the n-grams, of a
    mixture "alone"."""
    part = "n-grams" if config.preset == "ngram" else "network"
    return f"{part} alone" if config.is_mixed else part


def words_read(settings: ModelConfig, window: int) -> str:
    """Which words before the next one a model of these settings reads."""
    is_causal = isinstance(settings, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


# A model


def savings_sentence(found: Evaluation | None, before: float | None = None, where: str = "") -> str:
    """The headline of a model: the share of keys that it saves, such as "keys saved 58% (the
    English alone: 57%)", and whether it was measured on too few words to tell; "" if it was not.

    `before` is the share before an update, on the same lines. `where` says which lines were
    measured, if not only those held out of its training.
    """
    if found is None or found.keystroke_savings is None:
        return ""
    sentence = f"keys saved {found.keystroke_savings:.0%}"
    if found.base is not None:
        sentence += f" (the English alone: {found.base.keystroke_savings:.0%})"
    if before is not None:
        sentence += f", {before:.0%} before"
    if where:
        sentence += f", on {where}"
    if found.words < ENOUGH_WORDS:
        sentence += f"; measured on {plural(found.words, 'word')}, too few to tell"
    return sentence


def holds_out(card: ModelCard) -> bool:
    """Whether the training held out lines, which it may not for a few lines. They are not measured
    yet before the first epoch has ended."""
    measured = card.metrics is None or card.metrics.held_out is not None
    return card.config.train.held_out > 0 and measured


def accuracy_sentence(card: ModelCard) -> str:
    """How accurate the model is, as one sentence without a full stop."""
    if not holds_out(card):
        return "trained on all its lines: no figure for lines it never saw"
    if (found := card.evaluation) is None:
        return "not yet measured on the lines it never saw"
    hits = f"top word right {found.top1 or 0:.0%}, one of the top five {found.top5 or 0:.0%}"
    return f"{savings_sentence(found)}; {hits}"


# A training


def outcome(finished: Finished, epochs_done: int | None = None) -> str:
    """How a training ended, and which epoch is kept unless that is obvious. `epochs_done` is the
    last one trained, if known. Epoch 0 stands for the n-grams that a network is mixed with."""
    how, kept, update = OUTCOMES[finished.reason], finished.metrics, finished.update
    if update is not None:
        how += f"; the model {'is replaced' if update.replaced else 'stays as it was'}"
        old, new = update.old_loss, update.new_loss
        if old is None or new is None:
            return how
        loss, other = (new, f"{old:.3f} before") if update.replaced else (old, f"{new:.3f} updated")
        return f"{how}: held-out lines cost {loss:.3f} nats per character as written, {other}"
    if kept is None:
        return f"{how} before the first epoch ended"
    if kept.epoch == 0:
        return f"{how} in the first epoch; the n-grams are kept"
    if finished.reason == "completed" and kept.epoch == epochs_done:
        return how
    return f"{how}; epoch {kept.epoch:,} is kept"


def ending(finished: Finished, part: str, epochs_done: int | None, took: str = "") -> list[str]:
    """The result of a run: first what the model is worth, then how that came about, and how long it
    `took`, then figures. `part` is the `trained_part` of the run."""
    how = outcome(finished, epochs_done)
    lines = [f"{how}, {took}" if took and finished.metrics else how]
    before = finished.update.old_savings if finished.update else None
    if said := savings_sentence(finished.evaluation, before):
        lines.insert(finished.reason == "diverged", said)
    return [*lines, *_kept_figures(finished, part)]


def _kept_figures(finished: Finished, part: str) -> Iterator[str]:
    """The perplexities and the losses of the kept epoch, each with what it measures."""
    kept = finished.metrics
    if kept is None:
        return
    measured = {"mixture": finished.evaluation, part: kept.held_out}
    shown = [
        f"{format_perplexity(found.perplexity)} ({of})"
        for of, found in measured.items()
        if found is not None and found.perplexity is not None
    ]
    is_mixed = part.endswith(" alone")
    if shown:
        values = ", ".join(shown) if is_mixed else shown[-1].partition(" ")[0]
        yield f"held-out lines: perplexity per word {values}"
    elif kept.epoch > 0 and finished.evaluation is None:
        yield "held-out lines: none, so how many keys it saves is not known"
    if (train := kept.train).loss is not None:
        hits = f", accuracy {format_percent(train.accuracy)}" if train.accuracy is not None else ""
        of_part = f" ({part})" if is_mixed else ""
        yield f"training lines: loss {format_loss(train.loss)} nats per word{hits}{of_part}"


class EpochFigure(NamedTuple):
    """A figure of an epoch: the lines that it was measured on, its name, and its text."""

    lines: str
    name: str
    text: str


def epoch_figures(ended: EpochEnded) -> list[EpochFigure]:
    """The figures of an epoch, first on the training lines; no penalty if it is 0."""
    return [
        EpochFigure(lines, name.replace("top", "top-"), form(value))
        for lines, metrics in ((TRAINING, ended.train), (HELD_OUT, ended.held_out))
        for name, form in FORMS.items()
        if (value := getattr(metrics, name, None)) is not None and (value or name != "penalty")
    ]


def event_words(event: Event) -> str:
    """What happened, in words; "" for events that figures show better."""
    match event:
        case Saved(epoch=0):
            return "the n-grams are saved: the model suggests from now on"
        case Paused(reason=reason) | Resumed(reason=reason):
            return event.event if reason in ("", "requested") else f"{event.event}: {reason}"
        case Warned():
            return event.message
        case Failed():
            return event.message + (f" ({event.hint})" if event.hint else "")
    return ""
