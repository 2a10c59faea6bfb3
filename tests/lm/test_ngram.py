"""N-gram models: they agree with KenLM, are distributions, and refuse damaged arrays."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.counting import count_levels
from rnnlm_tui.lm.kneser_ney import FALLBACK, discounts_of, estimate
from rnnlm_tui.lm.layer_table import layers_of
from rnnlm_tui.lm.model import Architecture, ArraySpec
from rnnlm_tui.lm.ngram import NgramModel, ngram_counts
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID
from tests.helpers.golden import GOLDEN
from tests.helpers.ngrams import arrays_of, counted, prepared

TOKENIZER = TOKENIZERS["whitespace"]
ORDERS = range(1, 7)
KENLM = GOLDEN / "kneser_ney.json"
TEXT = ("a b a b c", "b a", "c c c a b", "d", "a b a d d b a b")

lines_of_words = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=8), min_size=1)


def context_of(model: NgramModel, words: Iterable[str]) -> list[int]:
    """The ids of the start of a line and of these words."""
    return [BEGIN_ID, *model.vocabulary.encode(words)]


def probabilities_along(model: NgramModel, words: Sequence[str]) -> list[float]:
    """The probability of each of these words after those before it, and of the line's end."""
    ids = [*context_of(model, words), END_ID]
    return [float(model.next_word_probabilities(ids[:i])[ids[i]]) for i in range(1, len(ids))]


