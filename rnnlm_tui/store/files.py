"""A model's folder: what stands in it, how it is checked, and how it is written.

    model.json              what the model is, and the name of its weights
    vocabulary.json         its words in the order of their ids
    weights-<n>.safetensors its weights, as they were saved the n-th time
    history.jsonl           the events of its training
    resume.safetensors      the state of its training
    evaluation.json         its figures on the lines that the training held out
    origin.json             the files that it was trained on, for this machine alone

Every file is written to a temporary name, flushed and put in place, model.json last, which names
the weights and the vocabulary (vocabulary-<n>.json where a training replaces a model): a reader
sees the old model or the new one, never a mixture. Nothing in it is ever executed, and nothing is
believed before it is checked.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.events import json_safe

WINDOWS_TRIES = 20
MODEL, HISTORY, RESUME = "model.json", "history.jsonl", "resume.safetensors"
EVALUATION, ORIGIN = "evaluation.json", "origin.json"
WEIGHTS = re.compile(r"weights-([0-9]{1,9})\.safetensors")
VOCABULARIES = re.compile(r"vocabulary(?:-([0-9]{1,9}))?\.json")
AS_ESCAPES = "backslashreplace"
"""How JSON is encoded: a path may hold bytes that are not UTF-8, which Python has as lone
surrogates; what this puts in their place is JSON's own escape for them."""
LARGEST_JSON = 64 << 20
DEEPEST_JSON = 32
"""What is nested more deeply would exhaust the stack of whoever copies or prints it."""


def parse_json(raw: bytes, label: str) -> Any:
    """Parsed JSON; NaN, Infinity and deep nesting are refused. Raises ModelError."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not allowed")

    try:
        data = json.loads(raw.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label} is not valid JSON") from error
    level = [data]
    for _ in range(DEEPEST_JSON):
        level = [item for parent in level for item in _items(parent) if type(item) in (dict, list)]
        if not level:
            return data
    raise ModelError(f"{label} is nested too deeply")


def _items(parent: Any) -> Iterable[Any]:
    """What stands in a JSON value, one level down."""
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()


def read_json(path: Path) -> Any:
    """The parsed contents of a JSON file of a model. Raises ModelError."""
    try:
        if file_size(path) > LARGEST_JSON:
            raise ModelError(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
        return parse_json(path.read_bytes(), path.name)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error


def file_size(path: Path) -> int:
    """The size of a file. Raises ModelError for what is no file: reading a pipe may never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path.name} is not a file")
    return status.st_size


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary path beside `path`, flushes it to the disk, and puts it in
    place. Raises StorageError; what was at `path` stays whole then. Whatever `write` raises, the
    temporary file is gone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        _replace(temporary, path)
        _flush_folder(path.parent)
    except (OSError, SafetensorError) as error:
        why = os_reason(error) if isinstance(error, OSError) else str(error)
        hint = "what was saved before is still there"
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            hint = f"make the folder {path.parent} first"
        raise StorageError(f"could not save {path}: {why}", hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    """Puts a file in place of another. On Windows that fails while somebody reads the other, as a
    listing does for an instant, so it is tried for a second."""
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
    if os.name == "nt":  # Windows cannot open a folder, and has no need to
        return
    # Some file systems cannot flush a folder. The file is in place all the same.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, data: Any) -> None:
    """Writes JSON in place of `path`. Raises StorageError."""
    write_bytes(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """JSON as the files of a model have it."""
    text = json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode(errors=AS_ESCAPES)


def write_bytes(path: Path, raw: bytes) -> None:
    """Puts these bytes in place of `path`. Raises StorageError."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(raw)

    write_file(path, write)


def remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Deletes what no longer belongs to the model: older weights and words, and temporary files of
    a run that was killed. `keep` are the files that the card names. The caller holds the lock."""
    with suppress(OSError):
        for path in folder.iterdir():
            versioned = WEIGHTS.fullmatch(path.name) or VOCABULARIES.fullmatch(path.name)
            old = versioned and path.name not in keep
            if old or (path.name.startswith(".") and path.name.endswith(".tmp")):
                path.unlink(missing_ok=True)
