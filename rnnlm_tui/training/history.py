"""The events of a run, kept in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.events import (
    Event,
    Failed,
    Preparing,
    Progress,
    Saved,
    Started,
    event_name,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.store import files
from rnnlm_tui.store.files import AS_ESCAPES, HISTORY

PROGRESS_EVERY_S = 1.0
"""The history file gets a progress event a second: 0.7 MB an hour."""


def record(events: Iterable[Event], folder: Path) -> Iterator[Event]:
    """Writes each event to the folder's history, then yields it.

    Once a new run has saved a model of its own, it drops the history of earlier runs. If the run
    fails, the history ends with the failure. Raises StorageError.
    """
    path, last_time, next_progress = folder / HISTORY, 0.0, 0.0
    owns_model = has_dropped = False
    try:
        for event in events:
            last_time = event.time
            if isinstance(event, Started):
                owns_model = event.epochs_done > 0
                _drop_half_line(path)
            if not isinstance(event, Progress | Preparing):
                _append(path, event)
            elif event.time >= next_progress:
                _append(path, event)
                next_progress = event.time + PROGRESS_EVERY_S
            owns_model = owns_model or (isinstance(event, Saved) and event.best)
            if isinstance(event, Saved) and owns_model and not has_dropped:
                _drop_older_runs(path)
                has_dropped = True
            yield event
    except RnnlmError as error:
        with suppress(RnnlmError):
            _append(path, Failed(last_time, error.kind, error.message, error.hint))
        raise


class PreparationHistory:
    """Writes the progress of preparing a large text to the history of an existing folder."""

    def __init__(self, folder: Path) -> None:
        self._path, self._next = folder / HISTORY, 0.0
        self._has_begun = False

    def add(self, event: Preparing) -> None:
        """Writes the event, unless it is less than a second after the last. Raises StorageError."""
        if self._has_begun and event.time < self._next:
            return
        if not self._has_begun:
            _drop_half_line(self._path)
        self._has_begun, self._next = True, event.time + PROGRESS_EVERY_S
        _append(self._path, event)


def _append(path: Path, event: Event) -> None:
    try:
        with path.open("a", encoding="utf-8", errors=AS_ESCAPES, newline="\n") as file:
            file.write(to_json_line(event) + "\n")
    except OSError as error:
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error


def _drop_half_line(path: Path) -> None:
    """Cuts off a last line that a killed run left half written."""
    raw = _read(path)
    whole = raw.rfind(b"\n") + 1
    if whole < len(raw):
        files.write_bytes(path, raw[:whole])


def _drop_older_runs(path: Path) -> None:
    """Cuts off everything before the last run that began with the first epoch.

    A run may be killed between its first save and this, so a resumed run does it too.
    """
    lines = _read(path).splitlines(keepends=True)
    begin = max((i for i, line in enumerate(lines) if _begins_run(line)), default=0)
    if begin > 0:
        files.write_bytes(path, b"".join(lines[begin:]))


def _begins_run(line: bytes) -> bool:
    if event_name(Started).encode() not in line:
        return False
    try:
        event = from_json_line(line.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(event, Started) and event.epochs_done == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StorageError(f"could not read {path}: {os_reason(error)}") from error