@pytest.fixture(params=range(len(json.loads(KENLM.read_text(encoding="utf-8"))["models"])))
def kenlm(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What KenLM says of a made-up text, for one of the orders in the file."""
    data = json.loads(KENLM.read_text(encoding="utf-8"))
    return {"train": data["train"], "test": data["test"], **data["models"][request.param]}


def test_the_discounts_are_kenlms(kenlm: dict[str, Any]) -> None:
    text, order, above = prepared(kenlm["train"]), kenlm["order"], 1
    levels = count_levels(text.examples, text.vocabulary, order)
    for k, (level, (length, sequences, *expected)) in enumerate(
        zip(levels, kenlm["discounts"], strict=True), start=1
    ):
        assert length == k
        # Ours counts padding as a word, and KenLM neither <unk> nor padding.
        assert sequences == len(level.words) - (k == 1)
        assert estimate(level, above).discounts == pytest.approx(expected, abs=1e-5)
        above = len(level.words)


def test_every_probability_and_the_perplexities_are_kenlms(kenlm: dict[str, Any]) -> None:
    model = counted(prepared(kenlm["train"]), kenlm["order"])
    logs, is_known = list[float](), list[bool]()
    for line, expected in zip(kenlm["test"], kenlm["log10_probabilities"], strict=True):
        words = TOKENIZER.words(line)
        ours = probabilities_along(model, words)
        assert [math.log10(p) for p in ours] == pytest.approx([p for _, p in expected], abs=1e-4)
        logs += map(math.log, ours)
        is_known += [*(word in model.vocabulary for word in words), True]
    logs_of_known = [log for log, is_of_known in zip(logs, is_known, strict=True) if is_of_known]
    summary = "\n".join(kenlm["summary"])
    for label, some in (("including", logs), ("excluding", logs_of_known)):
        perplexity = re.search(rf"{label} OOVs:\s+([0-9.]+)", summary)
        assert perplexity is not None
        assert math.exp(-np.mean(some)) == pytest.approx(float(perplexity[1]), rel=1e-3)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(lines_of_words, st.integers(1, 6), st.lists(st.sampled_from("abcdefgz"), max_size=9))
def test_every_distribution_sums_to_one_without_padding_and_start_token(
    lines: list[list[str]], order: int, before: list[str]
) -> None:
    model = counted(prepared([" ".join(line) for line in lines]), order)
    for context in ([], [BEGIN_ID], context_of(model, before)):
        probabilities = model.next_word_probabilities(context)
        assert probabilities.dtype == np.float32
        assert probabilities.shape == (model.vocabulary.total_words,)
        assert float(probabilities.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-5)
        assert probabilities[[0, BEGIN_ID]].tolist() == [0, 0]
        assert probabilities.min() >= 0  # 0 if a discount of 0 leaves nothing to unseen words


def test_a_text_by_hand_has_the_textbooks_counts() -> None:
    text = prepared(["a b", "a b", "c b"])
    words, pairs = count_levels(text.examples, text.vocabulary, 2)
    spelled = text.vocabulary.word
    counts = {spelled(i): int(words.counts[i]) for i in range(1, text.vocabulary.total_words)}
    # Different words before: a and c only begin lines, b comes after a and c, </s> after b.
    assert counts == {"<unk>": 0, "<s>": 0, "</s>": 1, "a": 1, "b": 2, "c": 1}
    assert {
        (spelled(int(p)), spelled(int(w))): int(n)
        for p, w, n in zip(pairs.parents, pairs.words, pairs.counts, strict=True)
    } == {("<s>", "a"): 2, ("<s>", "c"): 1, ("a", "b"): 2, ("c", "b"): 1, ("b", "</s>"): 3}


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


def test_words_that_are_not_known_are_learned_as_unknown() -> None:
    text = prepared(["a b x", "a b y", "a b z", "a c"], min_count=2)
    model = counted(text, 3)
    assert text.vocabulary.words == ("a", "b")
    after = model.next_word_probabilities(context_of(model, "ab"))
    assert int(after.argmax()) == UNKNOWN_ID
    # An unknown word has a place in the context of the word after it.
    assert probabilities_along(model, ["a", "never", "b"]) == probabilities_along(
        model, ["a", "seen", "b"]
    )
    assert probabilities_along(model, ["a", "never"])[2] > probabilities_along(model, ["b", "a"])[2]


@pytest.mark.parametrize("order", ORDERS)
def test_a_model_sees_its_order_less_one_and_keeps_its_answers(order: int) -> None:
    model = counted(prepared(TEXT), order)
    assert model.window == order - 1
    context = context_of(model, "abcdabcdab")
    whole = model.next_word_probabilities(context)
    before = whole.copy()
    assert np.array_equal(whole, model.next_word_probabilities(context[len(context) - order + 1 :]))
    model.next_word_probabilities(context_of(model, "b"))
    assert np.array_equal(whole, before)


# The architecture


def architecture(order: int, total_words: int, sizes: Sequence[int]) -> Architecture[Any]:
    return ARCHITECTURES["ngram"](
        make_config("ngram", [{"order": order}]), total_words, order - 1, sizes
    )


@pytest.mark.parametrize("order", ORDERS)
def test_the_arrays_are_those_that_the_architecture_declares(order: int) -> None:
    text = prepared(TEXT)
    arrays = arrays_of(text, order)
    sizes = ARCHITECTURES["ngram"].sizes_for(make_config("ngram", [{"order": order}]), text)
    ngram = architecture(order, text.vocabulary.total_words, sizes)
    ngram.check_sizes()
    ngram.check_arrays(arrays)
    kinds = {np.dtype(np.float32): "F32", np.dtype(np.int32): "I32"}
    assert ngram.arrays() == {n: ArraySpec(a.shape, kinds[a.dtype]) for n, a in arrays.items()}
    assert ngram.parameters == sum(sizes)
    assert [layer.parameters for layer in layers_of(ngram)] == list(sizes)


@pytest.mark.parametrize(
    "sizes", [(), (7,), (7, 3), (6, 3, 3), (7, -1, 3), (7, 2**31, 3), (7, 3, 3, 3), (10**30, 1, 1)]
)
def test_impossible_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    architecture(3, 8, (7, 3, 3)).check_sizes()
    with pytest.raises(ValueError, match="n-grams"):
        architecture(3, 8, sizes).check_sizes()


@pytest.mark.parametrize("words", [3, 300, 70_000])
def test_small_arrays_are_those_declared_and_keep_the_trie(words: int) -> None:
    """With ids of one, two and three bytes."""
    text = prepared([" ".join(f"w{i}" for i in range(words)), "w0 w1 w0", "w2"])
    arrays, total = arrays_of(text, 3), text.vocabulary.total_words
    ngram = architecture(3, total, ngram_counts(arrays))
    small = ngram.to_compact(arrays)
    assert ngram.compact_arrays() == {n: ArraySpec(a.shape, "U8") for n, a in small.items()}
    again = ngram.from_compact(small)
    ngram.check_arrays(again)
    for name, array in again.items():
        if name.startswith(("children", "word")):
            assert np.array_equal(array, arrays[name]), name
    exact = ngram.load(text.vocabulary, text.tokenizer, arrays)
    saved = ngram.load_as_saved(text.vocabulary, text.tokenizer, arrays)
    for context in ([], [2], [2, 4], [2, 4, 5], [4, 5, 4], [1], [5]):
        predicted = saved.next_word_probabilities(context)
        assert predicted == pytest.approx(exact.next_word_probabilities(context), rel=0.1, abs=2e-3)
        assert predicted.sum() == pytest.approx(1, abs=1e-4)


def put(name: str, place: int, value: float) -> Callable[[dict[str, NDArray[Any]]], None]:
    """Puts a number into an array."""

    def change(arrays: dict[str, NDArray[Any]]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put("probability.1", 2, -0.1), "probability.1 has values that are not probabilities"),
        (put("probability.3", 0, 1.5), "probability.3 has values that are not probabilities"),
        (put("probability.2", 0, math.nan), "probability.2 has values that are not probabilities"),
        (put("backoff.1", 3, math.inf), "backoff.1 has values that are not probabilities"),
        (put("backoff.2", 3, -1), "backoff.2 has values that are not probabilities"),
        (put("children.2", 0, 1), "children.2 does not rise"),
        (put("children.2", -1, 3), "children.2 does not rise"),
        (put("children.3", 3, -1), "children.3 does not rise"),
        (put("children.3", 3, 2**31 - 1), "children.3 does not rise"),
        (put("word.2", 0, 0), "word.2 holds an id that no word has"),
        (put("word.3", 0, 8), "word.3 holds an id that no word has"),
        (put("word.3", 0, -5), "word.3 holds an id that no word has"),
        (put("word.2", 0, 7), "word.2 is not in order"),
    ],
)
def test_invalid_arrays_are_refused(
    change: Callable[[dict[str, NDArray[Any]]], None], why: str
) -> None:
    arrays = arrays_of(prepared(TEXT), 3)
    change(arrays)
    with pytest.raises(ValueError, match=re.escape(why)):
        architecture(3, len(arrays["probability.1"]), ()).check_arrays(arrays)
