"""The networks, in PyTorch.

Shapes: B batch, T time steps, D directions, E embedding, H hidden, V vocabulary, P the same padded,
S shards.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.lesson import lesson_shapes

DROPOUT_LEVELS = 1 << 16
"""Dropout compares 16 random bits a unit with the rate, so a rate is exact to 1 / 65536."""
VOCABULARY_MULTIPLE = 48
"""The output layer's rows are rounded up to this, which 2, 3, 4, 6, 8, 12 and 16 threads divide."""
HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
UNIT_MULTIPLE = 16
"""The relu layer's units are rounded up to this: a cache line of float32."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one batch gives.

    `objective` is what is minimised: the mean negative log-likelihood (nats a word) and the
    penalty. The others are for the record: `nll_sum` in nats over the batch, `penalty` in nats,
    `correct` the number of words whose likeliest prediction is right, of `count`.
    """

    objective: Tensor
    nll_sum: Tensor
    penalty: Tensor
    correct: Tensor
    count: int


@dataclass(slots=True)
class Measures:
    """EpochTotals over some words: the negative log-likelihood (nats), the hits, and the words."""

    nll: float = 0.0
    top1: int = 0
    top5: int = 0
    count: int = 0

    @classmethod
    def of(cls, scores: Tensor, target: Tensor) -> Measures:
        """`scores` [N, V] before the softmax, `target` [N]."""
        wanted = scores.gather(1, target[:, None])  # [N, 1]
        rank = (scores > wanted).sum(1)  # [N]
        nll = float((scores.logsumexp(1) - wanted[:, 0]).cpu().double().sum())
        return cls(nll, int((rank < 1).sum()), int((rank < 5).sum()), len(target))

    def __iadd__(self, other: Measures) -> Measures:
        self.nll += other.nll
        self.top1 += other.top1
        self.top5 += other.top5
        self.count += other.count
        return self


