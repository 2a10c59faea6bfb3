"""Some lines of a text, in stretches spread evenly over it."""

from __future__ import annotations

import math
from collections.abc import Sequence

STRETCH = 32
"""Lines that are measured one after another, since some models use the lines before a line."""


def some_lines(lines: Sequence[str], most_words: int) -> list[str]:
    """Lines of at most so many words, in stretches spread evenly over all of them. The last one may
    be cut."""
    words = sum(len(line.split()) for line in lines)
    share = min(1.0, most_words / max(1, words))
    chosen: list[str] = []
    for line in lines_of_share(lines, share):
        first = line.split()[:most_words]
        most_words -= len(first)
        chosen.append(" ".join(first))
    return chosen


def lines_of_share(lines: Sequence[str], share: float, first: int = 0) -> list[str]:
    """Those of some lines that are in such a share of all stretches; `first` is the number of the
    first one in its text."""
    chosen: list[str] = []
    for stretch in range(first // STRETCH, math.ceil((first + len(lines)) / STRETCH)):
        if math.ceil((stretch + 1) * share) != math.ceil(stretch * share):
            low = stretch * STRETCH - first
            chosen += lines[max(0, low) : max(0, low + STRETCH)]
    return chosen
