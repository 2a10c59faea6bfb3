"""The tokenizer `prose`: splits text as people write it into tokens, and joins them again.

Spaces are not tokens: the marks decide where they go. A word is stored in the case that it has
within a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import chain

import regex

from rnnlm_tui.formatting import same_start
from rnnlm_tui.text.prose_tokens import (
    APOSTROPHE,
    CLOSE,
    CLOSE_SINGLE,
    LETTER,
    LINE_BEGIN,
    OPEN,
    OPEN_SINGLE,
    Tokens,
    chunks_with,
    cut,
    elided_words,
    fold,
    is_mark,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.tokenizer import (
    Conventions,
    Insertion,
    Tokenizer,
    is_all_capitals,
    letters_typed,
    plain_letters,
)

TYPED_WORD = regex.compile(
    rf"(?r)(?:(?:\p{{N}}+[.,:/])++\p{{N}}{LETTER}*|{LETTER}[{LETTER}'’-]*)\Z", regex.VERSION1
)
"""The end of a text in which a word or a number is being typed. A mark after digits is part of the
number if a digit follows it: `9:4`, but not `1990.`. It is found from its end: from its start, each
letter of a long word before a mark is tried. ʼ is a letter."""
REST_OF_WORD = regex.compile(rf"(?:['’ʼ]?{LETTER})*(?:['’ʼ-]{LETTER}+)*", regex.VERSION1)
HEADING = regex.compile(r"\s*(?:[IVXLCDM]{2,}|[IVXLCDM]\.|\p{N}+)\.?\s*")
"""A line that is only a number, in Roman or other digits."""
UNDECIDED = frozenset("'\u2019\"-/_\\")
"""Marks that may or may not have a space before them, depending on their use."""
WORDS = re.compile(r"[^\W_]+")
"""Runs of letters and digits."""
MAX_TYPED = 64
"""Texts before the cursor whose tokens are cached: enough for one question. To read one of 1,000
characters takes 0.1 ms."""
MAX_CASES = 1 << 12
"""Words whose usual case is cached."""
FAR_RARER = 100
"""A typed word is taken for another spelling whose rank is this many times lower: `i` for `I`, but
not `bill` for `Bill`."""
MARKS_BEFORE = 3
"""The last marks that decide whether a sentence begins after them."""


class ProseTokenizer(Tokenizer):
    """Splits and writes text by the conventions of a corpus.

    `ranks` are the places of the words in order of falling frequency: of two spellings of a word,
    the more frequent one is the usual one.
    """

    name = "prose"
    writes_text = True
    is_mark = staticmethod(is_mark)
    match_key = staticmethod(plain_letters)

    def __init__(self, conventions: Conventions, ranks: Mapping[str, int]) -> None:
        self.conventions, self._ranks = conventions, ranks
        self._chunks = chunks_with(conventions.elisions)
        self._token_of = {form: token for token, form in conventions.forms.items()}
        self._case = lru_cache(MAX_CASES)(self._known_case)
        self._tokens_of_typed = lru_cache(MAX_TYPED)(self._read_typed)
        self._in_style = cache(self._with_style)

    def words(self, line: str) -> list[str]:
        """The tokens of a line; none of a heading that is only a number."""
        return [] if HEADING.fullmatch(line) else self._scan(line)[0]

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The tokens of a text being typed, in a case in which they are known, and the prefix of
        the last word, as typed."""
        prefix = text[text.rfind(" ") + 1 :]
        if prefix and not (prefix.isascii() and prefix.isalpha()):  # most need no search
            word = TYPED_WORD.search(prefix)
            prefix = word[0] if word else ""
            if prefix and self.conventions.elisions:
                elided = regex.match(f"{elided_words(self.conventions.elisions)}*", prefix)
                prefix = prefix[elided.end() :] if elided else ""
        return [*self._tokens_of_typed(text[: len(text) - len(prefix)])[0]], prefix

    def words_above(self, line: str) -> list[str]:
        """The tokens of a line above, in a case in which they are known: `i` as `I`."""
        return [] if HEADING.fullmatch(line) else [*self._tokens_of_typed(line)[0]]

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        written = [token for chunk in fold(text).split() for token in self._chunks[chunk]]
        return [
            (self._case(token), form, token == form)
            for token, form in zip(self._scan(text)[0], written, strict=True)
        ]

    def letters_at_start(self, text: str) -> int:
        rest = REST_OF_WORD.match(text)
        return rest.end() if rest else 0

    def in_style_of(self, before: str, previous_lines: Sequence[str]) -> ProseTokenizer:
        """As the last quotes in the line are written, or else in the lines above."""
        double, single = Style(), Style()
        for line in chain([before], reversed(previous_lines)):
            of_double, of_single = _style_of_line(line)
            double, single = double or of_double, single or of_single
            if double and single:
                break
        if bool(double) != bool(single):
            double, single = self._completed(double, single)
        return self._in_style(double + single) if double or single else self

    def _completed(self, double: Style, single: Style) -> tuple[Style, Style]:
        """Both styles if one is found: who types straight quotes types straight apostrophes, unless
        the corpus mixes them. An apostrophe tells nothing of quotes such as « »."""
        typed = double[0][1] if double else single[-1][1]
        opening, apostrophe = self._spelling_of(OPEN), self._spelling_of(APOSTROPHE)
        is_mixed = (opening == '"') != (apostrophe == APOSTROPHE)
        pair = next((pair for pair in CURLY_AND_STRAIGHT if typed in pair), None)
        if pair is None or is_mixed or not (double or opening in '"“'):
            return double, single
        return double or DOUBLE_STYLES[pair[0]], single or SINGLE_STYLES[pair[1]]

    def _with_style(self, style: Style) -> ProseTokenizer:
        forms = {**self.conventions.forms, **dict(style)}
        if all(self._spelling_of(token) == form for token, form in style):
            return self
        return ProseTokenizer(replace(self.conventions, forms=forms), self._ranks)

    def _read_typed(self, text: str) -> tuple[Tokens, str]:
        """The tokens of a typed text, in a case in which they are known, and the marks that it ends
        with."""
        tokens, marks = self._scan(text)
        return tuple(map(self._case, tokens)), marks

    def keeps_letters(self, prefix: str, word: str) -> bool:
        """Whether no letter with an accent, or one that is not plain for another reason, would
        change: such a letter was meant as it is typed."""
        return prefix.isascii() or all(
            _is_plain(typed) or _is_same(typed, letters)
            for typed, letters in letters_typed(prefix, word)
        )

    def line_key(self, line: str) -> str:
        """A key that is equal for lines with the same words, whatever the conventions."""
        return " ".join(WORDS.findall(fold(line).lower()))

    def _begins_sentence(self, marks: str) -> bool:
        """Whether a word after these marks begins a sentence."""
        learned = self.conventions.starts.get(marks)
        return usually_begins_sentence(marks) if learned is None else learned

    def _spaces_around(self, token: str) -> tuple[bool, bool]:
        """Whether running text has a space before and after a token."""
        return self.conventions.spaces.get(token) or usual_spaces(token)

    def _scan(self, text: str) -> tuple[list[str], str]:
        """The tokens of a text, and the marks that it ends with, for `_begins_sentence`."""
        tokens, marks, in_capitals = list[str](), LINE_BEGIN, is_in_capitals(text)
        for chunk in fold(text).split():
            for token in self._chunks[chunk]:
                if is_mark(token):
                    marks = (marks + token)[-MARKS_BEFORE:]
                    tokens.append(token)
                    continue
                begins = self._begins_sentence(marks) if marks else in_capitals
                tokens.append(self._usual_case(token, in_capitals) if begins else token)
                marks = ""
        return tokens, marks

    def _known_case(self, word: str) -> str:
        """The word, or another spelling if only that is known or that is far more frequent."""
        other = min(word[0].upper() + word[1:], self._small(word), key=self._rank)
        is_better = self._rank(other) * FAR_RARER < self._rank(word)
        return other if is_better else word

    def _usual_case(self, word: str, in_capitals: bool) -> str:
        """A word that begins a sentence, or is of a line all in capitals, in the case that it
        mostly has within a sentence. One with a capital inside, as iPhone, stays."""
        lower = self._small(word)
        if in_capitals or (word[:1] != lower[:1] and word[1:] == lower[1:]):
            return min(lower, self._capitalized(lower), word, key=self._rank)
        return word

    def _small(self, word: str) -> str:
        """The word in small letters, each for one."""
        if self.conventions.dotted_capital:
            word = word.replace("I", "ı")
        return word.replace("İ", "i").lower()

    def _capitalized(self, word: str) -> str:
        """The word as at the start of a sentence."""
        if self.conventions.dotted_capital and word[:1] == "i":
            return capitalize("İ" + word[1:])
        return capitalize(word)

    def _in_capitals(self, text: str) -> str:
        return (text.replace("i", "İ") if self.conventions.dotted_capital else text).upper()

    def _rank(self, word: str) -> float:
        return self._ranks.get(word, math.inf)

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """How to write a token after `before`. Plain letters that are typed get the accents of the
        token, and its capitals if it has some of its own. All others stay as typed."""
        text, space_after = self._spelling_of(word), self._spaces_around(word)[1]
        in_capitals = is_in_capitals(before) and is_all_capitals(before)
        if prefix:
            is_capital = is_all_capitals(prefix) or (in_capitals and prefix.isupper())
            has_own = text != text.lower() or any(map(str.isdigit, text))
            keeps_case, pairs = is_capital or not has_own, [*letters_typed(prefix, text)]
            begin = "".join(_written(typed, own, keeps_case) for typed, own in pairs)
            rest = text[sum(len(own) for _, own in pairs) :]
            if is_capital:
                rest = self._in_capitals(rest)
            same = same_start(prefix, begin)
            return Insertion(begin[same:] + rest, len(prefix) - same, space_after)
        last, marks = self._end_of(before)
        if in_capitals:
            text = self._in_capitals(text)
        elif self._begins_sentence(marks):
            text = self._capitalized(text)
        space = self._space_between(last, word) if last else ""
        if before[-1:].isspace():
            return Insertion(text, int(before[-1] == " " and bool(last) and not space), space_after)
        return Insertion(space + text, space_after=space_after)

    def takes_space(self, before: str, character: str) -> bool:
        if character in UNDECIDED or not is_mark(character):
            return super().takes_space(before, character)
        last, _ = self._end_of(before)
        token = self._token_of.get(character) or cut(character)[0]
        return bool(last) and not self._space_between(last, token)

    def _end_of(self, text: str) -> tuple[str, str]:
        """The last token of a text, "" for none, and the marks that it ends with."""
        tokens, marks = self._tokens_of_typed(text)
        return tokens[-1] if tokens else "", marks

    def join(self, words: Sequence[str]) -> str:
        """Joins tokens to a line, with capitals at starts of sentences and spaces around marks."""
        pieces, marks = list[str](), LINE_BEGIN
        for number, token in enumerate(words):
            if number > 0:
                pieces.append(self._space_between(words[number - 1], token))
            text = self._spelling_of(token)
            if is_mark(token):
                marks = (marks + token)[-MARKS_BEFORE:]
            else:
                if self._begins_sentence(marks):
                    text = self._capitalized(text)
                marks = ""
            pieces.append(text)
        return "".join(pieces)

    def _space_between(self, token: str, following: str) -> str:
        """The space between two tokens, or ""."""
        if not (self._spaces_around(token)[1] and self._spaces_around(following)[0]):
            return ""
        kinds = self.conventions.space_kinds
        return kinds.get(token if token == OPEN else following, " ")

    def _spelling_of(self, word: str) -> str:
        """A token as the text writes it: its apostrophes, quotes, dashes and dots."""
        forms = self.conventions.forms
        if word in forms:
            return forms[word]
        return word.replace(APOSTROPHE, forms.get(APOSTROPHE, APOSTROPHE))


