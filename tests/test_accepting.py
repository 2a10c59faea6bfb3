"""What each key takes from the suggestions, and what it costs."""

from __future__ import annotations

import pytest

from rnnlm_tui.accepting import (
    Suggestion,
    WordList,
    accepting_digits,
    is_ghost_likely,
    ways_to_accept,
)
from rnnlm_tui.text.tokenizer import Insertion

WORDS = tuple(Suggestion(word, 0.1, word, 0, True) for word in "abcdef")
GHOST = (Insertion(""), Insertion(" cat"), Insertion(" sat"))
LISTED = [
    f"{key}+{number}={word}" for number, word in enumerate("abcde", 1) for key in ("alt", "down")
]


def listed(prefix: str = "", count: int = 6, digits_in_words: str = "") -> WordList:
    return WordList(prefix, WORDS[:count], count, digits_in_words)


@pytest.mark.parametrize(
    ("words", "before", "ghost", "taken"),
    [
        (listed("th"), "the th", (), ["tab=a", "shift+tab=b", *LISTED]),
        (listed(), "the ", (), ["tab=a", "shift+tab=b", *LISTED]),
        (listed(count=0), "the ", (), []),
        (listed(count=1), "the ", (), ["tab=a", *LISTED[:2]]),
        (listed("the"), "the", GHOST, ["tab= cat", "right= cat sat", "shift+tab=b", *LISTED]),
        (listed(), "", (), LISTED),  # tab leaves the editor
        (listed(), "", GHOST, ["tab= cat", "right= cat sat", "shift+tab=b", *LISTED]),
    ],
)
def test_which_keys_take_what(
    words: WordList, before: str, ghost: tuple[Insertion, ...], taken: list[str]
) -> None:
    ways = ways_to_accept(words, before, ghost, is_empty=not before)
    found = ["+".join(way.keys) + "=" + "".join(p.text for p in way.pieces) for way in ways]
    assert found == taken


@pytest.mark.parametrize(
    ("prefix", "digits_in_words", "taken"),
    [
        ("th", "", "12345"),
        ("é", "", "12345"),
        ("कि", "", "12345"),  # a letter and the mark of its vowel
        ("Q", "", ""),  # Q3
        ("mp", "34", "125"),  # mp3
        ("don't", "", ""),
        ("h2", "", ""),
        ("", "", ""),
    ],
)
def test_a_digit_is_typed_where_it_makes_a_word_of_its_own(
    prefix: str, digits_in_words: str, taken: str
) -> None:
    words, before = listed(prefix, digits_in_words=digits_in_words), f"a {prefix}"
    assert accepting_digits(words, before, "inside words") == taken
    assert accepting_digits(words, before, "with alt") == ""
    assert accepting_digits(words, before, "always") == (taken if prefix else "12345")
    ways = ways_to_accept(words, before, (), "inside words", is_empty=False)
    assert "".join(way.keys[0] for way in ways if way.keys[0].isdigit()) == taken
    assert accepting_digits(listed(count=2), "", "always") == "12"
    assert accepting_digits(listed(), "a $", "always") == ""  # $5


def test_a_ghost_needs_less_probability_once_two_letters_are_typed() -> None:
    shown = [is_ghost_likely(0.1, prefix) for prefix in ("", "t", "th")]
    assert shown == [False, False, True]
    assert is_ghost_likely(0.15, "") and not is_ghost_likely(0.15, "th", ghost_from=0.3)
