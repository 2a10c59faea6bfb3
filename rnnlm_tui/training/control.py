"""Orders to a training. They come from a signal handler, and from any program that appends lines to
the `control` file in the folder of the run. They are obeyed as soon as the training reads its text.

    pause, resume    pause after the current step, and go on
    stop             save and end after the current step
    sample TEXT      continue this line after each epoch
    owner PID        stop when the process with this number is gone, for whatever reason
    detach           go on without the owner, and when the terminal is closed
    compare NAME     compare the new model with this one at the end, not with the one in use
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from rnnlm_tui.events import Event, Paused, Preparing, Resumed
from rnnlm_tui.store.appended import OWNER_PID, AppendedLines
from rnnlm_tui.store.names import is_name

LOOK_AGAIN_S = 0.05
"""Seconds after which a paused training checks again if it goes on."""
OBEY_EVERY_S = 0.2
"""Seconds after which the file of orders is read again. That takes 30 microseconds."""
REPORT_EVERY_S = 0.1
"""The least seconds between two events of progress."""
LONGEST_SEED = 2_000
"""The most characters of a line to continue. Of a longer line the last ones are kept, since a
million characters take 16 s."""


class Control:
    """The orders to a training, which reads them between two steps.

    A training that is `preparing` its text is stopped at once, because standard input may never
    end. Unless it is `detached`, a training also stops when its owner ends, and when its output is
    closed. In the latter case it is `unwatched`.

    The attributes are plain values. A signal handler that sets a `threading.Event` while the main
    thread holds the lock of the event would deadlock.
    """

    def __init__(self, seed_line: str = "") -> None:
        self.seed_line = seed_line
        self.stopped = self.paused = self.preparing = False
        self.detached = self.unwatched = False
        self.compare_with: str | None = None
        self._owner: psutil.Process | None = None
        self._has_lost_owner = False

    def stop(self) -> None:
        """Asks the training to save and end after the current step."""
        self.stopped = True

    def wait_while_paused(self, now: Callable[[], float]) -> Iterator[Event]:
        """Waits while the training is paused. Yields an event before and after; `now` gives their
        times. A stop ends it."""
        if not self.paused or self.stopped:
            return
        yield Paused(now(), "requested")
        while self.paused and not self.stopped:
            time.sleep(LOOK_AGAIN_S)
        yield Resumed(now(), "stop requested" if self.stopped else "requested")

    def obey_order(self, line: str) -> None:
        """Obeys an order; ignores any other line."""
        match line.strip().split(maxsplit=1):
            case ["pause"]:
                self.paused = True
            case ["resume"]:
                self.paused = False
            case ["stop"]:
                self.stop()
            case ["detach"]:
                self.detached = True
            case ["sample", text]:
                self.seed_line = text[-LONGEST_SEED:]
            case ["compare", name] if is_name(name):
                self.compare_with = name
            case ["owner", pid] if pid.isdecimal():
                try:
                    self._owner = psutil.Process(int(pid))
                except psutil.NoSuchProcess:
                    self._has_lost_owner = True
                except ValueError:  # int() refuses more than 4,300 digits
                    pass

    def obey(self, orders: AppendedLines) -> None:
        """Obeys the new orders. Stops a training whose owner is gone, unless it is detached."""
        # An owner may order `detach` and end at once. Its orders are read before that has effect.
        if self._owner is not None and not self.detached and not is_alive(self._owner):
            self._has_lost_owner = True
        while lines := orders.read():
            for line in lines:
                self.obey_order(line.decode("utf-8", "replace"))
        if self._has_lost_owner and not self.detached:
            self.stop()
        if self.stopped and self.preparing and sys.platform != "win32":
            # The handler of the command line then raises StoppedError. Without one, as in Python,
            # the signal is ignored.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


def is_alive(process: psutil.Process) -> bool:
    """Returns True for a process that runs. A zombie has ended: in a container without an init
    process, nothing removes it from the list of processes."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@contextmanager
def obeyed(control: Control, path: Path) -> Iterator[None]:
    """Obeys the orders that are appended to a file, and removes the file at the end.

    At the start it removes the file that an earlier training has left. If OWNER_PID names an owner,
    the owner has removed that file before the start, and a file that is there has new orders.
    """
    if owner := os.environ.get(OWNER_PID):
        control.obey_order(f"owner {owner}")
    else:
        _remove(path)
    ended = threading.Event()

    def obey() -> None:
        orders = AppendedLines(path)
        while not ended.wait(OBEY_EVERY_S):
            control.obey(orders)

    thread = threading.Thread(target=obey, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # on Windows somebody may be writing to it
        path.unlink(missing_ok=True)


class StoppedError(Exception):
    """The training was stopped while it read its text."""


class PreparationReport:
    """Reports the phases in which a text is prepared as events, at most ten a second."""

    def __init__(
        self,
        control: Control,
        show: Callable[[Preparing], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control, self._show, self._clock = control, show, clock
        self._began = self._phase_began = clock()
        self._phase = ""
        self._next_report = 0.0

    def __call__(self, phase: str, done: int, of: int) -> None:
        """Reports that `done` of `of` units of a phase are done. Raises StoppedError if the
        training was stopped."""
        if self._control.stopped:
            raise StoppedError
        now = self._clock()
        if phase != self._phase:
            self._phase, self._phase_began = phase, now
        elif now < self._next_report:
            return
        self._next_report = now + REPORT_EVERY_S
        done = min(done, of)
        left = (now - self._phase_began) * (of / done - 1) if done else None
        self._show(Preparing(now - self._began, phase, done, of, left))
