"""The files in a model's folder, and how they are read and written.

    model.json              the model card, which names the vocabulary and the weights
    vocabulary.json         the words in order of their ids
    weights-<n>.safetensors the weights of the n-th save
    ngrams-<n>.safetensors  the n-grams mixed with the network
    lines-<n>.safetensors   hashes of the lines that the model and its ancestors were trained on
    history.jsonl           the events of the training
    resume.safetensors      the state of the training
    evaluation.json         the metrics on the held-out lines
    origin.json             the files that the model was trained on; valid on this machine only

Each file is written under a temporary name, flushed and renamed. model.json comes last and names
the other files (vocabulary-<n>.json if a training replaces a model), so readers see the old model
or the new one, never parts of both. Nothing is executed, and nothing is used before it is checked.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
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
"""Error handler for encoding JSON. Bytes of a path that are not UTF-8 are lone surrogates in
Python; this writes them as JSON escapes."""
LARGEST_JSON = LARGEST_VOCABULARY + 1024
"""Bytes of the largest vocabulary.json: the words, and the object around them."""
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
def reading(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into ModelErrors about this file."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"cannot read {path.name}: {os_reason(error)}") from error


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading. Raises ModelError, also if it is not a regular file: opening or
    reading a pipe may block forever."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with reading(path):
        handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ModelError(f"{path.name} is not a file")
    return os.fdopen(handle, "rb")


def read_file(path: Path) -> bytes:
    """The contents of a file of at most `LARGEST_JSON` bytes. Raises ModelError."""
    with open_regular(path) as file, reading(path):
        raw = file.read(LARGEST_JSON + 1)
    if len(raw) > LARGEST_JSON:
        raise ModelError(f"{path.name} is larger than {LARGEST_JSON >> 20} MiB")
    return raw


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yields the contents of a file in pieces. Raises ModelError."""
    with open_regular(path) as file, reading(path):
        while chunk := file.read(CHUNK):
            yield chunk


def read_json(path: Path, kind: type[T]) -> T:
    """Reads a JSON file as `kind`. Raises ModelError."""
    raw = read_file(path)
    try:
        return msgspec.json.decode(raw, type=kind)  # 30,000 words: 2 ms instead of 5
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return convert_json(parse_json(raw, path.name), kind, path.name)


def checksum(path: Path) -> str:
    """The CRC-32 of a file in hexadecimal; 15 ms for the lesson's weights. Raises ModelError."""
    crc = 0
    for chunk in chunks_of(path):
        crc = zlib.crc32(chunk, crc)
    return f"{crc:08x}"


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path next to `path`, flushes the file and renames it to
    `path`. Raises StorageError and leaves `path` as it was. The temporary file is always
    removed."""
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
    """The operating system's reason for an error of safetensors."""
    number = re.search(r"os error (\d+)", str(error))
    if number is None or os.name == "nt":  # Windows has other error numbers
        return "the tensors do not fit"
    return os.strerror(int(number[1])).lower()


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


def write_json(path: Path, data: Any) -> None:
    """Writes or replaces a JSON file. Raises StorageError."""
    write_bytes(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """`data` as JSON, formatted as in the files of a model."""
    text = json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode(errors=AS_ESCAPES)


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes or replaces a file. Raises StorageError."""
    write_file(path, lambda temporary: temporary.write_bytes(raw))


def remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Deletes files that are not part of the model: other versions of weights and vocabularies, and
    temporary files of a killed run. `keep` are the files that the card names. The caller holds the
    lock."""
    with suppress(OSError):
        for path in folder.iterdir():
            versioned = any(kind.fullmatch(path.name) for kind in VERSIONED)
            old = versioned and path.name not in keep
            if old or (path.name.startswith(".") and path.name.endswith(".tmp")):
                path.unlink(missing_ok=True)
