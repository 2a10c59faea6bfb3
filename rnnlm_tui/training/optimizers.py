"""The optimizers of the presets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from rnnlm_tui.config import CausalTrainConfig, NetworkTrainConfig

EPSILON = 1e-7
"""Keras's epsilon of Adam."""


class KerasAdam(torch.optim.Adam):
    """Adam as Keras 2 computes it (Kingma and Ba 2015, the variant before section 2.1).

    Keras folds the bias correction into the step size and adds epsilon after it; PyTorch adds it to
    the corrected denominator. With epsilon / sqrt(1 - beta2^t) at step t the two agree.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        super().__init__(parameters, lr=learning_rate, betas=(0.9, 0.999), eps=EPSILON, fused=True)

    def step(self, closure: Any = None) -> Any:
        first = next(iter(self.state.values()), None)
        steps = 1 + int(first["step"] if first else 0)
        for group in self.param_groups:
            group["eps"] = EPSILON / (1 - group["betas"][1] ** steps) ** 0.5
        return super().step(closure)


class ClippedAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) with gradients clipped to a norm of `grad_clip`, 0 for no
    clipping. Biases do not decay."""

    def __init__(
        self, network: nn.Module, learning_rate: float, weight_decay: float, grad_clip: float
    ) -> None:
        self._parameters, self._grad_clip = list(network.parameters()), grad_clip
        biases = [p for p in self._parameters if p.dim() == 1]
        others = [p for p in self._parameters if p.dim() > 1]
        groups: list[dict[str, Any]] = [
            {"params": others, "weight_decay": weight_decay},
            {"params": biases},
        ]
        super().__init__(groups, lr=learning_rate, betas=(0.9, 0.999), weight_decay=0.0, fused=True)

    def step(self, closure: Any = None) -> Any:
        if self._grad_clip > 0:
            nn.utils.clip_grad_norm_(self._parameters, self._grad_clip)
        return super().step(closure)


def make_optimizer(
    settings: NetworkTrainConfig, network: nn.Module, learning_rate: float
) -> torch.optim.Optimizer:
    """Returns the optimizer for these settings, before its first step."""
    if isinstance(settings, CausalTrainConfig):
        return ClippedAdamW(network, learning_rate, settings.weight_decay, settings.grad_clip)
    return KerasAdam(network.parameters(), learning_rate)


def rate_factor(settings: NetworkTrainConfig, fraction: float) -> float:
    """The factor of the learning rate when this `fraction` of the run is over.

    It is 1 for the lesson. For causal networks it is a linear warmup times a cosine that falls to 0
    (Loshchilov and Hutter 2017).
    """
    if not isinstance(settings, CausalTrainConfig):
        return 1.0
    rise = min(1.0, fraction / settings.warmup) if settings.warmup > 0 else 1.0
    return rise * (1 + math.cos(math.pi * min(1.0, fraction))) / 2
