"""Mixed models: sums of distributions over a union of words, caches, and fitted weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.lm import mixture, recent_words
from rnnlm_tui.lm.mixture import (
    MixedModel,
    MixtureWeights,
    em_mixture_weights,
    fit_mixture_weights,
    targets_of_excerpts,
)
from rnnlm_tui.text.excerpts import Excerpt
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID, Vocabulary
from tests.helpers.networks import small_network
from tests.helpers.ngrams import ngram_model

TOKENIZER = TOKENIZERS["whitespace"]
OWN = ("a b a b c", "b a", "c a b", "a b d")
BASE = ("x a b y", "y x x a", "b y c", "x a b c")


def ids_of(vocabulary: Vocabulary, lines: Sequence[str]) -> list[int]:
    """The ids of lines, each with the id that starts a line."""
    return [i for line in lines for i in (BEGIN_ID, *vocabulary.encode(line.split()))]


def components_after(mixed: MixedModel, context: Sequence[int]) -> NDArray[np.float32]:
    """The distributions of the components after a context."""
    return next(mixed.predict_components([mixed.state_after(mixed.start, context)]))


def test_it_is_the_weighted_sum_over_the_union_of_the_words() -> None:
    own, base = ngram_model(OWN), ngram_model(BASE)
    mixed = MixedModel(TOKENIZER, {"ngrams": own, "base": base}, {"ngrams": 0.25, "base": 0.75})
    assert mixed.vocabulary.words == (*own.vocabulary.words, "x", "y")
    assert mixed.own_vocabulary is own.vocabulary
    for line in ("a b", "x a", "y", "", "d x", "q b"):
        whole = mixed.next_word_probabilities(ids_of(mixed.vocabulary, [line]))
        theirs = base.next_word_probabilities(ids_of(base.vocabulary, [line]))
        ours = own.next_word_probabilities(ids_of(own.vocabulary, [line]))
        assert whole.sum() == pytest.approx(1, abs=1e-5)
        for i, p in enumerate(whole):
            word = mixed.vocabulary.word(i) if i else ""
            one = ours[i] if i < len(ours) else 0
            other = theirs[i] if i <= END_ID else 0
            if word in base.vocabulary:
                other = theirs[base.vocabulary.encode([word])[0]]
            assert p == pytest.approx(0.25 * one + 0.75 * other, abs=1e-6), word


def test_what_the_base_never_suggests_is_suggested_if_the_own_text_has_it() -> None:
    own, base = ngram_model(OWN), ngram_model(BASE)
    base.excluded_ids += tuple(base.vocabulary.encode(["a", "x"]))
    mixed = MixedModel(TOKENIZER, {"ngrams": own, "base": base})
    assert {*mixed.excluded_ids} == {*own.excluded_ids, *mixed.vocabulary.encode(["x"])}


def test_without_a_component_the_others_share_its_weight() -> None:
    own = ngram_model(OWN)
    mixed = MixedModel(TOKENIZER, {"ngrams": own}, {"ngrams": 0.2, "cache": 0.2, "base": 0.6})
    assert mixed.mixture_weights == {"ngrams": 0.5, "cache": 0.5}
    alone = MixedModel(TOKENIZER, {"ngrams": own}, {"ngrams": 0.2, "base": 0.6})
    context = ids_of(own.vocabulary, ["a b"])
    assert np.array_equal(
        alone.next_word_probabilities(context), own.next_word_probabilities(context)
    )


def test_a_cache_of_words_forgets_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_words, "HALF_LIFE_ALONE", 1)
    mixed = MixedModel(TOKENIZER, {"ngrams": ngram_model(OWN)}, {"ngrams": 0.5, "cache": 0.5})
    a, b, c = mixed.vocabulary.encode(["a", "b", "c"])
    cached = components_after(mixed, ids_of(mixed.vocabulary, ["a b", "c a"]))[1]
    expected = {a: 1 + 0.5**4, c: 0.5, END_ID: 0.5**2, b: 0.5**3}
    total = sum(expected.values())
    for word in range(mixed.vocabulary.total_words):
        assert cached[word] == pytest.approx(expected.get(word, 0) / total, abs=1e-6)
    assert not components_after(mixed, [BEGIN_ID])[1].any()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_neural_cache_finds_what_followed_states_like_this_one(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_words, "HALF_LIFE", 2)
    base = ngram_model(BASE)
    network = small_network(ngram_model(OWN).vocabulary, cell)
    mixed = MixedModel(
        TOKENIZER, {"network": network, "base": base}, {"network": 0.5, "base": 0.2, "cache": 0.3}
    )
    context = ids_of(mixed.vocabulary, ["a b x c", "x a"])
    own = [i if i < network.vocabulary.total_words else UNKNOWN_ID for i in context]
    states = network.keys(network.advance(network.start, own))
    assert np.linalg.norm(states, axis=1) == pytest.approx(1, abs=1e-5)
    similarities = np.exp(recent_words.SHARPNESS * states[:-1] @ states[-1])
    similarities *= 0.5 ** (np.arange(len(similarities))[::-1] / 2)
    followers = [END_ID if i == BEGIN_ID else i for i in context[1:]]
    expected = (
        np.bincount(followers, similarities, mixed.vocabulary.total_words) / similarities.sum()
    )
    components = components_after(mixed, context)
    assert components[2] == pytest.approx(expected, abs=1e-5)
    # A cache that is nearly empty counts little.
    count = len(followers)
    weights = np.array([0.5, 0.2, 0.3 * count / (count + recent_words.FULL_AT)])
    whole = mixed.next_word_probabilities(context)
    assert whole == pytest.approx(weights @ components / weights.sum(), abs=1e-5)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_no_weights_near_the_fitted_ones_are_better(seed: int, components: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(components), 400) * rng.random((400, 1))
    prior = np.full(components, 1 / components)

    def gain(weights: np.ndarray) -> float:
        fit = np.log(probabilities @ weights).sum()
        return float(fit + mixture.PRIOR_WORDS * prior @ np.log(weights))

    fitted = em_mixture_weights(np.column_stack((probabilities, np.ones(400))), prior)
    assert fitted.sum() == pytest.approx(1)
    for other in rng.dirichlet(np.ones(components), 50):
        assert gain(0.98 * fitted + 0.02 * other) <= gain(fitted) + 0.01


def test_weights_follow_the_text_if_there_is_enough_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = MixedModel(TOKENIZER, {"ngrams": ngram_model(OWN), "base": ngram_model(BASE)})
    monkeypatch.setattr(mixture, "FEWEST_WORDS", 100)

    def fitted(lines: Sequence[str]) -> MixtureWeights:
        weights = fit_mixture_weights(mixed, [Excerpt((), tuple(lines))])
        assert weights is not None
        return weights

    assert fitted(BASE * 9)["base"] > 0.8
    assert fitted(OWN * 9)["ngrams"] > 0.6
    assert fit_mixture_weights(mixed, []) is None
    assert fit_mixture_weights(mixed, [Excerpt(OWN, BASE * 6)]) is None


def test_only_the_words_of_excerpts_count_and_what_stands_above_is_context() -> None:
    mixed = MixedModel(TOKENIZER, {"ngrams": ngram_model(OWN), "base": ngram_model(BASE)})
    below = targets_of_excerpts(mixed, [Excerpt(("c a b",), ("a b", "", "q"))])
    # Two words and two ends, each with three components and the cache's fullness: q is unknown.
    assert below.shape == (4, 4)
    assert below[0, 2] > 0  # the cache has read an a
    assert below[:2, 3].tolist() == [n / (n + recent_words.FULL_AT) for n in (4, 5)]
    alone = targets_of_excerpts(mixed, [Excerpt((), ("a b", "", "q"))])
    assert alone[0, 2] == 0 and alone[:, :2] == pytest.approx(below[:, :2])


def test_the_weight_of_a_cache_is_that_which_it_has_when_full() -> None:
    """It was seen with a quarter of its weight, and predicted a tenth of the words."""
    targets = np.array([[1.0, 0.0, 0.25]] * 900 + [[0.0, 1.0, 0.25]] * 100)
    own, cache = em_mixture_weights(targets, np.array([0.5, 0.5]), 0)
    assert 0.25 * cache / (own + 0.25 * cache) == pytest.approx(0.1)
