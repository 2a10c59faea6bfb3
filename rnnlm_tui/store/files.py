"""A model's folder: what is in it, and how its files are read and written.

    model.json              what the model is, and the name of its weights
    vocabulary.json         its words in the order of their ids
    weights-<n>.safetensors its weights, as they were saved the n-th time
    ngrams-<n>.safetensors  the n-grams that are mixed with its network
    lines-<n>.safetensors   hashes of the lines that it and its ancestors were trained on
    history.jsonl           the events of its training
    resume.safetensors      the state of its training
    evaluation.json         its figures on the lines that the training held out
    origin.json             the files that it was trained on, for this machine alone

Every file is written to a temporary name, flushed and put in place, model.json last, which names
the other files (vocabulary-<n>.json if a training replaces a model): a reader
sees the old model or the new one, never a mixture. Nothing in it is ever executed, and nothing is
believed before it is checked.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
from safetensors import SafetensorError

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.events import json_safe
from rnnlm_tui.text.vocabulary import LARGEST_VOCABULARY

T = TypeVar("T")
WINDOWS_TRIES = 20
MODEL, HISTORY, RESUME = "model.json", "history.jsonl", "resume.safetensors"
EVALUATION, ORIGIN = "evaluation.json", "origin.json"
WEIGHTS = re.compile(r"weights-([0-9]{1,9})\.safetensors")
NGRAMS = re.compile(r"ngrams-([0-9]{1,9})\.safetensors")
LINES = re.compile(r"lines-([0-9]{1,9})\.safetensors")
VOCABULARIES = re.compile(r"vocabulary(?:-([0-9]{1,9}))?\.json")
VERSIONED = (WEIGHTS, VOCABULARIES, LINES, NGRAMS)
AS_ESCAPES = "backslashreplace"
"""How JSON is encoded: a path may hold bytes that are not UTF-8, which Python has as lone
surrogates; what this puts in their place is JSON's own escape for them."""
LARGEST_JSON = LARGEST_VOCABULARY + 1024
"""As large as the largest vocabulary.json: the words, and what encloses them."""
CHUNK = 1 << 20


def parse_json(raw: bytes, label: str) -> object:
    """Parsed JSON. Raises ModelError.

    Python's own parser reads the lone surrogates of paths, which msgspec's does not.
    """
    try:
        return json.loads(raw.decode())
    except RecursionError as error:
        raise ModelError(f"{label} is damaged: it is nested too deeply") from error
    except ValueError as error:
        raise ModelError(f"{label} is damaged: it is not valid JSON") from error


def convert_json(data: object, kind: type[T], label: str) -> T:
    """Parsed JSON as `kind`; fields that it does not name are left out. Raises ModelError."""
    try:
        return msgspec.convert(data, kind)
    except ValueError as error:
        what, _, place = str(error).partition(" - at `$")
        where = f"{place.strip('.`')}: " if place else ""
        raise ModelError(f"{label} is damaged: {where}{what[:1].lower()}{what[1:]}") from error


def open_regular(path: Path) -> BinaryIO:
    """Opens a file to read. Raises ModelError, also for what is no regular file: reading a pipe may
    never end, nor may opening it."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ModelError(f"{path.name} is not a file")
    return os.fdopen(handle, "rb")


def read_file(path: Path, most: int = LARGEST_JSON) -> bytes:
    """The contents of a file of at most so many bytes. Raises ModelError."""
    with open_regular(path) as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ModelError(f"{path.name} is larger than {most >> 20} MiB")
    return raw


def read_json(path: Path, kind: type[T]) -> T:
    """The JSON in a file, as `kind`. Raises ModelError."""
    raw = read_file(path)
    try:
        return msgspec.json.decode(raw, type=kind)  # 30,000 words in 2 ms instead of 5
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return convert_json(parse_json(raw, path.name), kind, path.name)


def checksum(path: Path) -> str:
    """The CRC-32 of a file in hexadecimal. It takes 15 ms for the weights of the lesson's network.

    Raises ModelError if it cannot be read.
    """
    crc = 0
    with open_regular(path) as file:
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    return f"{crc:08x}"


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path next to `path`, flushes it to the disk, and puts it in
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
        why = os_reason(error) if isinstance(error, OSError) else _tensor_reason(error)
        hint = "what was saved before is still there"
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            hint = f"make the folder {path.parent} first"
        raise StorageError(f"could not save {path}: {why}", hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _tensor_reason(error: SafetensorError) -> str:
    """The operating system's reason why safetensors could not write a file."""
    number = re.search(r"os error (\d+)", str(error))
    if number is None or os.name == "nt":  # Windows counts its errors in another way
        return "the tensors do not fit"
    return os.strerror(int(number[1])).lower()


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
    write_file(path, lambda temporary: temporary.write_bytes(raw))


def remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Deletes what no longer belongs to the model: older weights and words, and temporary files of
    a run that was killed. `keep` are the files that the card names. The caller holds the lock."""
    with suppress(OSError):
        for path in folder.iterdir():
            versioned = any(kind.fullmatch(path.name) for kind in VERSIONED)
            old = versioned and path.name not in keep
            if old or (path.name.startswith(".") and path.name.endswith(".tmp")):
                path.unlink(missing_ok=True)
