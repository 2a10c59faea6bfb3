"""The interface of tokenizers, which split lines of text into words and write words as text again,
and the conventions of a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from msgspec import Meta

from rnnlm_tui.formatting import same_start
from rnnlm_tui.text.marks import takes_space


class Insertion(NamedTuple):
    """A way to insert a word at the cursor.

    Attributes:
        text: The text to insert: the rest of a half-typed word, or the word with a space before it
            if the line needs one.
        replaces_before: The number of characters before the cursor to delete first: the space
            before a comma, or typed letters that change. In the latter case `text` begins with what
            replaces them, such as `Chat` for the typed `chat` of ChatGPT.
        space_after: True if a space follows the word in running text. After an opening quote none
            does.
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
    the rest of the text. Each field holds only what differs from the usual.

    Attributes:
        forms: The spelling of the tokens of quotes, dashes, three dots and the apostrophe.
        spaces: For a mark, whether there is a space before it and after it.
        space_kinds: For a mark, the character that is its space, if not the plain space.
        starts: For up to three marks before a word, whether the word begins a sentence. `^` stands
            for the start of the line.
        dotted_capital: True if İ is the capital of i, and I that of ı, as in Turkish.
        elisions: The words that lose their last letter before others and are tokens of their own,
            such as `l'` in `l'eau`.
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
    """True if its words are text as people write it: they have capitals, and punctuation marks are
    words."""

    @abstractmethod
    def words(self, line: str) -> list[str]:
        """The words of a line, spelled as in the vocabulary."""

    @abstractmethod
    def split_typed(self, text: str) -> tuple[list[str], str]:
        """The complete words of a line being typed, and the half-typed last word. The latter is
        empty if `text` ends in a space or in other punctuation."""

    @abstractmethod
    def is_mark(self, word: str) -> bool:
        """Returns True for a punctuation mark."""

    def words_above(self, line: str) -> list[str]:
        """The words of a line above the one being typed, whose capitals may be careless."""
        return self.words(line)

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        """The words of a typed text: each as the vocabulary spells it, as the text spells it, and
        True if the case in the text is its usual one. A capital at the start of a sentence is
        not."""
        return [(word, word, True) for word in self.words(text)]

    def letters_at_start(self, text: str) -> int:
        """The number of characters at the start of `text` that complete a word begun before it."""
        first, rest = self.split_typed(text.partition(" ")[0])
        return len(first[0] if first else rest)

    def in_style_of(self, before: str, previous_lines: Sequence[str]) -> Tokenizer:
        """The tokenizer that writes quotes and apostrophes like the last ones in `before`, the line
        up to the cursor, or else like the last ones in the lines above it."""
        return self

    def match_key(self, word: str) -> str:
        """The key by which a half-typed word is compared with its completions."""
        return word

    def keeps_letters(self, prefix: str, word: str) -> bool:
        """Returns True if `word` keeps the letters of `prefix` that must stay as they are typed.
        The key of `word` begins with that of `prefix`."""
        return True

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """The insertion of `word` after `before`, the text up to the cursor, which ends with the
        half-typed `prefix`."""
        needs_space = before and not prefix and not before[-1].isspace()
        return Insertion((" " if needs_space else "") + word[len(prefix) :])

    def correction_of(self, before: str, prefix: str, word: str) -> Insertion:
        """The insertion of `word` in place of the mistyped `prefix`, with which `before` ends. The
        first letter keeps its case unless the word has capitals of its own."""
        first = word[:1].upper() if prefix[:1].isupper() else word[:1].lower()
        if prefix[:1].lower()[:1] == first.lower():  # the small letter of İ is i and a dot
            first = prefix[:1]
        start = before[: len(before) - len(prefix)]
        rest = self.insertion_of(start + first, first, word)  # as if `first` were typed
        text = first[: len(first) - rest.replaces_before] + rest.text
        same = same_start(prefix, text)
        return Insertion(text[same:], len(prefix) - same, rest.space_after)

    def takes_space(self, before: str, character: str) -> bool:
        """As the function `takes_space`, but by the conventions of the text."""
        return takes_space(before, character)

    def join(self, words: Sequence[str]) -> str:
        """The words as a line of text."""
        return " ".join(words)

    def line_key(self, line: str) -> str:
        """The key by which a line is recognised in other texts: its words joined by spaces."""
        return " ".join(self.words(line))
