"""The events of a run, kept in its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


class History:
    """Writes events to the history of a folder, which may be created after this object."""

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
        if not self._has_begun:
            _drop_half_line(self.path)
            self._has_begun = True
        try:
            with self.path.open("a", encoding="utf-8", errors=AS_ESCAPES, newline="\n") as file:
                file.write(to_json_line(event) + "\n")
        except OSError as error:
            raise StorageError(f"could not write {self.path}: {os_reason(error)}") from error


def record(
    events: Iterable[Event],
    folder: Path,
    *,
    owns_model: bool = False,
    at_own_model: Callable[[], object] = lambda: None,
) -> Iterator[Event]:
    """Writes each event to the folder's history, then yields it.

    `owns_model` says whether the model in the folder is already that of this run, which was
    resumed. Once such a model is saved, the history of earlier runs is dropped, and `at_own_model`
    is called. If the run fails, the history ends with the failure. Raises StorageError.
    """
    history, last_time, is_first_save = History(folder), 0.0, True
    try:
        for event in events:
            last_time = event.time
            history.add(event)
            if isinstance(event, Saved) and is_first_save and (owns_model or event.best):
                is_first_save = False
                _drop_older_runs(history.path)
                at_own_model()
            yield event
    except RnnlmError as error:
        with suppress(RnnlmError):
            history.add(Failed(last_time, error.kind, error.message, error.hint))
        raise


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
        return False  # decoding all lines of 10 hours takes 0.4 s
    try:
        event = from_json_line(line)
    except ValueError:
        return False
    return isinstance(event, Started) and event.epochs_done == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StorageError(f"could not read {path}: {os_reason(error)}") from error
