"""What a model does with a line: every array and figure against an oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnlm_tui.accepting import Suggestion
from rnnlm_tui.config import CausalConfig, LessonConfig
from rnnlm_tui.evaluate import score
from rnnlm_tui.explain import (
    MOST_LEFT_OUT,
    MOST_WORDS,
    ONLY_ZEROS,
    Explanation,
    explain,
    neighbours,
)
from rnnlm_tui.lm import adaptive_softmax
from rnnlm_tui.lm.causal import WINDOW, CausalModel, causal_shapes
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Array, LanguageModel, Weights
from rnnlm_tui.lm.stages import DEVIATIONS, Stage
from rnnlm_tui.suggest import encode_context, suggest
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.golden import keras_sizes, keras_weights, load_golden
from tests.helpers.networks import normal_weights, small_network
from tests.helpers.ngrams import ngram_model

TOKENIZER = TOKENIZERS["whitespace"]
OWN = ("a b a b c", "b a", "c a b", "a b d")
BASE = ("x a b y", "y x x a", "b y c", "x a b c")
LINE = "a b d a b "


def lesson(weights: Weights, window: int) -> LessonModel:
    """The lesson's network with these weights, whose words are w1, w2 and so on."""
    total_words = len(weights["embedding"])
    vocabulary = Vocabulary([f"w{number}" for number in range(1, total_words)])
    return LessonModel(vocabulary, TOKENIZERS["lesson"], window, weights)


def small_lesson(window: int = 4, total_words: int = 41) -> LessonModel:
    config = LessonConfig(embedding_size=7, bidirectional_size=6, recurrent_size=5)
    return lesson(normal_weights(lesson_shapes(config, total_words), 0.5), window)


def mixture() -> MixedModel:
    """All four components; the base has words of its own."""
    own = ngram_model(OWN)
    network = small_network(own.vocabulary)
    return MixedModel(
        TOKENIZER,
        {"network": network, "ngrams": own, "base": ngram_model(BASE)},
        {"network": 0.4, "ngrams": 0.2, "base": 0.3, "cache": 0.1},
    )


def models() -> dict[str, tuple[LanguageModel, str]]:
    """A model of each kind, and a line that it knows."""
    vocabulary = ngram_model(OWN).vocabulary
    return {
        "lesson": (small_lesson(), "w3 w5 w9 w30 w2 w3 "),
        **{cell: (small_network(vocabulary, cell), LINE) for cell in ("rnn", "gru", "lstm")},
        "ngram": (ngram_model(OWN), LINE),
        "mixture": (mixture(), "a x b d a b "),
    }


every_model = pytest.mark.parametrize("kind", list(models()))


def stages(found: Explanation, part: int = 0) -> dict[str, Stage]:
    """The stages of a part by name."""
    return {stage.name: stage for stage in found.parts[part].stages}


def assert_close(stage: Stage, expected: Any) -> None:
    np.testing.assert_allclose(stage.values, expected, rtol=0, atol=1e-6, err_msg=stage.name)


def assert_same_list(found: Sequence[Suggestion], expected: Sequence[Suggestion]) -> None:
    """The same words, with the same probabilities up to rounding."""
    assert [replace(each, probability=0) for each in found] == [
        replace(each, probability=0) for each in expected
    ]
    shares = [each.probability for each in expected]
    assert [each.probability for each in found] == pytest.approx(shares, abs=1e-5)


# The arrays of the layers


def test_the_layers_of_the_lesson_are_keras_s() -> None:
    saved, expected = load_golden("keras_network.npz"), load_golden("keras_activations.npz")
    model = lesson(keras_weights(saved, "init"), saved["x"].shape[1])
    assert keras_sizes(saved)[1] == model.vocabulary.total_words
    for row, ids in enumerate(saved["x"][: len(expected["embedding"])]):
        known = ids[ids > 0].tolist()
        assert ids[len(ids) - len(known) :].tolist() == known
        found = stages(explain(model, " ".join(f"w{number}" for number in known) + " "))
        assert found["padded ids"].values.tolist() == ids.tolist()
        for name, stage in (
            ("embedding", "embedding"),
            ("forward", "forward states"),
            ("backward", "backward states"),
            ("relu", "relu layer"),
            ("logits", "logits"),
            ("softmax", "softmax"),
        ):
            assert_close(found[stage], expected[name][row])
        assert_close(found["second layer"], expected["second"][row, -1])
        second = model.activations(known).second
        np.testing.assert_allclose(second, expected["second"][row], rtol=0, atol=1e-6)


