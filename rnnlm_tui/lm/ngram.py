"""N-gram models in numpy: interpolated modified Kneser-Ney smoothing from stored shares.

The arrays are those of a trie (see `kneser_ney`), in memory as in a file. k goes from 2 to the
order, level k has n(k) nodes, and n(1) = V, the size of the vocabulary:

    share.1 [V] uint8            the probability of each id
    share.<k> [n(k)] uint8       the discounted share of each node among its siblings
    word.<k> [n(k)] uint16       the last words of the nodes, ascending among siblings; uint32 in a
                                 vocabulary of more than 65,536 ids
    children.<k> [n(k-1) + 1]    the ranges of the children of each node of level k - 1, int32

After a context c, p(w | c) is the share of c's child w, if there is one, plus backoff(c) times
p(w | c without its first word). The shares of the children of c and its backoff sum to 1. Shares
are indices into `SHARES`: the sonnets have a perplexity of 243.2 in 8 bits and of 242.9 in floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import Array, Arrays, WindowModel, excluded_ids
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import BEGIN_ID, Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.encoded_lines import EncodedLines

MOST_COUNTED = 20_000_000
"""Words and ends of lines that n-grams are counted in; of a larger text, some lines are taken."""
MAX_SHARED = 0.999
"""Largest sum of the shares after a context, so that rounding leaves something to the shorter
context."""
LOG_ODDS = np.linspace(-14, 6, 509)
SHARES, BOUNDS = (
    np.concatenate(([0], 1 / (1 + np.exp(-odds)))).astype(np.float32)
    for odds in (LOG_ODDS[::2], LOG_ODDS[1::2])
)
"""What shares can be, evenly spaced in log-odds, and the bounds between them; only 0 becomes 0.
Neighbours differ by 8 %, and by less near 1."""


class Level(NamedTuple):
    """Arrays of the nodes of one level: the ranges of their `children`, the last `words` of these
    and their `shares`."""

    children: NDArray[np.int32]
    words: NDArray[np.unsignedinteger[Any]]
    shares: NDArray[np.uint8]


class NgramModel(WindowModel):
    """An n-gram model, which predicts from the last words of a line."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> None:
        """`arrays` are named as above and checked."""
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.window = _order(arrays) - 1
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        alone = SHARES[arrays["share.1"]]
        self._alone: Array = alone / max(alone.sum(), SHARES[1])
        self._levels = [
            Level(arrays[f"children.{k}"], arrays[f"word.{k}"], arrays[f"share.{k}"])
            for k in range(2, self.window + 2)
        ]

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        *_, (_, _, probabilities) = self.interpolation(context)
        return probabilities

    def interpolation(self, context: Sequence[int]) -> Iterator[tuple[int, float, Array]]:
        """Yields the distribution [V] without context, after the last word, after the last two and
        so on, as far as the trie has words after them. Before it the number of these words, and
        the weight of the shorter context in it. An array is valid until the next one."""
        probabilities = self._alone.copy()
        yield 0, 0.0, probabilities
        for length in range(1, min(self.window, len(context)) + 1):
            last = context[len(context) - length :]
            words, shares, backoff = self._after(last)
            if len(words):
                probabilities *= backoff
                probabilities[words] += shares
                yield length, backoff, probabilities
            if last[0] == BEGIN_ID:  # no n-gram reaches into the line before
                break

    def _after(self, context: Sequence[int]) -> tuple[NDArray[Any], Array, float]:
        """The words after all of this context, none if it is not in the trie; their shares, and the
        weight of the shorter context."""
        node, (*levels, last) = context[0], self._levels[: len(context)]
        for (children, words, _), word in zip(levels, context[1:], strict=True):
            begin, end = children[node], children[node + 1]
            node = int(begin + words[begin:end].searchsorted(word))
            if node == end or words[node] != word:
                return words[:0], SHARES[:0], 1.0
        below = slice(last.children[node], last.children[node + 1])
        shares = SHARES[last.shares[below]]
        total = float(shares.sum(dtype=np.float64))
        scale = min(1.0, MAX_SHARED / max(total, MAX_SHARED))
        return last.words[below], shares * np.float32(scale), 1 - scale * total


