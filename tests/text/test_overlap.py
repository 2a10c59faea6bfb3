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


def searched(corpus: list[list[str]], words: list[str]) -> list[Span]:
    """The same spans, found by trying every span at every place, the longest first."""
    flat = [(word, number) for number, line in enumerate(corpus, start=1) for word in line]
    texts, spans = [word for word, _ in flat], list[Span]()
    for start, end in combinations(range(len(words) + 1), 2):
        wanted = words[start:end]
        places = [p for p in range(len(texts)) if texts[p : p + end - start] == wanted]
        if places and end - start >= SHORTEST:
            spans.append(Span(start, end - start, flat[places[0]][1]))
    return [
        span
        for span in spans
        if not any(
            other != span
            and other.start <= span.start
            and span.start + span.length <= other.start + other.length
            for other in spans
        )
    ]


LETTERS = st.lists(st.sampled_from("abc"), max_size=14)


@settings(deadline=None, derandomize=True)
@given(corpus=st.lists(LETTERS, max_size=4), words=LETTERS)
def test_the_spans_are_those_of_a_search_word_by_word(
    corpus: list[list[str]], words: list[str]
) -> None:
    lines = [" ".join(line) for line in corpus]
    assert CopiedSpans(lines, LessonTokenizer()).find(words) == searched(corpus, words)
