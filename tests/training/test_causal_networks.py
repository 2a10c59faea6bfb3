"""The causal networks against their definitions, and their numpy inference against both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, Config
from rnnlm_tui.lm import adaptive_softmax
from rnnlm_tui.lm.causal import WINDOW, CausalArchitecture, CausalModel, causal_shapes
from rnnlm_tui.lm.layer_table import layers_of
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import END_ID, SPECIAL_TOKENS, Vocabulary
from rnnlm_tui.training import output_layers
from rnnlm_tui.training.causal_networks import CausalNetwork
from rnnlm_tui.training.learner import HeldOutTotals, has_bfloat16

WORDS = 41
every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
every_size = pytest.mark.parametrize(
    ("layers", "hidden", "softmax"),
    [(1, 7, "full"), (1, 5, "full"), (2, 5, "full"), (1, 7, "adaptive"), (2, 5, "adaptive")],
)
every_softmax = pytest.mark.parametrize("softmax", ["full", "adaptive"])


@pytest.fixture(autouse=True)
def small_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head of 9 rows and two tails, if the softmax is adaptive."""
    monkeypatch.setattr(adaptive_softmax, "TAIL_BEGINS", (9, 25))


def config(**settings: object) -> CausalConfig:
    sizes: dict[str, object] = {"embedding_size": 7, "hidden_size": 5, "dropout": 0.0}
    return CausalConfig(**{**sizes, **settings})  # type: ignore[arg-type]


def network(
    cell: str, sizes: CausalConfig, seed: int = 0, precision: torch.dtype = torch.float32
) -> CausalNetwork:
    """A network with biases and embeddings that matter."""
    rng = np.random.default_rng(seed)
    shapes = causal_shapes(cell, sizes, WORDS)
    ours = CausalNetwork(cell, sizes, WORDS, rng, precision)
    ours.load_weights(
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    )
    return ours


def batch(seed: int, shape: tuple[int, int] = (3, 6)) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    x, target = rng.integers(1, WORDS, (2, *shape))
    return torch.from_numpy(x), torch.from_numpy(target)


def plain_weights(ours: CausalNetwork) -> dict[str, Tensor]:
    """The weights by their names in a saved model, for plain autograd."""
    return {name: weight.clone().requires_grad_() for name, weight in ours.weights().items()}


def plain_logits(ours: CausalNetwork, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """`x` [B, T] -> the logits [B, T, V], word by word as the network is defined."""
    sequence = list(plain_embedding(weights)[x].unbind(1))
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
    logits = outputs @ weights["embedding"].T + weights["output.bias"][: len(weights["embedding"])]
    if len(weights["embedding"]) == WORDS:
        return logits
    of_head = logits.log_softmax(2)
    parts, bias = [of_head[:, :, :9]], torch.split(weights["output.bias"][11:], 16)
    for number in (1, 2):
        narrow = outputs @ weights[f"tail{number}.kernel"]
        of_tail = narrow @ weights[f"tail{number}.embedding"].T + bias[number - 1]
        parts.append(of_head[:, :, 8 + number, None] + of_tail.log_softmax(2))
    return torch.cat(parts, 2)


def plain_embedding(weights: dict[str, Tensor]) -> Tensor:
    """What the first layer reads for each word [V, E]."""
    head = weights["embedding"]
    if len(head) == WORDS:
        return head
    tails = [
        head[8 + k] + weights[f"tail{k}.embedding"] @ weights[f"tail{k}.kernel"].T for k in (1, 2)
    ]
    return torch.cat([head[:9], *tails])


@every_cell
@every_size
def test_loss_and_gradients_are_those_of_plain_autograd(
    cell: str, layers: int, hidden: int, softmax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layers, "ROWS_AT_ONCE", 5 * WORDS)  # several blocks of rows
    ours = network(cell, config(layers=layers, hidden_size=hidden, softmax=softmax))
    weights = plain_weights(ours)
    x, target = batch(1)
    target[1, 4:] = 0  # padding, which is no target
    loss, logits = ours.loss(x, target, None), plain_logits(ours, weights, x)
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=0)
    torch.testing.assert_close(loss.objective, expected, rtol=1e-5, atol=1e-5)
    real = target != 0
    assert loss.predictions == int(real.sum()) == 16
    assert loss.words == int((real & (target != END_ID)).sum())
    words_alone = logits.detach().clone()
    words_alone[:, :, : END_ID + 1] = -torch.inf
    assert int(loss.hits) == int(((words_alone.argmax(2) == target) & real).sum())
    torch.autograd.backward(loss.objective)
    torch.autograd.backward(expected)
    gradients = {name: parameter.grad for name, parameter in ours.named_parameters()}
    for name, weight in weights.items():
        gradient = gradients.pop(name.replace(".", "_"))
        torch.testing.assert_close(gradient, weight.grad, rtol=1e-4, atol=1e-6, msg=name)
    assert not gradients


