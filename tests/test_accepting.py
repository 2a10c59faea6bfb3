"""What each key takes from the suggestions, and what it costs."""

from __future__ import annotations

import pytest

from rnnlm_tui.accepting import (
    Suggestion,
    accepting_digits,
    is_ghost_likely,
    ways_to_accept,
)
from rnnlm_tui.suggest import WordList
from rnnlm_tui.text.tokenizer import Insertion

WORDS = tuple(Suggestion(word, 0.1, word, False, True) for word in ("a", "b", "c", "d", "e", "f"))


def listed(prefix: str = "", count: int = 6, digits_in_words: str = "") -> WordList:
    return WordList(prefix, WORDS[:count], count, digits_in_words)


def keys(
    words: WordList, before: str, ghost: tuple[Insertion, ...] = (), *, is_empty: bool = False
) -> list[str]:
    """The keys of each way, joined, with what they insert."""
    return [
        f"{'+'.join(way.keys)}={''.join(piece.text for piece in way.pieces)}"
        for way in ways_to_accept(words, before, ghost, is_empty=is_empty)
    ]


GHOST = (Insertion(""), Insertion(" cat"), Insertion(" sat"))


def test_which_keys_take_what() -> None:
    listed_anywhere = [
        *("alt+1=a", "down+1=a", "alt+2=b", "down+2=b", "alt+3=c", "down+3=c"),
        *("alt+4=d", "down+4=d", "alt+5=e", "down+5=e"),
    ]
    assert keys(listed("th"), "the th") == ["tab=a", "shift+tab=b", *listed_anywhere]
    assert keys(listed(), "the ") == keys(listed("th"), "the th")
    assert keys(listed(count=0), "the ") == []
    assert keys(listed(count=1), "the ") == ["tab=a", "alt+1=a", "down+1=a"]
    taken = keys(listed("the"), "the", GHOST)
    assert taken == ["tab= cat", "right= cat sat", "shift+tab=b", *listed_anywhere]
    assert keys(listed(), "", is_empty=True) == listed_anywhere  # tab leaves the editor
    assert keys(listed(), "", GHOST, is_empty=True)[:3] == taken[:3]


@pytest.mark.parametrize(
    ("prefix", "digits_in_words", "taken"),
    [
        ("th", "", "12345"),
        ("Th", "", "12345"),
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


def test_digits_take_words_at_the_start_of_a_word_if_that_is_wanted() -> None:
    assert accepting_digits(listed(count=2), "", "always") == "12"
    assert accepting_digits(listed(), "a $", "always") == ""  # $5


def test_a_ghost_needs_less_probability_once_two_letters_are_typed() -> None:
    shown = [is_ghost_likely(0.1, prefix) for prefix in ("", "t", "th")]
    assert shown == [False, False, True]
    assert is_ghost_likely(0.15, "") and not is_ghost_likely(0.15, "th", ghost_from=0.3)
