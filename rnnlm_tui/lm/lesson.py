"""The lesson's network: the shapes of its weights, and inference with numpy.

Shapes: T time steps (the window), E embedding, H hidden, V vocabulary (`total_words`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.causal import Cell
from rnnlm_tui.lm.model import Array, Network, Weights, WindowModel, softmax
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary


def lesson_shapes(config: LessonConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights by name. Kernels are [in, out], as in Keras."""
    e, both, last = config.embedding_size, config.bidirectional_size, config.recurrent_size
    hidden = total_words // 2
    cells = {"forward": (e, both), "backward": (e, both), "recurrent": (2 * both, last)}
    shapes: dict[str, tuple[int, ...]] = {"embedding": (total_words, e)}
    for name, (inputs, units) in cells.items():
        shapes |= {
            f"{name}.kernel": (inputs, units),
            f"{name}.recurrent_kernel": (units, units),
            f"{name}.bias": (units,),
        }
    return shapes | {
        "hidden.kernel": (last, hidden),
        "hidden.bias": (hidden,),
        "output.kernel": (hidden, total_words),
        "output.bias": (total_words,),
    }


class LessonModel(WindowModel, Network):
    """The lesson's network, which predicts from the last `window` words of a line.

    The window is left-padded with id 0, which has an embedding like any word.
    """

    excluded_ids: tuple[int, ...] = (PADDING,)

    def __init__(
        self, vocabulary: Vocabulary, tokenizer: Tokenizer, window: int, weights: Weights
    ) -> None:
        """`weights` are named as in `lesson_shapes` and checked."""
        self.vocabulary, self.tokenizer, self.window = vocabulary, tokenizer, window
        self._weights = weights
        self._cells = [Cell(weights, name) for name in ("forward", "backward", "recurrent")]

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        return softmax(self.activations(context)["logits"])

    def activations(self, context: Sequence[int]) -> dict[str, NDArray[Any]]:
        """What each layer puts out after the last words of `context`, by the names of its stages:
        for each id of the window, backward states too, and at the end of it."""
        last_ids = context[-self.window :]
        w, ids = self._weights, np.array([PADDING] * (self.window - len(last_ids)) + [*last_ids])
        embedded = self.embed(ids)
        first, other, recurrent = self._cells
        forward, backward = _states(first, embedded), _states(other, embedded[::-1])[::-1]
        second = _states(recurrent, np.concatenate((forward, backward), axis=1))
        hidden = np.maximum(second[-1] @ w["hidden.kernel"] + w["hidden.bias"], 0)
        # Zeros are skipped, which are most of a trained relu layer: a tenth of 1,600 units takes
        # 0.2 ms, the whole product 0.9.
        alive = np.flatnonzero(hidden)
        logits = hidden[alive] @ w["output.kernel"][alive] + w["output.bias"]
        return {
            "padded ids": ids,
            "embedding": embedded,
            "forward states": forward,  # [T, H]
            "backward states": backward,
            "second layer": second,
            "relu layer": hidden,
            "logits": logits,  # [V]
        }

    def embed(self, ids: NDArray[np.int64]) -> Array:
        return np.asarray(self._weights["embedding"][ids])


def _states(cell: Cell, inputs: Array) -> Array:
    """The states of a recurrent layer [T, H] that reads `inputs` from the first to the last."""
    projected = cell.project(inputs)
    states = np.zeros_like(projected)
    for step, added in enumerate(projected):  # before the first, the last is zeros
        (states[step],), _ = cell.step(added, (states[step - 1],))
    return states
