"""The choice of threads, on a scripted machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import cycle

import pytest

from rnnlm_tui.training.thread_choice import choose_threads, thread_counts

Machine = Callable[[int, float], float]
"""Seconds that a step takes with a number of threads at a time of the training."""
QUIET = {1: 0.020, 2: 0.014}
BESIDE_ONE = {1: 0.021, 2: 0.060}
"""The lesson's steps on two cores, alone and next to a busy program."""


def test_the_numbers_to_choose_from_become_coarser() -> None:
    assert thread_counts(16) == [16, 15, 11, 8, 6, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("most", "machine", "threads"),
    [
        (1, lambda threads, now: 0.02, 1),
        (2, lambda threads, now: QUIET[threads], 2),
        (2, lambda threads, now: BESIDE_ONE[threads], 1),
        # The first steps, which prepare memory, do not count.
        (2, lambda threads, now: 0.3 if now < 0.8 else QUIET[threads], 2),
        # A program that comes, and one that goes.
        (2, lambda threads, now: (BESIDE_ONE if now > 30 else QUIET)[threads], 1),
        (2, lambda threads, now: (BESIDE_ONE if now < 30 else QUIET)[threads], 2),
        # One that is busy a fifth of each tenth of a second: all steps take part in it.
        (2, lambda threads, now: (BESIDE_ONE if now % 0.1 < 0.02 else QUIET)[threads], 1),
        # Two of eight cores are taken: of 8, 7, 5, 3, 2 and 1 threads 5 are the most that are free.
        (8, lambda threads, now: 0.1 / threads * (4 if threads > 6 else 1), 5),
        # Many cores, of which few help.
        (64, lambda threads, now: 0.02 * max(threads / 5, 5 / threads) ** 0.7, 5),
    ],
)
@pytest.mark.parametrize("predictions", [[32], [4, 64, 400, 16]])
def test_the_time_is_about_that_of_the_best_number(
    most: int, machine: Machine, threads: int, predictions: list[int]
) -> None:
    """Also if the steps take times in proportion to different numbers of predictions."""
    choice, now, used, took = choose_threads(most), 0.0, list[int](), list[float]()
    count, sizes = next(choice), cycle(predictions)
    while now < 150:
        size = next(sizes)
        seconds = machine(count, now) * size / 32
        if now > 52:
            used.append(count)
            took.append(seconds / (machine(threads, now) * size / 32))
        now += seconds
        count = choice.send((seconds, size))
    assert statistics.mode(used) == threads
    assert statistics.mean(took) < 1.1
