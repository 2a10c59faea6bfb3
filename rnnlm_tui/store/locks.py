"""Who holds a model's name: one process at a time, which leaves a note of what it does with it.

The lock is the system's own on `<name>.lock`, which it lets go of when the process ends, however it
ends. The note `<name>.json` beside it may outlive a process that was killed, so it is believed only
while the lock is held.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.formatting import local_time

TRAINING = "train"
"""The purpose of a run; every other is over in a moment."""
PATIENCE_S = 0.5
"""Looking who holds a name takes its lock for an instant, so one taken is asked for a few times."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a name. `pid` is None, and the rest empty, where it is not known."""

    pid: int | None = None
    host: str = ""
    since: str = ""
    purpose: str = ""

    @property
    def on_this_host(self) -> bool:
        """Whether the process runs on this machine, so far as its name tells."""
        return self.pid is not None and self.host == socket.gethostname()

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} on {self.host}, since {local_time(self.since)}"


class Locks:
    """The locks of the names in one library; every name given is a model's. Creates nothing before
    a name is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str, purpose: str) -> Iterator[None]:
        """Holds the name against every other process. Raises ModelError naming the holder,
        StorageError where the folder cannot be written."""
        path, note = self._lock(name), self._note(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path, timeout=PATIENCE_S)
            lock.acquire()
        except filelock.Timeout as error:
            raise ModelError(
                f"the model {name} is in use by {self._holder_of_taken(name)}",
                "wait until it has ended",
            ) from error
        except OSError as error:
            raise StorageError(f"cannot write to {path.parent}: {os_reason(error)}") from error
        try:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            holder = Holder(os.getpid(), socket.gethostname(), since, purpose)
            with suppress(OSError):
                note.write_text(json.dumps(asdict(holder)))
            yield
        finally:
            with suppress(OSError):
                note.unlink(missing_ok=True)
            lock.release()

    def holder(self, name: str) -> Holder | None:
        """The process that holds the name, or None where nobody does."""
        path = self._lock(name)
        if not path.exists():
            return None
        try:
            with filelock.FileLock(path, timeout=0):
                return None
        except filelock.Timeout:
            return self._holder_of_taken(name)
        except OSError:
            return None

    def trainer(self, name: str) -> Holder | None:
        """The process that trains the model of this name, or None where none does.

        The lock is looked at only where a note says so: looking takes it for an instant.
        """
        if _read_note(self._note(name)).purpose != TRAINING:
            return None
        holder = self.holder(name)
        return holder if holder is not None and holder.purpose == TRAINING else None

    def noted(self) -> list[str]:
        """What has a note: the names that are held, and some whose holder was killed."""
        return [path.stem for path in self._folder.glob("*.json")]

    def end_training(self, name: str) -> None:
        """Sends SIGTERM to the process that trains the model of this name on this machine.

        Raises ModelError where none does, and where it cannot be asked to end.
        """
        holder = self.trainer(name)
        if holder is None or holder.pid is None:
            raise ModelError(f"no training of {name} runs on this machine")
        if not holder.on_this_host:
            raise ModelError(f"{name} is trained by {holder}, another machine", "stop it there")
        if sys.platform == "win32":
            # There SIGTERM ends a process at once, with nothing saved.
            raise ModelError(
                f"Windows cannot ask the training of {name}, process {holder.pid}, to save and end",
                "press ctrl+c where it runs",
            )
        try:
            # The number of a process that was killed may be another's by now.
            if not _has_open(holder.pid, self._lock(name)):
                raise ModelError(f"process {holder.pid} does not train {name}", "try again")
            os.kill(holder.pid, signal.SIGTERM)
        except ProcessLookupError as error:
            raise ModelError(f"the training of {name} has ended") from error
        except PermissionError as error:
            raise ModelError(
                f"the training of {name} is another user's, process {holder.pid}", "stop it there"
            ) from error

    def _lock(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _holder_of_taken(self, name: str) -> Holder:
        """The holder of a lock that is taken. A note of a process that is gone is not its."""
        holder = _read_note(self._note(name))
        if holder.on_this_host and holder.pid is not None:
            import psutil  # 30 ms that are needed only here

            if not psutil.pid_exists(holder.pid):
                return Holder()
        return holder


def _read_note(note: Path) -> Holder:
    """What a note says, or nothing where it makes no sense."""
    try:
        facts: dict[str, Any] = json.loads(note.read_text())
        holder = Holder(facts["pid"], facts["host"], facts["since"], facts["purpose"])
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return Holder()
    # A pid of 0 or below would mean many processes.
    is_pid = type(holder.pid) is int and 0 < holder.pid < 1 << 31
    texts = (holder.host, holder.since, holder.purpose)
    return holder if is_pid and all(isinstance(text, str) for text in texts) else Holder()


def _has_open(pid: int, path: Path) -> bool:
    """Whether the process has this file open. Raises ProcessLookupError for one that is gone, and
    PermissionError for one that may not be looked into."""
    import psutil

    try:
        files = psutil.Process(pid).open_files()
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError from error
    except psutil.AccessDenied as error:
        raise PermissionError from error
    real = os.path.realpath(path)
    return any(os.path.realpath(file.path) == real for file in files)
