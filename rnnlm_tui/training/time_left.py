"""Estimates the time left of a run while it trains. Before that, `estimate` does."""

from __future__ import annotations

import math

MEMORY_S = 2.5
"""The time constant of the exponential average of the speed, in which the weight of a step falls to
1/e. Ten seconds after steps become ten times slower, the estimate is within a factor of 1.2."""


class TimeLeft:
    """Estimates the time left of a run from the seconds that its steps and ends of epochs take."""

    def __init__(self, seconds_per_step: float, seconds_per_end: float, at_the_end: float) -> None:
        """The estimates before any step and any end of an epoch was measured, and that of the
        seconds after the last epoch."""
        self._seconds_per_step, self._seconds_per_end = seconds_per_step, seconds_per_end
        self._at_the_end = at_the_end
        self._seconds = self._steps = 0.0

    def add_steps(self, seconds: float, steps: int) -> None:
        """Adds the time that some steps took."""
        if steps:
            decay = math.exp(-seconds / MEMORY_S)
            self._seconds = self._seconds * decay + seconds
            self._steps = self._steps * decay + steps
            self._seconds_per_step = self._seconds / self._steps

    def set_end(self, seconds: float) -> None:
        """Sets the time that the end of an epoch takes: evaluation, sample and save."""
        self._seconds_per_end = seconds

    def seconds(self, steps: int, epochs: int) -> float:
        """Estimated seconds for these numbers of steps and ends of epochs, and for the end."""
        of_epochs = steps * self._seconds_per_step + epochs * self._seconds_per_end
        return of_epochs + self._at_the_end
