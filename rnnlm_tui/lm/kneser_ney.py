"""Counts the n-grams of a text, and computes their shares by interpolated modified Kneser-Ney
smoothing. The share of an n-gram is the probability of its last word after the words before.

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
from itertools import pairwise
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
"""The discounts for a level whose counts give none, as in a small or an artificial text."""
MOST_COUNTED = 20_000_000
"""The most words and ends of lines in which n-grams are counted. In a larger text only every n-th
line is counted."""
SORTED_AT_ONCE = 1 << 20
"""The number of n-grams of a text that are sorted together. All of 11 million at once take 0.25 GB
more and nearly twice the time."""
NO_NODE = -1
"""Stands for the node of an n-gram that would begin before its line does."""


class NgramLevel(NamedTuple):
    """The n-grams of k words. At level 1 they are the ids, and n is V."""

    family_sizes: Ids
    """The number of children of each node of the level above. Empty at level 1."""
    words: Ids
    """The last word of each n-gram [n]."""
    counts: Ids
    """The count of each n-gram [n] that smoothing uses."""

    def pieces(self) -> Iterator[NgramLevel]:
        """Yields the level in pieces, which take little memory each. The children of a node stay
        together."""
        begin = 0
        for first_parent, end_parent in _ranges(self.family_sizes):
            sizes = self.family_sizes[first_parent:end_parent]
            end = begin + int(sizes.sum())
            yield NgramLevel(sizes, self.words[begin:end], self.counts[begin:end])
            begin = end


def sampling_step(targets: int) -> int:
    """Returns n: every n-th line of a text with `targets` words and ends of lines is counted."""
    return max(1, -(-targets // MOST_COUNTED))


def ngram_arrays(
    lines: EncodedLines, total_words: int, order: int
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the arrays of an `NgramModel` of these lines, level by level."""
    step = sampling_step(len(lines.targets))
    if step > 1:
        is_counted = np.arange(len(lines)) % step == 0
        lengths = np.diff(lines.starts)
        lines = EncodedLines(lines.ids[np.repeat(is_counted, lengths)], lengths[is_counted])
    for k, level in enumerate(count_levels(lines, total_words, order), start=1):
        discounts = discounts_of(level.counts)
        shares = [
            np.searchsorted(BOUNDS, shares_of(piece, discounts)).astype(np.uint8)
            for piece in ([level] if k == 1 else level.pieces())
        ]
        part: dict[str, NDArray[Any]] = {f"share.{k}": np.concatenate(shares)}
        if k > 1:
            word_type = np.uint16 if total_words <= 1 << 16 else np.uint32
            part[f"word.{k}"] = level.words.astype(word_type)
            ends = np.cumsum(level.family_sizes, dtype=np.int32)
            part[f"children.{k}"] = np.append(np.int32(0), ends)
        yield part


def count_levels(lines: EncodedLines, total_words: int, order: int) -> Iterator[NgramLevel]:
    """Yields the levels 1 to `order` of the n-grams of these lines, with starts and ends of lines.
    The count of an n-gram is the number of distinct words before it. At the highest level, and if
    it begins a line, it is the number of its occurrences."""
    begins = lines.starts[:-1] + np.arange(len(lines))  # in `targets`, which has ends of lines
    text = np.insert(lines.targets, begins, BEGIN_ID)  # [N]
    # For each position the node of the n-gram that ends there [N].
    nodes: Ids = text.astype(np.int32)
    ids = np.arange(total_words, dtype=np.int32)
    occurrences: Ids = np.bincount(text, minlength=total_words).astype(np.int32)
    counts = np.where(ids == BEGIN_ID, np.int32(0), occurrences)
    level = NgramLevel(ids[:0], ids, counts)
    for _ in range(1, order):
        size = len(level.words)
        words_before = np.zeros(size, np.int32)  # the number of distinct words before each node
        next_size = 0
        next_nodes = np.full_like(nodes, NO_NODE)
        parts = list[tuple[Ids, Ids, Ids]]()
        for first, end in _ranges(occurrences):
            # The positions where children of these nodes end, sorted by parent and last word.
            is_inside = (nodes[:-1] >= first) & (nodes[:-1] < end) & (text[1:] != BEGIN_ID)
            ends = 1 + np.flatnonzero(is_inside).astype(np.int32)
            keys = (nodes[ends - 1] - first).astype(np.int64) * total_words + text[ends]
            ends = ends[_sort(keys)]
            # Positions with the same key are the occurrences of one child.
            starts = np.flatnonzero(np.diff(keys, prepend=-1)).astype(np.int32)
            counts = np.diff(starts, append=np.int32(len(ends)))
            children = np.arange(next_size, next_size + len(starts), dtype=np.int32)
            next_nodes[ends] = np.repeat(children, counts)
            next_size += len(children)
            first_ends = ends[starts]  # where each child ends first
            family_sizes = np.bincount(nodes[first_ends - 1] - first, minlength=end - first)
            parts.append((family_sizes.astype(np.int32), text[first_ends], counts))
            # Without its first word, a child is a node of this level, too.
            words_before += np.bincount(nodes[first_ends], minlength=size).astype(np.int32)
        np.copyto(words_before, level.counts, where=words_before == 0)  # these begin lines
        yield level._replace(counts=words_before)
        level = NgramLevel(*map(np.concatenate, zip(*parts, strict=True)))
        nodes, occurrences = next_nodes, level.counts
    yield level


def _sort(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorts `keys` in place. Returns the place that each key had before. To sort keys and places as
    one number takes half the time of an argsort."""
    bits = len(keys).bit_length()
    keys <<= bits
    keys |= np.arange(len(keys))
    keys.sort()
    places = keys & ((1 << bits) - 1)
    keys >>= bits
    return places


def _ranges(sizes: Ids) -> Iterator[tuple[int, int]]:
    """Yields ranges of nodes whose `sizes` sum to about SORTED_AT_ONCE: the first node of a range,
    and the node after the last."""
    ends = np.cumsum(sizes, dtype=np.int32)
    cuts = ends.searchsorted(np.arange(SORTED_AT_ONCE, sizes.sum(), SORTED_AT_ONCE)).tolist()
    yield from pairwise([0, *cuts, len(ends)])


def discounts_of(counts: Ids) -> Discounts:
    """Returns the discounts for the counts of a level, or `FALLBACK` if they are out of range.

    Source: Chen and Goodman, equation 26.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in range(1, 5))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return discounts if all(0 <= d <= i for i, d in enumerate(discounts, start=1)) else FALLBACK


def shares_of(level: NgramLevel, discounts: Discounts) -> NDArray[np.float32]:
    """Returns the share of each n-gram among its siblings [n]. The discounts leave a rest to the
    shorter n-grams. At level 1 the rest is spread evenly over all ids that are predicted."""
    shares = level.counts.astype(np.float32)
    shares -= np.array([0, *discounts], np.float32)[np.minimum(level.counts, 3)]
    # Level 1 has no families: all its n-grams are siblings. A level below an empty one has none.
    is_first = len(shares) > 0 and not len(level.family_sizes)
    family_sizes = np.array([len(shares)]) if is_first else level.family_sizes
    sums = np.append(0, np.cumsum(level.counts, dtype=np.int64))
    totals = np.diff(sums[np.append(0, np.cumsum(family_sizes))]).astype(np.float32)
    shares /= np.repeat(np.maximum(totals, 1), family_sizes)
    if is_first:
        predicted = np.ones_like(shares)
        predicted[[PADDING, BEGIN_ID]] = 0
        shares += (1 - shares.sum()) * predicted / predicted.sum()
    return shares