Style = tuple[tuple[str, str], ...]
"""The tokens of quotes or of the apostrophe, each with its form."""
CURLY_AND_STRAIGHT = (("“", "’"), ('"', "'"))
"""Double quotes that open, and apostrophes, as one keyboard has them."""
DOUBLE_STYLES: Mapping[str, Style] = {
    opening: ((OPEN, opening), (CLOSE, closing))
    for opening, closing in ('""', "“”", "„“", "«»", "»«", "””")
}
KINDS_OF_QUOTES = ('"', "“”„", "«»")
"""Double quotes that are written together. The last one in a line says which of these it has, and
the first of these which one opens."""
CURLY_SINGLE: Style = ((OPEN_SINGLE, "‘"), (CLOSE_SINGLE, "’"), (APOSTROPHE, "’"))
SINGLE_STYLES: Mapping[str, Style] = {
    "'": ((OPEN_SINGLE, "'"), (CLOSE_SINGLE, "'"), (APOSTROPHE, "'")),
    "‘": CURLY_SINGLE,
    "’": CURLY_SINGLE,
}
"""By the opening double quote, and by the single one."""


@lru_cache(MAX_CASES)
def _style_of_line(line: str) -> tuple[Style, Style]:
    """The style of double quotes and of single ones in a line; empty for those it does not have."""
    double, single = Style(), Style()
    kinds = max(KINDS_OF_QUOTES, key=lambda kinds: max(map(line.rfind, kinds)))
    first = next((place for place, quote in enumerate(line) if quote in kinds), None)
    if first is not None:
        is_closing = line[first] == CLOSE and line[:first][-1:].strip()  # of a line above
        double = DOUBLE_STYLES[OPEN if is_closing else line[first]]
    mark = max(SINGLE_STYLES, key=line.rfind)
    if mark in line:
        single = SINGLE_STYLES[mark]
    return double, single


