"""Explanations of a line: every array and figure against an oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.config import CausalConfig, LessonConfig, make_config
from rnnlm_tui.lm import adaptive_softmax
from rnnlm_tui.lm.causal import CausalModel, causal_shapes
from rnnlm_tui.lm.layers import layers_of, load_network, shapes_of, untrained
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel, Weights
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.evaluate import score
from rnnlm_tui.suggesting.explain import (
    MOST_LEFT_OUT,
    MOST_WORDS,
    ONLY_ZEROS,
    Explanation,
    beside_untrained,
    explain,
    neighbours,
)
from rnnlm_tui.suggesting.suggest import encode_context, suggest
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary, special_tokens_of
from tests.helpers.golden import keras_weights, load_golden
from tests.helpers.networks import normal_weights, small_network
from tests.helpers.texts import ngram_model

TOKENIZER = TOKENIZERS["whitespace"]
OWN = ("a b a b c", "b a", "c a b", "a b d")
BASE = ("x a b y", "y x x a", "b y c", "x a b c")
LINE = "a b d a b "


def lesson(weights: Weights, window: int) -> LessonModel:
    """The lesson's network with these weights, whose words are w1, w2 and so on."""
    words = [f"w{number}" for number in range(1, len(weights["embedding"]))]
    return LessonModel(Vocabulary(words), TOKENIZERS["lesson"], window, weights)


SIZES = {"embedding_size": 7, "bidirectional_size": 6, "recurrent_size": 5}


def small_lesson(window: int = 4) -> LessonModel:
    config = LessonConfig(**SIZES)
    return lesson(normal_weights(lesson_shapes(config, 41), 0.5), window)


def mixture() -> MixedModel:
    """All four components; the base has words of its own."""
    own = ngram_model(OWN)
    network = small_network(own.vocabulary)
    return MixedModel(
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
    for row, ids in enumerate(saved["x"][: len(expected["embedding"])]):
        known = ids[ids > 0].tolist()
        found = stages(explain(model, " ".join(f"w{number}" for number in known) + " "))
        assert found["padded ids"].values.tolist() == ids.tolist()
        for name, stage in (
            ("embedding", "embedding"),
            ("second", "recurrent"),
            ("relu", "hidden"),
            ("logits", "logits"),
            ("softmax", "softmax"),
        ):
            assert_close(found[stage], expected[name][row])
        both = [expected[direction][row] for direction in ("forward", "backward")]
        assert_close(found["bidirectional"], np.concatenate(both, axis=1))
        padding = ("(padding)",) * (len(ids) - len(known))
        layer = found["bidirectional"]
        assert layer.rows == (*padding, *(f"w{number}" for number in known))
        assert (layer.layer, layer.groups) == ("Bidirectional(SimpleRNN)", ("forward", "backward"))
        assert layer.formula == "h_t = tanh(W x_t + U h_(t-1) + b)"


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_states_and_scores_are_made_as_the_sentences_say(cell: str) -> None:
    vocabulary = ngram_model(OWN).vocabulary
    model = small_network(vocabulary, cell, layers=2)
    config = CausalConfig(embedding_size=4, hidden_size=5, layers=2)
    weights = normal_weights(causal_shapes(cell, config, vocabulary.total_words), 0.4)
    found = stages(explain(model, "a b q "))
    ids = [2, *vocabulary.encode(["a", "b", "q"])]
    assert found["ids"].values.tolist() == ids
    assert found["ids"].rows == ("(start of line)", "a", "b", "q (unknown)")
    assert_close(found["embedding"], weights["embedding"][ids])
    for layer in (" 1", " 2"):
        values = {name.removesuffix(layer): stage.values for name, stage in found.items()}
        memory = found[("cell" if cell == "lstm" else cell) + layer]
        before = np.concatenate((np.zeros_like(memory.values[:1]), memory.values[:-1]))
        if cell == "gru":
            kept = values["update gate"]
            assert_close(memory, kept * before + (1 - kept) * values["candidate"])
        elif cell == "lstm":
            added = values["input gate"] * values["candidate"]
            assert_close(memory, values["forget gate"] * before + added)
            assert_close(found[f"lstm{layer}"], values["output gate"] * np.tanh(memory.values))
    projected = found[f"{cell} 2"].values[-1] @ weights["projection.kernel"]
    assert_close(found["projection"], projected)
    assert_close(found["logits"], projected @ weights["embedding"].T + weights["output.bias"])
    assert_close(found["softmax"], model.next_word_probabilities(ids))
    for name, stage in found.items():  # numbers with a bound have one scale whatever the line
        is_bound = name.startswith((cell, "candidate")) or "gate" in name
        assert stage.scale == (1 if is_bound else None)


def test_rarer_words_in_a_tail_have_comparable_scores_and_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adaptive_softmax, "HEAD_WORDS", 9)
    vocabulary = Vocabulary([f"w{number}" for number in range(37)], SPECIAL_TOKENS)
    config = CausalConfig(embedding_size=8, hidden_size=8, softmax="adaptive")
    weights = normal_weights(causal_shapes("gru", config, vocabulary.total_words), 0.5)
    model = CausalModel("gru", config, vocabulary, TOKENIZER, weights)
    explained = explain(model, "w3 w30 ")
    found = stages(explained)
    powers = np.exp(found["logits"].values.astype(np.float64))
    assert_close(found["softmax"], powers / powers.sum())
    assert_close(found["softmax"], model.next_word_probabilities([2, 7, 34]))
    assert [word for word, _ in found["logits"].top] == [word for word, _ in found["softmax"].top]
    rows = model.embed(vocabulary.ids(vocabulary.words).astype(np.int64))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit[30]
    best = [place for place in np.argsort(-cosines).tolist() if place != 30][:5]
    ((word, alike),) = explained.neighbours.items()
    assert (word, [other for other, _ in alike]) == ("w30", [f"w{place}" for place in best])
    np.testing.assert_allclose([cosine for _, cosine in alike], cosines[best], atol=1e-5)


