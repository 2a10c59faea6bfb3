"""The estimated time of a run, with all that it measures and fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.event_types import Progress, Started
from rnnlm_tui.lm import time_estimate
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.training.estimate import run_seconds, scores_of
from rnnlm_tui.training.run import RunReport, TrainingRun
from tests.helpers.commands import VERSES
from tests.helpers.networks import small_network
from tests.helpers.ngrams import ngram_model
from tests.helpers.training import run, run_stopped_at, small_run

BASE_WORDS = 30_000


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine on which the time of a word was measured."""
    monkeypatch.setattr(
        time_estimate, "multiplications_per_second", lambda: time_estimate.REFERENCE
    )


def made(tmp_path: Path, preset: str, verses: int = 100, **settings: Any) -> TrainingRun:
    return small_run(preset, tmp_path / "a", text=VERSES * verses, held_out=0.2, **settings)


def estimated(small: TrainingRun, base_scores: int = 0) -> time_estimate.RunSeconds:
    return run_seconds(small.config, small.prepared, base_scores)


def test_ngrams_take_the_time_of_their_mixture_and_not_only_of_counting(tmp_path: Path) -> None:
    small = made(tmp_path, "ngram", mixture="on")
    held_out = small.prepared.held_out_words
    assert 500 < held_out < 2_000
    counted, whole = estimated(small).steps, estimated(small, BASE_WORDS).total(1)
    assert counted < 0.1
    # Measured with the built-in English: 0.55 ms to fit a word, 1.2 ms to evaluate one with the
    # mixture and once more with its base alone.
    assert whole == pytest.approx(held_out * 2.95e-3 + 5_000 * 0.25e-3, rel=0.3)
    assert estimated(small).total(1) < whole / 1.3
    alone = made(tmp_path, "ngram", mixture="off")
    assert estimated(alone, BASE_WORDS).total(1) < estimated(small).total(1)


def test_networks_take_the_time_of_their_mixture_in_each_epoch_and_at_the_end(
    tmp_path: Path,
) -> None:
    small, alone = (made(tmp_path, "gru", mixture=mixture) for mixture in ("on", "off"))
    of_mixture, of_network = estimated(small, BASE_WORDS), estimated(alone)
    assert of_mixture.steps == of_network.steps
    assert of_mixture.start > 0.5 and of_network.start == 0
    fitted, measured = (small.prepared.held_out_words * seconds for seconds in (0.55e-3, 1.2e-3))
    assert of_mixture.each_epoch - of_network.each_epoch == pytest.approx(fitted, rel=0.2)
    assert of_mixture.end == pytest.approx(fitted + 2 * measured, rel=0.2)
    epochs = small.config.epochs
    assert of_mixture.total(epochs) > of_network.total(epochs) + epochs * 0.8 * fitted
    # Few held-out words cost no fit.
    few = made(tmp_path, "gru", verses=10, mixture="on")
    assert estimated(few, BASE_WORDS).each_epoch < 0.5


@pytest.mark.parametrize("preset", ["ngram", "gru"])
def test_events_tell_the_time_of_the_whole_run(preset: str, tmp_path: Path) -> None:
    small = made(tmp_path, preset, verses=10, mixture="on")
    if preset == "ngram":
        events, of_run = run(small), RunReport(small).estimate()
        left = [event.eta_s for event in events if isinstance(event, Progress)]
        assert left[-1] == pytest.approx(of_run.end) and of_run.end > 0
    else:
        events, of_run = run_stopped_at(small, 1, 1), RunReport(small).estimate()
    started = next(event for event in events if isinstance(event, Started))
    assert started.estimated_s == pytest.approx(of_run.total(small.config.epochs))
    assert started.estimated_s > of_run.steps


def test_a_base_scores_the_words_of_its_networks() -> None:
    ngrams = ngram_model(("a b", "b a"))
    network = small_network(ngrams.vocabulary, "gru")
    mixed = MixedModel(ngrams.tokenizer, {"network": network, "ngrams": ngrams})
    assert scores_of(mixed) == scores_of(network) == network.vocabulary.total_words
    assert scores_of(ngrams) == scores_of(None) == 0