def torch_layer(weights: Weights, names: Sequence[str]) -> nn.RNN:
    """PyTorch's layer of one or two directions with these weights."""
    inputs, units = weights[f"{names[0]}.kernel"].shape
    layer = nn.RNN(inputs, units, bidirectional=len(names) == 2)
    for name, end in zip(names, ("", "_reverse"), strict=False):
        load(layer, "weight_ih_l0" + end, weights[f"{name}.kernel"].T)
        load(layer, "weight_hh_l0" + end, weights[f"{name}.recurrent_kernel"].T)
        load(layer, "bias_ih_l0" + end, weights[f"{name}.bias"])
        load(layer, "bias_hh_l0" + end, np.zeros(units, np.float32))
    return layer


def load(module: nn.Module, name: str, array: NDArray[np.float32]) -> None:
    with torch.no_grad():
        module.get_parameter(name).copy_(torch.from_numpy(array))


def test_the_layers_of_the_lesson_are_pytorch_s() -> None:
    config = LessonConfig(embedding_size=7, bidirectional_size=6, recurrent_size=5)
    weights = normal_weights(lesson_shapes(config, 41), 0.5)
    found = explain(lesson(weights, 8), "w3 w5 w40 ")
    x = torch.tensor([0] * 5 + [3, 5, 40])
    with torch.no_grad():
        embedded = torch.from_numpy(weights["embedding"])[x]
        both, _ = torch_layer(weights, ["forward", "backward"])(embedded)
        second, _ = torch_layer(weights, ["recurrent"])(both)
        dense = [torch.from_numpy(weights[f"hidden.{part}"]) for part in ("kernel", "bias")]
        relu = (second[-1] @ dense[0] + dense[1]).relu()
        logits = relu @ torch.from_numpy(weights["output.kernel"])
        logits = logits + torch.from_numpy(weights["output.bias"])
    by_name = stages(found)
    for name, expected in {
        "embedding": embedded,
        "forward states": both[:, :6],
        "backward states": both[:, 6:],
        "second layer": second[-1],
        "relu layer": relu,
        "logits": logits,
        "softmax": logits.softmax(0),
    }.items():
        np.testing.assert_allclose(by_name[name].values, expected, rtol=0, atol=1e-5, err_msg=name)
    active = int((relu > 0).sum())
    assert f"{active} are active, {active / len(relu):.0%}" in by_name["relu layer"].sentence
    assert by_name["forward states"].rows == ("(padding)",) * 5 + ("w3", "w5", "w40")
    strongest = relu.argsort(descending=True)[: min(4, active)].tolist()
    named = ", ".join(f"{unit + 1} ({relu[unit]:.1f})" for unit in strongest)
    assert by_name["relu layer"].sentence.endswith(f"the strongest: {named}.")


@pytest.mark.parametrize("cell", ["lesson", "rnn", "gru", "lstm"])
def test_numbers_with_a_bound_have_one_scale_whatever_the_line(cell: str) -> None:
    vocabulary = ngram_model(OWN).vocabulary
    model = small_lesson() if cell == "lesson" else small_network(vocabulary, cell)
    lines = ("w3 ", "w5 w9 ") if cell == "lesson" else ("a ", "b d ")
    first, second = (stages(explain(model, line)) for line in lines)
    for name, stage in first.items():
        assert stage.scale == second[name].scale
        if name == "embedding":
            size = np.sqrt((_embeddings(model) ** 2).mean())
            assert stage.scale == pytest.approx(DEVIATIONS * size)
        elif name.endswith(("states", "gate", "candidate", "second layer")):
            assert stage.scale == 1
        else:
            assert stage.scale is None


