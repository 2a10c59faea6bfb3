"""The causal networks against their definitions, and their numpy inference against both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig
from rnnlm_tui.errors import UsageError
from rnnlm_tui.lm.adaptive_softmax import softmax_shapes
from rnnlm_tui.lm.causal import CausalModel, causal_shapes
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from rnnlm_tui.training import output_layers
from rnnlm_tui.training.causal_networks import CausalNetwork
from rnnlm_tui.training.network_learner import check_device
from tests.helpers.networks import normal_weights

HEAD = softmax_shapes(CausalConfig(softmax="adaptive"), 10**6)["embedding"][0] - 1
"""The words of the head of an adaptive softmax."""
EARLY, LATE = slice(4), slice(4, 8)
WORDS = {"full": 41, "adaptive": 2 * HEAD}
every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
some_cells = pytest.mark.parametrize(
    "cell", ["gru", *(pytest.param(cell, marks=pytest.mark.slow) for cell in ("rnn", "lstm"))]
)
every_size = pytest.mark.parametrize(
    ("layers", "hidden", "softmax"),
    [
        (1, 7, "full"),
        pytest.param(2, 5, "full", marks=pytest.mark.slow),
        (2, 5, "adaptive"),
    ],
)


def network(cell: str, layers: int = 1, hidden: int = 5, softmax: str = "full") -> CausalNetwork:
    """A network with biases and embeddings that matter."""
    sizes = CausalConfig(7, hidden, layers, 0.0, softmax)  # type: ignore[arg-type]
    ours = CausalNetwork(cell, sizes, WORDS[softmax], np.random.default_rng(0))
    ours.load_weights(normal_weights(causal_shapes(cell, sizes, WORDS[softmax]), 0.5))
    return ours


def batch(
    seed: int, softmax: str = "full", shape: tuple[int, int] = (3, 6)
) -> tuple[Tensor, Tensor]:
    """Inputs and targets [B, T]."""
    x, target = np.random.default_rng(seed).integers(1, WORDS[softmax], (2, *shape))
    return torch.from_numpy(x), torch.from_numpy(target)


def plain_weights(ours: CausalNetwork) -> dict[str, Tensor]:
    """The weights by their names in a saved model, for plain autograd."""
    return {name: weight.clone().requires_grad_() for name, weight in ours.weights().items()}


def plain_logits(ours: CausalNetwork, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """`x` [B, T] -> the logits [B, T, V], word by word as the network is defined."""
    embedding, inputs = weights["embedding"], weights["embedding"]
    if "tail1.kernel" in weights:
        tail = weights["tail1.embedding"] @ weights["tail1.kernel"].T + embedding[HEAD]
        inputs = torch.cat([embedding[:HEAD], tail])
    sequence = list(inputs[x].unbind(1))
    for number in range(1, ours.config.layers + 1):
        layer = {name.partition(".")[2]: w for name, w in weights.items() if f"r{number}." in name}
        h = c = torch.zeros(len(x), ours.config.hidden_size)
        for t, given in enumerate(sequence):
            inputs, product = given @ layer["kernel"] + layer["bias"], h @ layer["recurrent_kernel"]
            if ours.cell == "rnn":
                h = (inputs + product).tanh()
            elif ours.cell == "gru":
                (r_in, z_in, n_in), (r, z, n) = inputs.chunk(3, 1), product.chunk(3, 1)
                r, z = (r_in + r).sigmoid(), (z_in + z).sigmoid()
                h = (1 - z) * (n_in + r * (n + layer["candidate_bias"])).tanh() + z * h
            else:
                o, i, f, g = (inputs + product).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            sequence[t] = h
    outputs = torch.stack(sequence, 1)
    if "projection.kernel" in weights:
        outputs = outputs @ weights["projection.kernel"]
    logits = outputs @ embedding.T + weights["output.bias"][: len(embedding)]
    if "tail1.kernel" not in weights:
        return logits
    of_head = logits.log_softmax(2)
    of_tail = outputs @ weights["tail1.kernel"] @ weights["tail1.embedding"].T
    of_tail = (of_tail + weights["output.bias"][HEAD + 1 :]).log_softmax(2)
    return torch.cat([of_head[:, :, :HEAD], of_head[:, :, HEAD:] + of_tail], 2)


@every_cell
@every_size
def test_loss_and_gradients_are_those_of_plain_autograd(
    cell: str, layers: int, hidden: int, softmax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a batch without a word of the tail."""
    monkeypatch.setattr(output_layers, "LOGITS_IN_MEMORY", 5 * WORDS[softmax])  # several blocks
    ours = network(cell, layers, hidden, softmax)
    weights = plain_weights(ours)
    for last in (WORDS[softmax], HEAD - 1):
        x, target = (ids.clamp(max=last) for ids in batch(1, softmax))
        target[1, 4:] = 0  # padding, which is no target
        logits = plain_logits(ours, weights, x)
        expected = nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=0
        )
        ours.zero_grad()
        ours.hidden_state = []
        loss, sums = ours.loss(x, target, None)
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
        assert sums.tolist() == pytest.approx([16, 16 * expected.item(), 0, 0], rel=1e-5)
        torch.autograd.backward(loss)
        gradients = torch.autograd.grad(expected, [*weights.values()], materialize_grads=True)
        named = dict(ours.named_parameters())
        for name, gradient in zip(weights, gradients, strict=True):
            found = named.pop(name.replace(".", "_")).grad
            torch.testing.assert_close(found, gradient, rtol=1e-4, atol=1e-6, msg=name)
        assert not named


