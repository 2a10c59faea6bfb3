"""Which words stand in the corpus just so, against a search word by word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.text.overlap import SHORTEST, CopiedSpans, Span, find_copied
from rnnlm_tui.text.tokenizer import LessonTokenizer

LINES = (
    "Shall I compare thee to a summer's day?",
    "",
    "Thou art more lovely and more temperate:",
    "   ",
    "Rough winds do shake; shall I compare thee to a winter",
)


def spans(text: str) -> tuple[Span, ...]:
    return CopiedSpans(LINES, LessonTokenizer()).find(text.split())


def test_a_copy_is_found_with_the_number_of_its_line() -> None:
    assert spans("and then thou art more lovely and less") == (Span(2, 5, 3),)


def test_the_first_of_several_places_is_named_and_the_longest_span() -> None:
    assert spans("shall i compare thee to a") == (Span(0, 6, 1),)
    assert spans("shall i compare thee to a winter") == (Span(0, 7, 5),)


def test_four_words_are_no_copy() -> None:
    assert spans("more lovely and more") == ()
    assert spans("") == ()


def test_a_copy_goes_on_over_the_end_of_a_line() -> None:
    assert spans("a summer's day thou art x") == (Span(0, 5, 1),)


def test_spans_may_overlap_but_none_lies_within_another() -> None:
    found = spans("art more lovely and more temperate rough winds do shake more lovely")
    assert found == (Span(0, 10, 3),)
    overlapping = CopiedSpans(["a b c d e f", "c d e f g h"], LessonTokenizer())
    assert overlapping.find([*"abcdefgh"]) == (Span(0, 6, 1), Span(2, 6, 2))


def test_an_empty_corpus_has_nothing_to_copy() -> None:
    assert CopiedSpans(["", "..."], LessonTokenizer()).find([*"abcdef"]) == ()


def test_a_long_copy_is_found_in_one_piece() -> None:
    words = [str(number) for number in np.random.default_rng(0).integers(0, 50, 5000)]
    index = CopiedSpans([" ".join(words[i : i + 7]) for i in range(0, 5000, 7)], LessonTokenizer())
    assert index.find(words) == (Span(0, 5000, 1),)


def searched(corpus: list[list[str]], words: list[str]) -> list[tuple[int, int, int]]:
    """The same by trying every span at every place."""
    flat = [(word, number) for number, line in enumerate(corpus, start=1) for word in line]
    texts = [word for word, _ in flat]
    found: dict[tuple[int, int], int] = {}
    for start in range(len(words)):
        for length in range(SHORTEST, len(words) - start + 1):
            wanted = words[start : start + length]
            for place in range(len(texts) - length + 1):
                if texts[place : place + length] == wanted:
                    found.setdefault((start, length), flat[place][1])
    return [
        (start, length, line)
        for (start, length), line in sorted(found.items())
        if not any(
            other != (start, length) and other[0] <= start and start + length <= other[0] + other[1]
            for other in found
        )
    ]


LETTERS = st.lists(st.sampled_from("abc"), max_size=14)


@given(corpus=st.lists(LETTERS, max_size=4), words=LETTERS)
def test_the_spans_are_those_of_a_search_word_by_word(
    corpus: list[list[str]], words: list[str]
) -> None:
    lines = [" ".join(line) for line in corpus]
    indexed = CopiedSpans(lines, LessonTokenizer()).find(words)
    found = [(span.start, span.length, span.line_number) for span in indexed]
    assert found == searched(corpus, words)
    assert find_copied(words, lines, LessonTokenizer()) == indexed


@pytest.mark.parametrize("word", ["c", "z"])
def test_a_word_that_the_corpus_lacks_ends_a_span(word: str) -> None:
    index = CopiedSpans(["a b a b a b"], LessonTokenizer())
    assert index.find([*"ababa", word, *"babab"]) == (Span(0, 5, 1), Span(6, 5, 1))