def _embeddings(model: LanguageModel) -> Array:
    """All rows [V, E]."""
    if isinstance(model, LessonModel):
        return model._weights["embedding"]
    assert isinstance(model, CausalModel)
    return model._softmax.embed(np.arange(model.vocabulary.total_words))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_gates_and_states_are_those_of_pytorch_s_cells(cell: str) -> None:
    vocabulary = ngram_model(OWN).vocabulary
    model = small_network(vocabulary, cell, layers=2)
    config = CausalConfig(embedding_size=4, hidden_size=5, layers=2)
    weights = normal_weights(causal_shapes(cell, config, vocabulary.total_words), 0.4)
    found = stages(explain(model, "a b q "))
    ids = torch.tensor([2, *vocabulary.encode(["a", "b", "q"])])
    assert found["ids"].values.tolist() == ids.tolist()
    assert found["ids"].rows == ("(start of line)", "a", "b", "q (unknown)")
    inputs = torch.from_numpy(weights["embedding"])[ids]
    assert_close(found["embedding"], inputs)
    for layer in (1, 2):
        expected = torch_steps(cell, weights, f"layer{layer}", inputs)
        for name, values in expected.items():
            assert_close(found[f"layer {layer} {name}"], values)
        inputs = expected["states"]
    projected = inputs[-1] @ torch.from_numpy(weights["projection.kernel"])
    assert_close(found["projection"], projected)
    logits = projected @ torch.from_numpy(weights["embedding"]).T
    logits = logits + torch.from_numpy(weights["output.bias"])
    assert_close(found["logits"], logits)
    assert_close(found["softmax"], logits.softmax(0))


def torch_steps(cell: str, weights: Weights, name: str, inputs: Tensor) -> dict[str, Tensor]:
    """What PyTorch's cell computes for each input, by the names of the stages."""
    kernel, recurrent, bias = (
        weights[f"{name}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")
    )
    hidden = len(recurrent)
    order = [1, 2, 3, 0] if cell == "lstm" else [*range(len(bias) // hidden)]
    places = np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in order])
    kinds: dict[str, type[nn.RNNCellBase]] = {
        "rnn": nn.RNNCell,
        "gru": nn.GRUCell,
        "lstm": nn.LSTMCell,
    }
    theirs: Any = kinds[cell](kernel.shape[0], hidden)  # type: ignore[call-arg]
    load(theirs, "weight_ih", kernel.T[places])
    load(theirs, "weight_hh", recurrent.T[places])
    load(theirs, "bias_ih", bias[places])
    second = np.zeros_like(bias)
    if cell == "gru":
        second[2 * hidden :] = weights[f"{name}.candidate_bias"]
    load(theirs, "bias_hh", second)
    rows: dict[str, list[Tensor]] = {}
    state: Any = (torch.zeros(hidden), torch.zeros(hidden))
    with torch.no_grad():
        for given in inputs:
            of_input = theirs.weight_ih @ given + theirs.bias_ih
            of_state = theirs.weight_hh @ state[0] + theirs.bias_hh
            values: dict[str, Tensor] = {}
            if cell == "gru":
                r, z = (of_input + of_state)[: 2 * hidden].sigmoid().chunk(2)
                new = (of_input[2 * hidden :] + r * of_state[2 * hidden :]).tanh()
                values = {"reset gate": r, "update gate": z, "candidate": new}
            if cell == "lstm":
                i, f, g, o = (of_input + of_state).chunk(4)
                values = {"input gate": i.sigmoid(), "forget gate": f.sigmoid()}
                values |= {"candidate": g.tanh(), "output gate": o.sigmoid()}
                state = theirs(given, state)
                values["cell"] = state[1]
            else:
                state = (theirs(given, state[0]),)
            for key, value in {**values, "states": state[0]}.items():
                rows.setdefault(key, []).append(value)
    return {key: torch.stack(of_key) for key, of_key in rows.items()}


