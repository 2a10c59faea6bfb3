"""Counts the n-grams of a text, and estimates their shares by interpolated modified Kneser-Ney
smoothing.

Source: S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
modeling", 1999, as computed by K. Heafield's lmplz with --discount_fallback:

- Below the highest order, the count of an n-gram is the number of distinct words before it.
- The start of a line is never predicted.
- Unigrams are interpolated with the uniform distribution, `<unk>` and `</s>` included.

The n-grams of k words are the nodes of level k of a trie. The parent of a node is the node of its
first k - 1 words. A level is sorted by parent and then by last word, so the children of a node are
adjacent. The nodes of level 1 are the ids.

Shapes: N ids of the text with starts and ends of lines, V ids of the vocabulary, n n-grams of a
level.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.ngram import BOUNDS
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.vocabulary import BEGIN_ID, PADDING

Ids = NDArray[np.integer[Any]]
Discounts = tuple[float, float, float]
"""The discounts of a count of 1, of 2, and of 3 or more."""
FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""The discounts if the counts of an order determine none, as with few words or artificial text."""
MOST_COUNTED = 20_000_000
"""The most words and ends of lines in which n-grams are counted. Of a larger text every n-th line
is counted."""
NO_NODE = -1
"""The node where a line has too few words before a position."""


class NgramLevel(NamedTuple):
    """The n-grams of k words, one an entry of the arrays [n]. At level 1 there is an entry for each
    id [V]."""

    above: int
    """The number of nodes of the level above. It is 0 at level 1, where all have one parent."""
    parents: Ids
    words: Ids
    """The last words of the n-grams."""
    counts: Ids
    """The counts that smoothing uses."""


def sampling_step(targets: int) -> int:
    """The n for which every n-th line of a text with so many words and ends of lines is counted."""
    return max(1, -(-targets // MOST_COUNTED))


def ngram_arrays(
    lines: EncodedLines, total_words: int, order: int
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the arrays of the model of these lines, one length of n-grams at a time."""
    step = sampling_step(len(lines.targets))
    if step > 1:
        is_counted = np.arange(len(lines)) % step == 0
        lengths = np.diff(lines.starts)
        lines = EncodedLines(lines.ids[np.repeat(is_counted, lengths)], lengths[is_counted])
    for k, level in enumerate(count_levels(lines, total_words, order), start=1):
        shares = shares_of(level, discounts_of(level.counts))
        part: dict[str, NDArray[Any]] = {
            f"share.{k}": np.searchsorted(BOUNDS, shares).astype(np.uint8)
        }
        if k > 1:
            word_type = np.uint16 if total_words <= 1 << 16 else np.uint32
            part[f"word.{k}"] = level.words.astype(word_type)
            ends = np.cumsum(np.bincount(level.parents, minlength=level.above))
            part[f"children.{k}"] = np.append(0, ends).astype(np.int32)
        yield part


def count_levels(lines: EncodedLines, total_words: int, order: int) -> Iterator[NgramLevel]:
    """Yields the levels 1 to `order` of the n-grams of these lines, with starts and ends of lines.
    At the highest level, and for an n-gram that begins a line, the count is the number of its
    occurrences. For others it is the number of distinct words before it."""
    begins = lines.starts[:-1] + np.arange(len(lines))  # each line before has an end in `targets`
    text = np.insert(lines.targets, begins, BEGIN_ID)  # [N]
    nodes = text.astype(np.int32)  # of the n-gram that ends at each position
    ids = np.arange(total_words, dtype=np.int32)
    counts = np.bincount(text, minlength=total_words).astype(np.int32)
    counts[BEGIN_ID] = 0
    level = NgramLevel(0, np.zeros_like(ids), ids, counts)
    for _ in range(1, order):
        # The positions at which an n-gram of the next level ends, in the order of these n-grams.
        ends = 1 + np.flatnonzero((nodes[:-1] != NO_NODE) & (text[1:] != BEGIN_ID))
        keys = nodes[ends - 1].astype(np.int64) * total_words + text[ends]
        # np.unique takes as long and twice the memory: 150 bytes a word.
        by_key = np.argsort(keys, kind="stable")
        ends = ends[by_key].astype(np.int32)
        is_first = np.diff(keys[by_key], prepend=NO_NODE) != 0
        firsts = np.flatnonzero(is_first).astype(np.int32)
        counts = np.diff(firsts, append=len(ends)).astype(np.int32)
        first_ends = ends[firsts]
        # An n-gram has another word before it in each longer n-gram that ends in it.
        before = np.bincount(nodes[first_ends], minlength=len(level.words)).astype(np.int32)
        yield level._replace(counts=np.where(before > 0, before, level.counts))
        level = NgramLevel(len(level.words), nodes[first_ends - 1], text[first_ends], counts)
        nodes = np.full_like(nodes, NO_NODE)  # now of the next level
        nodes[ends] = np.cumsum(is_first, dtype=np.int32) - 1
    yield level


def discounts_of(counts: Ids) -> Discounts:
    """The discounts for the counts of a level, or `FALLBACK` if they are out of range.

    Source: Chen and Goodman, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in range(1, 5))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return discounts if all(0 <= d <= i for i, d in enumerate(discounts, start=1)) else FALLBACK


def shares_of(level: NgramLevel, discounts: Discounts) -> NDArray[np.float32]:
    """The share of each n-gram among its siblings [n]. What the discounts take away belongs to the
    shorter n-grams. At level 1 it is spread evenly over all ids that are predicted."""
    shares = level.counts.astype(np.float32)
    shares -= np.array([0, *discounts], np.float32)[np.minimum(level.counts, 3)]
    totals = np.bincount(level.parents, level.counts, level.above).astype(np.float32)
    shares /= np.maximum(totals, 1)[level.parents]
    if not level.above and len(shares):  # level 1; a level below an empty one has no shares
        predicted = np.ones_like(shares)
        predicted[[PADDING, BEGIN_ID]] = 0
        shares += (1 - shares.sum()) * predicted / predicted.sum()
    return shares
