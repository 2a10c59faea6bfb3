"""Finds the spans of a continuation that are copied from the corpus.

Words are compared as the tokenizer spells them, so case and punctuation are ignored if it drops
them. A span may cross line breaks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlm_tui.text.tokenizer import Tokenizer, tokenize_lines

SHORTEST = 5
"""Words of the shortest span; shorter ones are common in any language."""


@dataclass(frozen=True, slots=True)
class Span:
    """`length` copied words from position `start` on. `line_number` is the first line of the corpus
    with them, counted from 1 with empty lines."""

    start: int
    length: int
    line_number: int


class CopiedSpans:
    """An index of a corpus, with 4 bytes a word. It is immutable, so any thread may use it."""

    def __init__(self, lines: Iterable[str], tokenizer: Tokenizer) -> None:
        text = tokenize_lines(lines, tokenizer)
        self._ids = {word: number for number, word in enumerate(text.words)}
        self._tokens = text.numbers  # [N]
        self._line_ends = np.cumsum(text.lengths)  # [L]

    def find(self, words: Sequence[str]) -> tuple[Span, ...]:
        """The longest spans of `words`, of five words or more, that are in the corpus, in order.
        None contains another. Takes about a millisecond a word for a million words of corpus."""
        ids = [self._ids.get(word, -1) for word in words]

        def end_from(start: int) -> int:
            return start + self._longest(ids[start:])[0]

        spans, start = list[Span](), 0
        while start <= len(ids) - SHORTEST:
            length, place = self._longest(ids[start:])
            end = start + length
            if length >= SHORTEST:
                line = int(np.searchsorted(self._line_ends, place, side="right"))
                spans.append(Span(start, length, line + 1))
            # Ends never decrease with the start, so bisection finds the first that ends later.
            later = range(start + 1, min(end + 1, len(ids)))
            start += 1 + bisect_right(later, end, key=end_from)
        return tuple(spans)

    def _longest(self, ids: Sequence[int]) -> tuple[int, int]:
        """The length of the longest prefix of these ids in the corpus, and its first position."""
        places, first = np.flatnonzero(self._tokens == ids[0]), 0
        for length, word in enumerate(ids):
            inside = places[: np.searchsorted(places, len(self._tokens) - length)]
            places = inside[self._tokens[inside + length] == word]
            if len(places) == 0:
                return length, first
            first = int(places[0])
        return len(ids), first
