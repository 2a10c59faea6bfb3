"""Slips: finding the words whose beginning is one slip away from what is typed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.slips import neighbour_keys, slip_chances
from rnnlm_tui.text.vocabulary import SortedKeys

WORDS = st.text("abcab", min_size=1, max_size=6)


def chances_of(typed: str, words: list[str], letters: str = "") -> dict[str, float]:
    """The chance of each word that is one slip away, in a language that writes these letters."""
    keys = SortedKeys(words)
    found = slip_chances(typed, keys, neighbour_keys([*letters]))
    return {words[keys.numbers[place]]: float(found[place]) for place in np.flatnonzero(found)}


def is_near(typed: str, word: str) -> bool:
    """Returns True if a beginning of the word is one slip away. Tries every way."""
    for beginning in (word[:end] for end in range(len(word) + 1)):
        made = {beginning[:i] + beginning[i + 1 :] for i in range(len(beginning) - 1)}  # left out
        for i in range(len(beginning) + 1):
            for letter in typed:
                made.add(beginning[:i] + letter + beginning[i:])
                made.add(beginning[:i] + letter + beginning[i + 1 :])
            made.add(beginning[:i] + beginning[i : i + 2][::-1] + beginning[i + 2 :])
        for double in range(len(beginning) - 1):  # halved here, doubled there
            if beginning[double] == beginning[double + 1]:
                once = beginning[:double] + beginning[double + 1 :]
                made.update(once[:i] + letter + once[i:] for i, letter in enumerate(once))
        if typed in made:
            return not word.startswith(typed)
    return False


@settings(max_examples=300, deadline=None)
@given(WORDS.filter(lambda typed: len(typed) > 2), st.lists(WORDS, unique=True, min_size=1))
def test_all_words_one_slip_away_are_found(typed: str, words: list[str]) -> None:
    assert sorted(chances_of(typed, words)) == sorted(w for w in words if is_near(typed, w))


def test_some_slips_are_likelier_than_others() -> None:
    for typed, words in (
        ("sotne", ["stone", "sotye", "sotoe"]),  # swapped; a neighbour; any other
        ("lettter", ["letter", "lettber"]),
        ("definat", ["definit", "definkt"]),  # a vowel for a vowel
        ("tommor", ["tomorr", "tomxmor"]),
    ):
        found = chances_of(typed, words)
        assert all(found[one] >= found[other] for one, other in pairwise(words))


@pytest.mark.parametrize(
    ("letters", "typed", "meant"),
    [("ß", "teit", "zeit"), ("ß", "jetut", "jetzt"), ("èê", "mes", "les"), ("", "yhe", "the")],
)
def test_a_neighbour_on_the_keyboard_of_the_language_is_likelier(
    letters: str, typed: str, meant: str
) -> None:
    other = {"ß": "", "èê": "", "": "ß"}[letters]
    far = chances_of(typed, [meant], other)[meant]
    assert chances_of(typed, [meant], letters)[meant] > far > 0
