"""The optimizers and the learning rate; test_networks holds the lesson's Adam to golden data."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlm_tui.config import CausalTrainConfig, TrainConfig
from rnnlm_tui.training.optimizers import ClippedAdamW, KerasAdam, make_optimizer, rate_factor


def test_clipped_adamw_decays_all_but_biases_and_clips() -> None:
    layer = nn.Linear(5, 4)
    before = {name: tensor.detach().clone() for name, tensor in layer.named_parameters()}
    optimizer = ClippedAdamW(layer, 0.1, weight_decay=0.5, grad_clip=0.25)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, tensor in layer.named_parameters():
        shrunk = 1.0 if name == "bias" else 0.95
        torch.testing.assert_close(tensor.detach(), before[name] * shrunk, rtol=1e-6, atol=1e-7)
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    norms = [
        parameter.grad.norm() for parameter in layer.parameters() if parameter.grad is not None
    ]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.25, rel=1e-3)


def test_the_rate_of_a_causal_network_rises_and_falls() -> None:
    settings = CausalTrainConfig(warmup=0.25)
    factors = [rate_factor(settings, step / 40) for step in range(41)]
    assert factors[0] == 0
    assert factors[:11] == sorted(factors[:11])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[10] > 0.85
    assert factors[40] == pytest.approx(0, abs=1e-12)
    assert rate_factor(CausalTrainConfig(warmup=0), 0) == 1


def test_the_lesson_has_keras_s_adam_and_one_rate() -> None:
    assert isinstance(make_optimizer(TrainConfig(), nn.Linear(2, 2), 0.1), KerasAdam)
    assert rate_factor(TrainConfig(), 0.5) == 1
