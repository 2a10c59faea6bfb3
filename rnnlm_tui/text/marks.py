"""Punctuation: the uses of the marks, and the marks that replace the space before them.

An accepted word is followed by a space. A mark that is typed next, such as a comma, replaces it.
Does not import numpy, which the app loads only after its first picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

OPEN_DOUBLE, CLOSE_DOUBLE, OPEN_SINGLE, CLOSE_SINGLE = "“”‘’"
"""The tokens of quotes, whichever quotes a text has. CLOSE_SINGLE also ends `dogs’`."""
APOSTROPHE, EM_DASH, ELLIPSIS = "'", "—", "…"
"""The tokens of an apostrophe within a word, of a dash, and of three dots."""
TYPED_FORMS = {
    OPEN_DOUBLE: '"', CLOSE_DOUBLE: '"', OPEN_SINGLE: "'", CLOSE_SINGLE: "'",
    EM_DASH: EM_DASH, ELLIPSIS: "...", APOSTROPHE: APOSTROPHE,
}  # fmt: skip
"""These tokens as a keyboard types them."""

SENTENCE_ENDS = ".!?…。！？؟।"
"""The marks that end a sentence, in several scripts."""
AFTER_SENTENCE_END = '”\u2019)]}»"'
"""The marks that may follow the end of a sentence and belong to that sentence."""
CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks that replace the space of an accepted word, because they have no space before them."""
JOINING = frozenset("-/")
"""Marks that replace this space, too, because they have no spaces around them. In 30 million words,
3,219 slashes before a letter or a digit have no space before them, and 89 have one. Most of the 89
are in paths with another slash."""
STANDALONE = frozenset(".,;:!?")
"""Marks that are tokens of their own right after any word."""
SAME_AT_BOTH_ENDS = frozenset('"*_`~')
"""Marks that open a quotation, or emphasis in Markdown, and close it, too."""
UNDECIDED = frozenset("'\u2019-/\\") | SAME_AT_BOTH_ENDS
"""Marks that may or may not have a space before them, depending on their use."""
NO_SPACE_AFTER = frozenset("([{¿¡@#/\\_-" + OPEN_DOUBLE + OPEN_SINGLE + EM_DASH)
"""Tokens without a space after them in most European texts."""
NO_SPACE_BEFORE = frozenset(")]},.;:!?%°/\\_-" + CLOSE_DOUBLE + CLOSE_SINGLE + EM_DASH + ELLIPSIS)
"""Tokens without a space before them in most European texts."""
WORD_FOLLOWS = frozenset("¿¡")
"""Marks that a word follows, never another mark."""
MARK_PAIRS = ((OPEN_DOUBLE, CLOSE_DOUBLE), ("(", ")"), ("[", "]"))
"""Pairs of an opening and a closing mark. While one is open, only its closing mark is suggested."""

APOSTROPHES, DASHES = frozenset("'\u2019"), frozenset("-\u2013\u2014")
DOUBLE_QUOTES, SINGLE_QUOTES = frozenset('"“”„‟«»'), frozenset("'‘’‚‛‹›")
BEFORE_OPENING = frozenset("([{<—–-/") | SINGLE_QUOTES | DOUBLE_QUOTES
"""Characters after which a quote opens."""
AFTER_APOSTROPHE = frozenset(("", "s", "d", "m", "t", "l", "ll", "r", "re", "v", "ve"))
"""The ends of words after an apostrophe, whole or half-typed."""
SMILEY_ENDS = frozenset("()-DP")
"""Characters that make a smiley of a colon or a semicolon right before them."""

NO_BREAK_SPACES = frozenset("\u00a0\u202f")
"""Spaces that may be typed in place of the one after an accepted word."""
NARROW_SPACES = "\u00a0\u202f\u2009"
"""The no-break space and two narrower ones, which some texts have next to marks: « oui »."""

