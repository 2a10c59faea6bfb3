"""The adaptive softmax: its head and its tail, and new words."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.adaptive_softmax import AdaptiveSoftmax, add_words, softmax_shapes
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import normal_weights

Softmax = Literal["auto", "full", "adaptive"]


@pytest.mark.parametrize(
    ("softmax", "total_words", "tail"),
    [
        ("auto", 19_999, 0),
        ("auto", 20_000, 18_000),
        ("full", 250_000, 0),
        ("adaptive", 10_000, 8_000),
        ("adaptive", 2_000, 0),
    ],
)
def test_a_large_vocabulary_has_a_tail(softmax: Softmax, total_words: int, tail: int) -> None:
    shapes = softmax_shapes(CausalConfig(embedding_size=64, softmax=softmax), total_words)
    head = {"embedding": (total_words - tail + bool(tail), 64)}
    of_tail = {"tail1.embedding": (tail, 16), "tail1.kernel": (64, 16)}
    assert shapes == head | (of_tail if tail else {})


def test_a_head_alone_is_the_full_softmax_and_a_tail_shares_what_its_token_has() -> None:
    config = CausalConfig(embedding_size=64, softmax="adaptive")
    weights = normal_weights(softmax_shapes(config, 45_000) | {"output.bias": (45_001,)}, 0.3)
    outputs = np.random.default_rng(1).normal(0, 1, (3, 64)).astype(np.float32)
    whole = AdaptiveSoftmax(weights).probabilities(outputs)
    assert whole.shape == (3, 45_000)
    assert whole.dtype == np.float32
    assert whole.sum(1) == pytest.approx(1, abs=1e-5)
    alone = {name: weights[name] for name in ("embedding", "output.bias")}
    alone["output.bias"] = alone["output.bias"][:2_001]
    head = AdaptiveSoftmax(alone).probabilities(outputs)
    np.testing.assert_allclose(whole[:, :2_000], head[:, :2_000], rtol=1e-6)
    assert whole[:, 2_000:].sum(1) == pytest.approx(head[:, 2_000], rel=1e-4)


@pytest.mark.parametrize(
    ("softmax", "words"),
    [("full", 50), ("adaptive", 50), ("adaptive", 1_991), ("adaptive", 2_500), ("auto", 19_995)],
)
def test_new_words_join_a_network_and_change_nothing_of_the_others(
    softmax: Softmax, words: int
) -> None:
    """They start as the mean of the tail, or of the head without one, and begin no tail."""
    config = CausalConfig(embedding_size=8, softmax=softmax)
    vocabulary = Vocabulary([f"w{i}" for i in range(words)], SPECIAL_TOKENS)
    shapes = softmax_shapes(config, vocabulary.total_words)
    rows = sum(shape[0] for name, shape in shapes.items() if name.endswith("embedding"))
    shapes |= {"output.bias": (rows,)}
    weights = normal_weights(shapes, 0.3)
    # In the text the vocabulary words are in reverse, and a new one is the most frequent.
    of_text = Vocabulary(["n0", *reversed(vocabulary.words), *(f"n{i}" for i in range(1, 9))])
    after, union, grown = add_words(config, vocabulary, of_text, weights)
    assert {*union.words} == {*vocabulary.words, *(f"n{i}" for i in range(9))}
    assert {name: array.shape for name, array in grown.items()} == {
        **softmax_shapes(after, union.total_words), "output.bias": (rows + 9,)
    }  # fmt: skip
    before, now = AdaptiveSoftmax(weights), AdaptiveSoftmax(grown)
    special = np.arange(1, vocabulary.first_word_id)
    read = now.embed(np.append(special, union.ids(vocabulary.words)))
    expected = before.embed(np.append(special, vocabulary.ids(vocabulary.words)))
    np.testing.assert_allclose(read, expected, rtol=0, atol=1e-6)
    output = np.random.default_rng(1).normal(0, 1, (1, 8)).astype(np.float32)
    odds = [softmax_.probabilities(output)[0] for softmax_ in (before, now)]
    first = [
        odds[0][vocabulary.ranks[w]] / odds[0][vocabulary.ranks["w0"]]
        for w in vocabulary.words[:40]
    ]
    again = [odds[1][union.ranks[w]] / odds[1][union.ranks["w0"]] for w in vocabulary.words[:40]]
    np.testing.assert_allclose(first, again, rtol=1e-4)
    last = [name for name in shapes if name.endswith("embedding")][-1]
    assert any(np.allclose(row, weights[last].mean(0), atol=1e-6) for row in grown[last])
    # Head and tail are by falling frequency in the text.
    assert union.words[0] == ("n0" if "tail1.kernel" not in weights else "w1995")
