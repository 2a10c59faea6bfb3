"""Paragraphs that are wrapped at some column, joined to one line each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from rnnlm_tui.text.corpus import Corpus

WRAPPED_SHARE = 0.8
"""Share of the line breaks within paragraphs that only the width explains, from which on a text is
wrapped. Measured: 1.0 in three books wrapped at 72, 0.05 in the same with a line a paragraph, 0.29
in the sonnets."""
FEWEST_BREAKS = 10
NARROWEST, WIDEST = 40, 160
"""Columns at which people wrap texts."""


def arranged(corpus: Corpus, how: str) -> Corpus:
    """The corpus with a line for each paragraph: as it is for `each`, joined for `paragraphs`, and
    joined if it is wrapped for `auto`. Paragraphs are what empty lines separate; these stay, so
    that a text that is arranged already comes back as it is."""
    if how == "each" or (how == "auto" and not is_wrapped(corpus.lines)):
        return corpus
    return dataclasses.replace(corpus, lines=tuple(_joined(corpus.lines)))


def arrangement_notes(corpus: Corpus, arranged_corpus: Corpus, how: str) -> Iterator[str]:
    """A sentence on what a line is, and why."""
    if arranged_corpus is not corpus:
        why = "asked for" if how == "paragraphs" else "the text is wrapped"
        count = sum(map(bool, arranged_corpus.lines))
        yield f"a line is a paragraph ({why}): {corpus.line_count:,} lines are {count:,} paragraphs"
    elif how == "auto":
        yield "a line is a line of the file (no wrapped paragraphs)"


def is_wrapped(lines: Sequence[str]) -> bool:
    """Whether most lines end where the first word of the next one would not have fitted."""
    breaks = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip()]
    if len(breaks) < FEWEST_BREAKS:
        return False
    needed = np.array([len(a.rstrip()) + 1 + len(b.split(None, 1)[0]) for a, b in breaks])
    width = float(np.percentile([len(a.rstrip()) for a, _ in breaks], 95))
    return NARROWEST <= width <= WIDEST and bool(np.mean(needed > width - 1) >= WRAPPED_SHARE)


def _joined(lines: Sequence[str]) -> Iterator[str]:
    paragraph = list[str]()
    for line in lines:
        if words := line.split():
            paragraph += words
        else:
            if paragraph:
                yield " ".join(paragraph)
            yield ""
            paragraph = []
    if paragraph:
        yield " ".join(paragraph)
