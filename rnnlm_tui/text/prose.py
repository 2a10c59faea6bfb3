"""The tokenizer `prose`: splits text as people write it into tokens, and joins them again.

Spaces are not tokens: the marks decide where they go. A word is stored in the case that it has
within a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import regex

from rnnlm_tui.text.prose_tokens import (
    APOSTROPHE,
    FIRST_LETTERS,
    LETTER,
    LINE_BEGIN,
    OPEN,
    Tokens,
    cut,
    fold,
    is_mark,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.spacing import UNDECIDED
from rnnlm_tui.text.tokenizer import Conventions, Insertion, Tokenizer

TYPED_WORD = regex.compile(rf"{LETTER}+(?:['’ʼ-]{LETTER}*)*\Z", regex.VERSION1)
HEADING = regex.compile(r"\s*(?:[IVXLCDM]{2,}|[IVXLCDM]\.|\p{N}+)\.?\s*")
"""A line that is only a number, in Roman or other digits."""


class _LettersAlone(dict[int, str]):
    """A table for `str.translate` that turns all but letters and digits into spaces: three times as
    fast as a search for these."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = letter if FIRST_LETTERS.fullmatch(letter) else " "
        return self[code]


LETTERS_ALONE = _LettersAlone()
LONGEST_CHUNK, MOST_CHUNKS = 48, 1 << 18
"""The longest chunk that is cached, in characters, and the most chunks."""
MOST_ENDS = 64
"""Texts before the cursor whose tokens are cached: enough for one question and for one word as it
is typed."""
MOST_CASES = 1 << 12
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


def chunk_of(tokens: Tokens) -> Chunk:
    """The chunk of these tokens."""
    words, marks = list[tuple[int, str]](), ""
    for place, token in enumerate(tokens):
        if is_mark(token):
            marks += token
        else:
            words.append((place, marks))
            marks = ""
    return tokens, tuple(words), marks, len(words) == len(tokens) == 1


class ChunkCache(dict[str, Chunk]):
    """The chunks of folded texts without white space, computed when they are first looked up."""

    def __init__(self, abbreviations: Iterable[str]) -> None:
        super().__init__()
        self._abbreviations = frozenset(abbreviations)

    def __missing__(self, text: str) -> Chunk:
        found = chunk_of(cut(text, self._abbreviations))
        if len(text) <= LONGEST_CHUNK and len(self) < MOST_CHUNKS:
            self[text] = found
        return found


