"""Counts the n-grams of a text, and estimates their shares by interpolated modified Kneser-Ney
smoothing.

Source: S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
modeling", 1999, as computed by K. Heafield's lmplz with --discount_fallback: below the highest
order the count of an n-gram is the number of distinct words before it; the start of a line is never
predicted; unigrams are interpolated with the uniform distribution, `<unk>` and `</s>` included.

The n-grams of k words are the nodes of level k of a trie, sorted by their parent, the node of the
first k - 1 words, and then by the last word, so the children of a node are adjacent. Nodes of level
1 are the ids.

Shapes: N ids of the text with starts and ends of lines, V ids of the vocabulary, n n-grams of a
level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING

Ids = NDArray[np.integer[Any]]
Discounts = tuple[float, float, float]
FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""The discounts if the counts of an order determine none, as with few words or artificial text."""
NO_NODE = -1
"""In place of a node: the line has too few words before this position."""


@dataclass(frozen=True, slots=True)
class NgramLevel:
    """The n-grams of k words [n]: for each its parent, its last word, and its count, as smoothing
    takes it. `above` is the number of nodes of the level above. At level 1 there is one parent, and
    an entry for each id [V]."""

    above: int
    parents: NDArray[np.int32]
    words: Ids
    counts: NDArray[np.int32]


def count_levels(lines: EncodedLines, total_words: int, order: int) -> Iterator[NgramLevel]:
    """Yields the levels 1 to `order` of the n-grams of these lines, with starts and ends of lines.

    The count of an n-gram is its number of occurrences at the highest level and if it begins a
    line, else the number of distinct words before it.
    """
    begins = lines.starts[:-1] + np.arange(len(lines))  # each line before it has an end
    text = np.insert(lines.targets, begins, BEGIN_ID)  # [N]
    nodes = text.astype(np.int32)  # of the n-gram that ends at each position
    ids = np.arange(total_words, dtype=np.int32)
    counts = np.bincount(text, minlength=total_words).astype(np.int32)
    counts[BEGIN_ID] = 0
    level = NgramLevel(1, np.zeros_like(ids), ids, counts)
    for _ in range(1, order):
        longer, shorter, nodes = _lengthen(text, nodes, len(level.words), total_words)
        # Each longer n-gram that ends in an n-gram is a distinct word before it.
        before = np.bincount(shorter, minlength=len(level.words)).astype(np.int32)
        yield replace(level, counts=np.where(before > 0, before, level.counts))
        level = longer
    yield level


def _lengthen(
    text: Ids, nodes: NDArray[np.int32], above: int, total_words: int
) -> tuple[NgramLevel, NDArray[np.int32], NDArray[np.int32]]:
    """The n-grams with one word more, the node of the n-gram that each ends in, and the nodes of
    the longer n-grams that end at each position [N]. Takes 60 bytes a position at most."""
    keys = np.full(len(text), NO_NODE, np.int64)
    np.multiply(nodes[:-1], total_words, out=keys[1:], dtype=np.int64)
    keys[1:] += text[1:]
    keys[1:][(nodes[:-1] == NO_NODE) | (text[1:] == BEGIN_ID)] = NO_NODE
    # Of 10 million numbers the stable sort takes 1.6 s, the default one 2.6 s.
    none = np.count_nonzero(keys == NO_NODE)
    order = np.argsort(keys, kind="stable")[none:].astype(np.int32)
    keys = keys[order]
    is_first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    del keys
    longer = np.full(len(text), NO_NODE, np.int32)
    longer[order] = np.cumsum(is_first, dtype=np.int32) - 1
    firsts = np.flatnonzero(is_first).astype(np.int32)
    counts, ends = np.diff(firsts, append=len(order)).astype(np.int32), order[firsts]
    return NgramLevel(above, nodes[ends - 1], text[ends], counts), nodes[ends], longer


def discounts_of(counts: Ids) -> Discounts:
    """The discounts of a count of 1, of 2 and of 3 or more; `FALLBACK` if they are out of range.

    Source: Chen and Goodman, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in range(1, 5))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return discounts if all(0 <= d <= i for i, d in enumerate(discounts, start=1)) else FALLBACK


def shares_of(level: NgramLevel, discounts: Discounts | None = None) -> NDArray[np.float32]:
    """The share of each n-gram among its siblings [n]. What the discounts, by default those of the
    counts, leave belongs to the shorter n-grams."""
    steps = np.array([0, *(discounts or discounts_of(level.counts))], np.float32)
    shares = level.counts.astype(np.float32)
    shares -= steps[np.minimum(level.counts, 3)]
    totals = np.bincount(level.parents, level.counts, level.above).astype(np.float32)
    shares /= np.maximum(totals, 1)[level.parents]
    return shares


def unigram_shares(level: NgramLevel, discounts: Discounts | None = None) -> NDArray[np.float32]:
    """The probability of each id [V], from level 1. What the discounts leave is spread evenly over
    all ids that are predicted."""
    shares = shares_of(level, discounts)
    predicted = np.ones_like(shares)
    predicted[[PADDING, BEGIN_ID]] = 0
    shares += (1 - shares.sum()) * predicted / predicted.sum()
    return shares
