"""The kinds of models, by preset: what one is made of, and how to load it for predicting."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rnnlm_tui.config import ModelConfig, RunConfig
from rnnlm_tui.lm.cost import lesson_training_seconds
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.recurrent import Layer, LessonModel, Weights, lesson_layers, lesson_shapes
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

PROGRAM_BYTES = 330_000_000
"""What the program and PyTorch take by themselves: 519 MB in all were measured on the sonnets."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    `shapes(config, total_words)` names its weights, `layers(config, total_words, window)` is its
    layer table, and `load(config, vocabulary, tokenizer, window, weights)` makes it predict.
    `training_seconds(config, total_words, window, examples)` is an estimate for this machine of all
    that a run of `config` takes; it may take 0.2 s itself, and needs no PyTorch.
    """

    shapes: Callable[[ModelConfig, int], dict[str, tuple[int, ...]]]
    layers: Callable[[ModelConfig, int, int], tuple[Layer, ...]]
    load: Callable[[ModelConfig, Vocabulary, Tokenizer, int, Weights], LanguageModel]
    training_seconds: Callable[[RunConfig, int, int, int], float]

    def parameters(self, config: ModelConfig, total_words: int) -> int:
        """The number of weights."""
        return sum(math.prod(shape) for shape in self.shapes(config, total_words).values())

    def training_bytes(self, parameters: int, total_words: int, batch_size: int) -> int:
        """The memory that training takes, in float32: weights, gradients and Adam's two means, and
        the copies of three of them while they are saved, and of the initial weights; and the
        scores of a batch with what is made of them."""
        return 4 * (8 * parameters + 4 * batch_size * total_words) + PROGRAM_BYTES


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {"lesson": Family(lesson_shapes, lesson_layers, LessonModel, lesson_training_seconds)}
)
