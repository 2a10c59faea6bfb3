"""The metrics of a model on its held-out lines, put into words."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlm_tui.errors import ModelError, Sentence
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.results import ENOUGH_WORDS, savings_sentence
from rnnlm_tui.store.card import ModelCard

OFTEN = 0.35
"""Odds of at least this share are given in tenths: "4 in 10" is closer than "1 in 3"."""
SELDOM = 0.001
"""Share below which odds are "less than 1 in 1,000"."""


def holds_out(card: ModelCard) -> bool:
    """Whether the training held out lines, which it may not for a few lines. They are not measured
    yet before the first epoch has ended."""
    metrics = card.metrics
    measured = metrics is None or metrics["held_out"] is not None or "steps" in metrics
    return card.config.train.held_out > 0 and measured


def nothing_held_out(name: str) -> ModelError:
    """The error for a model without held-out lines, with a hint how to get metrics."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        Sentence(
            "give a text that it has not seen, {command}, or train a model with {held_out} 0.1",
            command=f"{APP_NAME} --evaluate FILE --model {name}",
        ),
    )


def headline(card: ModelCard) -> str:
    """How many keys the model saves; "" if that was not measured, or on too few words to tell."""
    evaluation = card.evaluation
    return "" if evaluation is None or evaluation.words < ENOUGH_WORDS else savings(card)


def savings(card: ModelCard) -> str:
    """How many keys the model saves, and whether that was measured on too few words to tell; "" if
    it was not measured."""
    evaluation = card.evaluation
    if evaluation is None or evaluation.keystroke_savings is None:
        return ""
    return savings_sentence(evaluation.keystroke_savings, evaluation.words, card.base_alone)


def accuracy_sentence(card: ModelCard) -> str:
    """How accurate the model is, as one sentence without a full stop."""
    if not holds_out(card):
        return "trained on all its lines: no figure for lines it never saw"
    if card.evaluation is None:
        return "not yet measured on the lines it never saw"
    if not card.evaluation.words:
        return "the lines it never saw hold no words"
    top1, top5 = card.evaluation.top1 or 0, card.evaluation.top5 or 0
    return f"{savings(card)}; top word right {_odds(top1)}, top five {_odds(top5)}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics of a model, or of a part of it; None if unknown. They are `unseen` if they were
    measured on lines that it was not trained on, else they are those of its training lines."""

    perplexity: float | None
    top1: float | None
    top5: float | None
    unseen: bool


def figures_of(card: ModelCard) -> Figures | None:
    """The metrics of the model, as it suggests: on its held-out lines, or if it has none on its
    training lines. None if they were not measured.

    Those of its kept epoch are no substitute if it is a mixture: they are of its network alone.
    """
    if (evaluation := card.evaluation) is not None:
        return Figures(evaluation.perplexity, evaluation.top1, evaluation.top5, unseen=True)
    if card.mixture is not None:
        return None
    return held_out_figures(card) or training_figures(card)


def held_out_figures(card: ModelCard) -> Figures | None:
    """The metrics of the kept epoch on the held-out lines, of a mixture those of its network
    alone."""
    held_out = card.metrics and card.metrics["held_out"]
    if not held_out:
        return None
    return Figures(held_out["perplexity"], held_out["top1"], held_out["top5"], unseen=True)


def training_figures(card: ModelCard) -> Figures | None:
    """The metrics of the kept epoch on the training lines, of a mixture those of its network
    alone."""
    if card.metrics is None:
        return None
    train = card.metrics["train"]
    return Figures(train["perplexity"], train["accuracy"], None, unseen=False)


def _odds(fraction: float) -> str:
    """A fraction as "1 in 7"."""
    if fraction <= 0:
        return "never"
    if fraction < OFTEN:
        count, of = 1, round(1 / max(fraction, SELDOM))
    else:
        count, of = 10 if fraction == 1 else min(9, round(10 * fraction)), 10
    return f"{'less than ' if fraction < SELDOM else ''}{count} in {of:,}"
