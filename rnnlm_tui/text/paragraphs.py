"""Detects texts that are wrapped at some column, and joins their paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WRAPPED_FRACTION = 0.8
"""Least share of line breaks within paragraphs explained by the width, for a text to count as
wrapped. Measured: 1.0 in three books wrapped at 72, 0.05 in the same books with a line per
paragraph, 0.29 in the sonnets."""
FEWEST_BREAKS = 10
NARROWEST, WIDEST = 40, 160
"""Columns at which texts are wrapped."""
LONGEST_COUNTED = 1 << 12
"""Longer lines are counted with this length."""


def _no_counts() -> NDArray[np.int64]:
    return np.zeros(LONGEST_COUNTED + 1, np.int64)


@dataclass(slots=True)
class LineBreaks:
    """Histograms over the breaks between two lines with words: the length of the line before the
    break, and the length needed to append the first word of the next line."""

    lengths: NDArray[np.int64] = field(default_factory=_no_counts)
    needed: NDArray[np.int64] = field(default_factory=_no_counts)

    @classmethod
    def within(cls, lines: Iterable[str]) -> LineBreaks:
        breaks = [(len(a.rstrip()), b) for a, b in pairwise(lines) if a.strip() and b.strip()]
        lengths = np.array([length for length, _ in breaks], np.int64)
        first_words = np.array([len(b.split(None, 1)[0]) for _, b in breaks], np.int64)
        return cls(_counts(lengths), _counts(lengths + 1 + first_words))

    def add(self, other: LineBreaks) -> None:
        self.lengths += other.lengths
        self.needed += other.needed

    @property
    def are_wrapped(self) -> bool:
        """Whether most lines end where the first word of the next one would not fit."""
        count = int(self.lengths.sum())
        if count < FEWEST_BREAKS:
            return False
        each = np.repeat(np.arange(LONGEST_COUNTED + 1, dtype=np.int16), self.lengths)
        width = float(np.percentile(each, 95))
        longer = self.needed[np.arange(LONGEST_COUNTED + 1) > width - 1].sum()
        return NARROWEST <= width <= WIDEST and bool(longer / count >= WRAPPED_FRACTION)


def _counts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(np.minimum(lengths, LONGEST_COUNTED), minlength=LONGEST_COUNTED + 1)


def unwrap(lines: Iterable[str]) -> Iterator[str]:
    """One line per paragraph. Empty lines are kept, so joining twice changes nothing."""
    paragraph = list[str]()
    for line in lines:
        if words := line.split():
            paragraph += words
        else:
            if paragraph:
                yield " ".join(paragraph)
            yield ""
            paragraph = []
    if paragraph:
        yield " ".join(paragraph)
