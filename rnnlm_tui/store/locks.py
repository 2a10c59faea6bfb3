"""Locks on the names of models, each with a note on the process that holds it.

The lock is the operating system's, on `<name>.lock`, which is released however the process ends.
The note `<name>.json` may outlive a killed process, so it is valid only while the lock is held.
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
"""The purpose of a training. Other purposes are brief."""
PATIENCE_S = 0.5
"""Time to wait for a taken lock, since looking up a holder takes the lock for an instant."""


class Holder(Struct, frozen=True):
    """The process that holds a name. If unknown, `pid` is None and the rest empty."""

    pid: Annotated[int, Meta(gt=0, lt=1 << 31)] | None = None  # kill() takes 0 for a whole group
    host: str = ""
    since: str = ""
    purpose: str = ""

    @property
    def on_this_host(self) -> bool:
        """Whether the process runs on this machine, judging by the host name."""
        return self.pid is not None and self.host == host_name()

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} on {self.host}, since {local_time(self.since)}"


def host_name() -> str:
    import socket  # 2 ms that a suggestion does not need

    return socket.gethostname()


class Locks:
    """The locks of a library. All names passed in must be valid. Creates nothing until a name is
    held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str, purpose: str) -> Iterator[None]:
        """Holds the lock of a name. Raises ModelError naming the holder if it is taken,
        StorageError if the folder cannot be written."""
        import filelock  # 15 ms, needed only here

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
        """The process that holds the lock of the name; None if none does."""
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
        """The process that trains the model `name`; None if none does.

        Tries the lock only if there is a note of a training, since trying takes it for an instant.
        """
        if self._read_note(name).purpose != TRAINING:
            return None
        holder = self.holder(name)
        return holder if holder is not None and holder.purpose == TRAINING else None

    def names_with_notes(self) -> list[str]:
        """The names with a note. The holders of some may have been killed."""
        return [path.stem for path in self._folder.glob("*.json")]

    def end_training(self, name: str) -> None:
        """Sends SIGTERM to the process that trains the model `name` on this machine. Raises
        ModelError if there is none or it cannot be signalled."""
        holder = self.trainer(name)
        if holder is None or holder.pid is None:
            raise ModelError(f"no training named {name} is running on this machine")
        if not holder.on_this_host:
            raise ModelError(
                f"{name} is being trained on another machine ({holder})", "stop it there"
            )
        if sys.platform == "win32":
            # SIGTERM would end the process at once, without saving.
            raise ModelError(
                f"Windows cannot ask the training of {name}, process {holder.pid}, to save and end",
                "press ctrl+c where it runs",
            )
        import psutil  # 30 ms, needed only here

        try:
            # The process id may have been reused.
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
        """The holder of a lock that is taken; unknown if the process of the note is gone."""
        holder = self._read_note(name)
        if holder.on_this_host and holder.pid is not None:
            import psutil

            if not psutil.pid_exists(holder.pid):
                return Holder()
        return holder

    def _read_note(self, name: str) -> Holder:
        """The holder in a note; unknown if the note is missing or invalid."""
        try:
            holder = json.decode(self._note(name).read_bytes(), type=Holder)
            return holder if holder.pid is not None else Holder()
        except (OSError, ValueError, RecursionError):
            return Holder()
