"""What a training or an evaluation has found, in words for people.

A model that is a mixture has two kinds of figures: those of its network (or n-grams) alone, which
its epochs have, and those of the mixture, which it suggests with. Each is named wherever it is
shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rnnlm_tui.config import CausalConfig, ModelConfig
from rnnlm_tui.event_types import BaseSavings, EndFigures, Finished, UpdateFigures
from rnnlm_tui.formatting import finite, format_percent, format_perplexity, plural

ENOUGH_WORDS = 500
"""With this many words a hit rate of 10 % is accurate to 3 points."""
CALLED = {"english": "the English"}
"""Built-in models by what they are called in a sentence."""
OUTCOMES = {
    "completed": "done",
    "early_stop": "ended early: the held-out loss stopped falling",
    "stopped": "stopped",
    "diverged": "diverged: the loss kept becoming infinite or NaN",
}
"""Texts for the reasons in `Finished` events."""


def trained_part(preset: str, *, is_mixed: bool) -> str:
    """The part of a model that the figures of its epochs measure: the network or the n-grams, of a
    mixture "alone"."""
    part = "n-grams" if preset == "ngram" else "network"
    return f"{part} alone" if is_mixed else part


def words_read(settings: ModelConfig, window: int) -> str:
    """Which words before the next one a model of these settings reads."""
    is_causal = isinstance(settings, CausalConfig)
    return "all words before" if is_causal else f"the last {plural(window, 'word')}"


def part_of_config(config: Mapping[str, Any]) -> str:
    """The same for the settings in a `Started` event."""
    train = config.get("train")
    is_mixed = isinstance(train, dict) and train.get("mixture") == "on"
    return trained_part(str(config.get("preset")), is_mixed=is_mixed)


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
        alone = CALLED.get(base["name"], base["name"])
        sentence += f" ({alone} alone: {base['keystroke_savings']:.0%})"
    if before is not None:
        sentence += f", {before:.0%} before"
    if where:
        sentence += f", on {where}"
    if words < ENOUGH_WORDS:
        sentence += f"; measured on {plural(words, 'word')}, too few to tell"
    return sentence


def end_sentence(figures: EndFigures | None) -> str | None:
    """The same for the model of a run that has ended; None if nothing was measured."""
    if figures is None or figures["keystroke_savings"] is None:
        return None
    return savings_sentence(
        figures["keystroke_savings"], figures["words"], figures["base"], figures["before"]
    )


def figure_lines(end: Finished, part: str) -> Iterator[str]:
    """The perplexities and the losses of the kept epoch, each with what it measures. `part` is the
    `trained_part` of the run."""
    train, held_out = _part(end.metrics, "train"), _part(end.metrics, "held_out")
    if train is None and end.evaluation is None:
        return
    train = train or {}
    is_mixed = part.endswith(" alone")
    of_part = f" ({part})" if is_mixed else ""
    alone = finite(held_out.get("perplexity")) if held_out is not None else None
    whole = finite(end.evaluation["perplexity"]) if end.evaluation is not None else None
    if not is_mixed:
        alone, whole = whole if alone is None else alone, None
    pairs = ((whole, " (mixture)"), (alone, of_part))
    shown = [f"{format_perplexity(value)}{of}" for value, of in pairs if value is not None]
    if shown:
        yield f"held-out lines: perplexity per word {', '.join(shown)}"
    elif held_out is None and end.evaluation is None and "steps" not in end.metrics:
        yield "held-out lines: none, so how many keys it saves is not known"
    loss, accuracy = finite(train.get("loss")), format_percent(finite(train.get("accuracy")))
    if loss is not None:
        yield f"training lines: loss {loss:.3f} nats per word, accuracy {accuracy}{of_part}"


def _part(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The metrics on the training or the held-out lines; None if there are none, or if the history
    that they come from is damaged."""
    found = metrics.get(name)
    return found if isinstance(found, dict) else None


def _update_outcome(update: UpdateFigures) -> str:
    """What happened to the model that was updated, with the losses before and after."""
    old, new = finite(update["old_loss"]), finite(update["new_loss"])
    how = "the model is replaced" if update["replaced"] else "the model stays as it was"
    if old is None or new is None:
        return how
    kept, other = (new, f"{old:.3f} before") if update["replaced"] else (old, f"{new:.3f} updated")
    return f"{how}: held-out lines cost {kept:.3f} nats per character as written, {other}"


def outcome(
    reason: str,
    kept: int | None,
    epochs_done: int | None = None,
    update: UpdateFigures | None = None,
) -> str:
    """How a training ended, and which epoch is kept unless that is obvious.

    `kept` is the epoch whose weights are kept, None if nothing was learned; `epochs_done` the last
    one trained, if known. Epoch 0 stands for the n-grams that a network is mixed with.
    """
    how = OUTCOMES.get(reason, reason)
    if update is not None:
        return f"{how}; {_update_outcome(update)}"
    if kept is None:
        return f"{how} before anything was learned"
    if kept == 0:
        return f"{how} in the first epoch; the n-grams are kept"
    if reason == "completed" and kept == epochs_done:
        return how
    return f"{how}; epoch {kept:,} is kept"
