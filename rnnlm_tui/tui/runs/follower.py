"""Follows a training by its history file, and gives it orders by its control file.

The training may have been started by this app, an earlier one, a script or another terminal.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError, StorageError, UsageError, os_reason
from rnnlm_tui.events import EpochEnded, Event, Finished, Saved, failed, from_json_line
from rnnlm_tui.store import files
from rnnlm_tui.store.appended import AppendedLines
from rnnlm_tui.store.files import CONTROL, HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainArguments, end_of_training, start_training
from rnnlm_tui.tui.runs.progress import RunProgress

READ_EVERY_S = 0.25
"""Seconds between two readings of the history."""
QUIT_PATIENCE_S = 30.0
"""Seconds that the app, when it is closed, waits for a run to save. A slower run saves later."""
WAIT_FOR_IT = "wait for its end, or stop it on the Train screen"
"""The hint if a training cannot start since another one is running."""
NO_END = "the training process ended without a message: it was killed or crashed"
NOTHING_LEARNED = "the training was stopped, or failed, before it had learned anything"
MAX_SEED_LINE = 1000
"""Characters of the line that a run continues after each epoch. The rest is cut off."""


class FollowedRun:
    """A training and its progress.

    `trainer` describes the process that trains, or is "" if this app has started it. `detached` is
    true if the run continues when the app is closed. `is_running` is true until its process has
    ended. `on_saved` is called for each save from now on, `on_end` once when the run is over, both
    on the event loop.
    """

    def __init__(self, library: Library, name: str, trainer: str = "") -> None:
        self.name, self.trainer = name, trainer
        self.progress = RunProgress(had_model=library.path(name).exists())
        self.detached = False
        self.is_running = True
        self.on_saved: Callable[[FollowedRun, Saved], object] = lambda run, saved: None
        self.on_end: Callable[[FollowedRun], object] = lambda run: None
        self._library = library
        self._process: subprocess.Popen[bytes] | None = None
        self._history = AppendedLines(library.runs.folder(name) / HISTORY)
        self._following: asyncio.Task[None] | None = None
        self._asked_to_stop = False

    @property
    def is_own(self) -> bool:
        """True if this app has started the run. Unless detached, it stops with the app."""
        return not self.trainer

    async def start(self, request: TrainArguments) -> None:
        """Starts the training and follows it. A resumed one shows the epochs of the saved run.

        Raises UsageError if any process is training, since one training takes all that a laptop
        has, and RnnlmError if the process cannot be started.
        """
        await asyncio.to_thread(self._start, request)
        self._following = asyncio.create_task(self._follow())

    def _start(self, request: TrainArguments) -> None:
        for run in self._library.runs.all():
            if run.trainer is not None:
                raise UsageError(f"{run.name} is being trained by {run.trainer}", WAIT_FOR_IT)
        is_resumed = "--resume" in request.arguments
        # Reads the history of an earlier run to its end. `_follow` then reads new events only.
        while earlier := self._events():
            for event in earlier:
                if is_resumed and isinstance(event, EpochEnded):
                    self.progress.add_epoch(event)
        files.remove(self._control)
        self._process = start_training(request, self._library)

    async def follow(self) -> None:
        """Follows a training of another process, beginning with what it has done so far."""
        await self._catch_up(tell=False)
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        is_alive = True
        while is_alive:
            await asyncio.sleep(READ_EVERY_S)
            # The history is read after the check, so that the last events are not missed.
            is_alive = await asyncio.to_thread(self._is_alive)
            await self._catch_up()
        if not self.progress.phase.is_over:
            self.progress.take(self._end())
        self.is_running = False
        self.on_end(self)

    def _is_alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._library.runs.trainer(self.name) is not None

    def _events(self) -> list[Event]:
        """Returns the events in the next piece of the history, or [] at its end. Skips lines that
        cannot be read, since the file may be damaged."""
        events: list[Event] = []
        while not events and (lines := self._history.read()):
            for line in lines:
                with suppress(ValueError):
                    events.append(from_json_line(line))
        return events

    async def _catch_up(self, *, tell: bool = True) -> None:
        """Takes the new events of the history. With `tell`, calls `on_saved` for a new save."""
        while events := await asyncio.to_thread(self._events):
            before = self.progress.saved
            for event in events:
                self.progress.take(event)
            if self._asked_to_stop:
                self.progress.stopping()
            # A history that was replaced is read again from its start. Its last save is known then.
            saved = self.progress.saved
            if tell and saved is not None and saved != before:
                self.on_saved(self, saved)

    def _end(self) -> Event:
        """Returns the last event of a run if it is not in the history."""
        seconds = self.progress.elapsed_s
        if self._process is not None:
            return end_of_training(self.name, self._process.returncode, seconds)
        if (self._library.runs.folder(self.name) / HISTORY).exists():
            return failed(RnnlmError(NO_END), seconds)
        # A run that has nothing to keep removes its history.
        if self._asked_to_stop:
            return Finished(seconds, "stopped", None, metrics=None, path="", elapsed_s=seconds)
        return failed(RnnlmError(NOTHING_LEARNED), seconds)

    # Control

    @property
    def _control(self) -> Path:
        return self._library.runs.folder(self.name) / CONTROL

    def order(self, line: str) -> bool:
        """Gives the training an order, such as "pause" or "resume". It obeys after its current
        step. Returns False if the run has ended. Raises StorageError."""
        try:
            if self.is_running:
                self._control.parent.mkdir(parents=True, exist_ok=True)
                with self._control.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(f"{line}\n")
        except OSError as error:
            message = f"{self.name} cannot be given orders: {os_reason(error)}"
            raise StorageError(message, f"it reads them from {self._control}") from error
        return self.is_running

    def sample(self, text: str) -> bool:
        """Gives the run a line to continue after each epoch. Returns False if there is none or the
        run has ended. Raises StorageError."""
        line = " ".join(text[:MAX_SEED_LINE].split())
        return bool(line) and self.order(f"sample {line}")

    def compare_with(self, model: str | None) -> None:
        """Tells the run to compare its model, at its end, with `model`, which is active here. By
        default a run takes the model in use, which another app or a shell may have changed since.
        Raises StorageError."""
        if model is not None:
            self.order(f"compare {model}")

    def detach(self) -> None:
        """Lets the run continue when the app is closed. Raises StorageError."""
        self.detached = self.order("detach")

    def stop(self) -> None:
        """Tells the run to save and end. If it cannot be told, terminates it if it is the app's
        own, or else raises StorageError."""
        if self._asked_to_stop:
            return
        try:
            self._asked_to_stop = self.order("stop")
        except StorageError:
            if self._process is None:
                raise
            self._process.terminate()
            self._asked_to_stop = True
        if self._asked_to_stop:
            self.progress.stopping()

    async def ended(self, timeout_s: float | None = None) -> None:
        """Waits until the process has ended and its last events were taken."""
        if self._following is not None:
            await asyncio.wait([self._following], timeout=timeout_s)

    async def close(self, *, detach: bool) -> None:
        """Detaches or stops the app's own run before the app ends.

        A paused run is resumed before it is detached. After a stop, waits until the run has saved.
        Raises StorageError if it cannot be detached.
        """
        if detach:
            try:
                self.order("resume")
                self.detach()
            except StorageError:
                if not self.detached:
                    raise
            return
        self.stop()
        await self.ended(QUIT_PATIENCE_S)
