"""What each preset is: the shapes of its network, and how it is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from rnnlm_tui.config import Config
from rnnlm_tui.lm.causal import CELLS, WINDOW, CausalModel, causal_shapes
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import LanguageModel, Weights
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary


class Kind(NamedTuple):
    """A kind of model, whose functions take the settings of its preset. `shapes` are those of the
    weights of the network, by name, for a vocabulary of so many ids; `window` is that of a new
    model for a text with a longest line of so many words; `load` makes the model of checked
    weights, ready to predict."""

    special_tokens: tuple[str, ...]
    shapes: Callable[[Any, int], dict[str, tuple[int, ...]]]
    window: Callable[[Any, int], int]
    load: Callable[[Any, Vocabulary, Tokenizer, int, Weights], LanguageModel]


def _no_network(*_: object) -> LanguageModel:
    raise TypeError("n-grams have no network")


LESSON = Kind(
    special_tokens=(),
    shapes=lambda config, total: lesson_shapes(config.model, total),
    # All words but the last of the longest line.
    window=lambda config, longest: max(1, min(longest - 1, int(config.model.max_window))),
    load=lambda config, *read: LessonModel(*read),
)
CAUSAL = Kind(
    special_tokens=SPECIAL_TOKENS,
    shapes=lambda config, total: causal_shapes(config.preset, config.model, total),
    window=lambda config, longest: WINDOW,
    load=lambda config, *read: CausalModel(config.preset, config.model, *read),
)
NGRAMS = Kind(
    special_tokens=SPECIAL_TOKENS,
    shapes=lambda config, total: {},
    window=lambda config, longest: int(config.model.order) - 1,
    load=_no_network,
)
KINDS: Mapping[str, Kind] = MappingProxyType(
    {"lesson": LESSON, "ngram": NGRAMS, **dict.fromkeys(CELLS, CAUSAL)}
)
"""The kind of each preset."""


def parameters_of(config: Config, total_words: int, ngrams: Sequence[int] = ()) -> int:
    """The number of weights of the network, or of n-grams, of which there are so many by length."""
    if config.preset == "ngram":
        return sum(ngrams)
    return sum(map(math.prod, KINDS[config.preset].shapes(config, total_words).values()))
