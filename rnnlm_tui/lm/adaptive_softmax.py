"""The adaptive softmax for large vocabularies: a head of frequent words and a tail of rarer ones.

Ids are sorted by descending frequency, and the first ids are the head. The softmax of the head has
one extra token for the tail. A second softmax with smaller embeddings distributes the probability
of that token over the words of the tail. The probability of a word of the tail is

    P(tail | outputs) P(word | tail, outputs)

Its input embedding is the embedding of the token plus a smaller one of the word. The tail has one
kernel, which narrows outputs and, transposed, widens the smaller embeddings. Any number of new
words can join the tail. A full softmax has a head and no tail.

Sources: Grave et al. 2017 (adaptive softmax), Baevski and Auli 2019 (adaptive input, tied).

Shapes: N ids or states, E embedding, V vocabulary (`total_words`).
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.model import Array, Weights, softmax
from rnnlm_tui.text.vocabulary import Vocabulary

ADAPTIVE_FROM = 20_000
"""The smallest vocabulary for which the softmax is adaptive by default."""
HEAD_WORDS = 2_000
"""The number of ids of the head, padding included. Saved models depend on it and on
TAIL_DIVISOR."""
DISCOUNT = 0.75
"""The number of uses that is subtracted from those of a new word, as in Kneser-Ney smoothing."""
TAIL_DIVISOR = 4
"""An embedding of the tail has E / TAIL_DIVISOR numbers."""
TAIL = "tail1.embedding"
"""The name of the embeddings of the tail."""
TAIL_SCALES = "tail1.embedding.scale"
"""The name of the scales of these embeddings. With scales they are in 8 bits, as in a file, which
takes a quarter of the memory and no more time."""
TAIL_AT_ONCE = 4096
"""The number of words of the tail that are converted to float32 together. They fit into a
processor's cache."""