@some_cells
@pytest.mark.parametrize("softmax", ["full", "adaptive"])
def test_products_in_bfloat16_learn_about_the_same(cell: str, softmax: str) -> None:
    try:
        check_device("cpu", "bf16")
    except UsageError:
        pytest.skip("no bfloat16")

    def learned(is_low: bool) -> tuple[float, Tensor]:
        ours = network(cell, 2, 5, softmax)
        for seed in (1, 2):  # the second batch starts from the state after the first
            with torch.autocast("cpu", torch.bfloat16, enabled=is_low):
                loss, _ = ours.loss(*batch(seed, softmax), None)
        torch.autograd.backward(loss)
        gradients = [p.grad for p in ours.parameters() if p.grad is not None]
        held = [loss, *gradients, *ours.hidden_state]
        assert {tensor.dtype for tensor in held} == {torch.float32}
        return loss.item(), torch.cat([gradient.flatten() for gradient in gradients])

    (loss, gradient), (low_loss, low_gradient) = learned(False), learned(True)
    assert low_loss != loss
    assert low_loss == pytest.approx(loss, rel=0.01)
    assert (low_gradient - gradient).norm() < 0.03 * gradient.norm()


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_the_state_of_a_stream_continues_from_batch_to_batch(cell: str, layers: int) -> None:
    x, target = batch(3, shape=(2, 8))
    whole, in_parts, alone = (network(cell, layers) for _ in range(3))
    expected, _ = whole.loss(x, target, None)
    (first, _), (last, _) = (in_parts.loss(x[:, p], target[:, p], None) for p in (EARLY, LATE))
    torch.testing.assert_close((first + last) / 2, expected, rtol=1e-5, atol=0)
    assert abs(alone.loss(x[:, LATE], target[:, LATE], None)[0] - last) > 1e-4


@every_cell
@every_size
def test_numpy_predicts_what_pytorch_does(
    cell: str, layers: int, hidden: int, softmax: str
) -> None:
    ours = network(cell, layers, hidden, softmax)
    words = [f"word{i}" for i in range(WORDS[softmax] - 1 - len(SPECIAL_TOKENS))]
    weights = {name: tensor.numpy() for name, tensor in ours.weights().items()}
    read = Vocabulary(words, SPECIAL_TOKENS), LessonTokenizer(), weights
    model = CausalModel(cell, ours.config, *read)
    ids = batch(6, softmax, (1, 12))[0]
    ((logits, *_),) = ours.logits(ids, ids)
    predicted = np.stack([*model.predict(model.advance(model.start, ids[0].tolist()))])
    np.testing.assert_allclose(predicted, logits.softmax(1).numpy(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(predicted.sum(1), 1, rtol=0, atol=1e-5)


@every_cell
def test_initial_weights(cell: str) -> None:
    sizes = CausalConfig(64, 48)
    weights = CausalNetwork(cell, sizes, 500, np.random.default_rng(0)).weights()
    assert weights["embedding"].abs().max() <= 0.1
    recurrent = weights["layer1.recurrent_kernel"].reshape(48, -1, 48)  # [H, G, H]
    for gate in recurrent.unbind(1):
        torch.testing.assert_close(gate @ gate.T, torch.eye(48), rtol=0, atol=1e-5)
    bias = weights["layer1.bias"].reshape(-1, 48)
    open_gates = [bool(gate.any()) for gate in bias]
    assert open_gates == [cell == "lstm" and gate == 2 for gate in range(len(bias))]
