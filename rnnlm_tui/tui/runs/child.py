"""Runs the command line in child processes: trainings, and short commands such as `--summary`.

A training is not a subprocess of asyncio, which kills its subprocesses when its loop is closed. A
training that is not detached saves its model and ends when the app is gone, for whatever reason.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rnnlm_tui import paths
from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import RnnlmError, os_reason
from rnnlm_tui.events import Event, Failed, Finished, failed, from_json_line
from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.store.appended import OWNER_PID
from rnnlm_tui.store.library import Library
from rnnlm_tui.threads import users_environment


@dataclass(frozen=True, slots=True)
class TrainArguments:
    """The command line's arguments after `--train`, and the name of the run."""

    arguments: tuple[str, ...]
    name: str

    @classmethod
    def resuming(cls, name: str) -> TrainArguments:
        """Resumes the saved run `name`."""
        return cls(("--resume", "--name", name), name)

    @classmethod
    def updating(cls, name: str, more: tuple[str, ...]) -> TrainArguments:
        """Trains the model `name` on the current content of its files, also if its training is
        unfinished. `more` are further arguments, such as `written_arguments` to add texts of the
        app."""
        return cls(("--update", name, "--force", *more), name)


def written_arguments(numbers: Iterable[int] = ()) -> tuple[str, ...]:
    """Returns the arguments for training on the texts of the app with these numbers, by default on
    all of them."""
    return tuple(f"--written=#{number}" for number in numbers) or ("--written=all",)


def start_training(request: TrainArguments, library: Library) -> subprocess.Popen[bytes]:
    """Starts a training in a session of its own, which neither ctrl+c nor the end of the terminal
    reaches. Raises RnnlmError if its process cannot be started."""
    command = (
        *paths.headless_command(),
        *("--train", *request.arguments, f"--data-dir={library.data_dir}", "--json", "--quiet"),
    )
    output, log = _output_files(request.name)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with output.open("wb") as stdout, log.open("wb") as stderr:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={"PYTHONFAULTHANDLER": "1", **users_environment(), OWNER_PID: str(os.getpid())},
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
    except (OSError, ValueError) as error:  # ValueError: an argument with a null character
        why = os_reason(error) if isinstance(error, OSError) else str(error)
        raise RnnlmError(
            f"could not start the training, {command[0]}: {why}",
            f"check that {APP_NAME} and its Python are still installed",
        ) from error


def _output_files(name: str) -> tuple[Path, Path]:
    """Returns the files for the standard output and for the log of a training."""
    log = paths.log_dir() / f"train-{name}.log"
    return log.with_suffix(".jsonl"), log


def end_of_training(name: str, code: int, seconds: float) -> Event:
    """Returns the last event of a training whose history lacks it: the event that it has printed,
    or else a failure with its exit code and the last line of its log."""
    printed, logged = (_last_line(path) for path in _output_files(name))
    event = _event(printed)
    if isinstance(event, Finished | Failed):
        return event
    what = f"ended with exit code {code} and no message"
    if code < 0:
        cause = "by hand or for lack of memory" if code == -9 else "it crashed"
        what = f"was killed by signal {-code}, {cause}"
    hint = shorten(sanitize(logged.decode("utf-8", "replace").expandtabs()), 200)
    if code > 0 and not hint:  # whatever the reason, it would have written it
        hint = "perhaps the disk is full: its log is empty, too"
    return failed(RnnlmError(f"the training process {what}", hint), seconds)


def _last_line(path: Path) -> bytes:
    """Returns the last line of a file; b"" if it cannot be read."""
    with suppress(OSError):
        return path.read_bytes().rstrip().rpartition(b"\n")[2]
    return b""


def _event(line: bytes) -> Event | None:
    """Returns the event in a line of JSON; None if there is none."""
    with suppress(ValueError):
        return from_json_line(line)
    return None


async def run_headless(arguments: tuple[str, ...]) -> bytes:
    """Runs the command line in a process of its own. Returns its standard output.

    Cancelling this coroutine kills the process. A thread waits for the end of the process in any
    case, so that no zombie is left. A subprocess of asyncio leaves one if the app ends soon after.
    The wait is shielded from the cancellation, which would otherwise remove it from the queue while
    no thread is free.

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
        output, errors = await asyncio.shield(waiting)
    except asyncio.CancelledError:
        process.kill()  # this ends the thread, too
        raise
    if process.returncode != 0:
        event = _event(output)
        if isinstance(event, Failed):
            raise RnnlmError(event.message, event.hint, field=event.field)
        message = errors.decode("utf-8", "replace").strip()
        raise RnnlmError(f"{APP_NAME} failed", message.rpartition("\n")[2].strip())
    return output
