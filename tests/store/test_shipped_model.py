"""The model that ships with the program, from its own files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnlm_tui
from rnnlm_tui.evaluate import Evaluation, score, summarize
from rnnlm_tui.store.evaluations import read_evaluation
from rnnlm_tui.store.library import BUILT_IN, Library
from rnnlm_tui.store.trained_lines import read_trained_lines
from rnnlm_tui.store.training_text import find_corpus, held_out_lines
from rnnlm_tui.text.corpus import held_out_mask

FOLDER = Path(rnnlm_tui.__file__).parent / "data" / "model"
MOST_BYTES = 3 << 20


@pytest.fixture
def library(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """With the model that really ships."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    return Library(data_dir)


def test_it_is_small_and_whole(library: Library) -> None:
    (entry,) = library.entries()
    assert entry.name == BUILT_IN
    assert entry.built_in
    assert entry.damaged is None
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES
    card, model = library.open(BUILT_IN)
    assert card.config.train.held_out == 0.1
    assert card.total_words == model.vocabulary.total_words
    assert {*card.checksums} == {*card.files}
    lines = read_trained_lines(FOLDER, card)
    assert lines is not None
    assert lines.held_out.tolist() == np.flatnonzero(held_out_mask(2159, 0.1, 0)).tolist()


@pytest.mark.slow
def test_its_figures_are_those_of_its_files(library: Library) -> None:
    card, model = library.open(BUILT_IN)
    kept = read_evaluation(FOLDER, card)
    assert kept is not None
    lines = held_out_lines(FOLDER, card, find_corpus(BUILT_IN, FOLDER, card))
    found = summarize([*score(model, lines)])
    assert counts(found) == counts(kept)
    # The last digits differ from one processor's numpy to another's.
    assert shares(found) == pytest.approx(shares(kept), abs=2e-3)
    assert found.loss == pytest.approx(kept.loss, rel=1e-5)


def counts(found: Evaluation) -> tuple[int, ...]:
    return found.lines, found.words, found.predicted


def shares(found: Evaluation) -> list[float | None]:
    savings = [found.keystroke_savings, found.keystroke_savings_ghost]
    return [found.oov_share, found.top1, found.top5, *savings]
