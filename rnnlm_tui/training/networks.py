"""The interface of networks that can be trained, their loss, and dropout.

Shapes: B batch, T time steps, N words to predict, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Logits = tuple[Tensor, Tensor, Tensor]
"""Logits [N, V], their targets [N], and True for each target that counts in the loss [N]."""


class BatchLoss(NamedTuple):
    """The loss of a batch."""

    loss: Tensor
    """The value to minimise: the mean negative log-likelihood (nats) of the predictions, plus the
    penalty."""
    sums: Tensor
    """The sums over the batch [4], in the order of `Totals`, without gradients."""


class Network(nn.Module, ABC):
    """A network that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_state: list[Tensor] = []
        """The state of each layer [B, H] that the next batch starts from. It is empty at the start
        of a stream, and always if the batches are independent."""

    def hidden_shapes(self, rows: int) -> list[torch.Size]:
        """Returns the shapes of the `hidden_state` after a batch of `rows` rows."""
        return []

    @abstractmethod
    def loss(self, x: Tensor, target: Tensor, dropout: np.random.Generator | None) -> BatchLoss:
        """Returns the loss of predicting `target` from `x`. The generator `dropout` draws the
        masks; None turns dropout off."""

    @abstractmethod
    def logits(self, x: Tensor, target: Tensor) -> Iterator[Logits]:
        """Yields the logits of a batch, some rows at a time, without dropout and gradients."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Returns views of all weights, with the names and shapes of a saved model. A kernel has
        the shape [in, out]."""

    def load_weights(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Replaces all weights by those of a saved model."""
        for name, tensor in self.weights().items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def batch_loss(nll: Tensor, predictions: int, penalty: Tensor, hits: Tensor) -> BatchLoss:
    """Returns the loss of a batch with these sums over its predictions."""
    sums = torch.stack((torch.full_like(nll, predictions), nll, penalty, hits)).detach()
    return BatchLoss(nll / max(1, predictions) + penalty, sums)


def apply_dropout(
    rows: Tensor, like: Tensor, rng: np.random.Generator | None, rate: float
) -> Tensor:
    """Multiplies `rows` by a mask of 0 and 1 / (1 - rate) that has the shape of `like` and is
    broadcast. Returns the rows as they are if `rng` is None or the rate is 0.

    numpy draws 16 bits for each unit, the same ones on every device. For the lesson's 96,000 units
    this takes 0.1 ms, and PyTorch's bernoulli 0.75 ms.
    """
    if rng is None or rate == 0:
        return rows
    count = like.numel()
    bits = rng.bit_generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
    keep = bits >= round(rate * 2**16)
    mask = keep.astype(np.float32) * np.float32(1 / (1 - rate))
    return rows * torch.from_numpy(mask).to(like.device).view(like.shape)
