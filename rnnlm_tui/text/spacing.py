"""Whether a typed mark replaces the space after an accepted word, in most European texts.
Tokenizers that learn the conventions of their text override it."""

from __future__ import annotations

CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks without a space before them."""
APOSTROPHES = frozenset("'\u2019")
DASHES = frozenset("-\u2014")
GIVING_BACK = APOSTROPHES | DASHES
"""Marks that restore the space they replaced if the next character shows that it belongs there:
`he said 'so`, `we went - and`."""
AFTER_APOSTROPHE = frozenset(("", "s", "d", "m", "t", "l", "ll", "r", "re", "v", "ve"))
"""What may follow an apostrophe within a word, complete or partly typed."""
UNDECIDED = APOSTROPHES | frozenset('"-/_\\')
"""Marks that may or may not have a space before them, depending on their use."""


def takes_space(before: str, character: str) -> bool:
    """Whether a character typed after `before`, which ends with the space of an accepted word,
    replaces that space."""
    if character == '"':
        return before.count('"') % 2 == 1  # it closes a quotation
    return character in CLOSING or character == "-" or character in APOSTROPHES


def gives_space_back(mark: str, typed: str) -> bool:
    """Whether the text typed after a mark that replaced a space shows that the space belongs before
    the mark, as in `he said 'so` or `we went - and`."""
    if mark in DASHES:
        return typed[:1] == " "
    return mark in APOSTROPHES and typed[-1:].isalpha() and typed.lower() not in AFTER_APOSTROPHE
