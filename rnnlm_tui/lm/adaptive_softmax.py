"""The adaptive softmax for large vocabularies: a head of frequent words and a tail of rarer ones.

Ids are sorted by descending frequency, so the head is the first ids. Its softmax has one extra
token for the tail, whose probability is distributed over the words of the tail by a softmax of its
own, with smaller embeddings. The probability of a word of the tail is

    P(tail | rows) P(word | tail, rows)

and its input embedding is that of the token plus its own, projected by the same kernel. There is
one tail, so that a network of any vocabulary takes any number of new words: they join it. The full
softmax is a head alone.

Sources: Grave et al. 2017 (adaptive softmax), Baevski and Auli 2019 (adaptive input, tied).

Shapes: E embedding, D a tail's embedding, V vocabulary (`total_words`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.model import Array, Weights, cosines, softmax
from rnnlm_tui.text.vocabulary import Vocabulary

ADAPTIVE_FROM = 20_000
"""The softmax is adaptive by default for vocabularies of at least this size."""
HEAD_WORDS = 2_000
"""The ids of the head, padding included. Saved models depend on it and on `NARROWER`."""
NARROWER = 4
"""The factor by which the embeddings of the tail are smaller."""
NEW = -1
"""In place of the row of a new word."""


def softmax_shapes(config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the embeddings and of the tail's kernel, by name. The bias of the output layer
    has a number for each of their rows: the words of the head, the token of the tail, its words."""
    width, head = config.embedding_size, HEAD_WORDS
    is_full = config.softmax == "full" or (config.softmax == "auto" and total_words < ADAPTIVE_FROM)
    if is_full or total_words <= head:
        return {"embedding": (total_words, width)}
    narrow = max(1, width // NARROWER)
    return {
        "embedding": (head + 1, width),
        "tail1.embedding": (total_words - head, narrow),
        "tail1.kernel": (width, narrow),
    }


def add_words(
    config: CausalConfig,
    vocabulary: Vocabulary,
    of_text: Vocabulary,
    weights: Weights,
) -> tuple[CausalConfig, Vocabulary, dict[str, Array]]:
    """Extends a network with this vocabulary by the words of a text; returns its settings, words
    and weights.

    New words go into the tail, or the head if there is none, and start as the mean of its
    embeddings: that of <unk> was no better. The words of each are sorted by their frequency in the
    text.
    """

    def rank(word: str) -> int:
        return of_text.ranks.get(word, of_text.total_words)

    new = [word for word in of_text.words if word not in vocabulary]
    has_tail, first = "tail1.kernel" in weights, vocabulary.first_word_id
    head = len(weights["embedding"]) - 1 if has_tail else 0
    old, cut = vocabulary.words, max(0, head - first)
    words = [*sorted(old[:cut], key=rank), *sorted([*old[cut:], *new], key=rank)]
    ids = np.array([*range(first), *(vocabulary.ranks.get(word, NEW) for word in words)])
    own = np.where(ids[head:] == NEW, NEW, ids[head:] - head)  # rows of what grows
    bias, grown = weights["output.bias"], dict(weights)
    if has_tail:
        rows = np.append(ids[:head], head)
        grown["embedding"] = weights["embedding"][rows]
        grown["tail1.embedding"] = _rows(weights["tail1.embedding"], own)
        grown["output.bias"] = np.append(bias[rows], _rows(bias[head + 1 :], own))
    else:
        grown["embedding"] = _rows(weights["embedding"], own)
        grown["output.bias"] = _rows(bias, own)
    # A larger vocabulary must not begin a tail.
    config = replace(config, softmax="adaptive" if has_tail else "full")
    return config, Vocabulary(words, vocabulary.special_tokens), grown


def _rows(array: Array, numbers: NDArray[np.int64]) -> Array:
    """The rows of an array with these indices. The index NEW is the mean of all rows."""
    return np.asarray(np.append(array, array.mean(0, keepdims=True), axis=0)[numbers])


class _Tail(NamedTuple):
    token: Array
    """The embedding of its token in the head [E]."""
    embedding: Array
    kernel: Array
    bias: Array


class AdaptiveSoftmax:
    """The embedding and the tied output layer of a model."""

    def __init__(self, weights: Weights) -> None:
        """`weights` are named as in `softmax_shapes`, plus `output.bias`."""
        self._embedding, bias = weights["embedding"], weights["output.bias"]
        self._head, self._tail = len(self._embedding), None
        self._bias, rest = np.split(bias, [self._head])
        if "tail1.kernel" in weights:
            embedding, kernel = weights["tail1.embedding"], weights["tail1.kernel"]
            self._tail = _Tail(self._embedding[-1], embedding, kernel, rest)
            self._head -= 1

    def embed(self, words: NDArray[np.int64]) -> Array:
        """The input embeddings [N, E] of words [N]."""
        if self._tail is None:
            return np.asarray(self._embedding[words])
        rows = self._embedding[np.minimum(words, self._head)]
        inside = np.flatnonzero(words >= self._head)
        rows[inside] += self._tail.embedding[words[inside] - self._head] @ self._tail.kernel.T
        return np.asarray(rows)

    def probabilities(self, outputs: Array) -> Array:
        """The distributions [N, V] from the last layer's outputs [N, E]."""
        head, tail = self._logits(outputs)
        head = softmax(head)
        if tail is None:
            return head
        size = self._head
        probabilities = np.empty((len(outputs), size + tail.shape[1]), np.float32)
        probabilities[:, :size] = head[:, :size]
        np.multiply(softmax(tail), head[:, size, None], out=probabilities[:, size:])
        return probabilities

    def logits(self, outputs: Array) -> Array:
        """The logits [N, V], whose softmax is `probabilities`: that of a word of the tail is the
        logit of the tail's token plus the log-probability of the word within the tail."""
        head, tail = self._logits(outputs)
        if tail is None:
            return head
        most = tail.max(1, keepdims=True)
        total = most + np.log(np.exp(tail - most).sum(1, keepdims=True))
        size = self._head
        return np.concatenate((head[:, :size], tail + (head[:, size, None] - total)), 1)

    def _logits(self, outputs: Array) -> tuple[Array, Array | None]:
        """The logits of the rows of the head, and of those of the tail if there is one."""
        head = outputs @ self._embedding.T
        head += self._bias
        if self._tail is None:
            return head, None
        tail = np.asarray((outputs @ self._tail.kernel) @ self._tail.embedding.T, np.float32)
        tail += self._tail.bias
        return head, tail

    def root_mean_square(self) -> float:
        """The root mean square of the embeddings of the head's words. Those of the tail are never
        all built, as for `similarities`."""
        return float(np.sqrt(np.square(self._embedding[: self._head]).mean()))

    def similarities(self, word: int) -> Array:
        """The cosine of the input embedding of each id and that of `word` [V]. That of a word of
        the tail, t + K w, is never built: for 36,000 words that takes 54 ms, and this 12."""
        (vector,) = self.embed(np.array([word]))
        rows = self._embedding[: self._head]
        products, squares = rows @ vector, (rows * rows).sum(1)
        if self._tail is not None:
            token, own, kernel, _ = self._tail
            products = np.append(products, own @ (kernel.T @ vector) + token @ vector)
            of_own = own @ (kernel.T @ kernel) + 2 * (kernel.T @ token)
            squares = np.append(squares, (of_own * own).sum(1) + token @ token)
        return cosines(products, squares, word)
