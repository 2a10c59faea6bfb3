"""The space that comes with an accepted word, and the mark that is typed next."""

from __future__ import annotations

CLOSING = frozenset(",.;:!?)]}”»…'\u2019-")
"""Marks that are written close to the word before them."""


def takes_space(before: str, character: str) -> bool:
    """Whether a character that is typed after `before`, which ends in the space of an accepted
    word, takes the place of that space. A straight quote does if it closes a quotation."""
    return before.count('"') % 2 == 1 if character == '"' else character in CLOSING
