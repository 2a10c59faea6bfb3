"""What each key of the app takes from the suggestions, and how many presses that costs.

This is the only such table: the editor and its live count read it, and so does `--evaluate`, so
that a figure of keys saved is one that a person reaches in the app.

    Tab          the next word of the ghost, else the first word of the list
    shift+Tab    the second word of the list
    Right, End   the whole ghost
    alt+1 to 5   that word of the list, anywhere
    Down, 1 to 5 that word of the list, anywhere
    1 to 5       that word of the list, if the setting `digits` lets plain digits take words; a
                 digit or a space typed next gives the digit back

Does not import numpy, which the app loads only after its first picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from rnnlm_tui.text.tokenizer import Insertion

LISTED = 5
"""Words of the list that a digit can take, plain or with alt."""
DIGITS = "12345"
LINES_ABOVE = 200
"""Lines above the one being typed that the app gives to a model. More change little."""
DigitSetting: TypeAlias = Literal["with alt", "inside words", "always"]
"""Which digits take a word of the list: those with alt alone, or plain ones too, inside a word or
also at its start."""
WITH_ALT: DigitSetting = "with alt"
"""The default, with which a plain digit is always typed."""
GHOST_FROM = 0.15
"""The lowest probability of the first word at which the ghost is shown, by default."""
TYPED_LETTERS = 2
TYPED_FACTOR = 0.6
"""Once TYPED_LETTERS letters of a word are typed, the threshold is lowered by this factor."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word and its probability among the words that fit what is typed.

    To accept the word, `text` is inserted at the cursor in place of the `replaces_before`
    characters before it, a space or letters that are written in another way, and of the
    `replaces_after` characters after it, the rest of the word that the cursor is in. `space_after`
    says whether a space follows in running text.
    """

    word: str
    probability: float
    text: str
    replaces_before: int
    space_after: bool
    replaces_after: int = 0

    @property
    def changes_text(self) -> bool:
        """Whether accepting it changes the text. A word that is complete already does not."""
        return bool(self.text or self.replaces_before or self.replaces_after)


@dataclass(frozen=True, slots=True)
class WordList:
    """The words listed for a `prefix`, the beginning of the word being typed, with which
    `matching_words` words begin. `digits_in_words` are the digits that make the beginning of a
    known word after it."""

    prefix: str
    candidates: tuple[Suggestion, ...]
    matching_words: int
    digits_in_words: str


class Accept(NamedTuple):
    """A way to accept suggestions: the `keys` to press, as Textual names them, and the pieces that
    they insert one after the other."""

    keys: tuple[str, ...]
    pieces: Sequence[Suggestion | Insertion]


def is_ghost_likely(probability: float, prefix: str, ghost_from: float = GHOST_FROM) -> bool:
    """Whether a ghost is shown whose first word, which begins with the typed `prefix`, has this
    probability."""
    factor = TYPED_FACTOR if len(prefix) >= TYPED_LETTERS else 1
    return probability >= ghost_from * factor


def accepting_digits(listed: WordList, before: str, digits: DigitSetting = WITH_ALT) -> str:
    """The plain digits that take a word of the list instead of being typed, if it is shown and
    nothing is chosen in it. `before` is the line up to the cursor, which must not be within a word.

    A digit is typed where it makes a word of its own: after capital letters alone, as in `Q3`, and
    where a known word begins so, as `mp3` does.
    """
    if digits == WITH_ALT:
        return ""
    prefix, digits_shown = listed.prefix, DIGITS[: len(listed.candidates)]
    if not prefix:
        is_at_start = not before or before[-1].isspace()
        return digits_shown if digits == "always" and is_at_start else ""
    if not is_of_letters(prefix) or prefix.isupper():
        return ""
    return "".join(digit for digit in digits_shown if digit not in listed.digits_in_words)


def is_of_letters(prefix: str) -> bool:
    """Whether a half-typed word has letters alone, with their accents."""
    return prefix.isalpha() or all(unicodedata.category(c)[0] in "LM" for c in prefix)


def ways_to_accept(
    listed: WordList,
    before: str,
    ghost: Sequence[Insertion],
    digits: DigitSetting = WITH_ALT,
    *,
    is_empty: bool,
) -> Iterator[Accept]:
    """The ways to accept suggestions at the end of a text.

    `ghost` are the words of the ghost if it is shown, else nothing. `is_empty` says whether the
    text is empty: without a ghost, Tab and shift+Tab then leave the editor.
    """
    words = listed.candidates[:LISTED]
    if not words:
        return
    if ghost:
        yield Accept(("tab",), next_piece(ghost))
        yield Accept(("right",), ghost)
    elif not is_empty:
        yield Accept(("tab",), words[:1])
    if len(words) > 1 and (ghost or not is_empty):
        yield Accept(("shift+tab",), words[1:2])
    at_once = accepting_digits(listed, before, digits)
    for digit, word in zip(DIGITS, words, strict=False):
        yield Accept((f"alt+{digit}",), [word])
        if digit in at_once:
            yield Accept((digit,), [word])
        yield Accept(("down", digit), [word])


def next_piece(ghost: Sequence[Insertion]) -> Sequence[Insertion]:
    """The first words of the ghost up to one that is not blank: a word that is already complete
    inserts nothing."""
    texts = accumulate(piece.text for piece in ghost)
    count = next((n for n, text in enumerate(texts, start=1) if text.strip()), len(ghost))
    return ghost[:count]
