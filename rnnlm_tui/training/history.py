"""The events of a run, kept in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.events import (
    Event,
    Failed,
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
    """Passes events on, each written to the folder's history before.

    A run that starts anew drops the history of the run before it once it has saved a model of its
    own. Where the run fails, the history ends with that. Raises StorageError.
    """
    path, last_time = folder / HISTORY, 0.0
    try:
        for event in _recorded(events, path):
            last_time = event.time
            yield event
    except RnnlmError as error:
        failed = Failed(last_time, error.kind, error.message, error.hint)
        with suppress(RnnlmError):
            _append(path, to_json_line(failed) + "\n")
        raise


def _recorded(events: Iterable[Event], path: Path) -> Iterator[Event]:
    last_progress, owns_model, trimmed = -PROGRESS_EVERY_S, False, False
    for event in events:
        match event:
            case Started():
                owns_model = event.epochs_done > 0
                _mend(path)
            case Progress():
                if event.time - last_progress < PROGRESS_EVERY_S:
                    yield event
                    continue
                last_progress = event.time
        _append(path, to_json_line(event) + "\n")
        if isinstance(event, Saved):
            owns_model = owns_model or event.best
            if owns_model and not trimmed:
                _drop_older_runs(path)
                trimmed = True
        yield event


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", errors=AS_ESCAPES, newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error


def _mend(path: Path) -> None:
    """Cuts a last line off that a killed run left half written."""
    raw = _read(path)
    whole = raw.rfind(b"\n") + 1
    if whole < len(raw):
        files.write_bytes(path, raw[:whole])


def _drop_older_runs(path: Path) -> None:
    """Cuts off all before the last run that began with the first epoch. A run may have been killed
    between its first save and this, so one that goes on looks too."""
    raw = _read(path)
    begin = place = 0
    for line in raw.splitlines(keepends=True):
        if _begins_anew(line):
            begin = place
        place += len(line)
    if begin > 0:
        files.write_bytes(path, raw[begin:])


def _begins_anew(line: bytes) -> bool:
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
