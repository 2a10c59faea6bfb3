"""The Train screen in a small host app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import Static

from rnnlm_tui.event_types import Event
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import BADGES
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.run_view import RunEnd, RunHead
from rnnlm_tui.tui.train.screen import TrainScreen
from tests.helpers.app import has_row, wait_until
from tests.helpers.host import HostApp
from tests.helpers.runs import Script, over


class Host(HostApp):
    """The part of the app that the screen uses."""

    default_seed_line = "the cat"

    def __init__(self, library: Library, preferences: Preferences) -> None:
        super().__init__(library=library)
        self.runs = Runs(library)
        self.train = TrainScreen()
        self.preferences = preferences
        self.add_mode("train", lambda: self.train)

    async def on_mount(self) -> None:
        await self.switch_mode("train")


class Shown:
    """The screen in a test, with its contents and waiting."""

    def __init__(self, app: Host, pilot: Pilot[None], script: Script) -> None:
        self.app, self.pilot, self.script = app, pilot, script
        self.screen = app.train

    async def until(self, condition: Callable[[], object]) -> None:
        await wait_until(self.pilot, condition)

    async def start(self, *events: Event, name: str = "poems") -> None:
        """Starts a run as the app would, and plays these events."""
        await self.app.runs.start(TrainArguments((f"--name={name}",), name))
        self.script.write(*events, name=name)
        await self.until(lambda: self.screen.is_run_shown and self.has_focus_in_run())

    def has_focus_in_run(self) -> bool:
        """Whether the keys of the run work."""
        focused = self.screen.focused
        return focused is not None and self.screen.run_pane in focused.ancestors_with_self

    async def phase(self, phase: Phase) -> None:
        """Waits until the run is in this phase and shown in it."""
        run = self.app.runs.shown
        assert run is not None
        await self.until(lambda: run.progress.phase is phase)
        if phase.is_over:
            await self.until(lambda: self.screen.query_one(RunEnd).display)
        else:
            await self.until(lambda: BADGES[phase] in self.head)

    async def ready(self) -> None:
        """Waits until a training could start."""
        await self.until(lambda: self.form.problem is None)

    @property
    def form(self) -> TrainForm:
        return self.screen.query_one(TrainForm)

    @property
    def head(self) -> str:
        return str(self.screen.query_one(RunHead).content)

    @property
    def end(self) -> str:
        return str(self.screen.query_one(RunEnd).content)

    @property
    def offered(self) -> str:
        """The keys that work once the run is over, as letters."""
        if not self.screen.query_one(RunEnd).display:
            return ""
        return "".join(key for key, works in self.keys().items() if works and key in "uitrcn")

    @property
    def epochs(self) -> list[list[str]]:
        """The rows of the table, each with its mark."""
        rows = self.text("epochs").splitlines() if self.screen.run_pane.run else []
        rows = [row for row in rows if "not ended" not in row]
        return [[row[0], *row[1:].split()] for row in rows]

    def sees(self, *parts: str) -> bool:
        """Whether a row of the screen holds all of these."""
        return has_row(self.app, *parts)

    def text(self, id: str) -> str:
        """The lines of the epochs, the notes or the samples."""
        return str(self.screen.query_one(f"#{id} .lines", Static).content)

    def keys(self) -> dict[str, bool]:
        """The keys that the bar shows, and which of them are not dimmed."""
        return {
            binding.key: enabled
            for _, binding, enabled, _ in self.screen.active_bindings.values()
            if binding.show
        }


@asynccontextmanager
async def shown(
    script: Script, size: tuple[int, int] = (80, 24), preferences: Preferences | None = None
) -> AsyncIterator[Shown]:
    """The screen, with the script in place of its child processes."""
    app = Host(Library(script.data), preferences or Preferences())
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.train.query(TrainForm))
        yield Shown(app, pilot, script)
        if (own := app.runs.own) is not None:
            script.exit(name=own.name)
            await over(own)
