"""The interface between the trainer and a network.

Shapes: B batch, T time steps, N words to predict, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DROPOUT_LEVELS = 1 << 16
"""Dropout compares 16 random bits a unit with the rate, so a rate is exact to 1 / 65536."""


BatchLoss = tuple[Tensor, Tensor]
"""The loss that is minimised: the mean negative log-likelihood (nats) of the predictions of a
batch, plus the penalty. Then the figures of the batch [4] in the order of `Totals`, without
gradients."""
Logits = tuple[Tensor, Tensor, Tensor]
"""Logits [N, V], targets [N], and which of them count in the loss [N]."""


class Network(nn.Module, ABC):
    """A network that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_state: list[Tensor] = []
        """The state of each layer [B, H] that the next batch starts from; empty at the start of a
        stream, and for a network whose batches are independent."""

    def hidden_shapes(self, rows: int) -> list[torch.Size]:
        """The shapes of the `hidden_state` after a batch of so many rows."""
        return []

    @abstractmethod
    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> BatchLoss:
        """The loss of predicting `target` from `x`; `dropout` None turns it off."""

    @abstractmethod
    def logits(self, x: Tensor, target: Tensor) -> Iterator[Logits]:
        """The logits of the batch, some rows at a time, without dropout and gradients."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Views of all weights with the names, shapes and layout ([in, out]) of a saved model."""

    def load_weights(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes the weights of a saved model."""
        for name, tensor in self.weights().items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def batch_loss(nll: Tensor, predictions: int, penalty: Tensor, hits: Tensor) -> BatchLoss:
    """The loss of a batch with these sums over its predictions."""
    sums = torch.stack((torch.full_like(nll, predictions), nll, penalty, hits)).detach()
    return nll / max(1, predictions) + penalty, sums


def apply_dropout(
    rows: Tensor, like: Tensor, rng: np.random.Generator | None, rate: float
) -> Tensor:
    """Applies dropout to `rows`, with a mask of 0 and 1 / (1 - rate) in the shape of `like`, which
    is broadcast. Returns the rows as they are if `rng` is None or the rate is 0.

    numpy draws 16 bits a unit, which are the same on every device. For the lesson's 96,000 units
    this takes 0.1 ms, PyTorch's own bernoulli 0.75 ms.
    """
    if rng is None or rate == 0:
        return rows
    count = like.numel()
    bits = rng.bit_generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
    keep = bits >= round(rate * DROPOUT_LEVELS)
    mask = keep.astype(np.float32) * np.float32(1 / (1 - rate))
    return rows * torch.from_numpy(mask).to(like.device).view(like.shape)
