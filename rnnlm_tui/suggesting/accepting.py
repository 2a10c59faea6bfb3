"""What each key of the app does: what it takes from the suggestions, how many presses that costs,
and what a typed character does to the space of an accepted word.

These are the only such rules: the editor and its live count follow them, and so does `--evaluate`,
so that a figure of keys saved is one that a person reaches in the app.

    Tab          the next word of the ghost, else the first word of the list
    shift+Tab    the second word of the list, which stands behind the ghost (neither takes a word
                 that corrects typed letters)
    Right, End   the whole ghost
    alt+1 to 5   that word of the list, anywhere
    Down, 1 to 5 that word of the list, anywhere
    1 to 5       that word of the list, within a word and if the setting `digits` says so; a digit
                 or a space typed next gives the digit back

Does not import numpy, which the app loads only after its first picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Literal, NamedTuple, TypeAlias

from rnnlm_tui.text.marks import gives_space_back
from rnnlm_tui.text.tokenizer import Insertion

LISTED = 5
"""Words of the list that a digit can take, plain or with alt."""
DIGITS = "12345"
LINES_ABOVE = 200
"""Lines above the one being typed that the app gives to a model. More change little."""
DigitSetting: TypeAlias = Literal["with alt", "inside words"]
"""Which digits take a word of the list: those with alt alone, or plain ones too, inside a word."""
WITH_ALT: DigitSetting = "with alt"
"""The default, with which a plain digit is always typed."""
GHOST_FROM = 0.07
"""The lowest probability of the first word at which the ghost is shown, by default. On four texts a
writer who looks at the cursor alone saves 51 to 56 % of keys, and sees 26 to 29 wrong ghosts in 100
characters; from 0.15 on it is 50 to 55 %, and 20 to 23; if it is always shown 51 to 56 %, and 29 to
32 (tests/benchmarks/README.md)."""
TYPED_LETTERS = 2
TYPED_FACTOR = 0.6
"""Once TYPED_LETTERS letters of a word are typed, the threshold is lowered by this factor."""
Writer: TypeAlias = Literal["attentive", "glancing", "at_cursor"]
"""Where a writer looks for words: an attentive one reads the list after every key; a glancing one
reads it at the start of a word and after two and four letters; one at the cursor never does. All of
them see what stands at the cursor."""
GLANCES = (0, 2, 4)
"""The letters of a word after which a glancing writer reads the list."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word and its probability among the words that fit what is typed.

    To accept the word, `text` is inserted at the cursor in place of the `replaces_before`
    characters before it, a space or letters that are written in another way, and of the
    `replaces_after` characters after it, the rest of the word that the cursor is in. `space_after`
    says whether a space follows in running text. `corrects` says that the typed letters are taken
    for a slip of the fingers: the word begins in another way.
    """

    word: str
    probability: float
    text: str
    replaces_before: int
    space_after: bool
    replaces_after: int = 0
    corrects: bool = False

    @property
    def changes_text(self) -> bool:
        """Whether accepting it changes the text. A word that is complete already does not."""
        return bool(self.text or self.replaces_before or self.replaces_after)


class Accept(NamedTuple):
    """A way to accept suggestions: the `keys` to press, as Textual names them, and the pieces that
    they insert one after the other. `at_cursor` says whether these are seen at the cursor, or else
    in the list."""

    keys: tuple[str, ...]
    pieces: Sequence[Suggestion | Insertion]
    at_cursor: bool = False


def reads_list(writer: Writer, prefix: str) -> bool:
    """Whether a writer reads the list after typing these letters of a word."""
    return writer == "attentive" or (writer == "glancing" and len(prefix) in GLANCES)


def is_ghost_likely(probability: float, prefix: str) -> bool:
    """Whether a ghost is shown whose first word, which begins with the typed `prefix`, has this
    probability."""
    factor = TYPED_FACTOR if len(prefix) >= TYPED_LETTERS else 1
    return probability >= GHOST_FROM * factor


def takes_digits(before: str, digits: DigitSetting) -> bool:
    """Whether a plain digit after `before`, the line up to the cursor, takes a word of the list
    instead of being typed. After capital letters alone it is typed, as in `Q3`."""
    if digits == WITH_ALT:
        return False
    letters = "".join(takewhile(_is_of_letter, reversed(before)))
    return bool(letters) and not letters.isupper()


def _is_of_letter(character: str) -> bool:
    """Whether it is a letter or a mark on one."""
    return unicodedata.category(character)[0] in "LM"


def ways_to_accept(
    candidates: Sequence[Suggestion], ghost: Sequence[Insertion], *, is_empty: bool
) -> Iterator[Accept]:
    """The ways to accept suggestions at the end of a text, but for plain digits.

    `ghost` are the words of the ghost if it is shown, else nothing. `is_empty` says whether the
    text is empty: without a ghost, Tab and shift+Tab then leave the editor.
    """
    words = candidates[:LISTED]
    if ghost:
        yield Accept(("tab",), next_piece(ghost), at_cursor=True)
        yield Accept(("right",), ghost, at_cursor=True)
    elif words and not is_empty and not words[0].corrects:
        yield Accept(("tab",), words[:1])
    if len(words) > 1 and not words[1].corrects and (ghost or not is_empty):
        yield Accept(("shift+tab",), words[1:2], at_cursor=bool(ghost))
    for digit, word in zip(DIGITS, words, strict=False):
        yield Accept((f"alt+{digit}",), [word])
        yield Accept(("down", digit), [word])


def next_piece(ghost: Sequence[Insertion]) -> Sequence[Insertion]:
    """The first words of the ghost up to one that is not blank: a word that is already complete
    inserts nothing."""
    texts = accumulate(piece.text for piece in ghost)
    count = next((n for n, text in enumerate(texts, start=1) if text.strip()), len(ghost))
    return ghost[:count]


def type_character(
    before: str, tail: str, character: str, takes_space: Callable[[str, str], bool]
) -> tuple[Insertion, str]:
    """How a character is typed after `before`, the line up to the cursor, and the new `tail`.

    The tail is the end of the line that still may change: the space of an accepted word, which is
    typed no second time and which a mark replaces if `takes_space` says so; then that mark and the
    letters after it, which may show that the space belongs before the mark. Otherwise it is "".
    """
    if tail == " ":
        if character == " ":
            return Insertion(""), ""
        if takes_space(before, character):
            return Insertion(character, 1), character
    elif tail:
        after_mark = tail[1:] + character
        if gives_space_back(tail[0], after_mark):
            return Insertion(f" {tail}{character}", len(tail)), ""
        return Insertion(character), tail + character if character.isalpha() else ""
    return Insertion(character), ""
