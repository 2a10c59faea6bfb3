"""Recurrent language models with numpy alone, from their saved weights.

Shapes: T time steps (the window), E embedding, H hidden, V vocabulary (`total_words`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.model import Layer
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

Weights = Mapping[str, NDArray[np.float32]]
REMEMBERED_CONTEXTS = 256
"""Distributions kept, so that a line typed through or corrected costs nothing; 3.3 MB here."""
SPARSE_BELOW = 0.4
"""With fewer of the relu layer's units above zero, picking their rows beats the whole product."""


def lesson_shapes(config: LessonConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The weights of the lesson's network by name. Kernels are [in, out], as in Keras."""
    e, both, last = config.embedding_size, config.bidirectional_size, config.recurrent_size
    hidden = total_words // 2
    shapes: dict[str, tuple[int, ...]] = {"embedding": (total_words, e)}
    for direction in ("forward", "backward"):
        shapes |= _cell_shapes(direction, e, both)
    return shapes | {
        **_cell_shapes("recurrent", 2 * both, last),
        "hidden.kernel": (last, hidden),
        "hidden.bias": (hidden,),
        "output.kernel": (hidden, total_words),
        "output.bias": (total_words,),
    }


def _cell_shapes(name: str, inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.kernel": (inputs, units),
        f"{name}.recurrent_kernel": (units, units),
        f"{name}.bias": (units,),
    }


def lesson_layers(config: LessonConfig, total_words: int, window: int) -> tuple[Layer, ...]:
    """The lesson's layer table, as Keras's `model.summary()` gives it."""
    sizes = {name: int(np.prod(s)) for name, s in lesson_shapes(config, total_words).items()}

    def count(*prefixes: str) -> int:
        return sum(n for name, n in sizes.items() if name.split(".")[0] in prefixes)

    both, hidden = 2 * config.bidirectional_size, total_words // 2
    return (
        Layer("embedding", "Embedding", (None, window, config.embedding_size), count("embedding")),
        Layer(
            "bidirectional",
            "Bidirectional(SimpleRNN)",
            (None, window, both),
            count("forward", "backward"),
        ),
        Layer("dropout", "Dropout", (None, window, both), 0),
        Layer("recurrent", "SimpleRNN", (None, config.recurrent_size), count("recurrent")),
        Layer("hidden", "Dense (relu)", (None, hidden), count("hidden")),
        Layer("output", "Dense (softmax)", (None, total_words), count("output")),
    )


class LessonModel:
    """The lesson's network: what comes after the last `window` words of a line.

    The window is padded in front with id 0, which has an embedding and takes part.
    """

    excluded_ids = (PADDING,)
    uses_previous_lines = False

    def __init__(
        self,
        config: LessonConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        weights: Weights,
    ) -> None:
        """`weights` as `lesson_shapes` names them, checked."""
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.window = window
        self._weights = weights
        both = ("forward", "backward")
        self._both_kernel = np.stack([weights[f"{d}.kernel"] for d in both])  # [2, E, H]
        self._both_recurrent = np.stack([weights[f"{d}.recurrent_kernel"] for d in both])
        self._both_bias = np.stack([weights[f"{d}.bias"] for d in both])[:, None]  # [2, 1, H]
        self._known: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """See `LanguageModel`."""
        key = tuple(context[-self.window :])
        if key in self._known:
            self._known.move_to_end(key)
        else:
            ids = np.array((PADDING,) * (self.window - len(key)) + key)
            self._known[key] = self._probabilities(ids)
            if len(self._known) > REMEMBERED_CONTEXTS:
                self._known.popitem(last=False)
        return self._known[key]

    def _probabilities(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """`ids` [T] -> [V]."""
        w = self._weights
        embedded = w["embedding"][ids]  # [T, E]
        inputs = np.stack((embedded, embedded[::-1])) @ self._both_kernel + self._both_bias
        states = np.empty_like(inputs)  # [2, T, H]
        state = np.zeros_like(inputs[:, :1])  # [2, 1, H]
        for t in range(len(ids)):
            state = np.tanh(inputs[:, t : t + 1] + state @ self._both_recurrent)
            states[:, t] = state[:, 0]
        sequence = np.concatenate((states[0], states[1, ::-1]), axis=1)  # [T, 2 H]
        last_inputs = sequence @ w["recurrent.kernel"] + w["recurrent.bias"]
        last = np.zeros_like(last_inputs[0])
        for step in last_inputs:
            last = np.tanh(step + last @ w["recurrent.recurrent_kernel"])
        hidden = np.maximum(last @ w["hidden.kernel"] + w["hidden.bias"], 0)
        return softmax(self._scores(hidden))

    def _scores(self, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """`hidden` [H] -> scores [V]. Most of a trained relu layer is zero, which costs nothing."""
        w = self._weights
        alive = np.flatnonzero(hidden)
        if len(alive) < SPARSE_BELOW * len(hidden):
            product = hidden[alive] @ w["output.kernel"][alive]
        else:
            product = hidden @ w["output.kernel"]
        scores: NDArray[np.float32] = product + w["output.bias"]
        return scores


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(scores) / sum(exp(scores)), without overflow."""
    exponentials = np.exp(scores - scores.max())
    probabilities: NDArray[np.float32] = exponentials / exponentials.sum()
    return probabilities
