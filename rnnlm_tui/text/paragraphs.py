"""Arranges a corpus so that each line is a paragraph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.streams import Lines, StreamedLines
from rnnlm_tui.text.wrapping import LineBreaks, joined


def arranged(corpus: Corpus, how: str) -> Corpus:
    """The corpus with the lines that the setting `lines` asks for: one line per paragraph for
    `paragraphs`, and for `auto` if the text is wrapped; else unchanged. Empty lines separate
    paragraphs and are kept, so arranging twice changes nothing."""
    lines = corpus.lines
    if how == "each" or (how == "auto" and not is_wrapped(lines)):
        return corpus
    if isinstance(lines, StreamedLines):
        return dataclasses.replace(corpus, lines=dataclasses.replace(lines, is_joined=True))
    return dataclasses.replace(corpus, lines=tuple(joined(lines)))


def arrangement_notes(corpus: Corpus, arranged_corpus: Corpus, how: str) -> Iterator[str]:
    """A sentence saying what a line is, and why."""
    if arranged_corpus is not corpus:
        why = "asked for" if how == "paragraphs" else "the text is wrapped"
        lines = arranged_corpus.lines
        if isinstance(lines, StreamedLines):
            count = lines.facts.paragraphs
        else:
            count = sum(map(bool, lines))
        yield f"a line is a paragraph ({why}): {corpus.line_count:,} lines are {count:,} paragraphs"
    elif how == "auto":
        yield "a line is a line of the file (no wrapped paragraphs)"


def is_wrapped(lines: Lines) -> bool:
    """Whether the text is wrapped at some column, as `LineBreaks.are_wrapped` tells."""
    if isinstance(lines, StreamedLines):
        return lines.facts.are_wrapped and not lines.is_joined
    return LineBreaks.within(lines).are_wrapped
