"""Distributions computed together equal those computed one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm import causal, mixture
from rnnlm_tui.lm.causal import CausalModel, common_prefix_length
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import LanguageModel, Passage
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import normal_weights, small_network
from tests.helpers.ngrams import ngram_model

LINES = ("a b a b c", "b a", "c a b", "a b d") * 4
WORDS = ("a", "b", "c", "d")
TOKENIZER = TOKENIZERS["whitespace"]


def network(cell: str = "gru", window: int = 12, **settings: Any) -> CausalModel:
    return small_network(Vocabulary(WORDS, SPECIAL_TOKENS), cell, window, **settings)


def lesson() -> LessonModel:
    config, vocabulary = LessonConfig(4, 3, 3), Vocabulary(WORDS)
    weights = normal_weights(lesson_shapes(config, vocabulary.total_words))
    return LessonModel(vocabulary, TOKENIZER, 3, weights)


def ngrams() -> NgramModel:
    return ngram_model(["a b c d", *LINES[:4]], order=3)


def mixed(network: LanguageModel | None = None, base: LanguageModel | None = None) -> MixedModel:
    """N-grams mixed with these and a cache."""
    models: dict[ComponentName, LanguageModel] = {"ngrams": ngrams()}
    if network is not None:
        models["network"] = network
    if base is not None:
        models["base"] = base
    return MixedModel(TOKENIZER, models)


def base() -> MixedModel:
    """A mixture of other words."""
    words = ngram_model(("x a b y", "y x x a", "b y c", "x a b c"))
    return MixedModel(TOKENIZER, {"ngrams": words})


def passages_of(model: LanguageModel, lines: Sequence[str]) -> list[Passage]:
    """All lines as one passage, then two that are far from each other, and single lines."""
    if model.vocabulary.begin_id is None:
        return [Passage(model.vocabulary.encode(line.split()), 0) for line in lines]
    own = [[BEGIN_ID, *model.vocabulary.encode(line.split())] for line in lines]
    ids = [i for line in own for i in line]
    return [
        Passage(ids, 1),
        Passage(ids[:33], 30),
        Passage(ids[9:], 31),
        *(Passage(line, 1) for line in own),
    ]


@pytest.mark.parametrize(
    "make",
    [
        network,
        lambda: network("lstm", layers=2),
        lambda: network("rnn", window=1000),
        lambda: network(context="line"),
        lesson,
        ngrams,
        mixed,
        lambda: mixed(network()),
        lambda: mixed(network(context="line")),
        lambda: mixed(network(), base()),
    ],
)
@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_what_is_read_together_is_what_is_asked_for_one_by_one(
    make: Callable[[], LanguageModel], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "READ_BYTES", at_once)
    monkeypatch.setattr(mixture, "MOST_CONTEXT", 30)
    monkeypatch.setattr(mixture, "CONTEXT_STEP", 10)
    monkeypatch.setattr(mixture, "CACHE_WORDS", 20)
    model, other = make(), make()
    passages = passages_of(model, LINES)
    rows = model.read(passages)
    for whole, known in passages:
        for length in range(len(whole) - known + 1):
            ids = [*whole[: known + length]]
            expected = other.next_word_probabilities(ids)
            assert next(rows) == pytest.approx(expected, abs=1e-6)
            if length % 3 == 0:  # something else in between
                ids[-1:] = model.vocabulary.encode(["d", "a"])
                asked, expected = (m.next_word_probabilities(ids) for m in (model, other))
                assert asked == pytest.approx(expected, abs=1e-6)
    assert next(rows, None) is None


few_ids = st.lists(st.integers(0, 1), max_size=12)


@given(few_ids, few_ids, few_ids)
def test_the_common_prefix_of_two_contexts_is_found(
    begin: list[int], one: list[int], other: list[int]
) -> None:
    one, other = begin + one, begin + other
    length = common_prefix_length(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]
