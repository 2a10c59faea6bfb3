"""The architecture of each preset, and what follows from both for a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rnnlm_tui.config import (
    PRESETS,
    CausalConfig,
    LessonConfig,
    ModelConfig,
    NgramConfig,
    RunConfig,
)
from rnnlm_tui.lm.causal import CausalArchitecture
from rnnlm_tui.lm.lesson import LessonArchitecture
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.ngram import NgramArchitecture
from rnnlm_tui.text.corpus import Corpus, Mask
from rnnlm_tui.text.prepare import PreparedText, prepare
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary

BY_SIZES: Mapping[type[ModelConfig], Callable[[str], Architecture[Any]]] = MappingProxyType(
    {
        LessonConfig: lambda preset: LessonArchitecture(),
        NgramConfig: lambda preset: NgramArchitecture(),
        CausalConfig: CausalArchitecture,
    }
)
"""The architecture of a preset, by the class of its sizes; a new preset of one needs no entry."""
ARCHITECTURES: Mapping[str, Architecture[Any]] = MappingProxyType(
    {name: BY_SIZES[type(preset.model)](name) for name, preset in PRESETS.items()}
)


def prepare_corpus(
    corpus: Corpus,
    config: RunConfig,
    known: tuple[Vocabulary, int] | None = None,
    held_out: Mask | None = None,
) -> PreparedText:
    """The corpus as a training of `config` uses it.

    `known` are the vocabulary and the window of the model that the training starts from, `held_out`
    are the lines to hold out if not those that follow from `config`. Raises CorpusError if there is
    not enough to train on.
    """
    architecture = ARCHITECTURES[config.preset]
    vocabulary, window = known or (None, None)
    return prepare(
        corpus,
        TOKENIZERS[config.tokenizer],
        config.train,
        lambda longest: window or architecture.window(config.model, longest),
        special_tokens=architecture.special_tokens,
        vocabulary=vocabulary,
        held_out=held_out,
    )
