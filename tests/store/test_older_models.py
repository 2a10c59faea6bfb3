"""Models saved by version 0.1.0, one of each preset: they open, suggest, are resumed and exported.

They are networks of 4 units, trained on the first 40 lines of the sonnets by that version, whose
answers are in answers.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.store.card import FORMAT
from rnnlm_tui.store.evaluations import read_evaluation
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import held_out_lines, trained_lines
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.corpus import read_corpus
from tests.helpers.models import OLDER_MODELS, put_older_model

VERSES = OLDER_MODELS / "verses.txt"
PRESETS = ("lesson", "rnn", "gru", "lstm", "ngram")
ANSWERS: dict[str, dict[str, Any]] = json.loads((OLDER_MODELS / "answers.json").read_text())


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A library of the five models."""
    library = Library(data_dir)
    for preset in PRESETS:
        put_older_model(library, preset)
    return library


@pytest.mark.parametrize("preset", PRESETS)
def test_it_suggests_what_it_did(library: Library, preset: str) -> None:
    expected = ANSWERS[preset]["suggest"]
    card, model = library.open(preset)
    found = suggest(model, expected["line"])
    assert [each.word for each in found.candidates] == [
        each["word"] for each in expected["suggestions"]
    ]
    assert [each.probability for each in found.candidates] == pytest.approx(
        [each["probability"] for each in expected["suggestions"]], rel=1e-4
    )
    assert card.config.train.seed == 0
    assert (card.checksums, card.lines, card.ancestors) == ({}, None, [])


@pytest.mark.parametrize("preset", PRESETS)
def test_its_figures_are_those_it_had(library: Library, preset: str) -> None:
    card, model = library.open(preset)
    folder = library.path(preset)
    lines = held_out_lines(folder, card, read_corpus([VERSES]))
    scores = [*score(model, lines)]
    measured, kept = asdict(summarize(scores)), read_evaluation(folder, card)
    assert kept is not None
    for name, value in ANSWERS[preset]["evaluate"].items():
        if name in measured and name != "continuations":
            assert measured[name] == pytest.approx(value, rel=1e-5), name
            assert getattr(kept, name) == pytest.approx(value), name
    trained = trained_lines(preset, folder, card, read_corpus([VERSES]))
    assert trained is not None
    assert trained.count(lines, model.tokenizer) == 0


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "ngram"])
def test_its_training_is_resumed(library: Library, preset: str) -> None:
    folder, data_dir = library.path(preset), library.folder.parent
    options = ["--resume", "--name", preset, "--epochs", "3", "--quiet"]
    assert main(["--train", str(VERSES), *options, "--data-dir", str(data_dir)]) == 0
    card, _ = library.open(preset)
    assert [epoch["epoch"] for epoch in card.history] == [1, 2, 3]
    assert json.loads((folder / "model.json").read_bytes())["format"] == FORMAT
    assert {*card.checksums} == {*card.files}


@pytest.mark.parametrize("preset", PRESETS)
def test_it_can_be_exported_and_copied(library: Library, preset: str, tmp_path: Path) -> None:
    library.import_(library.export(preset, tmp_path / "old.zip"), "imported")
    library.duplicate(preset, "copy")
    names = (preset, "imported", "copy")
    answers = {suggest(library.open(name)[1], "shall i ").candidates for name in names}
    assert len(answers) == 1
    figures = [read_evaluation(library.path(name), library.open(name)[0]) for name in names]
    assert figures[0] is not None
    assert figures == [figures[0]] * 3