QuoteStyle = tuple[tuple[str, str], ...]
"""Pairs of a token of a quote or an apostrophe and the form in which it is written."""
CURLY_AND_STRAIGHT = (("“", "’"), ('"', "'"))
"""The opening double quote and the apostrophe of curly quotes, and those of straight quotes."""
DOUBLE_STYLES: Mapping[str, QuoteStyle] = {
    opening: ((OPEN_DOUBLE, opening), (CLOSE_DOUBLE, closing))
    for opening, closing in ('""', "“”", "„“", "«»", "»«", "””")
}
"""The styles of double quotes by their opening quote."""
KINDS_OF_QUOTES = ('"', "“”„", "«»")
"""The three kinds of double quotes. The kind of a line is that of its last double quote. The first
quote of this kind in the line is its opening quote."""
SINGLE_STYLES: Mapping[str, QuoteStyle] = {
    mark: ((OPEN_SINGLE, opening), (CLOSE_SINGLE, closing), (APOSTROPHE, closing))
    for mark, opening, closing in (("'", "'", "'"), ("‘", "‘", "’"), ("’", "‘", "’"))
}
"""The styles of single quotes and of the apostrophe, by the marks that show the style."""

SPACED_MARKS = "?!;:"
"""The marks before which French texts have a space."""
MARK_AFTER_WORD = re.compile(rf"(?<=[^\W_])([ {NARROW_SPACES}]?)[{SPACED_MARKS}](?=$|[\s\"»])")
AFTER_OPENING = re.compile(r"[^\w\s]*\w|\.\.|…")
"""Matches what follows an opening quote: letters, perhaps with marks before them, or dots."""


@lru_cache(1 << 12)
def space_before_marks(line: str) -> str | None:
    """Returns the space before the last of the SPACED_MARKS in a line, which may be "", or None if
    the line has no such mark."""
    spaces: list[str] = MARK_AFTER_WORD.findall(line)
    return spaces[-1] if spaces else None


@lru_cache(1 << 12)
def quote_styles(line: str) -> tuple[QuoteStyle, QuoteStyle]:
    """Returns the style of the double quotes and the style of the single quotes in a line. A style
    is empty if the line has no such quote."""
    double, single = QuoteStyle(), QuoteStyle()
    last_kind = max(KINDS_OF_QUOTES, key=lambda kind: max(map(line.rfind, kind)))
    found = [place for place in map(line.find, last_kind) if place >= 0]
    if found:
        first = min(found)
        mark, before = line[first], line[:first][-1:]
        # A closing quote may belong to a quotation that began in a line above.
        if mark == CLOSE_DOUBLE and before and not before.isspace():
            mark = OPEN_DOUBLE
        elif mark == "»" and not AFTER_OPENING.match(line, first + 1):
            # At the end of the line the letters that show its use are still to come.
            mark = "«" if line[first + 1 :] else ""
        double = DOUBLE_STYLES.get(mark, double)
    mark = max(SINGLE_STYLES, key=line.rfind)
    if mark in line:
        single = SINGLE_STYLES[mark]
    return double, single


def replaces_space(before: str, character: str) -> bool:
    """Returns True if a character replaces the space of an accepted word, as a comma does. `before`
    is the line up to the cursor, and ends with that space."""
    if character in SAME_AT_BOTH_ENDS:  # it does if it closes what the last one has opened
        head, mark, rest = before.rpartition(character)
        start = head.rstrip(character)[-1:]
        opens = start.isspace() or start in {"", *BEFORE_OPENING, *SAME_AT_BOTH_ENDS}
        return bool(mark) and opens and not rest[:1].isspace()
    return character in CLOSING | JOINING | APOSTROPHES | NO_BREAK_SPACES | {"\n"}


def gives_space_back(mark: str, typed: str) -> bool:
    """Returns True if the space that a mark has replaced has to come back. This depends on what
    is `typed` after the mark, as in `he said 'so`, `we went - and`, `it is in /home/`, `so :)`."""
    if mark in DASHES or mark in JOINING:
        return typed.lstrip(mark)[:1] == " " or (mark == "/" and typed[-1:] == "/")
    if mark in ":;":
        return typed in SMILEY_ENDS
    return mark in APOSTROPHES and typed[-1:].isalnum() and typed.lower() not in AFTER_APOSTROPHE
