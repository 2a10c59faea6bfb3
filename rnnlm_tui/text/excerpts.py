"""Excerpts of a text: held-out lines, each with the lines that stand above it.

Held-out lines are measured where they stand: what was written just above them is part of what a
model sees, also if it was trained on that. Only the words of the held-out lines count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress
from typing import NamedTuple

from rnnlm_tui.text.held_out import Mask, is_sampled

CHARACTERS_ABOVE = 3_000
"""About this much stands above an excerpt, some 500 words: enough to fill the cache of a mixture,
and read in some hundredths of a second."""
CHARACTERS_EACH = 1_500
"""An excerpt ends with the line that reaches this length, some 250 words, so that a sample of a few
thousand words is spread over the text."""
WORDS_EACH, LETTERS_A_WORD = 1_000, 6
"""Words of an excerpt of a text that is not held out, and the letters that are at least a word,
also where there are no spaces."""
CHARACTERS_ABOVE_TEXT = 12_000
"""About this much stands above such an excerpt, some 2,000 words, as above somebody who writes."""
LONGEST_GAP = 3
"""So few lines in an excerpt that are not held out are left out; more begin another one."""


class Excerpt(NamedTuple):
    """Some held-out `lines` that follow each other, and those `above` them, which are context."""

    above: tuple[str, ...]
    lines: tuple[str, ...]


def excerpts_of(
    lines: Iterable[str], held_out: Mask, most_words: int | None = None
) -> list[Excerpt]:
    """The held-out lines, given which of the lines [L] these are, as excerpts; of more than
    `most_words` words a sample of about so many, spread over the text."""
    excerpts = _each_excerpt(lines, held_out)
    if most_words is None:
        return [*excerpts]
    words = sum(len(line.split()) for line in compress(lines, held_out))
    fraction = min(1.0, most_words / max(1, words))
    return [each for number, each in enumerate(excerpts) if is_sampled(number, fraction)]


def _each_excerpt(lines: Iterable[str], held_out: Mask) -> Iterator[Excerpt]:
    recent, characters = deque[str](), 0
    above, lines_of_excerpt = tuple[str, ...](), list[str]()
    length = gap = 0
    for line, is_held_out in zip(lines, held_out, strict=True):
        if is_held_out:
            if not lines_of_excerpt:
                above, length = tuple(recent), 0
            lines_of_excerpt.append(line)
            length, gap = length + len(line), 0
        else:
            gap += 1
        if lines_of_excerpt and (length >= CHARACTERS_EACH or gap > LONGEST_GAP):
            yield Excerpt(above, tuple(lines_of_excerpt))
            lines_of_excerpt = []
        recent.append(line)
        characters += len(line) + 1
        while characters - len(recent[0]) - 1 > CHARACTERS_ABOVE:
            characters -= len(recent.popleft()) + 1
    if lines_of_excerpt:
        yield Excerpt(above, tuple(lines_of_excerpt))


def spread_excerpts(lines: Sequence[str], most_words: int) -> list[Excerpt]:
    """Excerpts spread evenly over a text, of about `most_words` words in all; the whole text as one
    if it has no more."""
    ends = [*accumulate(max(len(line.split()), len(line) // LETTERS_A_WORD) for line in lines)]
    total = ends[-1] if ends else 0
    if total <= most_words:
        return [Excerpt((), tuple(lines))]
    count = max(1, most_words // WORDS_EACH)
    excerpts, first = list[Excerpt](), 0
    for number in range(count):
        begin = number * total // count
        first = max(first, bisect_right(ends, begin))
        last = 1 + bisect_left(ends, begin + most_words // count)
        above, characters = first, 0
        while above > 0 and characters < CHARACTERS_ABOVE_TEXT:
            above -= 1
            characters += len(lines[above]) + 1
        if first < len(lines):
            excerpts.append(Excerpt(tuple(lines[above:first]), tuple(lines[first:last])))
        first = max(first, last)
    return excerpts
