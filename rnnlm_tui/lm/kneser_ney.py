"""Interpolated modified Kneser-Ney estimates from the counts of `counting`.

Source: S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
modeling", 1999, as computed by K. Heafield's lmplz with --discount_fallback: below the highest
order the count of an n-gram is the number of distinct words before it; the start of a line is never
predicted; unigrams are interpolated with the uniform distribution, `<unk>` and `</s>` included. A
quirk of lmplz is reproduced to get the same numbers: in the counts of counts that determine the
discounts, one n-gram of each lower order has its plain count, the last one in lmplz's order (by
last words, in order of first appearance).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.counting import NgramLevel
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, Vocabulary

Arrays = dict[str, NDArray[Any]]
FALLBACK = (0.5, 1.0, 1.5)
"""The discounts if the counts of an order determine none, as with few words or artificial text."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """The estimates of one order.

    `discounted` is the share of each n-gram among its siblings after discounting. `backoff` is for
    each parent the share left to the shorter n-grams, 1 for a parent without children.
    """

    discounts: tuple[float, float, float]
    discounted: NDArray[np.float32]
    backoff: NDArray[np.float32]


def discounts_of(
    counts: NDArray[np.integer[Any]], further_ones: int = 0
) -> tuple[float, float, float]:
    """The discounts of a count of 1, of 2 and of 3 or more; `FALLBACK` if they are out of range.
    `further_ones` is the number of counts of 1 that are not in `counts`.

    Source: Chen and Goodman, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in range(1, 5))
    n1 += further_ones
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if all(0 <= d <= i for i, d in enumerate(found, start=1)) else FALLBACK


def estimate(level: NgramLevel, parents: int) -> Estimates:
    """The estimates of a level; `parents` is the number of nodes of the level above."""
    counted = level.counts
    if level.last is not None:
        node, plain = level.last
        counted = counted.copy()
        counted[node] = plain
    left_out = level.left_out
    discounts = discounts_of(counted, left_out.count if left_out else 0)
    steps = np.array([0.0, *discounts])[np.minimum(level.counts, 3)]
    totals = np.bincount(level.parents, weights=level.counts, minlength=parents)
    freed = np.bincount(level.parents, weights=steps, minlength=parents)
    if left_out is not None:  # each has a count of 1, all left to the shorter n-grams
        totals += left_out.of_parents
        freed += left_out.of_parents
    backoff = np.divide(freed, totals, out=np.ones(parents), where=totals > 0)
    discounted = (level.counts - steps) / np.maximum(totals, 1)[level.parents]
    return Estimates(discounts, discounted.astype(np.float32), backoff.astype(np.float32))


def unigram_probabilities(level: NgramLevel, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """The unigram probability of each id [V], from level 1."""
    alone = estimate(level, 1)
    predicted = np.ones(vocabulary.total_words)
    predicted[[PADDING, BEGIN_ID]] = 0
    # What the discounts leave is spread evenly over all ids that are predicted.
    rest: NDArray[np.float64] = alone.backoff[0] * predicted / predicted.sum()
    return (alone.discounted + rest).astype(np.float32)


def level_arrays(levels: Iterable[NgramLevel], vocabulary: Vocabulary) -> Iterator[Arrays]:
    """Yields the arrays of an `NgramModel`, one level at a time."""
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
    """The arrays of level k and the backoff weights of the level above."""
    children = np.bincount(parents, minlength=len(backoff))
    return {
        f"backoff.{k - 1}": backoff,
        f"children.{k}": np.concatenate(([0], np.cumsum(children))).astype(np.int32),
        f"word.{k}": words,
        f"probability.{k}": shares,
    }