def is_in_capitals(text: str) -> bool:
    """Whether a text of two words or more, or of one long one, is all in capitals."""
    return text.isupper() and (len(text) > 4 or " " in text.strip())


def _is_plain(letter: str) -> bool:
    """Whether it is a letter without an accent, or no letter."""
    return plain_letters(letter) in (letter.lower(), APOSTROPHE)


def _is_same(typed: str, letter: str) -> bool:
    """Whether both are the same letter, in whatever case."""
    is_same = typed.lower() == letter.lower() or (typed, letter) == ("İ", "i")
    return is_same or {typed, letter} == {"σ", "ς"}


def _written(typed: str, letters: str, keeps_case: bool) -> str:
    """A typed character of a word, given the letters of the word that it stands for. Letters with
    accents and marks stay; plain letters become those of the word. Their case is the typed one if
    the word `keeps_case`."""
    if typed == letters:  # most are
        return typed
    is_same = _is_same(typed, letters)
    if not (is_same or _is_plain(typed)) or plain_letters(typed) == APOSTROPHE:
        return typed
    if is_same:
        return typed if keeps_case or typed.lower() != letters.lower() else letters
    return letters.upper() if keeps_case and typed.isupper() else letters


def capitalize(word: str) -> str:
    """The word as at the start of a sentence. One with a capital inside or a digit, as iPhone or
    co2, stays, and so does one whose first letter has no capital, as ﬁ."""
    if any(map(str.isdigit, word)):
        return word
    for place, letter in enumerate(word):
        if letter.isalpha():
            capital, rest = letter.title(), word[place + 1 :]
            can_be = len(capital) == 1 and rest == rest.lower()
            return word[:place] + capital + rest if can_be else word
    return word
