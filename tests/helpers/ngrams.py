"""N-gram models of a few made-up lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.ngram import NgramModel, ngram_arrays
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.texts import made_up_corpus


def prepared(lines: Sequence[str], **options: Any) -> PreparedLines:
    """These lines, all to train on."""
    given = {"held_out": 0, "tokenizer": "whitespace", **options}
    text = prepare_corpus(made_up_corpus("\n".join(lines)), make_config("ngram", [given]))
    assert isinstance(text, PreparedLines)
    return text


def arrays_of(text: PreparedLines, order: int, most: int | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of the model of these lines."""
    parts = ngram_arrays(text, order, most)
    return dict(chain.from_iterable(part.items() for part in parts))


def counted(text: PreparedLines, order: int, most: int | None = None) -> NgramModel:
    """The model of these lines."""
    arrays = arrays_of(text, order, most)
    return NgramModel(order, text.vocabulary, TOKENIZERS["whitespace"], arrays)


def ngram_model(lines: Sequence[str], order: int = 5) -> NgramModel:
    """The model of these lines."""
    return counted(prepared(lines), order)
