"""Follows a training through the history file in its folder.

All runs are followed in the same way, whether this app, a script, another terminal or an earlier
session has started them. `OtherRuns.reload` on the Train screen finds them.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.event_types import EpochEnded, Event, Finished, Saved, failed, from_json_line
from rnnlm_tui.store.files import HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import MAX_SEED_LINE, ChildProcess, exit_sentence
from rnnlm_tui.tui.runs.state import RunProgress

READ_EVERY_S = 0.25
EVENTS_AT_ONCE = 100
"""Events handled before the event loop gets its turn; each takes about 20 microseconds."""
QUIT_PATIENCE_S = 30.0
"""How long a run may take to save when the app is closed; then it gets SIGTERM."""
SIGTERM_PATIENCE_S = 5.0
GONE = "the training process ended without a message: it was killed or crashed"
PIECE_BYTES = 1 << 20
"""Bytes read at once."""
MAX_LINE = 1 << 20
"""Bytes. The longest event, an epoch whose seed line is a whole paragraph, has a few kilobytes."""


class HistoryReader:
    """Reads the events that were added since the last call.

    Lines that are not events are skipped: the file may be damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / HISTORY
        self._inode: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._place = 0
        self._rest = b""
        self._in_long_line = False

    def read(self) -> tuple[list[Event], float]:
        """Returns the events in the next piece of the file, and the seconds since the last write.

        At the end of the file there are no events. A training that drops earlier runs replaces the
        file by a shorter one, which is read from its start.
        """
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                return [], 0.0
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._place:
                    self._inode = status.st_ino
                    self._restart()
                file.seek(self._place)
                piece = file.read(PIECE_BYTES)
        except OSError:  # does not exist yet, or cannot be read at the moment
            return [], 0.0
        self._place += len(piece)
        return list(self._events(piece)), max(0.0, time.time() - status.st_mtime)

    def read_all(self) -> Iterator[Event]:
        """Yields all events up to the end of the file."""
        while True:
            place = self._place
            yield from self.read()[0]
            if self._place == place:
                return

    def _events(self, piece: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if self._in_long_line:
                self._in_long_line = False
                continue
            with suppress(ValueError):
                yield from_json_line(line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._in_long_line = b"", True


class FollowedRun:
    """A training and its progress.

    `child` is its process if the app has started it; otherwise None, `trainer` describes its
    process, and `can_stop` is false if that cannot be asked to stop. `detached`: the run continues
    when the app is closed. `is_deleted`: its model was deleted. `on_saved` and `on_end` are called
    on the event loop: for each save after the start, and once when the run is over.
    """

    def __init__(
        self,
        library: Library,
        name: str,
        child: ChildProcess | None = None,
        *,
        trainer: str = "",
        can_stop: bool = True,
    ) -> None:
        self.name, self.child, self.trainer = name, child, trainer
        self.progress = RunProgress()
        self.can_stop = can_stop
        self.detached = child is None
        self.is_deleted = self.is_running = False
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

    def log_tail(self) -> list[str]:
        """Returns the last lines of the log of the app's own run."""
        return self.child.log_tail() if self.child is not None else []

    async def start(self) -> None:
        """Starts the process of the app's own run, and starts to follow the run.

        If the process cannot be started, the phase becomes FAILED.
        """
        self.is_running = True
        if self.child is None:
            await self._catch_up(tell=False)
        elif not await self._start_child(self.child):
            return
        self._following = asyncio.create_task(self._follow())

    async def _start_child(self, child: ChildProcess) -> bool:
        """Starts the process; returns whether that succeeded. A resumed run shows the epochs of the
        saved one."""
        before = await asyncio.to_thread(lambda: list(self._history.read_all()))
        if child.request.resumes:
            self.progress.remember(event for event in before if isinstance(event, EpochEnded))
        try:
            if warning := child.start():
                self.progress.note(warning, "warning")
        except RnnlmError as error:
            self._fail(error)
            self._end()
            return False
        return True

    async def _follow(self) -> None:
        is_alive = True
        try:
            while is_alive:
                await asyncio.sleep(READ_EVERY_S)
                # In this order, so that the last events are not missed.
                is_alive = await asyncio.to_thread(self._is_alive)
                await self._catch_up()
            await asyncio.to_thread(self._take_end)
        except RnnlmError as error:
            why = f"the run cannot be followed and may still be running: {error.message}"
            self.progress.crashed(why, time.monotonic())
        self._end()

    def _is_alive(self) -> bool:
        if self.child is not None:
            return self.child.exit_code is None
        return self._library.trainer(self.name) is not None

    async def _catch_up(self, *, tell: bool = True) -> None:
        while True:
            events, age = await asyncio.to_thread(self._history.read)
            if not events:
                return
            await self._take(events, age, tell)

    async def _take(self, events: list[Event], age: float, tell: bool) -> None:
        """Handles events, the last of which was written `age` seconds ago."""
        saved_before, now = self.progress.saved, time.monotonic() - age
        for place, event in enumerate(events, 1):
            self.progress.take(event, now)
            if place % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        if self._asked_to_stop:
            self.progress.stopping()
        # A history that was replaced is read again from its start: old saves are not reported.
        saved = self.progress.saved
        if tell and saved is not None and saved != saved_before and self.on_saved is not None:
            self.on_saved(self, saved)

    def _take_end(self) -> None:
        """Finds out how the run ended if its history does not say so."""
        if self.progress.phase.is_over:
            return
        code = self.child.exit_code if self.child is not None else None
        if code is None or self.child is None:
            self.progress.crashed(GONE, time.monotonic())
        elif code > 0 and (error := self.child.reported_error()) is not None:
            self._fail(error)
        elif code == 0 and self._asked_to_stop:  # it removed its history, which was empty
            elapsed = self.progress.elapsed_s(time.monotonic())
            self.progress.take(Finished(elapsed, "stopped", None, None, "", elapsed), elapsed)
        else:
            self.progress.crashed(exit_sentence(code), time.monotonic())

    def _fail(self, error: RnnlmError) -> None:
        now = time.monotonic()
        self.progress.take(failed(error, self.progress.elapsed_s(now)), now)

    def _end(self) -> None:
        self.is_running = False
        if self.child is not None:
            self.child.close_input()
        if self.on_end is not None:
            self.on_end(self)

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
        until one that is stopped has saved, but for 35 s at most.
        """
        if detach:
            self.order("resume")
            self.detach()
            if self.child is not None:
                self.child.close_input()
            return
        await self.stop()
        if not await self._ends_within(QUIT_PATIENCE_S) and self.child is not None:
            self.child.terminate()
            await self._ends_within(SIGTERM_PATIENCE_S)

    async def _ends_within(self, seconds: float) -> bool:
        if self._following is not None:
            await asyncio.wait([self._following], timeout=seconds)
        return not self.is_running
