"""Causal recurrent networks: the shapes of their weights, and inference with numpy.

Shapes: N states, L layers, P parts of a layer's state, G gates, E embedding, H hidden, V vocabulary
(`total_words`), K numbers of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.lm.adaptive_softmax import AdaptiveSoftmax, softmax_shapes
from rnnlm_tui.lm.cells import CELLS, LayerState
from rnnlm_tui.lm.model import Array, LanguageModel, Weights, excluded_ids, in_batches
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

WINDOW = 256
"""The context window on the card, in words: what a network is sure to have read. Its state carries
on what stands before."""
ROWS_AT_ONCE = 128
"""Distributions computed together: for 10,000 words and 256 units that takes 0.04 ms each, and
0.4 ms one by one."""
LOGITS_AT_ONCE = 1 << 21
"""Most logits computed together, for large vocabularies."""
KEY_SIZE = 128
"""The most numbers by which two states are compared. Of the 320 of the English that ships, 128 find
what follows as well (4.263 nats a word), in a third of the time."""
TINY = float(np.finfo(np.float32).tiny)


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


class CausalActivations(NamedTuple):
    """What each layer puts out for N words: their embedding, the gates of each layer by name, and
    the states. From the last state come the `projection`, None if the network has none, and the
    logits."""

    embedding: Array  # [N, E]
    gates: list[dict[str, Array]]  # [N, H]
    states: Array  # [N, L, P, H]
    projection: Array | None  # [E]
    logits: Array  # [V]


class CausalModel(LanguageModel):
    """An `rnn`, `gru` or `lstm`, which predicts from all words before. A state holds those of its
    layers [L, P, H]."""

    uses_previous_lines = True

    def __init__(
        self,
        cell: str,
        config: CausalConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        weights: Weights,
    ) -> None:
        """`weights` are named as in `causal_shapes` and checked."""
        self.vocabulary, self.tokenizer, self.window = vocabulary, tokenizer, window
        self.excluded_ids = excluded_ids(vocabulary, tokenizer)
        self.cell = cell
        self._softmax = AdaptiveSoftmax(weights)
        self._projection = weights.get("projection.kernel")
        self._cells = [CELLS[cell](weights, f"layer{i + 1}") for i in range(config.layers)]
        self.start: Array = np.zeros(
            (config.layers, CELLS[cell].parts, config.hidden_size), np.float32
        )
        self._rows_at_once = max(1, min(ROWS_AT_ONCE, LOGITS_AT_ONCE // vocabulary.total_words))

    def advance(self, state: Array, ids: Sequence[int]) -> list[Array]:
        inputs = self._softmax.embed(np.array(ids, np.int64))  # [N, E]
        states = np.empty((len(ids), *state.shape), np.float32)  # [N, L, P, H]
        for layer, cell in enumerate(self._cells):
            now: LayerState = tuple(state[layer])
            for place, projected in enumerate(cell.project(inputs)):
                now, _ = cell.step(projected, now)
                states[place, layer] = now
            inputs = states[:, layer, 0]  # [N, H]
        return [*states]

    def predict(self, states: Iterable[Array]) -> Iterator[Array]:
        for batch in in_batches(states, self._rows_at_once):
            yield from self._softmax.probabilities(self._projected(batch))

    def _projected(self, states: Sequence[Array]) -> Array:
        """What the output layer reads [N, E] in each state."""
        outputs = _outputs(states)
        return outputs if self._projection is None else np.asarray(outputs @ self._projection)

    def activations(self, states: Sequence[Array], ids: Sequence[int]) -> CausalActivations:
        """What each layer puts out while it reads these ids. `states` are those before the first of
        them and after each."""
        embedded, all_states = self._softmax.embed(np.array(ids, np.int64)), np.stack(states)
        gates, inputs = list[dict[str, Array]](), embedded
        for layer, cell in enumerate(self._cells):
            steps = zip(cell.project(inputs), all_states[:-1, layer], strict=True)
            values = [cell.step(projected, tuple(state))[1] for projected, state in steps]
            by_gate = np.array(values).swapaxes(0, 1)  # [G, N, H]
            gates.append(dict(zip(cell.gate_names, by_gate, strict=True)))
            inputs = all_states[1:, layer, 0]
        projected = self._projected(states[-1:])
        return CausalActivations(
            embedded,
            gates,
            all_states[1:],
            None if self._projection is None else projected[0],
            self._softmax.logits(projected)[0],
        )

    @cached_property
    def embedding_size(self) -> float:
        """The root mean square of the embeddings of the frequent words, which are all words unless
        the softmax is adaptive."""
        return self._softmax.root_mean_square()

    def similarities(self, word: int) -> Array:
        """The cosine of the embedding of each id and that of `word` [V]."""
        return self._softmax.similarities(word)

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
