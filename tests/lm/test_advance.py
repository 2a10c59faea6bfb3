"""States: a text read at once, in parts, or word by word gives the same predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm import causal, mixture, model, recent_words
from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import normal_weights, small_network
from tests.helpers.ngrams import ngram_model

LINES = ("a b a b c", "b a", "c a b", "a b d") * 4
WORDS = ("a", "b", "c", "d")
TOKENIZER = TOKENIZERS["whitespace"]


def network(cell: str = "gru", **settings: Any) -> CausalModel:
    return small_network(Vocabulary(WORDS, SPECIAL_TOKENS), cell, **settings)


def lesson() -> LessonModel:
    weights = normal_weights(lesson_shapes(LessonConfig(4, 3, 3), 1 + len(WORDS)))
    return LessonModel(Vocabulary(WORDS), TOKENIZER, 3, weights)


def mixed(**others: LanguageModel) -> MixedModel:
    """N-grams mixed with these and a cache."""
    ngrams = ngram_model(["a b c d", *LINES[:4]], order=3)
    return MixedModel(TOKENIZER, {"ngrams": ngrams, **others})  # type: ignore[dict-item]


def base() -> MixedModel:
    """A mixture of other words."""
    words = ngram_model(("x a b y", "y x x a", "b y c", "x a b c"))
    return MixedModel(TOKENIZER, {"ngrams": words})


@pytest.mark.parametrize(
    "make",
    [
        network,
        lambda: network("lstm", layers=2),
        lambda: network("rnn"),
        lesson,
        lambda: mixed().models["ngrams"],
        mixed,
        lambda: mixed(network=network()),
        lambda: mixed(network=network(), base=base()),
    ],
)
@pytest.mark.parametrize("at_once", [1, 7])
def test_a_text_read_word_by_word_is_read_as_at_once(
    make: Callable[[], LanguageModel], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "LOGITS_AT_ONCE", 8 * at_once)
    monkeypatch.setattr(mixture, "AT_ONCE", at_once)
    monkeypatch.setattr(model, "READ_AT_ONCE", at_once)
    monkeypatch.setattr(recent_words, "TOGETHER", 5)
    monkeypatch.setattr(recent_words, "CACHE_WORDS", 20)
    one = make()
    begin = [] if one.vocabulary.begin_id is None else [one.vocabulary.begin_id]
    ids = [i for line in LINES for i in (*begin, *one.vocabulary.encode(line.split()))]
    whole = one.advance(one.start, ids)
    expected = np.stack([distribution.copy() for distribution in one.predict(whole)])
    state = one.start
    for number, word in enumerate(ids):
        one.advance(state, ids[:2])  # leaves the state as it is
        (state,) = one.advance(state, [word])
        assert next(one.predict([state])) == pytest.approx(expected[number], abs=1e-6)
    for number in (0, 5, len(ids) - 2):  # any state can be read on from
        rest = [*one.predict(one.read(whole[number], ids[number + 1 :]))]
        assert np.stack(rest) == pytest.approx(expected[number + 1 :], abs=1e-6)
    assert one.next_word_probabilities(ids) == pytest.approx(expected[-1], abs=1e-6)
    assert one.state_after(state, []) is state
    if isinstance(one, MixedModel):
        assert state.recent.length == 20
