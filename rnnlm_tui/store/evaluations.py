"""A model's figures on the lines that its training held out: measured once, kept beside its weights
in evaluation.json, and said in a sentence.

The file names what it was measured on, the weights among it, so that the figures of an older save
are no figures. It is exported, imported and copied with the model, since the text is mostly not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnnlm_tui.config import LineTextConfig
from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import (
    LONGEST_CONTINUATION,
    Evaluation,
    MeasureProgress,
    TokenScores,
    measure,
    summarize,
)
from rnnlm_tui.formatting import finite
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import EVALUATION
from rnnlm_tui.store.training_text import find_corpus, held_out_lines

FORMAT = 1
COUNTS = ("lines", "words", "predicted", "keys")
SHARES = ("oov_share", "top1", "top5", "keystroke_savings", "keystroke_savings_ghost")
NATS = ("loss",)
PERPLEXITIES = ("perplexity", "perplexity_in_vocabulary")
OFTEN = 0.35
"""From here on "4 times in 10" is nearer than "1 time in 3"."""
SELDOM = 0.001
"""Below it the odds are "less than 1 time in 1,000"."""


def evaluate_own(
    name: str, folder: Path, card: ModelCard, model: LanguageModel
) -> Iterator[MeasureProgress | Evaluation]:
    """Measures the model on its own held-out lines, and keeps the figures, which come last.

    Raises ModelError where none were held out, CorpusError where its text is not to be found,
    StorageError where the figures cannot be kept; then they have been yielded before.
    """
    lines = held_out_lines(card, find_corpus(name, folder, card)) if holds_out(card) else ()
    if not lines:
        raise nothing_held_out(name)
    for step in measure(model, lines):
        if isinstance(step, TokenScores):
            evaluation = summarize(step)
            yield evaluation
            write_evaluation(folder, card, evaluation)
        else:
            yield step


def holds_out(card: ModelCard) -> bool:
    """Whether the training left lines out, to measure on; of a few lines there may be none."""
    share, lines = card.config.train.held_out, card.corpus.get("lines")
    return share > 0 and (not isinstance(lines, int) or round(lines * share) > 0)


def nothing_held_out(name: str) -> ModelError:
    """Why there is no figure, and what to do for one."""
    return ModelError(
        f"{name} was trained on all its lines: there is no figure for lines that it never saw",
        f"give a text that it has not seen, --evaluate FILE --model {name}, or train a model with"
        " --held-out 0.1",
    )


def _measured_on(card: ModelCard) -> dict[str, Any]:
    """What the figures belong to. `created` tells two trainings of one name apart."""
    return {
        "weights": card.weights,
        "created": card.created,
        "sha256": card.corpus.get("sha256"),
        "held_out": card.config.train.held_out,
        "seed": card.config.train.seed,
    }


def write_evaluation(folder: Path, card: ModelCard, evaluation: Evaluation) -> None:
    """Keeps the figures of the model on all its held-out lines. Raises StorageError."""
    data = {"format": FORMAT, "measured_on": _measured_on(card), "figures": asdict(evaluation)}
    files.write_json(folder / EVALUATION, data)


def read_evaluation(folder: Path, card: ModelCard) -> Evaluation | None:
    """The figures of the model on its held-out lines, or None where there are none of the weights
    that the card names. A file that is no such thing counts as none: it can be made again."""
    try:
        data = files.read_json(folder / EVALUATION)
    except ModelError:
        return None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return None
    return _parsed(data.get("figures")) if data.get("measured_on") == _measured_on(card) else None


def _parsed(data: Any) -> Evaluation | None:
    """The figures in parsed JSON, or None for what cannot be figures."""
    if not isinstance(data, dict) or data.keys() != {*Evaluation.__dataclass_fields__}:
        return None
    continuations = data["continuations"]
    if not isinstance(continuations, list) or len(continuations) != LONGEST_CONTINUATION:
        return None
    sensible = (
        all(type(data[name]) is int and 0 <= data[name] < 1 << 53 for name in COUNTS)
        and all(_is_within(data[name], 0, 1) for name in SHARES)
        and all(_is_within(share, 0, 1) for share in continuations)
        and all(_is_within(data[name], 0, 1000) for name in NATS)
        and all(_is_within(data[name], 1, sys.float_info.max) for name in PERPLEXITIES)
    )
    return Evaluation(**{**data, "continuations": tuple(continuations)}) if sensible else None


def _is_within(value: object, low: float, high: float) -> bool:
    """Whether this is a number in these bounds, or None."""
    return value is None or (type(value) in (int, float) and low <= value <= high)  # type: ignore[operator]


def trust_line(card: ModelCard, evaluation: Evaluation | None) -> str:
    """How far to trust the model, in one sentence without a full stop. `evaluation` is that of its
    own held-out lines."""
    if not holds_out(card):
        return "trained on all its lines: no figure for lines it never saw"
    if evaluation is None:
        return "not yet measured on the lines it never saw"
    return in_plain_words(evaluation)


@dataclass(frozen=True, slots=True)
class Figures:
    """How good a model is; None for what is not known. `unseen`: measured on lines that it was not
    trained on. Otherwise they are its training's own and say nothing about other lines."""

    perplexity: float | None
    top1: float | None
    top5: float | None
    unseen: bool


