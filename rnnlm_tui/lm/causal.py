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
from rnnlm_tui.lm.model import TINY, Array, Network, Weights, excluded_ids, in_batches
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

LOGITS_AT_ONCE = 1 << 21
"""Most logits computed together: for 10,000 words and 256 units a distribution takes 0.04 ms so,
and 0.4 ms one by one."""
KEY_SIZE = 128
"""The most numbers by which two states are compared. Of the 320 of the English that ships, 128 find
what follows as well (4.263 nats a word), in a third of the time."""
Parts = tuple[Array, ...]
"""The parts of a layer's state [H], of which the first is its output, or the values of gates."""


class Cell:
    """A tanh layer: computes the next state from an input and a state."""

    gates, parts = 1, 1
    gate_names: tuple[str, ...] = ()

    def __init__(self, weights: Weights, name: str) -> None:
        self.kernel = weights[f"{name}.kernel"]  # [E, G H]
        self.recurrent = weights[f"{name}.recurrent_kernel"]  # [H, G H]
        self.bias = weights[f"{name}.bias"]

    def project(self, inputs: Array) -> Array:
        """The contribution of the inputs [N, E] to the gates: [N, G H]."""
        product = inputs @ self.kernel
        product += self.bias
        return np.asarray(product)

    def step(self, projected: Array, state: Parts) -> tuple[Parts, Parts]:
        """The next state, given what its input contributes to the gates [G H], and the values of
        `gate_names` [H]."""
        return (np.tanh(projected + state[0] @ self.recurrent),), ()


class Gru(Cell):
    """A GRU with the gates r, z and n. The reset gate is applied after the product."""

    gates = 3
    gate_names = ("reset gate", "candidate", "update gate")

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.candidate_bias = weights[f"{name}.candidate_bias"]

    def step(self, projected: Array, state: Parts) -> tuple[Parts, Parts]:
        (before,) = state
        hidden, product = len(before), before @ self.recurrent
        r, z = _sigmoid(projected[: 2 * hidden] + product[: 2 * hidden]).reshape(2, hidden)
        reset = r * (product[2 * hidden :] + self.candidate_bias)
        new = np.tanh(projected[2 * hidden :] + reset)
        return (new + z * (before - new),), (r, new, z)


class Lstm(Cell):
    """An LSTM with the gates o, i, f and g, whose state is its output and its cell."""

    gates, parts = 4, 2
    gate_names = ("input gate", "forget gate", "candidate", "output gate")

    def step(self, projected: Array, state: Parts) -> tuple[Parts, Parts]:
        before, cell = state
        hidden, total = len(before), projected + before @ self.recurrent
        o, i, f = _sigmoid(total[: 3 * hidden]).reshape(3, hidden)
        new = np.tanh(total[3 * hidden :])
        cell = f * cell + i * new
        return (o * np.tanh(cell), cell), (i, f, new, o)


CELLS: Mapping[str, type[Cell]] = MappingProxyType({"rnn": Cell, "gru": Gru, "lstm": Lstm})
"""The recurrent layers of causal networks, by the cell of the preset."""


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), computed with tanh, which does not overflow."""
    half = np.float32(0.5)
    return np.asarray(np.tanh(x * half) * half + half)


def causal_shapes(cell: str, config: CausalConfig, total_words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of a causal network, by name.

    Kernels are [in, out]; that of the output layer is the tied embedding. The gates of a kernel are
    concatenated: r, z, n for a GRU, o, i, f, g for an LSTM.
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


class CausalModel(Network):
    """A network of `rnn`, `gru` or `lstm` cells, which predicts from all words before. A state
    holds those of its layers [L, P, H]."""

    uses_previous_lines = True

    def __init__(
        self,
        cell: str,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        weights: Weights,
    ) -> None:
        """`weights` are named as in `causal_shapes` and checked."""
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self.cell = cell
        self._softmax = AdaptiveSoftmax(weights)
        self._projection = weights.get("projection.kernel")
        self._cells = [CELLS[cell](weights, f"layer{i + 1}") for i in range(config.layers)]
        self.start: Array = np.zeros(
            (config.layers, CELLS[cell].parts, config.hidden_size), np.float32
        )

    def embed(self, ids: NDArray[np.int64]) -> Array:
        return self._softmax.embed(ids)

    def advance(self, state: Array, ids: Sequence[int]) -> list[Array]:
        inputs = self.embed(np.array(ids, np.int64))  # [N, E]
        states = np.empty((len(ids), *state.shape), np.float32)  # [N, L, P, H]
        for layer, cell in enumerate(self._cells):
            now: Parts = tuple(state[layer])
            for place, projected in enumerate(cell.project(inputs)):
                now, _ = cell.step(projected, now)
                states[place, layer] = now
            inputs = states[:, layer, 0]  # [N, H]
        return [*states]

    def predict(self, states: Iterable[Array]) -> Iterator[Array]:
        for batch in in_batches(states, 1 + LOGITS_AT_ONCE // self.vocabulary.total_words):
            yield from self._softmax.probabilities(self._projected(batch))

    def _projected(self, states: Sequence[Array]) -> Array:
        """What the output layer reads [N, E] in each state."""
        outputs = _outputs(states)
        return outputs if self._projection is None else np.asarray(outputs @ self._projection)

    def activations(self, states: Sequence[Array], ids: Sequence[int]) -> dict[str, Array]:
        """What each layer puts out, by the names of its stages: for each of these ids while it is
        read, and after them the projection [E], if there is one, and the logits [V]. `states` are
        those before the first id and after each."""
        inputs, all_states = self.embed(np.array(ids, np.int64)), np.stack(states)
        found = {"embedding": inputs}
        for layer, cell in enumerate(self._cells):
            name = f"layer {layer + 1} " if len(self._cells) > 1 else ""
            steps = zip(cell.project(inputs), all_states[:-1, layer], strict=True)
            values = [cell.step(projected, tuple(state))[1] for projected, state in steps]
            by_gate = zip(cell.gate_names, np.array(values).swapaxes(0, 1), strict=True)
            found |= {name + gate: of_gate for gate, of_gate in by_gate}  # [N, H]
            if cell.parts == 2:
                found[f"{name}cell"] = all_states[1:, layer, 1]
            inputs = found[f"{name}states"] = all_states[1:, layer, 0]
        projected = self._projected(states[-1:])
        if self._projection is not None:
            found["projection"] = projected[0]
        return found | {"logits": self._softmax.logits(projected)[0]}

    @cached_property
    def _key_kernel(self) -> Array | None:
        """The projection, and of what it puts out the KEY_SIZE directions in which that varies
        most [H, K]; None if the network has no projection."""
        kernel = self._projection
        if kernel is None or kernel.shape[1] <= KEY_SIZE:
            return kernel
        _, directions = np.linalg.eigh(kernel.T @ kernel)  # the largest last
        return np.asarray(kernel @ directions[:, -KEY_SIZE:], np.float32)

    def keys(self, states: Sequence[Array]) -> Array:
        """What the output layer reads in each state, as unit vectors [N, K] by which states are
        compared."""
        read = _outputs(states)
        if self._key_kernel is not None:
            read = read @ self._key_kernel
        lengths = np.linalg.norm(read, axis=1, keepdims=True)
        return np.asarray(read / np.maximum(lengths, TINY))


def _outputs(states: Sequence[Array]) -> Array:
    """The outputs of the last layer [N, H] in each state."""
    return np.stack([state[-1, 0] for state in states])
