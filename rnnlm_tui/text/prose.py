"""The tokenizer `prose`: splits text as people write it into tokens, and joins them again.

Spaces are not tokens: the marks decide where they go. A word is stored in the case that it has
within a sentence.
"""

from __future__ import annotations

import math
import re
import unicodedata
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
    SCRIPTS_WITHOUT_SPACES,
    Tokens,
    cut,
    fold,
    is_mark,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.spacing import UNDECIDED
from rnnlm_tui.text.tokenizer import Conventions, Insertion, Tokenizer, is_all_capitals

TYPED_WORD = regex.compile(rf"{LETTER}+(?:['’ʼ-]{LETTER}*)*\Z", regex.VERSION1)
REST_OF_WORD = regex.compile(rf"(?:['’ʼ]?{LETTER})*(?:['’ʼ-]{LETTER}+)*", regex.VERSION1)
HEADING = regex.compile(r"\s*(?:[IVXLCDM]{2,}|[IVXLCDM]\.|\p{N}+)\.?\s*")
"""A line that is only a number, in Roman or other digits."""


class _PlainLetters(dict[int, str]):
    """A table for `str.translate` that turns each letter into the small one without accents, if
    that is one."""

    def __missing__(self, code: int) -> str:
        letter = plain = chr(code)
        if letter.isalpha():
            parts = unicodedata.normalize("NFKD", letter)
            plain = "".join(part for part in parts if not unicodedata.combining(part)).lower()
        if len(plain) != 1:
            plain = letter.lower() if len(letter.lower()) == 1 else letter
        self[code] = plain
        return plain


PLAIN_LETTERS = _PlainLetters({ord("’"): APOSTROPHE})
LONGEST_CHUNK, MAX_CHUNKS = 48, 1 << 18
"""The longest chunk that is cached, in characters, and the most chunks."""
WORDS = re.compile(r"[^\W_]+")
"""Runs of letters and digits."""
BETWEEN_CHARACTERS = regex.compile(
    rf"(?<=[{SCRIPTS_WITHOUT_SPACES}]\p{{M}}*)"
    rf"(?=[[{SCRIPTS_WITHOUT_SPACES}]&&\p{{L}}--[\u0e33\u0eb3]])",  # AM, written after a letter
    regex.VERSION1,
)
"""Where a long text in a script without spaces is cut, so that a key costs the same after any
number of characters."""
MAX_ENDS = 64
"""Texts before the cursor whose tokens are cached: enough for one question and for one word as it
is typed."""
MAX_CASES = 1 << 12
"""Words whose usual case is cached."""
FAR_RARER = 100
"""A typed word is taken for another spelling whose rank is this many times lower: `i` for `I`, but
not `bill` for `Bill`."""
MARKS_BEFORE = 3
"""The last marks that decide whether a sentence begins after them."""


Chunk = tuple[Tokens, tuple[tuple[int, str], ...], str, bool]
"""Text between spaces: its tokens, the places of its words with the marks before each one, the
marks after the last word, and whether it is a single word. A plain tuple, which unpacks five times
as fast as a named one."""


class Chunks(dict[str, Chunk]):
    """The chunks of folded texts without white space, computed when they are first looked up."""

    def __missing__(self, text: str) -> Chunk:
        tokens, words, marks = cut(text), list[tuple[int, str]](), ""
        for place, token in enumerate(tokens):
            if is_mark(token):
                marks += token
            else:
                words.append((place, marks))
                marks = ""
        chunk = tokens, tuple(words), marks, len(words) == len(tokens) == 1
        if len(text) <= LONGEST_CHUNK and len(self) < MAX_CHUNKS:
            self[text] = chunk
        return chunk


CHUNKS = Chunks()


