"""The estimated memory of a training, and the time of a run with all that it measures and fits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.config import make_config
from rnnlm_tui.event_types import Progress, Started
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Architecture
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.training import estimate
from rnnlm_tui.training.estimate import (
    RunSeconds,
    logits_of,
    run_seconds,
    step_seconds,
    training_bytes,
)
from rnnlm_tui.training.run import RunReport, TrainingRun
from rnnlm_tui.training.time_left import TimeLeft
from tests.helpers.commands import VERSES
from tests.helpers.networks import small_network
from tests.helpers.ngrams import ngram_model
from tests.helpers.training import run, run_stopped_at, small_run

BASE_WORDS = 30_000
USUAL = {"total_words": 10_000, "examples": 900_000}


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine on which the time of a word was measured."""
    monkeypatch.setattr(estimate, "multiplications_per_second", lambda: estimate.REFERENCE)


def made(tmp_path: Path, preset: str, verses: int = 100, **settings: Any) -> TrainingRun:
    return small_run(preset, tmp_path / "a", text=VERSES * verses, held_out=0.2, **settings)


def estimated(small: TrainingRun, base_logits: int = 0) -> RunSeconds:
    return run_seconds(small.config, small.prepared, base_logits)


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


def test_what_comes_after_the_last_epoch_is_part_of_the_time_left() -> None:
    left = TimeLeft(0.5, 2.0, 7.0)
    assert left.seconds(10, 3) == 5.0 + 6.0 + 7.0
    left.set_end(1.0)
    assert left.seconds(0, 1) == 8.0
    assert left.seconds(0, 0) == 7.0


def test_a_base_has_logits_of_the_words_of_its_networks() -> None:
    ngrams = ngram_model(("a b", "b a"))
    network = small_network(ngrams.vocabulary, "gru")
    mixed = MixedModel(ngrams.tokenizer, {"network": network, "ngrams": ngrams})
    assert logits_of(mixed) == logits_of(network) == network.vocabulary.total_words
    assert logits_of(ngrams) == logits_of(None) == 0


def architecture(preset: str, total_words: int, settings: dict[str, Any]) -> Architecture[Any]:
    return ARCHITECTURES[preset](make_config(preset, [settings]), total_words, 10)


def seconds(preset: str, total_words: int, examples: int, **settings: Any) -> float:
    return step_seconds(architecture(preset, total_words, settings), examples)


def memory(preset: str, total_words: int, examples: int, **settings: Any) -> float:
    return training_bytes(architecture(preset, total_words, settings), examples)


@pytest.mark.parametrize(
    ("preset", "settings", "steps_ms"),
    [
        # Measured with one thread on a processor of 68 thousand million multiplications a second.
        ("lesson", {"batch_size": 4}, 13.9),
        ("lesson", {}, 20.1),
        ("lesson", {"batch_size": 128}, 48.9),
        ("rnn", {}, 12.6),
        ("gru", {}, 17.3),
        ("lstm", {}, 20.1),
    ],
)
def test_the_time_of_a_step_is_about_that_measured(
    preset: str, settings: dict[str, Any], steps_ms: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "multiplications_per_second", lambda: 68e9)
    rows = settings.get("batch_size", 32) if preset == "lesson" else 16 * 16
    found = seconds(preset, 3211, 1000 * rows, epochs=1, threads=1, **settings)
    assert found == pytest.approx(steps_ms, rel=0.25)


def test_the_speed_of_this_machine_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1e7 < estimate.multiplications_per_second() < 1e13


def test_more_threads_compute_faster_as_far_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    one, two, four, eight, all_cores = (
        seconds("lesson", 3211, 15_462, threads=threads) for threads in (1, 2, 4, 8, None)
    )
    assert one > two > four == eight == all_cores > one / 4


@pytest.mark.parametrize("preset", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("cost", [seconds, memory])
def test_more_to_compute_takes_more_time_and_memory(
    preset: str, cost: Callable[..., float]
) -> None:
    usual = cost(preset, **USUAL)
    assert usual < (1 << 30 if cost is memory else 24 * 3600)
    assert cost(preset, **{**USUAL, "total_words": 19_000}) > usual
    assert cost(preset, **{**USUAL, "examples": 2_000_000}) > usual
    assert cost(preset, **USUAL, layers=2) > usual
    assert cost(preset, **USUAL, hidden_size=512) > usual


def test_the_logits_of_a_batch_are_never_in_memory_together() -> None:
    sizes = {"batch_size": 256, "bptt": 256, "hidden_size": 8, "embedding_size": 8}
    assert memory("gru", **USUAL, **sizes) < 256 * 256 * 10_000 * 4


def test_a_text_shorter_than_a_step_is_one_step_an_epoch() -> None:
    short = seconds("gru", 20, 40, batch_size=32, bptt=35, epochs=2)
    assert short == seconds("gru", 20, 70, batch_size=1, bptt=35, epochs=2)
    assert seconds("lesson", 20, 5, epochs=2) < seconds("lesson", 20, 33, epochs=2)


def test_the_estimates_of_an_ngram_model_grow_with_the_text_and_the_order() -> None:
    def bytes_and_seconds(order: int, examples: int) -> tuple[float, float]:
        costs = (5_000, examples)
        return memory("ngram", *costs, order=order), seconds("ngram", *costs, order=order)

    few, many = bytes_and_seconds(5, 1_000_000), bytes_and_seconds(5, 100_000_000)
    assert 200e6 < few[0] < 500e6
    assert few[0] < many[0] < 110 * few[0]
    assert few[1] < many[1]
    assert bytes_and_seconds(2, 1_000_000)[0] < few[0]
