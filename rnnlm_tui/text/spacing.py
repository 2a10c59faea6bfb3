"""The space that comes with an accepted word, and the mark that is typed next."""

from __future__ import annotations

CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks that are written close to the word before them."""
APOSTROPHES = frozenset("'\u2019")


def takes_space(before: str, character: str) -> bool:
    """Whether a character that is typed after `before`, which ends in the space of an accepted
    word, takes the place of that space."""
    if character == '"':
        return before.count('"') % 2 == 1  # it closes a quotation
    return character in CLOSING or character == "-" or character in APOSTROPHES
