"""Recurrent layers in numpy.

Shapes: N words, E inputs, G gates, H hidden, L layers, P parts of a layer's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from rnnlm_tui.lm.model import Array, Weights

INPUTS_AT_ONCE = 256
"""Words whose input products are computed together."""
LayerState = tuple[Array, ...]
"""The state of a layer: h [H], and for an LSTM its cell [H]."""


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

    def step(self, projected: Array, state: LayerState) -> LayerState:
        """The next state, given what its input contributes to the gates [G H]. The first part of a
        state is the layer's output."""
        return (np.tanh(projected + state[0] @ self.recurrent),)

    def gate_values(self, projected: Array, state: LayerState) -> tuple[Array, ...]:
        """The values of `gate_names` [H] in that step."""
        return ()


class Gru(Cell):
    """A GRU with the gates r, z and n. The reset gate is applied after the product."""

    gates = 3
    gate_names = ("reset", "update", "candidate")

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.candidate_bias = weights[f"{name}.candidate_bias"]

    def step(self, projected: Array, state: LayerState) -> LayerState:
        _, z, new = self.gate_values(projected, state)
        return (new + z * (state[0] - new),)

    def gate_values(self, projected: Array, state: LayerState) -> tuple[Array, ...]:
        (before,) = state
        hidden, product = len(before), before @ self.recurrent
        gates = _sigmoid(projected[: 2 * hidden] + product[: 2 * hidden])
        r, z = gates[:hidden], gates[hidden:]
        reset = r * (product[2 * hidden :] + self.candidate_bias)
        return r, z, np.tanh(projected[2 * hidden :] + reset)


class Lstm(Cell):
    """An LSTM with the gates o, i, f and g."""

    gates, parts = 4, 2
    gate_names = ("output", "input", "forget", "candidate")

    def step(self, projected: Array, state: LayerState) -> LayerState:
        o, i, f, new = self.gate_values(projected, state)
        cell = f * state[1] + i * new
        return o * np.tanh(cell), cell

    def gate_values(self, projected: Array, state: LayerState) -> tuple[Array, ...]:
        before = state[0]
        hidden, total = len(before), projected + before @ self.recurrent
        o, i, f = _sigmoid(total[: 3 * hidden]).reshape(3, hidden)
        return o, i, f, np.tanh(total[3 * hidden :])


CELLS: Mapping[str, type[Cell]] = MappingProxyType({"rnn": Cell, "gru": Gru, "lstm": Lstm})
"""The recurrent layer of each preset."""


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), computed with tanh, which does not overflow."""
    half = np.float32(0.5)
    return np.asarray(np.tanh(x * half) * half + half)


class RecurrentLayers:
    """The stacked recurrent layers of a network."""

    def __init__(self, cell: str, layers: int, weights: Weights) -> None:
        self._cells = [CELLS[cell](weights, f"layer{i + 1}") for i in range(layers)]
        hidden = len(self._cells[0].recurrent)
        self.start: Array = np.zeros((layers, self._cells[0].parts, hidden), np.float32)
        """The initial states [L, P, H]."""

    def states(self, inputs: Array, start: Array) -> Array:
        """The states [N, L, P, H] after each of the inputs [N, E], from the state `start`
        [L, P, H] on."""
        states = np.empty((len(inputs), *start.shape), np.float32)
        for number, (cell, first) in enumerate(zip(self._cells, start, strict=True)):
            state: LayerState = tuple(first)
            for begin in range(0, len(inputs), INPUTS_AT_ONCE):
                projected = cell.project(inputs[begin : begin + INPUTS_AT_ONCE])
                for place, row in enumerate(projected, start=begin):
                    state = cell.step(row, state)
                    for part, values in enumerate(state):
                        states[place, number, part] = values
            inputs = states[:, number, 0]
        return states

    def gates(self, inputs: Array, states: Array) -> list[dict[str, Array]]:
        """The gates of each layer by name [N, H] while the inputs [N, E] are read. `states`
        [N + 1, L, P, H] are those before the first of them and after each."""
        found = []
        for number, cell in enumerate(self._cells):
            rows = zip(cell.project(inputs), states[:-1, number], strict=True)
            values = [cell.gate_values(row, tuple(state)) for row, state in rows]
            by_gate = map(np.stack, zip(*values, strict=True))
            found.append(dict(zip(cell.gate_names, by_gate, strict=True)))
            inputs = states[1:, number, 0]
        return found
