"""The lesson's network against Keras's figures and a plain nn.Module."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.lesson import lesson_shapes
from rnnlm_tui.training import output_layers
from rnnlm_tui.training.lesson_network import LessonNetwork
from rnnlm_tui.training.networks import dropout_mask
from rnnlm_tui.training.optimizers import KerasAdam
from tests.helpers.golden import keras_sizes, keras_weights, load_golden

SMALL = LessonConfig(embedding_size=7, bidirectional_size=6, recurrent_size=5, dropout=0.3, l2=0.02)
ODD_WORDS = 101
"""No multiple of what rows and units are rounded up to: 50 relu units and 101 rows."""
WINDOW = 4
Arrays = dict[str, NDArray[np.float32]]


def plain_logits(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """`x` [B, T] -> the logits [B, V], word by word as the lesson's network is defined."""

    def states(name: str, sequence: list[Tensor]) -> list[Tensor]:
        kernel, recurrent, bias = (
            weights[f"{name}.{kind}"] for kind in ("kernel", "recurrent_kernel", "bias")
        )
        outputs = [torch.zeros(len(x), len(recurrent))]
        for given in sequence:
            outputs.append((given @ kernel + bias + outputs[-1] @ recurrent).tanh())
        return outputs[1:]

    embedded = list(weights["embedding"][x].unbind(1))
    backward = states("backward", embedded[::-1])[::-1]
    pairs = zip(states("forward", embedded), backward, strict=True)
    last = states("recurrent", [torch.cat(pair, 1) for pair in pairs])[-1]
    hidden = (last @ weights["hidden.kernel"] + weights["hidden.bias"]).relu()
    return hidden @ weights["output.kernel"] + weights["output.bias"]


