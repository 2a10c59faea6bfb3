"""The causal networks against PyTorch's own layers, and their numpy inference against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, RunConfig
from rnnlm_tui.lm.causal import CausalArchitecture, CausalModel, causal_shapes
from rnnlm_tui.text.tokenizer import LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from rnnlm_tui.training import output_layers
from rnnlm_tui.training.causal_networks import CausalNetwork
from rnnlm_tui.training.learner import HeldOutTotals
from rnnlm_tui.training.optimizers import ClippedAdamW

END = 3
"""The id of the end of a line."""
CELLS = ("rnn", "gru", "lstm")
WORDS = 41
LAYERS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
ORDER = {"rnn": (0,), "gru": (0, 1, 2), "lstm": (3, 0, 1, 2)}
"""Which of PyTorch's gates stands at each place of ours."""
every_cell = pytest.mark.parametrize("cell", CELLS)


def config(**settings: object) -> CausalConfig:
    sizes: dict[str, object] = {"embedding_size": 7, "hidden_size": 5, "dropout": 0.0}
    return CausalConfig(**{**sizes, **settings})  # type: ignore[arg-type]


def network(cell: str, sizes: CausalConfig, seed: int = 0) -> CausalNetwork:
    """A network with biases and embeddings that matter."""
    rng = np.random.default_rng(seed)
    shapes = causal_shapes(cell, sizes, WORDS)
    found = CausalNetwork(cell, sizes, WORDS, rng)
    found.load_weights(
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    )
    return found


def batch(seed: int, shape: tuple[int, int] = (3, 6)) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    x, target = rng.integers(1, WORDS, (2, *shape))
    return torch.from_numpy(x), torch.from_numpy(target)


class PlainCausal(nn.Module):
    """The same network of PyTorch's own layers, with the weights of `like`."""

    def __init__(self, like: CausalNetwork) -> None:
        super().__init__()
        sizes, cell = like.config, like.cell
        weights = {name: tensor.clone() for name, tensor in like.weights().items()}
        self.embedding = nn.Parameter(weights["embedding"])
        self.bias = nn.Parameter(weights["output.bias"])
        projection = weights.get("projection.kernel")
        self.projection = None if projection is None else nn.Parameter(projection)
        self.layers = LAYERS[cell](
            sizes.embedding_size, sizes.hidden_size, sizes.layers, batch_first=True
        )
        with torch.no_grad():
            for i in range(sizes.layers):
                self._take(cell, i, weights)

    def _take(self, cell: str, i: int, weights: dict[str, Tensor]) -> None:
        def gates(tensor: Tensor) -> Tensor:
            """[.., G H] in our order -> [G H, ..] in PyTorch's."""
            parts = tensor.chunk(len(ORDER[cell]), -1)
            return torch.cat([parts[ORDER[cell].index(g)] for g in range(len(parts))], -1).T

        name = f"layer{i + 1}"
        mine = dict(self.layers.named_parameters())
        mine[f"weight_ih_l{i}"].copy_(gates(weights[f"{name}.kernel"]))
        mine[f"weight_hh_l{i}"].copy_(gates(weights[f"{name}.recurrent_kernel"]))
        mine[f"bias_ih_l{i}"].copy_(gates(weights[f"{name}.bias"][None])[:, 0])
        mine[f"bias_hh_l{i}"].zero_()
        if cell == "gru":
            mine[f"bias_hh_l{i}"][-len(weights[f"{name}.candidate_bias"]) :] = weights[
                f"{name}.candidate_bias"
            ]

    def forward(self, x: Tensor) -> Tensor:
        """`x` [B, T] -> [B, T, V]."""
        outputs, _ = self.layers(nn.functional.embedding(x, self.embedding))
        if self.projection is not None:
            outputs = outputs @ self.projection
        return outputs @ self.embedding.T + self.bias  # type: ignore[no-any-return]

    def gradients(self, cell: str) -> dict[str, Tensor]:
        """By the names of a saved model."""
        found = {"embedding": self.embedding.grad, "output.bias": self.bias.grad}
        if self.projection is not None:
            found["projection.kernel"] = self.projection.grad
        for name, parameter in self.layers.named_parameters():
            kind, which, layer = name.split("_")
            parts = parameter.grad.chunk(len(ORDER[cell]), 0)  # type: ignore[union-attr]
            ours = torch.cat([parts[g] for g in ORDER[cell]], 0)
            ours = ours.T if ours.dim() == 2 else ours
            place = f"layer{int(layer[1:]) + 1}"
            if kind == "weight":
                found[f"{place}.{'kernel' if which == 'ih' else 'recurrent_kernel'}"] = ours
            elif which == "ih":
                found[f"{place}.bias"] = ours
            elif cell == "gru":
                found[f"{place}.candidate_bias"] = parts[2]
        return {name: gradient for name, gradient in found.items() if gradient is not None}


