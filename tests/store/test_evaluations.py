"""The figures of a model on its held-out lines, in plain words."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.evaluations import accuracy_sentence, headline, savings
from rnnlm_tui.store.model_file import read_card
from tests.helpers.models import EVALUATION, SAVED_MODELS

FIGURES = msgspec.convert(EVALUATION, Evaluation)


@pytest.fixture
def card() -> ModelCard:
    """The card of the model gru."""
    return read_card(SAVED_MODELS / "gru.safetensors")


@pytest.mark.parametrize(
    ("top1", "top5", "said"),
    [
        (0.15, 0.25, "right 1 in 7, top five 1 in 4"),
        (0.0, 0.5, "right never, top five 5 in 10"),
        (0.52, 0.98, "right 5 in 10, top five 9 in 10"),
        (0.0002, 0.34, "right less than 1 in 1,000, top five 1 in 3"),
        (1.0, 1.0, "right 10 in 10, top five 10 in 10"),
    ],
)
def test_odds_are_written_as_people_say_them(
    card: ModelCard, top1: float, top5: float, said: str
) -> None:
    figures = replace(FIGURES, top1=top1, top5=top5, words=900)
    line = accuracy_sentence(replace(card, evaluation=figures))
    assert line == f"keys saved 21%; top word {said}"


def test_a_few_words_make_no_headline(card: ModelCard) -> None:
    few = replace(card, evaluation=replace(FIGURES, words=499))
    assert headline(few) == ""
    assert savings(few) == "keys saved 21%; measured on 499 words, too few to tell"
    assert headline(replace(card, evaluation=replace(FIGURES, words=500))) == "keys saved 21%"


def test_without_figures_the_accuracy_sentence_says_why(card: ModelCard) -> None:
    card = replace(card, evaluation=None)
    assert accuracy_sentence(card) == "not yet measured on the lines it never saw"
    assert card.metrics is not None
    on_all = replace(card, metrics={**card.metrics, "held_out": None})
    said = "trained on all its lines: no figure for lines it never saw"
    assert accuracy_sentence(on_all) == said
