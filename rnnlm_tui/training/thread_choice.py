"""Chooses the number of threads while a training runs. No torch.

Threads wait for one another dozens of times per step. If another program takes a core from one of
them, all wait for it, and a step takes several times as long as with one thread less.
"""

from __future__ import annotations

from collections.abc import Generator

MEASURED_S, WORSE = 0.4, 1.3
"""Seconds for which each number of threads is measured, from the largest down, and how many times
slower than the best one a number is after which no smaller one is measured."""
AGAIN_S, TRIALS = 20.0, 0.1
"""They are measured again after so many seconds, or so that it takes this share of the time."""


def thread_counts(most: int) -> list[int]:
    """The numbers of threads to choose from: one less, then three quarters each time."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(most - 1 if len(counts) == 1 else counts[-1] * 3 // 4)
    return counts


def choose_threads(most: int) -> Generator[int, tuple[float, float], None]:
    """Yields the threads of each step, and is sent its seconds and number of predictions."""
    for _ in range(3):  # the first steps prepare memory and kernels
        yield most
    while True:
        tried_s, times = 0.0, dict[int, float]()
        for count in thread_counts(most):
            seconds, _ = yield count  # prepares its threads
            measured_s, measured = 0.0, 0.0
            while measured_s < MEASURED_S:
                last_s, predictions = yield count
                measured_s, measured = measured_s + last_s, measured + predictions
            tried_s, times[count] = tried_s + seconds + measured_s, measured_s / measured
            if times[count] > WORSE * min(times.values()):
                break
        best, waited_s = min(times, key=times.__getitem__), 0.0
        while waited_s < max(AGAIN_S, tried_s / TRIALS):
            waited_s += (yield best)[0]
