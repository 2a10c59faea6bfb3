"""Processes that work something out and end, and waiting for them off the event loop."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Answer = TypeVar("Answer")


def start_unheard(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """A process of which only the end is of interest. Raises OSError, and ValueError for a NUL in
    the command."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # ctrl+c in the app's terminal is not meant for it
        env=environment,
    )


async def ended(process: subprocess.Popen[bytes], wait: Callable[[], Answer]) -> Answer:
    """What `wait`, such as `process.communicate`, returns when the process is gone. Whoever is
    cancelled here kills the process.

    A thread waits, since asyncio's own subprocesses stay unreaped where the app ends before the
    cancelled one has had its turn. It is shielded: where all threads are busy it has not begun, and
    would else be given up together with the process and its pipes.
    """
    waiting = asyncio.get_running_loop().run_in_executor(None, wait)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # which ends the thread too
        raise
