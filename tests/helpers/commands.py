"""The real command: running it, interrupting it, and small corpora for it."""

from __future__ import annotations

import io
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.events import Event, from_json_line

VERSES = """\
The cat sat on the mat,
and the dog lay by the cat.
A bird sang over the mat and the dog,
and the cat and the bird sat by the log.
The log lay under the rain all day,
and the rain sang a song to the hay.
"""
PATIENCE_S = 60
"""Seconds after which a wait fails. A loaded machine needs most of them."""
TINY = [
    "--preset=lesson",
    "--embedding-size=4",
    "--bidirectional-size=4",
    "--recurrent-size=4",
    "--threads=1",
    "--device=cpu",
]
Command = Callable[..., subprocess.CompletedProcess[str]]


def verses(count: int) -> str:
    """The verses `count` times. Each line begins with its number, since a line that occurs twice
    is not held out."""
    lines = (VERSES * count).splitlines()
    return "".join(f"{number} {line}\n" for number, line in enumerate(lines))


def command_line(*arguments: str) -> list[str]:
    """The real command with these arguments."""
    return [sys.executable, "-m", "rnnlm_tui", *arguments]


def on_terminal(*arguments: str, typed: str = "", columns: int = 100) -> tuple[int, str]:
    """Runs the command on a pseudo-terminal; returns its exit code and all that it showed."""
    from tests.helpers.terminal import Terminal  # not on Windows

    with Terminal(command_line(*arguments), columns=columns, env=os.environ) as terminal:
        terminal.send(typed)
        code = terminal.wait_for_exit(PATIENCE_S)
    return code, terminal.output.decode()


def trained(corpus: Path, *settings: str) -> None:
    """Trains a model into the folder `data` next to the corpus."""
    errors = io.StringIO()
    data = str(corpus.parent / "data")
    with redirect_stdout(io.StringIO()), redirect_stderr(errors):
        code = main(["--train", str(corpus), "--data-dir", data, *settings, "--quiet"])
    assert code == 0, errors.getvalue()


def order(path: Path, *lines: str) -> None:
    """Gives orders to a training, as any program may."""
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write("".join(f"{line}\n" for line in lines))


class Run:
    """A run of the command whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str], stream: str) -> None:
        self.process = process
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(getattr(process, stream),), daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.lines.put(line)
        self.lines.put("")

    def line(self, containing: str) -> str:
        """The next line that contains this."""
        while line := self.lines.get(timeout=PATIENCE_S):
            if containing in line:
                return line
        raise AssertionError(f"the output ended before a line with {containing!r}")

    def event(self, kind: type[Event]) -> Any:
        """The next event of this kind."""
        return from_json_line(self.line(f'"event": "{kind.__struct_config__.tag}"'))

    def end(self) -> int:
        """Waits for the end; returns the exit code."""
        return self.process.wait(timeout=PATIENCE_S)


def kill_family(process: subprocess.Popen[Any]) -> None:
    """Kills a process and its child processes, if they still run."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()


@contextmanager
def running(
    *arguments: str, command: Sequence[str] = (), stream: str = "stdout", **options: Any
) -> Iterator[Run]:
    """Starts the command with these arguments, or another one, and kills it at the end."""
    options = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
    command = command or command_line(*arguments)
    with subprocess.Popen(command, encoding="utf-8", **options) as process:
        try:
            yield Run(process, stream)
        finally:
            kill_family(process)


def printed(command: list[str], lines: int | None = None, seconds: float = 0) -> list[str]:
    """The lines that a process prints until it ends. It is killed so many seconds after so many
    lines, if these are given. A line that the kill cut short is left out."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        limit = threading.Timer(180, process.kill)
        limit.start()
        said = [*islice(process.stdout, lines)]
        if lines is not None:
            threading.Event().wait(seconds)
            process.kill()
        said += process.stdout
        limit.cancel()
    assert process.returncode == (0 if lines is None else -signal.SIGKILL)
    return [line for line in said if line.endswith("\n")]


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals, named pipes or a pty")


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a run, after checking that it ends with a sentence and at most one hint."""
    assert done.stdout == ""
    before, start, message = done.stderr.partition("rnnlm-tui: ")
    assert start and (not before or before.endswith("\n")) and "Traceback" not in before
    _, *hint = message.splitlines()
    assert len(hint) <= 1 and all(line.startswith("  ") for line in hint), done.stderr
    return start + message


def events_of(done: subprocess.CompletedProcess[str]) -> list[Event]:
    """The events that a training has printed as JSON lines."""
    return [from_json_line(line) for line in done.stdout.splitlines()]