@every_cell
@every_softmax
def test_the_layers_of_a_gpu_and_products_in_bfloat16_learn_about_the_same(
    cell: str, softmax: str
) -> None:
    """The layers of a GPU are PyTorch's; here they compute on the CPU."""

    def learned(precision: torch.dtype, own_layers: bool) -> tuple[float, Tensor]:
        ours = network(cell, config(layers=2, softmax=softmax), precision=precision)
        ours.own_layers = own_layers
        for seed in (1, 2):  # the second batch starts from the state after the first
            loss = ours.loss(*batch(seed), None).objective
        torch.autograd.backward(loss)
        parts = [p.grad.flatten() for p in ours.parameters() if p.grad is not None]
        return loss.item(), torch.cat(parts)

    loss, gradient = learned(torch.float32, own_layers=True)
    loss_of_gpu, gradient_of_gpu = learned(torch.float32, own_layers=False)
    assert loss_of_gpu == pytest.approx(loss, abs=1e-6)
    torch.testing.assert_close(gradient_of_gpu, gradient, rtol=0, atol=1e-5)
    for own_layers in (True, False) if has_bfloat16(torch.device("cpu")) else ():
        low_loss, low_gradient = learned(torch.bfloat16, own_layers)
        assert low_loss != loss
        assert low_loss == pytest.approx(loss, rel=0.01)
        assert (low_gradient - gradient).norm() < 0.03 * gradient.norm()


def test_a_batch_without_rare_words_leaves_their_embeddings_alone() -> None:
    ours = network("gru", config(softmax="adaptive"))
    x, target = batch(1)
    for last, rare in ((WORDS, True), (8, False)):
        loss = ours.loss(x.clamp(max=last), target.clamp(max=last), None)
        torch.autograd.backward(loss.objective)
        gradients = [p.grad for name, p in ours.named_parameters() if name.endswith("l1_embedding")]
        assert [bool(g is not None and g.any()) for g in gradients] == [rare]


def total(ours: CausalNetwork, x: Tensor, target: Tensor) -> HeldOutTotals:
    """The held-out totals of a batch. Words 0 to 4 are never suggested."""
    totals = HeldOutTotals()
    for logits in ours.logits(x, target):
        totals.add(logits, torch.arange(5))
    return totals


@every_softmax
def test_held_out_totals_are_those_of_the_logits(softmax: str) -> None:
    ours = network("gru", config(softmax=softmax))
    x, target = batch(2)
    target[0, 0], target[1, 1] = END_ID, 4
    logits = plain_logits(ours, plain_weights(ours), x).flatten(0, 1).detach()
    wanted = target.flatten()
    expected = nn.functional.cross_entropy(logits, wanted, reduction="sum")
    logits[:, :5] = -torch.inf
    place = logits.argsort(1, descending=True).eq(wanted[:, None]).int().argmax(1)
    place[wanted < 5] = WORDS
    totals = total(ours, x, target)
    assert totals.nll == pytest.approx(expected.item(), rel=1e-5)
    assert (totals.top1, totals.top5) == (int((place == 0).sum()), int((place < 5).sum()))
    assert totals.predictions == target.numel()


