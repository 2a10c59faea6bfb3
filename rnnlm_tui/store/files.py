"""The files of a data folder, and how they are read and written.

    models/NAME.safetensors        a model (see `model_file`)
    models/.locks                  who works on which name (see `locks`)
    runs/NAME/resume.safetensors   the state of the training of this name
    runs/NAME/history.jsonl        its events
    runs/NAME/origin.json          the files that it was trained on
    texts/NAME.txt                 a text to train on that had no file (see `texts`)

A model's file is all that another machine needs. The run of the same name is of use to this machine
only. A file is written under a temporary name, flushed and renamed, so that readers see the old one
or the new one, never parts of both. A process that is killed may leave the temporary file, which
the next write of the same file replaces.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.event_types import json_safe

T = TypeVar("T")
WINDOWS_TRIES = 20
SUFFIX = ".safetensors"
RESUME, HISTORY, ORIGIN = "resume.safetensors", "history.jsonl", "origin.json"
AS_ESCAPES = "backslashreplace"
"""Error handler for encoding JSON. Bytes of a path that are not UTF-8 are lone surrogates in
Python; this writes them as JSON escapes."""
LARGEST_JSON = 16 << 20
"""Bytes of the largest file of JSON."""
CHUNK = 1 << 20


def parse_json(raw: bytes, label: str) -> object:
    """Parses JSON. Raises ModelError.

    Unlike msgspec's parser, Python's accepts the lone surrogates of paths.
    """
    try:
        return json.loads(raw.decode())
    except RecursionError as error:
        raise ModelError(f"{label} is damaged: it is nested too deeply") from error
    except ValueError as error:
        raise ModelError(f"{label} is damaged: it is not valid JSON") from error


def convert_json(data: object, kind: type[T], label: str) -> T:
    """Converts parsed JSON to `kind`, ignoring unknown fields. Raises ModelError."""
    try:
        return msgspec.convert(data, kind)
    except ValueError as error:
        what, _, place = str(error).partition(" - at `$")
        where = f"{place.strip('.`')}: " if place else ""
        raise ModelError(f"{label} is damaged: {where}{what[:1].lower()}{what[1:]}") from error


@contextmanager
def model_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into ModelErrors about this file."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading. Raises ModelError, also if it is not a regular file: opening or
    reading a pipe may block forever."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with model_errors(path):
        handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ModelError(f"{path.name} is not a file")
    return os.fdopen(handle, "rb")


def read_file(path: Path) -> bytes:
    """The contents of a file of at most `LARGEST_JSON` bytes. Raises ModelError."""
    with open_regular(path) as file, model_errors(path):
        raw = file.read(LARGEST_JSON + 1)
    if len(raw) > LARGEST_JSON:
        raise ModelError(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
    return raw


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yields the contents of a file in pieces. Raises ModelError."""
    with open_regular(path) as file, model_errors(path):
        while chunk := file.read(CHUNK):
            yield chunk


def read_json(path: Path, kind: type[T]) -> T:
    """Reads a JSON file as `kind`. Raises ModelError."""
    return convert_json(parse_json(read_file(path), path.name), kind, path.name)


def temporary_of(path: Path) -> Path:
    """Where a file is written before it is renamed to `path`."""
    return path.with_name(f".{path.name}.tmp")


def write_file(path: Path, write: Callable[[Path], object], temporary: Path | None = None) -> None:
    """Calls `write` with a temporary path next to `path`, flushes the file and renames it to
    `path`. Raises StorageError and leaves `path` as it was. The temporary file is always removed.
    Only one process at a time may write to a path, unless it names a `temporary` of its own."""
    temporary = temporary or temporary_of(path)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        _replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        hint = "what was saved before is still there"
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            hint = f"make the folder {path.parent} first"
        raise StorageError(f"could not save {path}: {os_reason(error)}", hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    """Renames a file over another. On Windows that fails while somebody reads the other one, as
    listing models does briefly, so it is retried for a second."""
    tries = WINDOWS_TRIES if os.name == "nt" else 1
    for left in reversed(range(tries)):
        try:
            source.replace(target)
            return
        except PermissionError:
            if left == 0:
                raise
            time.sleep(1 / WINDOWS_TRIES)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no flush
        return
    with suppress(OSError):  # some file systems cannot flush a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it. Raises StorageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {path}: {os_reason(error)}") from error


def write_json(path: Path, data: Any) -> None:
    """Writes or replaces a JSON file. Raises StorageError."""
    text = json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False, indent=1)
    write_bytes(path, text.encode(errors=AS_ESCAPES))


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes or replaces a file. Raises StorageError."""
    write_file(path, lambda temporary: temporary.write_bytes(raw))


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it; nothing if nothing is there. Raises
    StorageError."""
    import shutil  # 5 ms that a suggestion does not need

    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"could not delete {path}: {os_reason(error)}") from error


def is_there(path: Path) -> bool:
    """Whether something is at `path`, even a broken link or a file in an unreadable folder."""
    try:
        path.lstat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def sizes_of_files(folder: Path) -> dict[str, int]:
    """The bytes of each file in a folder, by name. A training may replace some at any time."""
    sizes: dict[str, int] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    return sizes
