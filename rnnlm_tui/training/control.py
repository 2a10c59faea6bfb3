"""How a signal handler or another thread controls a training, from the moment it reads its text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rnnlm_tui.event_types import Event, Paused, Preparing, Resumed

LOOK_AGAIN_S = 0.05
"""How often a paused training checks whether to resume."""
REPORT_EVERY_S = 0.1


class Control:
    """Stop, pause and the seed line, which the training reads between two steps.

    While it is `preparing` its text, a signal ends that at once, since standard input may never
    end. A `detached` run continues after the process that started it has ended. If lines on
    standard input control it, it `has_controller`, and the end of these lines stops it; else a
    closed output does, and leaves it `unwatched`.

    Plain attributes, not an Event: a signal handler that sets an Event while the main thread holds
    its lock would deadlock.
    """

    def __init__(self, seed_line: str = "") -> None:
        self.seed_line = seed_line
        self.stopped = self.paused = self.preparing = False
        self.detached = self.unwatched = self.has_controller = False

    def stop(self) -> None:
        """Asks the training to save and end after the current step."""
        self.stopped = True
        self.paused = False

    def pause(self) -> None:
        """Asks the training to pause after the current step."""
        self.paused = not self.stopped

    def resume(self) -> None:
        """Ends a pause."""
        self.paused = False

    def wait_while_paused(self, now: Callable[[], float]) -> Iterator[Event]:
        """Waits while the training is paused. Yields an event before and after; `now` gives their
        times."""
        if not self.paused:
            return
        yield Paused(now(), "requested")
        while self.paused:
            time.sleep(LOOK_AGAIN_S)
        yield Resumed(now(), "stop requested" if self.stopped else "requested")

    def handle_command(self, line: str) -> bool:
        """Obeys a line of the control protocol; returns False for any other line."""
        word, _, rest = line.strip().partition(" ")
        if word in ("pause", "resume", "stop") and not rest:
            getattr(self, word)()
        elif word == "detach" and not rest:
            self.detached = True
        elif word == "sample" and rest.strip():
            self.seed_line = rest.strip()
        else:
            return False
        return True


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
        """Reports that `done` of `of` are done. Raises StoppedError if the run was
        stopped."""
        if self._control.stopped:
            raise StoppedError
        now = self._clock()
        if phase != self._phase:
            self._phase, self._phase_began = phase, now
        elif now < self._next:
            return
        self._next = now + REPORT_EVERY_S
        done = min(done, of)
        left = (now - self._phase_began) * (of / done - 1) if done else None
        self._show(Preparing(now - self._began, phase, done, of, left))
