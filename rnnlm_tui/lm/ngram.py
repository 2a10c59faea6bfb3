"""N-gram models in numpy: interpolated modified Kneser-Ney smoothing from stored shares.

The arrays are those of a trie (see `kneser_ney`), in memory as in a file. k goes from 2 to the
order, level k has n(k) nodes, and n(1) = V, the size of the vocabulary:

    share.1 [V] uint8            the probability of each id
    share.<k> [n(k)] uint8       the discounted share of each node among its siblings
    word.<k> [n(k)] uint16       the last words of the nodes, ascending among siblings; uint32 in a
                                 vocabulary of more than 65,536 ids
    children.<k> [n(k-1) + 1]    int32: the place of the first child of each node of level k - 1;
                                 the last entry is n(k)

After a context c, p(w | c) is the share of c's child w, if there is one, plus backoff(c) times
p(w | c without its first word). The shares of the children of c and its backoff sum to 1. Shares
are stored as indices into `SHARES`. With these 8 bits the sonnets have a perplexity of 243.2, and
with floats one of 242.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import Array, Arrays, WindowModel
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import BEGIN_ID, Vocabulary

MAX_SHARED = 0.999
"""The largest sum of the shares after a context. The rest belongs to the shorter context, and
rounding must not make it 0."""
LOG_ODDS = np.linspace(-14, 6, 509)
"""The log-odds of the SHARES above 0 and of the BOUNDS between them, in turn."""
SHARES, BOUNDS = (
    np.concatenate(([0], 1 / (1 + np.exp(-odds)))).astype(np.float32)
    for odds in (LOG_ODDS[::2], LOG_ODDS[1::2])
)
"""The values that shares can have, evenly spaced in log-odds, and the bounds between them. A share
above 0 is never stored as 0. Neighbours differ by 8 %, and near 1 by less."""


class NgramModel(WindowModel):
    """An n-gram model. It predicts from the last words of a line."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        arrays: Arrays,
        blocked_words: Iterable[str] = (),
    ) -> None:
        """`arrays` are those named above, with the numbers of a trie (see `check_ngrams`)."""
        super().__init__(vocabulary, tokenizer, blocked_words)
        self.window = _order(arrays) - 1
        unigrams = SHARES[arrays["share.1"]]
        self._unigrams: Array = unigrams / max(unigrams.sum(), SHARES[1])  # never 0 / 0
        self._arrays, self.counts = arrays, ngram_counts(arrays)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        *_, (_, _, last_probabilities) = self.interpolation(context)
        return last_probabilities

    def interpolation(self, context: Sequence[int]) -> Iterator[tuple[int, float, Array]]:
        """Yields the steps from no context to the longest one that the trie knows. A step is the
        length of its context in words, the weight of the step before, and the distribution [V]. An
        array is valid until the next step."""
        probabilities = self._unigrams.copy()
        yield 0, 0.0, probabilities
        for length in range(1, min(self.window, len(context)) + 1):
            last_words = context[len(context) - length :]
            words, shares, backoff = self._children_of(last_words)
            if len(words):
                probabilities *= backoff
                probabilities[words] += shares
                yield length, backoff, probabilities
            if last_words[0] == BEGIN_ID:  # no n-gram reaches into the line before
                break

    def _children_of(self, context: Sequence[int]) -> tuple[NDArray[Any], Array, float]:
        """Returns the words that follow exactly this context, their shares, and the backoff. There
        are no words if the trie does not have the context."""
        node, arrays = context[0], self._arrays
        for k, word in enumerate(context[1:], start=2):
            words = arrays[f"word.{k}"]
            begin, end = arrays[f"children.{k}"][node : node + 2]
            node = int(begin + words[begin:end].searchsorted(word))
            if node == end or words[node] != word:
                return words[:0], SHARES[:0], 1.0
        k = len(context) + 1
        children = slice(*arrays[f"children.{k}"][node : node + 2])
        shares = SHARES[arrays[f"share.{k}"][children]]
        total = float(shares.sum(dtype=np.float64))
        scale = MAX_SHARED / max(total, MAX_SHARED)
        return arrays[f"word.{k}"][children], shares * np.float32(scale), 1 - scale * total


def ngram_counts(arrays: Arrays) -> tuple[int, ...]:
    """Returns the number of n-grams of each length, shortest first. Padding does not count."""
    ids, *others = (len(arrays[f"share.{k}"]) for k in range(1, _order(arrays) + 1))
    return (ids - 1, *others)


def ngram_shapes(sizes: Sequence[int]) -> dict[str, tuple[str, tuple[int]]]:
    """Returns the types and shapes of the arrays by name. `sizes` are the numbers of nodes n(1),
    n(2) and so on. Types are named as in safetensors."""
    shapes = dict[str, tuple[str, tuple[int]]]()
    for k, size in enumerate(sizes, start=1):
        shapes[f"share.{k}"] = "U8", (size,)
        if k > 1:
            shapes[f"word.{k}"] = "U16" if sizes[0] <= 1 << 16 else "U32", (size,)
            shapes[f"children.{k}"] = "I32", (sizes[k - 2] + 1,)
    return shapes


def check_ngrams(arrays: Arrays, total_words: int) -> None:
    """Raises ValueError for arrays whose numbers are not a trie for `total_words` ids. The shapes
    and types of the arrays must be right."""
    for k in range(2, _order(arrays) + 1):
        words, children = arrays[f"word.{k}"], arrays[f"children.{k}"]
        ends = int(children[0]), int(children[-1])
        if ends != (0, len(words)) or (children[1:] < children[:-1]).any():
            raise ValueError(f"children.{k} does not rise from 0 to the number of n-grams")
        if len(words) and not 1 <= words.min() <= words.max() < total_words:
            raise ValueError(f"word.{k} holds an id that no word has")
        begins = np.zeros(len(words) + 1, bool)
        begins[children] = True
        if not (begins[1:-1] | (words[1:] > words[:-1])).all():
            raise ValueError(f"word.{k} is not in order")


def _order(arrays: Arrays) -> int:
    """Returns the number of words of the longest n-grams."""
    return sum(name.startswith("share.") for name in arrays)
