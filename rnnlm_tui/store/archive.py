"""Exports a model as one zip file, imports it, and copies its folder.

An imported zip is not trusted: names, sizes, the card, the words and the header of the weights are
checked before its files are written, and a size that it claims is never relied on.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from msgspec import structs

from rnnlm_tui.errors import ModelError, StorageError, os_reason
from rnnlm_tui.events import EpochEnded, Failed, Finished, Saved, from_json_line, to_json_line
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ModelCard, parse_card, read_card, with_card
from rnnlm_tui.store.evaluations import read_evaluation
from rnnlm_tui.store.files import AS_ESCAPES, CHUNK, EVALUATION, HISTORY, MODEL, ORIGIN
from rnnlm_tui.store.load import load_model, read_vocabulary
from rnnlm_tui.store.training_text import LARGEST_LINES_FILE, read_trained_lines
from rnnlm_tui.store.weights import largest_weights

UNREADABLE_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, LookupError, EOFError, ValueError),
    *(OverflowError, RuntimeError),  # RuntimeError: encrypted, or an unknown method
)
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
LARGEST_HISTORY = 256 << 20
LARGEST_EVALUATION = 64 << 10


def export_zip(folder: Path, target: Path, *, replace: bool) -> None:
    """Writes the model in `folder` and its history as a zip file, over an existing one only if
    `replace`. Raises ModelError or StorageError."""
    if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
        raise StorageError(f"{target} is not a regular file", "name another file")
    if os.path.lexists(target) and not replace:
        raise StorageError(f"{target} already exists", "name another file, or give --force")

    def write(card: ModelCard) -> None:
        files.write_file(target, partial(write_zip, folder, card))

    with_card(folder, write)


def write_zip(folder: Path, card: ModelCard, target: Path) -> None:
    """Writes the model that the card describes, even if a training puts the next one in place.

    Raises ModelError if its files are gone or unreadable, OSError if `target` cannot be written.
    """
    # Zip dates begin in 1980; older ones are moved there.
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        archive.writestr(MODEL, files.json_bytes(card.to_json()))
        for name in card.files:
            with files.reading(folder / name):
                info = zipfile.ZipInfo.from_file(folder / name, name, strict_timestamps=False)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in files.chunks_of(folder / name):
                    entry.write(chunk)
        if read_evaluation(folder, card):
            archive.writestr(EVALUATION, files.read_file(folder / EVALUATION))
        if (folder / HISTORY).is_file():
            with archive.open(HISTORY, "w") as entry:
                for line in _lines_of(folder / HISTORY):
                    entry.write(_without_private_parts(line))


def _lines_of(path: Path) -> Iterator[bytes]:
    with files.open_regular(path) as file, files.reading(path):
        yield from file


def _without_private_parts(line: bytes) -> bytes:
    """A line of a history without paths, errors and samples; empty if it is dropped."""
    try:
        event = from_json_line(line)
    except ValueError:
        return b""
    match event:
        case Failed():
            return b""
        case Saved() | Finished():
            event = structs.replace(event, path="")
        case EpochEnded():
            event = structs.replace(event, sample={"seed": "", "text": ""})
    return f"{to_json_line(event)}\n".encode(errors=AS_ESCAPES)


def extract_checked(source: Path, target: Path) -> None:
    """Extracts a model's zip into `target` and checks it. Each file gets its known name and is at
    most as large as the card allows; the zip's own paths are never used. Raises ModelError, or
    StorageError if `target` is full."""
    try:
        if source.exists() and not source.is_file():
            raise ModelError("it is not a regular file", "give the zip file of an exported model")
        with zipfile.ZipFile(source) as archive:
            _extract(archive, target)
        card, _ = load_model(target)
        read_trained_lines(target, card)
    except ModelError as error:
        raise ModelError(f"cannot import {source}: {error.message}", error.hint) from error
    except OSError as error:
        raise ModelError(f"cannot import {source}: {os_reason(error)}") from error
    except UNREADABLE_ZIP as error:
        raise ModelError(f"cannot import {source}: {str(error) or 'it is damaged'}") from error


def _extract(archive: zipfile.ZipFile, target: Path) -> None:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if len(sizes) != len(archive.infolist()):
        raise ModelError("the zip holds a name twice")
    if not {info.compress_type for info in archive.infolist()} <= COMPRESSIONS:
        raise ModelError("the zip is compressed in another way than an exported model")
    if MODEL not in sizes:
        raise ModelError(f"the zip is not an exported model: it has no {MODEL}")
    if sizes[MODEL] > files.LARGEST_JSON:
        raise ModelError(f"{MODEL} in the zip is larger than it can be")
    card = parse_card(archive.read(MODEL))
    limits = _limits(card)
    for name, size in sizes.items():
        if name not in limits:
            raise ModelError(f"the zip holds {name[:80]!r}, which is not part of a model")
        if size > limits[name]:
            raise ModelError(f"{name} in the zip is larger than the model can be")
    if missing := {*card.files} - sizes.keys():
        raise ModelError(f"the zip lacks {' and '.join(sorted(missing))}")
    needed, free = sum(sizes.values()), shutil.disk_usage(target).free
    if needed > free:
        raise StorageError(f"the model takes {needed:,} bytes, {free:,} are free")
    # Words before weights: their number confirms the sizes that the card claims.
    for name in sorted(sizes, key=lambda name: name in card.weight_files):
        if name in card.weight_files:
            read_vocabulary(target, card)
        _write(_chunks_in(archive, name), target / name, limits[name])


def _limits(card: ModelCard) -> dict[str, int]:
    """The files that a model with this card may have, with the largest size of each in bytes."""
    return {
        MODEL: files.LARGEST_JSON,
        card.vocabulary: files.LARGEST_JSON,
        HISTORY: LARGEST_HISTORY,
        EVALUATION: LARGEST_EVALUATION,
        **{name: largest_weights(kind) for name, kind in card.weight_files.items()},
        **({card.lines: LARGEST_LINES_FILE} if card.lines else {}),
    }


def _chunks_in(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with files.reading(Path(name)), archive.open(name) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _write(chunks: Iterable[bytes], target: Path, most: int) -> None:
    """Writes a file. Raises ModelError for more than `most` bytes, whatever a zip's directory says,
    StorageError if `target` cannot be written."""
    left = most
    try:
        with target.open("xb") as file:
            for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    raise ModelError(f"{target.name} is larger than it says, or than it can be")
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"could not write {target}: {os_reason(error)}") from error


def copy_model(source: Path, target: Path) -> None:
    """Copies the model in `source` into the folder `target`, without the state for resuming, which
    is twice the size, and checks the copy. The caller holds the model's lock.

    Raises ModelError for a damaged model, StorageError if `target` is full.
    """
    card = read_card(source)
    for name in (*card.files, EVALUATION, HISTORY, ORIGIN, MODEL):
        if name in card.files or (source / name).is_file():
            _write(files.chunks_of(source / name), target / name, sys.maxsize)
    load_model(target)
