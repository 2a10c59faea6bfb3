"""Models that were saved once, one of each preset: they open and suggest what they did.

They keep the format of the files from changing unnoticed.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.store.model_file import load_model, open_stored
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.corpus import read_corpus
from tests.helpers.models import SAVED_MODELS

PRESETS = ("lesson", "rnn", "gru", "lstm", "ngram")
ANSWERS: dict[str, list[tuple[str, float]]] = json.loads(
    (SAVED_MODELS / "answers.json").read_text()
)


@pytest.mark.parametrize("preset", PRESETS)
def test_it_suggests_what_it_did(preset: str) -> None:
    _, model = load_model(SAVED_MODELS / f"{preset}.safetensors")
    candidates, expected = suggest(model, "shall i ").candidates, ANSWERS[preset]
    assert [each.word for each in candidates] == [word for word, _ in expected]
    probabilities = [probability for _, probability in expected]
    assert [each.probability for each in candidates] == pytest.approx(probabilities, rel=1e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_its_figures_are_those_that_it_has(preset: str) -> None:
    path = SAVED_MODELS / f"{preset}.safetensors"
    card, model = load_model(path)
    lines = read_corpus([SAVED_MODELS / "verses.txt"]).lines
    with open_stored(path) as stored:
        held_out = stored.lines().held_out_of(lines)
    unseen = [line for line, is_held_out in zip(lines, held_out, strict=True) if is_held_out]
    assert card.evaluation is not None and len(unseen) == card.evaluation.lines
    expected = asdict(card.evaluation)
    for name, value in asdict(summarize([*score(model, unseen)])).items():
        assert value == pytest.approx(expected[name], rel=1e-5), name
