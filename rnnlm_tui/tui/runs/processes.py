"""Child processes of the app that are not trainings: their end, and what they complain of."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.paths import APP_NAME

Answer = TypeVar("Answer")


def start_unheard(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts a process of which only the exit code matters.

    Raises OSError, and ValueError for a NUL in the command.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # ctrl+c in the app's terminal is not meant for it
        env=environment,
    )


async def ended(process: subprocess.Popen[bytes], wait: Callable[[], Answer]) -> Answer:
    """Returns what `wait`, such as `process.communicate`, returns when the process is gone.

    Cancelling this coroutine kills the process. A thread waits, since asyncio's own subprocesses
    stay unreaped if the app ends before the cancelled one has had its turn. It is shielded: while
    all threads are busy it has not begun, and would be given up together with the process.
    """
    waiting = asyncio.get_running_loop().run_in_executor(None, wait)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # which ends the thread too
        raise


def complaint_in(stderr: str) -> RnnlmError | None:
    """The error that the command line wrote last: its sentence, and the indented hint below it."""
    hint: list[str] = []
    for line in reversed(stderr.splitlines()):
        if line.startswith(f"{APP_NAME}: "):
            return CorpusError(line.removeprefix(f"{APP_NAME}: "), " ".join(reversed(hint)))
        if line and not line.startswith("  "):
            return None  # something else came after it
        hint.append(line.strip())
    return None