def adaptive_network(monkeypatch: pytest.MonkeyPatch) -> CausalModel:
    """A network whose rarer words are in two tails."""
    monkeypatch.setattr(adaptive_softmax, "TAIL_BEGINS", (9, 25))
    vocabulary = Vocabulary([f"w{number}" for number in range(37)], SPECIAL_TOKENS)
    config = CausalConfig(embedding_size=8, hidden_size=8, softmax="adaptive")
    weights = normal_weights(causal_shapes("gru", config, vocabulary.total_words), 0.5)
    return CausalModel("gru", config, vocabulary, TOKENIZER, WINDOW, weights)


def test_the_scores_of_rarer_words_are_comparable(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adaptive_network(monkeypatch)
    found = stages(explain(model, "w3 w30 "))
    powers = np.exp(found["logits"].values.astype(np.float64))
    assert_close(found["softmax"], powers / powers.sum())
    assert_close(found["softmax"], model.next_word_probabilities([2, 7, 34]))
    assert [word for word, _ in found["logits"].top] == [word for word, _ in found["softmax"].top]


def test_neighbours_are_the_words_with_the_nearest_embeddings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, of_lesson = adaptive_network(monkeypatch), small_lesson()
    words = network.vocabulary.words
    rows = network._softmax.embed(network.vocabulary.ids(words).astype(np.int64))
    for model, word, embedded in (
        (network, "w2", rows),
        (network, "w30", rows),
        (of_lesson, "w7", of_lesson._weights["embedding"][1:]),
    ):
        unit = embedded / np.linalg.norm(embedded, axis=1, keepdims=True)
        number = model.vocabulary.words.index(word)
        cosines = unit @ unit[number]
        best = [i for i in np.argsort(-cosines).tolist() if i != number][:5]
        found = neighbours(model, word)
        assert [other for other, _ in found] == [model.vocabulary.words[i] for i in best]
        np.testing.assert_allclose([cosine for _, cosine in found], cosines[best], atol=1e-5)
    assert len(neighbours(of_lesson, "w7", 1000)) == 39
    assert neighbours(of_lesson, "zzz") == neighbours(ngram_model(OWN), "a") == ()
    assert neighbours(mixture(), "x") == ()  # a word of the base alone
    assert [other for other, _ in neighbours(mixture(), "a", 9)] != []


# N-grams


def test_each_row_of_the_n_grams_is_the_model_of_a_shorter_context() -> None:
    model = ngram_model(OWN)
    found = explain(model, "d a b ")
    table, back_off = stages(found)["n-grams"], stages(found)["back-off"]
    assert table.rows == ("(no word)", "b", "a b")
    assert "longest context that it knows is 'a b', not 'd a b'." in table.sentence
    assert table.columns == tuple(each.word for each in found.suggestions)
    ids = model.vocabulary.encode(["a", "b"])
    columns = model.vocabulary.ids(table.columns)
    for row, context in zip(table.values, ([], ids[1:], ids), strict=True):
        np.testing.assert_allclose(row, model.next_word_probabilities(context)[columns], atol=1e-7)
    # Nothing but the weight of the row above is left to a word that never followed.
    never = table.columns.index("b")
    assert table.values[2, never] == pytest.approx(back_off.values[1] * table.values[1, never])
    assert back_off.rows == table.rows[1:]
    assert stages(found)["probabilities"].values[columns] == pytest.approx(table.values[-1])


def test_an_n_gram_model_that_knows_no_context_says_so() -> None:
    table = stages(explain(ngram_model(OWN), "zzz "))["n-grams"]
    assert table.rows == ("(no word)",)
    assert table.sentence.endswith("It knows no context here.")


# Contributions, influence, surprisal


@every_model
def test_the_contributions_sum_to_the_probability_of_a_suggestion(kind: str) -> None:
    model, line = models()[kind]
    found = explain(model, line, previous_lines=["b a", "c a b"])
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    total = sum(part.contributions for part in found.parts)
    words, _ = model.tokenizer.split_typed(line)
    context = encode_context(model, words, ["b a", "c a b"])
    ids = model.vocabulary.ids([each.word for each in found.suggestions])
    expected = model.next_word_probabilities(context)[ids]
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=1e-6)


