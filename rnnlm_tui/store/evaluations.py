"""The metrics of a model on its held-out lines, put into words."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import ModelError
from rnnlm_tui.results import ENOUGH_WORDS, savings_sentence
from rnnlm_tui.store.card import ModelCard


def holds_out(card: ModelCard) -> bool:
    """Whether the training held out lines, which it may not for a few lines. They are not measured
    yet before the first epoch has ended."""
    metrics = card.metrics
    measured = metrics is None or metrics.held_out is not None
    return card.config.train.held_out > 0 and measured


def nothing_held_out(name: str) -> ModelError:
    """The error for a model without held-out lines, with a hint how to get metrics."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, {APP_NAME} --evaluate FILE --model {name}, or train a"
        " model with {held_out} 0.1",
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
    return f"{savings(card)}; top word right {top1:.0%}, one of the top five {top5:.0%}"


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
    found = card.metrics and card.metrics.held_out
    return Figures(found.perplexity, found.top1, found.top5, unseen=True) if found else None


def training_figures(card: ModelCard) -> Figures | None:
    """The metrics of the kept epoch on the training lines, of a mixture those of its network
    alone."""
    found = card.metrics and card.metrics.train
    return Figures(found.perplexity, found.accuracy, None, unseen=False) if found else None