def test_words_that_a_network_knows_have_neighbours() -> None:
    assert [len(neighbours(*asked)) for asked in ((small_lesson(), "w7"), (mixture(), "a"))] == [
        5,
        3,
    ]
    of_others = (small_lesson(), "zzz"), (mixture(), "x"), (ngram_model(OWN), "a")
    assert [neighbours(*asked) for asked in of_others] == [(), (), ()]


ADAPTIVE = 2_100
"""A vocabulary whose rarer words have smaller embeddings."""


@pytest.mark.parametrize(
    ("preset", "settings", "total_words"),
    [
        ("lesson", {}, 61),
        ("rnn", {"layers": 2}, 61),
        ("gru", {}, 61),
        ("gru", {"embedding_size": 8, "softmax": "adaptive"}, ADAPTIVE),
        ("lstm", {"embedding_size": 8, "layers": 2}, 61),
    ],
)
def test_the_parameters_of_the_stages_are_all_numbers_of_the_arrays(
    preset: str, settings: dict[str, Any], total_words: int
) -> None:
    """The table of layers has the same names, and counts shapes instead of arrays."""
    config = make_config(preset, [settings])
    weights = normal_weights(shapes_of(config, total_words), 0.1)
    tokens = special_tokens_of(config)
    vocabulary = Vocabulary([f"w{n}" for n in range(total_words - 1 - len(tokens))], tokens)
    model = load_network(config, vocabulary, TOKENIZER, 10, weights)
    counted = [s for s in explain(model, "w1 w2 ").parts[0].stages if s.parameters]
    assert sum(stage.parameters for stage in counted) == sum(w.size for w in weights.values())
    table = [each for each in layers_of(config, total_words, 10) if each.parameters]
    assert [(stage.layer, stage.parameters) for stage in counted] == [
        (each.type, each.parameters) for each in table
    ]


def test_stages_show_the_untrained_network_beside_the_trained_one() -> None:
    trained, line = small_lesson(), "w3 w5 w9 "
    found, raw = explain(trained, line), untrained(trained, make_config("lesson", [SIZES]))
    before, after = stages(explain(raw, line)), stages(found)
    both = beside_untrained(found, raw)
    assert [*both] == [name for name, each in after.items() if each.values.dtype.kind == "f"]
    for name in ("embedding", "bidirectional", "recurrent", "hidden"):
        assert_close(both[name], np.concatenate((before[name].values, after[name].values), -1))
    assert both["hidden"].groups == ("untrained", "trained")
    assert both["bidirectional"].groups[1:3] == ("untrained backward", "trained forward")
    table = both["softmax"]
    likeliest = [word for each in (before, after) for word, _ in each["softmax"].top[:5]]
    assert [*table.rows] == [*dict.fromkeys(likeliest)]
    probability = dict(after["softmax"].top)
    assert (
        dict(zip(table.rows, table.values[:, 1], strict=True)).items()
        >= {word: np.float32(probability[word]) for word in likeliest[5:]}.items()
    )
    assert table.sentence.startswith("Untrained, all words are about equally likely, ")


