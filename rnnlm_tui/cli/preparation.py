"""Progress reports while a large text is prepared, and stopping there."""

from __future__ import annotations

import time
from collections.abc import Callable

from rnnlm_tui.events import Preparing
from rnnlm_tui.training.control import Control

REPORT_EVERY_S = 0.1


class StoppedError(Exception):
    """The run was stopped before its training began."""


class PreparationReport:
    """Turns the progress of the passes over a text into events, at most ten a second."""

    def __init__(
        self,
        control: Control,
        show: Callable[[Preparing], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control, self._show, self._clock = control, show, clock
        self._began = self._phase_began = clock()
        self._phase, self._next = "", 0.0

    def __call__(self, phase: str, done: int, of: int) -> None:
        """Reports that `done` of `of` bytes are done. Raises StoppedError if the run was
        stopped."""
        if self._control.stopped:
            raise StoppedError
        now = self._clock()
        if phase != self._phase:
            self._phase, self._phase_began = phase, now
        elif now < self._next:
            return
        self._next = now + REPORT_EVERY_S
        share = min(1.0, done / max(1, of))
        left = (now - self._phase_began) * (1 - share) / share if share else float("nan")
        self._show(Preparing(now - self._began, phase, min(done, of), of, left))
