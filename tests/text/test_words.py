"""Words counted as a person counts them."""

from __future__ import annotations

import pytest

from rnnlm_tui.text.words import count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("“Well,” she said, “don’t!”", 4),
        ("a well-known 3.14 at 10:30 p.m.", 6),
        ("the front—or the back -- you said", 7),
        ("* * * . – !", 0),
        ("हिन्दी में cafe\u0301", 3),
        ("吾輩は猫 である", 7),
    ],
)
def test_marks_are_no_words(text: str, words: int) -> None:
    assert count_words(text) == words
