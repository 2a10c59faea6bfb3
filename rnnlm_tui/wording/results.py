"""What a training or an evaluation has found, in words for people, for all front ends.

A model that is a mixture has two kinds of figures: those of its network (or n-grams) alone, which
its epochs have, and those of the mixture, which it suggests with. Each is named wherever it is
shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from rnnlm_tui.config import CausalConfig, Config, ModelConfig
from rnnlm_tui.events import (
    ByWriter,
    Comparison,
    EpochEnded,
    Evaluation,
    Event,
    Failed,
    Finished,
    LearnedWords,
    Metrics,
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
ENOUGH_TEXT = 10 * ENOUGH_WORDS
"""The words of a text of which so many are held out, a tenth by default."""
OUTCOMES = {
    "completed": "done",
    "early_stop": "ended early: it no longer got better on lines that it does not learn",
    "stopped": "stopped",
    "diverged": "diverged: the loss became infinite or NaN",
}
"""Texts for the reasons in `Finished` events."""
FORMS: Mapping[str, Callable[[float], str]] = {
    "loss": format_loss,
    "penalty": format_loss,
    "accuracy": format_percent,
    "perplexity": format_perplexity,
    "top1": format_percent,
    "top5": format_percent,
}
"""How the metrics of an epoch are shown."""
LARGEST_LOSS = 1e9
"""Larger losses, those of a run that diverges, are drawn as this one."""


def trained_part(config: Config) -> str:
    """The part of a model that the figures of its epochs measure: the network or the n-grams, of a
    mixture "alone"."""
    part = "network" if config.has_network else "n-grams"
    return f"{part} alone" if config.is_mixed else part


def words_read(settings: ModelConfig, window: int) -> str:
    """Which words before the next one a model of these settings reads."""
    is_causal = isinstance(settings, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


# A model


def savings_sentence(found: Evaluation | None, before: ByWriter[float] | None = None) -> str:
    """How many keys a model saves, such as "saves 61 of 100 keys of a writer who reads the list, 46
    of one who looks at the cursor only; the English alone 60 and 45", or that it was measured on
    too few words to tell; "" if it was not measured. `before` are the shares before an update, on
    the same lines."""
    if found is None or found.keystroke_savings is None:
        return ""
    if found.words < ENOUGH_WORDS:
        few = f"measured on {plural(found.words, 'word')}, too few to tell how many keys it saves"
        return f"{few}: that takes {ENOUGH_WORDS}"
    parts = [_saves(found.keystroke_savings)]
    if before is not None:
        parts.append(f"before {both_shares(before)}")
    if found.base is not None:
        parts.append(f"the English alone {both_shares(found.base.keystroke_savings)}")
    return "; ".join(parts)


def both_shares(saved: ByWriter[float], decimals: int = 0) -> str:
    """The shares of a writer who reads the list and of one who looks at the cursor, in percent."""
    return f"{100 * saved.attentive:.{decimals}f} and {100 * saved.at_cursor:.{decimals}f}"


def _saves(saved: ByWriter[float], decimals: int = 0) -> str:
    """What a model saves of both writers, in words."""
    return (
        f"saves {100 * saved.attentive:.{decimals}f} of 100 keys of a writer who reads the list,"
        f" {100 * saved.at_cursor:.{decimals}f} of one who looks at the cursor only"
    )


def is_better(found: Comparison) -> bool:
    """Whether a new model saves more keys of a writer who looks at the cursor than the one in use,
    on enough words to tell."""
    new, old = found.new.keystroke_savings, found.in_use.keystroke_savings
    is_enough = found.new.words >= ENOUGH_WORDS
    return is_enough and new is not None and old is not None and new.at_cursor > old.at_cursor


def comparison_sentence(name: str, found: Comparison) -> str:
    """What the new model of this name and the one in use save on the same lines, such as "mine
    saves 58.4 of 100 keys of a writer who reads the list, 43.4 of one who looks at the cursor only,
    on lines that neither has learned; english 55.1 and 40.1"."""
    new, old = found.new.keystroke_savings, found.in_use.keystroke_savings
    if found.new.words < ENOUGH_WORDS or new is None or old is None:
        few = f"{plural(found.new.words, 'word')} that neither has learned are too few to tell"
        enough = f"a text of some {ENOUGH_TEXT:,} words is enough"
        return f"{few} whether {name} is better than {found.name}, {enough}"
    on_lines = "on lines that neither has learned"
    return f"{name} {_saves(new, 1)}, {on_lines}; {found.name} {both_shares(old, 1)}"


