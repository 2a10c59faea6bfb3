"""The events of a run, kept in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.event_types import (
    Event,
    Preparing,
    Progress,
    Started,
    failed,
    to_json_line,
)
from rnnlm_tui.store import files
from rnnlm_tui.store.files import AS_ESCAPES, HISTORY

PROGRESS_EVERY_S = 1.0
"""The history file gets a progress event a second: 0.7 MB an hour."""


class History:
    """Writes events to the history of a folder, which may be created after this object. The start
    of a run replaces the history of an earlier one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self._next_progress = 0.0
        self._has_begun = False

    def add(self, event: Event) -> None:
        """Writes the event, unless it is progress less than a second after the last. Raises
        StorageError."""
        if isinstance(event, Progress | Preparing):
            if event.time < self._next_progress:
                return
            self._next_progress = event.time + PROGRESS_EVERY_S
        if isinstance(event, Started) and event.epochs_done == 0:
            files.write_bytes(self.path, b"")
        elif not self._has_begun:
            _drop_half_line(self.path)
        self._has_begun = True
        try:
            with self.path.open("a", encoding="utf-8", errors=AS_ESCAPES, newline="\n") as file:
                file.write(to_json_line(event) + "\n")
        except OSError as error:
            raise StorageError(f"could not write {self.path}: {os_reason(error)}") from error


def record(events: Iterable[Event], folder: Path) -> Iterator[Event]:
    """Writes each event to the folder's history, then yields it. If the run fails, the history ends
    with the failure. Raises StorageError."""
    history, last_time = History(folder), 0.0
    try:
        for event in events:
            last_time = event.time
            history.add(event)
            yield event
    except RnnlmError as error:
        with suppress(RnnlmError):
            history.add(failed(error, last_time))
        raise


def _drop_half_line(path: Path) -> None:
    """Cuts off a last line that a killed run left half written."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"could not read {path}: {os_reason(error)}") from error
    whole = raw.rfind(b"\n") + 1
    if whole < len(raw):
        files.write_bytes(path, raw[:whole])
