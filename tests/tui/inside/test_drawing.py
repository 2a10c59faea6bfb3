"""What is drawn for the words of a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnlm_tui.explain import Explanation, LineWord
from rnnlm_tui.tui.inside.drawing import guess_sentence, influence_rows
from tests.helpers.inside import explanation


def plain(found: Explanation, width: int, height: int) -> list[str]:
    return [row.plain.rstrip() for row in influence_rows(found, width, height)]


def with_falls(*falls: float) -> Explanation:
    """A line whose words change the probability of 0.6 so much if they are left out."""
    words = (LineWord(f"w{n}", True, True, 0.5, 1, (fall,)) for n, fall in enumerate(falls))
    return replace(explanation(), words=tuple(words))


def test_a_fall_and_a_rise_differ_without_colours() -> None:
    found = with_falls(0.3, -0.3, 0.001, -0.001, 0, -6000)
    assert plain(found, 80, 1) == ["w0 ██▌ -50%  w1 ░░░ +50%  w2 0%  w3 0%  w4 0%  w5 ░░░░░ +9999%"]


def test_an_ellipsis_stands_for_the_words_without_room() -> None:
    found = with_falls(*[0.0] * 8)
    assert plain(found, 30, 2) == ["w0 0%  w1 0%  w2 0%  w3 0%", "w4 0%  w5 0%  w6 0%  w7 0%"]
    assert plain(found, 30, 1) == ["… w4 0%  w5 0%  w6 0%  w7 0%"]
    assert plain(found, 24, 2) == ["… w2 0%  w3 0%  w4 0%", "w5 0%  w6 0%  w7 0%"]
    assert plain(replace(found, earlier=1), 80, 2)[0].startswith("… w0 0%")


WORDS = (
    LineWord("shall", True, True, None, 3, None),
    LineWord("i", True, True, 0.25, 1, None),
    LineWord("zzz", False, False, None, None, None),
    LineWord("compare", True, True, 0.0001, 1203, None),
    LineWord(",", True, True, 0.5, None, None),
    LineWord("incomprehensibilities", True, True, 0.048, 12, None),
)


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, ""),
        (1, '"shall": no word that is known stands before it'),
        (2, '"i": 1st guess, 25%, 2.0 bits after "shall"'),
        (3, '"zzz": unknown to the model, so it is never guessed'),
        (4, '"compare": 1,203rd guess, <0.1%, 13.3 bits after "shall i zzz"'),
        (5, '"compare": 1,203rd guess, <0.1%, 13.3 bits after "shall i zzz"'),
        (6, '"incomprehensibilities": 12th guess, 4.8%, 4.4 bits after "… i zzz compare ,"'),
    ],
)
def test_the_guess_of_the_last_word_is_told(count: int, sentence: str) -> None:
    assert guess_sentence(replace(explanation(), words=WORDS[:count])) == sentence


def test_a_word_that_is_never_suggested_has_no_place() -> None:
    mark = replace(explanation(), words=WORDS[4:5])
    assert guess_sentence(mark) == '",": never suggested, 50%, 1.0 bits as the first word'
