"""Spans copied from the corpus, against a search word by word."""

from __future__ import annotations

from itertools import combinations

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


def test_a_copy_may_begin_above_and_copies_do_not_overlap() -> None:
    found = CopiedSpans(LINES, LessonTokenizer()).copied
    assert found(["i", "compare", "thee", "to", "a", "winter"], ["shall"]) == [Span(0, 6, 5)]
    assert found(["zzz", "to", "a", "winter"], ["shall", "i", "compare", "thee"]) == []
    words = ["a", "summer's", "day", "thou", "art", "more", "lovely"]
    assert found(words, []) == [Span(0, 7, 1)]
    assert CopiedSpans(LINES, LessonTokenizer(), shortest=8).copied(words, []) == []


def searched(corpus: list[str], words: list[str]) -> list[tuple[int, int]]:
    """The first words and lengths of the same spans, of all that are in the corpus those that no
    other contains."""
    text = f" {' '.join(corpus)} "
    found = [
        (start, end)
        for start, end in combinations(range(len(words) + 1), 2)
        if end - start >= SHORTEST and f" {' '.join(words[start:end])} " in text
    ]
    contained = {(a, b) for a, b in found for c, d in found if c <= a and b <= d and b - a < d - c}
    return [(start, end - start) for start, end in found if (start, end) not in contained]


LETTERS = st.lists(st.sampled_from("abc"), max_size=14)


@settings(deadline=None, derandomize=True)
@given(corpus=st.lists(LETTERS, max_size=4), words=LETTERS)
def test_the_spans_are_those_of_a_search_word_by_word(
    corpus: list[list[str]], words: list[str]
) -> None:
    lines = [" ".join(line) for line in corpus if line]
    spans = CopiedSpans(lines, LessonTokenizer()).find(words)
    assert [(span.start, span.length) for span in spans] == searched(lines, words)
