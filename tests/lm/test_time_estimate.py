"""The estimate of a training's time: it grows with the work, and costs little itself."""

from __future__ import annotations

import math
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.config import make_run_config
from rnnlm_tui.lm import time_estimate
from rnnlm_tui.lm.registry import FAMILIES
from rnnlm_tui.lm.time_estimate import Step, lesson_training_seconds, step_seconds

LESSON = Step(32, 1605, 3211, 5_755_471, 10, ((64, 150), (32, 100)))
"""A step of the lesson's network on the sonnets."""
HUGE = Step(65_536, 5_000_000, 10_000_000, 10**14, 1024, ((131_072, 4096), (65_536, 4096)))


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is timed takes a millisecond; the names of what was timed, in order."""
    timed: list[str] = []

    def fastest(work: Callable[[], None]) -> float:
        timed.append(work.__name__)
        work()
        return 1e-3

    monkeypatch.setattr(time_estimate, "_fastest", fastest)
    return timed


def test_the_lessons_estimate_is_one_for_its_network_and_all_its_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Step, int | None]] = []

    def seconds(step: Step, threads: int | None) -> float:
        asked.append((step, threads))
        return 0.5

    monkeypatch.setattr(time_estimate, "step_seconds", seconds)
    config = make_run_config("lesson", [{"threads": 3}])
    assert lesson_training_seconds(config, 3211, 10, 15_462) == 130 * 484 * 0.5
    assert asked == [(LESSON, 3)]
    few = make_run_config("lesson", [{"epochs": 2}])
    assert lesson_training_seconds(few, 3211, 10, 5) == 2 * 0.5
    assert asked[1][0].rows == 5
    assert FAMILIES["lesson"].training_seconds(few, 3211, 10, 5) == 2 * 0.5


@pytest.mark.usefixtures("steady")
def test_more_than_is_timed_takes_time_by_its_size() -> None:
    rows = time_estimate.LARGEST_ROWS
    product = time_estimate._product_seconds(rows, 1000, 1000)
    assert time_estimate._product_seconds(rows, 1000, 3000) == pytest.approx(3 * product)
    assert time_estimate._product_seconds(rows, 5000, 1000) == pytest.approx(5 * product)
    assert time_estimate._product_seconds(7 * rows, 1000, 1000) == pytest.approx(7 * product)
    assert time_estimate._optimizer_seconds(50 * time_estimate.LARGEST_PASS) == pytest.approx(50e-3)
    size = time_estimate.LARGEST_CELL
    assert time_estimate._cell_seconds(3 * size, 2 * size) == pytest.approx(12e-3)


@pytest.mark.parametrize("rows", [1, 4, 32, 64, 1000])
def test_no_product_is_so_large_that_threads_share_it(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = np.matmul

    def matmul(a: Any, b: Any, out: Any) -> None:
        made.append(a.shape[-2] * a.shape[-1] * b.shape[-1])
        real(a, b, out=out)

    monkeypatch.setattr(np, "matmul", matmul)
    for inputs, outputs in ((1605, 3211), (1, 10_000_000), (10_000_000, 1), (3, 5)):
        assert time_estimate._product_seconds(rows, inputs, outputs) > 0
    assert 0 < max(made) <= time_estimate.ONE_THREAD


@pytest.mark.usefixtures("steady")
def test_more_threads_make_the_products_faster_as_far_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    product = time_estimate.WHOLE_STEP * time_estimate._product_seconds(32, 1605, 3211)
    one, two, four = (step_seconds(LESSON, threads) for threads in (1, 2, 4))
    assert one - two == pytest.approx(product * (1 - 2**-time_estimate.GAIN))
    assert one - four == pytest.approx(product * (1 - 4**-time_estimate.GAIN))
    assert step_seconds(LESSON) == step_seconds(LESSON, 8) == four


@pytest.mark.parametrize("step", [LESSON, HUGE, Step(1, 1, 2, 20, 1, ((2, 1), (1, 1)))])
def test_an_estimate_takes_little_memory_and_is_a_number(step: Step, steady: list[str]) -> None:
    tracemalloc.start()
    try:
        seconds = step_seconds(step)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < seconds < math.inf
    assert peak < 24e6
    assert sorted(steady) == ["both_ways"] * 3 + ["products", "update"]


def test_nothing_is_timed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], [0]

    def work(seconds: float) -> Callable[[], None]:
        def take() -> None:
            now[0] += seconds
            calls[0] += 1

        return take

    monkeypatch.setattr("rnnlm_tui.lm.time_estimate.time.perf_counter", lambda: now[0])
    assert time_estimate._fastest(work(1e-4)) == pytest.approx(1e-4)
    assert calls[0] == 1 + time_estimate.TRIES
    calls[0] = 0
    assert time_estimate._fastest(work(1.0)) == pytest.approx(1)
    assert calls[0] == 2
