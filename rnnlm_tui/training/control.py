"""What the outside may ask of a running training, from a signal handler or another thread."""

from __future__ import annotations

import threading


class Control:
    """Stop, pause and the seed line. The training looks at it between two steps."""

    def __init__(self, seed_line: str = "") -> None:
        self.seed_line = seed_line
        self.detached = False
        """True once the run is to go on after whoever started it is gone."""
        self._stop = threading.Event()
        self._running = threading.Event()
        self._running.set()

    def stop(self) -> None:
        """Asks the training to save and end after the current step."""
        self._stop.set()
        self._running.set()

    def pause(self) -> None:
        """Asks the training to wait after the current step."""
        if not self.stopped:
            self._running.clear()

    def resume(self) -> None:
        """Lets a paused training go on."""
        self._running.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    def wait(self) -> None:
        """Returns once the training is not paused, or is to stop."""
        self._running.wait()

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
