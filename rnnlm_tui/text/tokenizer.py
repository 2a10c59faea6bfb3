"""What a tokenizer is: it splits lines of text into words, and writes words as text, with spaces
and marks as most European texts have them."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Annotated, NamedTuple
from unicodedata import category

from msgspec import Meta

from rnnlm_tui.formatting import same_start

SENTENCE_ENDS = ".!?…。！？؟।"
"""The marks that end a sentence, in several scripts."""
CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks without a space before them."""
APOSTROPHES, DASHES = frozenset("'\u2019"), frozenset("-\u2013\u2014")
JOINING = frozenset("-/")
"""Marks without spaces around them. In 30 million words a slash before a letter or a digit follows
a word at once 3,219 times, and a space 89 times, mostly in paths that have another slash."""
NO_BREAK_SPACES = frozenset("\u00a0\u202f")
"""Typed in place of the space after an accepted word."""
PLAIN_LETTERS = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ħ": "h", "ŧ": "t", "ŋ": "n", "ı": "i", "ʼ": "'", "ς": "σ",
}  # fmt: skip
"""The keys of letters that have no accent to take away."""
AFTER_APOSTROPHE = frozenset(("", "s", "d", "m", "t", "l", "ll", "r", "re", "v", "ve"))
"""What may follow an apostrophe within a word, complete or partly typed."""


class Insertion(NamedTuple):
    """How a word is inserted at the cursor.

    `replaces_before` characters before the cursor are deleted first: the space before a comma, or
    letters that are written in another way, as the `chat` of ChatGPT; as many letters at the start
    of `text` then take their place. `text` is inserted: the rest of a half-typed word, or the word
    with a space before it if the line needs one. `space_after` says whether a space follows in
    running text, as it does not after an opening quote.
    """

    text: str
    replaces_before: int = 0
    space_after: bool = True


