"""How long a training would take on this machine, told without PyTorch and before it begins.

The parts of a training step are timed with numpy, which takes less than 0.1 s and 20 MB, and
multiplied by the number of steps. It is an estimate within a factor of two, for the processor
alone and without what is measured on held-out lines. Measured on 2 cores, in milliseconds a step:

    words  batch  threads  real  estimated
     3210     32        2    16         16
     3210     32        1    26         23
     3210    128        2    40         45
     3210      4        2    13          7
      500     32        2   6.5        4.5
       13     32        2   3.1        3.4
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnlm_tui.config import LessonConfig, RunConfig
from rnnlm_tui.lm.lesson import lesson_shapes

TRIES, BUDGET_S = 12, 0.05
"""What is timed is done again, at most this often and this long; the fastest time counts, since
another program can only slow it down."""
ONE_THREAD = 1 << 18
"""A product of at most so many multiplications is made by one thread. Larger ones are shared, and
on a busy machine the threads wait for each other: then they took up to 100 times as long."""
GAIN = 0.8
"""n threads are n ** 0.8 times as fast as one at the products: 1.74 times were measured for 2."""
LARGEST_ROWS, LARGEST_MATRIX = 64, 1_000_000
LARGEST_PASS = 1_000_000
LARGEST_CELL = 64
"""The most that is timed; the time of more grows with its size."""
DISPATCH = 40
"""The small operations of a time step in PyTorch, forward and backward with its record of both,
take this many times as long as numpy's few on a single number: 0.2 ms where those take 5 us."""
WHOLE_STEP = 1.2
"""A whole step against the parts that are timed: its arrays do not fit into a cache, and it has
smaller parts."""


@dataclass(frozen=True, slots=True)
class Step:
    """What takes the time of a training step: the product of its largest layer, [rows, inputs] by
    [inputs, outputs], the pass of the optimizer over all parameters, and `time_steps` of each
    recurrent layer, given as [rows, units]."""

    rows: int
    inputs: int
    outputs: int
    parameters: int
    time_steps: int
    cells: tuple[tuple[int, int], ...]


def lesson_training_seconds(
    config: RunConfig, total_words: int, window: int, examples: int
) -> float:
    """The seconds that all epochs of the lesson's network take here, estimated."""
    sizes, recipe = config.model, config.network_train
    assert isinstance(sizes, LessonConfig)
    batch = min(recipe.batch_size, examples)
    shapes = lesson_shapes(sizes, total_words)
    inputs, outputs = shapes["output.kernel"]
    step = Step(
        rows=batch,
        inputs=inputs,
        outputs=outputs,
        parameters=sum(map(math.prod, shapes.values())),
        time_steps=window,
        cells=((2 * batch, sizes.bidirectional_size), (batch, sizes.recurrent_size)),
    )
    steps = recipe.epochs * math.ceil(examples / recipe.batch_size)
    return steps * step_seconds(step, recipe.threads)


def step_seconds(step: Step, threads: int | None = None) -> float:
    """The seconds of one training step on this machine, with all cores or with so many threads."""
    cores = os.cpu_count() or 1
    shared: float = min(threads or cores, cores) ** GAIN
    recurrent = sum(_cell_seconds(*cell) for cell in step.cells) + DISPATCH * _cell_seconds(1, 1)
    return WHOLE_STEP * (
        _product_seconds(step.rows, step.inputs, step.outputs) / shared
        + _optimizer_seconds(step.parameters)
        + step.time_steps * recurrent
    )


def _product_seconds(rows: int, inputs: int, outputs: int) -> float:
    """A layer's product and the two of its gradients, by one thread, as products of tiles."""
    b = min(rows, LARGEST_ROWS)
    h = min(inputs, math.isqrt(ONE_THREAD // b))
    v = min(outputs, ONE_THREAD // (b * h))
    tiles = max(1, LARGEST_MATRIX // max(b * h, h * v, b * v))
    x, kernel = np.full((b, h), 0.01, np.float32), np.full((tiles, h, v), 0.01, np.float32)
    scores = np.full((tiles, b, v), 0.01, np.float32)
    x_gradient, gradient = np.empty((tiles, b, h), np.float32), np.empty_like(kernel)

    def products() -> None:
        np.matmul(x, kernel, out=scores)  # [B, H] [H, V] -> [B, V]
        np.matmul(scores, kernel.swapaxes(1, 2), out=x_gradient)  # -> [B, H]
        np.matmul(x.T, scores, out=gradient)  # -> [H, V]

    return _fastest(products) * (rows / b) * (inputs / h) * (outputs / v) / tiles


def _optimizer_seconds(parameters: int) -> float:
    """Adam's pass over the weights, the gradients and the two means."""
    count = min(parameters, LARGEST_PASS)
    weights, gradients, mean, square = (np.full(count, 0.01, np.float32) for _ in range(4))

    def update() -> None:
        np.multiply(mean, 0.9, out=mean)
        np.add(mean, gradients, out=mean)
        np.multiply(square, 0.999, out=square)
        np.add(square, gradients, out=square)
        np.add(weights, mean, out=weights)

    return _fastest(update) * parameters / count


def _cell_seconds(rows: int, units: int) -> float:
    """A recurrent layer's time step, forward and backward."""
    b, h = min(rows, LARGEST_CELL), min(units, LARGEST_CELL)
    state, kernel = np.full((b, h), 0.01, np.float32), np.full((h, h), 0.01, np.float32)

    def both_ways() -> None:
        after = np.tanh(state + state @ kernel)  # [B, H]
        gradient = (1 - after * after) * state
        _ = gradient @ kernel.T, after.T @ gradient

    return _fastest(both_ways) * (rows / b) * (units / h) ** 2


def _fastest(work: Callable[[], None]) -> float:
    """The least seconds that `work` takes, once it has run to warm up."""
    begin = time.perf_counter()
    work()
    best = math.inf
    for _ in range(TRIES):
        before = time.perf_counter()
        work()
        after = time.perf_counter()
        best = min(best, after - before)
        if after - begin > BUDGET_S:
            break
    return best
