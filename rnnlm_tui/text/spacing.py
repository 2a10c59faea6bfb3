"""The space that comes with an accepted word, and the mark that is typed next, in most European
texts. Tokenizers that have learned how their text is written know better."""

from __future__ import annotations

CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks that are written close to the word before them."""
APOSTROPHES = frozenset("'\u2019")
DASHES = frozenset("-\u2014")
GIVING_BACK = APOSTROPHES | DASHES
"""Marks that give back the space which they took, if what is typed next shows that it belongs
there: `he said 'so`, `we went - and`."""
UNDECIDED = APOSTROPHES | frozenset('"-/_\\')
"""Marks whose use decides, in any text, whether a space is before them."""


def takes_space(before: str, character: str) -> bool:
    """Whether a character that is typed after `before`, which ends in the space of an accepted
    word, takes the place of that space."""
    if character == '"':
        return before.count('"') % 2 == 1  # it closes a quotation
    return character in CLOSING or character == "-" or character in APOSTROPHES
