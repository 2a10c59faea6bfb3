"""How long a training would take on this machine, estimated before it begins.

A step takes as long as its multiplications at the speed of one small product, measured here with
numpy, plus the overhead of its small operations. Within a factor of two on a quiet machine, for the
processor alone.
"""

from __future__ import annotations

import math
import os
import time

import numpy as np

TRIES = 12
SIDE = 64
"""Rows and columns of the product: so small that one thread computes it, on a busy machine too."""
FORWARD_AND_BACKWARD = 3
"""The products of a training step: of the outputs, and of the gradients of inputs and weights."""
OPTIMIZER = 90
"""Multiplications that take as long as Adam's update of one parameter, which waits for memory."""
THREADS_POWER = 0.8
"""n threads are n ** 0.8 times as fast as one: 1.74 times was measured for 2."""
CELL_STEP_S = 120e-6
"""The small operations of a recurrent layer's time step, forward and backward."""
STEP_S = 1e-3
"""The small operations of a step besides."""


def training_seconds(
    *, steps: int, multiplications: int, parameters: int, cell_steps: int, threads: int | None
) -> float:
    """The estimated seconds of a training, with all cores or with so many threads.

    For each of the optimizer's `steps` there are the multiplications of one forward pass, the
    parameters that are updated, and the time steps of all recurrent layers, one after the other.
    """
    cores = os.cpu_count() or 1
    gain: float = min(threads or cores, cores) ** THREADS_POWER
    speed = multiplications_per_second() * gain
    products = FORWARD_AND_BACKWARD * multiplications + OPTIMIZER * parameters
    return steps * (products / speed + CELL_STEP_S * cell_steps + STEP_S)


def multiplications_per_second() -> float:
    """The speed of one thread at a product of float32 matrices; takes about a millisecond."""
    left, right = (np.full((SIDE, SIDE), 0.01, np.float32) for _ in range(2))
    best = math.inf
    for _ in range(TRIES):  # the fastest counts, since other programs can only slow it down
        begin = time.perf_counter()
        np.matmul(left, right)
        best = min(best, time.perf_counter() - begin)
    return float(SIDE**3 / max(best, 1e-9))
