"""The lesson's network against Keras's figures, plain autograd and the lesson's own loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnnlm_tui.config import LessonConfig, make_config
from rnnlm_tui.lm.layers import untrained
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.suggesting.generate import generate_words
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training import output_layers
from rnnlm_tui.training.lesson_network import LessonNetwork
from rnnlm_tui.training.networks import apply_dropout
from rnnlm_tui.training.optimizers import KerasAdam
from tests.helpers.golden import keras_sizes, keras_weights, load_golden
from tests.helpers.networks import normal_weights

SMALL = LessonConfig(embedding_size=7, bidirectional_size=6, recurrent_size=5, dropout=0.3, l2=0.02)
ODD_WORDS = 101
"""No multiple of what rows and units are rounded up to: 50 relu units and 101 rows."""
WINDOW, LESSON_WINDOW = 4, 10
WORDS = ("the", "cat", "log", "lay", "and", "sat", "bird", "by", *(f"word{i}" for i in range(90)))


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


def small_network() -> LessonNetwork:
    return LessonNetwork(SMALL, ODD_WORDS, np.random.default_rng(0))


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
    losses = []
    for r in rows[:steps]:
        loss, _ = network.loss(x[r], y[r], None)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, saved["losses"], rtol=0, atol=1e-5)
    trained = network.weights()
    for name, expected in keras_weights(saved, "final").items():
        np.testing.assert_allclose(trained[name].numpy(), expected, rtol=0, atol=1e-5, err_msg=name)
    with torch.no_grad():
        after = network(x).softmax(1).numpy()
    np.testing.assert_allclose(after, saved["final_probabilities"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("batch", "threads", "onednn"),
    [(1, 1, True), (6, 2, True), (9, 1, True), (8, 3, True), (6, 1, False)],
)
def test_loss_and_gradients_are_those_of_plain_autograd(
    batch: int, threads: int, onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without oneDNN, as on a GPU, the output layer is a plain product. Units and rows that are
    added get no gradient."""
    monkeypatch.setattr(output_layers, "HAS_ONEDNN", onednn and output_layers.HAS_ONEDNN)
    arrays = normal_weights(lesson_shapes(SMALL, ODD_WORDS), 0.3, seed=1)
    weights = {name: torch.from_numpy(array).requires_grad_() for name, array in arrays.items()}
    network = small_network()
    network.load_weights(arrays)
    x, target = random_batch(batch, 2)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        loss, sums = network.loss(x, target, None)
        torch.autograd.backward(loss)
    finally:
        torch.set_num_threads(before)
    logits = plain_logits(weights, x)
    penalty = SMALL.l2 * weights["hidden.kernel"].square().sum()
    mean, hits = nn.functional.cross_entropy(logits, target), (logits.argmax(1) == target).sum()
    expected = mean + penalty
    torch.testing.assert_close(network(x), logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    figures = [batch, batch * mean.item(), penalty.item(), hits.item()]
    assert sums.tolist() == pytest.approx(figures, rel=1e-5)
    torch.autograd.backward(expected)
    nonzero = sum(
        int(torch.count_nonzero(p.grad)) for p in network.parameters() if p.grad is not None
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.grad)  # type: ignore[arg-type]
    views = network.weights()
    for name, gradient in views.items():
        torch.testing.assert_close(gradient, weights[name].grad, rtol=1e-4, atol=1e-6, msg=name)
    assert nonzero == sum(int(torch.count_nonzero(gradient)) for gradient in views.values())


def test_numpy_predicts_what_pytorch_does() -> None:
    config, total_words, rng = LessonConfig(), 401, np.random.default_rng(1)
    weights = normal_weights(lesson_shapes(config, total_words), 0.1)
    vocabulary = Vocabulary([f"w{i}" for i in range(1, total_words)])
    model = LessonModel(vocabulary, LessonTokenizer(), LESSON_WINDOW, weights)
    network = LessonNetwork(config, total_words, np.random.default_rng(0))
    network.load_weights(weights)
    for length in (0, 1, 7, 10, 25):
        context = rng.integers(1, total_words, length).tolist()
        padded = ([0] * LESSON_WINDOW + context)[-LESSON_WINDOW:]
        with torch.no_grad():
            expected = network(torch.tensor([padded]))[0].softmax(0).numpy()
        predicted = model.next_word_probabilities(context)
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-5)
        assert predicted.sum() == pytest.approx(1, abs=1e-5)


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


def test_the_untrained_network_that_the_app_shows_is_the_one_that_is_trained() -> None:
    config = make_config("lesson", [{"seed": 3, "bidirectional_size": 7}])
    assert isinstance(config.model, LessonConfig)
    network = LessonNetwork(config.model, 41, np.random.default_rng(3))
    weights = normal_weights(lesson_shapes(config.model, 41), 0.1)
    vocabulary = Vocabulary([f"w{i}" for i in range(1, 41)])
    shown = untrained(LessonModel(vocabulary, LessonTokenizer(), 4, weights), config).weights
    for name, tensor in network.weights().items():
        np.testing.assert_array_equal(shown[name], tensor.numpy(), err_msg=name)


def test_dropout_drops_its_rate_and_scales_the_rest_in_training_alone() -> None:
    rate, rows = 0.2, torch.ones(10, 32, 301)
    mask = apply_dropout(rows, rows, np.random.default_rng(0), rate)
    assert torch.equal(mask, apply_dropout(rows, rows, np.random.default_rng(0), rate))
    assert apply_dropout(rows, rows, None, rate) is rows
    ours, given = small_network(), random_batch(8, 5)
    assert ours.loss(*given, np.random.default_rng(0))[0] != ours.loss(*given, None)[0]
    assert set(mask.flatten().tolist()) == {0, np.float32(1 / (1 - rate))}
    # Six standard deviations of the share of 96,320 units.
    assert abs(float((mask == 0).float().mean()) - rate) < 6 * (rate * (1 - rate) / 96_320) ** 0.5


def lesson_loop(
    network: LessonNetwork, word_index: dict[str, int], seed_text: str, count: int
) -> str:
    """The lesson's loop, with its names: look the seed up, pad it, predict, append, again."""
    for _ in range(count):
        words = LessonTokenizer().words(seed_text)
        token_list = [word_index[word] for word in words if word in word_index]
        padded = ([0] * LESSON_WINDOW + token_list)[-LESSON_WINDOW:]
        with torch.no_grad():
            predicted = int(network(torch.tensor([padded])).argmax(dim=1))
        output_word = next(word for word, index in word_index.items() if index == predicted)
        seed_text = f"{seed_text} {output_word}" if seed_text else output_word
    return seed_text


@pytest.mark.parametrize(
    "seed_text",
    ["the cat", "The LOG, lay", "and", "", "nothing known here", "the bird sat by the log " * 4],
)
def test_words_are_generated_token_for_token_as_in_the_lesson(seed_text: str) -> None:
    config, total_words, seed_text = LessonConfig(), len(WORDS) + 1, seed_text.strip()
    weights = normal_weights(lesson_shapes(config, total_words), 0.3)
    weights["output.bias"][0] = -100  # the lesson appends empty words where it predicts padding
    network = LessonNetwork(config, total_words, np.random.default_rng(0))
    network.load_weights(weights)
    expected = lesson_loop(
        network, {word: i for i, word in enumerate(WORDS, start=1)}, seed_text, 25
    )
    model = LessonModel(Vocabulary(WORDS), LessonTokenizer(), LESSON_WINDOW, weights)
    words = generate_words(model, seed_text, 25)
    assert " ".join([seed_text, *words] if seed_text else words) == expected
    assert len({*words}) > 5