def random_batch(batch: int, seed: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    x, target = rng.integers(0, ODD_WORDS, (batch, WINDOW)), rng.integers(0, ODD_WORDS, batch)
    return torch.from_numpy(x), torch.from_numpy(target)


def small_network(seed: int = 0) -> LessonNetwork:
    return LessonNetwork(SMALL, ODD_WORDS, np.random.default_rng(seed))


def step(network: LessonNetwork, optimizer: KerasAdam, x: Tensor, target: Tensor) -> float:
    """One update without dropout; returns the objective before."""
    loss = network.loss(x, target, None)
    optimizer.zero_grad()
    torch.autograd.backward(loss.objective)
    optimizer.step()
    return loss.objective.item()


def test_outputs_losses_and_weights_are_keras_s() -> None:
    saved = load_golden("keras_network.npz")
    network = LessonNetwork(*keras_sizes(saved), np.random.default_rng(0))
    network.load_weights(keras_weights(saved, "init"))
    x, y = torch.from_numpy(saved["x"]).long(), torch.from_numpy(saved["y"]).long()
    with torch.no_grad():
        before = network(x).softmax(1).numpy()
    np.testing.assert_allclose(before, saved["probabilities"], rtol=0, atol=1e-6)
    optimizer = KerasAdam(network.parameters(), 1e-3)
    steps, half = len(saved["losses"]), len(x) // 2
    rows = [slice(0, half), slice(half, 2 * half)] * steps
    losses = [step(network, optimizer, x[r], y[r]) for r in rows[:steps]]
    np.testing.assert_allclose(losses, saved["losses"], rtol=0, atol=1e-5)
    trained = network.weights()
    for name, expected in keras_weights(saved, "final").items():
        np.testing.assert_allclose(trained[name].numpy(), expected, rtol=0, atol=1e-5, err_msg=name)
    with torch.no_grad():
        after = network(x).softmax(1).numpy()
    np.testing.assert_allclose(after, saved["final_probabilities"], rtol=0, atol=1e-5)


def gradients(network: LessonNetwork) -> dict[str, Tensor]:
    """The gradients by the names of a saved model, read through the views that weights are."""
    values = {name: tensor.clone() for name, tensor in network.weights().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.copy_(parameter.grad)
    gradients = {name: tensor.clone() for name, tensor in network.weights().items()}
    network.load_weights({name: value.numpy() for name, value in values.items()})
    return gradients


@pytest.mark.parametrize(("batch", "own_layers"), [(1, True), (6, True), (9, True), (6, False)])
def test_loss_and_gradients_are_those_of_plain_autograd(
    batch: int, own_layers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU the layers are PyTorch's, and the output layer is a plain product; here on the
    CPU."""
    monkeypatch.setattr(output_layers, "HAS_ONEDNN", own_layers and output_layers.HAS_ONEDNN)
    shapes, rng = lesson_shapes(SMALL, ODD_WORDS), np.random.default_rng(1)
    arrays = {name: rng.normal(0, 0.3, size).astype(np.float32) for name, size in shapes.items()}
    weights = {name: torch.from_numpy(array).requires_grad_() for name, array in arrays.items()}
    network = small_network()
    network.own_layers = own_layers
    network.load_weights(arrays)
    x, target = random_batch(batch, 2)
    loss, logits = network.loss(x, target, None), plain_logits(weights, x)
    penalty = SMALL.l2 * weights["hidden.kernel"].square().sum()
    expected = nn.functional.cross_entropy(logits, target) + penalty
    torch.testing.assert_close(network(x), logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(loss.objective, expected, rtol=1e-5, atol=1e-5)
    total = loss.nll_sum / batch + loss.penalty
    torch.testing.assert_close(total, expected.detach(), rtol=1e-5, atol=1e-5)
    assert int(loss.hits) == int((logits.argmax(1) == target).sum())
    assert (loss.predictions, loss.words) == (batch, batch)
    torch.autograd.backward(loss.objective)
    torch.autograd.backward(expected)
    for name, gradient in gradients(network).items():
        torch.testing.assert_close(gradient, weights[name].grad, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_gradients_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    before = torch.get_num_threads()
    network = small_network()
    each = []
    try:
        for count in (before, threads):
            torch.set_num_threads(count)
            torch.autograd.backward(network.loss(*random_batch(8, 4), None).objective)
            each.append(gradients(network))
            network.zero_grad()
    finally:
        torch.set_num_threads(before)
    for name, expected in each[0].items():
        torch.testing.assert_close(each[1][name], expected, rtol=1e-4, atol=1e-6, msg=name)


def test_initial_weights_are_keras_s() -> None:
    network = LessonNetwork(LessonConfig(), 401, np.random.default_rng(3))
    for name, tensor in network.weights().items():
        weight = tensor.numpy()
        if name.endswith("bias"):
            assert not weight.any(), name
        elif name.endswith("recurrent_kernel"):
            unit = np.eye(len(weight))
            np.testing.assert_allclose(weight @ weight.T, unit, atol=1e-5, err_msg=name)
        else:
            limit = 0.05 if name == "embedding" else (6 / sum(weight.shape)) ** 0.5
            assert 0.98 * limit < np.abs(weight).max() <= limit * (1 + 1e-6), name
            # A uniform distribution's deviation, and a mean of 0.
            assert abs(weight.std() / (limit / 3**0.5) - 1) < 0.02, name
            assert abs(weight.mean()) < 0.03 * limit, name


def test_dropout_drops_its_rate_and_scales_the_rest() -> None:
    rate = 0.2
    mask = dropout_mask(torch.empty(10, 32, 301), rate, np.random.default_rng(0))
    assert mask.shape == (10, 32, 301)
    assert set(mask.flatten().tolist()) == {0, np.float32(1 / (1 - rate))}
    # Six standard deviations of the share of 96,320 units.
    assert abs(float((mask == 0).float().mean()) - rate) < 6 * (rate * (1 - rate) / 96_320) ** 0.5
    assert abs(float(mask.mean()) - 1) < 0.01


def test_dropout_is_for_training_alone() -> None:
    network = small_network()
    batch = random_batch(8, 5)
    without = network.loss(*batch, None).nll_sum
    assert network.loss(*batch, np.random.default_rng(0)).nll_sum != without


def test_units_and_rows_added_stay_zero() -> None:
    network = small_network()
    optimizer = KerasAdam(network.parameters(), 1e-2)
    for seed in range(10):
        step(network, optimizer, *random_batch(8, seed))
    units = ODD_WORDS // 2
    output, hidden = network.output_weight.detach(), network.hidden_weight.detach()
    assert output.shape[0] > ODD_WORDS
    assert output.shape[1] == len(hidden) > units
    assert not output[ODD_WORDS:].any()
    assert not output[:, units:].any()
    assert not hidden[units:].any()
    assert not network.hidden_bias.detach()[units:].any()
    logits = network(random_batch(3, 0)[0])
    assert logits.shape == (3, ODD_WORDS)
    assert torch.isfinite(logits).all()
