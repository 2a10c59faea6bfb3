"""Counts of n-grams, and interpolated modified Kneser-Ney estimates from them.

Source: S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
modeling", 1999, as K. Heafield's lmplz computes it with --discount_fallback: the count of an n-gram
below the highest order is the number of different words before it; the begin of a line is never
predicted; the words alone are interpolated with 1 / (their number, `<unk>` and `</s>` included).
An oversight of lmplz is kept so that the figures are the same: in the numbers of n-grams of each
count, from which the discounts follow, one n-gram of each lower order has its plain count, the last
one in the order of lmplz (by last words, in order of first appearance).

The n-grams of k words are the nodes of level k of a trie. They are sorted by their parent, the node
of their first k - 1 words, and then by their last word, so the children of a node are neighbours.
Nodes of level 1 are the ids themselves. Shapes: N ids of the text with the begins and the ends of
its lines, V ids of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.encoded import EncodedLines
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, Vocabulary

Arrays = dict[str, NDArray[Any]]
FALLBACK = (0.5, 1.0, 1.5)
"""The discounts if the counts of an order give none, as with few words or made-up text."""

SPECIAL_RANKS = (-3, -2, -1)
"""The places of `<unk>`, `<s>` and `</s>` in the order of lmplz, before those of the words."""


@dataclass(frozen=True, slots=True)
class NgramLevel:
    """The n-grams of k words: the parent, the last word and the count of each, the node of its last
    k - 1 words, and how often it occurs. At level 1 the node is the word. `last` is the last node
    in the order of lmplz, with its plain count; None at the highest level and if it begins a line,
    since those have plain counts anyway."""

    parents: NDArray[np.int32]
    words: NDArray[np.int32]
    counts: NDArray[np.int64]
    shorter: NDArray[np.int32]
    occurrences: NDArray[np.int64]
    last: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Estimates:
    """The estimates of one order.

    `discounted` is the share of each n-gram among its siblings after the discount. `backoff` is for
    each of their parents what the discounts leave to the shorter n-grams, 1 without children.
    """

    discounts: tuple[float, float, float]
    discounted: NDArray[np.float32]
    backoff: NDArray[np.float32]


def with_boundaries(lines: EncodedLines) -> NDArray[np.int32]:
    """The ids of all lines, each with its begin and its end [N]."""
    text: NDArray[np.int32] = np.insert(lines.targets, lines.starts, BEGIN_ID)
    return text


def count_levels(lines: EncodedLines, vocabulary: Vocabulary, order: int) -> Iterator[NgramLevel]:
    """The levels 1 to `order`, with the counts of Kneser and Ney.

    The count of an n-gram is its number of occurrences at the highest level and if it begins a
    line, else the number of different words before it.
    """
    text, total = with_boundaries(lines), vocabulary.total_words
    is_begin = text == BEGIN_ID
    occurrences = np.bincount(text, minlength=total)
    counts = occurrences.copy()
    counts[BEGIN_ID] = 0
    ids, none = np.arange(total, dtype=np.int32), np.zeros(total, np.int32)
    level = NgramLevel(none, ids, counts, none, occurrences)
    nodes = text  # [N]: the node of the n-gram that ends here, -1 if the line is too short
    last = LmplzLastNgram(text, vocabulary)
    for _ in range(1, order):
        before = np.concatenate((np.array([-1], np.int32), nodes[:-1]))
        before[is_begin] = -1
        ends = np.flatnonzero(before >= 0)
        longer, node_of = _level(before[ends], text[ends], nodes[ends], total)
        # The words before an n-gram: one for each longer n-gram that ends in it.
        counts = counts_below(longer, None, level)
        yield replace(level, counts=counts, last=last.node_and_count(nodes))
        last.lengthen()
        level = longer
        nodes = np.full(len(text), -1, np.int32)
        nodes[ends] = node_of
    yield level


class LmplzLastNgram:
    """The n-gram that is last in the order of lmplz: first a word, then one word longer a time."""

    def __init__(self, text: NDArray[np.int32], vocabulary: Vocabulary) -> None:
        """`text` as `with_boundaries` gives it."""
        self._text = text
        self._ranks = np.full(vocabulary.total_words, -1)
        ids, firsts = np.unique(text, return_index=True)
        self._ranks[ids] = firsts
        self._ranks[1 : vocabulary.first_word_id] = SPECIAL_RANKS
        self._length = 0
        self._ends = np.arange(len(text))
        self.lengthen()

    def lengthen(self) -> None:
        """Adds the last one of the words before it in front; nothing is left at a begin of line."""
        places = self._ends - self._length
        if len(places):
            ranks = self._ranks[self._text[places]]
            self._ends = (
                self._ends[ranks == ranks.max()] if ranks.max() != SPECIAL_RANKS[1] else places[:0]
            )
        self._length += 1

    def node_and_count(self, nodes: NDArray[np.int32]) -> tuple[int, int] | None:
        """Its node and its number of occurrences, None if there is no such n-gram. `nodes` are the
        nodes that end at each place."""
        return (int(nodes[self._ends[0]]), len(self._ends)) if len(self._ends) else None


def counts_below(
    longer: NgramLevel, added: NDArray[np.int64] | None, level: NgramLevel
) -> NDArray[np.int64]:
    """The counts of a level below the highest: the sum of what each of the `longer` n-grams that
    end in an n-gram adds to it, 1 by default, or how often it begins a line."""
    sums = np.bincount(longer.shorter, added, len(level.words)).astype(np.int64)
    return np.where(sums > 0, sums, level.counts)


def _level(
    before: NDArray[np.int32],
    words: NDArray[np.int32],
    shorter: NDArray[np.int32],
    total: int,
) -> tuple[NgramLevel, NDArray[np.int32]]:
    """The level of the n-grams that end in `words` and whose parents are `before`, as they occur in
    the text, and the node of each place. `shorter` are the nodes of their last words."""
    keys = before.astype(np.int64) * total + words
    order = np.argsort(keys)
    keys = keys[order]
    is_first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    nodes = np.empty(len(keys), np.int32)
    nodes[order] = np.cumsum(is_first) - 1
    firsts = np.flatnonzero(is_first)
    parents, last = np.divmod(keys[firsts], total)
    counts = np.diff(firsts, append=len(keys))
    found, ends = parents.astype(np.int32), last.astype(np.int32)
    return NgramLevel(found, ends, counts, shorter[order[firsts]], counts), nodes


def discounts_of(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """What is subtracted from a count of 1, of 2 and of 3 or more; `FALLBACK` if it makes no sense.

    Source: Chen and Goodman, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in range(1, 5))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if all(0 <= d <= i for i, d in enumerate(found, start=1)) else FALLBACK