# N-grams


def test_each_row_of_the_n_grams_is_the_model_of_a_shorter_context() -> None:
    model = ngram_model(OWN)
    found = explain(model, "d a b ")
    table, back_off = stages(found)["n-grams"], stages(found)["back-off"]
    assert table.rows == ("(no word)", "b", "a b")
    assert table.sentence.endswith("The longest context that it knows is 'a b'.")
    assert table.columns == tuple(each.word for each in found.suggestions)
    ids = model.vocabulary.encode(["a", "b"])
    columns = model.vocabulary.ids(table.columns)
    for row, context in zip(table.values, ([], ids[1:], ids), strict=True):
        np.testing.assert_allclose(row, model.next_word_probabilities(context)[columns], atol=1e-7)
    # Nothing but the weight of the row above is left to a word that never followed.
    never = table.columns.index("b")
    assert table.values[2, never] == pytest.approx(back_off.values[1] * table.values[1, never])
    assert back_off.rows == table.rows[1:]
    lines = [("<s>", *line.split(), "</s>") for line in OWN]
    ends = [(line, end) for line in lines for end in range(2, len(line) + 1)]
    longer = {line[end - k : end] for line, end in ends for k in range(2, min(5, end) + 1)}
    words = model.vocabulary.total_words - 1  # without padding
    assert (table.layer, table.parameters) == ("Kneser-Ney", words + len(longer))
    assert stages(found)["probabilities"].values[columns] == pytest.approx(table.values[-1])


# Contributions, influence, surprisal


@every_model
def test_the_figures_of_suggestions_and_words_are_those_of_the_model(kind: str) -> None:
    (model, line), above = models()[kind], ["b a", "c a b"]
    line += "zzz "
    found, words = explain(model, line, above=above), line.split()
    assert found.suggestions == suggest(model, line, above=above).candidates
    ids = model.vocabulary.ids([each.word for each in found.suggestions])

    # A use of a new word has the weight 1, beside 15 of all words that were never used.
    shares = [1 / 16 if each.word == "zzz" else 1 for each in found.suggestions]

    def after(words: list[str]) -> Any:
        context = encode_context(model, above) + model.vocabulary.encode(words)
        return model.next_word_probabilities(context)[ids] * shares

    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    for probabilities in (found.probabilities, sum(part.contributions for part in found.parts)):
        np.testing.assert_allclose(probabilities, after(words), rtol=0, atol=1e-6)
    scored = next(score(model, [Excerpt(above, [line])], counts_keys=False))
    assert [word.word for word in found.words] == words
    for number, (ours, theirs) in enumerate(zip(found.words, scored.words, strict=True)):
        without = after(words[:number] + words[number + 1 :])
        assert ours.influence == pytest.approx((after(words) - without).tolist(), abs=1e-6)
        assert (ours.known, ours.rank) == (theirs.is_known, theirs.rank)
        bits = None if theirs.probability is None else -math.log2(theirs.probability)
        assert ours.bits == (None if bits is None else pytest.approx(bits, abs=1e-4))
    assert any(
        (abs(word.influence) > 1e-3).any() for word in found.words if word.influence is not None
    )


@pytest.mark.parametrize(
    ("kind", "line"),
    [("gru", "b a "), ("gru", "a Zed "), ("ngram", "b Qua Zed "), ("mixture", "b Qua Zed ")],
)
def test_new_words_and_those_after_names_have_the_probabilities_of_the_list(
    kind: str, line: str
) -> None:
    model, above = models()[kind][0], ["Zed Hum a b", "b Zed Hum a Qua", "Qua Zed a"]
    found = explain(model, line, above)
    ours, listed = found.probabilities, [each.probability for each in found.suggestions]
    assert {"Zed", "Hum", "Qua"} & {each.word for each in found.suggestions}
    np.testing.assert_allclose(ours / ours[0], np.array(listed) / listed[0], rtol=1e-4)
    assert ours.sum() < 1
    np.testing.assert_allclose(sum(part.contributions for part in found.parts), ours, atol=1e-6)
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    recent = found.parts[-1]
    if "Zed" not in line:
        assert "after the name" not in stages(found, -1)
        return
    assert recent.name == "recent words" != found.parts[0].name
    followers = dict(stages(found, -1)["after the name"].top)
    assert followers == pytest.approx({"Hum": 2 / 19, "a": 1 / 19})
    hum = [each.word for each in found.suggestions].index("Hum")
    influences = [word.influence[hum] for word in found.words if word.influence is not None]
    assert max(influences) == influences[-1] > ours[hum] / 2


