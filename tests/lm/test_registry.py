"""The time and memory of trainings, and the defaults that follow from the size of a corpus."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import pytest

from rnnlm_tui.config import PRESETS, Config, make_config
from rnnlm_tui.lm import time_estimate
from rnnlm_tui.lm.registry import ARCHITECTURES

CELLS = ("rnn", "gru", "lstm")
USUAL = {"total_words": 10_000, "examples": 900_000}

Estimate = Callable[..., float]


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores, each with 50 thousand million multiplications a second."""
    monkeypatch.setattr(time_estimate, "multiplications_per_second", lambda: 50e9)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


def seconds(preset: str, total_words: int, examples: int, **settings: Any) -> float:
    config = make_config(preset, [settings])
    return ARCHITECTURES[preset](config, total_words, 10).training_seconds(examples)


def memory(preset: str, total_words: int, examples: int, **settings: Any) -> float:
    config = make_config(preset, [settings])
    return ARCHITECTURES[preset](config, total_words, 10).training_bytes(examples)


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
    monkeypatch.setattr(time_estimate, "multiplications_per_second", lambda: 68e9)
    rows = settings.get("batch_size", 32) if preset == "lesson" else 16 * 16
    found = seconds(preset, 3211, 1000 * rows, epochs=1, threads=1, **settings)
    assert found == pytest.approx(steps_ms, rel=0.25)


def test_the_speed_of_this_machine_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1e7 < time_estimate.multiplications_per_second() < 1e13


def test_more_threads_compute_faster_as_far_as_there_are_cores() -> None:
    one, two, four, eight, all_cores = (
        seconds("lesson", 3211, 15_462, threads=threads) for threads in (1, 2, 4, 8, None)
    )
    assert one > two > four == eight == all_cores > one / 4


@pytest.mark.parametrize("preset", CELLS)
@pytest.mark.parametrize("estimate", [seconds, memory])
def test_more_to_compute_takes_more_time_and_memory(preset: str, estimate: Estimate) -> None:
    usual = estimate(preset, **USUAL)
    assert usual < (1 << 30 if estimate is memory else 24 * 3600)
    assert estimate(preset, **{**USUAL, "total_words": 19_000}) > usual
    assert estimate(preset, **{**USUAL, "examples": 2_000_000}) > usual
    assert estimate(preset, **USUAL, layers=2) > usual
    assert estimate(preset, **USUAL, hidden_size=512) > usual


def test_the_scores_of_a_batch_are_never_in_memory_together() -> None:
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


@pytest.mark.parametrize("cell", CELLS)
def test_the_defaults_follow_from_the_size_of_the_corpus(cell: str) -> None:
    small, middle, large = (make_config(cell, [], words) for words in (17_700, 930_000, 10**8))
    assert make_config(cell, []) == small
    assert middle.train.bptt > small.train.bptt  # type: ignore[attr-defined]
    assert small != middle != large
    given = make_config(cell, [{"bptt": 7, "dropout": 0.11}], 930_000)
    assert given.train.bptt == 7  # type: ignore[attr-defined]
    assert given.model.dropout == 0.11  # type: ignore[union-attr]
    assert Config.from_json(middle.to_json()) == middle


def test_every_scale_holds_settings_of_its_preset_and_covers_all_corpora() -> None:
    for preset in PRESETS.values():
        for scale in preset.scales:
            make_config(preset.name, [scale.settings])
        sizes = [scale.most_words for scale in preset.scales]
        assert sizes == sorted(sizes)
        assert not sizes or math.isinf(sizes[-1])
    assert PRESETS["lesson"].scale_of(10) is None
