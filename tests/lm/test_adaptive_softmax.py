"""The adaptive softmax: its head and its tail, and new words."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.adaptive_softmax import (
    TAIL,
    TAIL_AT_ONCE,
    AdaptiveSoftmax,
    grow_network,
    merge_words,
    softmax_shapes,
)
from rnnlm_tui.store.tensors import dequantized, quantized
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import normal_weights

Softmax = Literal["auto", "full", "adaptive"]


@pytest.mark.parametrize(
    ("softmax", "total_words", "tail"),
    [("auto", 19_999, 0), ("auto", 20_000, 18_000), ("full", 250_000, 0), ("adaptive", 2_000, 0)],
)
def test_a_large_vocabulary_has_a_tail(softmax: Softmax, total_words: int, tail: int) -> None:
    shapes = softmax_shapes(CausalConfig(embedding_size=64, softmax=softmax), total_words)
    head = {"embedding": (total_words - tail + bool(tail), 64)}
    of_tail = {"tail1.embedding": (tail, 16), "tail1.kernel": (64, 16)}
    assert shapes == head | (of_tail if tail else {})


@pytest.mark.parametrize(
    ("softmax", "words"),
    [("full", 50), ("adaptive", 50), ("adaptive", 1_991), ("adaptive", 2_500), ("auto", 19_995)],
)
def test_new_words_join_a_network_and_change_nothing_of_the_others(
    softmax: Softmax, words: int
) -> None:
    """New words start as the mean of the tail, or of the head if there is no tail, and as likely
    there as in the text."""
    config = CausalConfig(embedding_size=8, softmax=softmax)
    vocabulary = Vocabulary([f"w{i}" for i in range(words)], SPECIAL_TOKENS)
    shapes = softmax_shapes(config, vocabulary.total_words)
    embeddings = [name for name in shapes if name.endswith("embedding")]
    rows = sum(shapes[name][0] for name in embeddings)
    weights = normal_weights(shapes | {"output.bias": (rows,)}, 0.3)
    # In the text the vocabulary words are in reverse, and a new one is the most frequent.
    of_text = Vocabulary(["n0", *reversed(vocabulary.words), *(f"n{i}" for i in range(1, 9))])
    union = merge_words(vocabulary, of_text, weights)
    after, grown = grow_network(config, vocabulary, union, np.full(union.total_words, 4), weights)
    assert {*union.words} == {*vocabulary.words, *(f"n{i}" for i in range(9))}
    expected = softmax_shapes(after, union.total_words) | {"output.bias": (rows + 9,)}
    assert {name: array.shape for name, array in grown.items()} == expected
    output = np.random.default_rng(1).normal(0, 1, (1, 8)).astype(np.float32)
    read, odds = list[Any](), list[Any]()
    for known, its_weights in ((vocabulary, weights), (union, grown)):
        ids = np.array([1, 2, 3, *(known.id_by_word[word] for word in vocabulary.words)])
        read.append(AdaptiveSoftmax(its_weights).embed(ids))
        probabilities = AdaptiveSoftmax(its_weights).probabilities(output)[0, ids[:40]]
        odds.append(probabilities / probabilities[-1])
    assert read[0] == pytest.approx(read[1], abs=1e-6)
    assert odds[0] == pytest.approx(odds[1], rel=1e-4)
    last = embeddings[-1]
    assert any(np.allclose(row, weights[last].mean(0), atol=1e-6) for row in grown[last])
    growing = grown["output.bias"][-grown[last].shape[0] :].astype(float)
    is_new = np.array([word.startswith("n") for word in union.words[-len(growing) :]])
    growing = growing[-len(is_new) :]
    shares = np.exp(growing[is_new]) / np.exp(growing[~is_new]).sum()
    assert shares == pytest.approx(3.25 / 4 / len(growing), rel=0.05)  # of words and special tokens
    # Head and tail are by falling frequency in the text.
    assert union.words[0] == ("n0" if len(embeddings) == 1 else "w1995")


def test_a_tail_in_8_bits_predicts_and_reads_as_in_float32() -> None:
    config = CausalConfig(embedding_size=8, softmax="adaptive")
    shapes = softmax_shapes(config, total := 2_000 + TAIL_AT_ONCE + 500)
    stored = quantized(normal_weights(shapes | {"output.bias": (total + 1,)}, 0.3))
    wide, narrow = (AdaptiveSoftmax(dequantized(stored, but)) for but in ("", TAIL))
    outputs = np.random.default_rng(0).normal(0, 1, (2, 8)).astype(np.float32)
    words = np.array([5, 1_999, 2_000, total - 1])
    assert narrow.embed(words) == pytest.approx(wide.embed(words), abs=1e-6)
    assert narrow.probabilities(outputs) == pytest.approx(wide.probabilities(outputs), rel=1e-5)
    assert narrow.logits(outputs) == pytest.approx(wide.logits(outputs), abs=1e-5)
