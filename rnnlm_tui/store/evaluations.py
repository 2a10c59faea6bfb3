"""The metrics of a model on its held-out lines: stored in evaluation.json, and put into words.

The file names the weights and the lines that were measured, so that outdated metrics are ignored.
It is exported and copied with the model, since the text usually is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct, to_builtins

from rnnlm_tui.config import LineTextConfig
from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import Evaluation, Share
from rnnlm_tui.events import BaseSavings, Count
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import EVALUATION, read_json

OFTEN = 0.35
"""Odds of at least this share are given in tenths: "4 in 10" is closer than "1 in 3"."""
SELDOM = 0.001
"""Share below which odds are "less than 1 in 1,000"."""


def holds_out(card: ModelCard) -> bool:
    """Whether the training held out lines, which it may not for a few lines. They are not measured
    yet if the kept epoch was stopped early ("steps")."""
    measured = card.metrics["held_out"] is not None or "steps" in card.metrics
    return card.config.train.held_out > 0 and measured


def nothing_held_out(name: str) -> ModelError:
    """The error for a model without held-out lines, with a hint how to get metrics."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, --evaluate FILE --model {name}, or train a model with"
        " --held-out 0.1",
    )


class _MeasuredOn(Struct, frozen=True):
    """What was measured. `created` tells trainings of the same name apart."""

    weights: str
    created: str
    sha256: str
    held_out: Share
    seed: Count


class _EvaluationFile(Struct):
    """The contents of evaluation.json."""

    format: Literal[1]
    measured_on: _MeasuredOn
    figures: Evaluation
    base: BaseSavings | None = None


@dataclass(frozen=True, slots=True)
class HeldOutEvaluation:
    """The metrics of a model on its held-out lines, and what its base alone saves on them; None
    without a base."""

    figures: Evaluation
    base: BaseSavings | None


def _measured_on(card: ModelCard) -> _MeasuredOn:
    train = card.config.train
    return _MeasuredOn(
        card.weights, card.created, card.corpus["sha256"], train.held_out, train.seed
    )


def write_evaluation(
    folder: Path, card: ModelCard, evaluation: Evaluation, base: BaseSavings | None = None
) -> None:
    """Stores the metrics of the model on all its held-out lines, and what its base alone saves on
    them. Raises StorageError."""
    file = _EvaluationFile(1, _measured_on(card), evaluation, base)
    files.write_json(folder / EVALUATION, to_builtins(file))


def read_held_out_evaluation(folder: Path, card: ModelCard) -> HeldOutEvaluation | None:
    """What is stored of the model on its held-out lines; None if there is nothing for the weights
    of the card, or if the file is unreadable."""
    try:
        file = read_json(folder / EVALUATION, _EvaluationFile)
    except ModelError:
        return None
    is_of_card = file.measured_on == _measured_on(card)
    return HeldOutEvaluation(file.figures, file.base) if is_of_card else None


def read_evaluation(folder: Path, card: ModelCard) -> Evaluation | None:
    """The same without the base."""
    found = read_held_out_evaluation(folder, card)
    return None if found is None else found.figures


def accuracy_sentence(card: ModelCard, evaluation: Evaluation | None) -> str:
    """How accurate the model is, as one sentence without a full stop. `evaluation` is that of its
    held-out lines."""
    if not holds_out(card):
        return "trained on all its lines: no figure for lines it never saw"
    if evaluation is None:
        return "not yet measured on the lines it never saw"
    return in_plain_words(evaluation)


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics of a model, or of a part of it; None if unknown. They are `unseen` if they were
    measured on lines that it was not trained on, else they are those of its training lines."""

    perplexity: float | None
    top1: float | None
    top5: float | None
    unseen: bool


def figures_of(card: ModelCard, evaluation: Evaluation | None) -> Figures | None:
    """The metrics of the model, as it suggests: on its held-out lines, or if it has none on its
    training lines. None if they were not measured.

    Those of its kept epoch are no substitute if it is a mixture: they are of its network alone.
    """
    if evaluation is not None:
        return Figures(evaluation.perplexity, evaluation.top1, evaluation.top5, unseen=True)
    if card.mixture is not None:
        return None
    return held_out_figures(card) or training_figures(card)


def held_out_figures(card: ModelCard) -> Figures | None:
    """The metrics of the kept epoch on the held-out lines, of a mixture those of its network alone.
    Hit rates of line-based trainings are left out, since older versions counted ends of lines:
    21 % there is 8 % of words."""
    held_out = card.metrics["held_out"]
    if not held_out:
        return None
    top1, top5 = held_out["top1"], held_out["top5"]
    if isinstance(card.config.train, LineTextConfig):
        top1 = top5 = None
    return Figures(held_out["perplexity"], top1, top5, unseen=True)


def training_figures(card: ModelCard) -> Figures:
    """The metrics of the kept epoch on the training lines, of a mixture those of its network
    alone."""
    train = card.metrics["train"]
    return Figures(train["perplexity"], train["accuracy"], None, unseen=False)


def in_plain_words(evaluation: Evaluation) -> str:
    """The metrics on held-out lines as a sentence of at most 76 characters."""
    if not evaluation.words:
        return "the lines it never saw hold no words"
    top1, top5 = evaluation.top1 or 0, evaluation.top5 or 0
    return (
        f"unseen lines: top word right {_odds(top1)}, top five {_odds(top5)};"
        f" saves {evaluation.keystroke_savings or 0:.0%} of keys"
    )


def _odds(share: float) -> str:
    """A share as "1 in 7"."""
    if share <= 0:
        return "never"
    if share < OFTEN:
        count, of = 1, round(1 / max(share, SELDOM))
    else:
        count, of = 10 if share == 1 else min(9, round(10 * share)), 10
    return f"{'less than ' if share < SELDOM else ''}{count} in {of:,}"
