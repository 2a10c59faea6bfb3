"""Chooses the number of threads while a training runs. No torch.

Threads wait for one another dozens of times per step. If another program takes a core from one of
them, all wait for it, and a step takes several times as long as with one thread less.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
FIRST_STEPS = 3
"""Steps before the first measurement: they prepare memory and kernels."""
MEASURED_S, LONG_STEP_S = 0.2, 0.5
"""Each number of threads is measured so long, after one step to prepare. A step of 0.5 s counts at
once: in that the preparation weighs little."""
WORSE = 1.3
"""If a number of threads is slower than the best by this factor, smaller ones are not measured."""
GAIN = 0.95
"""Another number of threads is preferred if a step takes at most this share of the time."""
LOST_S, SPARE = 0.25, 0.15
"""There are too many threads when so many seconds were lost against the expected speed. What is
lost now and then does not add up: this share of the time is forgiven."""
FIRST_WAIT_S, LONGEST_WAIT_S, TRIALS = 1.0, 20.0, 0.1
"""The next larger number and two smaller are tried after the first wait. Each time they are no
better the wait doubles, and it is long enough that trials take at most this share of the time."""
Steps = Generator[None, tuple[float, int], Result]
"""Takes the seconds and the predictions of each step."""


def thread_counts(most: int) -> list[int]:
    """The numbers of threads to choose from, largest first: one less, then three quarters each
    time, which gives 13 numbers for 64 cores."""
    counts = [most]
    while counts[-1] > 1:
        fewer = counts[-1] - 1 if len(counts) == 1 else math.floor(counts[-1] * 3 / 4)
        counts.append(max(1, fewer))
    return counts


class ThreadChoice:
    """Chooses the number of threads from the times of the training steps.

    At the start it measures each number, from the largest down until steps become slower. It
    measures smaller numbers again when steps take much longer than expected, and from time to time
    the next larger number and two smaller.
    """

    def __init__(self, most: int) -> None:
        """Starts with `most` threads and never uses more."""
        self.threads = most
        """The number of threads for the next step."""
        self._counts = thread_counts(most)
        self._steps = self._choices()
        next(self._steps)

    def add(self, seconds: float, predictions: int) -> None:
        """Adds the time of a step with `threads` threads and its number of predictions; may change
        `threads`."""
        self._steps.send((seconds, predictions))

    def _choices(self) -> Steps[None]:
        preferred, wait_s = self.threads, FIRST_WAIT_S
        candidates, to_skip = self._counts, FIRST_STEPS
        while True:
            rates, tried_s = dict[int, float](), 0.0
            for count in candidates:  # first the preferred one
                self.threads = count
                spent_s, rates[count] = yield from _trial(to_skip)
                tried_s += spent_s if count != preferred else 0.0
                fastest = min(rates, key=rates.__getitem__)
                if count < fastest and rates[count] > WORSE * rates[fastest]:
                    break
                to_skip = 1
            if rates[fastest] > GAIN * rates[preferred]:
                fastest = preferred
            longer = min(2 * wait_s, LONGEST_WAIT_S)
            wait_s = max(longer if fastest == preferred else FIRST_WAIT_S, tried_s / TRIALS)
            self.threads = preferred = fastest
            candidates, to_skip = (yield from self._watch(rates[fastest], wait_s)), 0

    def _watch(self, expected: float, wait_s: float) -> Steps[list[int]]:
        """Waits until other numbers are to be measured, and returns them."""
        place = self._counts.index(self.threads)
        settled_s = lost_s = 0.0
        while settled_s < wait_s:
            seconds, predictions = yield
            settled_s += seconds
            lost_s = max(0.0, lost_s + (1 - SPARE) * seconds - expected * predictions)
            if lost_s > LOST_S:
                return self._counts[place:]
        return [self.threads, *self._counts[:place][-1:], *self._counts[place + 1 :][:2]]


def _trial(to_skip: int) -> Steps[tuple[float, float]]:
    """The seconds of some steps with a number of threads, and those that a prediction takes, for
    which the first steps do not count."""
    spent_s, measured_s, measured = 0.0, 0.0, 0
    while measured_s < MEASURED_S:
        seconds, predictions = yield
        spent_s += seconds
        if to_skip and seconds < LONG_STEP_S:
            to_skip -= 1
        else:
            measured_s += seconds
            measured += predictions
    return spent_s, measured_s / max(1, measured)
