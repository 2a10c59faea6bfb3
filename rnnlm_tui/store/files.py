"""The files of a data folder, and how they are read and written.

    models/NAME.safetensors        a model (see `model_file`)
    models/.locks                  who works on which name (see `locks`)
    runs/NAME/resume.safetensors   the state of the training of this name (see `run_files`)
    runs/NAME/update.safetensors   the best epoch of an update that is not finished
    runs/NAME/history.jsonl        its events
    runs/NAME/control              orders to it while it runs (see `training.control`)
    runs/NAME/run.json             the files that the model learned
    texts/NAME.txt                 a text to train on that had no file (see `corpora`)
    in-use                         the name of the model in use (see `Library.in_use`)

A model's file is all that another machine needs. The run of the same name is of use to this machine
only. A file is written under a temporary name, flushed and renamed. Readers see the old file or the
new one, and never parts of both. A process that is killed may leave the temporary file, which the
next save replaces. On Linux `write_bytes` needs no temporary file for a new file.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec

from rnnlm_tui.errors import ModelError, StorageError, os_reason

Parsed = TypeVar("Parsed")
WINDOWS_TRIES = 20
"""The number of times that `replace` tries to rename a file on Windows, within a second."""
SUFFIX = ".safetensors"
"""The end of the name of a model's file."""
TEMPORARY = ".rnnlm-tmp"
"""The end of the name of a file that is being written."""
RESUME = "resume.safetensors"
UPDATE = "update.safetensors"
HISTORY = "history.jsonl"
CONTROL = "control"
RUN_JSON = "run.json"
IN_USE = "in-use"
"""The names of the files in the list above."""


def open_file(path: Path) -> BufferedReader:
    """Opens a file to read. Raises OSError, also for a pipe and the like. Another program may have
    put a pipe there, and to open it would block until somebody writes to it."""

    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    file = open(path, "rb", opener=without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return file


def read_bytes(path: Path) -> bytes:
    """Returns the contents of a file, opened by `open_file`. Raises OSError."""
    with open_file(path) as file:
        return file.read()


def parse_json(raw: bytes, kind: type[Parsed], label: str) -> Parsed:
    """Parses JSON of this kind, ignoring unknown fields. Raises ModelError."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label} is damaged: {json_fault(error)}") from None


def json_fault(error: Exception) -> str:
    """Returns the fault in JSON, and the field in which msgspec found it."""
    if not isinstance(error, msgspec.ValidationError):
        return "it is not JSON"
    if error.__cause__ is not None:  # raised by a check of this program
        return str(error.__cause__)
    why, _, place = str(error).partition(" - at `")  # a place such as $.corpus.words
    if (lacking := re.search("missing required field `(.+)`", why)) is not None:
        place = f"{place}.{lacking[1]}"
    where = ".".join(re.findall(r"[^\W\d]\w*", place))
    return f"{where} is {'missing' if lacking else 'wrong'}" if where else "its value is wrong"


def write_json(path: Path, data: object) -> None:
    """Writes or replaces a JSON file. Bytes of a file's name that are not Unicode become question
    marks. Raises StorageError."""
    text = json.dumps(msgspec.to_builtins(data), ensure_ascii=False, indent=1)
    write_bytes(path, text.encode(errors="replace"))


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes or replaces a file. Raises StorageError."""
    if not _write_new(path, raw):
        write_file(path, lambda temporary: temporary.write_bytes(raw))


def _write_new(path: Path, raw: bytes) -> bool:
    """Writes a new file without a name, and names it once it is whole. A process that is killed
    then leaves nothing. Returns False, and leaves no file, if `path` exists, if writing fails, or
    if the system has no nameless files. Linux has them."""
    try:
        handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(handle)
            # Python follows the link in /proc only with a `src_dir_fd`. Its value has no effect.
            os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle)
    except (AttributeError, OSError):
        return False
    return True


def copy(source: Path, target: Path) -> None:
    """Copies a file to `target`, which is replaced if it exists. Follows a link. Raises
    StorageError, also if `target` is a device or the like."""
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_file():
        raise StorageError(f"{target} is not a file", "name a file; it need not exist yet")
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise _not_saved(target, error) from error
    write_bytes(target, raw)


def temporary_of(path: Path) -> Path:
    """Returns the path where a file is written before it is renamed to `path`."""
    return path.with_name(f".{path.name}{TEMPORARY}")


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path next to `path`, flushes the file and renames it to
    `path`. If that fails, leaves `path` as it was, removes the temporary file and raises
    StorageError. Only one process at a time may write to a path."""
    temporary = temporary_of(path)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        replace(temporary, path)
    except OSError as error:
        raise _not_saved(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Renames a file or a folder, and replaces a file at `target`. On Windows that fails while
    another process reads the file, so it is tried for a second. Raises StorageError."""
    for tries_left in reversed(range(WINDOWS_TRIES if os.name == "nt" else 1)):
        try:
            source.replace(target)
            return
        except OSError as error:
            if not tries_left:
                raise _not_saved(target, error) from error
            time.sleep(1 / WINDOWS_TRIES)


def _not_saved(path: Path, error: OSError) -> StorageError:
    hint = missing_folder_hint(path)
    if os.path.lexists(path):
        hint = "what was saved before is still there"
    return StorageError(f"could not save {path}: {os_reason(error)}", hint)


def missing_folder_hint(path: Path) -> str:
    """Returns the advice to make the folder of a file, or "" if the folder exists."""
    return "" if path.parent.exists() else f"make the folder {path.parent} first"


def saved_ns(path: Path) -> int:
    """Returns when a file was saved, in nanoseconds since the epoch, or 0 without a file."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def put_aside(path: Path, endings: Sequence[str] = ("",)) -> Path:
    """Renames a file to the first free one of NAME.damaged, NAME.damaged-2 and so on, and returns
    the new path. With several `endings` of its name, renames all files NAME + ending that exist, in
    this order. Raises OSError."""
    for number in count(1):
        kept = path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else ""))
        if not any(os.path.lexists(f"{kept}{ending}") for ending in endings):
            break
    for ending in endings:
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{kept}{ending}")
    return kept


def make_folder(path: Path) -> None:
    """Makes a folder and those above it. Raises StorageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {path}: {os_reason(error)}") from error


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, if there is one. Raises StorageError."""
    import shutil  # 5 ms that a suggestion does not need

    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"could not delete {path}: {os_reason(error)}") from error