def test_the_parts_of_a_mixture_are_its_models() -> None:
    mixed = mixture()
    found = explain(mixed, "a x b ")
    assert [part.name for part in found.parts] == [
        "network",
        "n-grams",
        "base model",
        "recent words",
    ]
    own, base = mixed.models["ngrams"], mixed.models["base"]
    context = [2, *own.vocabulary.encode(["a", "x", "b"])]
    ids = [own.vocabulary.ranks.get(each.word) for each in found.suggestions]
    assert None in ids  # one that only the base has
    for part, model in ((0, mixed.models["network"]), (1, own)):
        probabilities = model.next_word_probabilities(context)
        expected = [0 if number is None else probabilities[number] for number in ids]
        np.testing.assert_allclose(found.parts[part].probabilities, expected, atol=1e-6)
    of_base = base.next_word_probabilities([2, *base.vocabulary.encode(["a", "x", "b"])])
    numbers = [base.vocabulary.ranks.get(each.word) for each in found.suggestions]
    expected = [0 if number is None else of_base[number] for number in numbers]
    np.testing.assert_allclose(found.parts[2].probabilities, expected, atol=1e-6)
    assert stages(found)["words"].values.tolist() == ["a", "x (unknown)", "b"]
    assert [word for word, _ in stages(found, 3)["probabilities"].top] == ["b", "x", "a"]
    row = stages(found, 1)["n-grams"].values[-1]
    np.testing.assert_allclose(row, found.parts[1].probabilities, atol=1e-6)


@every_model
def test_the_influence_of_a_word_is_what_is_missing_without_it(kind: str) -> None:
    model, line = models()[kind]
    above = ["b a", "c a b"]
    found = explain(model, line, previous_lines=above)
    ids = model.vocabulary.ids([each.word for each in found.suggestions])
    words = line.split()
    with_all = model.next_word_probabilities(encode_context(model, words, above))[ids]
    for number, word in enumerate(found.words):
        left = [*words[:number], *words[number + 1 :]]
        without = model.next_word_probabilities(encode_context(model, left, above))[ids]
        assert word.influence == pytest.approx((with_all - without).tolist(), abs=1e-6)
    assert any(abs(fall) > 1e-3 for word in found.words for fall in word.influence or ())


@every_model
def test_surprisal_is_the_score_of_each_word_in_bits(kind: str) -> None:
    model, line = models()[kind]
    above = ["b a", "c a b"]
    line += "zzz "
    found = explain(model, line, previous_lines=above)
    scored = next(score(model, [line], above, counts_keys=False))
    assert [word.word for word in found.words] == line.split()
    for ours, theirs in zip(found.words, scored.words, strict=True):
        assert (ours.known, ours.rank) == (theirs.is_known, theirs.rank)
        if theirs.probability is None:
            assert ours.bits is None
        else:
            assert ours.bits == pytest.approx(-math.log2(theirs.probability), abs=1e-4)


@every_model
@pytest.mark.parametrize("cursor", [None, 3, 1])
def test_the_suggestions_are_those_of_the_list(kind: str, cursor: int | None) -> None:
    model, line = models()[kind]
    expected = suggest(model, line, cursor).candidates
    contexts = Contexts(model)
    for _ in range(2):
        assert_same_list(explain(model, line, cursor, contexts=contexts).suggestions, expected)


# Bad input


@every_model
def test_an_empty_line_is_explained(kind: str) -> None:
    model, _ = models()[kind]
    found = explain(model, "")
    assert (found.words, found.earlier, found.prefix) == ((), 0, "")
    assert found.notes[0] == ("There is no whole word yet: these are guesses for the first word.")
    assert found.notes[1:] == (ONLY_ZEROS,) * (kind == "lesson")
    assert_same_list(found.suggestions, suggest(model, "").candidates)
    assert found.suggestions
    assert stages(found)["words"].sentence == "The line has no whole word yet."
    assert stages(found)["words"].values.shape == (0,)
    if kind == "lesson":
        assert stages(found)["padded ids"].values.tolist() == [0, 0, 0, 0]
    if kind == "mixture":
        cache = stages(found, 3)["probabilities"]
        assert cache.sentence == "No word was used yet that could be used again."
        assert cache.values.shape == (0,) and cache.top == ()


