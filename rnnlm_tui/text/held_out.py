"""Chooses the lines of a text to hold out, samples of its lines, and excerpts with their context.

Held-out lines are measured where they stand. A model sees the text just above them, even if it was
trained on this text. Only the words of the held-out lines count.

Shapes: L lines, blank ones included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
"""True for each line [L] that is chosen."""
HELD_OUT_BLOCK = 20
"""The number of consecutive lines that are held out together, roughly. In blocks, both the held-out
lines and the training lines remain running text."""
EXCERPT_WORDS = 250
"""The length of an excerpt, in words. An excerpt is running text, because models use the words
above a word. It is short, so that a sample of a few thousand words is spread over the text."""
LONG_EXCERPT_WORDS = 1_000
"""The length of an excerpt in words, if no lines of the text are held out. Its context then has
2,000 words, since a writer, too, mostly has much text above the line."""
LETTERS_A_WORD = 6
"""Estimated letters per word, for text without spaces."""
CONTEXT_FACTOR = 2
"""Length of the context above an excerpt, as a multiple of the excerpt's. 500 words are enough
for a mixture's cache of recent words, and are read in some hundredths of a second."""
LONGEST_GAP = 3
"""Gaps of up to this many lines do not split an excerpt."""


class Excerpt(NamedTuple):
    """Some `lines` that follow each other, and the lines `above` them, which are context."""

    above: Sequence[str]
    lines: Sequence[str]


def not_blank(lines: Iterable[str]) -> Mask:
    """Returns the mask [L] of the lines that are not blank."""
    return np.fromiter((bool(line) and not line.isspace() for line in lines), np.bool_)


def hold_out(eligible: Mask, fraction: float, seed: int) -> Mask:
    """Returns the mask [L] of lines to hold out: about a `fraction` of the `eligible` lines [L], in
    blocks. The eligible lines are cut into as many equal parts as there are blocks. Each part has a
    block at a random place, which follows from `seed`."""
    places = np.flatnonzero(eligible)
    wanted = round(len(places) * fraction)
    blocks = max(1, wanted // HELD_OUT_BLOCK)
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, len(places), blocks + 1).astype(int)
    sizes = np.diff(np.linspace(0, wanted, blocks + 1).astype(int))
    held_out = np.zeros(len(eligible), dtype=bool)
    for low, high, size in zip(edges[:-1], edges[1:], sizes, strict=True):
        start = low + rng.integers(0, high - low - size + 1)
        held_out[places[start : start + size]] = True
    return held_out


def sample_mask(
    lines: Iterable[str],
    most_words: int,
    among: Mask | None = None,
    excerpt_words: int = EXCERPT_WORDS,
) -> Mask:
    """Returns the mask [L] of a sample of about `most_words` words from the lines `among` [L], by
    default from all lines. The sample has stretches of `excerpt_words` words, spread evenly. If
    `among` has at most `most_words` words, the sample has all of its lines."""
    counts = (max(len(line.split()), len(line) // LETTERS_A_WORD) for line in lines)
    words = np.fromiter(counts, np.int64)
    among = np.ones(len(words), np.bool_) if among is None else among
    words[~among] = 0
    total = int(words.sum())
    if total <= most_words:
        return among
    stretches = max(1, most_words // excerpt_words)
    words_before = np.cumsum(words) - words
    sample: Mask = among & (words_before % (total / stretches) < most_words / stretches)
    return sample


def excerpts_of(
    lines: Iterable[str], chosen: Mask, excerpt_words: int = EXCERPT_WORDS
) -> list[Excerpt]:
    """Returns the `chosen` lines [L] as excerpts. The context above an excerpt has about
    CONTEXT_FACTOR times `excerpt_words` words."""
    excerpts = list[Excerpt]()
    excerpt_lines = list[str]()
    gap = LONGEST_GAP + 1
    above = deque[str]()
    characters = 0
    most_characters = CONTEXT_FACTOR * LETTERS_A_WORD * excerpt_words
    for line, is_chosen in zip(lines, chosen, strict=True):
        if is_chosen:
            if gap > LONGEST_GAP:
                excerpt_lines = []
                excerpts.append(Excerpt([*above], excerpt_lines))
            excerpt_lines.append(line)
        gap = 0 if is_chosen else gap + 1
        above.append(line)
        characters += len(line) + 1
        while characters - len(above[0]) - 1 > most_characters:
            characters -= len(above.popleft()) + 1
    return excerpts
