"""Detects texts that are wrapped at some column, and joins their paragraphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

WRAPPED_FRACTION = 0.8
"""Least share of line breaks within paragraphs explained by the width, for a text to count as
wrapped. Measured: 1.0 in three books wrapped at 72, 0.05 in the same books with a line per
paragraph, 0.29 in the sonnets."""
FEWEST_BREAKS = 10
NARROWEST, WIDEST = 40, 160
"""Columns at which texts are wrapped."""
FULL = 0.95
"""The width is that of the longest lines but a twentieth."""


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """Lines with paragraphs joined to one line each, as often as one likes. Empty lines are kept,
    so joining twice changes nothing."""

    lines: Iterable[str]

    def __iter__(self) -> Iterator[str]:
        paragraph = list[str]()
        for line in self.lines:
            if words := line.split():
                paragraph += words
                continue
            if paragraph:
                yield " ".join(paragraph)
                paragraph = []
            yield ""
        if paragraph:
            yield " ".join(paragraph)


def is_wrapped(lines: Iterable[str]) -> bool:
    """Whether most lines within paragraphs end where the first word of the next one would not
    fit."""
    lengths, needed = Counter[int](), Counter[int]()
    for line, following in pairwise(lines):
        if following and not following.isspace() and (length := len(line.rstrip())):
            lengths[length] += 1
            needed[length + 1 + len(following.split(None, 1)[0])] += 1
    count = lengths.total()
    if count < FEWEST_BREAKS:
        return False
    width, shorter = 0, 0
    for width in sorted(lengths):
        shorter += lengths[width]
        if shorter >= FULL * count:
            break
    longer = sum(each for length, each in needed.items() if length > width - 1)
    return NARROWEST <= width <= WIDEST and longer / count >= WRAPPED_FRACTION
