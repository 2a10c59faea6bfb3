"""N-gram models: they agree with KenLM, are distributions, and refuse damaged arrays."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.lm import kneser_ney
from rnnlm_tui.lm.kneser_ney import (
    FALLBACK,
    Discounts,
    NgramLevel,
    count_levels,
    discounts_of,
    shares_of,
)
from rnnlm_tui.lm.ngram import check_ngrams, ngram_counts
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID
from tests.helpers.golden import GOLDEN
from tests.helpers.texts import arrays_of, counted, prepared

KENLM = json.loads((GOLDEN / "kneser_ney.json").read_text(encoding="utf-8"))
TEXT = ("a b a b c", "b a", "c c c a b", "d", "a b a d d b a b")
Ngram = tuple[int, ...]

lines_of_words = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=8), min_size=1)


def levels_of(text: Prepared, order: int) -> list[NgramLevel]:
    return [*count_levels(text.train, text.vocabulary.total_words, order)]


def ngrams_of(levels: Sequence[NgramLevel]) -> list[list[Ngram]]:
    """The ids of each n-gram of each level."""
    found: list[list[Ngram]] = [[(i,) for i in levels[0].words.tolist()]]
    for level in levels[1:]:
        parents = np.repeat(np.arange(len(level.family_sizes)), level.family_sizes)
        pairs = zip(parents.tolist(), level.words.tolist(), strict=True)
        found.append([(*found[-1][parent], word) for parent, word in pairs])
    return found


class Floats:
    """The estimates of a text in floats.

    With `as_lmplz` they have its quirk: in the counts of counts that determine the discounts, the
    last n-gram of each lower order has its plain count. The order is by the last word, then by the
    word before it and so on, with words in the order of their first appearance.
    """

    def __init__(self, text: Prepared, order: int, *, as_lmplz: bool = False) -> None:
        self.lines = [[BEGIN_ID, *line.tolist(), END_ID] for line in text.train]
        levels = levels_of(text, order)
        self.ngrams = ngrams_of(levels)
        self.discounts, self.shares = list[Discounts](), dict[Ngram, float]()
        self.shared = defaultdict[Ngram, float](float)  # by all words after each context
        for k, (level, ngrams) in enumerate(zip(levels, self.ngrams, strict=True), start=1):
            counts = level.counts.copy()
            if as_lmplz and k < order and (last := self.last(k))[0][0] != BEGIN_ID:
                counts[ngrams.index(last[0])] = last[1]
            self.discounts.append(discounts_of(counts))
            shares = shares_of(level, self.discounts[-1]).tolist()
            self.shares |= zip(ngrams, shares, strict=True)
        for some, share in self.shares.items():
            self.shared[some[:-1]] += share

    def last(self, k: int) -> tuple[Ngram, int]:
        """The last n-gram of k words, and how often it occurs."""
        places: dict[int, int] = {}
        for line in self.lines:
            for i in line:
                places.setdefault(i, len(places))
        rank = {**places, UNKNOWN_ID: -3, BEGIN_ID: -2, END_ID: -1}
        plain = Counter(
            tuple(line[i : i + k]) for line in self.lines for i in range(len(line) - k + 1)
        )
        last = max(plain, key=lambda some: [rank[i] for i in reversed(some)])
        return last, plain[last]

    def probability(self, context: Ngram, word: int) -> float:
        share = self.shares.get((*context, word), 0.0)
        if not context:
            return share
        return share + (1 - self.shared[context]) * self.probability(context[1:], word)


@pytest.mark.parametrize("kenlm", KENLM["models"], ids=lambda kenlm: f"order {kenlm['order']}")
def test_floats_are_kenlms(kenlm: dict[str, Any]) -> None:
    text, order = prepared(KENLM["train"]), kenlm["order"]
    found = Floats(text, order, as_lmplz=True)
    for k, (length, ngrams, *expected) in enumerate(kenlm["discounts"], start=1):
        # Ours counts padding as a word, and KenLM neither <unk> nor padding.
        assert (length, ngrams) == (k, len(found.ngrams[k - 1]) - (k == 1))
        assert found.discounts[k - 1] == pytest.approx(expected, abs=1e-5)
    logs, logs_of_known = list[float](), list[float]()
    for line, expected in zip(KENLM["test"], kenlm["log10_probabilities"], strict=True):
        words = text.tokenizer.words(line)
        ids = [BEGIN_ID, *text.vocabulary.encode(words), END_ID]
        ours = [
            math.log10(found.probability(tuple(ids[max(0, i - order + 1) : i]), ids[i]))
            for i in range(1, len(ids))
        ]
        assert ours == pytest.approx([p for _, p in expected], abs=1e-4)
        logs += ours
        logs_of_known += [p for i, p in zip(ids[1:], ours, strict=True) if i != UNKNOWN_ID]
    summary = "\n".join(kenlm["summary"])
    for label, some in (("including", logs), ("excluding", logs_of_known)):
        perplexity = re.search(rf"{label} OOVs:\s+([0-9.]+)", summary)
        assert perplexity is not None
        assert 10 ** -np.mean(some) == pytest.approx(float(perplexity[1]), rel=1e-3)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(lines_of_words, st.integers(1, 6), st.lists(st.sampled_from("abcdefgz"), max_size=9))
def test_every_distribution_sums_to_one_and_is_near_that_of_the_floats(
    lines: list[list[str]], order: int, before: list[str]
) -> None:
    text = prepared([" ".join(line) for line in lines])
    model, floats = counted(text, order), Floats(text, order)
    assert model.window == order - 1
    for context in ([], [BEGIN_ID], [BEGIN_ID, *model.vocabulary.encode(before)]):
        probabilities = model.next_word_probabilities(context)
        assert probabilities.dtype == np.float32
        assert probabilities.shape == (model.vocabulary.total_words,)
        assert float(probabilities.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-4)
        assert probabilities[[0, BEGIN_ID]].tolist() == [0, 0]
        assert probabilities.min() >= 0
        seen = tuple(context[max(0, len(context) - order + 1) :])
        expected = [floats.probability(seen, i) for i in range(len(probabilities))]
        assert probabilities == pytest.approx(expected, rel=0.1, abs=0.02)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1] * 8 + [2] * 4 + [3] * 3 + [4] * 2, (0.5, 2 - 1.5 * 3 / 4, 3 - 2 * 2 / 3)),
        ([1, 1, 2, 3, 9], (0.5, 0.5, 3.0)),
        ([1, 2], FALLBACK),  # none of three
        ([2, 3, 4], FALLBACK),  # none of one
        ([1] + [2] * 2 + [3] * 30, FALLBACK),  # less than nothing would be left
    ],
)
def test_discounts_are_those_of_the_equation_or_the_fallback(
    counts: list[int], expected: tuple[float, ...]
) -> None:
    assert discounts_of(np.array(counts)) == pytest.approx(expected)


@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_ngrams_counted_in_parts_are_the_same(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = prepared(["a b a b a", "a a a a a a", "c", "b a b c d e f g", "a b a"] * 3)
    expected = arrays_of(text, 4)
    monkeypatch.setattr(kneser_ney, "SORTED_AT_ONCE", at_once)
    found = arrays_of(text, 4)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_of_a_large_text_some_lines_are_counted(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a b", "c", "a b", "d e f", "a b c"]
    text, expected = prepared(lines), ngram_counts(arrays_of(prepared(lines[::step]), 3))
    monkeypatch.setattr(kneser_ney, "MOST_COUNTED", -(-len(text.train.targets) // step))
    assert ngram_counts(arrays_of(text, 3))[1:] == expected[1:]


@pytest.mark.parametrize("words", [3, 70_000])
def test_the_arrays_of_a_text_pass_the_check(words: int) -> None:
    text = prepared([*TEXT, " ".join(f"w{i}" for i in range(words))])
    arrays, ids = arrays_of(text, 3), text.vocabulary.total_words
    check_ngrams(arrays, ids)
    longer = [len(level.words) for level in levels_of(text, 3)[1:]]
    assert ngram_counts(arrays) == (ids - 1, *longer)


@pytest.mark.parametrize(
    ("name", "place", "value", "why"),
    [
        ("children.2", 0, 1, "children.2 does not rise"),
        ("children.2", -1, 3, "children.2 does not rise"),
        ("children.3", 3, -1, "children.3 does not rise"),
        ("children.3", 3, 2**31 - 1, "children.3 does not rise"),
        ("word.2", 0, 0, "word.2 holds an id that no word has"),
        ("word.3", 0, 8, "word.3 holds an id that no word has"),
        ("word.2", 0, 7, "word.2 is not in order"),
    ],
)
def test_a_damaged_number_is_refused(name: str, place: int, value: int, why: str) -> None:
    arrays = arrays_of(prepared(TEXT), 3)
    arrays[name][place] = value
    with pytest.raises(ValueError, match=re.escape(why)):
        check_ngrams(arrays, len(arrays["share.1"]))
