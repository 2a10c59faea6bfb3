"""The lesson's network, in PyTorch.

Shapes: B batch, T time steps, D directions, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.layers import initial_weights
from rnnlm_tui.lm.lesson import lesson_shapes
from rnnlm_tui.text.vocabulary import PADDING
from rnnlm_tui.training.networks import BatchLoss, Logits, Network, apply_dropout, batch_loss
from rnnlm_tui.training.output_layers import (
    VOCABULARY_MULTIPLE,
    output_logits,
    softmax_cross_entropy,
)
from rnnlm_tui.training.recurrent_layers import tanh_layers

UNIT_MULTIPLE = 16
"""The units of the relu layer are rounded up to a multiple of this, a cache line of float32. A step
takes 1.3 times as long with the lesson's 1,605 units as with 1,616."""


class LessonNetwork(Network):
    """The lesson's network: Embedding, bidirectional SimpleRNN, dropout, SimpleRNN, Dense, softmax.

    The units of the relu layer and the rows of the output layer are rounded up. The added ones are
    zero at first, get no gradient, and stay zero.

    Source: the lesson, in Keras. A test compares it with figures that Keras computed.
    """

    def __init__(self, config: LessonConfig, total_words: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.config, self.total_words = config, total_words
        padded = round_up(total_words // 2, UNIT_MULTIPLE)
        rows = round_up(total_words, VOCABULARY_MULTIPLE)
        both, last = config.bidirectional_size, config.recurrent_size
        self.embedding = nn.Parameter(torch.zeros(total_words, config.embedding_size))
        self.both_kernel = nn.Parameter(torch.zeros(config.embedding_size, 2 * both))
        self.both_recurrent = nn.Parameter(torch.zeros(2, both, both))
        self.both_bias = nn.Parameter(torch.zeros(2 * both))
        self.last_kernel = nn.Parameter(torch.zeros(2 * both, last))
        self.last_recurrent = nn.Parameter(torch.zeros(1, last, last))
        self.last_bias = nn.Parameter(torch.zeros(last))
        self.hidden_weight = nn.Parameter(torch.zeros(padded, last))
        self.hidden_bias = nn.Parameter(torch.zeros(padded, 1))
        self.output_weight = nn.Parameter(torch.zeros(rows, padded))
        self.output_bias = nn.Parameter(torch.zeros(total_words))
        self._output_buffer = torch.zeros_like(self.output_weight)
        shapes = lesson_shapes(config, total_words)
        self.load_weights(initial_weights(shapes, rng))

    def _hidden_units(self, x: Tensor, dropout: np.random.Generator | None) -> Tensor:
        """`x` [B, T] of ids -> the relu layer's outputs, features in rows [H, B]."""
        batch, length = x.shape
        ids = x.T.reshape(-1)
        embedded = self.embedding.index_select(0, ids)  # [T * B, E]
        inputs = torch.addmm(self.both_bias, embedded, self.both_kernel)
        forward, backward = inputs.view(length, batch, 2, -1).unbind(2)  # [T, B, H] each
        both = torch.stack((forward, backward.flip(0)), 1)
        states = tanh_layers(both, self.both_recurrent, both.new_zeros(both.shape[1:]))
        first, second = states.unbind(1)
        sequence = torch.cat((first, second.flip(0)), 2)  # [T, B, 2 H]
        sequence = apply_dropout(sequence, sequence, dropout, self.config.dropout)
        inputs = torch.addmm(self.last_bias, sequence.flatten(0, 1), self.last_kernel)
        inputs = inputs.view(length, 1, batch, -1)
        states = tanh_layers(inputs, self.last_recurrent, inputs.new_zeros(inputs.shape[1:]))
        last = states[-1, 0]  # [B, H]
        return torch.addmm(self.hidden_bias, self.hidden_weight, last.T).relu()

    def forward(self, x: Tensor) -> Tensor:
        """`x` [B, T] of ids -> logits [B, V], without dropout."""
        hidden = self._hidden_units(x, None)
        return output_logits(self.output_weight, hidden, self.output_bias)[: self.total_words].T

    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> BatchLoss:
        """Returns the loss of predicting `target` [B] from `x` [B, T]."""
        hidden = self._hidden_units(x, dropout)
        nll, hits = softmax_cross_entropy(
            hidden, self.output_weight, self.output_bias, target, self._output_buffer
        )
        kernel = self.hidden_weight.flatten()
        return batch_loss(nll, len(target), self.config.l2 * kernel.dot(kernel), hits)

    @torch.no_grad()
    def logits(self, x: Tensor, target: Tensor) -> Iterator[Logits]:
        """Yields the logits of all rows. A row with nothing but padding stands before the first
        word of a line. It does not count in the loss, because the network never learns that word.
        """
        yield self(x), target, (x != PADDING).any(1)

    def weights(self) -> dict[str, Tensor]:
        both, units = self.config.bidirectional_size, self.total_words // 2
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


def round_up(count: int, multiple: int) -> int:
    """Returns the smallest multiple of `multiple` that is at least `count`."""
    return -(-count // multiple) * multiple
