"""Chooses the number of threads while a training runs. No torch.

Threads wait for one another dozens of times per step. If another program takes a core from one of
them, all wait for it, and a step takes several times as long as with one thread less.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

FIRST_STEPS = 3
"""Steps before the first measurement: they prepare memory and kernels."""
MEASURED_S, LONG_STEP_S = 0.2, 0.5
"""A measurement takes 0.2 s. The first step after a change counts only if it takes 0.5 s; in a
shorter one the preparation weighs too much."""
WORSE = 1.3
"""If a number of threads is slower than the best by this factor, smaller ones are not measured."""
GAIN = 0.95
"""Another number of threads is preferred if a step takes at most this share of the time."""
WINDOW_S, LOST, RECENT_S = 1.0, 1 / 3, 0.3
"""There are too many threads when a third of the last second was lost against the expected speed;
the steps of the last 0.3 s then show how slow they are."""
FIRST_WAIT_S, LONGEST_WAIT_S, COST = 1.0, 20.0, 0.04
"""Another number of threads is tried after the first wait. Each time it is no better the wait
doubles, and it is long enough that trials cost at most this share of the time."""
STEADY_S = 3.0
"""Steps that become slower after this time mean that the load has changed: the waits start over.
"""


@dataclass(slots=True)
class Timing:
    """The total time of some steps."""

    seconds: float = 0.0
    predictions: int = 0

    def add(self, seconds: float, predictions: int) -> None:
        """Adds a step, or removes one if both are negative."""
        self.seconds += seconds
        self.predictions += predictions

    @property
    def rate(self) -> float:
        """Seconds per prediction."""
        return self.seconds / max(1, self.predictions)

    def lost(self, rate: float) -> float:
        """The seconds lost compared with this rate."""
        return self.seconds - rate * self.predictions


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
    measures smaller numbers again when steps take much longer than before, and from time to time
    the next larger or smaller number.
    """

    def __init__(self, most: int) -> None:
        """Starts with `most` threads and never uses more."""
        self.threads = most
        """The number of threads for the next step."""
        self._counts = thread_counts(most)
        self._preferred = most
        self._expected = math.inf
        """Seconds per prediction with the preferred number."""
        self._candidates = list(self._counts)
        """The numbers still to measure, beginning with the present one."""
        self._rates: dict[int, float] = {}
        self._trial, self._spent, self._to_skip = Timing(), Timing(), FIRST_STEPS
        self._steps: deque[tuple[float, int]] = deque()
        self._window, self._settled_s = Timing(), 0.0
        self._wait_s, self._goes_up = FIRST_WAIT_S, True

    def add(self, seconds: float, predictions: int) -> None:
        """Adds the time of a step with `threads` threads and its number of predictions; may change
        `threads`."""
        if len(self._counts) == 1:
            return
        if self._candidates:
            self._measure(seconds, predictions)
        else:
            self._watch(seconds, predictions)

    def _measure(self, seconds: float, predictions: int) -> None:
        self._spent.add(seconds, predictions)
        if self._to_skip and seconds < LONG_STEP_S:
            self._to_skip -= 1
            return
        trial, best = self._trial, min(self._rates.values(), default=math.inf)
        trial.add(seconds, predictions)
        if trial.seconds < MEASURED_S:
            return
        self._rates[self.threads] = trial.rate
        self._candidates = [] if trial.rate > WORSE * best else self._candidates[1:]
        self._try_next()

    def _watch(self, seconds: float, predictions: int) -> None:
        self._settled_s += seconds
        window = self._window
        window.add(seconds, predictions)
        self._steps.append((seconds, predictions))
        while window.seconds - self._steps[0][0] >= WINDOW_S:
            oldest_s, oldest = self._steps.popleft()
            window.add(-oldest_s, -oldest)
        if window.lost(self._expected) > LOST * max(WINDOW_S, window.seconds):
            self._fall_back()
        elif self._settled_s >= self._wait_s:
            self._try_neighbour()
        elif window.seconds >= WINDOW_S:
            self._expected = min(self._expected, window.rate)

    def _fall_back(self) -> None:
        """Measures the smaller numbers, because steps take much longer than before."""
        if self._settled_s > STEADY_S:
            self._wait_s = FIRST_WAIT_S
        recent = Timing()
        while self._steps and recent.seconds < RECENT_S:
            recent.add(*self._steps.pop())
        self._begin([count for count in self._counts if count < self.threads], recent.rate)

    def _try_neighbour(self) -> None:
        """Measures the next larger or the next smaller number, in turn."""
        place = self._counts.index(self.threads)
        larger, smaller = self._counts[:place][-1:], self._counts[place + 1 :][:1]
        candidates = (larger or smaller) if self._goes_up else (smaller or larger)
        self._goes_up = not self._goes_up
        self._begin(candidates, self._window.rate)

    def _begin(self, candidates: list[int], rate: float) -> None:
        """Starts to measure these numbers; `rate` is that of the present one."""
        self._rates = {self.threads: rate}
        self._candidates, self._spent = candidates, Timing()
        self._try_next()

    def _try_next(self) -> None:
        if not self._candidates:
            self._settle()
            return
        self.threads = self._candidates[0]
        self._trial, self._to_skip = Timing(), 1

    def _settle(self) -> None:
        """Chooses the fastest number, or the previous one if that is about as fast."""
        fastest = min(self._rates, key=lambda count: self._rates[count])
        if self._rates[fastest] > GAIN * self._rates[self._preferred]:
            fastest = self._preferred
        lost = self._spent.lost(self._rates[fastest])
        longer = self._wait_s if fastest != self._preferred else 2 * self._wait_s
        self._wait_s = max(min(longer, LONGEST_WAIT_S), lost / COST)
        self.threads = self._preferred = fastest
        self._expected = self._rates[fastest]
        self._steps.clear()
        self._window, self._settled_s = Timing(), 0.0
