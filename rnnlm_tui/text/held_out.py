"""Which lines of a text are held out, samples of its lines, and excerpts of it.

Held-out lines are measured where they stand: what was written just above them is part of what a
model sees, also if it was trained on that. Only the words of the held-out lines count.

Shapes: L lines, blank ones included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
HELD_OUT_BLOCK = 20
"""About how many consecutive lines are held out together, so that both parts are running text."""
WORDS_EACH = 250
"""Words of running text in a sample, since models use what is above a word, and so that a sample of
a few thousand is spread over the text."""
LONG_EXCERPT = 1_000
"""The words of each excerpt of a text that is not held out: below 2,000 words, as what somebody
writes stands below much that he wrote before."""
LETTERS_A_WORD = 6
"""So many letters are at least a word, also where there are no spaces."""
ABOVE = 2
"""So many times as long as an excerpt is what stands above it: 500 words are enough to fill the
cache of a mixture, and read in some hundredths of a second."""
LONGEST_GAP = 3
"""So few lines in an excerpt that are not of it are left out; more begin another one."""


class Excerpt(NamedTuple):
    """Some `lines` that follow each other, and those `above` them, which are context."""

    above: Sequence[str]
    lines: Sequence[str]


def written_lines(lines: Iterable[str]) -> Mask:
    """Which lines [L] are not blank."""
    return np.fromiter((bool(line) and not line.isspace() for line in lines), np.bool_)


def hold_out(may_be: Mask, fraction: float, seed: int) -> Mask:
    """Which lines [L] to hold out: about a `fraction` of those that `may_be` [L].

    They are blocks of lines spread evenly over these: one at a random place, determined by `seed`,
    in each of as many equal parts as there are blocks.
    """
    count = int(may_be.sum())
    mask = np.zeros(count, dtype=bool)
    if wanted := round(count * fraction):
        blocks = max(1, wanted // HELD_OUT_BLOCK)
        rng = np.random.default_rng(seed)
        edges = np.linspace(0, count, blocks + 1).astype(int)
        sizes = np.diff(np.linspace(0, wanted, blocks + 1).astype(int))
        for low, high, size in zip(edges[:-1], edges[1:], sizes, strict=True):
            start = low + rng.integers(0, high - low - size + 1)
            mask[start : start + size] = True
    held_out = np.zeros(len(may_be), dtype=bool)
    held_out[may_be] = mask
    return held_out


def sampled(
    lines: Iterable[str], most_words: int, among: Mask | None = None, each: int = WORDS_EACH
) -> Mask:
    """Which lines [L] are a sample of about `most_words` words: of the lines `among` these [L], by
    default of all, stretches of `each` words that are spread evenly; all if they have no more."""
    counts = (max(len(line.split()), len(line) // LETTERS_A_WORD) for line in lines)
    words = np.fromiter(counts, np.int64)
    among = np.ones(len(words), np.bool_) if among is None else among
    words[~among] = 0
    total = int(words.sum())
    if total <= most_words:
        return among
    stretches = max(1, most_words // each)
    before = np.cumsum(words) - words
    sample: Mask = among & (before % (total / stretches) < most_words / stretches)
    return sample


def excerpts_of(lines: Iterable[str], chosen: Mask, each: int = WORDS_EACH) -> list[Excerpt]:
    """The chosen lines, given which lines [L] these are, as excerpts: those that follow each other
    with what stands above them, for excerpts of about `each` words."""
    excerpts, of_excerpt, gap = list[Excerpt](), list[str](), LONGEST_GAP + 1
    recent, characters, above = deque[str](), 0, ABOVE * LETTERS_A_WORD * each
    for line, is_chosen in zip(lines, chosen, strict=True):
        if is_chosen:
            if gap > LONGEST_GAP:
                of_excerpt = []
                excerpts.append(Excerpt([*recent], of_excerpt))
            of_excerpt.append(line)
        gap = 0 if is_chosen else gap + 1
        recent.append(line)
        characters += len(line) + 1
        while characters - len(recent[0]) - 1 > above:
            characters -= len(recent.popleft()) + 1
    return excerpts
