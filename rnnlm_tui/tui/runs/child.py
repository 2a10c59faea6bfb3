"""The command line as child processes of the app: trainings, and commands that end soon.

A training gets control lines on its standard input. When that is closed, because the app has ended
for whatever reason, it saves and ends. It is a `Popen`, because asyncio kills its subprocesses when
the event loop is closed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlm_tui import paths
from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import RnnlmError, os_reason
from rnnlm_tui.event_types import Failed, from_json_line
from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.store.library import Library
from rnnlm_tui.threads import users_environment

MAX_SEED_LINE = 1000
"""Characters of a seed line: a write of up to 4096 bytes to a pipe is atomic."""
TAIL_BYTES = 1 << 16
"""How much of the log is read after the end of a run."""


@dataclass(frozen=True, slots=True)
class TrainArguments:
    """The command line's arguments after `--train`, including `--name`.

    The seed line is sent to standard input instead, because all users can read arguments.
    """

    arguments: tuple[str, ...]
    name: str
    seed_line: str = ""

    @classmethod
    def resuming(cls, name: str) -> TrainArguments:
        """Resumes the saved run `name`."""
        return cls(("--resume", "--name", name), name)

    @classmethod
    def updating(cls, name: str, added: tuple[str, ...]) -> TrainArguments:
        """Trains the model `name` on the current content of its files and of those `added`."""
        return cls(("--update", name, *(f"--add={path}" for path in added)), name)

    @classmethod
    def extending(cls, name: str, epochs: int) -> TrainArguments:
        """Trains the model `name` for so many further epochs on its text."""
        return cls(("--update", name, "--epochs", str(epochs)), name)


class ChildProcess:
    """The process of a training, its control lines and its log."""

    def __init__(self, request: TrainArguments, library: Library) -> None:
        """Starts the process. Raises RnnlmError if it cannot be started."""
        command = (
            *paths.headless_command(),
            *("--train", *request.arguments, f"--data-dir={library.data_dir}"),
            *("--json", "--quiet", "--control", "stdin"),
        )
        self._log = paths.log_dir() / f"train-{request.name}.log"
        self._events = self._log.with_suffix(".jsonl")
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._events.open("wb") as events, self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=events,
                    stderr=log,
                    env={"PYTHONFAULTHANDLER": "1", **users_environment()},
                    **_detached_from_terminal(),
                )
        except (OSError, ValueError) as error:  # ValueError: an argument with a null character
            why = os_reason(error) if isinstance(error, OSError) else str(error)
            raise RnnlmError(
                f"could not start the training, {command[0]}: {why}",
                f"check that {APP_NAME} and its Python are still installed",
            ) from error
        assert self._process.stdin is not None
        self._input = self._process.stdin
        if sys.platform != "win32":
            os.set_blocking(self._input.fileno(), False)
        if request.seed_line:
            self.send(f"sample {request.seed_line[:MAX_SEED_LINE]}")

    def send(self, order: str) -> bool:
        """Sends a control line. Returns False if the process has ended or does not read."""
        raw = f"{order}\n".encode(errors="replace")
        with suppress(OSError, ValueError):  # ValueError: closed
            return self._input.write(raw) == len(raw)
        return False

    def close_input(self) -> None:
        """Closes the process's input, on which a training saves and ends unless it is detached."""
        with suppress(OSError):
            self._input.close()

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    def end(self) -> RnnlmError:
        """The error with which the process has ended: the one that it reported, or how it ended
        with the last line of its log."""
        if (error := reported_error(_tail(self._events))) is not None:
            return error
        code = self._process.returncode
        how = f"ended with exit code {code} and no message"
        if code < 0:
            cause = "by hand or for lack of memory" if code == -9 else "it crashed"
            how = f"was killed by signal {-code}, {cause}"
        log = _tail(self._log).decode("utf-8", "replace").rstrip()
        hint = shorten(sanitize(log.rpartition("\n")[2].expandtabs()), 200)
        return RnnlmError(f"the training process {how}", hint)


def _tail(path: Path) -> bytes:
    """The end of a file; nothing if it cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        return file.read()
    return b""


def _detached_from_terminal() -> dict[str, Any]:
    """Returns `Popen` options that protect the child from ctrl+c and the end of the terminal."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"start_new_session": True}


async def run_headless(arguments: tuple[str, ...]) -> bytes:
    """Runs this program; returns its standard output.

    Cancelling this coroutine kills the process. A thread waits for it, since asyncio leaves a
    cancelled subprocess unreaped if the app ends soon after. The wait is shielded: cancelling it
    while it is queued for a thread would drop it, and nothing would reap the process.

    Raises RnnlmError with the message, the hint and the field that the process reported.
    """
    try:
        process = subprocess.Popen(
            [*paths.headless_command(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # protects it from ctrl+c in the app's terminal
            env={**users_environment(), "PYTHONUTF8": "1"},
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path
        raise RnnlmError(f"{APP_NAME} could not be started", str(error)) from error
    waiting = asyncio.get_running_loop().run_in_executor(None, process.communicate)
    try:
        answer, complaint = await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # this ends the thread too
        raise
    if process.returncode != 0:
        said = complaint.decode("utf-8", "replace").strip()
        last = said.rpartition("\n")[2].strip()
        raise reported_error(answer) or RnnlmError(f"{APP_NAME} failed", last)
    return answer


def reported_error(output: bytes) -> RnnlmError | None:
    """Returns the error that the command line has reported at the end of its output in JSON."""
    last = output.rstrip().rpartition(b"\n")[2]
    with suppress(ValueError):
        if isinstance(event := from_json_line(last), Failed):
            return RnnlmError(event.message, event.hint, field=event.field)
    return None
