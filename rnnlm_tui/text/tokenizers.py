"""The tokenizers: the lesson's, one for tokenized texts, and `prose` (see prose.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnlm_tui.text.tokenizer import Conventions, Tokenizer

if TYPE_CHECKING:
    from rnnlm_tui.text.vocabulary import Vocabulary

PROSE = "prose"
LESSON_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""The characters that the lesson's tokenizer replaces by spaces."""


class LessonTokenizer(Tokenizer):
    """The lesson's tokenizer (Keras's `Tokenizer`). Letters become small, punctuation marks become
    spaces, and apostrophes stay.

    Only the space separates words. No-break spaces and carriage returns are part of words.
    """

    name = "lesson"
    _spaces = str.maketrans(dict.fromkeys(LESSON_FILTERS, " "))

    def words(self, line: str) -> list[str]:
        return list(filter(None, line.lower().translate(self._spaces).split(" ")))

    def is_mark(self, word: str) -> bool:
        """Returns True for lone apostrophes. A single quote next to a dash becomes such a word."""
        return not word.strip("'")


class WhitespaceTokenizer(Tokenizer):
    """Splits at white space, for texts that are tokenized already, with marks as words."""

    name = "whitespace"

    def words(self, line: str) -> list[str]:
        return line.split()


TOKENIZERS: Mapping[str, Tokenizer] = {
    tokenizer.name: tokenizer for tokenizer in (LessonTokenizer(), WhitespaceTokenizer())
}


def make_tokenizer(name: str, conventions: Conventions, vocabulary: Vocabulary) -> Tokenizer:
    """Returns the tokenizer of a model."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose import ProseTokenizer  # here, because it loads regex in 13 ms

    return ProseTokenizer(conventions, vocabulary.id_by_word)