def test_words_that_the_model_does_not_know_are_shown_as_such() -> None:
    found = explain(small_lesson(), "w3 qqq w5 ")
    assert [(word.known, word.seen) for word in found.words] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert found.words[1].influence == (0,) * 5
    assert stages(found)["words"].values.tolist() == ["w3", "qqq (unknown)", "w5"]
    assert stages(found)["words"].sentence.endswith("not in the vocabulary are left out.")
    assert stages(found)["ids"].values.tolist() == [3, 5]
    read = explain(small_network(ngram_model(OWN).vocabulary), "a qqq ")
    assert [(word.known, word.seen) for word in read.words] == [(True, True), (False, True)]
    assert stages(read)["ids"].rows[-1] == "qqq (unknown)"
    unknown = explain(small_lesson(), "qqq ")
    assert unknown.notes == ("The model knows none of the words of the line.", ONLY_ZEROS)
    assert stages(unknown)["ids"].sentence == "There is no word to look up."


def test_words_that_have_fallen_out_of_the_window_are_shown_as_such() -> None:
    found = explain(small_lesson(window=3), "w1 w2 qqq w3 w4 w5 ")
    assert [word.seen for word in found.words] == [False, False, False, True, True, True]
    assert stages(found)["words"].values.tolist()[:3] == [
        "w1 (fallen out)",
        "w2 (fallen out)",
        "qqq (unknown)",
    ]
    assert "Only the last 3 are seen" in stages(found)["words"].sentence
    assert stages(found)["ids"].values.tolist() == [1, 2, 3, 4, 5]
    assert stages(found)["padded ids"].values.tolist() == [3, 4, 5]
    assert stages(found)["padded ids"].sentence.endswith("The first 2 words have fallen out.")
    full = stages(explain(small_lesson(window=3), "w3 w4 w5 "))["padded ids"]
    assert full.sentence.endswith("as many zeros as are missing, here 0.")
    assert found.words[0].influence == (0,) * 5
    of_ngrams = explain(ngram_model(OWN, order=3), "a b d ")
    assert [word.seen for word in of_ngrams.words] == [False, True, True]
    assert stages(of_ngrams)["ids"].rows == ("(start of line)", "a", "b", "d")
    assert stages(of_ngrams)["n-grams"].rows == ("(no word)", "d", "b d")


@every_model
def test_a_very_long_line_is_explained_near_the_cursor(kind: str) -> None:
    model, line = models()[kind]
    found = explain(model, line * 100)
    words = [*(line.split() * 100)]
    shown = len(found.words)
    assert shown == MOST_WORDS
    assert [word.word for word in found.words] == words[-shown:]
    assert found.earlier == len(words) - shown
    assert [word.influence is None for word in found.words] == [True] * (shown - MOST_LEFT_OUT) + [
        False
    ] * MOST_LEFT_OUT
    context = encode_context(model, words)
    expected = model.next_word_probabilities(context)
    ids = model.vocabulary.ids([each.word for each in found.suggestions])
    np.testing.assert_allclose(found.probabilities, expected[ids], atol=1e-5)


@every_model
@pytest.mark.parametrize("cursor", [-5, 0, 10_000])
def test_a_cursor_that_is_out_of_range_is_put_into_it(kind: str, cursor: int) -> None:
    model, line = models()[kind]
    expected = explain(model, line if cursor > 0 else "")
    found = explain(model, line, cursor)
    assert found.words == expected.words
    assert_same_list(found.suggestions, expected.suggestions)


def test_a_prefix_that_no_word_has_leaves_nothing_to_suggest() -> None:
    found = explain(mixture(), "a qqq")
    assert (found.prefix, found.suggestions) == ("qqq", ())
    assert found.notes == (
        'No word that the model knows begins with "qqq", so nothing is suggested.',
    )
    assert [part.contributions.shape for part in found.parts] == [(0,)] * 4
    assert found.words[0].influence == ()
    assert stages(found, 1)["n-grams"].values.shape == (3, 0)
