"""Causal networks: every word of a line predicted from the words before it, in one pass.

Shapes: B batch, T time steps, N rows of the output layer (T * B), G gates, E embedding, H hidden,
V vocabulary.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig, CausalTrainConfig
from rnnlm_tui.lm.causal import GATES, causal_shapes
from rnnlm_tui.text.vocabulary import PADDING
from rnnlm_tui.training.networks import Loss, Measures, Network, dropout_mask
from rnnlm_tui.training.recurrent_layers import State, gru_layer, lstm_layer, tanh_layer

ROWS_AT_ONCE = 1 << 22
"""Scores of the output layer that are in memory at a time: 16 MB, whatever the batch."""


class TiedOutput(torch.autograd.Function):
    """The tied output layer, its softmax and the loss together, some rows at a time.

    The gradients are made in the forward pass, while the scores of those rows are in the cache, so
    that the scores of a batch never are in memory together. The embedding's gradient is written to
    one buffer that stays, and becomes its `grad`: a fresh one each step costs its page faults. So
    gradients of several batches cannot be added up.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, embedding: Tensor, bias: Tensor, target: Tensor, buffer: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`rows` [N, E], `embedding` and `buffer` [V, E], `bias` [V], `target` [N], without padding
        -> the sum of the negative log-likelihoods (nats), the number of words that are right."""
        of_rows, of_bias = torch.empty_like(rows), torch.zeros_like(bias)
        buffer.zero_()
        nll, correct = rows.new_zeros(()), target.new_zeros(())
        for part in row_blocks(len(rows), len(bias)):
            scores = torch.addmm(bias, rows[part], embedding.T)
            wanted = target[part, None]
            score, peak = scores.gather(1, wanted)[:, 0], scores.amax(1)
            correct += (score >= peak).sum()
            exponentials = scores.sub_(peak[:, None]).exp_()
            total = exponentials.sum(1)
            nll += (total.log() - (score - peak)).sum()
            grad = exponentials.div_(total[:, None])  # of the scores
            grad.scatter_add_(1, wanted, grad.new_full((1, 1), -1).expand(len(grad), 1))
            torch.mm(grad, embedding, out=of_rows[part])
            buffer.addmm_(grad.T, rows[part])
            of_bias += grad.sum(0)
        ctx.save_for_backward(of_rows, of_bias)
        ctx.embedding, ctx.buffer = embedding, buffer
        ctx.mark_non_differentiable(correct)
        return nll, correct

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        scale = grad_outputs[0]
        of_rows, of_bias = ctx.saved_tensors
        ctx.embedding.grad = ctx.buffer.mul_(scale)
        return of_rows.mul_(scale), None, of_bias.mul_(scale), None, None


class TiedInput(torch.autograd.Function):
    """The embeddings of the words read, whose gradient joins that of the output layer.

    The output layer's gradient is made first, since the loss follows from it.
    """

    @staticmethod
    def forward(ctx: Any, embedding: Tensor, ids: Tensor) -> Tensor:
        """`embedding` [V, E], `ids` [N] -> [N, E]."""
        ctx.save_for_backward(ids)
        ctx.embedding = embedding
        return embedding.index_select(0, ids)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, None]:
        (ids,) = ctx.saved_tensors
        ctx.embedding.grad.index_add_(0, ids, grad_outputs[0])
        return None, None


tied_output: Callable[..., tuple[Tensor, Tensor]] = TiedOutput.apply
tied_input: Callable[[Tensor, Tensor], Tensor] = TiedInput.apply


def row_blocks(rows: int, words: int) -> list[slice]:
    """The rows of the output layer in blocks of about the same size, small enough to keep."""
    blocks = max(1, -(-rows * words // ROWS_AT_ONCE))
    edges = np.linspace(0, rows, min(blocks, max(1, rows)) + 1).astype(int)
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


class CausalNetwork(Network):
    """Embedding, recurrent layers of one kind, and an output layer tied to the embedding.

    Dropout is on the embeddings, between the layers and before the output layer, by one mask for
    all time steps of a batch (Gal and Ghahramani 2016).

    Where the context is the stream, the state after a batch is where the next one starts.

    Sources: Press and Wolf 2017 and Inan et al. 2017 (tied embeddings), Merity et al. 2018.
    """

    pads_in_front = False

    def __init__(
        self, cell: str, config: CausalConfig, total_words: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.cell, self.config = cell, config
        shapes = causal_shapes(cell, config, total_words)
        self._parameters_by_name = {
            name: nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()
        }
        for name, parameter in self._parameters_by_name.items():
            self.register_parameter(name.replace(".", "_"), parameter)
        buffer = torch.zeros(shapes["embedding"])
        self.register_buffer("_embedding_gradient", buffer, persistent=False)
        self._carried: list[State] | None = None
        self.load_weights(initial_causal_weights(cell, shapes, rng))

    def forward(self, x: Tensor) -> Tensor:
        """`x` [B, T] of ids, from no state -> scores before the softmax of what comes last [B, V].

        Leaves the carried state as it is.
        """
        outputs, _ = self._outputs(x, self._fresh(len(x)), None)
        last = outputs.view(x.shape[1], len(x), -1)[-1]
        return torch.addmm(self._weight("output.bias"), last, self._weight("embedding").T)

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> Loss:
        """The loss of predicting `target` [B, T] from `x` [B, T]; padding is no target.

        `dropout` None turns it off.
        """
        rows, wanted = self._rows(x, target, dropout)
        output = (self._weight("embedding"), self._weight("output.bias"), wanted)
        nll_sum, correct = tied_output(rows, *output, self._embedding_gradient)
        count = len(wanted)
        penalty = nll_sum.new_zeros(())
        return Loss(nll_sum / max(1, count), nll_sum.detach(), penalty, correct, count)

    @torch.no_grad()
    def measure(self, x: Tensor, target: Tensor) -> Measures:
        """See `Network`; as in `loss`, the state goes on from batch to batch."""
        rows, wanted = self._rows(x, target, None)
        found = Measures()
        embedding, bias = self._weight("embedding"), self._weight("output.bias")
        for part in row_blocks(len(rows), len(bias)):
            scores = torch.addmm(bias, rows[part], embedding.T)
            found += Measures.of(scores, wanted[part])
        return found

    def _rows(
        self, x: Tensor, target: Tensor, dropout: np.random.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """The inputs of the output layer [N, E] and their targets [N], without padding."""
        start = self._fresh(len(x)) if self._carried is None else self._carried
        outputs, states = self._outputs(x, start, dropout)
        if self.config.context == "stream":
            self._carried = states
        wanted = target.T.reshape(-1)  # [T * B], as the outputs are
        real = wanted != PADDING
        return (outputs, wanted) if bool(real.all()) else (outputs[real], wanted[real])

    def _outputs(
        self, x: Tensor, start: list[State], dropout: np.random.Generator | None
    ) -> tuple[Tensor, list[State]]:
        """`x` [B, T] -> the inputs of the output layer [T * B, E], the layers' last states."""
        batch, length = x.shape
        flat = tied_input(self._weight("embedding"), x.T.reshape(-1))  # [T * B, E]
        sequence = self._dropped(flat.view(length, batch, -1), dropout)  # [T, B, E]
        ends = []
        for number, state in enumerate(start, 1):
            kernel, bias = (self._weight(f"layer{number}.{kind}") for kind in ("kernel", "bias"))
            inputs = torch.addmm(bias, sequence.flatten(0, 1), kernel)
            sequence, end = self._layer(number, inputs.view(length, batch, -1), state)
            ends.append(end)
            sequence = self._dropped(sequence, dropout)  # [T, B, H]
        rows = sequence.flatten(0, 1)
        if "projection.kernel" in self._parameters_by_name:
            rows = rows @ self._weight("projection.kernel")
        return rows, ends

    def _layer(self, number: int, inputs: Tensor, start: State) -> tuple[Tensor, State]:
        """`inputs` [T, B, G H] with the bias in -> all outputs [T, B, H], the last state."""
        kernel = self._weight(f"layer{number}.recurrent_kernel")
        if self.cell == "lstm":
            states, cells = lstm_layer(inputs, kernel, *start)
            return states, (states[-1].detach(), cells[-1].detach())
        if self.cell == "gru":
            bias = self._weight(f"layer{number}.candidate_bias")
            states = gru_layer(inputs, kernel, bias, *start)
        else:
            states = tanh_layer(inputs, kernel, *start)
        return states, (states[-1].detach(),)

    def _dropped(self, sequence: Tensor, rng: np.random.Generator | None) -> Tensor:
        """`sequence` [T, B, H] without some units."""
        if rng is None or self.config.dropout == 0:
            return sequence
        return sequence * dropout_mask(sequence[:1], self.config.dropout, rng)

    def _weight(self, name: str) -> Tensor:
        return self._parameters_by_name[name]

    def _fresh(self, batch: int) -> list[State]:
        """The layers' states before the first word of a stream."""
        parts = 2 if self.cell == "lstm" else 1
        zeros = self._weight("output.bias").new_zeros(batch, self.config.hidden_size)
        return [(zeros,) * parts] * self.config.layers

    def hidden_state(self) -> dict[str, Tensor]:
        """See `Network`."""
        names = self._state_names() if self._carried else []
        return {
            name: tensor
            for layer, state in zip(names, self._carried or (), strict=True)
            for name, tensor in zip(layer, state, strict=True)
        }

    def hidden_state_shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """See `Network`."""
        if self.config.context == "line":
            return {}
        shape = (rows, self.config.hidden_size)
        return {name: shape for layer in self._state_names() for name in layer}

    def set_hidden_state(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Network`."""
        names = self._state_names()
        states = [tuple(tensors[name] for name in layer) for layer in names] if tensors else None
        self._carried = states

    def _state_names(self) -> list[list[str]]:
        """The names of the parts of each layer's state."""
        parts = 2 if self.cell == "lstm" else 1
        numbers = range(1, self.config.layers + 1)
        return [[f"layer{n}.{part}" for part in range(parts)] for n in numbers]

    def weights(self) -> dict[str, Tensor]:
        """See `Network`."""
        return {name: tensor.detach() for name, tensor in self._parameters_by_name.items()}

    @torch.no_grad()
    def load_weights(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """See `Network`."""
        for name, tensor in self._parameters_by_name.items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def initial_causal_weights(
    cell: str, shapes: Mapping[str, Sequence[int]], rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Embedding uniform in +-0.1, kernels Glorot uniform and recurrent kernels orthogonal gate by
    gate, biases 0 but for an LSTM's forget gate, which is open at first (Jozefowicz et al. 2015).
    """
    weights = {}
    for name, shape in shapes.items():
        if name == "embedding":
            values = rng.uniform(-0.1, 0.1, shape)
        elif name.endswith("bias"):
            values = np.zeros(shape)
            if cell == "lstm" and name.startswith("layer"):
                values.reshape(GATES[cell], -1)[2] = 1
        else:
            gates = 1 if name.startswith("projection") else GATES[cell]
            inputs, units = shape[0], shape[1] // gates
            values = np.concatenate([_gate(name, inputs, units, rng) for _ in range(gates)], axis=1)
        weights[name] = values.astype(np.float32)
    return weights


def _gate(name: str, inputs: int, units: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A gate's kernel [inputs, units]."""
    if name.endswith("recurrent_kernel"):
        q, r = np.linalg.qr(rng.standard_normal((inputs, units)))
        return np.asarray(q * np.sign(np.diag(r)))
    limit = np.sqrt(6 / (inputs + units))
    return rng.uniform(-limit, limit, (inputs, units))


def rate_factor(settings: CausalTrainConfig, done: float) -> float:
    """What the learning rate is multiplied by once `done`, a share of the run, is through: it rises
    in a line, and falls as a cosine does, to 0 (Loshchilov and Hutter 2017)."""
    rise = min(1.0, done / settings.warmup) if settings.warmup > 0 else 1.0
    return rise * (1 + math.cos(math.pi * min(1.0, done))) / 2


class ClippedAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) on gradients of at most `clip` in norm, 0 for any.

    Biases do not decay.
    """

    def __init__(
        self, network: nn.Module, learning_rate: float, weight_decay: float, clip: float
    ) -> None:
        parameters = list(network.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
        ]
        super().__init__(groups, lr=learning_rate, betas=(0.9, 0.999), fused=True)
        self._clip, self._clipped = clip, parameters

    def step(self, closure: Any = None) -> Any:
        """One update; see `torch.optim.AdamW.step`."""
        if self._clip > 0:
            nn.utils.clip_grad_norm_(self._clipped, self._clip)
        return super().step(closure)
