"""Estimates how long a training takes on the CPU of this machine.

The time of a step is that of its multiplications at the speed of a small product, measured with
numpy, plus the overhead of small operations. Right within a factor of two on a quiet machine.
"""

from __future__ import annotations

import math
import os
import time
from typing import NamedTuple

import numpy as np

TRIES = 12
SIDE = 64
"""Rows and columns of the product, small enough to be computed by one thread."""
FORWARD_AND_BACKWARD = 3
"""Products of a training step: outputs, gradients of inputs, gradients of weights."""
OPTIMIZER = 90
"""Multiplications that take as long as Adam's memory-bound update of one parameter."""
THREADS_POWER = 0.8
"""n threads are n ** 0.8 times as fast as one; 1.74 was measured for 2."""
CELL_STEP_S = 120e-6
"""Overhead of a time step of a recurrent layer, forward and backward."""
STEP_S = 1e-3
"""Other overhead of a training step."""
REFERENCE = 46.6e9
"""Multiplications per second of the machine on which the following was measured."""
MEASURED_WORD_S, MEASURED_SCORE_S = 0.25e-3, 32e-9
"""Seconds to evaluate a word with its keys, and more for each word that a network or a base model
scores: 0.25 ms for n-grams, 1.2 ms for a mixture with 30,000 words of a base."""
FITTED_WORD_S, FITTED_SCORE_S = 0.04e-3, 17e-9
"""The same to fit mixture weights to a word: 0.04 ms and 0.55 ms."""


def training_seconds(
    *, steps: int, multiplications: int, parameters: int, cell_steps: int, threads: int | None
) -> float:
    """The estimated duration of a training of `steps` optimizer steps, in seconds.

    `multiplications` are those of one forward pass, `parameters` are updated in each step, and
    `cell_steps` are the sequential time steps of all recurrent layers. `threads` None means all
    cores.
    """
    cores = os.cpu_count() or 1
    gain: float = min(threads or cores, cores) ** THREADS_POWER
    speed = multiplications_per_second() * gain
    products = FORWARD_AND_BACKWARD * multiplications + OPTIMIZER * parameters
    return steps * (products / speed + CELL_STEP_S * cell_steps + STEP_S)


class RunSeconds(NamedTuple):
    """Estimated seconds of the parts of a run: before its steps, its steps, after each of its
    epochs, and after the last one."""

    start: float
    steps: float
    each_epoch: float
    end: float

    def total(self, epochs: int) -> float:
        """The seconds of the whole run."""
        return self.start + self.steps + epochs * self.each_epoch + self.end


def measuring_seconds(words: float, scores: int) -> float:
    """The estimated duration of evaluating so many words, for each of which networks and a base
    model score so many words of their vocabularies."""
    return words * (MEASURED_WORD_S + MEASURED_SCORE_S * scores) * _slowness()


def fitting_seconds(words: float, scores: int) -> float:
    """The same for fitting the weights of a mixture to so many words."""
    return words * (FITTED_WORD_S + FITTED_SCORE_S * scores) * _slowness()


def _slowness() -> float:
    return REFERENCE / multiplications_per_second()


def multiplications_per_second() -> float:
    """Multiplications per second of one thread in a float32 matrix product. Takes about 1 ms."""
    left, right = (np.full((SIDE, SIDE), 0.01, np.float32) for _ in range(2))
    best = math.inf
    for _ in range(TRIES):  # other programs can only slow it down
        begin = time.perf_counter()
        np.matmul(left, right)
        best = min(best, time.perf_counter() - begin)
    return float(SIDE**3 / max(best, 1e-9))
