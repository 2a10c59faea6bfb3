"""How each preset's network is built and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.training.batches import PrefixBatches
from rnnlm_tui.training.networks import KerasAdam, LessonNetwork, Network


class Batches(Protocol):
    """The batches of a corpus."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        ...

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, inputs and targets, from `first_step` on."""
        ...

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of the held-out lines."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of a preset's training. Each is given the preset's own sizes, settings and kind of
    prepared corpus."""

    network: Callable[[Any, int, np.random.Generator], Network]
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    batches: Callable[[Any, Any, torch.device], Batches]


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "lesson": Recipe(
            network=LessonNetwork,
            optimizer=lambda network, rate: KerasAdam(network.parameters(), rate),
            batches=PrefixBatches,
        )
    }
)
