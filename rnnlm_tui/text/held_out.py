"""Which lines of a text are held out, and samples of its lines.

Shapes: L lines, blank ones included.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from math import ceil

import numpy as np

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
HELD_OUT_BLOCK = 20
"""About how many consecutive lines are held out together, so that both parts are running text."""
STRETCH = 32
"""Consecutive lines in a sample, since some models use previous lines as context."""


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


def split_lines(lines: Iterable[str], held_out: Mask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The training lines and the held-out lines of a text."""
    lines = tuple(lines)
    return tuple(compress(lines, ~held_out)), tuple(compress(lines, held_out))


def sample_lines(lines: Iterable[str], most_words: int, held_out: Mask | None = None) -> list[str]:
    """Lines without those of `held_out` [L]: all, or stretches spread over the text that have at
    most `most_words` words together. The last line may be cut."""

    def candidates() -> Iterable[str]:
        return lines if held_out is None else compress(lines, ~held_out)

    words = sum(len(line.split()) for line in candidates())
    if words <= most_words:
        return [*candidates()]
    fraction, sample = most_words / words, list[str]()
    for number, line in enumerate(candidates()):
        if most_words > 0 and is_sampled(number // STRETCH, fraction):
            first = line.split(None, most_words)[:most_words]
            most_words -= len(first)
            sample.append(" ".join(first) if most_words <= 0 else line)
    return sample


def is_sampled(number: int, fraction: float) -> bool:
    """Whether this one of many is in a sample of a `fraction` of them, which is spread evenly."""
    return ceil((number + 1) * fraction) != ceil(number * fraction)
