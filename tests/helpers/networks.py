"""Networks of random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.causal import CausalModel, causal_shapes
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary


def normal_weights(
    shapes: Mapping[str, tuple[int, ...]], scale: float = 1.0, seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """Weights drawn from a normal distribution."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}


def small_network(vocabulary: Vocabulary, cell: str = "gru", **settings: Any) -> CausalModel:
    """A small causal network, which forgets."""
    config = CausalConfig(**{"embedding_size": 4, "hidden_size": 5, **settings})
    weights = normal_weights(causal_shapes(cell, config, vocabulary.total_words), 0.4)
    return CausalModel(cell, config, vocabulary, TOKENIZERS["whitespace"], weights)
