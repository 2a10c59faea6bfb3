"""Models of counts with numpy alone: interpolated modified Kneser-Ney from stored estimates.

The arrays are those of a trie (see `ngram_counts`), k from 2 to the order, n(k) its nodes of level
k, n(1) = V:

    probability.1 [V]            the probability of each id after nothing
    backoff.<k-1> [n(k-1)]       the weight of the shorter context after each node
    children.<k> [n(k-1) + 1]    where the children of each node of level k - 1 begin among
    word.<k> [n(k)]              the last words of the nodes of level k, rising among siblings
    probability.<k> [n(k)]       the discounted share of each node among its siblings

After a context c: p(w | c) = probability of c's child w, if it is there, + backoff of c * p(w | c
without its first word). Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.kneser_ney import with_boundaries
from rnnlm_tui.lm.model import excluded_ids
from rnnlm_tui.text.encoded import EncodedLines
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary


class NgramModel:
    """What comes after the last words of a line, by counts."""

    uses_previous_lines = False

    def __init__(
        self,
        order: int,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """`arrays` as above, checked."""
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.window = order - 1
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self._alone: NDArray[np.float32] = arrays["probability.1"]
        self._levels = [
            (
                arrays[f"backoff.{k - 1}"],
                arrays[f"children.{k}"],
                arrays[f"word.{k}"],
                arrays[f"probability.{k}"],
            )
            for k in range(2, order + 1)
        ]

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """See `LanguageModel`."""
        probabilities = self._alone.copy()
        for length in range(1, min(self.window, len(context)) + 1):
            node = self._node(context[len(context) - length :])
            if node is None:
                break  # a longer context that ends in an unseen one is unseen
            backoff, children, followers, shares = self._levels[length - 1]
            below = slice(children[node], children[node + 1])
            probabilities *= backoff[node]
            probabilities[followers[below]] += shares[below]
        return probabilities

    def probabilities_of(self, lines: EncodedLines) -> NDArray[np.float32]:
        """The probability of every word and every end of these lines, in their order [predictions].

        All at once: a million take about two seconds.
        """
        text = with_boundaries(lines, self.vocabulary)  # [N]
        is_begin = text == self.vocabulary.begin_id
        found = self._alone[text]
        nodes = text.astype(np.int64)  # the node of the sequence that ends here, or -1
        for backoff, children, words, shares in self._levels:
            before = np.concatenate(([-1], nodes[:-1]))
            before[is_begin] = -1
            seen = np.flatnonzero(before >= 0)
            parents, wanted = before[seen], text[seen]
            found[seen] *= backoff[parents]
            place = _places(children, words, parents, wanted)
            hit = np.flatnonzero(place >= 0)
            found[seen[hit]] += shares[place[hit]]
            nodes = np.full(len(text), -1, np.int64)
            nodes[seen] = place
        probabilities: NDArray[np.float32] = found[~is_begin]
        return probabilities

    def _node(self, words: Sequence[int]) -> int | None:
        """The node of a sequence, or None where it was not seen."""
        node = words[0]
        for word, (_, children, followers, _) in zip(words[1:], self._levels, strict=False):
            begin, end = children[node], children[node + 1]
            place = int(begin + followers[begin:end].searchsorted(word))
            if place == end or followers[place] != word:
                return None
            node = place
        return node


def _places(
    children: NDArray[np.int32],
    words: NDArray[np.int32],
    parents: NDArray[np.int64],
    wanted: NDArray[np.int32],
) -> NDArray[np.int64]:
    """The node of the child `wanted` of each of `parents`, or -1 where it has none, by a binary
    search in all of them at once."""
    low = children[parents].astype(np.int64)
    end = children[parents + 1].astype(np.int64)
    high = end.copy()
    for _ in range(int((end - low).max(initial=0)).bit_length()):
        middle = np.minimum((low + high) // 2, len(words) - 1)
        less = (words[middle] < wanted) & (low < high)
        low = np.where(less, middle + 1, low)
        high = np.where(less, high, middle)
    hit = low < end
    hit[hit] = words[low[hit]] == wanted[hit]
    return np.where(hit, low, -1)
