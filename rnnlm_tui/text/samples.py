"""Samples of a text: short stretches of lines, spread evenly."""

from __future__ import annotations

import math
from collections.abc import Sequence

STRETCH = 32
"""Consecutive lines in a sample, since some models use previous lines as context."""


def some_lines(lines: Sequence[str], most_words: int) -> list[str]:
    """A sample of lines with at most `most_words` words in all. The last line may be cut."""
    words = sum(len(line.split()) for line in lines)
    share = min(1.0, most_words / max(1, words))
    chosen: list[str] = []
    for line in lines_of_share(lines, share):
        first = line.split()[:most_words]
        most_words -= len(first)
        chosen.append(" ".join(first))
    return chosen


def lines_of_share(lines: Sequence[str], share: float, first: int = 0) -> list[str]:
    """The lines in a share of all stretches of the text. `first` is the index in the text of the
    first of `lines`."""
    chosen: list[str] = []
    for stretch in range(first // STRETCH, math.ceil((first + len(lines)) / STRETCH)):
        if math.ceil((stretch + 1) * share) != math.ceil(stretch * share):
            low = stretch * STRETCH - first
            chosen += lines[max(0, low) : max(0, low + STRETCH)]
    return chosen
