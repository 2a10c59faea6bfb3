"""The figures of a model on its held-out lines, in plain words."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from msgspec.structs import replace

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


def test_a_few_words_make_no_headline(card: ModelCard) -> None:
    few = replace(card, evaluation=dataclasses.replace(FIGURES, words=499))
    assert headline(few) == ""
    assert savings(few) == "keys saved 21%; measured on 499 words, too few to tell"
    assert (
        headline(replace(card, evaluation=dataclasses.replace(FIGURES, words=500)))
        == "keys saved 21%"
    )


def test_the_accuracy_of_a_model_is_one_sentence(card: ModelCard) -> None:
    measured = replace(card, evaluation=dataclasses.replace(FIGURES, words=900))
    said = "keys saved 21%; top word right 15%, one of the top five 25%"
    assert accuracy_sentence(measured) == said
    card = replace(card, evaluation=None)
    assert accuracy_sentence(card) == "not yet measured on the lines it never saw"
    assert card.metrics is not None
    on_all = replace(card, metrics=replace(card.metrics, held_out=None))
    said = "trained on all its lines: no figure for lines it never saw"
    assert accuracy_sentence(on_all) == said
