"""Stops a training by signals."""

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
def stopped_by_signals(control: Control) -> Iterator[list[int]]:
    """Stops a training at SIGINT, SIGTERM or SIGHUP. Yields the list of signals received so far.

    The first signal ends the training after its step. While the text is still read, it raises
    StoppedError instead, since standard input may never end. So does SIGURG, which `Control.obey`
    sends from another thread after an order to stop. A second signal ends the process at once; no
    file is left half written. A detached training continues at SIGHUP.
    """
    signals: list[int] = []

    def end_reading(number: int, frame: FrameType | None) -> None:
        if control.stopped and control.preparing:
            control.preparing = False  # raises it only once
            raise StoppedError

    def stop(number: int, frame: FrameType | None) -> None:
        if control.detached and number == getattr(signal, "SIGHUP", None):
            return
        if signals:
            os._exit(EXIT_INTERRUPTED)
        signals.append(number)
        control.stop()
        end_reading(number, frame)

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop}
    if sys.platform != "win32":
        handlers |= {signal.SIGHUP: stop, signal.SIGURG: end_reading}
    earlier = {number: signal.getsignal(number) for number in handlers}
    # A signal that is ignored stays so: nohup(1) starts programs with SIGHUP ignored.
    replaced = [number for number in handlers if earlier[number] != signal.SIG_IGN]
    for number in replaced:
        signal.signal(number, handlers[number])
    try:
        yield signals
    finally:
        for number in replaced:
            signal.signal(number, earlier[number])
