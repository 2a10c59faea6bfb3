"""Interpolated modified Kneser-Ney estimates from the counts of `counting`, whole or pruned.

Source: S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
modeling", 1999, as computed by K. Heafield's lmplz with --discount_fallback: below the highest
order the count of an n-gram is the number of distinct words before it; the start of a line is never
predicted; unigrams are interpolated with the uniform distribution, `<unk>` and `</s>` included. A
quirk of lmplz is reproduced to get the same numbers: in the counts of counts that determine the
discounts, one n-gram of each lower order has its plain count, the last one in lmplz's order (by
last words, in order of first appearance).

A model may be pruned to its most important n-grams. The importance of an n-gram is the relative
entropy between the full model and the model without it: the frequency of its context times the
divergence of the two distributions after it. An n-gram is at least as important as any longer one
that it begins, so the kept n-grams form a trie.

Pruning a longer n-gram shifts its occurrences to the shorter one: they all add to its count, while
a kept n-gram adds one. Then discounts and shares are estimated again.

Sources: A. Stolcke, "Entropy-based pruning of backoff language models", 1998, with the frequency of
a context in place of its Kneser-Ney estimate, as advised by C. Chelba and others, "Study on
interaction between entropy pruning and Kneser-Ney smoothing", 2010; for the counts V. Siivola,
T. Hirsimaki and S. Virpioja, "On growing and pruning Kneser-Ney smoothed n-gram models", 2007.
Levels, nodes and shapes are those of `counting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.counting import NgramLevel, counts_below
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING, Vocabulary

Arrays = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]
FALLBACK = (0.5, 1.0, 1.5)
"""The discounts if the counts of an order determine none, as with few words or artificial text."""
TINY = 1e-12
"""Lower bound of probabilities in logarithms."""


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
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return discounts if all(0 <= d <= i for i, d in enumerate(discounts, start=1)) else FALLBACK


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


def pruned_arrays(
    levels: Sequence[NgramLevel], vocabulary: Vocabulary, most: int
) -> Iterator[Arrays]:
    """Yields the arrays of the `NgramModel` of the `most` important n-grams of two or more words,
    one level at a time."""
    kept = _most_important(importances(levels, vocabulary), levels, most)
    levels = _recount(levels, kept)
    yield {"probability.1": unigram_probabilities(levels[0], vocabulary)}
    new_nodes = np.arange(len(levels[0].words), dtype=np.int32)
    above = np.ones(len(new_nodes), bool)
    for k, (level, mask) in enumerate(zip(levels[1:], kept[1:], strict=True), start=2):
        part = estimate(level, len(above))
        # The shares of pruned n-grams go to the shorter context.
        freed = np.bincount(level.parents[~mask], part.discounted[~mask], len(above))
        backoff = np.minimum(part.backoff + freed, 1).astype(np.float32)[above]
        parents = new_nodes[level.parents[mask]]
        yield trie_arrays(k, parents, level.words[mask], part.discounted[mask], backoff)
        new_nodes = (np.cumsum(mask) - 1).astype(np.int32)
        above = mask


def importances(levels: Sequence[NgramLevel], vocabulary: Vocabulary) -> list[NDArray[np.float32]]:
    """The importance of each n-gram of the levels from 2 on, in nats per word of the text."""
    shorter = unigram_probabilities(levels[0], vocabulary)
    words = levels[0].occurrences.sum()
    of_levels = []
    for above, level in pairwise(levels):
        contexts, part = level.parents, estimate(level, len(above.words))
        # p(w | h) and p(w | h without its first word) of each n-gram h w.
        low = np.maximum(shorter[level.shorter], TINY)
        p = part.discounted + part.backoff[contexts] * low
        # The probability of all words without an n-gram after h, by the shorter context and by h.
        unlisted = np.maximum(1 - np.bincount(contexts, low, len(above.words)), TINY)
        left = part.backoff * unlisted
        backoff = (left[contexts] + p) / (unlisted[contexts] + low)
        rise = np.log(backoff / np.maximum(part.backoff, TINY)[contexts])
        change = p * np.log(np.maximum(p, TINY) / (backoff * low)) - left[contexts] * rise
        of_levels.append((above.occurrences[contexts] / words * change).astype(np.float32))
        shorter = p.astype(np.float32)
    return of_levels


def _most_important(
    of_levels: list[NDArray[np.float32]], levels: Sequence[NgramLevel], most: int
) -> list[Mask]:
    """Masks of the `most` important n-grams of each level; all unigrams are kept. Ties go to the
    shorter n-gram, so none loses its parent."""
    for above, importance, level in zip(
        of_levels[-2::-1], of_levels[:0:-1], levels[:1:-1], strict=True
    ):
        np.maximum.at(above, level.parents, importance)
    together = np.concatenate(of_levels)
    best = np.argsort(-together, kind="stable")[:most]
    mask = np.zeros(len(together), bool)
    mask[best] = True
    ends = np.cumsum([len(importance) for importance in of_levels])[:-1]
    return [np.ones(len(levels[0].words), bool), *np.split(mask, ends)]


def _recount(levels: Sequence[NgramLevel], kept: Sequence[Mask]) -> list[NgramLevel]:
    """The levels with the counts of the pruned model."""
    longer = replace(levels[-1], last=None)
    recounted = [longer]
    for level, mask in zip(levels[-2::-1], kept[:0:-1], strict=True):
        counts = counts_below(longer, np.where(mask, 1, longer.counts), level)
        longer = replace(level, counts=counts, last=None)
        recounted.insert(0, longer)
    return recounted
