"""What each key takes from the suggestions, and what it costs."""

from __future__ import annotations

from typing import get_args

import pytest

from rnnlm_tui.accepting import (
    DigitSetting,
    Suggestion,
    accepting_digits,
    is_ghost_likely,
    keys_to_type,
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


def test_one_key_takes_any_word_of_the_list_anywhere() -> None:
    assert keys(listed("th"), "the th") == [
        *("tab=a", "shift+tab=b"),
        *("alt+1=a", "down+1=a", "alt+2=b", "down+2=b", "alt+3=c", "down+3=c"),
        *("alt+4=d", "down+4=d", "alt+5=e", "down+5=e"),
    ]
    assert keys(listed(), "the ") == keys(listed("th"), "the th")
    assert keys(listed(count=0), "the ") == []
    assert keys(listed(count=1), "the ") == ["tab=a", "alt+1=a", "down+1=a"]


def test_a_plain_digit_takes_a_word_where_the_setting_says_so() -> None:
    taken = {
        digits: [
            way.keys[0]
            for prefix in ("", "th")
            for way in ways_to_accept(listed(prefix), f"a {prefix}", (), digits, is_empty=False)
            if way.keys[0].isdigit()
        ]
        for digits in get_args(DigitSetting)
    }
    assert taken == {"with alt": [], "inside words": [*"12345"], "always": [*"1234512345"]}


def test_tab_takes_the_next_word_of_the_ghost_and_right_all_of_it() -> None:
    ghost = (Insertion(""), Insertion(" cat"), Insertion(" sat"))
    taken = keys(listed("the"), "the", ghost)
    assert taken[:3] == ["tab= cat", "right= cat sat", "shift+tab=b"]


def test_on_an_empty_text_tab_leaves_the_editor_unless_there_is_a_ghost() -> None:
    assert keys(listed(), "", is_empty=True)[:2] == ["alt+1=a", "down+1=a"]
    assert keys(listed(), "", (Insertion("The"),), is_empty=True)[:3] == [
        *("tab=The", "right=The", "shift+tab=b"),
    ]


@pytest.mark.parametrize(
    ("prefix", "digits_in_words", "taken"),
    [
        ("th", "", "12345"),
        ("t", "", "12345"),
        ("Th", "", "12345"),
        ("é", "", "12345"),
        ("कि", "", "12345"),  # a letter and the mark of its vowel
        ("Q", "", ""),  # Q3
        ("HO", "", ""),
        ("mp", "34", "125"),  # mp3
        ("don't", "", ""),
        ("well-kn", "", ""),
        ("h2", "", ""),
        ("", "", ""),
    ],
)
def test_a_digit_is_typed_where_it_makes_a_word_of_its_own(
    prefix: str, digits_in_words: str, taken: str
) -> None:
    words = listed(prefix, digits_in_words=digits_in_words)
    assert accepting_digits(words, f"a {prefix}", "inside words") == taken
    assert accepting_digits(words, f"a {prefix}") == ""


def test_digits_take_words_at_the_start_of_a_word_if_that_is_wanted() -> None:
    assert accepting_digits(listed(), "a ", "always") == "12345"
    assert accepting_digits(listed(count=2), "", "always") == "12"
    assert accepting_digits(listed(), "a $", "always") == ""  # $5
    assert accepting_digits(listed("th"), "a th", "always") == "12345"


def test_a_digit_that_takes_a_word_is_given_back_by_a_digit_a_space_or_backspace() -> None:
    assert keys_to_type("a", "", "12345") == ("a",)
    assert keys_to_type("6", "1", "12345") == ("6",)
    assert keys_to_type("2", "1", "") == ("2",)
    assert keys_to_type("2", "", "12345") == ("2", "backspace")
    assert keys_to_type("2", ".", "12345") == ("2", "backspace")
    assert keys_to_type("2", "0", "12345") == ("2", "0")
    assert keys_to_type("2", " ", "12345") == ("2", " ")


def test_a_ghost_needs_less_probability_once_two_letters_are_typed() -> None:
    shown = [is_ghost_likely(0.1, prefix) for prefix in ("", "t", "th")]
    assert shown == [False, False, True]
    assert is_ghost_likely(0.15, "") and not is_ghost_likely(0.15, "th", ghost_from=0.3)