def figures_of(card: ModelCard, evaluation: Evaluation | None = None) -> Figures | None:
    """The figures of the epoch that is kept: of the held-out lines if there are any, as they were
    evaluated, over words alone, else as the training took them. The hits of a training that counts
    ends of lines too are left out: 21 % is 8 % of words."""
    if evaluation is not None:
        return Figures(evaluation.perplexity, evaluation.top1, evaluation.top5, unseen=True)
    if held_out := card.metrics.get("held_out"):
        perplexity, top1, top5 = (finite(held_out.get(k)) for k in ("perplexity", "top1", "top5"))
        if isinstance(card.config.train, LineTextConfig):
            top1 = top5 = None
        return Figures(perplexity, top1, top5, unseen=True)
    return training_figures(card)


def training_figures(card: ModelCard) -> Figures | None:
    """The figures of the kept epoch on the lines it was trained on."""
    train = card.metrics.get("train")
    if not train:
        return None
    return Figures(finite(train.get("perplexity")), finite(train.get("accuracy")), None, False)


def accuracy_sentence(card: ModelCard, evaluation: Evaluation | None) -> str:
    """How far to trust the model, in a sentence: by the figures of its held-out lines, else by
    those of the epoch that is kept, in which ends of lines count too."""
    held_out = card.metrics.get("held_out")
    hits = [finite(held_out.get(name)) for name in ("top1", "top5")] if held_out else []
    if evaluation is None and len(hits) == 2 and all(hits):
        first, five = (f"1 time in {1 / hit:,.0f}" for hit in hits if hit)
        return f"on lines it never saw: next word or end right {first}, among five {five}"
    return trust_line(card, evaluation)


def in_plain_words(evaluation: Evaluation) -> str:
    """The figures of lines that the model never saw, short."""
    if not evaluation.words or evaluation.keystroke_savings is None:
        return "the lines it never saw hold no words"
    top1, top5 = evaluation.top1 or 0, evaluation.top5 or 0
    return (
        f"on lines it never saw: first suggestion right {_odds(top1)}, among five"
        f" {_odds(top5, short=True)}; saves {evaluation.keystroke_savings:.0%} of keys"
    )


def _odds(share: float, *, short: bool = False) -> str:
    """A share as "1 time in 7", short as "1 in 7"."""
    if share <= 0:
        return "never"
    if share < OFTEN:
        count, of = 1, round(1 / max(share, SELDOM))
    else:
        count, of = 10 if share == 1 else min(9, round(10 * share)), 10
    times = "" if short else " times" if count > 1 else " time"
    return f"{'less than ' if share < SELDOM else ''}{count}{times} in {of:,}"
