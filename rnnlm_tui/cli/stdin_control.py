"""What steers a running training from outside: signals, and lines of standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rnnlm_tui.cli.preparation import StoppedError
from rnnlm_tui.errors import EXIT_INTERRUPTED
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.training.control import Control


@contextmanager
def steered(control: Control, from_stdin: bool) -> Iterator[list[int]]:
    """Lets signals, and lines of standard input if asked to, steer `control`.

    Yields the list of the signals that have come. One that comes while the text is read raises
    StoppedError. A second one ends the process at once, which every file survives, being whole or
    not there.
    """
    signalled: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if control.detached and number == getattr(signal, "SIGHUP", None):
            return
        if signalled:
            os._exit(EXIT_INTERRUPTED)
        signalled.append(number)
        control.stop()
        if control.preparing:
            raise StoppedError

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    # A signal that is ignored, as nohup(1) has it, stays ignored.
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    control.has_controller = from_stdin
    if from_stdin:
        threading.Thread(target=_obey_stdin, args=(control,), daemon=True).start()
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obey_stdin(control: Control) -> None:
    """Reads control lines until the input ends: then the process that started the run is gone."""
    # Unbuffered: Python aborts at its exit if a thread still waits for a buffered stdin.
    with suppress(OSError), open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
        for raw in lines:
            line = raw.decode("utf-8", errors="replace").strip()
            if not control.obey(line):
                message = f"not a control line: {sanitize(line)}"
                with suppress(OSError):
                    print(message, file=sys.stderr, flush=True)
    if control.detached:
        control.resume()  # nobody else can any more
    else:
        control.stop()
