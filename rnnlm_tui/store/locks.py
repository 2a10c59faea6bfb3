"""Locks on the names of models, with a note on the process that trains one.

The lock is the operating system's, on `<name>.lock`, which is released however the process ends.
The note `<name>.json` is a training's; it may outlive a killed process, so it is valid only while
the lock is held. Other operations hold a lock for an instant, without a note.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, json

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.formatting import local_time

PATIENCE_S = 0.5
"""Time to wait for a taken lock, since asking whether it is held takes it for an instant."""


class Trainer(Struct, frozen=True):
    """The process that trains a model, and since when."""

    pid: Annotated[int, Meta(gt=0)]
    since: str

    def __str__(self) -> str:
        return f"process {self.pid}, since {local_time(self.since)}"


class Locks:
    """The locks of a library. All names passed in must be valid. Creates nothing until a name is
    held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str, *, trains: bool) -> Iterator[None]:
        """Holds the lock of a name, with a note if this process `trains` the model. Raises
        ModelError naming the holder if it is taken, StorageError if the folder cannot be
        written."""
        import filelock  # 15 ms, needed only here

        lock = filelock.FileLock(self._lock(name), timeout=PATIENCE_S)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            if trains:
                since = datetime.now(UTC).isoformat(timespec="seconds")
                self._note(name).write_bytes(json.encode(Trainer(os.getpid(), since)))
        except filelock.Timeout as error:
            holder = self._noted(name) or "another process"
            raise ModelError(
                f"the model {name} is in use by {holder}", "wait until it has ended"
            ) from error
        except OSError as error:
            raise StorageError(f"cannot write to {self._folder}: {os_reason(error)}") from error
        try:
            yield
        finally:
            with suppress(OSError):
                self._note(name).unlink(missing_ok=True)
            lock.release()

    def is_held(self, name: str) -> bool:
        """Whether a process holds the lock of the name."""
        path = self._lock(name)
        if not path.exists():
            return False
        import filelock

        try:
            with filelock.FileLock(path, timeout=0):
                return False
        except filelock.Timeout:
            return True
        except OSError:
            return False

    def trainer(self, name: str) -> Trainer | None:
        """The process that trains the model `name`; None if none does. Tries the lock only if there
        is a note of a training, since trying takes it for an instant."""
        noted = self._noted(name)
        return noted if noted and self.is_held(name) else None

    def noted_names(self) -> list[str]:
        """The names with a note. The trainers of some may have been killed."""
        return [path.stem for path in self._folder.glob("*.json")]

    def end_training(self, name: str) -> None:
        """Sends SIGTERM to the process that trains the model `name`. Raises ModelError if there is
        none or it cannot be signalled."""
        trainer = self.trainer(name)
        if trainer is None:
            raise ModelError(f"no training named {name} is running on this machine")
        if sys.platform == "win32":
            # SIGTERM would end the process at once, without saving.
            raise ModelError(
                f"Windows cannot ask the training of {name}, process {trainer.pid}, to save and"
                " end",
                "press ctrl+c where it runs",
            )
        try:
            os.kill(trainer.pid, signal.SIGTERM)
        except OSError as error:  # it has ended by now, or is another user's
            raise ModelError(
                f"process {trainer.pid}, which trains {name}, cannot be stopped from here:"
                f" {os_reason(error)}"
            ) from error

    def _lock(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _noted(self, name: str) -> Trainer | None:
        """The process in a note; None without a whole one."""
        try:
            return json.decode(self._note(name).read_bytes(), type=Trainer)
        except (OSError, ValueError):
            return None
