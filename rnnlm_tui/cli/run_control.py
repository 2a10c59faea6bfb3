"""Controls a running training by signals and by lines of standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rnnlm_tui.errors import EXIT_INTERRUPTED
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.training.control import Control, StoppedError


@contextmanager
def steered(control: Control, from_stdin: bool) -> Iterator[list[int]]:
    """Lets signals, and lines of standard input if `from_stdin`, drive `control`.

    Yields the list of signals received so far. A signal raises StoppedError while the text is read.
    A second one ends the process at once; no file is left half written.
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
    # An ignored signal stays ignored, as nohup(1) wants.
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
    """Obeys control lines until stdin ends, which means that the controlling process is gone."""
    # Unbuffered: Python aborts at exit if a thread is still waiting for a buffered stdin.
    with suppress(OSError), open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
        for raw in lines:
            line = raw.decode("utf-8", errors="replace").strip()
            if not control.handle_command(line):
                message = f"not a control line: {sanitize(line)}"
                with suppress(OSError):
                    print(message, file=sys.stderr, flush=True)
    if control.detached:
        control.resume()  # nobody is left to do it
    else:
        control.stop()