ShortForm = Annotated[str, Meta(max_length=16)]
Elision = Annotated[str, Meta(pattern=r"\A[^\W\d_]{1,15}'\Z")]


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a text writes what the tokenizer `prose` normalizes. Learned from the training lines and
    saved with the model, so that suggestions look like the rest of the text.

    `forms` maps the tokens of quotes, dashes, three dots and the apostrophe to their spelling.
    `spaces` says for a mark whether there is a space before and after it, and `space_kinds` which
    one, if not the plain one. `starts` says whether a sentence begins after some marks, with `^`
    for the start of the line. Each holds only what differs from the usual. `dotted_capital` says
    that İ is the capital of i, and I that of ı, as in Turkish. `elisions` are the words that lose
    their last letter before others and are tokens of their own, as `l'` in `l'eau`.
    """

    forms: dict[ShortForm, ShortForm] = field(default_factory=dict)
    spaces: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    space_kinds: dict[ShortForm, Annotated[str, Meta(pattern=r"\A\s\Z")]] = field(
        default_factory=dict
    )
    starts: dict[str, bool] = field(default_factory=dict)
    dotted_capital: bool = False
    elisions: tuple[Elision, ...] = ()


def is_code(word: str) -> bool:
    """Whether a word is a number, an address, a file name, a mark or the like: not of letters but
    for apostrophes, hyphens, and the full stops of abbreviations, as in `p.m.`"""
    if word.isalpha():
        return False
    parts = word.rstrip(".").split(".")
    letters = "".join(parts)
    if not letters or 1 < len(parts) < len(letters):
        return True
    return not all(c.isalpha() or c in "'’-" or category(c)[0] == "M" for c in letters)


def is_all_capitals(text: str) -> bool:
    """Whether a text is all in capitals, with two side by side: the capitals of `O'B` or `B3` are
    those of names."""
    return text.isupper() and any(one.isalpha() and two.isalpha() for one, two in pairwise(text))


def takes_space(before: str, character: str) -> bool:
    """Whether a character typed after `before`, which ends with the space of an accepted word,
    replaces that space, as a comma does."""
    if character == '"':
        return before.count('"') % 2 == 1  # it closes a quotation
    return character in CLOSING | JOINING | APOSTROPHES | NO_BREAK_SPACES


def gives_space_back(mark: str, typed: str) -> bool:
    """Whether the text typed after a mark that replaced a space shows that the space belongs before
    the mark, as in `he said 'so`, `we went - and` or `it is in /home/`."""
    if mark in DASHES or mark in JOINING:
        return typed[:1] == " " or (mark == "/" and typed[-1:] == "/")
    return mark in APOSTROPHES and typed[-1:].isalpha() and typed.lower() not in AFTER_APOSTROPHE


def plain_letters(word: str) -> str:
    """The word in small letters without accents, and with the plain apostrophe: `strasse` for
    `Straße`. This is the `match_key` of prose."""
    key = word.lower() if word.isascii() else "".join(map(_plain, word))
    return word if key == word else key  # most keys are the words, which saves their memory


@cache
def _plain(letter: str) -> str:
    """The plain letters for a letter; other characters stay."""
    if not letter.isalpha():
        return "'" if letter == "’" else letter
    if (small := letter.lower()) in PLAIN_LETTERS:
        return PLAIN_LETTERS[small]
    parts = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in parts if not unicodedata.combining(part)).lower()
    is_one = len(plain) == 1 or (plain.isascii() and plain.isalpha())  # Hangul has many
    return plain if is_one else small if len(small) == 1 else letter


def letters_typed(typed: str, word: str) -> Iterator[tuple[str, str]]:
    """Yields each character of a `typed` beginning of a word, and the letters of the word that it
    stands for: of œuvre the `o` for œ, and then the `e` for none. The plain letters of the word
    begin with those of what is typed."""
    if typed.isascii() and word.isascii():  # most are
        yield from zip(typed, word, strict=False)
        return
    letters, covered = iter(word), ""
    for character in typed:
        wanted, own = _plain(character), ""
        while len(covered) < len(wanted) and (letter := next(letters, "")):
            own += letter
            covered += _plain(letter)
        covered = covered[len(wanted) :]
        yield character, own


def begin_of(word: str, typed: str) -> str:
    """The beginning of a word that is `typed`, as the word has it: `groß` for `gros`."""
    return "".join(own for _, own in letters_typed(typed, word))


class Tokenizer(ABC):
    """Splits lines into words, and writes words as text: here as they are, separated by spaces."""

    name: str
    conventions = Conventions()
    writes_text = False
    """Whether its words are text as people write it, with capitals, and with punctuation marks as
    words."""

    @abstractmethod
    def words(self, line: str) -> list[str]:
        """The words of `line`, as the vocabulary spells them."""

    @abstractmethod
    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The complete words of a line being typed, and the half-typed last word, which is empty
        if `text` ends in a space or in other punctuation."""

    @abstractmethod
    def is_mark(self, word: str) -> bool:
        """Whether `word` is a punctuation mark."""

    def words_above(self, line: str) -> list[str]:
        """The words of a line above the one being typed, whose capitals may be careless."""
        return self.words(line)

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        """The words of a typed text, each as the vocabulary spells it, as it is written, and
        whether it is written as within a sentence, not with the capital that begins one."""
        return [(word, word, True) for word in self.words(text)]

    def letters_at_start(self, text: str) -> int:
        """The number of characters at the start of a text that end a word begun before it."""
        first, rest = self.split_typed(text.partition(" ")[0])
        return len(first[0] if first else rest)

    def in_style_of(self, before: str, previous_lines: Sequence[str]) -> Tokenizer:
        """The tokenizer that writes quotes and apostrophes as they are written in `before`, the
        line up to the cursor, or else in the lines above it."""
        return self

    def match_key(self, word: str) -> str:
        """The key by which a half-typed word is compared with its completions."""
        return word

    def keeps_letters(self, prefix: str, word: str) -> bool:
        """Whether a word whose key begins with that of `prefix` can be inserted for it."""
        return True

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """How `word` is inserted after `before`, the text up to the cursor, which ends with the
        half-typed `prefix`."""
        needs_space = before and not prefix and not before[-1].isspace()
        return Insertion(" " * bool(needs_space) + word[len(prefix) :])

    def correction_of(self, before: str, prefix: str, word: str) -> Insertion:
        """How `word` replaces the mistyped `prefix`, with which `before` ends. It keeps the case of
        the first letter if it has no capitals of its own."""
        first = word[:1].upper() if prefix[:1].isupper() else word[:1].lower()
        if prefix[:1].lower()[:1] == first.lower():  # the small letter of İ is i and a dot
            first = prefix[:1]
        start = before[: len(before) - len(prefix)]
        rest = self.insertion_of(start + first, first, word)
        text = first[: len(first) - rest.replaces_before] + rest.text
        same = same_start(prefix, text)
        return Insertion(text[same:], len(prefix) - same, rest.space_after)

    def takes_space(self, before: str, character: str) -> bool:
        """The rule `takes_space`, or what the text's conventions make of it."""
        return takes_space(before, character)

    def join(self, words: Sequence[str]) -> str:
        """The words as a line of text."""
        return " ".join(words)

    def line_key(self, line: str) -> str:
        """The words of a line joined by spaces: the key to recognise it in other texts."""
        return " ".join(self.words(line))