@every_cell
@pytest.mark.parametrize(("layers", "hidden"), [(1, 7), (1, 5), (2, 5)])
def test_loss_and_gradients_are_those_of_plain_autograd(
    cell: str, layers: int, hidden: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layers, "ROWS_AT_ONCE", 5 * WORDS)  # several blocks of rows
    ours = network(cell, config(layers=layers, hidden_size=hidden))
    plain = PlainCausal(ours)
    x, target = batch(1)
    target[1, 4:] = 0  # padding, which is no target
    loss, scores = ours.loss(x, target, None), plain(x)
    expected = nn.functional.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=0)
    torch.testing.assert_close(loss.objective, expected, rtol=1e-5, atol=1e-5)
    real = target != 0
    assert loss.predictions == int(real.sum()) == 16
    assert loss.words == int((real & (target != END)).sum())
    listed = scores.detach().clone()
    listed[:, :, :4] = -torch.inf
    assert int(loss.hits) == int(((listed.argmax(2) == target) & real).sum())
    loss.objective.backward()  # type: ignore[no-untyped-call]
    expected.backward()  # type: ignore[no-untyped-call]
    wanted = plain.gradients(cell)
    assert wanted.keys() == ours.weights().keys()
    for name, parameter in ours.named_parameters():
        weight = next(w for w in wanted if w.replace(".", "_") == name)
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, wanted[weight], rtol=1e-4, atol=1e-6, msg=name)


def total(ours: CausalNetwork, x: Tensor, target: Tensor) -> HeldOutTotals:
    """What is found on a batch that is held out; words 0 to 4 are never suggested."""
    totals = HeldOutTotals()
    for scores in ours.scores(x, target):
        totals.add(scores, torch.arange(5))
    return totals


@every_cell
def test_held_out_totals_are_those_of_the_scores(cell: str) -> None:
    ours = network(cell, config(context="line"))
    x, target = batch(2)
    target[0, 0], target[1, 1] = END, 4
    scores = PlainCausal(ours)(x).flatten(0, 1).detach()
    wanted = target.flatten()
    expected = nn.functional.cross_entropy(scores, wanted, reduction="sum")
    scores[:, :5] = -torch.inf
    place = scores.argsort(1, descending=True).eq(wanted[:, None]).int().argmax(1)
    place[wanted < 5] = WORDS
    found = total(ours, x, target)
    assert found.nll == pytest.approx(expected.item(), rel=1e-5)
    assert (found.top1, found.top5) == (int((place == 0).sum()), int((place < 5).sum()))
    assert found.predictions == target.numel()


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_the_state_of_a_stream_goes_on_from_batch_to_batch(cell: str, layers: int) -> None:
    x, target = batch(3, (2, 8))
    whole = total(network(cell, config(layers=layers)), x, target).nll
    in_parts = network(cell, config(layers=layers))
    halves = [total(in_parts, x[:, part], target[:, part]).nll for part in (slice(4), slice(4, 8))]
    assert sum(halves) == pytest.approx(whole, rel=1e-5)
    alone = network(cell, config(layers=layers, context="line"))
    apart = [total(alone, x[:, part], target[:, part]).nll for part in (slice(4), slice(4, 8))]
    assert apart[0] == pytest.approx(halves[0], rel=1e-5)
    assert abs(apart[1] - halves[1]) > 1e-3


@every_cell
def test_a_carried_state_can_be_put_back(cell: str) -> None:
    ours = network(cell, config(layers=2))
    assert ours.hidden_state() == {}
    total(ours, *batch(4))
    kept = ours.hidden_state()
    first = total(ours, *batch(5)).nll
    ours.set_hidden_state(kept)
    assert total(ours, *batch(5)).nll == first
    ours.set_hidden_state({})
    assert total(ours, *batch(5)).nll != first
    assert all(state.shape == (3, 5) for state in kept.values())


