"""The rules for seeing and accepting suggestions: how likely the words of a ghost are, how long the
list is, when each kind of writer reads it, which presses of keys take which words, and what a typed
character does to the space of an accepted word.

The editor, its live count and `--evaluate` all follow these rules, so a person can save as many
keys as `--evaluate` reports.

    Tab           The next word of the ghost. Without a ghost, the first word of the list.
    shift+Tab     The second word of the list, which is shown behind the ghost. Neither Tab nor
                  shift+Tab takes a word that corrects typed letters.
    Right, End    The whole ghost.
    alt+1 to 5    That word of the list, anywhere.
    Down, then    That word of the list, anywhere.
    1 to 5
    1 to 5        That word of the list, within a word and if the setting `digits` allows it. A
                  digit or a space right after it removes the word and types the digit instead.

Does not import numpy, which the app loads only after its first picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, NamedTuple, TypeAlias

from rnnlm_tui.text.marks import DASHES, gives_space_back
from rnnlm_tui.text.tokenizer import Insertion

LISTED = 5
"""The number of words of the list that a digit can take."""
DIGITS = "12345"
LINES_ABOVE = 200
"""The number of lines above the typed one that the app gives to a model. More change little."""
DigitSetting: TypeAlias = Literal["with alt", "inside words"]
"""The digits that take a word of the list: only those with alt, or plain ones too inside a word."""
WITH_ALT: DigitSetting = "with alt"
"""The default. A plain digit is always typed."""
GHOST_FROM = 0.07
"""The ghost is shown if its first word has at least this probability. On four texts a writer who
looks only at the cursor then saves 51 to 56 % of keys and sees 26 to 29 wrong ghosts in 100
characters. With 0.15 he saves 50 to 55 % and sees 20 to 23, and with 0 he saves 51 to 56 % and sees
29 to 32 (tests/benchmarks/README.md)."""
LETTERS_FOR_GHOST = 2
"""From this number of typed letters of a word on, GHOST_FROM is multiplied by GHOST_FACTOR."""
GHOST_FACTOR = 0.6
Writer: TypeAlias = Literal["attentive", "glancing", "at_cursor"]
"""A kind of writer. An attentive one reads the list after every key. A glancing one reads it at the
start of a word and after two and four letters. One at the cursor never reads it. All of them see
the ghost and the word behind it."""
GLANCES = (0, 2, 4)
"""The numbers of typed letters of a word at which a glancing writer reads the list."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested word, and how to insert it.

    Attributes:
        word: The word as the vocabulary spells it.
        probability: Its probability among all words that fit what is typed.
        text: The text to insert at the cursor.
        replaces_before: The number of characters before the cursor to delete first: a space, or
            letters that are written in another way.
        space_after: True if a space follows the word in running text.
        replaces_after: The number of characters after the cursor to delete: the rest of the word
            that the cursor is in.
        corrects: True if the typed letters are taken for a slip of the fingers, since the word
            begins in another way.
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
        """True if accepting it changes the text. A word that is typed in full does not."""
        return bool(self.text or self.replaces_before or self.replaces_after)

    def in_line(self, prefix: str) -> str:
        """Returns the word as it will stand in the line after the typed letters `prefix`."""
        return in_line(prefix, [self])


def in_line(prefix: str, pieces: Sequence[Suggestion | Insertion]) -> str:
    """Returns words as they will stand in the line, the first with the typed letters `prefix`."""
    if not pieces:
        return ""
    kept = prefix[: max(0, len(prefix) - pieces[0].replaces_before)]
    return (kept + "".join(piece.text for piece in pieces)).strip()


class Accept(NamedTuple):
    """A way to accept suggestions: the `keys` to press, as Textual names them, and the `pieces`
    that they insert one after the other. `at_cursor` is True if the pieces are shown at the cursor,
    and False if they are shown only in the list."""

    keys: tuple[str, ...]
    pieces: Sequence[Suggestion | Insertion]
    at_cursor: bool = False


def reads_list(writer: Writer, prefix: str) -> bool:
    """Returns True if the writer reads the list once `prefix` is typed of a word."""
    return writer == "attentive" or (writer == "glancing" and len(prefix) in GLANCES)


def is_ghost_likely(probability: float, prefix: str) -> bool:
    """Returns True if a ghost is shown whose first word has this probability. `prefix` are the
    typed letters of that word."""
    factor = GHOST_FACTOR if len(prefix) >= LETTERS_FOR_GHOST else 1
    return probability >= GHOST_FROM * factor


def takes_digits(before: str, digits: DigitSetting) -> bool:
    """Returns True if a plain digit takes a word of the list, and False if it is typed. `before` is
    the line up to the cursor. After capital letters alone a digit is typed, as in `Q3`."""
    if digits == WITH_ALT:
        return False
    letters = "".join(takewhile(_is_letter_or_accent, reversed(before)))
    return bool(letters) and not letters.isupper()


def _is_letter_or_accent(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def ways_to_accept(
    candidates: Sequence[Suggestion], ghost: Sequence[Insertion], *, is_empty: bool
) -> Iterator[Accept]:
    """Yields the ways to accept suggestions at the end of a text, except by plain digits.

    `ghost` has the words of the ghost, and is empty if no ghost is shown. `is_empty` is True if the
    text is empty: then, without a ghost, Tab and shift+Tab leave the editor.
    """
    words = candidates[:LISTED]
    if ghost:
        yield Accept(("tab",), _next_pieces(ghost), at_cursor=True)
        yield Accept(("right",), ghost, at_cursor=True)
    elif words and not is_empty and not words[0].corrects:
        yield Accept(("tab",), words[:1])
    if len(words) > 1 and not words[1].corrects and (ghost or not is_empty):
        yield Accept(("shift+tab",), words[1:2], at_cursor=bool(ghost))
    for digit, word in zip(DIGITS, words, strict=False):
        yield Accept((f"alt+{digit}",), [word])
        yield Accept(("down", digit), [word])


def _next_pieces(ghost: Sequence[Insertion]) -> Sequence[Insertion]:
    """Returns the first words of the ghost, up to the first word that inserts more than a space. A
    word that is typed in full inserts nothing."""
    for count, piece in enumerate(ghost, start=1):
        if piece.text.strip():
            return ghost[:count]
    return ghost


def type_character(
    before: str, tail: str, character: str, replaces_space: Callable[[str, str], bool]
) -> tuple[Insertion, str]:
    """Returns the insertion for a typed character, and the new `tail`. `before` is the line up to
    the cursor.

    The tail is the end of the line that the next character may still change:

    - After an accepted word, its space. Typing a space adds no second one, and a mark replaces the
      space if `replaces_space` returns True.
    - After a mark that replaced such a space, the mark and the letters typed since. The letters may
      show that the mark opens a quotation, as in `he said 'so`. Then the space is put back.
    - Otherwise "".
    """
    if tail == " ":
        if character == " ":
            return Insertion(""), ""
        if replaces_space(before, character):
            return Insertion(character, 1), character
    elif tail:
        after_mark = tail[1:] + character
        if gives_space_back(tail[0], after_mark):
            return Insertion(f" {tail}{character}", len(tail)), ""
        repeats_dash = character in DASHES and character == tail[0]  # as in "--"
        goes_on = character.isalpha() or repeats_dash
        return Insertion(character), tail + character if goes_on else ""
    return Insertion(character), ""