class ProseTokenizer(Tokenizer):
    """Splits and writes text by the conventions of a corpus.

    `ranks` are the places of the words in order of falling frequency: of two spellings of a word,
    the more frequent one is the usual one.
    """

    name = "prose"
    writes_text = True
    is_mark = staticmethod(is_mark)

    def __init__(self, conventions: Conventions, ranks: Mapping[str, int]) -> None:
        self.conventions, self._ranks = conventions, ranks
        self._token_of = {form: token for token, form in conventions.forms.items()}
        self._ends: dict[str, tuple[Tokens, str]] = {}
        self._case = lru_cache(MAX_CASES)(self._known_case)
        self._in_style = cache(self._with_style)

    def words(self, line: str) -> list[str]:
        """The tokens of a line; none of a heading that is only a number."""
        if HEADING.fullmatch(line):
            return []
        return self._scan(line, LINE_BEGIN, in_capitals=is_in_capitals(line))[0]

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The tokens of a text being typed, in a case in which they are known, and the prefix of
        the last word, as typed."""
        prefix = text[text.rfind(" ") + 1 :]
        if prefix and not (prefix.isascii() and prefix.isalpha()):  # most need no search
            word = TYPED_WORD.search(prefix)
            prefix = word[0] if word else ""
        return [*self._tokens_of_typed(text[: len(text) - len(prefix)])[0]], prefix

    def words_above(self, line: str) -> list[str]:
        """The tokens of a line above, in a case in which they are known: `i` as `I`."""
        return [] if HEADING.fullmatch(line) else [*self._tokens_of_typed(line)[0]]

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        written = chain.from_iterable(CHUNKS[chunk][0] for chunk in split(fold(text)))
        tokens, _ = self._scan(text, LINE_BEGIN, in_capitals=is_in_capitals(text))
        return [
            (self._case(token), form, token == form)
            for token, form in zip(tokens, written, strict=True)
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
        return self._in_style(double + single) if double or single else self

    def _with_style(self, style: Style) -> ProseTokenizer:
        forms = {**self.conventions.forms, **dict(style)}
        if all(self._spelling_of(token) == form for token, form in style):
            return self
        return ProseTokenizer(replace(self.conventions, forms=forms), self._ranks)

    def _tokens_of_typed(self, text: str) -> tuple[Tokens, str]:
        """The tokens of a typed text, in a case in which they are known, and the marks that it ends
        with. A text that only got longer is not read again from its start."""
        if (ends := self._ends.get(text)) is not None:
            return ends
        end, in_capitals = text.rstrip(), is_in_capitals(text)
        start = len(end) - 1 if BETWEEN_CHARACTERS.search(end[-2:]) else end.rfind(" ") + 1
        before = text[:start]
        earlier = None if in_capitals or is_in_capitals(before) else self._ends.get(before)
        if earlier is None:
            start, earlier = 0, ((), LINE_BEGIN)
        tokens, marks = self._scan(text[start:], earlier[1], in_capitals=in_capitals)
        ends = (*earlier[0], *map(self._case, tokens)), marks
        if len(self._ends) >= MAX_ENDS:
            self._ends.clear()
        self._ends[text] = ends
        return ends

    def match_key(self, word: str) -> str:
        """Small letters without accents, each for one, and the plain apostrophe."""
        key = word.lower() if word.isascii() else word.translate(PLAIN_LETTERS)
        return word if key == word else key  # most keys are the words, which saves their memory

    def line_key(self, line: str) -> str:
        """A key that is equal for lines with the same words, whatever the conventions."""
        return " ".join(WORDS.findall(fold(line).lower()))

    def _begins_sentence(self, marks: str) -> bool:
        """Whether a word after these marks begins a sentence; "" is within a sentence."""
        learned = self.conventions.starts.get(marks)
        return usually_begins_sentence(marks) if learned is None else learned

    def _spaces_around(self, token: str) -> tuple[bool, bool]:
        """Whether running text has a space before and after a token."""
        return self.conventions.spaces.get(token) or usual_spaces(token)

    def _scan(self, text: str, marks: str, *, in_capitals: bool) -> tuple[list[str], str]:
        """The tokens of a text that follows these marks, and the marks that it ends with, for
        `_begins_sentence`."""
        of_text = list[str]()
        usual = self._usual_case_of_capitals if in_capitals else self._usual_case
        for chunk in split(fold(text)):
            tokens, words, marks_after, is_plain = CHUNKS[chunk]
            if is_plain and not marks and not in_capitals:
                of_text.append(tokens[0])
                continue
            first = len(of_text)
            of_text += tokens
            for place, marks_before in words:
                if marks := (marks + marks_before)[-MARKS_BEFORE:]:
                    if self._begins_sentence(marks):
                        of_text[first + place] = usual(tokens[place])
                elif in_capitals:
                    of_text[first + place] = usual(tokens[place])
                marks = ""
            marks = (marks + marks_after)[-MARKS_BEFORE:]
        return of_text, marks

    def _known_case(self, word: str) -> str:
        """The word, or another spelling if only that is known or that is far more frequent."""
        other = self._most_frequent(word[0].upper() + word[1:], word.lower())
        is_better = self._rank(other) * FAR_RARER < self._rank(word)
        return other if is_better else word

    def _usual_case(self, word: str) -> str:
        """A word that begins a sentence in the case that it mostly has within one."""
        if not word[0].isupper() or word[1:] != word[1:].lower():
            return word
        return self._most_frequent(word[0].lower() + word[1:], word)

    def _usual_case_of_capitals(self, word: str) -> str:
        """The same for a word of a line that is all in capitals."""
        lower = word.lower()
        return self._most_frequent(lower, lower[:1].upper() + lower[1:], word)

    def _most_frequent(self, *spellings: str) -> str:
        """The spelling with the best rank; the first of those that are equal or unknown."""
        return min(spellings, key=self._rank)

    def _rank(self, word: str) -> float:
        return self._ranks.get(word, math.inf)

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """How to write a token after `before`. Letters that are typed keep their case if the token
        has no capital of its own, and get its accents."""
        text, space_after = self._spelling_of(word), self._spaces_around(word)[1]
        in_capitals = is_in_capitals(before) and is_all_capitals(before)
        if prefix:
            begin, rest = text[: len(prefix)], text[len(prefix) :]
            if is_all_capitals(prefix) or (in_capitals and prefix.isupper()):
                begin, rest = begin.lower(), rest.upper()
            elif text != text.lower():
                return _replacing(prefix, begin, rest, space_after)
            return _replacing(prefix, _in_case_of(prefix, begin), rest, space_after)
        last, marks = self._end_of(before)
        if in_capitals:
            text = text.upper()
        elif self._begins_sentence(marks):
            text = capitalize(text)
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
                    text = capitalize(text)
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


def split(text: str) -> list[str]:
    """The chunks of a text: what is between its spaces, or single characters of scripts without
    spaces."""
    chunks = text.split()
    if not any(len(chunk) > LONGEST_CHUNK for chunk in chunks):
        return chunks
    return [part for chunk in chunks for part in BETWEEN_CHARACTERS.split(chunk)]


Style = tuple[tuple[str, str], ...]
"""The tokens of quotes or of the apostrophe, each with its form."""
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


def _in_case_of(prefix: str, letters: str) -> str:
    """The small `letters` of a word, as many as are typed, in the case in which they are."""
    if len(letters) != len(prefix) or letters == prefix:
        return letters
    pairs = zip(prefix, letters, strict=True)
    return "".join(
        typed if typed.lower() == letter else letter.upper() if typed.isupper() else letter
        for typed, letter in pairs
    )


def _replacing(prefix: str, begin: str, rest: str, space_after: bool) -> Insertion:
    """How to insert the `rest` of a word whose typed `prefix` is written as `begin`, except for
    apostrophes and other marks, which stay as typed."""
    if begin != prefix and len(begin) == len(prefix):
        pairs = zip(prefix, begin, strict=True)
        begin = "".join(letter if typed.isalpha() else typed for typed, letter in pairs)
        same = same_start(prefix, begin)
        return Insertion(begin[same:] + rest, len(prefix) - same, space_after)
    return Insertion(rest, space_after=space_after)


def capitalize(word: str) -> str:
    """The word as at the start of a sentence. One with a capital inside, as iPhone, stays."""
    for place, letter in enumerate(word):
        if letter.isalpha():
            is_plain = word[place + 1 :] == word[place + 1 :].lower()
            return word[:place] + letter.upper() + word[place + 1 :] if is_plain else word
    return word
