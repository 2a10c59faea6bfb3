"""Spans copied from the corpus, against a search word by word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.overlap import SHORTEST, CopiedSpans, Span
from rnnlm_tui.text.tokenizers import LessonTokenizer

LINES = (
    "Shall I compare thee to a summer's day?",
    "",
    "Thou art more lovely and more temperate:",
    "   ",
    "Rough winds do shake; shall I compare thee to a winter",
)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("and then thou art more lovely and less", [Span(2, 5, 3)]),
        ("shall i compare thee to a", [Span(0, 6, 1)]),
        ("shall i compare thee to a winter", [Span(0, 7, 5)]),
        ("a summer's day thou art x", [Span(0, 5, 1)]),  # over the end of a line
        ("more lovely and more zzz more lovely and more temperate", [Span(5, 5, 3)]),
    ],
)
def test_a_copy_is_found_with_the_number_of_its_line(text: str, spans: list[Span]) -> None:
    assert [*CopiedSpans(LINES, LessonTokenizer()).find(text.split())] == spans


def test_a_copy_may_begin_above_and_copies_do_not_overlap() -> None:
    found = CopiedSpans(LINES, LessonTokenizer()).copied
    assert found(["i", "compare", "thee", "to", "a", "winter"], ["shall"]) == [Span(0, 6, 5)]
    assert found(["zzz", "to", "a", "winter"], ["shall", "i", "compare", "thee"]) == []
    words = ["a", "summer's", "day", "thou", "art", "more", "lovely"]
    assert found(words, []) == [Span(0, 7, 1)]
    assert CopiedSpans(LINES, LessonTokenizer(), shortest=8).copied(words, []) == []


def searched(corpus: list[list[str]], words: list[str]) -> list[Span]:
    """The same spans, line_of by trying every span at every place."""
    flat = [(word, number) for number, line in enumerate(corpus, start=1) for word in line]
    texts = [word for word, _ in flat]
    line_of: dict[tuple[int, int], int] = {}
    for start in range(len(words)):
        for length in range(SHORTEST, len(words) - start + 1):
            wanted = words[start : start + length]
            for place in range(len(texts) - length + 1):
                if texts[place : place + length] == wanted:
                    line_of.setdefault((start, length), flat[place][1])
    return [
        Span(start, length, line)
        for (start, length), line in sorted(line_of.items())
        if not any(
            other != (start, length) and other[0] <= start and start + length <= other[0] + other[1]
            for other in line_of
        )
    ]


LETTERS = st.lists(st.sampled_from("abc"), max_size=14)


@settings(deadline=None, derandomize=True)
@given(corpus=st.lists(LETTERS, max_size=4), words=LETTERS)
def test_the_spans_are_those_of_a_search_word_by_word(
    corpus: list[list[str]], words: list[str]
) -> None:
    lines = [" ".join(line) for line in corpus]
    assert [*CopiedSpans(lines, LessonTokenizer()).find(words)] == searched(corpus, words)
