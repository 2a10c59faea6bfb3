"""What the outside may ask of a running training, from a signal handler or another thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from rnnlm_tui.events import Event, Paused, Resumed

LOOK_AGAIN_S = 0.05
"""A paused training looks whether it may go on this often."""


class Control:
    """Stop, pause and the seed line. The training looks at it between two steps.

    Plain attributes, not an Event: a signal handler that sets an Event while the main thread is
    just taking the Event's lock would wait for ever.
    """

    def __init__(self, seed_line: str = "") -> None:
        self.seed_line = seed_line
        self.stopped = False
        self.paused = False
        self.detached = False
        """True once the run is to go on after whoever started it is gone."""
        self.unwatched = False
        """True once the run was stopped since nobody can read any more what it says."""
        self.has_controller = False
        """True where lines of standard input steer the run: then their end decides what becomes of
        it, and not that nobody reads its output."""

    def stop(self) -> None:
        """Asks the training to save and end after the current step."""
        self.stopped = True
        self.paused = False

    def pause(self) -> None:
        """Asks the training to wait after the current step."""
        self.paused = not self.stopped

    def resume(self) -> None:
        """Lets a paused training go on."""
        self.paused = False

    def wait(self) -> None:
        """Returns once the training is not paused, or is to stop."""
        while self.paused:
            time.sleep(LOOK_AGAIN_S)

    def wait_while_paused(self, now: Callable[[], float]) -> Generator[Event, None, float]:
        """Waits where the training is paused, and tells of it; `now` gives the events' times.
        Returns the seconds of the pause."""
        if not self.paused:
            return 0.0
        began = now()
        yield Paused(began, "asked to")
        self.wait()
        ended = now()
        yield Resumed(ended, "asked to stop" if self.stopped else "asked to")
        return ended - began

    def obey(self, line: str) -> bool:
        """Does what a line of the control protocol says; False for a line that is none of it."""
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
