"""N-gram models in numpy: interpolated modified Kneser-Ney smoothing from stored estimates.

The arrays are those of a trie (see `counting`). k goes from 2 to the order, level k has n(k) nodes,
and n(1) = V, the size of the vocabulary:

    probability.1 [V]            the unigram probability of each id
    backoff.<k-1> [n(k-1)]       the weight of the shorter context after each node
    children.<k> [n(k-1) + 1]    the ranges of the children of each node of level k - 1
    word.<k> [n(k)]              the last words of the nodes of level k, ascending among siblings
    probability.<k> [n(k)]       the discounted share of each node among its siblings

After a context c, p(w | c) is the share of c's child w, if there is one, plus backoff(c) times
p(w | c without its first word). The shares of the children of c and its backoff sum to 1.

A compact file has 8 bits per share, evenly spaced in log-odds, and no backoff weights, which follow
from the shares. Its integers are split into byte planes, since the upper bytes compress well:

    probability.1 [V], probability.<k> [n(k)]   indices into `SHARES`
    children.<k> [planes, n(k-1)]               the number of children of each node
    word.<k> [planes, n(k)]                     as above
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import Config, LineTextConfig, NgramConfig
from rnnlm_tui.lm.model import (
    Architecture,
    Arrays,
    ArraySpec,
    WindowModel,
    excluded_ids,
)
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import BEGIN_ID, SPECIAL_TOKENS, Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.lm.counting import NgramLevel
    from rnnlm_tui.text.prepare import PreparedText

MAX_NGRAMS = 2**31 - 2
"""Most n-grams of a length, since their indices have 32 bits."""
LEAVES_OUT_FROM = 20_000_000
"""In texts of at least this many words, n-grams of three or more words that occur once are left
out."""
LEFT_OUT_NOTE = (
    f"n-grams of three words and more that occur once are left out, as of every text of"
    f" {LEAVES_OUT_FROM:,} words or more"
)
MAX_SHARED = 0.999
"""Largest sum of the shares after a context in a compact file, so that rounding leaves something to
the shorter context."""
LOG_ODDS = np.linspace(-14, 6, 255)
SHARES = np.concatenate(([0], 1 / (1 + np.exp(-LOG_ODDS)))).astype(np.float32)
"""The shares of a compact file. Neighbours differ by 8 %, and by less near 1."""


class Level(NamedTuple):
    """Arrays of the nodes of one level: the ranges of their `children`, the last `words` and
    `shares` of these, and the `backoff` weights. From a compact file the shares are indices and
    `backoff` is None; both are computed for the few nodes that are looked up."""

    children: NDArray[np.int32]
    words: NDArray[Any]
    shares: NDArray[Any]
    backoff: NDArray[np.float32] | None

    def after(self, node: int) -> tuple[NDArray[Any], NDArray[np.float32], float]:
        """The words after a node, their shares, and the backoff weight of the node."""
        below = slice(self.children[node], self.children[node + 1])
        if self.backoff is not None:
            return self.words[below], self.shares[below], self.backoff[node]
        shares = SHARES[self.shares[below]]
        total = float(shares.sum(dtype=np.float64))
        scale = min(1.0, MAX_SHARED / max(total, MAX_SHARED))
        return self.words[below], shares * np.float32(scale), 1 - scale * total


class NgramModel(WindowModel):
    """An n-gram model, which predicts from the last words of a line."""

    def __init__(
        self,
        order: int,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """`arrays` are named as above and checked."""
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.window = order - 1
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self._alone: NDArray[np.float32] = arrays["probability.1"]
        id_type = np.min_scalar_type(vocabulary.total_words)  # half the memory up to 65,536 words
        self._levels = [
            Level(
                arrays[f"children.{k}"],
                arrays[f"word.{k}"].astype(id_type, copy=False),
                arrays[f"probability.{k}"],
                arrays.get(f"backoff.{k - 1}"),
            )
            for k in range(2, order + 1)
        ]

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        *_, (_, _, probabilities) = self.interpolation(context)
        return probabilities

    def interpolation(
        self, context: Sequence[int]
    ) -> Iterator[tuple[int, float, NDArray[np.float32]]]:
        """Yields the distribution [V] without context, after the last word, after the last two and
        so on, as far as the trie has words after them. Before it the number of these words, and
        the weight of the shorter context in it. An array is valid until the next one."""
        probabilities = self._alone.copy()
        yield 0, 0.0, probabilities
        for length, node in self._nodes(context):
            words, shares, backoff = self._levels[length - 1].after(node)
            if len(words):
                probabilities *= backoff
                probabilities[words] += shares
                yield length, float(backoff), probabilities

    def words_before(self, context: Sequence[int], number: int) -> list[str]:
        """The last words of a context, as many as stand in an n-gram before the id `number`."""
        longest: Sequence[int] = ()
        for length in range(1, min(self.window, len(context)) + 1):
            words = context[len(context) - length :]
            if self._node([*words, number]) is not None:
                longest = words
            if words[0] == BEGIN_ID:  # no n-gram reaches into the line before
                break
        first = self.vocabulary.first_word_id
        return [self.vocabulary.word(word) for word in longest if word >= first]

    def _nodes(self, context: Sequence[int]) -> Iterator[tuple[int, int]]:
        """For the last word, the last two and so on, if they are in the trie, their number and
        their node. A pruned model may have a longer one without a shorter one."""
        for length in range(1, min(self.window, len(context)) + 1):
            words = context[len(context) - length :]
            node = self._node(words)
            if node is not None:
                yield length, node
            if words[0] == BEGIN_ID:  # no n-gram reaches into the line before
                break

    def _node(self, words: Sequence[int]) -> int | None:
        """The node of an n-gram; None if it is not in the trie."""
        node = words[0]
        for word, level in zip(words[1:], self._levels, strict=False):
            begin, end = level.children[node], level.children[node + 1]
            place = int(begin + level.words[begin:end].searchsorted(word))
            if place == end or level.words[place] != word:
                return None
            node = place
        return node


def ngram_arrays(
    prepared: PreparedText, order: int, most: int | None = None
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the arrays of the model of a text, one length of n-grams at a time: all n-grams, or
    the `most` important ones of two or more words. For a large text, those of three or more words
    that occur once are left out."""
    from rnnlm_tui.lm.counting import count_levels
    from rnnlm_tui.lm.kneser_ney import level_arrays, pruned_arrays
    from rnnlm_tui.text.prepare import PreparedLines

    assert isinstance(prepared, PreparedLines)
    levels: Iterator[NgramLevel] = count_levels(
        prepared.examples, prepared.vocabulary, order, leaves_out=leaves_out(prepared.tokens)
    )
    if most is not None:
        held = list(levels)
        if sum(len(level.words) for level in held[1:]) > most:
            return pruned_arrays(held, prepared.vocabulary, most)
        levels = iter(held)
    return level_arrays(levels, prepared.vocabulary)


