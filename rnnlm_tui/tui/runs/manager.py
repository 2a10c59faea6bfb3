"""The trainings of the app: its own, and the one on the Train screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.event_types import Saved
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import ChildProcess, TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun


class Runs:
    """Owned by the app and not by a screen, so that a run continues while its user writes.

    `own` is the last run that the app has started, `shown` the one on the Train screen; both stay
    after their end. `on_saved` and `on_end` are called on the event loop, for both.
    """

    def __init__(self, library: Library) -> None:
        self.own: FollowedRun | None = None
        self.shown: FollowedRun | None = None
        self.on_saved: Callable[[FollowedRun, Saved], None] | None = None
        self.on_end: Callable[[FollowedRun], None] | None = None
        self._library = library

    @property
    def training(self) -> FollowedRun | None:
        """The app's own run while it is running; quitting must ask then."""
        return self.own if self.own is not None and self.own.is_running else None

    async def start(self, request: TrainArguments) -> FollowedRun:
        """Starts a run and shows it. If its process cannot be started, its phase is FAILED. Raises
        UsageError while the app's own run is running: one training takes all that a laptop has."""
        if self.training is not None:
            raise UsageError(f"{self.training.name} is training", "wait for its end, or stop it")
        run = self.own = FollowedRun(
            self._library, request.name, ChildProcess(request, self._library)
        )
        run.on_saved, run.on_end = self.on_saved, self.on_end
        run.is_running = True  # before anything is awaited, so that no two are started
        await self._show(run)
        return run

    async def watch(self, name: str) -> FollowedRun:
        """Shows a run of another process. Raises ModelError if no process trains `name`."""
        saved = await asyncio.to_thread(self._library.run, name)
        if saved.trainer is None:
            raise ModelError(f"No training named {name} is running.", "look for it on Models")
        # Windows cannot ask the process of another terminal to save and end.
        can_stop = sys.platform != "win32"
        trainer = sanitize(str(saved.trainer))
        run = FollowedRun(self._library, name, trainer=trainer, can_stop=can_stop)
        run.on_saved, run.on_end = self.on_saved, self.on_end
        await self._show(run)
        return run

    async def _show(self, run: FollowedRun) -> None:
        before, self.shown = self.shown, run
        await run.start()
        _unfollow(before)

    def show_own(self) -> None:
        """Shows the app's own run, and stops following any other."""
        before, self.shown = self.shown, self.own
        _unfollow(before)

    def name_changed(self, old: str, new: str | None) -> None:
        """Renames the runs of a model that was renamed, or marks them if it was deleted (None). The
        model of a running one cannot be changed."""
        for run in (self.own, self.shown):
            if run is not None and run.name == old and not run.is_running:
                run.name, run.is_deleted = new or old, new is None

    async def close(self, detach: bool) -> None:
        """Detaches or stops the app's own run before the app ends, as `FollowedRun.close` does."""
        _unfollow(self.shown)
        if self.training is not None:
            await self.training.close(detach=detach)


def _unfollow(run: FollowedRun | None) -> None:
    if run is not None and not run.is_own:
        run.unfollow()
