"""Trainings whose events are written by a test, and waiting for them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.events import Event, failed, to_json_line
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.follower import FollowedRun
from tests.helpers.app import until
from tests.helpers.events import finished

CHILD = Path(__file__).with_name("scripted_child.py")
SUMMARY: dict[str, Any] = {
    "name": "sonnets-lesson",
    "prospect": ["It starts from nothing and learns this text, in about 19 minutes."],
    "warnings": [],
    "rows": [["lines", "2,156"], ["the first pairs", ""], ["", "from fairest ---> creatures"]],
    "layers": [
        {"name": "embedding", "type": "Embedding", "output_shape": [None, 10, 100],
         "parameters": 322_700},
    ],
    "settings": {},
}  # fmt: skip
"""The summary of the bundled sonnets."""


async def over(run: FollowedRun) -> None:
    """Waits for the end of the run."""
    await until(lambda: not run.is_running)


class Script:
    """Controls the child processes of the app. The test itself writes the events of a training."""

    def __init__(self, stage: Path, data: Path) -> None:
        self.stage, self.data = stage, data
        stage.mkdir()
        self.command: tuple[str, ...] = (sys.executable, "-I", "-S", str(CHILD), str(stage))
        self.answer(SUMMARY)
        (stage / "last-words").write_text(lines_of(finished("stopped")))  # if it is asked to stop

    def answer(self, summary: dict[str, Any]) -> None:
        """Sets the summary of every text."""
        (self.stage / "summary.json").write_text(json.dumps(summary))

    def history(self, name: str = "poems") -> Path:
        """The history file of a training."""
        return self.data / "runs" / name / "history.jsonl"

    def control(self, name: str = "poems") -> Path:
        """The file of the orders to a training."""
        return self.history(name).with_name("control")

    def write(self, *events: Event, name: str = "poems") -> None:
        """Adds events to the history."""
        self.history(name).parent.mkdir(parents=True, exist_ok=True)
        with self.history(name).open("a", encoding="utf-8") as file:
            file.write(lines_of(*events))

    def replace(self, *events: Event, name: str = "poems") -> None:
        """Replaces the history, as a training does that drops earlier runs."""
        new = self.history(name).with_name("new")
        new.write_text(lines_of(*events))
        new.replace(self.history(name))

    def exit(self, code: int = 0, said: str | RnnlmError = "", name: str = "poems") -> None:
        """Ends a training with an exit code, or by the signal -`code`. First it writes the text
        `said` on standard error, or reports the error `said` as an event."""
        if isinstance(said, RnnlmError):
            said = to_json_line(failed(said, 1.0))
        new = self.stage / "new"
        new.write_text(json.dumps([code, said]))
        new.replace(self.stage / f"{name}.exit")

    def orders(self, name: str = "poems") -> list[str]:
        """The orders to a training."""
        return control.read_text().splitlines() if (control := self.control(name)).exists() else []

    @contextmanager
    def no_orders(self, name: str = "poems") -> Iterator[None]:
        """Makes writing orders to a training fail: puts a folder in place of their file."""
        control, kept = self.control(name), self.history(name).with_name("kept")
        control.touch()
        control.rename(kept)
        control.mkdir()
        yield
        control.rmdir()
        kept.rename(control)

    def arguments(self, name: str = "poems") -> list[str]:
        """The arguments of a training; empty until it has started."""
        path = self.stage / f"{name}.arguments"
        arguments: list[str] = json.loads(path.read_text() or "[]") if path.exists() else []
        return arguments

    def asked(self) -> list[list[str]]:
        """The arguments of each `--summary` that the app has run."""
        asked = self.stage / "asked"
        return [*map(json.loads, asked.read_text().splitlines() if asked.exists() else ())]

    def pid(self, name: str = "poems") -> int:
        """The process of a training that has started."""
        return int((self.stage / f"{name}.pid").read_text())

    def end(self) -> None:
        """Ends the processes that a test has left running."""
        for path in self.stage.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGTERM)


def lines_of(*events: Event) -> str:
    """Events as the lines of a history file."""
    return "".join(to_json_line(event) + "\n" for event in events)


@contextmanager
def trained_elsewhere(script: Script, *events: Event, name: str = "other") -> Iterator[None]:
    """A training that the app did not start. This process holds its lock, and the test writes its
    events."""
    script.write(*events, name=name)
    with Library(script.data).lock(name):
        yield
