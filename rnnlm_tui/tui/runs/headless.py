"""This program as a child process of the app, for a question or a job that is soon done."""

from __future__ import annotations

import asyncio
import os
import subprocess

from rnnlm_tui import paths
from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.paths import APP_NAME


async def run_headless(arguments: tuple[str, ...], text: str = "") -> bytes:
    """Runs this program with `text` as its standard input; returns its standard output.

    Cancelling this coroutine kills the process. A thread waits, since asyncio's own subprocesses
    stay unreaped if the app ends before the cancelled one has had its turn. The wait is shielded:
    if it is still queued for a thread, cancelling would drop it and nobody would reap the process.

    Raises the RnnlmError that the process complained of: its sentence and its hint.
    """
    try:
        process = subprocess.Popen(
            [*paths.headless_command(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl+c in the app's terminal is not meant for it
            env={**os.environ, "PYTHONUTF8": "1"},
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path
        raise RnnlmError(f"{APP_NAME} could not be started", str(error)) from error
    loop, raw = asyncio.get_running_loop(), text.encode("utf-8", "replace")
    waiting = loop.run_in_executor(None, process.communicate, raw)
    try:
        answer, complaint = await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # which ends the thread too
        raise
    if process.returncode != 0:
        said = complaint.decode("utf-8", "replace").strip()
        last = said.rpartition("\n")[2].strip()
        raise complaint_in(said) or RnnlmError(f"{APP_NAME} has failed", last)
    return answer


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
