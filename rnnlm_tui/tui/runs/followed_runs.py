"""The trainings that the app follows: its own, and those of other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rnnlm_tui.errors import ModelError, RnnlmError, UsageError
from rnnlm_tui.events import Saved
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import WAIT_FOR_IT, FollowedRun


class FollowedRuns:
    """The trainings that the app follows. They belong to the app and to no screen, since a run
    goes on while its user writes.

    `own` is the last run that the app has started, `shown` the run on the Train screen. Both stay
    after their end. `on_saved` and `on_end` are passed on to each `FollowedRun`.
    """

    def __init__(self, library: Library) -> None:
        self.own: FollowedRun | None = None
        self.shown: FollowedRun | None = None
        self.on_saved: Callable[[FollowedRun, Saved], object] = lambda run, saved: None
        self.on_end: Callable[[FollowedRun], object] = lambda run: None
        self._library = library
        self._followed: dict[str, FollowedRun] = {}
        """The last run of each name, which may be over."""

    @property
    def own_running(self) -> FollowedRun | None:
        """The app's own run while it is running."""
        return self.own if self.own is not None and self.own.is_running else None

    @property
    def running(self) -> FollowedRun | None:
        """A run that is running: the app's own, or else one of another process."""
        followed = (run for run in self._followed.values() if run.is_running)
        return self.own_running or next(followed, None)

    async def start(self, request: TrainArguments) -> FollowedRun:
        """Starts a run and shows it. Raises UsageError if another one is running, also elsewhere,
        and RnnlmError if its process cannot be started."""
        if self.own_running is not None:
            raise UsageError(f"{self.own_running.name} is training", WAIT_FOR_IT)
        # `own` is set before anything is awaited, so that no second run is started meanwhile.
        run = self.own = self._new(request.name)
        try:
            await run.start(request)
        except RnnlmError:
            self.own = None
            raise
        self.shown = self._followed[run.name] = run
        return run

    async def watch(self, name: str) -> FollowedRun:
        """Shows the run `name`, of this app or of another process. Raises ModelError if no process
        trains it."""
        self.shown = run = await self.follow(name)
        return run

    async def follow(self, name: str) -> FollowedRun:
        """Follows the run `name`, as `watch` does, but does not show it."""
        run = self._followed.get(name)
        if run is None or not run.is_running:
            trainer = await asyncio.to_thread(self._library.runs.trainer, name)
            if trainer is None:
                raise ModelError(f"No training named {name} is running.", "look for it on Models")
            run = self._new(name, sanitize(str(trainer)))
            await run.follow()
            self._followed[name] = run
        return run

    def _new(self, name: str, trainer: str = "") -> FollowedRun:
        run = FollowedRun(self._library, name, trainer)
        run.on_saved, run.on_end = self.on_saved, self.on_end
        return run

    def show_running(self) -> None:
        """Shows the run that is running, if there is one."""
        self.shown = self.running or self.shown

    def name_changed(self, old: str, new: str | None) -> None:
        """Renames the runs of a renamed model, or forgets those of a deleted one (`new` is None).
        A model that is being trained can be neither renamed nor deleted."""
        changed = [r for r in (self.own, self.shown) if r and r.name == old and not r.is_running]
        if new is not None:
            for run in changed:
                run.name = new
            return
        if self.own in changed:
            self.own = None
        if self.shown in changed:
            self.shown = None
