"""The figures of a model on its held-out lines: stored, checked, and in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.events import BaseSavings
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.evaluations import (
    HeldOutEvaluation,
    accuracy_sentence,
    read_evaluation,
    read_held_out_evaluation,
    write_evaluation,
)
from rnnlm_tui.store.files import EVALUATION
from rnnlm_tui.store.library import Library
from tests.helpers.models import put_older_model

FIGURES = Evaluation(
    lines=3,
    words=20,
    predicted=15,
    loss=4.5,
    perplexity=None,
    perplexity_in_vocabulary=90.0,
    oov_share=0.1,
    top1=0.15,
    top5=0.25,
    continuations=(0.15, 0.05, None),
    characters=120,
    keys=95,
    keystroke_savings=0.212,
    savings_interval=(0.2, 0.22),
)


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A library with the model gru, whose figures are FIGURES."""
    library = Library(data_dir)
    put_older_model(library, "gru")
    write_evaluation(library.path("gru"), card_of(library), FIGURES)
    return library


def card_of(library: Library, name: str = "gru") -> ModelCard:
    return library.open(name)[0]


def figures(library: Library, name: str = "gru") -> Evaluation | None:
    return read_evaluation(library.path(name), card_of(library, name))


def of_train(card: ModelCard, **changed: Any) -> ModelCard:
    """The card with other settings of its training."""
    return replace(card, config=replace(card.config, train=replace(card.config.train, **changed)))


def test_what_the_base_alone_saves_is_kept_with_them(library: Library) -> None:
    folder, card = library.path("gru"), card_of(library)
    assert read_held_out_evaluation(folder, card) == HeldOutEvaluation(FIGURES, None)
    base: BaseSavings = {"name": "english", "keystroke_savings": 0.2}
    write_evaluation(folder, card, FIGURES, base)
    assert read_held_out_evaluation(folder, card) == HeldOutEvaluation(FIGURES, base)
    entry = next(entry for entry in library.entries() if entry.name == "gru")
    assert (entry.evaluation, entry.base_alone) == (FIGURES, base)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: replace(card, weights="weights-3.safetensors"),
        lambda card: replace(card, created="2001-01-01T00:00:00+00:00"),
        lambda card: replace(card, corpus={**card.corpus, "sha256": "0"}),
        lambda card: of_train(card, seed=4),
        lambda card: of_train(card, held_out=0.4),
    ],
)
def test_figures_of_other_weights_or_another_split_are_ignored(
    library: Library, change: Callable[[ModelCard], ModelCard]
) -> None:
    assert figures(library) == FIGURES
    assert read_evaluation(library.path("gru"), change(card_of(library))) is None


@pytest.mark.parametrize(
    "change",
    [
        *({"top1": value} for value in (1.5, -0.1, "0.2", True, [0.1])),
        *({"words": value} for value in (-1, 2.5, 1 << 60, None)),
        *({"loss": value} for value in (-1, 1e9)),
        {"perplexity": 0.5},
        {"perplexity_in_vocabulary": 10**400},
        *({"continuations": value} for value in ([0.1], [0.1, 2, 0.1], {"0": 0.1})),
    ],
)
def test_invalid_figures_are_ignored(library: Library, change: dict[str, Any]) -> None:
    path = library.path("gru") / EVALUATION
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "figures": {**data["figures"], **change}}))
    assert figures(library) is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b"[]", b'{"format": 2}', b"[" * 60_000, b'{"format": NaN}', b"x" * 200_000],
    ids=lambda raw: repr(raw[:9]),
)
def test_a_file_without_figures_is_ignored(library: Library, tmp_path: Path, raw: bytes) -> None:
    (library.path("gru") / EVALUATION).write_bytes(raw)
    assert figures(library) is None
    assert library.entries()[0].damaged is None
    library.import_(library.export("gru", tmp_path / "gru.zip"), "back")
    assert not (library.path("back") / EVALUATION).exists()


@pytest.mark.parametrize(
    ("top1", "top5", "said"),
    [
        (0.15, 0.25, "right 1 in 7, top five 1 in 4; saves 21% of keys"),
        (0.0, 0.5, "right never, top five 5 in 10;"),
        (0.52, 0.98, "right 5 in 10, top five 9 in 10;"),
        (0.0002, 0.34, "right less than 1 in 1,000, top five 1 in 3;"),
        (1.0, 1.0, "right 10 in 10, top five 10 in 10;"),
    ],
)
def test_odds_are_written_as_people_say_them(
    library: Library, top1: float, top5: float, said: str
) -> None:
    line = accuracy_sentence(card_of(library), replace(FIGURES, top1=top1, top5=top5))
    assert f"unseen lines: top word {said}" in line
    assert len(line) <= 76 or "less than" in line, "a row of 80 columns"


def test_without_figures_the_accuracy_sentence_says_why(library: Library) -> None:
    card = card_of(library)
    assert accuracy_sentence(card, None) == "not yet measured on the lines it never saw"
    on_all = replace(card, metrics={**card.metrics, "held_out": None})
    said = "trained on all its lines: no figure for lines it never saw"
    assert accuracy_sentence(on_all, None) == said
