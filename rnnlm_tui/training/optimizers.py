"""The optimizers of the presets."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from rnnlm_tui.config import CausalTrainConfig, NetworkTrainConfig

EPSILON = 1e-7
"""Keras's epsilon of Adam."""
MOMENTS = ("exp_avg", "exp_avg_sq")
"""PyTorch's names for Adam's two moments of each parameter."""


class KerasAdam(torch.optim.Adam):
    """Adam as Keras 2 computes it (Kingma and Ba 2015, the variant before section 2.1).

    Keras folds the bias correction into the step size and adds epsilon after it; PyTorch adds it to
    the corrected denominator. With epsilon / sqrt(1 - beta2^t) at step t the two agree.
    """

    def step(self, closure: Any = None) -> Any:
        first = next(iter(self.state.values()), None)
        steps = 1 + int(first["step"] if first else 0)
        for group in self.param_groups:
            group["eps"] = EPSILON / (1 - group["betas"][1] ** steps) ** 0.5
        return super().step(closure)


def make_optimizer(settings: NetworkTrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Returns the optimizer of a network. The lesson's has Adam. A causal one has AdamW (Loshchilov
    and Hutter 2019) or plain steps along the gradient, and its biases do not decay. The moments of
    Adam are set to zero here, so that a saved state can be loaded into them."""
    rate, parameters = settings.learning_rate, [*network.parameters()]
    optimizer: torch.optim.Optimizer
    if isinstance(settings, CausalTrainConfig):
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.dim() > 1]},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
        ]
        kind = torch.optim.SGD if settings.optimizer == "sgd" else torch.optim.AdamW
        decay = settings.weight_decay
        optimizer = kind(groups, lr=rate, weight_decay=decay, fused=True)
    else:
        optimizer = KerasAdam(parameters, lr=rate, fused=True)
    if not isinstance(optimizer, torch.optim.SGD):
        for parameter in parameters:
            moments = {key: torch.zeros_like(parameter) for key in MOMENTS}
            optimizer.state[parameter] = {"step": parameter.new_zeros(()), **moments}
    return optimizer


def rate_factor(settings: NetworkTrainConfig, fraction: float) -> float:
    """Returns the factor of the learning rate once this `fraction` of the run is finished.

    It is 1 for the lesson. For causal networks it is a linear warmup times a cosine that falls to 0
    (Loshchilov and Hutter 2017).
    """
    if not isinstance(settings, CausalTrainConfig):
        return 1.0
    rise = min(1.0, fraction / settings.warmup) if settings.warmup > 0 else 1.0
    return rise * (1 + math.cos(math.pi * min(1.0, fraction))) / 2
