"""Causal recurrent networks: their architecture, and their predictions with numpy alone.

Shapes: G gates, E embedding, H hidden, V vocabulary (`total_words`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, RunConfig
from rnnlm_tui.lm.adaptive_softmax import (
    AdaptiveSoftmax,
    multiplications,
    softmax_shapes,
)
from rnnlm_tui.lm.model import (
    PROGRAM_BYTES,
    Architecture,
    Arrays,
    ArraySpec,
    Layer,
    Weights,
    count_parameters,
    excluded_ids,
)
from rnnlm_tui.lm.time_estimate import training_seconds
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

WINDOW = 256
"""The words of a context that a model sees. States are kept, so more would only cost memory."""
BLOCK_BYTES = 3 * (16 << 20)
"""The scores of some rows with what is made of them."""
MIXED_BYTES = 150
"""Memory of a word of the text as part of n-grams of up to five words, while they are counted."""
TEXT_BYTES = 60
"""Memory of a word of the text, as part of a line and as numbers."""
FADED_WORDS = 500
"""The words after which a state hardly depends on what was before them."""
REMEMBERED_BYTES = 5 << 20
"""Of the distributions that a model keeps: 131 of 10,000 words."""
FEWEST_REMEMBERED = 8
TINY = float(np.finfo(np.float32).tiny)
Array = NDArray[np.float32]
State = tuple[Array, ...]
"""The state of a layer: h [H], and for an LSTM its cell [H]."""


def causal_shapes(cell: str, config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of a causal network, by name.

    Kernels are [in, out]; those of the output layer are the embeddings. The gates of a kernel are
    next to each other: r, z, n of a GRU, o, i, f, g of an LSTM.
    """
    embedding, hidden = config.embedding_size, config.hidden_size
    wide = CELLS[cell].gates * hidden
    shapes = softmax_shapes(config, total_words)
    rows = sum(shape[0] for name, shape in shapes.items() if name.endswith("embedding"))
    for number in range(1, config.layers + 1):
        inputs = embedding if number == 1 else hidden
        shapes |= {
            f"layer{number}.kernel": (inputs, wide),
            f"layer{number}.recurrent_kernel": (hidden, wide),
            f"layer{number}.bias": (wide,),
        }
        if cell == "gru":
            shapes[f"layer{number}.candidate_bias"] = (hidden,)
    if hidden != embedding:
        shapes["projection.kernel"] = (hidden, embedding)
    return shapes | {"output.bias": (rows,)}


class _Cell:
    """One layer for one sequence: from an input and a state to the next state."""

    gates, layer_type = 1, "SimpleRNN"

    def __init__(self, weights: Weights, name: str) -> None:
        self.hidden = len(weights[f"{name}.recurrent_kernel"])
        # Transposed, since a product with the matrix on the left reads it row by row.
        self.kernel = np.ascontiguousarray(weights[f"{name}.kernel"].T)
        self.recurrent = np.ascontiguousarray(weights[f"{name}.recurrent_kernel"].T)
        self.bias = weights[f"{name}.bias"]

    def start(self) -> State:
        """The state before the first word."""
        return (np.zeros(self.hidden, np.float32),)

    def step(self, x: Array, state: State) -> State:
        """The state after `x`; its first part is the layer's output."""
        return (np.tanh(self.kernel @ x + self.bias + self.recurrent @ state[0]),)


class _Gru(_Cell):
    gates, layer_type = 3, "GRU"

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.candidate_bias = weights[f"{name}.candidate_bias"]

    def step(self, x: Array, state: State) -> State:
        given, product = self.kernel @ x + self.bias, self.recurrent @ state[0]
        gates = _sigmoid(given[: 2 * self.hidden] + product[: 2 * self.hidden])
        r, z = gates[: self.hidden], gates[self.hidden :]
        product = product[2 * self.hidden :] + self.candidate_bias
        new = np.tanh(given[2 * self.hidden :] + r * product)
        return (new + z * (state[0] - new),)


