"""Follows a training through the history file in its folder.

All runs are followed in the same way, whether this app, a script, another terminal or an earlier
session has started them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.event_types import EpochEnded, Event, Finished, Saved, failed, from_json_line
from rnnlm_tui.store.files import HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import MAX_SEED_LINE, ChildProcess, TrainArguments
from rnnlm_tui.tui.runs.progress import RunProgress

READ_EVERY_S = 0.25
QUIT_PATIENCE_S = 30.0
"""How long a run may take to save when the app is closed. One that takes longer saves after it."""
GONE = "the training process ended without a message: it was killed or crashed"
PIECE_BYTES = 1 << 16
"""Bytes read at once. Their events, some 250, take 5 ms."""


class HistoryReader:
    """Reads the events that were added since the last call.

    Lines that are not events are skipped: the file may be damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / HISTORY
        self._inode = self._place = 0
        self._rest = b""

    def read(self) -> list[Event]:
        """Returns the events in the next piece of the file, none at its end.

        A training that drops earlier runs replaces the file by a shorter one, which is read from
        its start.
        """
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._place:
                    self._inode, self._place, self._rest = status.st_ino, 0, b""
                file.seek(self._place)
                piece = file.read(PIECE_BYTES)
        except OSError:  # does not exist yet, or cannot be read at the moment
            return []
        self._place += len(piece)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        events: list[Event] = []
        for line in lines:
            with suppress(ValueError):
                events.append(from_json_line(line))
        return events

    def read_all(self) -> list[Event]:
        """Returns all events up to the end of the file."""
        events, place = self.read(), 0
        while place != self._place:
            place = self._place
            events += self.read()
        return events


class FollowedRun:
    """A training and its progress.

    `child` is its process if the app has started it; otherwise None, and `trainer` describes its
    process. `detached`: the run continues when the app is closed. `on_saved` and `on_end` are
    called on the event loop: for each save after the start, and once when the run is over.
    """

    def __init__(self, library: Library, name: str, trainer: str = "") -> None:
        self.name, self.trainer = name, trainer
        self.child: ChildProcess | None = None
        self.progress = RunProgress()
        self.detached = False
        self.is_running = True
        self.on_saved: Callable[[FollowedRun, Saved], None] | None = None
        self.on_end: Callable[[FollowedRun], None] | None = None
        self._library = library
        self._history = HistoryReader(library.run_folder(name))
        self._following: asyncio.Task[None] | None = None
        self._asked_to_stop = False

    @property
    def is_own(self) -> bool:
        """Whether the app has started this run."""
        return self.child is not None

    @property
    def can_stop(self) -> bool:
        """Whether it can be asked to stop: Windows cannot ask the process of another terminal."""
        return self.is_running and (self.is_own or sys.platform != "win32")

    async def start(self, request: TrainArguments) -> None:
        """Starts a training and follows it. A resumed one shows the epochs of the saved run. Raises
        RnnlmError if its process cannot be started."""
        before = await asyncio.to_thread(self._history.read_all)
        if "--resume" in request.arguments:
            for event in before:
                if isinstance(event, EpochEnded):
                    self.progress.add(event)
        self.child = ChildProcess(request, self._library)
        self._following = asyncio.create_task(self._follow())

    async def watch(self) -> None:
        """Follows a training of another process from what it has done so far."""
        await self._catch_up(tell=False)
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        is_alive = True
        while is_alive:
            await asyncio.sleep(READ_EVERY_S)
            # In this order, so that the last events are not missed.
            is_alive = await asyncio.to_thread(self._is_alive)
            await self._catch_up()
        if not self.progress.phase.is_over:
            self._take_end()
        self.is_running = False
        if self.child is not None:
            self.child.close_input()
        if self.on_end is not None:
            self.on_end(self)

    def _is_alive(self) -> bool:
        if self.child is not None:
            return self.child.exit_code is None
        return self._library.trainer(self.name) is not None

    async def _catch_up(self, *, tell: bool = True) -> None:
        while events := await asyncio.to_thread(self._history.read):
            before = self.progress.saved
            for event in events:
                self.progress.take(event)
            if self._asked_to_stop:
                self.progress.stopping()
            # A history that was replaced is read again from its start: old saves are no news.
            saved = self.progress.saved
            if tell and saved is not None and saved != before and self.on_saved is not None:
                self.on_saved(self, saved)

    def _take_end(self) -> None:
        """Tells the progress how the run ended if its history does not say so."""
        seconds = self.progress.elapsed_s
        if self.child is None:
            self.progress.take(failed(RnnlmError(GONE), seconds))
        elif self.child.exit_code == 0 and self._asked_to_stop:
            # It removed its history, which was empty.
            self.progress.take(Finished(seconds, "stopped", None, None, "", seconds))
        else:
            self.progress.take(failed(self.child.end(), seconds))

    # Control

    def sample(self, text: str) -> bool:
        """Sets the line to continue after each epoch. Returns whether that was sent."""
        line = " ".join(text[:MAX_SEED_LINE].split())
        return bool(line) and self.order(f"sample {line}")

    def detach(self) -> bool:
        """Lets the run continue when the app is closed. Returns whether that was sent."""
        self.detached = self.order("detach") or self.detached
        return self.detached

    def order(self, line: str) -> bool:
        """Sends a control line, such as "pause" or "resume". Returns whether it was sent."""
        return self.child is not None and self.is_running and self.child.send(line)

    async def stop(self) -> None:
        """Asks the run to save and end. Does so once: a second signal would end it unsaved.

        Raises ModelError if the run of another process has ended or cannot be reached.
        """
        if self._asked_to_stop or not self.is_running:
            return
        if self.child is None:
            await asyncio.to_thread(self._library.stop_run, self.name)
        elif not self.child.send("stop"):
            return
        self._asked_to_stop = True
        self.progress.stopping()

    def unfollow(self) -> None:
        """Stops following the run, which continues."""
        if self._following is not None:
            self._following.cancel()
        self.is_running = False

    async def close(self, *, detach: bool) -> None:
        """Detaches or stops the app's own run before the app ends.

        A run that is paused is resumed before it is detached, which could not be done later. Waits
        until one that is stopped has saved.
        """
        if detach:
            self.order("resume")
            self.detach()
            if self.child is not None:
                self.child.close_input()
            return
        await self.stop()
        if self._following is not None:
            await asyncio.wait([self._following], timeout=QUIT_PATIENCE_S)