class TanhRecurrence(torch.autograd.Function):
    """h_t = tanh(x_t + h_{t-1} U), from h = 0, for D independent directions in one go.

    One product a time step for all directions, and the gradient of U in one product over all time
    steps: 1.9 ms less a training step of the lesson than nn.RNN under autograd.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, kernel: Tensor) -> Tensor:
        """`inputs` [T, D, B, H] with the bias in, `kernel` [D, H, H] -> all states [T, D, B, H]."""
        states = torch.empty_like(inputs)
        steps, given = states.unbind(), inputs.unbind()
        torch.tanh(given[0], out=steps[0])
        for t in range(1, len(steps)):
            torch.baddbmm(given[t], steps[t - 1], kernel, out=steps[t]).tanh_()  # [D, B, H]
        ctx.save_for_backward(states, kernel)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:
        (grad,) = grad_outputs
        states, kernel = ctx.saved_tensors
        length, directions, batch, hidden = states.shape
        slopes = (1 - states.square()).unbind()
        before = torch.empty_like(states)  # gradients before the tanh
        steps, given = before.unbind(), grad.unbind()
        torch.mul(given[-1], slopes[-1], out=steps[-1])
        for t in range(length - 2, -1, -1):
            torch.baddbmm(given[t], steps[t + 1], kernel.mT, out=steps[t]).mul_(slopes[t])
        rows = (directions, (length - 1) * batch, hidden)
        earlier, later = states[:-1].transpose(0, 1), before[1:].transpose(0, 1)
        return before, earlier.reshape(rows).mT @ later.reshape(rows)


tanh_recurrence: Callable[[Tensor, Tensor], Tensor] = TanhRecurrence.apply


class SoftmaxCrossEntropy(torch.autograd.Function):
    """The output layer, its softmax and the loss together, with features in rows: [V, B].

    The weight has its rows rounded up to P; those added stay zero. Its gradient, 20 MB, is written
    to one buffer that stays, because a fresh one each step costs its page faults; so it replaces
    `weight.grad`, and gradients of several batches cannot be added up.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, buffer: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`hidden` [H, B], `weight` and `buffer` [P, H], `bias` [V], `target` [B]
        -> the sum of the negative log-likelihoods (nats), the number of words that are right."""
        scores = output_scores(weight, hidden, bias)  # [P, B]
        peak = scores.amax(0)  # [B]
        wanted = scores.gather(0, target[None])[0]  # [B]
        exponentials = scores.sub_(peak).exp_()
        total = exponentials.sum(0)  # [B]
        ctx.save_for_backward(hidden, exponentials, total, target)
        ctx.weight, ctx.buffer, ctx.words = weight, buffer, len(bias)
        correct = (wanted >= peak).sum()
        ctx.mark_non_differentiable(correct)
        return (total.log() - (wanted - peak)).sum(), correct

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        scale = grad_outputs[0]
        hidden, exponentials, total, target = ctx.saved_tensors
        grad = exponentials.mul_(scale / total)  # [P, B]
        grad[target, torch.arange(len(target), device=target.device)] -= scale
        shards = grad.unflatten(0, (thread_shards(grad), -1))  # [S, P / S, B]
        weight, buffer = (x.view(*shards.shape[:2], -1) for x in (ctx.weight, ctx.buffer))
        # First, while the caches still hold some of the weight: 0.35 ms a step less.
        grad_hidden = torch.bmm(weight.mT, shards).sum(0)
        torch.bmm(shards, hidden.T.expand(len(shards), -1, -1), out=buffer)
        ctx.weight.grad = ctx.buffer
        return grad_hidden, None, grad[: ctx.words].sum(1), None, None


softmax_cross_entropy: Callable[..., tuple[Tensor, Tensor]] = SoftmaxCrossEntropy.apply


def output_scores(weight: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
    """`weight` [P, H], `hidden` [H, B], `bias` [V] -> [P, B], with -inf for the rows after V.

    As a 1 x 1 convolution over the weight, a picture of P pixels with H channels, because oneDNN's
    kernel for that takes 2.0 ms where MKL's product takes 2.6 (3216 x 1616, batch 32, 2 cores).
    """
    if weight.device.type == "cpu" and HAS_ONEDNN:
        picture = weight.view(1, len(weight), 1, -1).permute(0, 3, 1, 2)  # [1, H, P, 1]
        filters = hidden.T.contiguous().view(hidden.shape[1], 1, 1, -1).permute(0, 3, 1, 2)
        scores = nn.functional.conv2d(picture, filters)[0, :, :, 0].T  # [P, B]
    else:
        scores = weight @ hidden
    scores[: len(bias)] += bias[:, None]
    scores[len(bias) :] = -math.inf
    return scores


def thread_shards(like: Tensor) -> int:
    """In how many equal shards of the vocabulary a product of the output layer is best computed.

    One a thread, so that it is the same thread that reads, updates and again reads a row: Adam
    and oneDNN split the rows like that, MKL does where it gets a batch of products. With the cores
    on different last-level caches the layer takes 9.2 ms a step so, and 10.4 ms otherwise.
    """
    threads = torch.get_num_threads() if like.device.type == "cpu" else 1
    return math.gcd(threads, VOCABULARY_MULTIPLE)


class Network(nn.Module, ABC):
    """What the trainer asks of a network."""

    pads_in_front: ClassVar[bool]
    """Whether what it reads is always as long as the window, padded in front."""

    @abstractmethod
    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> Loss:
        """The loss of predicting `target` from `x`; `dropout` None turns it off."""

    @abstractmethod
    def measure(self, x: Tensor, target: Tensor) -> Measures:
        """How well `target` is predicted from `x`, without dropout and gradients."""

    def hidden_state(self) -> dict[str, Tensor]:
        """The state in which the next batch finds the network, by name; nothing for a network
        whose batches do not depend on each other, and at the start of a stream."""
        return {}

    def hidden_state_shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """The shapes of `hidden_state` after a batch of so many rows."""
        return {}

    def set_hidden_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `hidden_state`."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Every weight under the name, the shape and the layout of a saved model."""

    @abstractmethod
    def load_weights(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes the weights of a saved model."""


class LessonNetwork(Network):
    """The lesson's network: Embedding, bidirectional SimpleRNN, dropout, SimpleRNN, Dense, softmax.

    The relu layer's units and the output layer's rows are rounded up: what is added starts at zero,
    gets no gradient and stays zero.

    Source: the lesson (Keras), held to golden figures of its own stack.
    """

    pads_in_front = True

    def __init__(self, config: LessonConfig, total_words: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        self.total_words = total_words
        self._shapes = lesson_shapes(config, total_words)
        self._hidden = total_words // 2
        padded = round_up(self._hidden, UNIT_MULTIPLE)
        rows = round_up(total_words, VOCABULARY_MULTIPLE)
        embedding, both, last = (
            config.embedding_size,
            config.bidirectional_size,
            config.recurrent_size,
        )
        self.embedding = nn.Parameter(torch.zeros(total_words, embedding))
        self.both_kernel = nn.Parameter(torch.zeros(embedding, 2 * both))
        self.both_recurrent = nn.Parameter(torch.zeros(2, both, both))
        self.both_bias = nn.Parameter(torch.zeros(2 * both))
        self.last_kernel = nn.Parameter(torch.zeros(2 * both, last))
        self.last_recurrent = nn.Parameter(torch.zeros(1, last, last))
        self.last_bias = nn.Parameter(torch.zeros(last))
        self.hidden_weight = nn.Parameter(torch.zeros(padded, last))
        self.hidden_bias = nn.Parameter(torch.zeros(padded, 1))
        self.output_weight = nn.Parameter(torch.zeros(rows, padded))
        self.output_bias = nn.Parameter(torch.zeros(total_words))
        self.register_buffer("_output_gradient", torch.zeros(rows, padded), persistent=False)
        self.load_weights(initial_weights(self._shapes, rng))

    def _hidden_units(self, x: Tensor, dropout: np.random.Generator | None) -> Tensor:
        """`x` [B, T] of ids -> the relu layer's outputs, features in rows [H, B]."""
        batch, length = x.shape
        ids = x.T.reshape(-1)
        embedded = self.embedding.index_select(0, ids)  # [T * B, E]
        inputs = torch.addmm(self.both_bias, embedded, self.both_kernel)
        forward, backward = inputs.view(length, batch, 2, -1).unbind(2)  # [T, B, H] each
        both = torch.stack((forward, backward.flip(0)), 1)
        states = tanh_recurrence(both, self.both_recurrent)
        first, second = states.unbind(1)
        sequence = torch.cat((first, second.flip(0)), 2)  # [T, B, 2 H]
        if dropout is not None and self.config.dropout > 0:
            sequence = sequence * dropout_mask(sequence, self.config.dropout, dropout)
        inputs = torch.addmm(self.last_bias, sequence.flatten(0, 1), self.last_kernel)
        states = tanh_recurrence(inputs.view(length, 1, batch, -1), self.last_recurrent)
        return torch.addmm(self.hidden_bias, self.hidden_weight, states[-1, 0].T).relu()

    def forward(self, x: Tensor) -> Tensor:
        """`x` [B, T] of ids -> scores before the softmax [B, V], without dropout."""
        hidden = self._hidden_units(x, None)
        return output_scores(self.output_weight, hidden, self.output_bias)[: self.total_words].T

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> Loss:
        """The loss of predicting `target` [B] from `x` [B, T]; `dropout` None turns it off."""
        hidden = self._hidden_units(x, dropout)
        output = (self.output_weight, self.output_bias, target, self._output_gradient)
        nll_sum, correct = softmax_cross_entropy(hidden, *output)
        kernel = self.hidden_weight.flatten()
        penalty = self.config.l2 * kernel.dot(kernel)
        objective = nll_sum / len(target) + penalty
        return Loss(objective, nll_sum.detach(), penalty.detach(), correct, len(target))

    @torch.no_grad()
    def measure(self, x: Tensor, target: Tensor) -> Measures:
        """See `Network`."""
        return Measures.of(self(x), target)

    def weights(self) -> dict[str, Tensor]:
        """Every weight under the name, the shape and the layout ([in, out]) of a saved model."""
        both, units = self.config.bidirectional_size, self._hidden
        tensors = {
            "embedding": self.embedding,
            "forward.kernel": self.both_kernel[:, :both],
            "forward.recurrent_kernel": self.both_recurrent[0],
            "forward.bias": self.both_bias[:both],
            "backward.kernel": self.both_kernel[:, both:],
            "backward.recurrent_kernel": self.both_recurrent[1],
            "backward.bias": self.both_bias[both:],
            "recurrent.kernel": self.last_kernel,
            "recurrent.recurrent_kernel": self.last_recurrent[0],
            "recurrent.bias": self.last_bias,
            "hidden.kernel": self.hidden_weight[:units].T,
            "hidden.bias": self.hidden_bias[:units, 0],
            "output.kernel": self.output_weight[: self.total_words, :units].T,
            "output.bias": self.output_bias,
        }
        return {name: tensor.detach() for name, tensor in tensors.items()}

    @torch.no_grad()
    def load_weights(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes the weights of a saved model (shapes as in `lesson_shapes`)."""
        for parameter in self.parameters():
            parameter.zero_()  # what is rounded up, too: a loss that was not finite has spoilt it
        for name, tensor in self.weights().items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `count`."""
    return -(-count // multiple) * multiple


def dropout_mask(like: Tensor, rate: float, rng: np.random.Generator) -> Tensor:
    """A mask of 0 and 1 / (1 - rate) in the shape of `like`.

    16 raw bits a unit, drawn by numpy: 0.1 ms for the lesson's 96,000 units, where torch's own
    bernoulli takes 0.75 ms, and the same on every device.
    """
    count = like.numel()
    bits = rng.bit_generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
    keep = bits >= round(rate * DROPOUT_LEVELS)
    mask = keep.astype(np.float32) * np.float32(1 / (1 - rate))
    return torch.from_numpy(mask).to(like.device).view(like.shape)


def initial_weights(
    shapes: dict[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Keras's initial weights: embedding uniform in +-0.05, kernels Glorot uniform (Glorot and
    Bengio 2010), recurrent kernels orthogonal (Saxe et al. 2014), biases 0."""
    weights = {}
    for name, shape in shapes.items():
        if name == "embedding":
            values = rng.uniform(-0.05, 0.05, shape)
        elif name.endswith("bias"):
            values = np.zeros(shape)
        elif name.endswith("recurrent_kernel"):
            q, r = np.linalg.qr(rng.standard_normal(shape))
            values = q * np.sign(np.diag(r))
        else:
            limit = np.sqrt(6 / sum(shape))
            values = rng.uniform(-limit, limit, shape)
        weights[name] = values.astype(np.float32)
    return weights


class KerasAdam(torch.optim.Adam):
    """Adam as Keras 2 computes it (Kingma and Ba 2015, the variant before section 2.1).

    Keras folds the bias correction into the step size and adds epsilon after it; PyTorch adds it to
    the corrected denominator. With epsilon / sqrt(1 - beta2^t) at step t the two agree.

    To go on in another process takes `state`: `exp_avg`, `exp_avg_sq` and `step` of each parameter.
    """

    def __init__(self, parameters: Any, learning_rate: float, epsilon: float = 1e-7) -> None:
        super().__init__(parameters, lr=learning_rate, betas=(0.9, 0.999), eps=epsilon, fused=True)
        self._epsilon = epsilon
        self._steps: int | None = None

    def step(self, closure: Any = None) -> Any:
        """One update; see `torch.optim.Adam.step`."""
        if self._steps is None:
            taken = (int(state["step"].item()) for state in self.state.values())
            self._steps = max(taken, default=0)
        self._steps += 1
        for group in self.param_groups:
            group["eps"] = self._epsilon / (1 - group["betas"][1] ** self._steps) ** 0.5
        return super().step(closure)
