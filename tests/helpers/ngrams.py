"""N-gram models of a few made-up lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rnnlm_tui.config import make_config
from rnnlm_tui.lm.kinds import KINDS
from rnnlm_tui.lm.kneser_ney import ngram_arrays
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.prepare import Prepared, prepare
from tests.helpers.texts import made_up_corpus


def prepared(lines: Sequence[str], **options: Any) -> Prepared:
    """These lines, all to train on."""
    config = make_config("ngram", [{"held_out": 0, "tokenizer": "whitespace", **options}])
    kind, text = KINDS["ngram"], made_up_corpus("\n".join(lines))
    return prepare(text, config, kind.special_tokens, lambda longest: kind.window(config, longest))


def arrays_of(text: Prepared, order: int) -> dict[str, NDArray[Any]]:
    """The arrays of the model of these lines."""
    parts = ngram_arrays(text.train, text.vocabulary.total_words, order)
    return {name: array for part in parts for name, array in part.items()}


def counted(text: Prepared, order: int = 5) -> NgramModel:
    """The model of these lines."""
    return NgramModel(text.vocabulary, text.tokenizer, arrays_of(text, order))


def ngram_model(lines: Sequence[str], order: int = 5) -> NgramModel:
    """The model of these lines."""
    return counted(prepared(lines), order)
