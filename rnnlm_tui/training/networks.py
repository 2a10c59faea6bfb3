"""The networks, in PyTorch. Shapes: B batch, T time steps, D directions, E embedding, H hidden, V vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.recurrent import lesson_shapes

DROPOUT_LEVELS = 1 << 16
"""Dropout compares 16 random bits a unit with the rate, so a rate is exact to 1 / 65536."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one batch gives.

    `objective` is what is minimised: the mean negative log-likelihood (nats a word) and the
    penalty. The others are for the record: `nll_sum` in nats over the batch, `penalty` in nats,
    `correct` the number of words whose likeliest prediction is right.
    """

    objective: Tensor
    nll_sum: Tensor
    penalty: Tensor
    correct: Tensor


class TanhRecurrence(torch.autograd.Function):
    """h_t = tanh(x_t + h_{t-1} U), from h = 0, for D independent directions in one go.

    One product a time step for all directions, and the gradient of U in one product over all time
    steps: 1.6 ms less a training step of the lesson than nn.RNN under autograd.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, kernel: Tensor) -> Tensor:
        """`inputs` [D, T, B, H] with the bias in, `kernel` [D, H, H] -> all states [D, T, B, H]."""
        states = torch.empty_like(inputs)
        steps, given = states.unbind(1), inputs.unbind(1)
        torch.tanh(given[0], out=steps[0])
        for t in range(1, len(steps)):
            torch.baddbmm(given[t], steps[t - 1], kernel, out=steps[t]).tanh_()  # [D, B, H]
        ctx.save_for_backward(states, kernel)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:
        (grad,) = grad_outputs
        states, kernel = ctx.saved_tensors
        directions, length, batch, hidden = states.shape
        slopes = (1 - states.square()).unbind(1)
        before = torch.empty_like(states)  # gradients before the tanh
        steps, given = before.unbind(1), grad.unbind(1)
        torch.mul(given[-1], slopes[-1], out=steps[-1])
        for t in range(length - 2, -1, -1):
            torch.baddbmm(given[t], steps[t + 1], kernel.mT, out=steps[t]).mul_(slopes[t])
        rows = (directions, (length - 1) * batch, hidden)
        grad_kernel = states[:, :-1].reshape(rows).mT @ before[:, 1:].reshape(rows)
        return before, grad_kernel


class SoftmaxCrossEntropy(torch.autograd.Function):
    """The output layer, its softmax and the loss together, with features in rows: [V, B].

    With the batch in columns the three products of the layer take 6.4 ms, with it in rows 9.9 ms
    (1605 x 3211, batch 32, 2 cores). The gradient of the weight, 20 MB, is written to one buffer
    that stays, because a fresh one each step costs 2 ms in page faults; so it replaces
    `weight.grad`, and gradients of several batches cannot be added up.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, buffer: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`hidden` [H, B], `weight` and `buffer` [V, H], `bias` [V], `target` [B]
        -> the sum of the negative log-likelihoods (nats), the number of words that are right."""
        scores = torch.addmm(bias[:, None], weight, hidden)  # [V, B]
        peak = scores.amax(0)  # [B]
        wanted = scores.gather(0, target[None])[0]  # [B]
        exponentials = scores.sub_(peak).exp_()
        total = exponentials.sum(0)  # [B]
        ctx.save_for_backward(hidden, exponentials, total, target)
        ctx.weight, ctx.buffer = weight, buffer
        correct = (wanted >= peak).sum()
        ctx.mark_non_differentiable(correct)
        return (total.log() - (wanted - peak)).sum(), correct

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        scale = grad_outputs[0]
        hidden, exponentials, total, target = ctx.saved_tensors
        grad = exponentials.mul_(scale / total)  # [V, B]
        grad[target, torch.arange(len(target), device=target.device)] -= scale
        ctx.weight.grad = torch.mm(grad, hidden.T, out=ctx.buffer)
        return ctx.weight.T @ grad, None, grad.sum(1), None, None


