"""The Train screen in a small host app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

from rnnlm_tui.events import Event
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.followed_runs import FollowedRuns
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.runs.wording import BADGES
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.run_lists import RunList
from rnnlm_tui.tui.train.screen import TrainScreen
from tests.helpers.app import InTest, running, until
from tests.helpers.host import HostApp
from tests.helpers.runs import Script, over


class Host(HostApp):
    """The part of the app that the screen uses."""

    default_seed_line = "the cat"

    def __init__(self, library: Library, preferences: Preferences) -> None:
        super().__init__(library=library)
        self.followed_runs = FollowedRuns(library)
        self.train_screen = TrainScreen()
        self.preferences = preferences
        self.add_mode("train", lambda: self.train_screen)

    async def on_mount(self) -> None:
        await self.switch_mode("train")

    resume_run = RnnlmApp.resume_run  # type: ignore[assignment]

    def start_training(self, request: TrainArguments) -> None:
        self.train_screen.start(request)


class Shown(InTest[Host]):
    """The screen in a test."""

    def __init__(self, app: Host, pilot: Pilot[Any], script: Script) -> None:
        super().__init__(app, pilot)
        self.script, self.screen = script, app.train_screen

    async def start(self, *events: Event, name: str = "poems") -> None:
        """Starts a run as the app would, and plays these events."""
        await self.screen.start(TrainArguments((f"--name={name}",), name)).wait()
        self.script.write(*events, name=name)
        await until(lambda: self.screen.is_run_shown and self.has_focus_in_run())

    def has_focus_in_run(self) -> bool:
        """Returns whether the keys of the run work."""
        focused = self.screen.focused
        return focused is not None and self.screen.run_pane in focused.ancestors_with_self

    async def phase(self, phase: Phase) -> None:
        """Waits until the run is in this phase and shown in it."""
        run = self.app.followed_runs.shown
        assert run is not None
        await until(lambda: run.progress.phase is phase)
        await until(lambda: phase.is_over or BADGES[phase] in self.head)
        await until(lambda: not phase.is_over or (not run.is_running and self.end))

    async def ready(self) -> None:
        """Waits until a training could start."""
        await until(lambda: self.form.summary is not None)

    @property
    def form(self) -> TrainForm:
        return self.screen.query_one(TrainForm)

    @property
    def head(self) -> str:
        return str(self.screen.query_one("#run-head", Static).content)

    @property
    def end(self) -> str:
        """The end of the head, which says how the run ended; "" before."""
        run = self.app.followed_runs.shown
        rest = self.head.partition("\n")[2]
        return rest if run is not None and run.progress.phase.is_over and "─" not in rest else ""

    @property
    def bar(self) -> str:
        """The keys that the bar shows for the run, in their order."""
        return " ".join(key for key in self.keys() if key in "pxwgirdc" or key == "escape")

    @property
    def epochs(self) -> list[str]:
        """The numbers of the epochs in the table; the best one has a mark."""
        return [row.split()[0] for row in self._rows("#epochs")]

    @property
    def log(self) -> list[str]:
        """The rows of the log."""
        return self._rows("#log")

    def _rows(self, query: str) -> list[str]:
        """All rows of a list, also those that are scrolled out of sight."""
        rows = self.screen.query_one(query, RunList).rows
        texts = (strip.text.strip() for strip in rows.render_lines(rows.size.region))
        return [text for text in texts if text]

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
    async with running(app, size=size) as pilot:
        await until(lambda: app.train_screen.query(TrainForm))
        yield Shown(app, pilot, script)
        if (own := app.followed_runs.own) is not None:
            script.exit(name=own.name)
            await over(own)