def estimate(level: NgramLevel, parents: int) -> Estimates:
    """The estimates of a level whose nodes have `parents` nodes above them."""
    counted = level.counts
    if level.last is not None:
        node, plain = level.last
        counted = counted.copy()
        counted[node] = plain
    discounts = discounts_of(counted)
    steps = np.array([0.0, *discounts])[np.minimum(level.counts, 3)]
    totals = np.bincount(level.parents, weights=level.counts, minlength=parents)
    freed = np.bincount(level.parents, weights=steps, minlength=parents)
    backoff = np.divide(freed, totals, out=np.ones(parents), where=totals > 0)
    discounted = (level.counts - steps) / np.maximum(totals, 1)[level.parents]
    return Estimates(discounts, discounted.astype(np.float32), backoff.astype(np.float32))


def unigram_probabilities(level: NgramLevel, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """The probability of each id after nothing [V], from the level of the words alone."""
    alone = estimate(level, 1)
    predicted = np.ones(vocabulary.total_words)
    predicted[[PADDING, BEGIN_ID]] = 0
    # All ids that are predicted share what the discounts leave.
    rest: NDArray[np.float64] = alone.backoff[0] * predicted / predicted.sum()
    return (alone.discounted + rest).astype(np.float32)


def level_arrays(levels: Iterable[NgramLevel], vocabulary: Vocabulary) -> Iterator[Arrays]:
    """The arrays of an n-gram model as `NgramModel` reads them, one level at a time."""
    above = 1
    for k, level in enumerate(levels, start=1):
        if k == 1:
            yield {"probability.1": unigram_probabilities(level, vocabulary)}
        else:
            part = estimate(level, above)
            yield trie_arrays(k, level.parents, level.words, part.discounted, part.backoff)
        above = len(level.words)


def trie_arrays(
    k: int,
    parents: NDArray[np.int32],
    words: NDArray[np.int32],
    shares: NDArray[np.float32],
    backoff: NDArray[np.float32],
) -> Arrays:
    """The arrays of level k, with the backoff weights of the level above."""
    children = np.bincount(parents, minlength=len(backoff))
    return {
        f"backoff.{k - 1}": backoff,
        f"children.{k}": np.concatenate(([0], np.cumsum(children))).astype(np.int32),
        f"word.{k}": words,
        f"probability.{k}": shares,
    }
