"""Mixed models: sums of distributions over a union of words, caches, and fitted weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.lm import mixture, recent_words
from rnnlm_tui.lm.mixture import MixedModel, MixtureWeights, em_mixture_weights, probabilities_in
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID, Vocabulary
from tests.helpers.networks import small_network
from tests.helpers.texts import ngram_model

TOKENIZER = TOKENIZERS["whitespace"]
OWN = ("a b a b c", "b a", "c a b", "a b d")
BASE = ("x a b y", "y x x a", "b y c", "x a b c")


def ids_of(vocabulary: Vocabulary, *lines: str) -> list[int]:
    """The ids of lines, each with the id that starts a line."""
    return [i for line in lines for i in (BEGIN_ID, *vocabulary.encode(line.split()))]


def test_it_is_the_weighted_sum_over_the_union_of_the_words() -> None:
    own, base = ngram_model(OWN), ngram_model(BASE)
    base.blocked_ids += tuple(base.vocabulary.encode(["a", "x"]))
    weights: MixtureWeights = {"ngrams": 0.1, "base": 0.3, "network": 0.6}
    mixed = MixedModel({"ngrams": own, "base": base}, weights)
    assert mixed.mixture_weights == pytest.approx({"ngrams": 0.25, "base": 0.75, "cache": 0})
    assert mixed.vocabulary.words == (*own.vocabulary.words, "x", "y")
    # A blocked word of the base is suggested if the own text has it.
    assert {*mixed.blocked_ids} == {*own.blocked_ids, *mixed.vocabulary.encode(["x"])}
    for line in ("a b", "x a", "y", "", "d x", "q b"):
        whole = mixed.next_word_probabilities(ids_of(mixed.vocabulary, line))
        theirs = base.next_word_probabilities(ids_of(base.vocabulary, line))
        ours = own.next_word_probabilities(ids_of(own.vocabulary, line))
        assert whole.sum() == pytest.approx(1, abs=1e-5)
        for i, p in enumerate(whole):
            word = mixed.vocabulary.word(i) if i else ""
            one = ours[i] if i < len(ours) else 0
            other = theirs[i] if i <= END_ID else 0
            if word in base.vocabulary:
                other = theirs[base.vocabulary.id_by_word[word]]
            assert p == pytest.approx(0.25 * one + 0.75 * other, abs=1e-6), word


def test_n_grams_count_little_beside_a_network_and_a_base() -> None:
    """Those of a short text would make the model worse than its base."""
    own, base = ngram_model(OWN), ngram_model(BASE)
    network = small_network(own.vocabulary, "gru")
    alone = MixedModel({"network": network, "ngrams": own})
    mixed = MixedModel({"network": network, "ngrams": own, "base": base})
    assert alone.mixture_weights["ngrams"] > 0.2 and mixed.mixture_weights["ngrams"] < 0.05
    assert sum(mixed.mixture_weights.values()) == pytest.approx(1)


def test_a_cache_of_words_forgets_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_words, "HALF_LIFE_ALONE", 1)
    mixed = MixedModel({"ngrams": ngram_model(OWN)})
    a, b, c = mixed.vocabulary.encode(["a", "b", "c"])
    context = ids_of(mixed.vocabulary, "a b", "c a")
    states = [mixed.state_after(mixed.start, ids) for ids in (context, [BEGIN_ID])]
    (_, cached), (_, empty) = (rows.copy() for rows in mixed.predict_components(states))
    expected = {a: 1 + 0.5**4, c: 0.5, END_ID: 0.5**2, b: 0.5**3}
    total = sum(expected.values())
    for word in range(mixed.vocabulary.total_words):
        assert cached[word] == pytest.approx(expected.get(word, 0) / total, abs=1e-6)
    assert not empty.any()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_neural_cache_finds_what_followed_states_like_this_one(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_words, "HALF_LIFE", 2)
    network = small_network(ngram_model(OWN).vocabulary, cell)
    mixed = MixedModel(
        {"network": network, "base": ngram_model(BASE)},
        {"network": 0.5, "base": 0.2, "cache": 0.3},
    )
    context = ids_of(mixed.vocabulary, "a b x c", "x a")
    own = [i if i < network.vocabulary.total_words else UNKNOWN_ID for i in context]
    keys = network.keys(network.advance(network.start, own))
    assert np.linalg.norm(keys, axis=1) == pytest.approx(1, abs=1e-5)
    similarities = np.exp(recent_words.SHARPNESS * keys[:-1] @ keys[-1])
    similarities *= 0.5 ** (np.arange(len(similarities))[::-1] / 2)
    followers = [END_ID if i == BEGIN_ID else i for i in context[1:]]
    sums = np.bincount(followers, similarities, mixed.vocabulary.total_words)
    (components,) = mixed.predict_components([mixed.state_after(mixed.start, context)])
    assert components[2] == pytest.approx(sums / similarities.sum(), abs=1e-5)
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

    fitted = em_mixture_weights(probabilities, np.ones(400), prior)
    assert fitted.sum() == pytest.approx(1)
    for other in rng.dirichlet(np.ones(components), 50):
        assert gain(0.98 * fitted + 0.02 * other) <= gain(fitted) + 0.01


def test_the_weight_of_a_cache_is_that_which_it_has_when_full() -> None:
    """A cache with a quarter of its weight predicts a tenth of the words."""
    probabilities = np.array([[1.0, 0.0]] * 90_000 + [[0.0, 1.0]] * 10_000)
    fullness = np.full(100_000, 0.25)
    own, cache = em_mixture_weights(probabilities, fullness, np.array([0.5, 0.5]))
    assert 0.25 * cache / (own + 0.25 * cache) == pytest.approx(0.1, rel=1e-3)


def test_only_the_words_of_excerpts_count_and_what_stands_above_is_context() -> None:
    mixed = MixedModel({"ngrams": ngram_model(OWN), "base": ngram_model(BASE)})
    below, fullness = probabilities_in(mixed, [Excerpt(("c a b",), ("a b", "", "q"))])
    # Two words and two ends, each with three components: q is unknown.
    assert below.shape == (4, 3)
    assert below[0, 2] > 0  # the cache has read an a
    assert fullness.tolist()[:2] == [n / (n + recent_words.FULL_AT) for n in (4, 5)]
    alone, _ = probabilities_in(mixed, [Excerpt((), ("a b", "", "q"))])
    assert alone[0, 2] == 0 and alone[:, :2] == pytest.approx(below[:, :2])
