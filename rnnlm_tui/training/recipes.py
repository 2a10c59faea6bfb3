"""How each preset's network is built and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.training.bptt_batches import CausalBatches
from rnnlm_tui.training.causal_networks import CausalNetwork, ClippedAdamW, rate_factor
from rnnlm_tui.training.networks import KerasAdam, LessonNetwork, Network
from rnnlm_tui.training.prefix_batches import PrefixBatches


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
    """The parts of a preset's training. Each is given the preset's own sizes, training settings and
    kind of prepared corpus; the batches follow from all settings of the run.

    `rate(settings, done)` is what the learning rate is multiplied by once `done`, a share of the
    run, is through.
    """

    network: Callable[[Any, int, np.random.Generator], Network]
    optimizer: Callable[[nn.Module, Any, float], torch.optim.Optimizer]
    batches: Callable[[Any, Any, torch.device], Batches]
    rate: Callable[[Any, float], float] = lambda settings, done: 1.0


def _causal(cell: str) -> Recipe:
    return Recipe(
        network=partial(CausalNetwork, cell),
        optimizer=lambda network, settings, rate: ClippedAdamW(
            network, rate, settings.weight_decay, settings.grad_clip
        ),
        batches=CausalBatches,
        rate=rate_factor,
    )


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "lesson": Recipe(
            network=LessonNetwork,
            optimizer=lambda network, settings, rate: KerasAdam(network.parameters(), rate),
            batches=lambda prepared, config, device: PrefixBatches(prepared, config.train, device),
        ),
        **{cell: _causal(cell) for cell in ("rnn", "gru", "lstm")},
    }
)
