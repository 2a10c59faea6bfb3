"""Letters: their case, their accents, and the letters of a word that typed letters stand for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product
from unicodedata import category

from rnnlm_tui.text.marks import APOSTROPHE

PLAIN_LETTERS = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ħ": "h", "ŧ": "t", "ŋ": "n", "ı": "i", "ʼ": "'", "ς": "σ",
}  # fmt: skip
"""The plain letters for letters that Unicode does not split into a plain letter and an accent."""
UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue"}
"""The two plain letters that stand for an umlaut on a keyboard without it."""
TWO_FOR_UMLAUT = re.compile("([aou]e)")
MOST_PAIRS = 3
"""The most pairs of letters in a typed word that may stand for umlauts."""


def is_code(word: str) -> bool:
    """Returns True for a token that is no word of a language: a number, an address, a file name, a
    mark. Words consist of letters, apostrophes, hyphens, and full stops as in `p.m.`."""
    if word.isalpha():
        return False
    parts = word.rstrip(".").split(".")
    letters = "".join(parts)
    has_single_letters = len(parts) >= len(letters)  # at most one before each full stop
    if not any(map(str.isalpha, letters)) or (len(parts) > 1 and not has_single_letters):
        return True
    return not all(c.isalpha() or c in "'’-" or category(c)[0] == "M" for c in letters)


def is_all_capitals(text: str) -> bool:
    """Returns True for a text in capitals that has two letters side by side. The lone capitals of
    `O'B` and `B3` may be those of a name."""
    return text.isupper() and any(one.isalpha() and two.isalpha() for one, two in pairwise(text))


def is_line_in_capitals(line: str) -> bool:
    """Returns True for a line of two words or more, or of one long word, in capitals."""
    return line.isupper() and (len(line) > 4 or " " in line.strip())


def capitalize(word: str) -> str:
    """Returns the word as it is written at the start of a sentence. A word with a digit or a
    capital inside stays unchanged, such as co2 or iPhone. A word whose first letter has no capital
    stays unchanged too, such as one that begins with ﬁ."""
    if any(map(str.isdigit, word)):
        return word
    for place, letter in enumerate(word):
        if letter.isalpha():
            capital, rest = letter.title(), word[place + 1 :]
            changes = len(capital) == 1 and rest == rest.lower()
            return word[:place] + capital + rest if changes else word
    return word


def plain_letters(word: str) -> str:
    """Returns the word in small letters without accents, and with the plain apostrophe: `strasse`
    for `Straße`. This is the `match_key` of prose."""
    key = word.lower() if word.isascii() else "".join(map(_plain_letter, word))
    return word if key == word else key  # mostly they are equal, and one string takes less memory


@cache
def _plain_letter(letter: str) -> str:
    """Returns the plain letters for a letter. Other characters stay."""
    if not letter.isalpha():
        return APOSTROPHE if letter == "’" else letter
    small = letter.lower()
    if small in PLAIN_LETTERS:
        return PLAIN_LETTERS[small]
    parts = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in parts if not unicodedata.combining(part)).lower()
    # A Hangul letter has several parts and stays whole.
    if len(plain) == 1 or (plain.isascii() and plain.isalpha()):
        return plain
    return small


def spelled_letters(word: str) -> str:
    """Returns the plain letters of a word, with two for an umlaut: `schoen` for `schön`."""
    return "".join(map(_spelled_letter, word))


def _spelled_letter(letter: str) -> str:
    return UMLAUTS.get(letter.lower()) or _plain_letter(letter)


def umlaut_keys(key: str) -> list[str]:
    """Returns the other keys that a typed `key` may mean if its pairs `ae`, `oe` and `ue` stand for
    umlauts. For `schoen` it returns `schon`, which is the key of `schön`."""
    parts = TWO_FOR_UMLAUT.split(key)  # every other one is a pair
    if not 1 < len(parts) <= 2 * MOST_PAIRS + 1:
        return []
    ways = [(part, part[0]) if place % 2 else (part,) for place, part in enumerate(parts)]
    return ["".join(way) for way in product(*ways)][1:]


def letters_typed(typed: str, word: str) -> Iterator[tuple[str, str]]:
    """Yields each character of `typed` with the letters of `word` that it stands for. For `oe` and
    `œuvre` it yields `o` with œ, and then `e` with "". The plain letters of `typed` must be the
    beginning of the `plain_letters` or of the `spelled_letters` of `word`."""
    if typed.isascii() and word.isascii():  # the usual case
        yield from zip(typed, word, strict=False)
        return
    is_plain = plain_letters(word).startswith(plain_letters(typed))
    letter_of = _plain_letter if is_plain else _spelled_letter
    rest, plain = iter(word), ""  # plain letters of `word` that no character stands for yet
    for character in typed:
        wanted, letters = _plain_letter(character), ""
        while len(plain) < len(wanted) and (letter := next(rest, "")):
            letters += letter
            plain += letter_of(letter)
        plain = plain[len(wanted) :]
        yield character, letters


def begin_of(word: str, typed: str) -> str:
    """Returns the beginning of `word` that `typed` stands for: `groß` for `gros`."""
    return "".join(letters for _, letters in letters_typed(typed, word))


def has_no_accent(letter: str) -> bool:
    """Returns True for a letter without an accent, and for a character that is no letter."""
    return plain_letters(letter) in (letter.lower(), APOSTROPHE)


def is_same_letter(typed: str, letter: str) -> bool:
    """Returns True if both are the same letter, in the same case or not. σ and ς are one letter."""
    is_same = typed.lower() == letter.lower() or {typed, letter} == {"σ", "ς"}
    return is_same or (typed, letter) == ("İ", "i")  # `lower` makes two characters of İ


def keeps_letters(prefix: str, word: str) -> bool:
    """Returns True if `word` has each accented letter of `prefix` in its place. A letter that is
    typed with an accent is meant as it is, and a plain one may stand for an accented one."""
    return prefix.isascii() or all(
        has_no_accent(typed) or is_same_letter(typed, letters)
        for typed, letters in letters_typed(prefix, word)
    )


def written_letter(typed: str, letters: str, keeps_case: bool) -> str:
    """Returns what a typed character becomes in an accepted word, whose `letters` it stands for.
    Apostrophes and letters with accents stay. Plain letters become those of the word. The typed
    case stays if `keeps_case`."""
    if typed.lower() == letters.lower():
        return typed if keeps_case else letters
    is_apostrophe = plain_letters(typed) == APOSTROPHE
    if is_apostrophe or is_same_letter(typed, letters) or not has_no_accent(typed):
        return typed
    return letters.upper() if keeps_case and typed.isupper() else letters
