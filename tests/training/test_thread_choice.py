"""How a training chooses its threads, on a scripted machine."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

import pytest

from rnnlm_tui.training.thread_choice import ThreadChoice, thread_counts

Machine = Callable[[int, float], float]
"""Seconds that a step takes with a number of threads at a time of the training."""
QUIET = {1: 0.020, 2: 0.014}
BESIDE_ONE = {1: 0.021, 2: 0.060}
"""The lesson's steps on two cores, alone and next to a busy program."""


class Training:
    """A training on a scripted machine: what it computed with, and when."""

    def __init__(self, most: int, machine: Machine) -> None:
        self.choice, self._machine = ThreadChoice(most), machine
        self.now = 0.0
        self.steps: list[tuple[float, int, float]] = []
        """When each step ended, its threads and its seconds."""

    def train(self, seconds: float, predictions: int = 32) -> None:
        """Trains for a number of seconds."""
        end = self.now + seconds
        while self.now < end:
            threads = self.choice.threads
            took = self._machine(threads, self.now) * predictions / 32
            self.now += took
            self.choice.add(took, predictions)
            self.steps.append((self.now, threads, took))

    def mean_since(self, begin: float) -> float:
        """The mean seconds of a step from this second on."""
        took = [seconds for end, _, seconds in self.steps if end > begin]
        return sum(took) / len(took)

    def when(self, threads: int, since: float) -> float:
        """The first time after `since` at which a step used this number of threads."""
        return next(end for end, used, _ in self.steps if end > since and used == threads)


def test_the_numbers_to_choose_from_become_coarser() -> None:
    assert [thread_counts(most) for most in (1, 2, 4)] == [[1], [2, 1], [4, 3, 2, 1]]
    assert thread_counts(16) == [16, 15, 11, 8, 6, 4, 3, 2, 1]


@pytest.mark.parametrize("most", [2, 3, 4, 8, 16, 64])
@pytest.mark.parametrize("fastest", [1, 2, 3, 8, 64])
def test_the_fastest_number_is_found_within_a_few_seconds(most: int, fastest: int) -> None:
    best = min(thread_counts(most), key=lambda count: abs(count - fastest))

    def machine(threads: int, now: float) -> float:
        return 0.02 * math.pow(max(threads / best, best / threads), 0.7)

    training = Training(most, machine)
    training.train(60)
    assert training.mean_since(4 if most < 64 else 8) < 1.05 * 0.02


@pytest.mark.parametrize(
    ("most", "machine", "seconds", "threads"),
    [
        # One core.
        (1, lambda threads, now: 0.02 if now < 5 else 0.2, 10, 1),
        # The first steps, which prepare memory, do not count.
        (2, lambda threads, now: 0.3 if now < 0.8 else QUIET[threads], 3, 2),
        # A machine that becomes slower with any number.
        (2, lambda threads, now: QUIET[threads] * (3 if now > 10 else 1), 100, 2),
        # A program that is busy a fifth of each second costs no thread, and of each tenth of one it
        # does: all steps take part in it.
        (2, lambda threads, now: (BESIDE_ONE if now % 1 < 0.2 else QUIET)[threads], 60, 2),
        (2, lambda threads, now: (BESIDE_ONE if now % 0.1 < 0.02 else QUIET)[threads], 60, 1),
        # Two of eight cores are taken: of 8, 7, 5, 3, 2 and 1 threads 5 are the most that are free.
        (8, lambda threads, now: 0.1 / threads * (4 if now > 10 and threads > 6 else 1), 30, 5),
    ],
)
def test_the_time_is_about_that_of_the_best_number(
    most: int, machine: Machine, seconds: int, threads: int
) -> None:
    training, best = Training(most, machine), Training(1, lambda _, now: machine(threads, now))
    training.train(seconds)
    best.train(seconds)
    used = statistics.mode(used for end, used, _ in training.steps if end > seconds / 2)
    assert used == threads
    assert training.mean_since(0.5 * seconds) < 1.1 * best.mean_since(0.5 * seconds)


def test_a_busy_program_is_left_a_core_within_a_second_and_taken_back_later() -> None:
    def machine(threads: int, now: float) -> float:
        return (BESIDE_ONE if 10 <= now < 100 else QUIET)[threads]

    training = Training(2, machine)
    training.train(100)
    assert training.when(1, since=10) < 11
    assert training.mean_since(11) < 1.05 * BESIDE_ONE[1]
    assert training.when(2, since=12) < 16  # it tries again
    training.train(40)
    assert training.choice.threads == 2
    assert training.mean_since(122) < 1.05 * QUIET[2]


@pytest.mark.parametrize("slow", [0.03, 0.05, 0.2, 0.9])
def test_slower_steps_are_noticed_within_a_second_however_long_they_are(slow: float) -> None:
    training = Training(2, lambda n, now: slow if n == 2 and now > 9 else QUIET[n])
    training.train(12)
    assert training.when(1, since=9) < 10 + slow


def test_larger_batches_are_not_mistaken_for_slower_steps() -> None:
    training = Training(2, lambda threads, now: QUIET[threads])
    training.train(5)
    for size in itertools.islice(itertools.cycle((4, 64, 400, 16)), 40):
        training.train(0.5, size)
    assert training.choice.threads == 2
    used = [threads for end, threads, _ in training.steps if end > 5]
    assert 0 < used.count(1) < 0.1 * len(training.steps)