class LessonNetwork(nn.Module):
    """The lesson's network: Embedding, bidirectional SimpleRNN, dropout, SimpleRNN, Dense, softmax.

    The relu layer has its units rounded up to a multiple of 16: the units added start at zero, get
    no gradient and stay zero, and aligned rows make the last layer's products faster.

    Source: the lesson (Keras), held to golden figures of its own stack.
    """

    def __init__(self, config: LessonConfig, total_words: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        self.total_words = total_words
        self._shapes = lesson_shapes(config, total_words)
        self._hidden = total_words // 2
        padded = -(-self._hidden // 16) * 16
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
        self.output_weight = nn.Parameter(torch.zeros(total_words, padded))
        self.output_bias = nn.Parameter(torch.zeros(total_words))
        self.register_buffer("_output_gradient", torch.zeros(total_words, padded), persistent=False)
        self.load_weights(initial_weights(self._shapes, rng))

    def _hidden_units(self, x: Tensor, dropout: np.random.Generator | None) -> Tensor:
        """`x` [B, T] of ids -> the relu layer's outputs, features in rows [H, B]."""
        batch, length = x.shape
        ids = x.T.reshape(-1)
        embedded = self.embedding.index_select(0, ids)  # [T * B, E]
        inputs = torch.addmm(self.both_bias, embedded, self.both_kernel)
        forward, backward = inputs.view(length, batch, 2, -1).unbind(2)  # [T, B, H] each
        states = cast(
            Tensor,
            TanhRecurrence.apply(torch.stack((forward, backward.flip(0))), self.both_recurrent),
        )
        first, second = states.unbind(0)
        sequence = torch.cat((first, second.flip(0)), 2)  # [T, B, 2 H]
        if dropout is not None and self.config.dropout > 0:
            sequence = sequence * dropout_mask(sequence, self.config.dropout, dropout)
        inputs = torch.addmm(self.last_bias, sequence.flatten(0, 1), self.last_kernel)
        states = cast(
            Tensor, TanhRecurrence.apply(inputs.view(1, length, batch, -1), self.last_recurrent)
        )
        return torch.addmm(self.hidden_bias, self.hidden_weight, states[0, -1].T).relu()

    def forward(self, x: Tensor) -> Tensor:
        """`x` [B, T] of ids -> scores before the softmax [B, V], without dropout."""
        hidden = self._hidden_units(x, None)
        return torch.addmm(self.output_bias[:, None], self.output_weight, hidden).T

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> Loss:
        """The loss of predicting `target` [B] from `x` [B, T]; `dropout` None turns it off."""
        hidden = self._hidden_units(x, dropout)
        output = (self.output_weight, self.output_bias, target, self._output_gradient)
        nll_sum, correct = cast(tuple[Tensor, Tensor], SoftmaxCrossEntropy.apply(hidden, *output))
        kernel = self.hidden_weight.flatten()
        penalty = self.config.l2 * kernel.dot(kernel)
        objective = nll_sum / len(target) + penalty
        return Loss(objective, nll_sum.detach(), penalty.detach(), correct)

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
            "output.kernel": self.output_weight[:, :units].T,
            "output.bias": self.output_bias,
        }
        return {name: tensor.detach() for name, tensor in tensors.items()}

    def load_weights(self, arrays: dict[str, NDArray[np.float32]]) -> None:
        """Takes the weights of a saved model (shapes as in `lesson_shapes`)."""
        for name, tensor in self.weights().items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


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
    """

    def __init__(self, parameters: Any, learning_rate: float, epsilon: float = 1e-7) -> None:
        super().__init__(parameters, lr=learning_rate, betas=(0.9, 0.999), eps=epsilon, fused=True)
        self._epsilon = epsilon
        self.steps_taken = 0

    def step(self, closure: Any = None) -> Any:
        """One update; see `torch.optim.Adam.step`."""
        self.steps_taken += 1
        for group in self.param_groups:
            group["eps"] = self._epsilon / (1 - group["betas"][1] ** self.steps_taken) ** 0.5
        return super().step(closure)
