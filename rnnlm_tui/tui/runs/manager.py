"""The trainings that the app knows: the one that it owns, and what else trains on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.events import Saved
from rnnlm_tui.tui.runs.child import TrainingProcess, TrainingRequest
from rnnlm_tui.tui.runs.watcher import WatchedRun

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library, Run

ShownRun: TypeAlias = TrainingProcess | WatchedRun


class Runs:
    """Owned by the app, not by a screen, so that a run goes on while its user writes.

    `own` is the last run that the app has started, `shown` the one that the Train screen shows;
    both stay after their end. `on_saved` and `on_end` are called on the event loop, for the run of
    the app and for a run that is watched.
    """

    def __init__(
        self,
        library: Library,
        *,
        command: Sequence[str] | None = None,
        log_folder: Path | None = None,
    ) -> None:
        self.own: TrainingProcess | None = None
        self.shown: ShownRun | None = None
        self.on_end: Callable[[ShownRun], None] | None = None
        self.on_saved: Callable[[ShownRun, Saved], None] | None = None
        self._library = library
        self._command, self._log_folder = command, log_folder

    @property
    def is_training(self) -> bool:
        """Whether a run of the app's own is on; quitting must ask then, unless it is detached."""
        return self.own is not None and self.own.is_running

    async def start(self, request: TrainingRequest) -> TrainingProcess:
        """Starts a run and shows it. Raises UsageError where one of the app's own is on already.

        Where its process cannot be started, its phase is FAILED.
        """
        if self.own is not None and self.own.is_running:
            raise UsageError(f"{self.own.name} is being trained", "stop it, or wait for its end")
        run = TrainingProcess(
            request, self._library, command=self._command, log_folder=self._log_folder
        )
        self._listen(run)
        # A run counts as running from here on, so two starts cannot both find nothing that runs.
        before, self.own, self.shown = self.shown, run, run
        try:
            await run.start()
        finally:
            await _leave(before)
        return run

    async def watch(self, name: str) -> WatchedRun:
        """Shows a run of another process. Raises ModelError where nothing trains `name`."""
        found = next((run for run in await self.elsewhere() if run.name == name), None)
        if found is None:
            raise ModelError(f"nothing trains {name} now", "its model is among the models")
        # Windows has no way to ask the process of another terminal to save and end.
        can_stop = found.on_this_host and sys.platform != "win32"
        run = WatchedRun(self._library, name, can_stop=can_stop)
        self._listen(run)
        await run.start()
        before, self.shown = self.shown, run
        await _leave(before)
        return run

    def show_own(self) -> None:
        """Shows the app's own run again; one that was watched is watched no longer."""
        if isinstance(self.shown, WatchedRun):
            self.shown.drop()
        self.shown = self.own

    def renamed(self, old: str, new: str) -> None:
        """The model `old` has another name now, so the run that made it has it too."""
        for run in self._over(old):
            run.name = new

    def deleted(self, name: str) -> None:
        """The model is gone, and with it what the run that made it has left."""
        for run in self._over(name):
            run.is_deleted = True

    def _over(self, name: str) -> list[ShownRun]:
        """The runs of this name that are over; the model of one that is on cannot be changed."""
        runs = [run for run in (self.own, self.shown) if run is not None]
        return [run for run in runs if run.name == name and not run.is_running]

    async def elsewhere(self) -> list[Run]:
        """The runs of other processes that are on now. Raises StorageError."""
        runs = await asyncio.to_thread(self._library.runs)
        own = self.own.name if self.own is not None and self.own.is_running else None
        return [run for run in runs if run.running and run.name != own]

    async def close(self, detach: bool) -> None:
        """Before the app ends: lets its own run go on alone, or stops it, even a detached one, and
        waits until it has saved. Returns within some 35 s, whatever the run does."""
        if isinstance(self.shown, WatchedRun):
            await self.shown.leave()
        if self.own is not None and self.own.is_running:
            if detach:
                await self.own.let_go()
            else:
                await self.own.end()

    def _listen(self, run: ShownRun) -> None:
        def saved(event: Saved) -> None:
            if self.on_saved is not None:
                self.on_saved(run, event)

        def ended() -> None:
            if self.on_end is not None:
                self.on_end(run)

        run.on_saved, run.on_end = saved, ended


async def _leave(run: ShownRun | None) -> None:
    if isinstance(run, WatchedRun):
        await run.leave()