def test_of_equally_likely_words_the_first_one_is_suggested() -> None:
    totals, everything = HeldOutTotals(), torch.ones(2, dtype=torch.bool)
    totals.add((torch.zeros(2, 9), torch.tensor([3, 4]), everything), torch.arange(3))
    assert (totals.top1, totals.top5) == (1, 2)


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_the_state_of_a_stream_continues_from_batch_to_batch(cell: str, layers: int) -> None:
    x, target = batch(3, (2, 8))
    whole = total(network(cell, config(layers=layers)), x, target).nll
    in_parts = network(cell, config(layers=layers))
    halves = [total(in_parts, x[:, part], target[:, part]).nll for part in (slice(4), slice(4, 8))]
    assert sum(halves) == pytest.approx(whole, rel=1e-5)
    alone = network(cell, config(layers=layers))
    assert abs(total(alone, x[:, 4:8], target[:, 4:8]).nll - halves[1]) > 1e-3


def numpy_model(ours: CausalNetwork) -> CausalModel:
    words = [f"word{i}" for i in range(WORDS - 1 - len(SPECIAL_TOKENS))]
    weights = {name: tensor.numpy() for name, tensor in ours.weights().items()}
    vocabulary = Vocabulary(words, SPECIAL_TOKENS)
    return CausalModel(ours.cell, ours.config, vocabulary, LessonTokenizer(), WINDOW, weights)


@every_cell
@every_size
def test_numpy_predicts_what_pytorch_does(
    cell: str, layers: int, hidden: int, softmax: str
) -> None:
    ours = network(cell, config(layers=layers, hidden_size=hidden, softmax=softmax))
    model, weights = numpy_model(ours), plain_weights(ours)
    ids = np.random.default_rng(6).integers(1, WORDS, 12).tolist()
    logits = plain_logits(ours, weights, torch.tensor([ids]))[0]
    expected = logits.softmax(1).detach().numpy()
    whole = model.advance(model.start, ids)
    word_by_word = [model.start]
    for word in ids:
        word_by_word += model.advance(word_by_word[-1], [word])
    branched = [*model.advance(whole[3], [9, 10]), *model.advance(whole[3], ids[4:])]
    for states in (whole, word_by_word[1:], [*whole[:4], *branched[2:]]):
        predicted = np.stack([*model.predict(states)])
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(predicted.sum(1), 1, rtol=0, atol=1e-5)


@every_cell
@every_softmax
def test_the_layer_table_counts_every_weight(cell: str, softmax: str) -> None:
    sizes = config(layers=2, softmax=softmax)
    settings = Config(cell, sizes, CausalTrainConfig())
    layers = layers_of(CausalArchitecture(settings, WORDS, WINDOW))
    counted = sum(layer.parameters for layer in layers)
    assert counted == sum(p.numel() for p in network(cell, sizes).parameters())


@every_cell
def test_initial_weights(cell: str) -> None:
    sizes = config(embedding_size=64, hidden_size=48)
    weights = CausalNetwork(cell, sizes, 500, np.random.default_rng(0)).weights()
    assert weights["embedding"].abs().max() <= 0.1
    recurrent = weights["layer1.recurrent_kernel"].reshape(48, -1, 48)  # [H, G, H]
    for gate in recurrent.unbind(1):
        torch.testing.assert_close(gate @ gate.T, torch.eye(48), rtol=0, atol=1e-5)
    bias = weights["layer1.bias"].reshape(-1, 48)
    open_gates = [bool(gate.any()) for gate in bias]
    assert open_gates == [cell == "lstm" and gate == 2 for gate in range(len(bias))]
