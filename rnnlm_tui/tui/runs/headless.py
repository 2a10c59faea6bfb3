"""Runs this program's command line as a short-lived child process of the app."""

from __future__ import annotations

import asyncio
import os
import subprocess

from rnnlm_tui import paths
from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.paths import APP_NAME


async def run_headless(arguments: tuple[str, ...], text: str = "") -> bytes:
    """Runs this program with `text` as its standard input; returns its standard output.

    Cancelling this coroutine kills the process. A thread waits for it, since asyncio leaves a
    cancelled subprocess unreaped if the app ends soon after. The wait is shielded: cancelling it
    while it is queued for a thread would drop it, and nothing would reap the process.

    Raises RnnlmError with the message and the hint that the process printed.
    """
    try:
        process = subprocess.Popen(
            [*paths.headless_command(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # protects it from ctrl+c in the app's terminal
            env={**os.environ, "PYTHONUTF8": "1"},
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path
        raise RnnlmError(f"{APP_NAME} could not be started", str(error)) from error
    loop, raw = asyncio.get_running_loop(), text.encode("utf-8", "replace")
    waiting = loop.run_in_executor(None, process.communicate, raw)
    try:
        answer, complaint = await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # this ends the thread too
        raise
    if process.returncode != 0:
        said = complaint.decode("utf-8", "replace").strip()
        last = said.rpartition("\n")[2].strip()
        raise parse_error(said) or RnnlmError(f"{APP_NAME} failed", last)
    return answer


def parse_error(stderr: str) -> RnnlmError | None:
    """Returns the error at the end of the command line's standard error: a message, and below it an
    indented hint. None if there is no error."""
    hint: list[str] = []
    for line in reversed(stderr.splitlines()):
        if line.startswith(f"{APP_NAME}: "):
            return CorpusError(line.removeprefix(f"{APP_NAME}: "), " ".join(reversed(hint)))
        if line and not line.startswith("  "):
            return None  # the last output is something else
        hint.append(line.strip())
    return None