def accuracy_sentence(card: ModelCard) -> str:
    """How accurate the model is, as one sentence without a full stop."""
    if not card.holds_out:
        return "trained on all its lines: no figure for lines it never saw"
    if (found := card.evaluation) is None:
        return "not yet measured on the lines it never saw"
    hits = f"top word right {found.top1 or 0:.0%}, one of the top five {found.top5 or 0:.0%}"
    return "; ".join(part for part in (savings_sentence(found), hits) if part)


# A training


def outcome(finished: Finished, done: int = 0, epochs: int | None = None) -> str:
    """How a training ended, and what is kept of it. `done` of `epochs` were trained, if known.
    Epoch 0 stands for the n-grams that a network is mixed with."""
    how, kept, update = OUTCOMES[finished.reason], finished.metrics, finished.update
    if update is not None:
        fate = "the model is replaced" if update.replaced else "the model stays as it was"
        if update.old_loss is None or update.new_loss is None:
            return f"{how}: {fate}"
        better = "predicts" if update.replaced else "does not predict"
        return f"{how}: updated, it {better} them better, so {fate}"
    if kept is None:
        return f"{how} before the first epoch ended"
    if kept.epoch == 0:
        return f"{how} in the first epoch; the n-grams are kept"
    if finished.reason == "stopped" and done and epochs:
        how += f" after {done:,} of {plural(epochs, 'epoch')}"
    if kept.epoch == done and finished.reason in ("completed", "stopped"):
        return how
    return f"{how}; epoch {kept.epoch:,} is kept"


def ending(
    finished: Finished, done: int = 0, epochs: int | None = None, took: str = ""
) -> list[str]:
    """The result of a run: what the model is worth on lines that it has not learned, then how that
    came about, and how long it `took`; the other way round if that is not known, or for a run that
    broke off."""
    learned = [*filter(None, [learned_sentence(finished.learned)])]
    how, update, found = outcome(finished, done, epochs), finished.update, finished.evaluation
    how = f"{how}, {took}" if took and finished.metrics else how
    before = update.old_savings if update is not None else None
    if update is not None and not update.replaced and found is not None:
        # What was measured is dropped.
        found, before = replace(found, keystroke_savings=before), None
    if found is not None and (worth := savings_sentence(found, before)):
        where = "on lines it has not seen: " if found.words >= ENOUGH_WORDS else ""
        lines = [f"{where}{worth}", how]
        return (lines[::-1] if finished.reason == "diverged" else lines) + learned
    kept = finished.metrics
    if update is None and kept is not None and kept.epoch > 0 and kept.held_out is None:
        lines = [how, "it has learned every line: how many keys it saves on others is not known"]
        return lines + learned
    return [how, *learned]


def learned_sentence(learned: LearnedWords | None) -> str:
    """Which of the words of a text its model knows beside those of the English, such as "knows
    Marta, Zoë Muñoz and 41 more words of yours"; "" if there are none."""
    if learned is None or not learned.count:
        return ""
    first, more = learned.first, learned.count - len(learned.first)
    if not more:
        return f"knows {' and '.join(first)} from your text"
    return f"knows {', '.join(first)} and {more:,} more word{'s' * (more > 1)} of yours"


def epoch_figures(ended: EpochEnded) -> list[tuple[str, str, str]]:
    """The figures of an epoch, first on the training lines: the lines that each was measured on,
    its name, and its text. No penalty if it is 0."""
    return [
        (lines, name.replace("top", "top-"), form(value))
        for lines, metrics in (("training", ended.train), ("held-out", ended.held_out))
        for name, form in FORMS.items()
        if (value := getattr(metrics, name, None)) is not None and (value or name != "penalty")
    ]


def loss_points(epochs: Iterable[tuple[int, Metrics | None]]) -> list[tuple[float, float]]:
    """Returns the losses in the figures of epochs, each with the number of its epoch."""
    losses = ((epoch, figures.loss) for epoch, figures in epochs if figures)
    return [
        (epoch, max(-LARGEST_LOSS, min(LARGEST_LOSS, loss)))
        for epoch, loss in losses
        if loss is not None and math.isfinite(loss)
    ]


def best_of(epochs: Sequence[EpochEnded]) -> int | None:
    """The last epoch that was better than all before it; None without epochs."""
    return next((ended.epoch for ended in reversed(epochs) if ended.best), None)


def event_words(event: Event) -> str:
    """What happened, in words; "" for events that figures show better."""
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
