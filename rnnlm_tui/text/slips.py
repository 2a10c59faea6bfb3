"""Finds words whose beginning is one slip of the fingers away from what is typed.

A slip swaps two letters, doubles a letter, halves a double letter, or leaves out, replaces or adds
a letter. One letter doubled and another one halved are a single slip, too, as in `tommorow`. The
words may be longer than what is typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.vocabulary import SortedKeys

SHORTEST_SLIP = 3
"""The fewest typed letters in which a slip is looked for. One slip turns fewer letters into the
beginnings of too many words."""
LONGEST_SLIP = 40
"""The most typed letters in which a slip is looked for. The time grows at least with the square of
their number."""
# The frequencies of slips, relative to that of two letters swapped.
SWAPPED = 1.0
DOUBLED = 1.0  # a letter doubled, or a double letter halved
TWICE_DOUBLED = 0.3  # a letter doubled and another one halved
LEFT_OUT = 0.5
ADDED = 0.2
NEIGHBOUR = 0.5  # a letter replaced by its neighbour on the keyboard
VOWEL = 0.3  # a vowel replaced by a vowel, as in `definately`
OTHER = 0.1  # a letter replaced by any other
CYRILLIC = "йцукенгшщзх фывапролджэ ячсмитьбю"
LAYOUTS = {
    "ß": "qwertzuiop asdfghjkl yxcvbnm",
    "èê": "azertyuiop qsdfghjklm wxcvbn",
    "": "qwertyuiop asdfghjkl zxcvbnm",
}
"""The rows of keys of each keyboard, by the letters that tell it. The first keyboard all of whose
letters the language writes is taken."""
COMMON_WORDS = 5_000
"""The number of the most frequent words of a language that tell which letters it writes."""
LEAST_WITH_LETTER = 0.002
"""A language writes a letter if more than this share of these words has it."""
VOWELS = "aeiouy"
NeighbourKeys = frozenset[tuple[str, str]]
MOST_LETTERS = 64
"""The most different letters that are tried at a place of a word. A script with more of them
writes syllables, nearly all of which differ much from the typed one."""


def neighbour_keys(words: Sequence[str]) -> NeighbourKeys:
    """Returns the pairs of letters whose keys touch. The `words`, the most frequent first, tell the
    keyboard of their language. Each row is half a key to the right of the row above it."""
    common = words[:COMMON_WORDS]

    def writes(letter: str) -> bool:
        return sum(letter in word for word in common) > LEAST_WITH_LETTER * len(common)

    layout = next(keys for letters, keys in LAYOUTS.items() if all(map(writes, letters)))
    pairs = set[tuple[str, str]]()
    for rows in (layout.split(), CYRILLIC.split()):
        for row in rows:
            pairs.update(pairwise(row))
        for row, below in pairwise(rows):
            pairs.update((*zip(row, below, strict=False), *zip(row[1:], below, strict=False)))
    return frozenset(pairs | {(right, left) for left, right in pairs})


def slip_chances(typed: str, keys: SortedKeys, neighbours: NeighbourKeys) -> NDArray[np.float32]:
    """Returns for each of the N `keys` the chance that one slip turned its beginning into `typed`
    [N]. Two letters swapped have the chance 1. The chance is 0 if the key begins with `typed`, and
    if more than one slip is needed."""
    chances = np.zeros(len(keys), np.float32)
    found = list[tuple[float, int, int]]()
    for beginning, chance in _beginnings(typed, keys, neighbours):
        first, end = keys.span(beginning)
        if first < end:
            found.append((chance, first, end))
    for chance, first, end in sorted(found):  # the likeliest of several slips comes last and counts
        chances[first:end] = chance
    first, end = keys.span(typed)
    chances[first:end] = 0
    return chances


def _beginnings(
    typed: str, keys: SortedKeys, neighbours: NeighbourKeys
) -> Iterator[tuple[str, float]]:
    """Yields beginnings that a slip may have turned into `typed`, and the frequency of the slip. At
    each place a letter is taken away, swapped, replaced or put before."""
    for place, letter in enumerate(typed):
        before, rest = typed[:place], typed[place + 1 :]
        is_double = before[-1:] == letter
        yield before + rest, DOUBLED if is_double else ADDED
        if rest and rest[0] != letter:
            yield before + rest[0] + letter + rest[1:], SWAPPED
        if is_double:
            once = before + rest
            for index, doubled in enumerate(once):
                yield once[:index] + doubled + once[index:], TWICE_DOUBLED
        letters = keys.letters_after(before)
        for meant in letters if len(letters) <= MOST_LETTERS else ():
            if meant != letter:
                yield before + meant + rest, _replaced(meant, letter, neighbours)
            yield before + meant + letter + rest, DOUBLED if meant == letter else LEFT_OUT


def _replaced(meant: str, typed: str, neighbours: NeighbourKeys) -> float:
    """Returns the frequency with which the letter `typed` replaces the letter `meant`."""
    if (meant, typed) in neighbours:
        return NEIGHBOUR
    return VOWEL if meant in VOWELS and typed in VOWELS else OTHER
