"""What a model does with a line: every array and figure against an oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

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
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel, Weights
from rnnlm_tui.lm.stages import Stage
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
        padding = ("(padding)",) * (len(ids) - len(known))
        assert found["forward states"].rows == (*padding, *(f"w{number}" for number in known))


@pytest.mark.parametrize("kind", ["lesson", "rnn", "gru", "lstm"])
def test_numbers_with_a_bound_have_one_scale_whatever_the_line(kind: str) -> None:
    model, line = models()[kind]
    found, other = stages(explain(model, line)), stages(explain(model, line[:6]))
    for name, stage in found.items():
        assert stage.scale == other[name].scale
        if name == "embedding":
            assert stage.scale is not None
        else:
            is_bound = name.endswith(("states", "gate", "candidate", "second layer"))
            assert stage.scale == (1 if is_bound else None)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_gates_and_states_are_those_of_pytorch_s_formulas(cell: str) -> None:
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
        expected = steps_of(cell, weights, f"layer{layer}", inputs)
        for name, values in expected.items():
            assert_close(found[f"layer {layer} {name}"], values)
        inputs = expected["states"]
    projected = inputs[-1] @ torch.from_numpy(weights["projection.kernel"])
    assert_close(found["projection"], projected)
    logits = projected @ torch.from_numpy(weights["embedding"]).T
    logits = logits + torch.from_numpy(weights["output.bias"])
    assert_close(found["logits"], logits)
    assert_close(found["softmax"], logits.softmax(0))


def steps_of(cell: str, weights: Weights, name: str, inputs: Tensor) -> dict[str, Tensor]:
    """What a layer computes for each input, by the names of the stages: the formulas of
    torch.nn.RNN, GRU and LSTM, written out."""
    kernel, recurrent, bias = (
        torch.from_numpy(weights[f"{name}.{part}"])
        for part in ("kernel", "recurrent_kernel", "bias")
    )
    hidden, count = len(recurrent), len(bias) // len(recurrent)
    state = long = torch.zeros(hidden)
    rows = list[dict[str, Tensor]]()
    for given in inputs:
        x, h = ((given @ kernel + bias).chunk(count), (state @ recurrent).chunk(count))
        gates = [(of_input + of_state).sigmoid() for of_input, of_state in zip(x, h, strict=True)]
        new, values = (x[-1] + h[-1]).tanh(), dict[str, Tensor]()
        if cell == "rnn":
            state = new
        elif cell == "gru":
            r, z, _ = gates
            new = (x[2] + r * (h[2] + torch.from_numpy(weights[f"{name}.candidate_bias"]))).tanh()
            values = {"reset gate": r, "update gate": z, "candidate": new}
            state = (1 - z) * new + z * state
        else:
            o, i, f, _ = gates
            long = f * long + i * new
            state = o * long.tanh()
            values = {"input gate": i, "forget gate": f, "candidate": new, "output gate": o}
            values["cell"] = long
        rows.append({**values, "states": state})
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


def adaptive_network(monkeypatch: pytest.MonkeyPatch) -> CausalModel:
    """A network whose rarer words are in a tail."""
    monkeypatch.setattr(adaptive_softmax, "HEAD_WORDS", 9)
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
    assert found.suggestions == suggest(model, line, previous_lines=above).candidates
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
        bits = None if theirs.probability is None else -math.log2(theirs.probability)
        assert ours.bits == (None if bits is None else pytest.approx(bits, abs=1e-4))


# What cannot be shown


@every_model
def test_an_empty_line_is_explained(kind: str) -> None:
    model, line = models()[kind]
    found = explain(model, line, 0)
    assert (found.words, found.earlier, found.prefix) == ((), 0, "")
    assert found.notes[0] == "There is no whole word yet: these are guesses for the first word."
    assert found.notes[1:] == (ONLY_ZEROS,) * (kind == "lesson")
    assert found.suggestions
    assert stages(found)["words"].values.shape == (0,)
    if kind == "lesson":
        assert stages(found)["padded ids"].values.tolist() == [0, 0, 0, 0]
    if kind == "mixture":
        cache = stages(found, 3)["probabilities"]
        assert cache.sentence == "No word was used yet that could be used again."
        assert (cache.values.shape, cache.top) == ((0,), ())


def test_words_that_the_model_does_not_know_are_shown_as_such() -> None:
    found = explain(small_lesson(), "w3 qqq w5 ")
    assert [word.known for word in found.words] == [True, False, True]
    assert [word.seen for word in found.words] == [True, False, True]
    assert found.words[1].influence == (0,) * 5
    assert stages(found)["words"].values.tolist() == ["w3", "qqq (unknown)", "w5"]
    assert stages(found)["words"].sentence.endswith("not in the vocabulary are left out.")
    assert stages(found)["ids"].values.tolist() == [3, 5]
    read = explain(small_network(ngram_model(OWN).vocabulary), "a qqq ")
    assert [(word.known, word.seen) for word in read.words] == [(True, True), (False, True)]
    assert stages(read)["ids"].rows[-1] == "qqq (unknown)"
    unknown = explain(small_lesson(), "qqq ")
    assert unknown.notes == ("The model knows none of the words of the line.", ONLY_ZEROS)
    table = stages(explain(ngram_model(OWN), "zzz "))["n-grams"]
    assert table.rows == ("(no word)",)
    assert table.sentence.endswith("It knows no context here.")


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
    assert [word.word for word in found.words] == words[-MOST_WORDS:]
    assert found.earlier == len(words) - MOST_WORDS
    far = MOST_WORDS - MOST_LEFT_OUT
    assert [word.influence is None for word in found.words] == [
        place < far for place in range(MOST_WORDS)
    ]
    ids = model.vocabulary.ids([each.word for each in found.suggestions])
    expected = model.next_word_probabilities(encode_context(model, words))[ids]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


def test_a_prefix_that_no_word_has_leaves_nothing_to_suggest() -> None:
    found = explain(mixture(), "a qqq")
    assert (found.prefix, found.suggestions) == ("qqq", ())
    assert found.notes == (
        'No word that the model knows begins with "qqq", so nothing is suggested.',
    )
    assert [part.contributions.shape for part in found.parts] == [(0,)] * 4
    assert found.words[0].influence == ()
    assert stages(found, 1)["n-grams"].values.shape == (3, 0)
