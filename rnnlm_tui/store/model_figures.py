"""The few figures of a model that a list has space for, as numbers and as text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rnnlm_tui.config import LineTextConfig
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.lm.registry import FAMILIES
from rnnlm_tui.store.evaluations import trust_line
from rnnlm_tui.store.files import ModelCard


@dataclass(frozen=True, slots=True)
class Figures:
    """How good a model is; None what is not known. `unseen`: measured on lines that it was not
    trained on. Otherwise they are its training's own and say nothing of other lines."""

    perplexity: float | None
    top1: float | None
    top5: float | None
    unseen: bool


def figures_of(card: ModelCard, evaluation: Evaluation | None = None) -> Figures | None:
    """The figures of the epoch that is kept: those of the held-out lines, where there are some, as
    they were evaluated, over words alone, else as the training took them. The hits of a training
    that counts ends of lines too are none, for they would look far better: 21 % is 8 % of words."""
    if evaluation is not None:
        return Figures(evaluation.perplexity, evaluation.top1, evaluation.top5, unseen=True)
    if held_out := card.metrics.get("held_out"):
        perplexity, top1, top5 = (number(held_out.get(k)) for k in ("perplexity", "top1", "top5"))
        if isinstance(card.config.train, LineTextConfig):
            top1 = top5 = None
        return Figures(perplexity, top1, top5, unseen=True)
    return training_figures(card)


def training_figures(card: ModelCard) -> Figures | None:
    """The figures of the kept epoch on the lines it was trained on."""
    train = card.metrics.get("train")
    if not train:
        return None
    perplexity, top1 = number(train.get("perplexity")), number(train.get("accuracy"))
    return Figures(perplexity, top1, None, unseen=False)


def number(value: object) -> float | None:
    """A measured value as a float; None for what is no finite number."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def perplexity_text(value: float | None) -> str:
    """A perplexity in at most seven characters."""
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def percent_text(value: float | None) -> str:
    """A share as a percentage."""
    if value is None:
        return "-"
    return f"{value:.0%}" if value >= 0.0995 or value == 0 else f"{value:.1%}"


def words_known(card: ModelCard) -> int:
    """The words of the vocabulary; padding and what stands for no word are none."""
    return card.total_words - 1 - len(FAMILIES[card.config.preset].special_tokens)


def accuracy_sentence(card: ModelCard, evaluation: Evaluation | None) -> str:
    """How far to trust the model, in a sentence: by the figures of its held-out lines, else by
    those of the epoch that is kept, to which ends of lines count too."""
    held_out = card.metrics.get("held_out")
    hits = [number(held_out.get(name)) for name in ("top1", "top5")] if held_out else []
    if evaluation is None and len(hits) == 2 and all(hits):
        first, five = (f"1 time in {1 / hit:,.0f}" for hit in hits if hit)
        return f"on lines it never saw: next word or end right {first}, among five {five}"
    return trust_line(card, evaluation)
