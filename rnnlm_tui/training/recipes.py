"""How each preset's network is built and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.config import ModelConfig, TrainConfig
from rnnlm_tui.text.examples import PreparedCorpus
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
    """The parts of a preset's training."""

    network: Callable[[ModelConfig, int, np.random.Generator], Network]
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    batches: Callable[[PreparedCorpus, TrainConfig, torch.device], Batches]


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "lesson": Recipe(
            network=LessonNetwork,
            optimizer=lambda network, rate: KerasAdam(network.parameters(), rate),
            batches=PrefixBatches,
        )
    }
)
