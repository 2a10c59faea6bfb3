"""From lines of text to their words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from rnnlm_tui.text.spacing import takes_space

if TYPE_CHECKING:
    from rnnlm_tui.text.vocabulary import Vocabulary

PROSE = "prose"
LESSON_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


class Written(NamedTuple):
    """How a word goes into a line at the cursor.

    `text` is what is inserted there: the rest of a half-typed word, with a space before it if the
    line needs one. If `eats_space`, the space before the cursor is deleted first, as before a
    comma. `space_after` says whether a space follows in running text; none follows an opening
    quote.
    """

    text: str
    eats_space: bool = False
    space_after: bool = True


ShortForm = Annotated[str, Meta(max_length=16)]


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a text writes what the tokenizer `prose` folds, learned from the lines to train on and
    saved with the model, so that what is suggested looks like the rest of the text.

    `forms` are how it writes the tokens of quotes, dashes, three dots and the apostrophe. `spaces`
    says of a mark whether a space is before and after it, `pairs` of two marks, as "? »", whether
    one is between them, and `space_kinds` which one, if not the plain one. `starts` says whether a
    sentence begins after certain marks, of which `^` is the begin of the line. Each holds only what
    differs from the usual.
    """

    forms: dict[ShortForm, ShortForm] = field(default_factory=dict)
    spaces: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    pairs: dict[str, bool] = field(default_factory=dict)
    space_kinds: dict[ShortForm, Annotated[str, Meta(pattern=r"\A\s\Z")]] = field(
        default_factory=dict
    )
    starts: dict[str, bool] = field(default_factory=dict)
    abbreviations: tuple[str, ...] = ()


class Tokenizer(Protocol):
    """How a line is cut into words, and how words become text."""

    name: str
    conventions: Conventions
    writes_text: bool
    """Whether its words are text as people write it, with capitals and with marks as words."""

    def words(self, line: str) -> list[str]:
        """The words of `line`, as the vocabulary spells them."""

    def typed_words(self, text: str) -> list[str]:
        """The words of a text that somebody types, which may be careless about capitals."""

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The whole words of a line being typed, and the word that is still half typed.

        The second is empty if `text` ends in a space or in other punctuation.
        """

    def match_key(self, word: str) -> str:
        """What a half-typed word and the words that it may become are compared by."""

    def is_mark(self, word: str) -> bool:
        """Whether `word` is a mark alone."""

    def written(self, before: str, prefix: str, word: str) -> Written:
        """How `word` goes into a line after `before`, the text up to the cursor, which ends with
        the half-typed `prefix`."""

    def takes_space(self, before: str, character: str) -> bool:
        """Whether a character that is typed after `before`, which ends in the space of an accepted
        word, takes the place of that space, as a comma does."""

    def join(self, words: Sequence[str]) -> str:
        """The words as a line of text."""

    def line_key(self, line: str) -> str:
        """The words of a line by which it is known again, with a space between."""


class PlainTokenizer(ABC):
    """Words that are written as they are spelled, with one space between."""

    conventions = Conventions()

    writes_text = False

    @abstractmethod
    def words(self, line: str) -> list[str]: ...

    def typed_words(self, text: str) -> list[str]:
        return self.words(text)

    def match_key(self, word: str) -> str:
        return word

    def written(self, before: str, prefix: str, word: str) -> Written:
        needs_space = before and not prefix and not before[-1].isspace()
        return Written(" " * bool(needs_space) + word[len(prefix) :])

    def takes_space(self, before: str, character: str) -> bool:
        return takes_space(before, character)

    def join(self, words: Sequence[str]) -> str:
        return " ".join(words)

    def line_key(self, line: str) -> str:
        return " ".join(self.words(line))


class LessonTokenizer(PlainTokenizer):
    """The lesson's (Keras's `Tokenizer`): lower case, punctuation to spaces, apostrophes stay.

    Only the space separates, so a non-breaking space or a carriage return is part of a word.
    """

    name = "lesson"
    _spaces = str.maketrans(dict.fromkeys(LESSON_FILTERS, " "))

    def words(self, line: str) -> list[str]:
        return list(filter(None, line.lower().translate(self._spaces).split(" ")))

    def split_typed(self, text: str) -> tuple[list[str], str]:
        *whole, last = text.lower().translate(self._spaces).split(" ")
        return [word for word in whole if word], last

    def is_mark(self, word: str) -> bool:
        """An apostrophe alone, as a dash before a quotation leaves one behind."""
        return not word.strip("'")


class WhitespaceTokenizer(PlainTokenizer):
    """For text that is in tokens already, as standard corpora are: words are what is between white
    space, as it is spelled."""

    name = "whitespace"

    def words(self, line: str) -> list[str]:
        return line.split()

    def split_typed(self, text: str) -> tuple[list[str], str]:
        words = text.split()
        if not words or text[-1].isspace():
            return words, ""
        return words[:-1], words[-1]

    def is_mark(self, word: str) -> bool:
        """No word is: in such a text marks are words."""
        return False


TOKENIZERS: Mapping[str, Tokenizer] = MappingProxyType(
    {tokenizer.name: tokenizer for tokenizer in (LessonTokenizer(), WhitespaceTokenizer())}
)


TOKENIZER_NAMES = (PROSE, *TOKENIZERS)


def make_tokenizer(
    name: str, conventions: Conventions, vocabulary: Vocabulary | None = None
) -> Tokenizer:
    """The tokenizer of a model, with its conventions and its words. Without the words it does all
    but tell the usual case of a word."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose import ProseTokenizer  # loads regex: 13 ms

    return ProseTokenizer(conventions, vocabulary.ranks if vocabulary else {})


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """Lines of words as numbers: `numbers` [N] are places in `words`, the different words by first
    appearance; `lengths` [L] are the words of each line."""

    words: tuple[str, ...]
    numbers: NDArray[np.int32]
    lengths: NDArray[np.int64]


def tokenize_lines(lines: Iterable[str], tokenizer: Tokenizer) -> TokenizedText:
    """The words of the lines; 0.15 s for a million words."""
    number_of: defaultdict[str, int] = defaultdict(count().__next__)
    numbers, lengths = array("i"), array("q")
    for line in lines:
        words = tokenizer.words(line)
        lengths.append(len(words))
        numbers.extend(map(number_of.__getitem__, words))
    return TokenizedText(
        tuple(number_of), np.array(numbers, dtype=np.int32), np.array(lengths, dtype=np.int64)
    )
