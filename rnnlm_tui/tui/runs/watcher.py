"""A training that somebody else has started: a script, another terminal, or the app before it was
restarted. Its events stand in the model's folder, so a watcher follows that file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.events import Saved
from rnnlm_tui.tui.runs.history import HistoryFile
from rnnlm_tui.tui.runs.state import RunProgress

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

LOOK_EVERY_S = 0.25
EVENTS_AT_ONCE = 100
"""Taking one costs some 20 microseconds; between so many the screen has its turn."""
GONE = "the training process is gone, without a word: it was killed or has crashed"
UNREADABLE = "the run can be followed no longer, and may go on"


class WatchedRun:
    """A run of another process. Of its controls only `stop` works, and only on its own host.

    `on_saved` and `on_end` are called on the event loop, the first for saves after the watching
    began. `is_deleted`: what it has left was deleted since.
    """

    owned = False
    detached = True

    def __init__(self, library: Library, name: str, *, can_stop: bool = True) -> None:
        self.name = name
        self.progress = RunProgress()
        self.controls = frozenset({"stop"}) if can_stop else frozenset[str]()
        self.on_saved: Callable[[Saved], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._library = library
        self._history = HistoryFile(library.path(name))
        self._follower: asyncio.Task[None] | None = None
        self._last_saved: Saved | None = None
        self._asked_to_stop = self.is_deleted = False

    @property
    def log_path(self) -> Path | None:
        """There is none: what the process says goes to whoever has started it."""
        return None

    @property
    def is_running(self) -> bool:
        """Until its process lets go of the model, or nobody watches any more."""
        return self._follower is not None and not self._follower.done()

    def log_tail(self, lines: int = 5) -> list[str]:
        """Nothing; see `log_path`."""
        return []

    async def start(self) -> None:
        """Takes in what has happened so far, and follows from there."""
        await self._catch_up(first=True)
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Asks the run to save and end. Raises ModelError where it is gone or out of reach."""
        if self._asked_to_stop:  # a second signal would end it with nothing saved
            return
        self._asked_to_stop = True
        try:
            await asyncio.to_thread(self._library.stop_run, self.name)
        except RnnlmError:
            self._asked_to_stop = False
            raise
        self.progress.stopping()

    async def pause(self) -> None:
        """Not possible for the run of another process; see `controls`."""

    async def resume(self) -> None:
        """Not possible for the run of another process; see `controls`."""

    async def sample(self, text: str) -> bool:
        """Not possible for the run of another process; see `controls`."""
        return False

    async def detach(self) -> None:
        """Nothing to do: the run goes on without this app."""

    async def wait(self) -> None:
        """Returns when the run has ended, or nobody watches any more."""
        if self._follower is not None:
            await asyncio.wait([self._follower])

    async def leave(self) -> None:
        """Watches no longer. The run goes on."""
        self.drop()
        await self.wait()

    def drop(self) -> None:
        """The same, for whoever need not know when the last look is over."""
        if self._follower is not None:
            self._follower.cancel()

    async def _follow(self) -> None:
        why: str | None = UNREADABLE
        try:
            held = True
            while held:
                await asyncio.sleep(LOOK_EVERY_S)
                # In this order: what is written before a run lets go of its model is not missed.
                held = await asyncio.to_thread(self._library.holder, self.name) is not None
                await self._catch_up()
            why = GONE
        except asyncio.CancelledError:
            why = None
            raise
        finally:
            # Whatever was raised: a run that nobody follows must not be shown as one that trains.
            if why is not None:
                self.progress.lost(why, time.monotonic())
                # This task is not done yet, and whoever hears of the end may look.
                asyncio.get_running_loop().call_soon(self._tell_end)

    def _tell_end(self) -> None:
        if self.on_end is not None:
            self.on_end()

    async def _catch_up(self, first: bool = False) -> None:
        events, age = await asyncio.to_thread(self._history.read)
        now = time.monotonic() - age
        for place, event in enumerate(events, 1):
            self.progress.take(event, now)
            if place % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        # A history that was cut is read again from its start, so only what is new is told.
        saved, before = self.progress.saved, self._last_saved
        self._last_saved = saved
        if saved is not None and saved != before and not first and self.on_saved is not None:
            self.on_saved(saved)
