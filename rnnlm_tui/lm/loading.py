"""What the networks of the presets are: the shapes of their weights, and how they are loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rnnlm_tui.config import CausalConfig, Config, LessonConfig
from rnnlm_tui.lm.causal import CausalModel, causal_shapes
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import LanguageModel, Weights
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary


def shapes_of(config: Config, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of a network by name. An n-gram model has none."""
    match config.model:
        case LessonConfig() as sizes:
            return lesson_shapes(sizes, total_words)
        case CausalConfig() as sizes:
            return causal_shapes(config.cell, sizes, total_words)
    return {}


def load_network(
    config: Config,
    vocabulary: Vocabulary,
    tokenizer: Tokenizer,
    window: int,
    weights: Weights,
    blocked_words: Iterable[str] = (),
) -> LanguageModel:
    """The network of checked weights, ready to predict. The lesson's reads `window` words. The
    `blocked_words` are never suggested."""
    if isinstance(config.model, LessonConfig):
        return LessonModel(vocabulary, tokenizer, window, weights, blocked_words)
    assert isinstance(config.model, CausalConfig)
    return CausalModel(config.cell, config.model, vocabulary, tokenizer, weights, blocked_words)


def parameters_of(config: Config, total_words: int, ngrams: Sequence[int] = ()) -> int:
    """The number of weights of a network, or of n-grams of an n-gram model. `ngrams` is how many it
    has of each length."""
    if not config.has_network:
        return sum(ngrams)
    return sum(map(math.prod, shapes_of(config, total_words).values()))