def test_the_parts_of_a_mixture_are_its_models() -> None:
    mixed = mixture()
    found = explain(mixed, "a x b ")
    names = [part.name for part in found.parts]
    assert names == ["network", "n-grams", "base model", "recent words"]
    for part, model in zip(found.parts, mixed.models.values(), strict=False):
        context = [2, *model.vocabulary.encode(["a", "x", "b"])]
        probabilities = model.next_word_probabilities(context)
        ids = [model.vocabulary.id_by_word.get(each.word) for each in found.suggestions]
        assert None in ids  # only others have it
        expected = [0 if number is None else probabilities[number] for number in ids]
        np.testing.assert_allclose(part.probabilities, expected, atol=1e-6)
    assert stages(found)["words"].values.tolist() == ["a", "x (unknown)", "b"]
    assert [word for word, _ in stages(found, 3)["probabilities"].top] == ["b", "x", "a"]
    row = stages(found, 1)["n-grams"].values[-1]
    np.testing.assert_allclose(row, found.parts[1].probabilities, atol=1e-6)


# What cannot be shown


NONE_YET = "There is no whole word yet: these are guesses for the first word."
NOTES = {
    ("lesson", ""): (NONE_YET, ONLY_ZEROS),
    ("lesson", "qqq "): ("The model knows none of the words of the line.", ONLY_ZEROS),
    ("gru", ""): (NONE_YET,),
    ("ngram", ""): (NONE_YET,),
    ("mixture", ""): (NONE_YET,),
    ("mixture", "a qqq"): (
        'No word that the model knows begins with "qqq", so nothing is suggested.',
    ),
}


@pytest.mark.parametrize(("kind", "line"), NOTES)
def test_notes_say_of_what_there_is_nothing_to_show(kind: str, line: str) -> None:
    found = explain(models()[kind][0], line)
    assert found.notes == NOTES[kind, line]
    assert bool(found.suggestions) is (line != "a qqq")
    assert len(found.words) == len(stages(found)["words"].values) == len(line.split()[:1])
    if (kind, line) == ("mixture", ""):
        cache = stages(found, 3)["probabilities"]
        assert cache.sentence == "No word was used yet that could be used again."
        assert (cache.values.shape, cache.top) == ((0,), ())


def test_words_that_the_model_does_not_know_or_see_are_shown_as_such() -> None:
    found = explain(small_lesson(window=3), "w1 w2 qqq w3 w4 w5 ")
    assert [word.known for word in found.words] == [True, True, False, True, True, True]
    assert [word.seen for word in found.words] == [False] * 3 + [True] * 3
    assert [np.any(word.influence) for word in found.words[:3]] == [False] * 3
    words, ids, padded = list(stages(found).values())[:3]
    assert words.values.tolist()[:3] == ["w1 (fallen out)", "w2 (fallen out)", "qqq (unknown)"]
    assert "are left out. Only the last 3 words are seen" in words.sentence
    assert (ids.values.tolist(), padded.values.tolist()) == ([1, 2, 3, 4, 5], [3, 4, 5])
    read = explain(small_network(ngram_model(OWN).vocabulary), "a qqq ")
    assert [(word.known, word.seen) for word in read.words] == [(True, True), (False, True)]
    table = stages(explain(ngram_model(OWN), "zzz "))["n-grams"]
    assert table.rows == ("(no word)",) and table.sentence.endswith("knows no context here.")
    of_ngrams = explain(ngram_model(OWN, order=3), "a b d ")
    assert [word.seen for word in of_ngrams.words] == [False, True, True]
    assert stages(of_ngrams)["n-grams"].rows == ("(no word)", "d", "b d")


@every_model
def test_a_very_long_line_is_explained_near_the_cursor(kind: str) -> None:
    model, line = models()[kind]
    found, words = explain(model, line * 100), line.split() * 100
    assert [word.word for word in found.words] == words[-MOST_WORDS:]
    assert found.earlier == len(words) - MOST_WORDS
    far = [word.influence is None for word in found.words]
    assert far == [True] * (MOST_WORDS - MOST_LEFT_OUT) + [False] * MOST_LEFT_OUT
