"""Texts of a few made-up lines, and n-gram models of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.kneser_ney import ngram_arrays
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.held_out import hold_out, not_blank
from rnnlm_tui.text.prepare import Prepared, prepare
from rnnlm_tui.text.reading import Corpus, count_words


def made_up_corpus(text: str) -> Corpus:
    """A text that was read from no file."""
    lines = int(not_blank(text.split("\n")).sum())
    return Corpus("test", (), "", count_words(text), lines, text.encode())


def split_held_out(lines: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """The training lines and the held-out lines of a text. No line is in both."""
    held_out = hold_out(not_blank(lines), share, seed)
    learned = {*compress(lines, ~held_out)}
    held_out &= np.array([line not in learned for line in lines], np.bool_)
    return [*compress(lines, ~held_out)], [*compress(lines, held_out)]


def prepared(lines: Sequence[str], **settings: Any) -> Prepared:
    """A text of these lines, of which none is held out unless `settings` say so."""
    config = make_config("ngram", [{"held_out": 0, "tokenizer": "whitespace", **settings}])
    return prepare(made_up_corpus("\n".join(lines)), config)


def arrays_of(text: Prepared, order: int) -> dict[str, NDArray[Any]]:
    """The arrays of an n-gram model of a text."""
    parts = ngram_arrays(text.train, text.vocabulary.total_words, order)
    return {name: array for part in parts for name, array in part.items()}


def counted(text: Prepared, order: int = 5) -> NgramModel:
    """An n-gram model of a prepared text."""
    return NgramModel(text.vocabulary, text.tokenizer, arrays_of(text, order))


def ngram_model(lines: Sequence[str], order: int = 5) -> NgramModel:
    """An n-gram model of these lines."""
    return counted(prepared(lines), order)
