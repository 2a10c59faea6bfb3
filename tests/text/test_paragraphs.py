"""Paragraphs that are wrapped are joined; verse, and diaries with a line a day, stay."""

from __future__ import annotations

import io
import textwrap

import pytest

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import Corpus, arranged, is_wrapped, read_corpus

SENTENCE = "The boats came in before noon and we helped to carry the baskets up the hill. "


def corpus_of(text: str) -> Corpus:
    return Corpus("test", tuple(text.split("\n")), "", ())


@pytest.mark.parametrize("width", [45, 72, 100])
def test_wrapped_paragraphs_are_one_line_each(width: int) -> None:
    paragraphs = [SENTENCE * count for count in (4, 7, 5)]
    text = "\n\n".join(textwrap.fill(p, width) for p in paragraphs)
    found = arranged(corpus_of(text), "auto")
    assert [line for line in found.lines if line] == [p.strip() for p in paragraphs]
    assert arranged(found, "auto") == found == arranged(found, "paragraphs")


def test_other_texts_keep_their_lines() -> None:
    sonnets = read_corpus([bundled_corpus()], None, io.BytesIO())
    diary = [SENTENCE * (1 + day % 3) for day in range(40)]
    short = textwrap.fill(SENTENCE * 3, 60).split("\n")
    for lines in (sonnets.lines, diary, short):
        assert not is_wrapped(lines)
    assert arranged(sonnets, "auto") is sonnets


def test_a_setting_overrides_what_is_found() -> None:
    text = corpus_of("one\ntwo\n\nthree")
    assert arranged(text, "paragraphs").lines == ("one two", "", "three")
    assert arranged(text, "each") is text
