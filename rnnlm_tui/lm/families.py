"""The kinds of models, by preset: what one is made of, and how to load it for predicting."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rnnlm_tui.config import ModelConfig
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.recurrent import Layer, LessonModel, Weights, lesson_layers, lesson_shapes
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

TORCH_BYTES = 250_000_000
"""What PyTorch takes by itself, measured."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    `shapes(config, total_words)` names its weights, `layers(config, total_words, window)` is its
    layer table, and `load(config, vocabulary, tokenizer, window, weights)` makes it predict.
    """

    shapes: Callable[[ModelConfig, int], dict[str, tuple[int, ...]]]
    layers: Callable[[ModelConfig, int, int], tuple[Layer, ...]]
    load: Callable[[ModelConfig, Vocabulary, Tokenizer, int, Weights], LanguageModel]

    def parameters(self, config: ModelConfig, total_words: int) -> int:
        """The number of weights."""
        return sum(math.prod(shape) for shape in self.shapes(config, total_words).values())

    def training_bytes(self, parameters: int) -> int:
        """The memory that training takes: weights, gradients and Adam's two means in float32."""
        return 16 * parameters + TORCH_BYTES


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {"lesson": Family(lesson_shapes, lesson_layers, LessonModel)}
)
