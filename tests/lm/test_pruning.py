"""Pruned n-gram models keep the n-grams of most worth, and their distributions sum to one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.lm.counting import count_levels
from rnnlm_tui.lm.kneser_ney import importances
from rnnlm_tui.lm.ngram import NgramModel, ngram_counts
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID
from tests.helpers.ngrams import arrays_of, counted, prepared

TEXT = ("a b a b c", "b a", "c c c a b", "d", "a b a d d b a b", "c a b d")
lines_of_words = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=8), min_size=1)


def ngrams_of(arrays: dict[str, NDArray[Any]], order: int) -> set[tuple[int, ...]]:
    """The n-grams of two words and more, as ids."""
    above: list[tuple[int, ...]] = [(i,) for i in range(len(arrays["probability.1"]))]
    ngrams = set[tuple[int, ...]]()
    for k in range(2, order + 1):
        counts = np.diff(arrays[f"children.{k}"])
        parents = np.repeat(np.arange(len(above)), counts)
        words = arrays[f"word.{k}"].tolist()
        above = [(*above[p], w) for p, w in zip(parents.tolist(), words, strict=True)]
        ngrams |= {*above}
    return ngrams


@settings(deadline=None, derandomize=True, max_examples=100)
@given(lines_of_words, st.integers(2, 5), st.integers(1, 40), st.lists(st.integers(1, 9)))
def test_what_is_kept_is_a_trie_whose_distributions_sum_to_one(
    lines: list[list[str]], order: int, most: int, before: list[int]
) -> None:
    text = prepared([" ".join(line) for line in lines])
    arrays = arrays_of(text, order, most)
    kept, whole = ngrams_of(arrays, order), ngrams_of(arrays_of(text, order), order)
    assert len(kept) == min(most, len(whole)) and kept <= whole
    assert all(len(ngram) == 2 or ngram[:-1] in kept for ngram in kept)
    model, total = counted(text, order, most), text.vocabulary.total_words
    for context in ([], [BEGIN_ID], *([*ngram] for ngram in kept), [i % total for i in before]):
        probabilities = model.next_word_probabilities(context)
        assert float(probabilities.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-5)
        assert probabilities.min() >= 0 and probabilities[[0, BEGIN_ID]].tolist() == [0, 0]


@pytest.mark.parametrize("order", [1, 2, 5])
def test_as_many_as_there_are_give_the_same_model(order: int) -> None:
    text = prepared(TEXT)
    whole = arrays_of(text, order)
    pruned = arrays_of(text, order, max(1, sum(ngram_counts(whole)[1:])))
    assert whole.keys() == pruned.keys()
    assert all(np.array_equal(whole[name], pruned[name]) for name in whole)


def test_the_worth_is_the_relative_entropy_between_the_models_with_and_without() -> None:
    text = prepared(TEXT)
    model, total = counted(text, 3), text.vocabulary.total_words
    levels = list(count_levels(text.examples, text.vocabulary, 3))
    nodes: list[tuple[int, ...]] = [(i,) for i in range(total)]
    occurrences = dict(zip(nodes, levels[0].occurrences.tolist(), strict=True))
    places = sum(occurrences.values())
    for level, of_level in zip(levels[1:], importances(levels, text.vocabulary), strict=True):
        ends = zip(level.parents.tolist(), level.words.tolist(), strict=True)
        longer = [(*nodes[parent], word) for parent, word in ends]
        for ngram, worth in zip(longer, of_level.tolist(), strict=True):
            listed = [other[-1] for other in longer if other[:-1] == ngram[:-1]]
            expected = occurrences[ngram[:-1]] / places * divergence(model, ngram, listed)
            assert worth == pytest.approx(expected, abs=1e-6)
        nodes = longer
        occurrences = dict(zip(nodes, level.occurrences.tolist(), strict=True))


def divergence(model: NgramModel, ngram: tuple[int, ...], listed: list[int]) -> float:
    """The divergence of the distribution after an n-gram's context from the one in which its last
    word backs off like the words not `listed`."""
    with_it = model.next_word_probabilities(ngram[:-1]).astype(float)
    shorter = model.next_word_probabilities(ngram[1:-1]).astype(float)
    without = with_it.copy()
    rest = np.ones(len(with_it), bool)
    rest[[word for word in listed if word != ngram[-1]]] = False
    without[rest] = shorter[rest] * with_it[rest].sum() / shorter[rest].sum()
    return float(sum(p * math.log(p / q) for p, q in zip(with_it, without, strict=True) if p))


def test_the_perplexity_rises_as_n_grams_are_taken_away() -> None:
    lines = bundled_corpus().read_text(encoding="utf-8").splitlines()
    text = prepared([line for i, line in enumerate(lines) if i % 10], tokenizer="lesson")
    perplexities = []
    for most in (None, 20_000, 5_000, 1_000, 200, 1):
        model = counted(text, 4, most)
        losses = [
            -math.log(model.next_word_probabilities(ids[:i])[ids[i]])
            for line in lines[::20]
            for ids in [[BEGIN_ID, *text.vocabulary.encode(text.tokenizer.words(line)), END_ID]]
            for i in range(1, len(ids))
        ]
        perplexities.append(math.exp(np.mean(losses)))
    assert perplexities == sorted(perplexities)
