"""What a training or an evaluation has found, in words for people, for all front ends.

A model that is a mixture has two kinds of figures: those of its network (or n-grams) alone, which
its epochs have, and those of the mixture, which it suggests with. Each is named wherever it is
shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rnnlm_tui.config import CausalConfig, Config, ModelConfig
from rnnlm_tui.event_types import (
    BaseSavings,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Resumed,
    Saved,
    UpdateFigures,
    Warned,
)
from rnnlm_tui.formatting import format_loss, format_percent, format_perplexity, plural

ENOUGH_WORDS = 500
"""With this many words a hit rate of 10 % is accurate to 3 points."""
OUTCOMES = {
    "completed": "done",
    "early_stop": "ended early: the held-out loss stopped falling",
    "stopped": "stopped",
    "diverged": "diverged: the loss became infinite or NaN",
}
"""Texts for the reasons in `Finished` events."""
AS_ASKED = "requested"
"""The reason of a pause that a person has asked for."""
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


def trained_part(config: Config, *, is_mixed: bool | None = None) -> str:
    """The part of a model that the figures of its epochs measure: the network or the n-grams, of a
    mixture "alone". By default the settings say whether it becomes a mixture."""
    part = "n-grams" if config.preset == "ngram" else "network"
    return f"{part} alone" if (config.is_mixed if is_mixed is None else is_mixed) else part


def words_read(settings: ModelConfig, window: int) -> str:
    """Which words before the next one a model of these settings reads."""
    is_causal = isinstance(settings, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


def savings_sentence(
    savings: float,
    words: int,
    base: BaseSavings | None = None,
    before: float | None = None,
    where: str = "",
) -> str:
    """The headline of a model: the share of keys that it saves, such as "keys saved 58% (the
    English alone: 57%)", and whether the `words` measured are too few to tell.

    `before` is the share before an update, on the same lines. `where` says which lines were
    measured, if not only those held out of its training.
    """
    sentence = f"keys saved {savings:.0%}"
    if base is not None:
        sentence += f" (the English alone: {base.keystroke_savings:.0%})"
    if before is not None:
        sentence += f", {before:.0%} before"
    if where:
        sentence += f", on {where}"
    if words < ENOUGH_WORDS:
        sentence += f"; measured on {plural(words, 'word')}, too few to tell"
    return sentence


def outcome(finished: Finished, epochs_done: int | None = None) -> str:
    """How a training ended, and which epoch is kept unless that is obvious. `epochs_done` is the
    last one trained, if known. Epoch 0 stands for the n-grams that a network is mixed with."""
    how, kept = OUTCOMES[finished.reason], finished.metrics
    if finished.update is not None:
        return f"{how}; {_update_outcome(finished.update)}"
    if kept is None:
        return f"{how} before the first epoch ended"
    if kept.epoch == 0:
        return f"{how} in the first epoch; the n-grams are kept"
    if finished.reason == "completed" and kept.epoch == epochs_done:
        return how
    return f"{how}; epoch {kept.epoch:,} is kept"


def _update_outcome(update: UpdateFigures) -> str:
    """What happened to the model that was updated, with the losses before and after."""
    old, new = update.old_loss, update.new_loss
    how = "the model is replaced" if update.replaced else "the model stays as it was"
    if old is None or new is None:
        return how
    kept, other = (new, f"{old:.3f} before") if update.replaced else (old, f"{new:.3f} updated")
    return f"{how}: held-out lines cost {kept:.3f} nats per character as written, {other}"


def ending(finished: Finished, part: str, epochs_done: int | None, took: str = "") -> list[str]:
    """The result of a run: first what the model is worth, then how that came about, and how long it
    `took`, then figures. `part` is the `trained_part` of the run."""
    how, figures = outcome(finished, epochs_done), finished.evaluation
    lines = [f"{how}, {took}" if took and finished.metrics else how]
    if figures is not None and figures.keystroke_savings is not None:
        said = savings_sentence(
            figures.keystroke_savings, figures.words, figures.base, figures.before
        )
        lines.insert(finished.reason == "diverged", said)
    return [*lines, *_kept_figures(finished, part)]


def _kept_figures(finished: Finished, part: str) -> Iterator[str]:
    """The perplexities and the losses of the kept epoch, each with what it measures."""
    metrics, evaluation = finished.metrics, finished.evaluation
    if metrics is None:
        return
    is_mixed = part.endswith(" alone")
    of_part = f" ({part})" if is_mixed else ""
    alone = None if metrics.held_out is None else metrics.held_out.perplexity
    whole = None if evaluation is None else evaluation.perplexity
    if not is_mixed:
        alone, whole = whole if alone is None else alone, None
    pairs = ((whole, " (mixture)"), (alone, of_part))
    shown = [f"{format_perplexity(value)}{of}" for value, of in pairs if value is not None]
    is_whole = metrics.epoch > 0
    if shown:
        yield f"held-out lines: perplexity per word {', '.join(shown)}"
    elif is_whole and metrics.held_out is None and evaluation is None:
        yield "held-out lines: none, so how many keys it saves is not known"
    if (train := metrics.train).loss is not None:
        hits = f", accuracy {format_percent(train.accuracy)}" if train.accuracy is not None else ""
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
            return event.event if reason in ("", AS_ASKED) else f"{event.event}: {reason}"
        case Warned():
            return event.message
        case Failed():
            return event.message + (f" ({event.hint})" if event.hint else "")
    return ""
