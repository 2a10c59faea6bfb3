"""Locks on the names of models, and notes on the processes that train them.

The operating system locks `<name>.lock`, and releases it however the process ends. A training also
writes the note `<name>.json`. A killed process leaves its note, so a note is valid only while the
lock is held. Other operations hold a lock for an instant, without a note.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, json

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.formatting import local_time
from rnnlm_tui.store.files import read_bytes

PATIENCE_S = 0.5
"""Seconds to wait for a lock that is taken. Some processes take it only for an instant."""


class Trainer(Struct, frozen=True):
    """The process that trains a model, and the time when the training began."""

    pid: Annotated[int, Meta(gt=0)]
    since: str

    def __str__(self) -> str:
        return f"process {self.pid}, since {local_time(self.since)}"


@contextmanager
def hold(folder: Path, name: str, *, trains: bool) -> Iterator[None]:
    """Holds the lock of a name, which must be valid. Writes a note if this process `trains` the
    model. Raises ModelError, which names the holder, if the lock is taken. Raises StorageError if
    the folder of the locks cannot be written."""
    import filelock  # 15 ms, needed only here

    lock = filelock.FileLock(folder / f"{name}.lock", timeout=PATIENCE_S)
    note = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        if trains:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            note.write_bytes(json.encode(Trainer(os.getpid(), since)))
    except filelock.Timeout as error:
        who, hint = _read_note(folder, name), "wait until it has ended"
        if who is not None and who.pid == os.getpid():  # in Python, such as a notebook
            hint = "that is this one: call close() of the events of that training"
        message = f"the model {name} is held by {who or 'another process'}"
        raise ModelError(message, hint) from error
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {os_reason(error)}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def trainer(folder: Path, name: str) -> Trainer | None:
    """Returns the process that trains the model, or None. Removes the note of a killed one."""
    noted = _read_note(folder, name)
    if noted is None:  # no process trains it, and the lock need not be tried
        return None
    import filelock

    try:
        with filelock.FileLock(folder / f"{name}.lock", timeout=0):
            # Its process was killed. Of two that look at once, one would find the lock taken.
            (folder / f"{name}.json").unlink(missing_ok=True)
            return None
    except filelock.Timeout:
        return noted
    except OSError:
        return None


def _read_note(folder: Path, name: str) -> Trainer | None:
    """Returns the process that the note of a model names, or None if there is no whole note."""
    try:
        return json.decode(read_bytes(folder / f"{name}.json"), type=Trainer)
    except (OSError, ValueError):
        return None