def sampling_step(targets: int, most: int = MOST_COUNTED) -> int:
    """Of how many lines one is counted, in a text with so many words and ends of lines."""
    return max(1, -(-targets // most))


def ngram_arrays(
    lines: EncodedLines, total_words: int, order: int, most: int = MOST_COUNTED
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the arrays of the model of these lines, one length of n-grams at a time. Of lines with
    more words than `most` some are counted, spread over the text."""
    from rnnlm_tui.lm.kneser_ney import count_levels, shares_of, unigram_shares
    from rnnlm_tui.text.encoded_lines import EncodedLines

    if (step := sampling_step(len(lines.targets), most)) > 1:
        is_counted, lengths = np.arange(len(lines)) % step == 0, np.diff(lines.starts)
        lines = EncodedLines(lines.ids[np.repeat(is_counted, lengths)], lengths[is_counted])
    for k, level in enumerate(count_levels(lines, total_words, order), start=1):
        shares = shares_of(level) if k > 1 else unigram_shares(level)
        part: dict[str, NDArray[Any]] = {
            f"share.{k}": np.searchsorted(BOUNDS, shares).astype(np.uint8)
        }
        if k > 1:
            children = np.zeros(level.above + 1, np.int32)
            np.cumsum(np.bincount(level.parents, minlength=level.above), out=children[1:])
            part |= {
                f"word.{k}": level.words.astype(_word_type(total_words)),
                f"children.{k}": children,
            }
        yield part


def ngram_counts(arrays: Arrays) -> tuple[int, ...]:
    """The number of n-grams of each length in these arrays, shortest first, without padding."""
    ids, *others = (len(arrays[f"share.{k}"]) for k in range(1, _order(arrays) + 1))
    return (ids - 1, *others)


def check_ngrams(arrays: Arrays, total_words: int) -> None:
    """Raises ValueError for arrays that are not the trie of a vocabulary of so many ids."""
    longer = range(2, _order(arrays) + 1)
    types: dict[str, type] = {f"share.{k}": np.uint8 for k in (1, *longer)}
    types |= {f"word.{k}": _word_type(total_words) for k in longer}
    types |= {f"children.{k}": np.int32 for k in longer}
    is_flat = all(array.ndim == 1 for array in arrays.values())
    if not is_flat or {name: array.dtype for name, array in arrays.items()} != types:
        raise ValueError("other arrays than n-grams have")
    above = total_words
    for k in longer:
        words, children = arrays[f"word.{k}"], arrays[f"children.{k}"]
        lengths = len(arrays[f"share.{k - 1}"]), len(children) - 1, len(arrays[f"share.{k}"])
        if lengths != (above, above, len(words)):
            raise ValueError(f"the arrays of the n-grams of {k} words are not of one length")
        ends = int(children[0]), int(children[-1])
        if ends != (0, len(words)) or (children[1:] < children[:-1]).any():
            raise ValueError(f"children.{k} does not rise from 0 to the number of n-grams")
        if len(words) and not 1 <= words.min() <= words.max() < total_words:
            raise ValueError(f"word.{k} holds an id that no word has")
        begins = np.zeros(len(words) + 1, bool)
        begins[children] = True
        if not (begins[1:-1] | (words[1:] > words[:-1])).all():
            raise ValueError(f"word.{k} is not in order")
        above = len(words)


def _order(arrays: Arrays) -> int:
    """The number of words of the longest n-grams."""
    return sum(name.startswith("share.") for name in arrays)


def _word_type(total_words: int) -> type:
    """The type of the words of a vocabulary of so many ids."""
    return np.uint16 if total_words <= 1 << 16 else np.uint32
