"""The keys that accept suggestions, and the spaces of accepted words."""

from __future__ import annotations

import pytest

from rnnlm_tui.suggesting.accepting import (
    Suggestion,
    is_ghost_likely,
    takes_digits,
    type_character,
    ways_to_accept,
)
from rnnlm_tui.suggesting.suggest import apply_insertion
from rnnlm_tui.text.marks import gives_space_back, replaces_space
from rnnlm_tui.text.tokenizer import Insertion

CORRECTION = Suggestion("the", 0.9, "he", 2, True, corrects=True)
WORDS = tuple(Suggestion(word, 0.1, word, 0, True) for word in "abcdef")
GHOST = (Insertion(""), Insertion(" cat"), Insertion(" sat"))
LISTED = [
    f"{key}+{number}={word}" for number, word in enumerate("abcde", 1) for key in ("alt", "down")
]


@pytest.mark.parametrize(
    ("count", "ghost", "is_empty", "taken"),
    [
        (6, (), False, ["tab=a", "shift+tab=b", *LISTED]),
        (0, (), False, []),
        (1, (), False, ["tab=a", *LISTED[:2]]),
        (6, GHOST, False, ["tab= cat", "right= cat sat", "shift+tab=b", *LISTED]),
        (6, (), True, LISTED),  # tab leaves the editor
        (6, GHOST, True, ["tab= cat", "right= cat sat", "shift+tab=b", *LISTED]),
    ],
)
def test_which_keys_take_what(
    count: int, ghost: tuple[Insertion, ...], is_empty: bool, taken: list[str]
) -> None:
    ways = ways_to_accept(WORDS[:count], ghost, is_empty=is_empty)
    found = ["+".join(way.keys) + "=" + "".join(p.text for p in way.pieces) for way in ways]
    assert found == taken


def test_only_its_own_key_takes_a_word_that_corrects() -> None:
    for words, keys in (
        ([CORRECTION, *WORDS[:1]], ["shift+tab", "alt+1", "down", "alt+2", "down"]),
        ([*WORDS[:1], CORRECTION], ["tab", "alt+1", "down", "alt+2", "down"]),
    ):
        assert [way.keys[0] for way in ways_to_accept(words, (), is_empty=False)] == keys


@pytest.mark.parametrize(
    ("before", "in_words"),
    [
        ("a th", True),
        ("é", True),
        ("e\u0301", True),
        ("कि", True),  # a letter and the mark of its vowel
        ("(th", True),
        ("Q", False),  # Q3
        ("a h2", False),
        ("", False),
        ("a ", False),
        ("a $", False),  # $5
    ],
)
def test_a_plain_digit_is_typed_where_it_makes_a_word_of_its_own(
    before: str, in_words: bool
) -> None:
    assert not takes_digits(before, "with alt")
    assert takes_digits(before, "inside words") is in_words


def test_a_ghost_needs_less_probability_once_two_letters_are_typed() -> None:
    shown = [is_ghost_likely(0.05, prefix) for prefix in ("", "t", "th")]
    assert shown == [False, False, True]
    assert is_ghost_likely(0.07, "")


@pytest.mark.parametrize(
    ("accepted", "keys", "line"),
    [
        ("i compare", " t  ", "i compare t  "),
        *(("i compare", f"{mark} ", f"i compare{mark} ") for mark in ",.;:!?)]}\u201d\u2026"),
        ("i compare", "(", "i compare ("),
        ("the beauty", "'s h", "the beauty's h"),
        ("he said", "'so", "he said 'so"),
        ("so we", "\u2019ll go", "so we\u2019ll go"),
        ("a well", "-k", "a well-k"),
        ("we went", "- and", "we went - and"),
        ("we went", "\u2014 and", "we went \u2014 and"),
        ("we went", "-- and", "we went -- and"),
        ("we went", "--and", "we went--and"),
        ("Monday", "/ Tuesday", "Monday / Tuesday"),
        ("whether", "/or", "whether/or"),
        ("it is in", "/home/me", "it is in /home/me"),
        ('"i am', '" he', '"i am" he'),
        ("he said", '"i', 'he said "i'),
        ('a 5" pipe', '"i', 'a 5" pipe "i'),
        ('"yes", and', '"n', '"yes", and "n'),
        *(
            (f"the {mark}first day", f"{mark[::-1]} a", f"the {mark}first day{mark[::-1]} a")
            for mark in ("*", "**", "_", "`", "~~", "**_")
        ),
        ("* a day", "*a", "* a day *a"),
        ("one", "\ntwo", "one\ntwo"),
        ("in the", "'90s", "in the '90s"),
        ("thank you", ":) ", "thank you :) "),
        ("thank you", ";-)", "thank you ;-)"),
        ("thank you", ":D", "thank you :D"),
        ("10", "\u00a0km", "10\u00a0km"),
        ("oui", "\u202f! ", "oui\u202f! "),
    ],
)
def test_what_typing_does_to_the_space_of_an_accepted_word(
    accepted: str, keys: str, line: str
) -> None:
    written, tail = f"{accepted} ", " "
    for key in keys:
        way, tail = type_character(written, tail, key, replaces_space)
        written = apply_insertion(written, way)
    assert written == line


def test_a_space_after_a_dash_belongs_before_it_too() -> None:
    for dash in "-\u2013\u2014":
        assert gives_space_back(dash, " ") and not gives_space_back(dash, "B"), "London\u2013B"