def leaves_out(words: int) -> bool:
    """Whether n-grams that occur once are left out for a text of so many words."""
    return words >= LEAVES_OUT_FROM


def ngram_counts(arrays: Arrays) -> tuple[int, ...]:
    """The number of n-grams of each length in these arrays, shortest first: the `sizes` of the
    model."""
    return tuple(
        len(array) - (name == "probability.1")  # without padding
        for name, array in arrays.items()
        if name.startswith("probability.")
    )


class NgramArchitecture(Architecture[NgramConfig]):
    """N-gram models. Their `sizes` are the numbers of n-grams of each length: unigrams (all ids but
    padding), bigrams and so on."""

    trainer = "rnnlm_tui.training.ngram_trainer"
    special_tokens = SPECIAL_TOKENS
    smallest_window = 0
    can_start_from_a_model = False
    name = "n-gram model"
    smaller = "a smaller {order} or less text"

    @staticmethod
    def window_for(config: Config, longest_line: int) -> int:
        return _order(config) - 1

    @staticmethod
    def sizes_for(config: Config, prepared: PreparedText) -> tuple[int, ...]:
        assert isinstance(config.train, LineTextConfig)
        parts = ngram_arrays(prepared, _order(config), config.train.max_ngrams)
        return tuple(count for part in parts for count in ngram_counts(part))

    def arrays(self) -> dict[str, ArraySpec]:
        specs, above = {"probability.1": ArraySpec((self.total_words,))}, self.total_words
        for k, count in enumerate(self.sizes[1:], start=2):
            specs |= {
                f"backoff.{k - 1}": ArraySpec((above,)),
                f"children.{k}": ArraySpec((above + 1,), "I32"),
                f"word.{k}": ArraySpec((count,), "I32"),
                f"probability.{k}": ArraySpec((count,)),
            }
            above = count
        return specs

    def compact_arrays(self) -> dict[str, ArraySpec]:
        specs, above = {"probability.1": ArraySpec((self.total_words,), "U8")}, self.total_words
        for k, count in enumerate(self.sizes[1:], start=2):
            specs |= {
                f"children.{k}": ArraySpec((self._planes, above), "U8"),
                f"word.{k}": ArraySpec((self._planes, count), "U8"),
                f"probability.{k}": ArraySpec((count,), "U8"),
            }
            above = count
        return specs

    def to_compact(self, arrays: Arrays) -> Arrays:
        """Quantizes the shares and drops the backoff weights."""
        small = {"probability.1": _quantize(arrays["probability.1"])}
        for k in range(2, self.model.order + 1):
            small[f"children.{k}"] = _to_planes(np.diff(arrays[f"children.{k}"]), self._planes)
            small[f"word.{k}"] = _to_planes(arrays[f"word.{k}"], self._planes)
            small[f"probability.{k}"] = _quantize(arrays[f"probability.{k}"])
        return small

    def from_compact(self, small: Arrays) -> Arrays:
        """Keeps the quantized shares, which `Level` converts when needed."""
        alone = SHARES[small["probability.1"]]
        arrays: dict[str, NDArray[Any]] = {"probability.1": alone / max(alone.sum(), SHARES[1])}
        for k in range(2, self.model.order + 1):
            counts, shares = _from_planes(small[f"children.{k}"]), small[f"probability.{k}"]
            if counts.sum(dtype=np.int64) != len(shares):
                raise ValueError(f"children.{k} are not as many as there are n-grams")
            children = np.zeros(len(counts) + 1, np.int32)
            np.cumsum(counts, out=children[1:])
            arrays[f"children.{k}"] = children
            arrays |= {f"word.{k}": _from_planes(small[f"word.{k}"]), f"probability.{k}": shares}
        return arrays

    @property
    def _planes(self) -> int:
        """The number of bytes of an id."""
        return ((self.total_words - 1).bit_length() + 7) // 8

    @property
    def parameters(self) -> int:
        return sum(self.sizes)

    def load(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> NgramModel:
        return NgramModel(self.model.order, vocabulary, tokenizer, arrays)

    def check_sizes(self) -> None:
        if len(self.sizes) != self.model.order or self.sizes[0] != self.total_words - 1:
            raise ValueError("the numbers of n-grams do not fit the order or the vocabulary")
        if not all(0 <= count <= MAX_NGRAMS for count in self.sizes):
            raise ValueError("a number of n-grams is out of range")

    def check_arrays(self, arrays: Arrays) -> None:
        """Raises ValueError for invalid probabilities, and for a trie that is not sorted."""
        for name, array in arrays.items():
            if array.dtype == np.float32 and not _within(array, 0, 1):
                raise ValueError(f"{name} has values that are not probabilities")
        for k in range(2, self.model.order + 1):
            children, words = arrays[f"children.{k}"], arrays[f"word.{k}"]
            ends = int(children[0]), int(children[-1])
            if ends != (0, len(words)) or (children[1:] < children[:-1]).any():
                raise ValueError(f"children.{k} does not rise from 0 to the number of n-grams")
            if not _within(words, 1, self.total_words - 1):
                raise ValueError(f"word.{k} holds an id that no word has")
            if not _rise_among_siblings(words, children):
                raise ValueError(f"word.{k} is not in order")


def _order(config: Config) -> int:
    assert isinstance(config.model, NgramConfig)
    return config.model.order


def _within(array: NDArray[Any], low: int, high: int) -> bool:
    """Whether all numbers are in this range. NaN is not; an empty array is."""
    return array.size == 0 or bool(low <= array.min() <= array.max() <= high)


def _rise_among_siblings(words: NDArray[np.int32], children: NDArray[np.int32]) -> bool:
    """Whether the words within each range of `children` are ascending."""
    begins = np.zeros(len(words) + 1, bool)
    begins[children] = True
    return bool((begins[1:-1] | (words[1:] > words[:-1])).all())


def _quantize(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The indices of the nearest numbers in `SHARES`, in log-odds; 0 stays 0."""
    odds = np.log(np.maximum(shares, SHARES[1]) / np.maximum(1 - shares, 1 - SHARES[-1]))
    places = np.rint((odds - LOG_ODDS[0]) / (LOG_ODDS[1] - LOG_ODDS[0])).clip(0, 254)
    return np.where(shares > 0, places + 1, 0).astype(np.uint8)


def _to_planes(numbers: NDArray[np.integer[Any]], planes: int) -> NDArray[np.uint8]:
    """The bytes of each number, lowest first: [planes, N]."""
    return np.stack([(numbers >> 8 * i).astype(np.uint8) for i in range(planes)])


def _from_planes(planes: NDArray[np.uint8]) -> NDArray[np.unsignedinteger[Any]]:
    """The reverse of `_to_planes`, in 16 bits if that is enough."""
    numbers = planes[0].astype(np.uint16 if len(planes) <= 2 else np.uint32)
    for i, plane in enumerate(planes[1:], start=1):
        numbers |= plane.astype(numbers.dtype) << 8 * i
    return np.asarray(numbers)