def numpy_model(ours: CausalNetwork, window: int = 100) -> CausalModel:
    words = [f"word{i}" for i in range(WORDS - 1 - len(SPECIAL_TOKENS))]
    weights = {name: tensor.numpy() for name, tensor in ours.weights().items()}
    return CausalModel(
        ours.cell,
        ours.config,
        Vocabulary(words, SPECIAL_TOKENS),
        LessonTokenizer(),
        window,
        weights,
    )


def expected_probabilities(ours: CausalNetwork, context: list[int]) -> NDArray[np.float32]:
    x = torch.tensor([context])
    ours.set_hidden_state({})
    scores = torch.cat([block.scores for block in ours.scores(x, torch.ones_like(x))])
    probabilities: NDArray[np.float32] = scores[-1].softmax(0).numpy()
    return probabilities


@every_cell
@pytest.mark.parametrize("context", ["stream", "line"])
@pytest.mark.parametrize(("layers", "hidden"), [(1, 7), (1, 5), (2, 5)])
def test_numpy_predicts_what_pytorch_does(
    cell: str, layers: int, hidden: int, context: str
) -> None:
    ours = network(cell, config(layers=layers, hidden_size=hidden, context=context))
    model = numpy_model(ours)
    rng = np.random.default_rng(6)
    line = [2, *rng.integers(4, WORDS, 6).tolist(), 2, 1, *rng.integers(4, WORDS, 6).tolist()]
    assert model.uses_previous_lines == (context == "stream")
    # Typed on, taken back, typed differently, and a shorter line: the states are kept and dropped.
    for seen in (line, line[:4], [*line[:4], 9, 10], line, [2], [2, 1]):
        found = model.next_word_probabilities(seen)
        np.testing.assert_allclose(found, expected_probabilities(ours, seen), rtol=0, atol=1e-5)
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_one_more_word_costs_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = numpy_model(network("gru", config()))
    steps: list[int] = []
    after = model._after

    def counted(word: int, states: Any) -> Any:
        steps.append(word)
        return after(word, states)

    monkeypatch.setattr(model, "_after", counted)
    for length in range(1, 8):
        model.next_word_probabilities([2, *range(10, 10 + length)])
    assert steps == [2, *range(10, 17)]
    steps.clear()
    model.next_word_probabilities([2, 10, 11, 12, 30])  # corrected in the middle
    assert steps == [30]
    steps.clear()
    model.next_word_probabilities([2, 10, 11, 12, 30])
    assert steps == []


def test_a_context_longer_than_the_window_begins_at_a_line_and_stays_for_a_while() -> None:
    model = numpy_model(network("rnn", config()), window=20)
    text = [i for line in range(12) for i in (2, 10 + line, 11 + line, 12 + line, 13 + line)]
    begins = []
    for length in range(20, 61):
        seen = list(model._seen(text[:length]))
        assert seen[0] == 2
        assert 5 <= len(seen) <= 20
        assert text[:length][-len(seen) :] == seen
        begins.append(length - len(seen))
    assert begins == sorted(begins)
    assert len(set(begins)) == 5  # a new begin for every half window
    long_line = [2, *range(4, 40)]
    assert list(model._seen(long_line)) == long_line[-17:]


@every_cell
def test_the_layer_table_counts_every_weight(cell: str) -> None:
    sizes = config(layers=2)
    settings = RunConfig(cell, sizes, CausalTrainConfig())
    layers = CausalArchitecture(settings, WORDS, 256).layers()
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


def test_one_dropout_mask_serves_all_time_steps() -> None:
    ours = network("rnn", config(dropout=0.5))
    dropped = ours._dropped(torch.ones(9, 4, 50), np.random.default_rng(0))
    assert set(dropped.flatten().tolist()) == {0, 2}
    assert torch.equal(dropped, dropped[:1].expand(9, -1, -1))
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert torch.equal(ours._dropped(torch.ones(9, 4, 50), None), torch.ones(9, 4, 50))


def test_the_optimizer_clips_and_decays_all_but_biases() -> None:
    ours = network("gru", config())
    before = {name: tensor.clone() for name, tensor in ours.weights().items()}
    optimizer = ClippedAdamW(ours, 0.1, weight_decay=0.5, grad_clip=0.25)
    for parameter in ours.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, tensor in ours.weights().items():
        shrunk = 1.0 if name.endswith("bias") else 0.95
        torch.testing.assert_close(tensor, before[name] * shrunk, rtol=1e-6, atol=1e-7)
    for parameter in ours.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    norms = [p.grad.norm() for p in ours.parameters() if p.grad is not None]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.25, rel=1e-3)
