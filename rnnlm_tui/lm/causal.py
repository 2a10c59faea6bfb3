"""Causal recurrent networks: the shapes of their weights, and inference with numpy.

Shapes: N states, L layers, P parts of a layer's state, G gates, E embedding, H hidden, V vocabulary
(`total_words`), K numbers of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.adaptive_softmax import AdaptiveSoftmax, softmax_shapes
from rnnlm_tui.lm.model import SMALLEST_FLOAT, Array, NetworkModel, Weights, in_batches
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

LOGITS_AT_ONCE = 1 << 21
"""The most logits that are computed together. For 10,000 words and 256 units a distribution then
takes 0.04 ms, and 0.4 ms if it is computed alone."""
KEY_SIZE = 128
"""The largest size K of a key, by which two states are compared. In `english` the output layer
reads 320 numbers. Keys of 128 numbers find recent words equally well (4.263 nats a word) and take
a third of the time."""
PROJECTION = "projection.kernel"
"""The name of the kernel [H, E] between the last recurrent layer and the output layer."""
DIRECTIONS = "directions"
"""The name of the `key_directions`. A file has them, because it takes 10 ms to compute them."""
START = "start"
"""The name of the state [L, P, H] before a text. A network without it starts from zeros, which it
hardly ever meets when it learns a long text. In `french`, `german`, `italian` and `spanish` it is
the mean of the states after lines of many texts. The first eight words of a text then cost 1.1 to
1.5 nats a word less."""
Vectors = tuple[Array, ...]
"""Vectors [H], one for each part of a state or for each gate. The first part of a state is the
output of the layer."""


class Cell:
    """A recurrent layer. It computes the next state from an input and a state. This is the simple
    layer with tanh, which the other layers extend."""

    layer_type = "SimpleRNN"
    """The name of the layer in Keras."""
    gates, parts = 1, 1
    gate_names: tuple[str, ...] = ()
    """The names of the gates whose values `step` returns."""

    def __init__(self, weights: Weights, name: str) -> None:
        self.kernel = weights[f"{name}.kernel"]  # [E, G H]
        self.recurrent = weights[f"{name}.recurrent_kernel"]  # [H, G H]
        self.bias = weights[f"{name}.bias"]

    def weighted_inputs(self, inputs: Array) -> Array:
        """Returns the weighted inputs of the gates [N, G H] for inputs [N, E]."""
        product = inputs @ self.kernel
        product += self.bias
        return np.asarray(product)

    def step(self, weighted: Array, state: Vectors) -> tuple[Vectors, Vectors]:
        """Returns the next state, and the values of `gate_names`. `weighted` is a row of
        `weighted_inputs` [G H]."""
        return (np.tanh(weighted + state[0] @ self.recurrent),), ()


class Gru(Cell):
    """A GRU with the gates r (reset), z (update) and n (candidate). The reset gate is applied after
    the product with the recurrent kernel."""

    layer_type = "GRU"
    gates = 3
    gate_names = ("reset gate", "candidate", "update gate")

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.candidate_bias = weights[f"{name}.candidate_bias"]

    def step(self, weighted: Array, state: Vectors) -> tuple[Vectors, Vectors]:
        (before,) = state
        hidden = len(before)
        product = before @ self.recurrent
        r, z = _sigmoid(weighted[: 2 * hidden] + product[: 2 * hidden]).reshape(2, hidden)
        reset = r * (product[2 * hidden :] + self.candidate_bias)
        new = np.tanh(weighted[2 * hidden :] + reset)
        return (new + z * (before - new),), (r, new, z)


class Lstm(Cell):
    """An LSTM with the gates o (output), i (input), f (forget) and g (candidate). Its state has two
    parts, the output and the cell."""

    layer_type = "LSTM"
    gates, parts = 4, 2
    gate_names = ("input gate", "forget gate", "candidate", "output gate")

    def step(self, weighted: Array, state: Vectors) -> tuple[Vectors, Vectors]:
        before, cell = state
        hidden = len(before)
        total = weighted + before @ self.recurrent
        o, i, f = _sigmoid(total[: 3 * hidden]).reshape(3, hidden)
        new = np.tanh(total[3 * hidden :])
        cell = f * cell + i * new
        return (o * np.tanh(cell), cell), (i, f, new, o)


CELLS: Mapping[str, type[Cell]] = MappingProxyType({"rnn": Cell, "gru": Gru, "lstm": Lstm})
"""The recurrent layers of causal networks, by the cell of the preset."""


def _sigmoid(x: Array) -> Array:
    """Computes 1 / (1 + exp(-x)) with tanh, which does not overflow."""
    half = np.float32(0.5)
    return np.asarray(np.tanh(x * half) * half + half)


def cell_shapes(name: str, inputs: int, units: int, gates: int = 1) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the weights of a recurrent layer, by name."""
    width = gates * units
    return {
        f"{name}.kernel": (inputs, width),
        f"{name}.recurrent_kernel": (units, width),
        f"{name}.bias": (width,),
    }


