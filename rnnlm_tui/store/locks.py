"""Who holds a model's name: one process at a time, which leaves a note of what it does with it.

The lock is the system's own on `<name>.lock`, which it releases when the process ends, however it
ends. The note `<name>.json` may outlive a process that was killed, so it counts only while the lock
is held.
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

TRAINING = "train"
"""The purpose of a run; every other takes a moment."""
PATIENCE_S = 0.5
"""Looking who holds a name takes its lock for an instant, so one taken is asked for a few times."""


class Holder(Struct, frozen=True):
    """The process that holds a name. `pid` is None, and the rest empty, if it is not known."""

    pid: Annotated[int, Meta(gt=0, lt=1 << 31)] | None = None  # 0 would mean many processes
    host: str = ""
    since: str = ""
    purpose: str = ""

    @property
    def on_this_host(self) -> bool:
        """Whether the process runs on this machine, as far as its name tells."""
        return self.pid is not None and self.host == host_name()

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} on {self.host}, since {local_time(self.since)}"


def host_name() -> str:
    """The name of this machine."""
    import socket  # 2 ms that a question need not wait for

    return socket.gethostname()


class Locks:
    """The locks of the names in one library; every name given is a model's. Creates nothing before
    a name is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str, purpose: str) -> Iterator[None]:
        """Holds the name against every other process. Raises ModelError naming the holder,
        StorageError if the folder cannot be written."""
        import filelock  # 15 ms that are needed only here

        path, note = self._lock(name), self._note(name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path, timeout=PATIENCE_S)
            lock.acquire()
        except filelock.Timeout as error:
            raise ModelError(
                f"the model {name} is in use by {self._noted_holder(name)}",
                "wait until it has ended",
            ) from error
        except OSError as error:
            raise StorageError(f"cannot write to {self._folder}: {os_reason(error)}") from error
        try:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            with suppress(OSError):
                holder = Holder(os.getpid(), host_name(), since, purpose)
                note.write_bytes(json.encode(holder))
            yield
        finally:
            with suppress(OSError):
                note.unlink(missing_ok=True)
            lock.release()

    def holder(self, name: str) -> Holder | None:
        """The process that holds the name, or None if none does."""
        path = self._lock(name)
        if not path.exists():
            return None
        import filelock

        try:
            with filelock.FileLock(path, timeout=0):
                return None
        except filelock.Timeout:
            return self._noted_holder(name)
        except OSError:
            return None

    def trainer(self, name: str) -> Holder | None:
        """The process that trains the model of this name, or None if none does.

        The lock is looked at only if a note says so: looking takes it for an instant.
        """
        if self._read_note(name).purpose != TRAINING:
            return None
        holder = self.holder(name)
        return holder if holder is not None and holder.purpose == TRAINING else None

    def noted(self) -> list[str]:
        """The names with a note: those that are held, and some whose holder was killed."""
        return [path.stem for path in self._folder.glob("*.json")]

    def end_training(self, name: str) -> None:
        """Sends SIGTERM to the process that trains the model of this name on this machine.

        Raises ModelError if none does, and if it cannot be asked to end.
        """
        holder = self.trainer(name)
        if holder is None or holder.pid is None:
            raise ModelError(f"no training named {name} is running on this machine")
        if not holder.on_this_host:
            raise ModelError(f"{name} is trained by {holder}, another machine", "stop it there")
        if sys.platform == "win32":
            # There SIGTERM ends a process at once, with nothing saved.
            raise ModelError(
                f"Windows cannot ask the training of {name}, process {holder.pid}, to save and end",
                "press ctrl+c where it runs",
            )
        import psutil  # 30 ms that are needed only here

        try:
            # The number of a process that was killed may be another's by now.
            opened = psutil.Process(holder.pid).open_files()
            if os.path.realpath(self._lock(name)) not in {os.path.realpath(f.path) for f in opened}:
                raise ModelError(f"process {holder.pid} does not train {name}", "try again")
            os.kill(holder.pid, signal.SIGTERM)
        except (psutil.NoSuchProcess, ProcessLookupError) as error:
            raise ModelError(f"the training of {name} has ended") from error
        except (psutil.AccessDenied, PermissionError) as error:
            raise ModelError(
                f"the training of {name} is another user's, process {holder.pid}", "stop it there"
            ) from error

    def _lock(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _noted_holder(self, name: str) -> Holder:
        """The holder of a lock that is taken. A note of a process that is gone is not its."""
        holder = self._read_note(name)
        if holder.on_this_host and holder.pid is not None:
            import psutil

            if not psutil.pid_exists(holder.pid):
                return Holder()
        return holder

    def _read_note(self, name: str) -> Holder:
        """What a note says; nothing if it makes no sense."""
        try:
            holder = json.decode(self._note(name).read_bytes(), type=Holder)
            return holder if holder.pid is not None else Holder()
        except (OSError, ValueError, RecursionError):
            return Holder()
