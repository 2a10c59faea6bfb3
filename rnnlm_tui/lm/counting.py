"""Counts the n-grams of a text, as the levels of a trie.

The n-grams of k words are the nodes of level k, sorted by their parent, the node of the first k - 1
words, and then by the last word, so the children of a node are adjacent. Nodes of level 1 are the
ids. To count a level, the pairs of parent node and word at each position of the text are sorted. A
large text is sorted in chunks of positions whose parent nodes are in some range, so that chunks are
merged by concatenation; the arrays with a number per position are then in files.

Shapes: N ids of the text with starts and ends of lines, V ids of the vocabulary.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import SLICE, ArrayWriter, check_space, count_ids, scratch_array, slices
from rnnlm_tui.text.examples import EncodedLines
from rnnlm_tui.text.vocabulary import BEGIN_ID, Vocabulary

SPECIAL_RANKS = (-3, -2, -1)
"""The ranks of `<unk>`, `<s>` and `</s>` in lmplz's order, before all words."""
CHUNK = 1 << 23
"""Positions sorted at once, which takes 0.5 GB."""
TOO_SHORT, LEFT_OUT = -1, -2
"""In place of a node: the line has too few words before this position, or the n-gram that ends here
is left out."""
FEWEST_WORDS_LEFT_OUT = 3
"""Shorter n-grams are never left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Counts of the n-grams of a level that occur once and are left out: of all, of the children of
    each parent, and of those that end in each node of the level above."""

    count: int
    of_parents: NDArray[np.int32]
    before: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NgramLevel:
    """The n-grams of k words: for each its parent, last word and Kneser-Ney count, the node
    `shorter` of its last k - 1 words, and its number of occurrences. At level 1 nodes are words.
    `last` is the last node in lmplz's order and its plain count; None if counts are plain anyway,
    at the highest level and if it begins a line."""

    parents: NDArray[np.int32]
    words: NDArray[np.int32]
    counts: NDArray[np.int32]
    shorter: NDArray[np.int32]
    occurrences: NDArray[np.int32]
    last: tuple[int, int] | None = None
    left_out: LeftOut | None = None


def count_levels(
    lines: EncodedLines,
    vocabulary: Vocabulary,
    order: int,
    *,
    leaves_out: bool = False,
    chunk: int = CHUNK,
) -> Generator[NgramLevel, None, None]:
    """Yields the levels 1 to `order` with Kneser-Ney counts.

    The count of an n-gram is its number of occurrences at the highest level and if it begins a
    line, else the number of distinct words before it. With `leaves_out`, n-grams of three words or
    more that occur once are only counted, in `left_out`. `chunk` positions are sorted at once.
    Raises StorageError if there is no space for the files of a large text.
    """
    places = TextPositions(lines, vocabulary.total_words, chunk)
    try:
        yield from _levels(places, LmplzLastNgram(places.text, vocabulary), order, leaves_out)
    finally:
        places.remove()


def _levels(
    places: TextPositions, last: LmplzLastNgram, order: int, leaves_out: bool
) -> Iterator[NgramLevel]:
    total = places.total
    occurrences = count_ids(places.text, total).astype(np.int32)
    counts = occurrences.copy()
    counts[BEGIN_ID] = 0
    ids, none = np.arange(total, dtype=np.int32), np.zeros(total, np.int32)
    level = NgramLevel(none, ids, counts, none, occurrences)
    for k in range(2, order + 1):
        at_last = last.node_and_count(places.nodes)
        longer = places.next_level(len(level.words), leaves_out and k >= FEWEST_WORDS_LEFT_OUT)
        # Each longer n-gram that ends in an n-gram is a distinct word before it.
        yield replace(level, counts=counts_below(longer, None, level), last=at_last)
        last.lengthen()
        level = longer
    yield level


def counts_below(
    longer: NgramLevel, added: NDArray[np.integer[Any]] | None, level: NgramLevel
) -> NDArray[np.int32]:
    """The counts of a level below the highest: the sum of what is `added`, 1 by default, by the
    `longer` n-grams that end in each n-gram, or its own count if there is none."""
    sums = np.bincount(longer.shorter, added, len(level.words))
    if longer.left_out is not None:
        sums = sums + longer.left_out.before
    return np.where(sums > 0, sums, level.counts).astype(np.int32)


