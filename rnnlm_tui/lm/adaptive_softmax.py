"""The adaptive softmax for large vocabularies: a head of frequent words and tails of rarer ones.

Ids are sorted by descending frequency, so the head is the first ids and each tail the next ones.
The head's softmax has one extra token per tail, whose probability is distributed over the words of
the tail by a softmax of its own, with smaller embeddings. The probability of a word of tail k is

    P(tail k | rows) P(word | tail k, rows)

and its input embedding is that of the tail's token plus its own, projected by the same kernel. The
full softmax is a head without tails.

Sources: Grave et al. 2017 (adaptive softmax), Baevski and Auli 2019 (adaptive input, tied).

Shapes: E embedding, D a tail's embedding, K tails, V vocabulary (`total_words`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.model import Array, Weights, cosines, softmax
from rnnlm_tui.text.vocabulary import Vocabulary

ADAPTIVE_FROM = 20_000
"""The softmax is adaptive by default for vocabularies of at least this size."""
TAIL_BEGINS = (2_000,)
"""The first ids of the tails. Saved models depend on them and on `NARROWER`. There is one tail, so
that the network of any vocabulary takes any number of new words: they join its last cluster."""
NARROWER = 4
"""The factor by which the embeddings of each tail are smaller than those before it."""


def cluster_ends(config: CausalConfig, total_words: int) -> tuple[int, ...]:
    """The end ids (exclusive) of the head and of each tail. The last one is `total_words`."""
    full = config.softmax == "auto" and total_words < ADAPTIVE_FROM
    begins = () if full or config.softmax == "full" else TAIL_BEGINS
    return (*(begin for begin in begins if begin < total_words), total_words)


def softmax_shapes(config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the embeddings and of the tails' kernels, by name. The bias has one number per
    row: the head's words, its K tail tokens, and the words of each tail."""
    head, *tails = cluster_ends(config, total_words)
    width = config.embedding_size
    shapes: dict[str, tuple[int, ...]] = {"embedding": (head + len(tails), width)}
    for number, (low, high) in enumerate(itertools.pairwise((head, *tails)), start=1):
        narrow = max(1, width // NARROWER**number)
        shapes[f"tail{number}.embedding"] = (high - low, narrow)
        shapes[f"tail{number}.kernel"] = (width, narrow)
    return shapes


def add_words(
    config: CausalConfig,
    vocabulary: Vocabulary,
    of_text: Vocabulary,
    weights: Weights,
) -> tuple[CausalConfig, Vocabulary, dict[str, Array]]:
    """Extends a network with this vocabulary by the words of a text; returns its settings, words
    and weights.

    New words go into the last cluster and start as the mean of its embeddings: that of <unk> was no
    better. The words of each cluster are sorted by their frequency in the text.
    """
    total = vocabulary.total_words
    new = [word for word in of_text.words if word not in vocabulary]
    words, grown, biases = list[str](), dict(weights), list[Array]()
    begin, bias = 0, weights["output.bias"]
    for number, end in enumerate(cluster_ends(config, total)):
        name = f"tail{number}.embedding" if number else "embedding"
        of_words = {
            vocabulary.word(i): i - begin for i in range(max(begin, vocabulary.first_word_id), end)
        }
        first, after = end - begin - len(of_words), np.arange(end - begin, len(weights[name]))
        if end == total:
            of_words |= dict.fromkeys(new, -1)
        ordered = sorted(of_words, key=lambda word: of_text.ranks.get(word, of_text.total_words))
        rows = np.array([*range(first), *(of_words[word] for word in ordered), *after])
        own, bias = np.split(bias, [len(weights[name])])
        grown[name] = _rows(weights[name], rows)
        biases.append(_rows(own, rows))
        words += ordered
        begin = end
    grown["output.bias"] = np.concatenate(biases)
    # A larger vocabulary must not begin another cluster.
    config = replace(config, softmax="adaptive" if "tail1.kernel" in weights else "full")
    return config, Vocabulary(words, vocabulary.special_tokens), grown


def _rows(array: Array, numbers: NDArray[np.int64]) -> Array:
    """The rows of an array with these indices. Index -1 is the mean of all rows."""
    return np.asarray(np.append(array, array.mean(0, keepdims=True), axis=0)[numbers])


class _Tail(NamedTuple):
    begin: int
    """The first id."""
    embedding: Array
    kernel: Array
    bias: Array

    @property
    def end(self) -> int:
        """The end id (exclusive)."""
        return self.begin + len(self.embedding)


class AdaptiveSoftmax:
    """The embedding and the tied output layer of a model."""

    def __init__(self, weights: Weights) -> None:
        """`weights` are named as in `softmax_shapes`, plus `output.bias`."""
        self._embedding, bias = weights["embedding"], weights["output.bias"]
        tails = sum(name.startswith("tail") and name.endswith("kernel") for name in weights)
        self._head = begin = len(self._embedding) - tails
        self._bias, bias = np.split(bias, [len(self._embedding)])
        self._tails: list[_Tail] = []
        for number in range(1, tails + 1):
            embedding, kernel = (
                weights[f"tail{number}.{part}"] for part in ("embedding", "kernel")
            )
            own_bias, bias = np.split(bias, [len(embedding)])
            self._tails.append(_Tail(begin, embedding, kernel, own_bias))
            begin += len(embedding)

    def embed(self, words: NDArray[np.int64]) -> Array:
        """The input embeddings [N, E] of words [N]."""
        if not self._tails:
            return np.asarray(self._embedding[words])
        rows = self._embedding[np.minimum(words, self._head - 1)]
        for number, tail in enumerate(self._tails):
            inside = np.flatnonzero((words >= tail.begin) & (words < tail.end))
            if len(inside):
                own = tail.embedding[words[inside] - tail.begin] @ tail.kernel.T
                rows[inside] = self._embedding[self._head + number] + own
        return np.asarray(rows)

    def probabilities(self, outputs: Array) -> Array:
        """The distributions [N, V] from the last layer's outputs [N, E]."""
        parts = self._parts(outputs)
        head = softmax(next(parts))
        if not self._tails:
            return head
        probabilities = np.empty((len(outputs), self._tails[-1].end), np.float32)
        probabilities[:, : self._head] = head[:, : self._head]
        for number, (tail, logits) in enumerate(zip(self._tails, parts, strict=True)):
            of_tail = head[:, self._head + number, None]
            np.multiply(softmax(logits), of_tail, out=probabilities[:, tail.begin : tail.end])
        return probabilities

    def logits(self, outputs: Array) -> Array:
        """The logits [N, V], whose softmax is `probabilities`: that of a word of a tail is the
        logit of the tail's token plus the log-probability of the word within the tail."""
        parts = self._parts(outputs)
        head = next(parts)
        found = [head[:, : self._head]]
        for number, logits in enumerate(parts):
            most = logits.max(1, keepdims=True)
            total = most + np.log(np.exp(logits - most).sum(1, keepdims=True))
            found.append(logits + (head[:, self._head + number, None] - total))
        return np.concatenate(found, 1)

    def _parts(self, outputs: Array) -> Iterator[Array]:
        """Yields the logits of the head's words and of its K tail tokens [N, head + K], then those
        of the words of each tail, from the last layer's outputs [N, E]."""
        logits = outputs @ self._embedding.T
        logits += self._bias
        yield logits
        for tail in self._tails:
            logits = np.asarray((outputs @ tail.kernel) @ tail.embedding.T, np.float32)
            logits += tail.bias
            yield logits

    def root_mean_square(self) -> float:
        """The root mean square of the embeddings of the head's words. Those of the tails are never
        all built, as for `similarities`."""
        return float(np.sqrt(np.square(self._embedding[: self._head]).mean()))

    def similarities(self, word: int) -> Array:
        """The cosine of the input embedding of each id and that of `word` [V]. That of a word of a
        tail, t + K w, is never built: for 36,000 words that would take 54 ms, and this takes 12."""
        (vector,) = self.embed(np.array([word]))
        rows = self._embedding[: self._head]
        products, squares = [rows @ vector], [(rows * rows).sum(1)]
        for number, (_, own, kernel, _) in enumerate(self._tails):
            token = self._embedding[self._head + number]
            products.append(own @ (kernel.T @ vector) + token @ vector)
            of_own = own @ (kernel.T @ kernel) + 2 * (kernel.T @ token)
            squares.append((of_own * own).sum(1) + token @ token)
        return cosines(np.concatenate(products), np.concatenate(squares), word)
