"""The real command: running it, interrupting it, and small corpora for it."""

from __future__ import annotations

import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

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


@contextmanager
def running(*arguments: str, stream: str = "stdout", **options: Any) -> Iterator[Run]:
    """Starts the command, and kills it at the end if it still runs."""
    options = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
    with subprocess.Popen(command_line(*arguments), encoding="utf-8", **options) as process:
        try:
            yield Run(process, stream)
        finally:
            process.kill()


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