class TextPositions:
    """The positions of a text with starts and ends of lines, and the node of the n-gram that ends
    at each: at first the word itself, one word longer after each `next_level`."""

    def __init__(self, lines: EncodedLines, total: int, chunk: int) -> None:
        """`total` is the number of ids of the vocabulary. Raises StorageError."""
        self.total, self._chunk, self._files = total, chunk, list[Path]()
        folder, length = lines.folder, len(lines.targets) + len(lines)
        if folder is not None:
            begin = f".counting-{os.getpid()}"
            self._files = [folder / f"{begin}-{name}.tmp" for name in ("text", "even", "odd")]
            check_space(folder, length * (lines.targets.itemsize + 8))
        self.text = _insert_starts(lines, self._files[0] if self._files else None)
        self.nodes = self.text  # [N]
        self._spare: list[NDArray[Any]] = []

    def remove(self) -> None:
        """Removes the files, as far as mapped files can be removed."""
        for path in self._files:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def next_level(self, above: int, leaves_out: bool) -> NgramLevel:
        """The n-grams with one more word. `above` is the number of nodes of the current level."""
        longer = self._array_for_nodes()
        left_before = np.zeros(above, np.int32)
        left_count = 0
        for part in slices(len(self.text)):
            before = self._before(part)
            is_left = before == LEFT_OUT
            left_count += int(np.count_nonzero(is_left))
            shorter = self.nodes[part][is_left]
            left_before += np.bincount(shorter[shorter >= 0], minlength=above).astype(np.int32)
            longer[part] = np.where(is_left, LEFT_OUT, TOO_SHORT)
        left_of = np.zeros(above, np.int32)
        ranges = list[NgramLevel]()
        first = 0
        for low, high in self._ranges(above):
            level, dropped = self._count_range(low, high, first, longer, leaves_out)
            ranges.append(level)
            first += len(level.words)
            if leaves_out:
                left_count += len(dropped.parents)
                left_of += np.bincount(dropped.parents, minlength=above).astype(np.int32)
                ends = dropped.shorter[dropped.shorter >= 0]
                left_before += np.bincount(ends, minlength=above).astype(np.int32)
        self.nodes = longer
        left_out = LeftOut(left_count, left_of, left_before) if leaves_out else None
        return _concatenate(ranges, left_out)

    def _array_for_nodes(self) -> NDArray[Any]:
        """An array for the nodes of the next level. Two arrays are used in turn."""
        if len(self._spare) < 2:
            length = len(self.text)
            if self._files:
                path = self._files[1 + len(self._spare)]
                self._spare.append(scratch_array(path, np.int32, length))
            else:
                self._spare.append(np.empty(length, np.int32))
            return self._spare[-1]
        return next(array for array in self._spare if array is not self.nodes)

    def _before(self, part: slice) -> NDArray[Any]:
        """The parent nodes for some positions, those that end just before; a start of line has
        none."""
        nodes = self.nodes[max(0, part.start - 1) : part.stop - 1].astype(np.int32)
        if part.start == 0:
            nodes = np.concatenate((np.array([TOO_SHORT], np.int32), nodes))
        nodes[self.text[part] == BEGIN_ID] = TOO_SHORT
        return nodes

    def _ranges(self, above: int) -> Iterator[tuple[int, int]]:
        """Ranges of parent nodes with at most `chunk` positions each, or with a single node."""
        if len(self.text) <= self._chunk or above == 0:
            yield 0, above
            return
        counts = np.zeros(above, np.int64)
        for part in slices(len(self.text)):
            before = self._before(part)
            counts += np.bincount(before[before >= 0], minlength=above)
        ends, low = np.cumsum(counts), 0
        while low < above:
            done = int(ends[low - 1]) if low else 0
            high = max(low + 1, int(np.searchsorted(ends, done + self._chunk, side="right")))
            yield low, high
            low = high

    def _count_range(
        self, low: int, high: int, first: int, longer: NDArray[Any], leaves_out: bool
    ) -> tuple[NgramLevel, NgramLevel]:
        """The n-grams whose parents are in a range, kept ones and left-out ones. The nodes of kept
        ones, numbered from `first` on, are written to `longer`."""
        ends, before = self._places_after(low, high)
        keys = before.astype(np.int64) * self.total + self.text[ends]
        order = np.argsort(keys)
        keys = keys[order]
        is_first = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
        firsts = np.flatnonzero(is_first)
        parents, words = np.divmod(keys[firsts], self.total)
        counts = np.diff(firsts, append=len(keys)).astype(np.int32)
        shorter = self.nodes[ends[order[firsts]]]
        is_kept = counts > 1 if leaves_out else np.ones(len(firsts), bool)
        node_of = np.where(is_kept, first + np.cumsum(is_kept) - 1, LEFT_OUT).astype(np.int32)
        nodes = np.empty(len(keys), np.int32)
        nodes[order] = node_of[np.cumsum(is_first) - 1]
        longer[ends] = nodes
        kept, dropped = (
            NgramLevel(
                parents[some].astype(np.int32),
                words[some].astype(np.int32),
                counts[some],
                shorter[some].astype(np.int32),
                counts[some],
            )
            for some in (is_kept, ~is_kept)
        )
        return kept, dropped

    def _places_after(self, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The positions whose parent nodes are in a range, and those nodes."""
        places, nodes = list[NDArray[np.int64]](), list[NDArray[Any]]()
        for part in slices(len(self.text)):
            before = self._before(part)
            matches = np.flatnonzero((before >= low) & (before < high))
            places.append(matches + part.start)
            nodes.append(before[matches])
        return np.concatenate(places), np.concatenate(nodes)


def _insert_starts(lines: EncodedLines, path: Path | None) -> NDArray[Any]:
    """The ids of all lines with their starts and ends [N]."""
    targets, starts = lines.targets, lines.starts
    writer = ArrayWriter(path, targets.dtype)
    edges = np.searchsorted(starts, np.arange(0, len(targets), SLICE))
    for low, high in pairwise([*dict.fromkeys(edges.tolist()), len(starts)]):
        begin = int(starts[low])
        end = int(starts[high]) if high < len(starts) else len(targets)
        writer.append(np.insert(targets[begin:end], starts[low:high] - begin, BEGIN_ID))
    return writer.finish()


def _concatenate(parts: list[NgramLevel], left_out: LeftOut | None) -> NgramLevel:
    parents, words, counts, shorter = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("parents", "words", "counts", "shorter")
    )
    return NgramLevel(parents, words, counts, shorter, counts, left_out=left_out)


class LmplzLastNgram:
    """The last n-gram in lmplz's order: at first of one word, one word longer after `lengthen`."""

    def __init__(self, text: NDArray[Any], vocabulary: Vocabulary) -> None:
        """`text` includes starts and ends of lines."""
        self._text = text
        self._ranks = np.full(vocabulary.total_words, -1)
        is_there = np.zeros(vocabulary.total_words, bool)
        for part in slices(len(text)):
            ids, firsts = np.unique(text[part], return_index=True)
            new = ~is_there[ids]
            self._ranks[ids[new]] = firsts[new] + part.start
            is_there[ids] = True
        self._ranks[1 : vocabulary.first_word_id] = SPECIAL_RANKS
        last = int(np.argmax(np.where(is_there, self._ranks, min(SPECIAL_RANKS) - 1)))
        ends = [np.flatnonzero(text[part] == last) + part.start for part in slices(len(text))]
        self._ends = np.concatenate([np.empty(0, np.int64), *ends])
        self._length = 1

    def lengthen(self) -> None:
        """Prepends the last of the words before it. Nothing is left at a start of line."""
        places = self._ends - self._length
        if len(places):
            ranks = self._ranks[self._text[places]]
            self._ends = (
                self._ends[ranks == ranks.max()] if ranks.max() != SPECIAL_RANKS[1] else places[:0]
            )
        self._length += 1

    def node_and_count(self, nodes: NDArray[Any]) -> tuple[int, int] | None:
        """Its node and its number of occurrences; None if there is no such n-gram or it is left
        out. `nodes` are the nodes that end at each position."""
        if not len(self._ends) or nodes[self._ends[0]] < 0:
            return None
        return int(nodes[self._ends[0]]), len(self._ends)
