"""The lesson's network: its architecture, and its predictions with numpy alone.

Shapes: T time steps (the window), E embedding, H hidden, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig, RunConfig
from rnnlm_tui.lm.model import (
    PROGRAM_BYTES,
    Architecture,
    Arrays,
    ArraySpec,
    LanguageModel,
    Layer,
    Weights,
    softmax,
)
from rnnlm_tui.lm.time_estimate import Workload, training_seconds
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

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
        """The distribution [V] after the last words of `context`."""
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


class LessonArchitecture(Architecture[LessonConfig]):
    """The lesson's network."""

    trainer = "rnnlm_tui.training.trainer"

    def window(self, config: LessonConfig, longest_line: int) -> int:
        """All words before the last one of the longest line, up to a bound."""
        return max(1, min(longest_line - 1, config.max_window))

    def arrays(
        self, config: LessonConfig, total_words: int, sizes: Sequence[int] = ()
    ) -> dict[str, ArraySpec]:
        """The weights, as `lesson_shapes` names them."""
        shapes = lesson_shapes(config, total_words)
        return {name: ArraySpec(shape) for name, shape in shapes.items()}

    def layers(
        self, config: LessonConfig, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> tuple[Layer, ...]:
        """The lesson's layer table, as Keras's `model.summary()` gives it."""
        shapes = lesson_shapes(config, total_words)

        def count(*prefixes: str) -> int:
            return sum(math.prod(s) for name, s in shapes.items() if name.startswith(prefixes))

        both, hidden = 2 * config.bidirectional_size, total_words // 2
        embedded, states = (None, window, config.embedding_size), (None, window, both)
        cells = count("forward.", "backward.")
        return (
            Layer("embedding", "Embedding", embedded, count("embedding")),
            Layer("bidirectional", "Bidirectional(SimpleRNN)", states, cells),
            Layer("dropout", "Dropout", states, 0),
            Layer("recurrent", "SimpleRNN", (None, config.recurrent_size), count("recurrent.")),
            Layer("hidden", "Dense (relu)", (None, hidden), count("hidden.")),
            Layer("output", "Dense (softmax)", (None, total_words), count("output.")),
        )

    def load(
        self,
        config: LessonConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        arrays: Arrays,
    ) -> LanguageModel:
        """The model of these weights."""
        return LessonModel(config, vocabulary, tokenizer, window, arrays)

    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """Weights, gradients, Adam's two means, the copies of three of them while they are saved
        and of the initial weights; and the scores of a batch with what is made of them."""
        assert isinstance(config.model, LessonConfig)
        parameters = self.parameters(config.model, total_words)
        batch_size = config.network_train.batch_size
        return 4 * (8 * parameters + 4 * batch_size * total_words) + PROGRAM_BYTES

    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """The dense layers once an example, the recurrent layers once a time step of it."""
        assert isinstance(config.model, LessonConfig)
        shapes = lesson_shapes(config.model, total_words)
        dense = sum(math.prod(shapes[name]) for name in ("hidden.kernel", "output.kernel"))
        parameters = sum(map(math.prod, shapes.values()))
        recurrent = parameters - dense - math.prod(shapes["embedding"])
        recipe = config.network_train
        batch = min(recipe.batch_size, examples)
        work = Workload(
            steps=recipe.epochs * math.ceil(examples / recipe.batch_size),
            multiplications=batch * (dense + window * recurrent),
            parameters=parameters,
            cell_steps=2 * window,
        )
        return training_seconds(work, recipe.threads)
