"""Orders to a training: from a signal handler, and from any program that appends lines to a file in
the folder of the run. They are obeyed from the moment the training reads its text.

    pause, resume    after the current step
    stop             saves and ends
    sample TEXT      is the line to continue after each epoch
    owner PID        stops it when the process of this number is gone, however that has ended
    detach           lets it continue without its owner, and when its terminal is closed
    compare NAME     names the model to compare the new one with, by default the one in use
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
"""Seconds between two checks of a paused training whether to resume."""
OBEY_EVERY_S = 0.2
"""Seconds between two looks at the file of orders. A look takes 30 microseconds."""
REPORT_EVERY_S = 0.1
"""Least seconds between two events of progress."""
LONGEST_SEED = 2_000
"""Most characters of a line to continue, of which the last ones count. A million take 16 s."""


class Control:
    """Stop, pause and the seed line, which the training reads between two steps.

    While it is `preparing` its text, a stop ends it at once, because standard input may never end.
    A `detached` run continues after the process that started it has ended. Any other run stops when
    its output is closed: it is `unwatched`.

    Plain attributes, not an Event: a signal handler that sets an Event while the main thread holds
    its lock would deadlock.
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
        """Obeys the new orders, and stops the training if its owner is gone, unless it is detached.

        It looks for the owner first: the last order of an owner may be to detach.
        """
        if self._owner is not None and not self.detached and not is_alive(self._owner):
            self._has_lost_owner = True
        while lines := orders.read():
            for line in lines:
                self.obey_order(line.decode("utf-8", "replace"))
        if self._has_lost_owner and not self.detached:
            self.stop()
        if self.stopped and self.preparing and sys.platform != "win32":
            # The command line's handler ends the reading. Without a handler the signal is ignored.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


def is_alive(process: psutil.Process) -> bool:
    """True for a process that runs. A zombie does not: in a container, where nobody waits for it, a
    process that has ended stays in the list of processes."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@contextmanager
def obeyed(control: Control, path: Path) -> Iterator[None]:
    """Obeys the orders that are appended to a file, and removes it at the end.

    Orders to an earlier training are removed first, unless the training has an owner: the program
    that started it and that OWNER_PID names. It has removed them itself, so that none of its own
    early orders is lost.
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
        """Reports that `done` of `of` are done. Raises StoppedError if the run was stopped."""
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
