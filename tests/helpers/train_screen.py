"""The Train screen in a small host app."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Button, Static

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import PHASE_LABELS
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.plan import Plan
from rnnlm_tui.tui.train.run_lines import WrappedLines
from rnnlm_tui.tui.train.run_view import RunEnd, RunHead
from rnnlm_tui.tui.train.screen import TrainScreen
from tests.helpers.app import wait_until
from tests.helpers.host import HostApp
from tests.tui import scripted_child


class Host(HostApp):
    """As much of the app as the screen asks for."""

    default_seed_line = "the cat"

    def bootstrap_ngram(self, plan: Plan, paths: tuple[str, ...]) -> None:
        """Keeps what was to be counted."""
        self.counted.append((plan, paths))

    def __init__(
        self, data: Path, options: tuple[str, ...], summary: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(Library(data))
        command = scripted_child.command(*options)
        self.runs = Runs(self.library, command=command, log_folder=data / "log")
        self.train = TrainScreen(summary)
        self.counted: list[tuple[Plan, tuple[str, ...]]] = []
        self.spoken: list[str] = []
        self.modes: list[str] = []
        self.add_mode("train", lambda: self.train)

    async def on_mount(self) -> None:
        await self.switch_mode("train")

    def use_model(self, name: str) -> None:
        self.spoken.append(name)

    def show_mode(self, mode: str) -> None:
        self.modes.append(mode)

    def show_model(self, name: str) -> None:
        self.modes.append(f"models: {name}")


class Shown:
    """The screen in a test: what it shows, and how to wait for it."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app, self.pilot, self.screen = app, pilot, app.train

    async def until(self, condition: Any) -> None:
        await wait_until(self.pilot, condition)

    async def start(self, *arguments: str, name: str = "poems") -> None:
        """Starts a run as the app would."""
        request = TrainingRequest((f"--name={name}", *arguments), name)
        await self.app.runs.start(request)
        await self.until(lambda: self.screen.on_run)

    async def phase(self, phase: Phase) -> None:
        """Waits until the run is in this phase, and is drawn so."""
        run = self.app.runs.shown
        assert run is not None
        await self.until(lambda: run.progress.phase is phase)
        if phase.is_over:
            await self.until(lambda: self.screen.query_one(RunEnd).display)
        else:
            await self.until(lambda: PHASE_LABELS[phase] in self.head)

    @property
    def head(self) -> str:
        return self.screen.query_one(RunHead).render().plain

    @property
    def end(self) -> str:
        return str(self.screen.query_one("#end-words", Static).content)

    @property
    def buttons(self) -> list[str]:
        end = self.screen.query_one(RunEnd)
        return [str(b.label) for b in end.query(Button) if b.display and end.display]

    def lines(self, id: str) -> list[str]:
        lines = self.screen.query_one(f"#{id}", WrappedLines)
        return [lines.line(i).plain for i in range(lines.count())]

    def keys(self) -> dict[str, bool]:
        """The keys that the bar shows, and which of them are not dimmed."""
        return {
            binding.key: enabled
            for _, binding, enabled, _ in self.screen.active_bindings.values()
            if binding.show
        }


@asynccontextmanager
async def shown(
    data: Path,
    *options: str,
    size: tuple[int, int] = (80, 24),
    summary: tuple[str, ...] | None = None,
) -> AsyncIterator[Shown]:
    """The screen, with a scripted training for whatever is started on it. `summary` stands in the
    place of the program that is asked about a text."""
    app = Host(data, options, summary)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.train.query(TrainForm))
        yield Shown(app, pilot)
        await app.runs.close(detach=False)


@contextmanager
def training_elsewhere(data: Path, *options: str, name: str = "other") -> Iterator[Any]:
    """A scripted training that a script has started."""
    command = [*scripted_child.command("--record", *options), "--train", f"--name={name}"]
    process = subprocess.Popen(
        [*command, "--epochs=9", f"--data-dir={data}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


SUMMARY = {
    "total_words": 3227,
    "examples": 15484,
    "window": 10,
    "parameters": 5_755_471,
    "memory_bytes": 515_800_000,
    "estimated_s": 1020.0,
    "layers": [
        {"name": "embedding", "type": "Embedding", "output_shape": [None, 10, 100],
         "parameters": 322_700},
    ],
    "settings": {},
    "first_pairs": [["from fairest", "creatures"]],
    "corpus": {"name": "sonnets.txt", "lines": 2159, "words": 17_643, "held_out_lines": 0},
}  # fmt: skip
"""What is said of the bundled sonnets."""
