"""The optimizers and the learning rate; test_networks holds the lesson's Adam to golden data."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from rnnlm_tui.config import CausalTrainConfig, TrainConfig
from rnnlm_tui.store.run_files import Totals
from rnnlm_tui.training.network_learner import NetworkLearner
from rnnlm_tui.training.optimizers import make_optimizer, rate_factor
from tests.helpers.training import small_job


def test_a_causal_network_has_adamw_which_decays_all_but_biases() -> None:
    layer = nn.Linear(5, 4)
    before = {name: tensor.detach().clone() for name, tensor in layer.named_parameters()}
    optimizer = make_optimizer(CausalTrainConfig(learning_rate=0.1, weight_decay=0.5), layer)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, tensor in layer.named_parameters():
        shrunk = 1.0 if name == "bias" else 0.95
        torch.testing.assert_close(tensor.detach(), before[name] * shrunk, rtol=1e-6, atol=1e-7)


def test_the_rate_of_a_causal_network_rises_and_falls() -> None:
    settings = CausalTrainConfig(warmup=0.25)
    factors = [rate_factor(settings, step / 40) for step in range(41)]
    assert [a < b for a, b in pairwise(factors)] == [True] * 10 + [False] * 30
    assert factors[10] > 0.85
    assert factors[40] == pytest.approx(0, abs=1e-12)
    assert rate_factor(CausalTrainConfig(warmup=0), 0) == rate_factor(TrainConfig(), 0.5) == 1


def test_gradients_are_clipped(tmp_path: Path) -> None:
    learner = NetworkLearner(small_job("gru", tmp_path / "run", grad_clip=0.125))
    learner.begin(1, 0)
    learner.step(0.5, Totals())
    norms = [p.grad.norm() for p in learner._network.parameters() if p.grad is not None]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.125, rel=1e-3)
