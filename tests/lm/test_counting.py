"""Counting a text in chunks, with places in files, gives the same as counting it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.lm.counting import NgramLevel, count_levels
from rnnlm_tui.lm.kneser_ney import Arrays, estimate, level_arrays
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.examples import EncodedLines
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID
from tests.helpers.ngrams import prepared

ORDER = 5
lines_of_words = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9), min_size=1)


def levels_of(text: PreparedLines, *, chunk: int, leaves_out: bool = False) -> list[NgramLevel]:
    return [
        *count_levels(text.examples, text.vocabulary, ORDER, leaves_out=leaves_out, chunk=chunk)
    ]


def arrays_of(levels: Sequence[NgramLevel], text: PreparedLines) -> Arrays:
    arrays: Arrays = {}
    for part in level_arrays(levels, text.vocabulary):
        arrays |= part
    return arrays


def assert_same(arrays: Arrays, wanted: Arrays) -> None:
    assert arrays.keys() == wanted.keys()
    assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


def sonnets() -> PreparedLines:
    return prepared([*read_corpus([bundled_corpus()]).lines])


def in_files(text: PreparedLines, folder: Path) -> EncodedLines:
    """The lines as for a large text, in numbers of 16 bits."""
    targets, lengths = text.examples.targets.astype(np.uint16), text.examples.lengths
    return EncodedLines(targets, lengths, folder)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(lines_of_words, st.integers(1, 12))
def test_chunks_of_any_size_give_the_same_estimates(lines: list[list[str]], chunk: int) -> None:
    text = prepared([" ".join(line) for line in lines])
    whole, chunked = (arrays_of(levels_of(text, chunk=most), text) for most in (1 << 20, chunk))
    assert_same(chunked, whole)


def test_places_in_files_give_the_same_estimates_and_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sonnets()
    wanted = arrays_of(levels_of(text, chunk=1 << 20), text)
    for module in ("rnnlm_tui.text.arrays.SLICE", "rnnlm_tui.lm.counting.SLICE"):
        monkeypatch.setattr(module, 997)
    levels = count_levels(in_files(text, tmp_path), text.vocabulary, ORDER, chunk=1_000)
    next(levels)
    next(levels)
    assert len([*tmp_path.iterdir()]) == 3
    levels.close()
    assert not [*tmp_path.iterdir()]
    levels = count_levels(in_files(text, tmp_path), text.vocabulary, ORDER, chunk=1_000)
    assert_same(arrays_of([*levels], text), wanted)
    assert not [*tmp_path.iterdir()]


def ngrams_of(levels: Sequence[NgramLevel], k: int) -> list[tuple[int, ...]]:
    """The words of each n-gram of a level."""
    nodes: list[tuple[int, ...]] = [(i,) for i in range(len(levels[0].words))]
    for level in levels[1:k]:
        pairs = zip(level.parents.tolist(), level.words.tolist(), strict=True)
        nodes = [(*nodes[parent], word) for parent, word in pairs]
    return nodes


def occurrences_in(text: PreparedLines, k: int) -> Counter[tuple[int, ...]]:
    lines = ([BEGIN_ID, *line.tolist(), END_ID] for line in text.examples)
    return Counter(tuple(line[i : i + k]) for line in lines for i in range(len(line) - k + 1))


def test_what_occurs_once_is_left_out_from_three_words_on() -> None:
    text = sonnets()
    whole, left = levels_of(text, chunk=1 << 20), levels_of(text, chunk=2_000, leaves_out=True)
    for k in range(1, ORDER + 1):
        occurrences = occurrences_in(text, k)
        wanted = [words for words in ngrams_of(whole, k) if k < 3 or occurrences[words] > 1]
        assert ngrams_of(left, k) == wanted
        counts = dict(zip(ngrams_of(whole, k), whole[k - 1].counts.tolist(), strict=True))
        assert left[k - 1].counts.tolist() == [counts[words] for words in wanted]
        if (out := left[k - 1].left_out) is not None:
            assert out.count == sum(count == 1 for count in occurrences.values())


def test_what_is_left_out_counts_for_the_discounts_and_goes_to_shorter_ngrams() -> None:
    text = sonnets()
    whole, left = levels_of(text, chunk=1 << 20), levels_of(text, chunk=2_000, leaves_out=True)
    above_whole = above_left = 1
    for k, (every, some) in enumerate(zip(whole, left, strict=True), start=1):
        of_all, of_some = estimate(every, above_whole), estimate(some, above_left)
        assert of_some.discounts == of_all.discounts
        shares = dict(zip(ngrams_of(whole, k), of_all.discounted.tolist(), strict=True))
        wanted = [shares[words] for words in ngrams_of(left, k)]
        assert of_some.discounted.tolist() == pytest.approx(wanted, abs=1e-6)
        above_whole, above_left = len(every.words), len(some.words)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(lines_of_words, st.lists(st.sampled_from("abcd"), max_size=6))
def test_with_some_left_out_every_distribution_sums_to_one(
    lines: list[list[str]], before: list[str]
) -> None:
    text = prepared([" ".join(line) for line in lines])
    arrays = arrays_of(levels_of(text, chunk=5, leaves_out=True), text)
    model = NgramModel(ORDER, text.vocabulary, TOKENIZERS["whitespace"], arrays)
    for context in ([], [BEGIN_ID], [BEGIN_ID, *text.vocabulary.encode(before)]):
        total = float(model.next_word_probabilities(context).sum(dtype=np.float64))
        assert total == pytest.approx(1, abs=1e-5)
