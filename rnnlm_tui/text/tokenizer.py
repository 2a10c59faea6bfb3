"""The interface of tokenizers, which split lines of text into words and write words as text again,
and the conventions of a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from msgspec import Meta

from rnnlm_tui.formatting import same_start
from rnnlm_tui.text.marks import replaces_space


class Insertion(NamedTuple):
    """A way to insert a word at the cursor.

    Attributes:
        text: The text to insert: the rest of a half-typed word, or a whole word, with a space
            before it if the line needs one.
        replaces_before: The number of characters before the cursor to delete first. They are the
            space before a comma, or typed letters that change, such as the typed `chat` of ChatGPT.
        space_after: True if a space follows the word in running text. None follows an opening
            quote.
    """

    text: str
    replaces_before: int = 0
    space_after: bool = True


ShortForm = Annotated[str, Meta(max_length=16)]
SpaceKind = Annotated[str, Meta(pattern=r"\A\s\Z")]
Elision = Annotated[str, Meta(pattern=r"\A[^\W\d_]{1,15}'\Z")]


@dataclass(frozen=True, slots=True)
class Conventions:
    """The ways in which a text writes the tokens of the tokenizer `prose`.

    They are learned from the training lines and saved with the model, so that suggestions look like
    the rest of the text. A field holds only conventions that are unusual.

    Attributes:
        forms: The spelling of the tokens of quotes, dashes, three dots and the apostrophe.
        spaces: Maps a mark to two values. The first is True if a space stands before the mark, the
            second if one stands after it.
        space_kinds: Maps a mark to the character that is the space before it, or after an opening
            quote.
        starts: Maps up to three marks to True if a word after them begins a sentence. `^` stands
            for the start of the line.
        dotted_capital: True if İ is the capital of i, and I is the capital of ı, as in Turkish.
        elisions: The words that lose their last letter before another word, such as `l'` in
            `l'eau`. They are tokens.
    """

    forms: dict[ShortForm, ShortForm] = field(default_factory=dict)
    spaces: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    space_kinds: dict[ShortForm, SpaceKind] = field(default_factory=dict)
    starts: dict[str, bool] = field(default_factory=dict)
    dotted_capital: bool = False
    elisions: tuple[Elision, ...] = ()


class Tokenizer(ABC):
    """Splits lines into words, and writes words as text. By default words are written
    unchanged and separated by spaces."""

    name: str
    conventions = Conventions()
    writes_text = False
    """True if the words keep their capitals and punctuation marks are words, so that the tokenizer
    writes text as people do."""

    @abstractmethod
    def words(self, line: str) -> list[str]:
        """Returns the words of a line, spelled as in the vocabulary."""

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """Returns the complete words of a line being typed, and the half-typed last word. The
        latter is "" if `text` ends with a space or with punctuation."""
        words = self.words(text)
        ends_in_word = bool(self.words(text[-1:]))
        return (words[:-1], words[-1]) if ends_in_word else (words, "")

    def is_mark(self, word: str) -> bool:
        """Returns True for a punctuation mark that is not part of a word."""
        return False

    def words_above(self, line: str) -> list[str]:
        """Returns the words of a line above the one being typed. Its capitals may be careless."""
        return self.words(line)

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        """Returns three values for each word of a typed text: the spelling of the vocabulary, the
        spelling of the text, and True if the text writes it in its usual case. At the start of a
        sentence a capital is not the usual case of most words."""
        return [(word, word, True) for word in self.words(text)]

    def spelling_of(self, word: str) -> str:
        """Returns a word as the text writes its apostrophes, quotes, dashes and dots."""
        return word

    def letters_at_start(self, text: str) -> int:
        """Returns how many characters at the start of `text` complete a word begun before it."""
        words = self.words(text.partition(" ")[0])
        return len(words[0]) if words else 0

    def in_style_of(self, before: str, above: Sequence[str]) -> Tokenizer:
        """Returns the tokenizer that writes quotes, apostrophes and the spaces before marks as they
        are last in `before`, the line up to the cursor, or else in the lines `above`."""
        return self

    def match_key(self, word: str) -> str:
        """Returns the key by which a half-typed word is compared with its completions."""
        return word

    def keeps_letters(self, prefix: str, word: str) -> bool:
        """Returns True if `word` keeps the letters of `prefix` that must stay as they are typed. It
        is called for words whose key begins with the key of `prefix`."""
        return True

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """Returns the insertion of `word` after `before`, the text up to the cursor. `before` ends
        with the half-typed `prefix`."""
        needs_space = before and not prefix and not before[-1].isspace()
        return Insertion((" " if needs_space else "") + word[len(prefix) :])

    def correction_of(self, before: str, prefix: str, word: str) -> Insertion:
        """Returns the insertion of `word` in place of the mistyped `prefix`, with which `before`
        ends. It is made as if the first letter of the word had been typed, and no more. That letter
        keeps the typed case, unless the word has capitals of its own."""
        first = word[:1].upper() if prefix[:1].isupper() else word[:1].lower()
        if prefix[:1].lower()[:1] == first.lower():  # `lower` makes two characters of İ
            first = prefix[:1]
        start = before[: len(before) - len(prefix)]
        rest = self.insertion_of(start + first, first, word)
        text = first[: len(first) - rest.replaces_before] + rest.text
        same = same_start(prefix, text)
        return Insertion(text[same:], len(prefix) - same, rest.space_after)

    def replaces_space(self, before: str, character: str, above: Sequence[str] = ()) -> bool:
        """Does what the function `replaces_space` does, but by the conventions of the text and in
        the style of the lines `above`."""
        return replaces_space(before, character)

    def join(self, words: Sequence[str]) -> str:
        """Returns the words as a line of text."""
        return " ".join(words)

    def line_key(self, line: str) -> str:
        """Returns the key by which a line is recognised in other texts: its words with spaces."""
        return " ".join(self.words(line))