def causal_shapes(cell: str, config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the weights of a causal network, by name. Kernels are [in, out]. The
    output layer has no kernel, because it uses the embedding. The kernel of a recurrent layer holds
    the kernels of its gates side by side: r, z, n for a GRU, and o, i, f, g for an LSTM."""
    embedding, hidden = config.embedding_size, config.hidden_size
    shapes = softmax_shapes(config, total_words)
    rows = sum(shape[0] for name, shape in shapes.items() if name.endswith("embedding"))
    for number in range(1, config.layers + 1):
        inputs = embedding if number == 1 else hidden
        shapes |= cell_shapes(f"layer{number}", inputs, hidden, CELLS[cell].gates)
        if cell == "gru":
            shapes[f"layer{number}.candidate_bias"] = (hidden,)
    if hidden != embedding:
        shapes[PROJECTION] = (hidden, embedding)
    return shapes | {"output.bias": (rows,)}


def state_shape(cell: str, config: CausalConfig) -> tuple[int, int, int]:
    """Returns the shape of a state [L, P, H]."""
    return config.layers, CELLS[cell].parts, config.hidden_size


class CausalModel(NetworkModel):
    """A network of `rnn`, `gru` or `lstm` cells. It predicts from all words before. A state
    [L, P, H] holds the states of its layers."""

    uses_lines_above = True

    def __init__(
        self,
        cell: str,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        weights: Weights,
        blocked_words: Iterable[str] = (),
    ) -> None:
        """`weights` must have the names and shapes of `causal_shapes`."""
        super().__init__(vocabulary, tokenizer, blocked_words)
        self.cell, self.weights = cell, weights
        self._softmax = AdaptiveSoftmax(weights)
        self._projection = weights.get(PROJECTION)
        self._cells = [CELLS[cell](weights, f"layer{i + 1}") for i in range(config.layers)]
        zeros = np.zeros(state_shape(cell, config), np.float32)
        self.start: Array = np.asarray(weights.get(START, zeros))

    def embed(self, ids: NDArray[np.int64]) -> Array:
        return self._softmax.embed(ids)

    def advance(self, state: Array, ids: Sequence[int]) -> list[Array]:
        inputs = self.embed(np.array(ids, np.int64))  # [N, E]
        states = np.empty((len(ids), *state.shape), np.float32)  # [N, L, P, H]
        for layer, cell in enumerate(self._cells):
            now: Vectors = tuple(state[layer])
            for place, weighted in enumerate(cell.weighted_inputs(inputs)):
                now, _ = cell.step(weighted, now)
                states[place, layer] = now
            inputs = states[:, layer, 0]  # [N, H]
        return [*states]

    def predict(self, states: Iterable[Array], *, bounds: bool = False) -> Iterator[Array]:
        for batch in in_batches(states, 1 + LOGITS_AT_ONCE // self.vocabulary.total_words):
            yield from self._softmax.probabilities(self._outputs(batch), bounds=bounds)

    @cached_property
    def in_tail(self) -> NDArray[np.bool_]:
        return np.arange(self.vocabulary.total_words) >= self._softmax.head_size

    def _outputs(self, states: Sequence[Array]) -> Array:
        """Returns what the output layer reads [N, E] in each state."""
        outputs = _last_outputs(states)
        return outputs if self._projection is None else np.asarray(outputs @ self._projection)

    def activations(self, states: Sequence[Array], ids: Sequence[int]) -> dict[str, Array]:
        """Returns the outputs of each layer, by the names of stages. The embedding, the recurrent
        layers and their gates have a row for each id. The projection [E], if there is one, and the
        logits [V] are those after the last id. `states` has the state before the first id and the
        state after each id."""
        inputs, all_states = self.embed(np.array(ids, np.int64)), np.array(states)
        outputs = {"embedding": inputs}
        for layer, cell in enumerate(self._cells):
            number = f" {layer + 1}" if len(self._cells) > 1 else ""
            outputs[f"{self.cell}{number}"] = all_states[1:, layer, 0]  # [N, H]
            steps = zip(cell.weighted_inputs(inputs), all_states[:-1, layer], strict=True)
            gate_values = [cell.step(weighted, tuple(state))[1] for weighted, state in steps]
            for place, gate in enumerate(cell.gate_names):
                outputs[f"{gate}{number}"] = np.array([values[place] for values in gate_values])
            if cell.parts == 2:
                outputs[f"cell{number}"] = all_states[1:, layer, 1]
            inputs = all_states[1:, layer, 0]
        last = self._outputs(states[-1:])
        if self._projection is not None:
            outputs["projection"] = last[0]
        return outputs | {"logits": self._softmax.logits(last)[0]}

    @cached_property
    def _key_kernel(self) -> Array | None:
        """The kernel [H, K] that makes keys; None if the network has no projection. It is the
        projection, limited to the KEY_SIZE directions in which the outputs vary most."""
        kernel = self._projection
        if kernel is None or kernel.shape[1] <= KEY_SIZE:
            return kernel
        stored = self.weights.get(DIRECTIONS)
        return np.asarray(kernel @ (key_directions(kernel) if stored is None else stored))

    def keys(self, states: Sequence[Array]) -> Array:
        """Returns the keys of states [N, K], by which states are compared. A key is a unit vector
        in the direction of the input of the output layer."""
        vectors = _last_outputs(states)
        if self._key_kernel is not None:
            vectors = vectors @ self._key_kernel
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, SMALLEST_FLOAT))


def key_directions(projection: Array) -> Array:
    """Returns the directions [E, KEY_SIZE] in which the outputs of a projection vary most."""
    _, directions = np.linalg.eigh(projection.T @ projection)  # sorted by rising variation
    return np.ascontiguousarray(directions[:, -KEY_SIZE:], np.float32)


def _last_outputs(states: Sequence[Array]) -> Array:
    """Returns the outputs [N, H] of the last layer in each state."""
    return np.array([state[-1, 0] for state in states])
