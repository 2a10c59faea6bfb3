"""How most European texts are written: spaces around marks, sentence starts, abbreviations."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import regex

OPEN, CLOSE, OPEN_SINGLE, CLOSE_SINGLE = "“”‘’"
"""Quotes as tokens, however the text writes them. CLOSE_SINGLE also ends `dogs’`."""
APOSTROPHE, DASH, ELLIPSIS = "'", "—", "…"
"""The apostrophe within words, the dash and the three dots as tokens."""
LINE_BEGIN = "^"
ABBREVIATIONS = frozenset([
    "Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Rev", "Hon", "Capt", "Col", "Gen", "Lt", "Sgt",
    "Jr", "Sr", "vs", "etc", "Fig", "Mt", "Messrs", "bzw", "usw", "Nr", "Hr", "Fr", "ca",
    "Sra", "Srta", "Ud", "Uds", "Mme", "Mlle", "MM", "г", "др", "стр"
])  # fmt: skip
"""Common abbreviations of several languages, for texts too short to learn them from."""
NO_SPACE_AFTER = frozenset("([{¿¡@#/\\_-" + OPEN + OPEN_SINGLE + DASH)
NO_SPACE_BEFORE = frozenset(")]},.;:!?%°/\\_-" + CLOSE + CLOSE_SINGLE + DASH + ELLIPSIS)
UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"|[\u3000-\u303F\uFF00-\uFFEF]"
)
"""Scripts and marks that are written without spaces."""


@lru_cache(1 << 12)
def usual_spaces(token: str) -> tuple[bool, bool]:
    """Whether a token has a space before and after it in most European texts."""
    if UNSPACED.fullmatch(token[0]):
        return False, False
    category = unicodedata.category(token[0])
    if category[0] not in "PS":
        return True, True
    return token[0] not in NO_SPACE_BEFORE, token[0] not in NO_SPACE_AFTER and category != "Sc"


@lru_cache(1 << 10)
def usually_begins_sentence(marks: str) -> bool:
    """Whether these marks before a word, "" for none, usually end a sentence or open speech."""
    ended = marks.rstrip(OPEN + OPEN_SINGLE + "([{¿¡" + DASH + "-*_#")
    if ended.endswith((LINE_BEGIN, ".", "!", "?", "." + CLOSE, "。", "！", "？")):
        return True
    return OPEN in marks[len(ended) :] and ended.endswith((",", ":"))


def is_abbreviation(word: str, learned: Iterable[str]) -> bool:
    """Whether a full stop right after this word belongs to it."""
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    return is_initial or word in ABBREVIATIONS or word in learned
