"""Steps of recurrent layers in numpy.

Shapes: N words, E inputs, G gates, H hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from rnnlm_tui.lm.model import Array, Weights

LayerState = tuple[Array, ...]
"""The state of a layer, whose first part is its output: h [H], and for an LSTM its cell [H]."""
Gates = tuple[Array, ...]


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

    def step(self, projected: Array, state: LayerState) -> tuple[LayerState, Gates]:
        """The next state, given what its input contributes to the gates [G H], and the values of
        `gate_names` [H]."""
        return (np.tanh(projected + state[0] @ self.recurrent),), ()


class Gru(Cell):
    """A GRU with the gates r, z and n. The reset gate is applied after the product."""

    gates = 3
    gate_names = ("reset", "update", "candidate")

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.candidate_bias = weights[f"{name}.candidate_bias"]

    def step(self, projected: Array, state: LayerState) -> tuple[LayerState, Gates]:
        (before,) = state
        hidden, product = len(before), before @ self.recurrent
        r, z = _sigmoid(projected[: 2 * hidden] + product[: 2 * hidden]).reshape(2, hidden)
        reset = r * (product[2 * hidden :] + self.candidate_bias)
        new = np.tanh(projected[2 * hidden :] + reset)
        return (new + z * (before - new),), (r, z, new)


class Lstm(Cell):
    """An LSTM with the gates o, i, f and g."""

    gates, parts = 4, 2
    gate_names = ("output", "input", "forget", "candidate")

    def step(self, projected: Array, state: LayerState) -> tuple[LayerState, Gates]:
        before, cell = state
        hidden, total = len(before), projected + before @ self.recurrent
        o, i, f = _sigmoid(total[: 3 * hidden]).reshape(3, hidden)
        new = np.tanh(total[3 * hidden :])
        cell = f * cell + i * new
        return (o * np.tanh(cell), cell), (o, i, f, new)


CELLS: Mapping[str, type[Cell]] = MappingProxyType({"rnn": Cell, "gru": Gru, "lstm": Lstm})
"""The recurrent layer of each preset."""


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), computed with tanh, which does not overflow."""
    half = np.float32(0.5)
    return np.asarray(np.tanh(x * half) * half + half)
