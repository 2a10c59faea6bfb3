"""The models that ship with the program, from their own files."""

from __future__ import annotations

import zlib
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

import rnnlm_tui
from rnnlm_tui.evaluate import Evaluation, score, summarize
from rnnlm_tui.lm.mixture import MAX_FITTED, MixedModel, cross_fit, fit_mixture_weights
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.training_text import find_corpus
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.corpus import hold_out
from rnnlm_tui.text.excerpts import excerpts_of

FOLDER = Path(rnnlm_tui.__file__).parent / "data" / "models"
MAX_BYTES = {"shakespeare": 3 << 20, "english": 12 << 20}
"""In the wheel, which is a zip."""
SONNETS = "shakespeare"


@pytest.fixture
def library(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """With the models that really ship."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    return Library(data_dir)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.iterdir()))
def test_they_are_small_and_whole(library: Library, name: str) -> None:
    entry = next(entry for entry in library.entries() if entry.name == name)
    assert (entry.built_in, entry.damaged) == (True, None)
    assert len(zlib.compress(library.path(name).read_bytes())) <= MAX_BYTES[name]
    card, model = library.open(name)
    assert card.tokenizer == "prose"
    assert card.evaluation is not None
    with open_stored(library.path(name)) as stored:
        assert len(stored.lines_seen()) > 1000
    assert not {"XVIII", "xviii", "XVIII."} & {*model.vocabulary.words}


def test_english_never_suggests_slurs(library: Library) -> None:
    card, model = library.open("english")
    assert len(card.blocked_words) > 20
    for word in card.blocked_words:
        assert word in model.vocabulary
        suggested = suggest(model, f"He said {word[:-1]}", k=100).candidates
        assert word not in [candidate.word for candidate in suggested]


def test_a_rare_word_of_the_page_is_listed_by_the_trust_that_it_has_earned(
    library: Library,
) -> None:
    _, model = library.open("english")

    def listed(line: str, *above: str, k: int = 5) -> dict[str, float]:
        found = suggest(model, line, k=k, previous_lines=above, while_typing=True)
        return {each.word: each.probability for each in found.candidates}

    chances = listed("She c", "The campsite is lovely.", k=100)
    assert chances["campsite"] < 0.05
    for common in ("can", "could", "came"):
        assert chances[common] > chances["campsite"]
    walk = "We walked home with Zsófia Kowalczyk."
    assert next(iter(listed("Zsófia K", walk))) == "Kowalczyk"
    assert "Kowalczyk" in listed("I wrote to Zsófia ", walk)
    assert next(iter(listed("climbed Pen y F", "We climbed Pen y Fan."))) == "Fan"


def test_the_sonnets_hold_out_the_lines_of_every_presets_defaults(library: Library) -> None:
    with open_stored(library.path(SONNETS)) as stored:
        lines = stored.lines()
    text = bundled_corpus().read_text("utf-8").splitlines()
    expected = hold_out(np.array([bool(line.strip()) for line in text]), 0.1, 0)
    assert lines.held_out.tolist() == np.flatnonzero(expected).tolist()


@pytest.mark.slow
def test_the_figures_of_the_sonnets_are_those_of_the_files(library: Library) -> None:
    card, model = library.open(SONNETS)
    kept = card.evaluation
    assert kept is not None
    corpus = find_corpus(SONNETS, library.run_folder(SONNETS), card)
    with open_stored(library.path(SONNETS)) as stored:
        held_out = stored.lines().held_out_of(corpus.lines)
    excerpts = [*excerpts_of(corpus.lines, held_out)]
    assert isinstance(model, MixedModel)
    fit = fit_mixture_weights(model, excerpts, MAX_FITTED)
    assert fit is not None
    halves = cross_fit(model, fit)  # no line is measured with weights that were fitted to it
    scores = (score(halves[each.half], each.lines, each.above) for each in excerpts)
    evaluation = summarize(chain.from_iterable(scores))
    assert counts(evaluation) == counts(kept)
    # The weights were rounded after they were measured, and numpy differs between processors.
    assert shares(evaluation) == pytest.approx(shares(kept), abs=2e-3)
    assert evaluation.loss == pytest.approx(kept.loss, rel=1e-3)


def counts(evaluation: Evaluation) -> tuple[int, ...]:
    return evaluation.lines, evaluation.words, evaluation.predicted


def shares(evaluation: Evaluation) -> list[float | None]:
    return [evaluation.oov_share, evaluation.top1, evaluation.top5, evaluation.keystroke_savings]
