"""Stops a running training by signals."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rnnlm_tui.errors import EXIT_INTERRUPTED
from rnnlm_tui.training.control import Control, StoppedError


@contextmanager
def steered(control: Control) -> Iterator[list[int]]:
    """Lets signals stop a training. Yields the list of signals received so far.

    While the text is read, a signal raises StoppedError; an order to stop does so by SIGURG. A
    second signal ends the process at once; no file is left half written.
    """
    signalled: list[int] = []

    def end_reading(number: int, frame: FrameType | None) -> None:
        if control.stopped and control.preparing:
            control.preparing = False  # raises it only once
            raise StoppedError

    def stop(number: int, frame: FrameType | None) -> None:
        if control.detached and number == getattr(signal, "SIGHUP", None):
            return
        if signalled:
            os._exit(EXIT_INTERRUPTED)
        signalled.append(number)
        control.stop()
        end_reading(number, frame)

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop}
    if sys.platform != "win32":
        handlers |= {signal.SIGHUP: stop, signal.SIGURG: end_reading}
    # An ignored signal stays ignored, as nohup(1) wants.
    before = {n: signal.getsignal(n) for n in handlers if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handlers[number])
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