class ProseTokenizer(Tokenizer):
    """Splits and writes text by the conventions of a corpus.

    `ranks` are the places of the words in order of falling frequency: of two spellings of a word,
    the more frequent one is the usual one.
    """

    name = "prose"
    writes_text = True
    is_mark = staticmethod(is_mark)

    def __init__(
        self,
        conventions: Conventions,
        ranks: Mapping[str, int],
        chunks: ChunkCache | None = None,
    ) -> None:
        """`chunks` may come from a tokenizer with the same abbreviations."""
        self.conventions, self._ranks = conventions, ranks
        self._token_of = {form: token for token, form in conventions.forms.items()}
        self.chunks = ChunkCache(conventions.abbreviations) if chunks is None else chunks
        self._typed = lru_cache(MOST_ENDS)(self._typed_tokens)
        self._case = lru_cache(MOST_CASES)(self._known_case)

    def __reduce__(self) -> tuple[Any, tuple[Conventions, Mapping[str, int]]]:
        """Pickles without the caches; the other process has its own."""
        return _received, (self.conventions, self._ranks)

    def words(self, line: str) -> list[str]:
        """The tokens of a line; none of a heading that is only a number."""
        return [] if HEADING.fullmatch(line) else self._scan(line)[0]

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The tokens of a text being typed, as `typed_words` returns them, and the prefix of the
        last word, as typed."""
        prefix = text[text.rfind(" ") + 1 :]
        if prefix and not (prefix.isascii() and prefix.isalpha()):  # most need no search
            word = TYPED_WORD.search(prefix)
            prefix = word[0] if word else ""
        return self.typed_words(text[: len(text) - len(prefix)]), prefix

    def typed_words(self, text: str) -> list[str]:
        """The tokens of a text. A word that is unknown as typed is taken in another case if that is
        known: `i` as `I`."""
        return [*self._typed(text)[0]]

    def _typed_tokens(self, text: str) -> tuple[Tokens, str]:
        """The tokens of a typed text, and the marks that it ends with."""
        tokens, marks = self._scan(text)
        return tuple(map(self._case, tokens)), marks

    def match_key(self, word: str) -> str:
        """Lower case, if that has as many letters, and the plain apostrophe."""
        lower = word.lower()
        if lower == word or len(lower) != len(word):
            lower = word  # most keys are the words themselves, which saves their memory
        return lower.replace("’", APOSTROPHE)

    def line_key(self, line: str) -> str:
        """A key that is equal for lines with the same words, whatever the conventions."""
        return " ".join(fold(line).lower().translate(LETTERS_ALONE).split())

    def _begins_sentence(self, marks: str) -> bool:
        """Whether a word after these marks begins a sentence; "" is within a sentence."""
        known = self.conventions.starts.get(marks)
        return usually_begins_sentence(marks) if known is None else known

    def _spaces_around(self, token: str) -> tuple[bool, bool]:
        """Whether running text has a space before and after a token."""
        return self.conventions.spaces.get(token) or usual_spaces(token)

    def _scan(self, line: str) -> tuple[list[str], str]:
        """The tokens of a text, and the marks that it ends with, for `_begins_sentence`."""
        found, marks, in_capitals = list[str](), LINE_BEGIN, is_in_capitals(line)
        usual = self._usual_of_capitals if in_capitals else self._usual
        chunks = self.chunks
        for text in fold(line).split():
            tokens, words, marks_after, is_plain = chunks[text]
            if is_plain and not marks and not in_capitals:
                found.append(tokens[0])
                continue
            first = len(found)
            found += tokens
            for place, marks_before in words:
                if marks := (marks + marks_before)[-MARKS_BEFORE:]:
                    if self._begins_sentence(marks):
                        found[first + place] = usual(tokens[place])
                elif in_capitals:
                    found[first + place] = usual(tokens[place])
                marks = ""
            marks = (marks + marks_after)[-MARKS_BEFORE:]
        return found, marks

    def _known_case(self, word: str) -> str:
        """The word, or another spelling if only that is known or that is far more frequent."""
        other = self._most_frequent(word[0].upper() + word[1:], word.lower())
        is_better = self._rank(other) * FAR_RARER < self._rank(word)
        return other if is_better else word

    def _usual(self, word: str) -> str:
        """A word that begins a sentence in the case that it mostly has within one."""
        if not word[0].isupper() or word[1:] != word[1:].lower():
            return word
        return self._most_frequent(word[0].lower() + word[1:], word)

    def _usual_of_capitals(self, word: str) -> str:
        """The same for a word of a line that is all in capitals."""
        lower = word.lower()
        return self._most_frequent(lower, lower[:1].upper() + lower[1:], word)

    def _most_frequent(self, *spellings: str) -> str:
        """The spelling with the best rank; the first of those that are equal or unknown."""
        return min(spellings, key=self._rank)

    def _rank(self, word: str) -> float:
        return self._ranks.get(word, math.inf)

    def written(self, before: str, prefix: str, word: str) -> Insertion:
        """How to write a token after `before`. Letters that are typed stay as typed."""
        spelled, space_after = self._spelled(word), self._spaces_around(word)[1]
        if prefix:
            rest = spelled[len(prefix) :]
            if prefix.isupper() and (len(prefix) > 1 or is_in_capitals(before)):
                rest = rest.upper()
            return Insertion(rest, space_after=space_after)
        last, marks = self._end_of(before)
        if is_in_capitals(before):
            spelled = spelled.upper()
        elif self._begins_sentence(marks):
            spelled = capitalized(spelled)
        space = self._space_between(last, word) if last else ""
        if before[-1:].isspace():
            return Insertion(spelled, bool(last) and not space, space_after)
        return Insertion(space + spelled, space_after=space_after)

    def takes_space(self, before: str, character: str) -> bool:
        if character in UNDECIDED or not is_mark(character):
            return super().takes_space(before, character)
        last, _ = self._end_of(before)
        token = self._token_of.get(character) or cut(character)[0]
        return bool(last) and not self._space_between(last, token)

    def _end_of(self, text: str) -> tuple[str, str]:
        """The last token of a text, "" for none, and the marks that it ends with."""
        tokens, marks = self._typed(text)
        return tokens[-1] if tokens else "", marks

    def join(self, words: Sequence[str]) -> str:
        """Joins tokens to a line, with capitals at starts of sentences and spaces around marks."""
        pieces, marks = list[str](), LINE_BEGIN
        for number, token in enumerate(words):
            if number > 0:
                pieces.append(self._space_between(words[number - 1], token))
            spelled = self._spelled(token)
            if is_mark(token):
                marks = (marks + token)[-MARKS_BEFORE:]
            else:
                if self._begins_sentence(marks):
                    spelled = capitalized(spelled)
                marks = ""
            pieces.append(spelled)
        return "".join(pieces)

    def _space_between(self, token: str, following: str) -> str:
        """The space between two tokens, or ""."""
        known = self.conventions.pairs.get(f"{token} {following}")
        usual = self._spaces_around(token)[1] and self._spaces_around(following)[0]
        if not (usual if known is None else known):
            return ""
        kinds = self.conventions.space_kinds
        return kinds.get(token if token == OPEN else following, " ")

    def _spelled(self, word: str) -> str:
        """A token as the text writes it: its apostrophes, quotes, dashes and dots."""
        forms = self.conventions.forms
        if word in forms:
            return forms[word]
        return word.replace(APOSTROPHE, forms.get(APOSTROPHE, APOSTROPHE))


_chunks_of_process = lru_cache(1)(ChunkCache)
"""The chunks that a worker process caches over several passes over a text."""


def _received(conventions: Conventions, ranks: Mapping[str, int]) -> ProseTokenizer:
    """Unpickles a tokenizer in another process."""
    return ProseTokenizer(conventions, ranks, _chunks_of_process(conventions.abbreviations))


def is_in_capitals(text: str) -> bool:
    """Whether a text of two words or more, or of one long one, is all in capitals."""
    return text.isupper() and (len(text) > 4 or " " in text.strip())


def capitalized(word: str) -> str:
    """The word as at the start of a sentence. One with a capital inside, as iPhone, stays."""
    for place, letter in enumerate(word):
        if letter.isalpha():
            is_plain = word[place + 1 :] == word[place + 1 :].lower()
            return word[:place] + letter.upper() + word[place + 1 :] if is_plain else word
    return word
