"""Chooses the number of threads while a training runs. Does not import torch.

Threads wait for one another dozens of times per step. If another program takes the core of one of
them, all wait for it. A step then takes several times as long as with one thread less.
"""

from __future__ import annotations

from collections.abc import Generator

MEASURED_S = 0.4
"""Seconds for which each number of threads is tried, from the largest number down."""
WORSE = 1.3
"""Once a number of threads is this many times slower than the best, smaller ones are not tried."""
AGAIN_S = 20.0
"""The least seconds until the numbers are tried again."""
TRIALS_SHARE = 0.1
"""The largest share of the time that is spent on trials."""
ThreadChoice = Generator[int, tuple[float, float], None]
"""Yields the number of threads for each step. After it, receives its seconds and the number of its
predictions."""


def thread_counts(most: int) -> list[int]:
    """Returns the numbers of threads to choose from: `most`, one less, and then each time three
    quarters of the number before."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(most - 1 if len(counts) == 1 else counts[-1] * 3 // 4)
    return counts


def choose_threads(most: int) -> ThreadChoice:
    """Yields the number of threads for each step, at most `most`."""
    for _ in range(3):  # the first steps prepare memory and kernels
        yield most
    while True:
        trials_s = 0.0
        times = dict[int, float]()  # seconds per prediction, by the number of threads
        for count in thread_counts(most):
            seconds, _ = yield count  # the first step starts the threads, and is not measured
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
        best = min(times, key=times.__getitem__)
        used_s = 0.0
        while used_s < max(AGAIN_S, trials_s / TRIALS_SHARE):
            seconds, _ = yield best
            used_s += seconds