def softmax_shapes(config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the embeddings and of the tail's kernel, by name. The rows of the
    embeddings are the words of the head, the token of the tail, and the words of the tail. The bias
    of the output layer has a number for each row."""
    width, head = config.embedding_size, HEAD_WORDS
    is_full = config.softmax == "full" or (config.softmax == "auto" and total_words < ADAPTIVE_FROM)
    if is_full or total_words <= head:
        return {"embedding": (total_words, width)}
    narrow = max(1, width // TAIL_DIVISOR)
    return {
        "embedding": (head + 1, width),
        TAIL: (total_words - head, narrow),
        "tail1.kernel": (width, narrow),
    }


def merge_words(known: Vocabulary, of_text: Vocabulary, weights: Weights) -> Vocabulary:
    """Returns the vocabulary of a network, `known`, extended by the words of a text. New words join
    the tail, or the head if there is no tail. The head and the tail are each sorted by frequency in
    the text."""

    def rank(word: str) -> int:
        return of_text.id_by_word.get(word, of_text.total_words)

    new = [word for word in of_text.words if word not in known]
    in_head = max(0, _fixed_head(weights) - known.first_word_id)
    old = known.words
    words = [*sorted(old[:in_head], key=rank), *sorted([*old[in_head:], *new], key=rank)]
    return Vocabulary(words, known.special_tokens)


def _fixed_head(weights: Weights) -> int:
    """Returns the number of ids in the head, or 0 if there is no tail. A head with a tail keeps its
    size, because new words join the tail."""
    return len(weights["embedding"]) - 1 if "tail1.kernel" in weights else 0


def grow_network(
    config: CausalConfig,
    known: Vocabulary,
    vocabulary: Vocabulary,
    counts: NDArray[np.int64],
    weights: Weights,
) -> tuple[CausalConfig, dict[str, Array]]:
    """Extends a network from the vocabulary `known` to one of `merge_words`, whose words occur
    `counts` [V] times in the text. Returns the new settings and weights.

    The embedding of a new word starts as the mean of the old embeddings in the tail, or in the head
    if there is no tail. Its bias makes its probability there about (uses - DISCOUNT) / (uses of all
    words there). With the mean bias, new words of a novel cost 3.2 nats more after training.
    """
    head = _fixed_head(weights)
    has_tail = head > 0
    new_id = known.total_words  # the id in `known` that stands for new words
    word_ids = (known.id_by_word.get(word, new_id) for word in vocabulary.words)
    old_ids = np.array([*range(known.first_word_id), *word_ids])  # the ids in `known` [V]
    # If there is a tail, only the tail grows. Before it are the rows of the head and of the tail's
    # token. New words have the row after the last one, where `_with_mean` puts the mean.
    before_tail = np.append(old_ids[:head], head) if has_tail else old_ids[:0]
    growing = TAIL if has_tail else "embedding"
    rows, counts = old_ids[head:] - head, counts[head:]
    is_new = old_ids[head:] == new_id
    bias = weights["output.bias"]
    biases = _with_mean(bias[len(before_tail) :])[rows]
    shares = (counts[is_new] - DISCOUNT) / counts.sum()
    biases[is_new] = np.log(shares) + np.logaddexp.reduce(biases[~is_new])
    grown = {**weights, "embedding": weights["embedding"][before_tail]}
    grown[growing] = _with_mean(weights[growing])[rows]
    grown["output.bias"] = np.append(bias[before_tail], biases)
    # With the setting `auto`, a larger vocabulary could begin a tail.
    config = replace(config, softmax="adaptive" if has_tail else "full")
    return config, grown


def _with_mean(rows: Array) -> Array:
    """Returns the rows, followed by their mean."""
    return np.append(rows, rows.mean(0, keepdims=True), axis=0)


class AdaptiveSoftmax:
    """The embedding and the tied output layer of a network."""

    def __init__(self, weights: Weights) -> None:
        """`weights` have the names of `softmax_shapes`, and `output.bias`."""
        self._embedding, self._kernel = weights["embedding"], weights.get("tail1.kernel")
        self._bias, self._tail_bias = np.split(weights["output.bias"], [len(self._embedding)])
        self._tail = weights.get(TAIL, self._embedding[:0])  # float32 or int8
        ones = np.ones(len(self._tail), np.float32)
        self._tail_scales = weights.get(TAIL_SCALES, ones)
        self.head_size = _fixed_head(weights) or len(self._embedding)
        """The number of ids in the head."""

    def embed(self, ids: NDArray[np.int64]) -> Array:
        """Returns the input embeddings [N, E] of ids [N]."""
        token = len(self._embedding) - 1
        rows = self._embedding[np.minimum(ids, token)]
        if self._kernel is not None:
            in_tail = np.flatnonzero(ids >= token)
            places = ids[in_tail] - token
            rows[in_tail] += self._tail[places] * self._tail_scales[places, None] @ self._kernel.T
        return np.asarray(rows)

    def probabilities(self, outputs: Array, *, bounds: bool = False) -> Array:
        """Returns the distributions [N, V] for the outputs [N, E] of the last layer. With `bounds`
        each word of the tail has the probability of the whole tail, and the tail is not read."""
        head = softmax(self._head_logits(outputs))
        if self._kernel is None:
            return head
        size = self.head_size
        probabilities = np.empty((len(outputs), size + len(self._tail)), np.float32)
        probabilities[:, :size] = head[:, :size]
        probabilities[:, size:] = head[:, size:]
        if not bounds:
            probabilities[:, size:] *= softmax(self._tail_logits(outputs))
        return probabilities

    def logits(self, outputs: Array) -> Array:
        """Returns the logits [N, V], whose softmax is `probabilities`. The logit of a word of the
        tail is the logit of the tail's token plus the log-probability of the word in the tail."""
        head = self._head_logits(outputs)
        if self._kernel is None:
            return head
        tail = self._tail_logits(outputs)
        within = tail - np.logaddexp.reduce(tail, axis=1, keepdims=True)
        return np.append(head[:, :-1], head[:, -1:] + within, axis=1)

    def _head_logits(self, outputs: Array) -> Array:
        head = outputs @ self._embedding.T
        head += self._bias
        return np.asarray(head)

    def _tail_logits(self, outputs: Array) -> Array:
        assert self._kernel is not None
        narrow, size = outputs @ self._kernel, len(self._tail)
        logits = np.empty((len(outputs), size), np.float32)
        for begin in range(0, size, TAIL_AT_ONCE):
            part = slice(begin, begin + TAIL_AT_ONCE)
            np.matmul(narrow, self._tail[part].astype(np.float32, copy=False).T, logits[:, part])
        logits *= self._tail_scales
        logits += self._tail_bias
        return logits