class _Lstm(_Cell):
    gates, layer_type = 4, "LSTM"

    def start(self) -> State:
        return (np.zeros(self.hidden, np.float32),) * 2

    def step(self, x: Array, state: State) -> State:
        h, c = state
        given = self.kernel @ x + self.bias + self.recurrent @ h
        o, i, f = _sigmoid(given[: 3 * self.hidden]).reshape(3, -1)
        c = f * c + i * np.tanh(given[3 * self.hidden :])
        return o * np.tanh(c), c


CELLS: Mapping[str, type[_Cell]] = MappingProxyType({"rnn": _Cell, "gru": _Gru, "lstm": _Lstm})
"""What computes a layer, by the name of the preset."""


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), by tanh, which does not overflow."""
    half = np.float32(0.5)
    return np.asarray(np.tanh(x * half) * half + half)


def last_words(context: Sequence[int], most: int, step: int, begin_id: int | None) -> Sequence[int]:
    """The end of a context of more than `most` words.

    It starts at a multiple of `step` words, or at the next begin of a line, so that the states of
    a network stay of use for as many words before they are computed again.
    """
    excess = len(context) - most
    if excess <= 0:
        return context
    cut = -(-excess // step) * step
    begins = (i for i in range(cut, len(context)) if context[i] == begin_id)
    return context[next(begins, cut) :]


def common_length(one: list[int], other: list[int]) -> int:
    """How many ids two lists begin with in common."""
    if one == other[: len(one)]:  # the usual case, 50 times as fast as the loop
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def remember_distributions(
    total_words: int, compute: Callable[[tuple[int, ...]], Array]
) -> Callable[[tuple[int, ...]], Array]:
    """`compute`, with the distributions of the last contexts kept."""
    return lru_cache(max(FEWEST_REMEMBERED, REMEMBERED_BYTES // (4 * total_words)))(compute)


class CausalModel:
    """An `rnn`, `gru` or `lstm`: predicts from all words of a context.

    The states after each word of the last context are kept, so one more word costs one step, and
    one less none.
    """

    def __init__(
        self,
        cell: str,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        weights: Weights,
    ) -> None:
        """`weights` as `causal_shapes` names them, checked."""
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.window = window
        self.uses_previous_lines = config.context == "stream"
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self._softmax = AdaptiveSoftmax(weights)
        self._projection = weights.get("projection.kernel")
        self._cells = [CELLS[cell](weights, f"layer{i + 1}") for i in range(config.layers)]
        self._path: list[int] = []
        self._states = [tuple(layer.start() for layer in self._cells)]
        """The layers' states before the path's first word and after each of its words."""
        self._directions = np.zeros((WINDOW, config.hidden_size), np.float32)
        """The last layer's outputs after each word of the path, as unit vectors."""
        self._remembered = remember_distributions(vocabulary.total_words, self._probabilities)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after `context`."""
        return self._remembered(tuple(self._seen(context)))

    def directions(self, context: Sequence[int]) -> Array:
        """The last layer's outputs after each of the last words of `context`, as unit vectors
        [T, H]: at most those in the window. They are the model's own until its next call."""
        self._follow(self._seen(context))
        return self._directions[: len(self._path)]

    def _seen(self, context: Sequence[int]) -> Sequence[int]:
        half = max(1, self.window // 2)
        return last_words(context, self.window, half, self.vocabulary.begin_id)

    def _probabilities(self, ids: tuple[int, ...]) -> Array:
        """What comes after these ids: [V]."""
        self._follow(ids)
        output = self._states[-1][-1][0]  # [H]
        if self._projection is not None:
            output = output @ self._projection  # [E]
        return self._softmax.probabilities(output)

    def _follow(self, context: Sequence[int]) -> None:
        """Computes the states after each of these ids, those that are known left as they are."""
        ids = list(context)
        same = common_length(self._path, ids)
        if same < FADED_WORDS <= len(ids):
            same = max(same, self._without_begin(ids))
        del self._path[same:], self._states[same + 1 :]
        if len(ids) > len(self._directions):
            larger = np.zeros((2 * len(ids), self._directions.shape[1]), np.float32)
            larger[:same] = self._directions[:same]
            self._directions = larger
        for word in ids[same:]:
            self._states.append(self._after(word, self._states[-1]))
            output = self._states[-1][-1][0]
            self._directions[len(self._path)] = output / max(float(np.linalg.norm(output)), TINY)
            self._path.append(word)

    def _without_begin(self, ids: list[int]) -> int:
        """Drops the begin of the path if its rest is what `ids` begin with, and returns the length
        of that rest, else 0. The states stay: they hardly depend on words so far away."""
        for k, word in enumerate(self._path):
            rest = len(self._path) - k
            if rest < FADED_WORDS:
                break
            if word == ids[0] and self._path[k:] == ids[:rest]:
                del self._path[:k], self._states[:k]
                self._directions[:rest] = self._directions[k : k + rest].copy()
                return rest
        return 0

    def _after(self, word: int, states: tuple[State, ...]) -> tuple[State, ...]:
        x, after = self._softmax.embed(word), []
        for cell, state in zip(self._cells, states, strict=True):
            after.append(cell.step(x, state))
            x = after[-1][0]
        return tuple(after)


class CausalArchitecture(Architecture[CausalConfig]):
    """Networks of one kind of recurrent layer, that of the preset's name."""

    trainer = "rnnlm_tui.training.trainer"
    special_tokens = SPECIAL_TOKENS

    @staticmethod
    def window_for(config: RunConfig, longest_line: int) -> int:
        """The same for every corpus."""
        return WINDOW

    def arrays(self) -> dict[str, ArraySpec]:
        shapes = causal_shapes(self.config.preset, self.model, self.total_words)
        return {name: ArraySpec(shape) for name, shape in shapes.items()}

    def layers(self) -> tuple[Layer, ...]:
        """The layer table. The number of time steps is None in the shapes, since any will do."""
        model, cell = self.model, self.config.preset
        count = partial(count_parameters, causal_shapes(cell, model, self.total_words))
        embedding, hidden = (None, None, model.embedding_size), (None, None, model.hidden_size)
        rows = [Layer("embedding", "Embedding", embedding, count("embedding") + count("tail"))]
        for number in range(1, model.layers + 1):
            name = f"layer{number}"
            rows.append(Layer(name, CELLS[cell].layer_type, hidden, count(f"{name}.")))
        rows.append(Layer("dropout", "Dropout", hidden, 0))
        if projection := count("projection."):
            rows.append(Layer("projection", "Dense", embedding, projection))
        output = (None, None, self.total_words)
        name = "adaptive softmax" if count("tail") else "softmax"
        rows.append(Layer("output", f"Dense (tied, {name})", output, count("output.")))
        return tuple(rows)

    def load(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> CausalModel:
        cell, window = self.config.preset, self.window
        return CausalModel(cell, self.model, vocabulary, tokenizer, window, arrays)

    def training_bytes(self, examples: int) -> int:
        """Weights, gradients, AdamW's two means, the copies of three of them while they are saved
        and of the initial weights; the layers' units at all time steps of a batch, forward and
        backward; the scores of some rows; and the text."""
        recipe, model = causal_train(self.config), self.model
        gates = CELLS[self.config.preset].gates
        units = model.embedding_size + model.layers * model.hidden_size * (3 * gates + 4)
        batch = 2 * recipe.batch_size * recipe.bptt * units
        text = (TEXT_BYTES + MIXED_BYTES * (recipe.mixture == "on")) * examples
        return 4 * (8 * self.parameters + batch) + BLOCK_BYTES + text + PROGRAM_BYTES

    def training_seconds(self, examples: int) -> float:
        """Every weight once a word, the embedding as the output layer, and a tail's if the word is
        in it. All epochs are counted, though the training may stop early."""
        recipe = causal_train(self.config)
        streams = max(1, min(recipe.batch_size, examples // recipe.bptt))
        rows = streams * recipe.bptt
        output = softmax_shapes(self.model, self.total_words)
        of_layers = self.parameters - count_parameters(output)
        return training_seconds(
            steps=recipe.epochs * math.ceil(examples / rows),
            multiplications=rows * (of_layers + round(multiplications(output))),
            parameters=self.parameters,
            cell_steps=recipe.bptt * self.model.layers,
            threads=recipe.threads,
        )


def causal_train(config: RunConfig) -> CausalTrainConfig:
    """The training settings of a causal network. Raises TypeError for another preset."""
    if not isinstance(config.train, CausalTrainConfig):
        raise TypeError(f"the preset {config.preset} is no causal network")
    return config.train
