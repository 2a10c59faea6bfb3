"""Chooses the number of threads while a training runs. No torch.

Threads wait for one another dozens of times per step. If another program takes a core from one of
them, all wait for it, and a step takes several times as long as with one thread less.
"""

from __future__ import annotations

from collections.abc import Generator

MEASURED_S = 0.4
"""Seconds for which each number of threads is measured, from the largest number down."""
WORSE = 1.3
"""Once a number of threads is this many times slower than the best, smaller ones are skipped."""
AGAIN_S = 20.0
"""Least seconds until the numbers are measured again."""
TRIALS_SHARE = 0.1
"""Largest share of the time that is spent on measuring them."""


def thread_counts(most: int) -> list[int]:
    """The numbers of threads to choose from: all, one less, then three quarters each time."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(most - 1 if len(counts) == 1 else counts[-1] * 3 // 4)
    return counts


def choose_threads(most: int) -> Generator[int, tuple[float, float], None]:
    """Yields the number of threads for each step, and is sent the seconds that the step took and
    the number of its predictions."""
    for _ in range(3):  # the first steps prepare memory and kernels
        yield most
    while True:
        trials_s = 0.0
        times = dict[int, float]()  # the seconds of a prediction with each number of threads
        for count in thread_counts(most):
            seconds, _ = yield count  # prepares its threads
            trials_s += seconds
            measured_s = measured = 0.0
            while measured_s < MEASURED_S:
                seconds, predictions = yield count
                measured_s += seconds
                measured += predictions
            trials_s += measured_s
            times[count] = measured_s / measured
            if times[count] > WORSE * min(times.values()):
                break
        best, used_s = min(times, key=times.__getitem__), 0.0
        while used_s < max(AGAIN_S, trials_s / TRIALS_SHARE):
            seconds, _ = yield best
            used_s += seconds
