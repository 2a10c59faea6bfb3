"""The models in the user data folder: list, open, rename, delete, export, import, lock."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

import filelock

from rnnlm_tui import model_files
from rnnlm_tui.errors import ModelError, StorageError, UsageError, reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.model_files import HISTORY, MODEL, RESUME, ModelCard

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for itself; refused everywhere, so that an export can go anywhere."""
UNREADABLE_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    LookupError,
    RuntimeError,  # encrypted, or of a kind that Python does not know
    EOFError,
    ValueError,
    OverflowError,
)
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LARGEST_HISTORY = 256 << 20
CHUNK = 1 << 20
LOCK_PATIENCE_S = 0.5
"""Listing the models takes each lock for an instant, so a lock taken is asked for a few times."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list. `card` is None and `damaged` says why where it cannot be read;
    `trained_by` names the run that trains it now."""

    name: str
    card: ModelCard | None
    damaged: str | None
    size_bytes: int
    trained_by: str | None


def is_name(name: str) -> bool:
    """Whether `name` may be a model's."""
    return bool(NAME.fullmatch(name)) and not RESERVED.fullmatch(name) and not name.endswith(".")


def check_name(name: str) -> str:
    """`name`, where it may be a model's. Raises UsageError."""
    if not is_name(name):
        raise UsageError(
            f"{name!r} cannot be a model's name",
            "use letters, digits, '.', '_' and '-', at most 64, with no '.' at either end",
        )
    return name


class Library:
    """The models under `<data folder>/models`. Creates nothing before something is saved."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "models"

    def path(self, name: str) -> Path:
        """The folder of the model `name`, whether it is there or not. Raises UsageError."""
        return self.folder / check_name(name)

    def names(self) -> list[str]:
        """The names of all models, damaged ones too, in order."""
        try:
            folders = list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {reason(error)}") from error
        return sorted(
            path.name
            for path in folders
            if not path.name.startswith(".") and _is_there(path / MODEL)
        )

    def entries(self) -> list[Entry]:
        """All models, each with its card or with the reason why it cannot be used.

        The tensors are checked for presence, names and shapes; their numbers when it is opened.
        """
        return [self._entry(name) for name in self.names()]

    def _entry(self, name: str) -> Entry:
        folder = self.folder / name
        card, damaged = None, None
        try:
            check_name(name)
            card = model_files.check_model(folder)
        except (ModelError, UsageError) as error:
            card, damaged = None, error.message
        return Entry(
            name, card, damaged, _size(folder), self.holder(name) if is_name(name) else None
        )

    def newest(self) -> str:
        """The name of the model that was saved last. Raises ModelError where there is none."""
        newest = self._newest_with(MODEL)
        if newest is None:
            raise ModelError("there is no model yet", "train one: rnnlm-tui --train")
        return newest

    def newest_run(self) -> str:
        """The name of the run that was saved last and can go on. Raises ModelError."""
        newest = self._newest_with(RESUME)
        if newest is None:
            raise ModelError("there is no run to go on with", "train one: rnnlm-tui --train")
        return newest

    def _newest_with(self, file: str) -> str | None:
        """The folder of a model whose `file` is the newest."""
        saved: list[tuple[float, str]] = []
        for path in self.folder.glob(f"*/{file}"):
            if is_name(path.parent.name):
                with suppress(OSError):  # deleted since, or a link to nowhere
                    saved.append((path.stat().st_mtime, path.parent.name))
        return max(saved)[1] if saved else None

    def open(self, name: str) -> tuple[ModelCard, LanguageModel]:
        """The model `name`, checked and ready to predict. Raises ModelError."""
        self._must_exist(name)
        try:
            return model_files.load_model(self.path(name))
        except ModelError as error:
            raise ModelError(
                f"the model {name} cannot be used: {error.message}",
                error.hint or f"delete it (--delete {name}) or train it again (--force)",
            ) from error

    def has(self, name: str) -> bool:
        """Whether there is a model of this name, or what an unfinished run of that name left."""
        return name in self.names() or (is_name(name) and self.path(name).is_dir())

    def known(self) -> str:
        """The names of all models, for a hint."""
        return f"models: {', '.join(self.names()) or 'none yet'}"

    def _must_exist(self, name: str) -> None:
        if not _is_there(self.path(name) / MODEL):
            raise ModelError(f"there is no model {name}", self.known())

    def rename(self, old: str, new: str) -> None:
        """Gives the model `old` the name `new`. Raises ModelError where `new` is taken."""
        self._must_exist(old)
        self._must_be_free(new)
        with self.lock(old), self.lock(new):
            self._must_be_free(new)
            self._move(self.path(old), self.path(new))

    def _must_be_free(self, name: str) -> None:
        if os.path.lexists(self.path(name)):
            raise ModelError(f"there is a model {name} already", "take another name")

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.rename(target)
        except OSError as error:
            raise StorageError(f"could not make {target}: {reason(error)}") from error

    def delete(self, name: str) -> None:
        """Deletes the model `name`, or what an unfinished run of that name left.

        It is renamed first, so that it is gone at once or still whole.
        """
        if not self.has(name):
            raise ModelError(f"there is no model {name}", self.known())
        if not is_name(name):  # a folder that no run made, so nobody can hold it
            return self._discard(self.folder / name)
        with self.lock(name):
            return self._discard(self.path(name))

    def _discard(self, folder: Path) -> None:
        self._move(folder, self.folder / f".deleted-{uuid.uuid4().hex}")
        # Those of deletions that were killed go too.
        for grave in self.folder.glob(".deleted-*"):
            if grave.is_symlink():
                grave.unlink(missing_ok=True)
            else:
                shutil.rmtree(grave, ignore_errors=True)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Writes the model as one zip of its card, words, weights and history; returns its path.

        The state for resuming stays here: it is twice the size and of use to this machine alone.
        Raises ModelError for a model that is damaged, StorageError where `target` cannot be
        written.
        """
        self.open(name)
        folder = self.path(name)
        if target.is_dir():
            target = target / f"{name}.zip"
        if os.path.lexists(target) and not replace:
            raise StorageError(f"{target} is there already", "name another file, or give --force")

        def export(card: ModelCard) -> None:
            model_files.write_file(target, partial(_write_zip, folder, card))

        model_files.with_card(folder, export)
        return target

    def import_(self, source: Path, name: str) -> None:
        """Takes in the zip of an export as the model `name`.

        Names, sizes, the card, the words and the header of the weights are checked before a file
        is put into the library; the zip's own paths are never used. Raises ModelError.
        """
        with self.lock(name):
            self._must_be_free(name)
            try:
                staging = Path(tempfile.mkdtemp(prefix=".import-", dir=self.folder))
            except OSError as error:
                raise StorageError(f"cannot write to {self.folder}: {reason(error)}") from error
            try:
                _extract_checked(source, staging)
                self._move(staging, self.path(name))
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Holds the model's name against every other process. Raises ModelError naming the holder,
        StorageError where the data folder cannot be written. The system lets go of it when the
        process ends, however it ends."""
        path, note = self._lock_files(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path, timeout=LOCK_PATIENCE_S)
            lock.acquire()
        except filelock.Timeout as error:
            holder = self._read_note(note)
            raise ModelError(
                f"the model {name} is in use by {holder}", "wait for it, or take another name"
            ) from error
        except OSError as error:
            raise StorageError(f"cannot write to {path.parent}: {reason(error)}") from error
        try:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            facts = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
            with suppress(OSError):
                note.write_text(json.dumps(facts))
            yield
        finally:
            with suppress(OSError):
                note.unlink(missing_ok=True)
            lock.release()

    def holder(self, name: str) -> str | None:
        """The process that holds the model's name, or None where nobody does."""
        path, note = self._lock_files(name)
        if not path.exists():
            return None
        try:
            with filelock.FileLock(path, timeout=0):
                return None
        except filelock.Timeout:
            return self._read_note(note)
        except OSError:
            return None

    def _lock_files(self, name: str) -> tuple[Path, Path]:
        locks = self.folder / ".locks"
        return locks / f"{check_name(name)}.lock", locks / f"{name}.json"

    def _read_note(self, note: Path) -> str:
        try:
            facts = json.loads(note.read_text())
            return f"process {facts['pid']} on {facts['host']}, since {facts['since']}"
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return "another process"


def _is_there(path: Path) -> bool:
    """Whether something is at `path`, be it a link to nowhere or behind a closed door."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _size(folder: Path) -> int:
    """The bytes of the folder's files. A training may delete one meanwhile."""
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.lstat().st_size if path.is_file() else 0
    return total


def _write_zip(folder: Path, card: ModelCard, target: Path) -> None:
    """Writes the model that the card describes, though a training may put the next one in place.

    Raises ModelError where its files are gone, OSError where `target` cannot be written.
    """
    # A zip cannot hold dates before 1980; it gets the nearest that it can.
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        archive.writestr(MODEL, model_files.json_bytes(card.to_json()))
        for name in (card.vocabulary, card.weights, HISTORY):
            try:
                source = (folder / name).open("rb")
            except FileNotFoundError as error:
                if name == HISTORY:
                    continue
                raise ModelError(f"cannot read {name}: {reason(error)}") from error
            info = zipfile.ZipInfo.from_file(folder / name, name, strict_timestamps=False)
            info.compress_type = zipfile.ZIP_DEFLATED
            with source, archive.open(info, "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry, CHUNK)


def _extract_checked(source: Path, target: Path) -> None:
    """Writes the files of a model's zip into `target`, each under its known name and no larger than
    its card allows, and checks them. Raises ModelError, or StorageError where `target` is full."""
    try:
        with zipfile.ZipFile(source) as archive:
            _extract(archive, target)
        model_files.load_model(target)
    except ModelError as error:
        raise ModelError(f"cannot import {source}: {error.message}", error.hint) from error
    except OSError as error:
        raise ModelError(f"cannot import {source}: {reason(error)}") from error
    except UNREADABLE_ZIP as error:
        raise ModelError(f"cannot import {source}: {str(error) or 'it is damaged'}") from error


def _extract(archive: zipfile.ZipFile, target: Path) -> None:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if len(sizes) != len(archive.infolist()):
        raise ModelError("the zip holds a name twice")
    if not {info.compress_type for info in archive.infolist()} <= {*COMPRESSIONS}:
        raise ModelError("the zip is compressed in another way than an exported model")
    if MODEL not in sizes:
        raise ModelError(f"the zip is not an exported model: it has no {MODEL}")
    if sizes[MODEL] > model_files.LARGEST_JSON:
        raise ModelError(f"{MODEL} in the zip is larger than it can be")
    card = model_files.parse_card(model_files.parse_json(archive.read(MODEL), MODEL))
    limits = {
        MODEL: model_files.LARGEST_JSON,
        card.vocabulary: model_files.LARGEST_JSON,
        HISTORY: LARGEST_HISTORY,
        card.weights: model_files.largest_tensors(card),
    }
    for name, size in sizes.items():
        if name not in limits:
            raise ModelError(f"the zip holds {name[:80]!r}, which is no file of a model")
        if size > limits[name]:
            raise ModelError(f"{name} in the zip is larger than the model can be")
    if missing := {card.vocabulary, card.weights} - sizes.keys():
        raise ModelError(f"the zip lacks {' and '.join(sorted(missing))}")
    needed, free = sum(sizes.values()), shutil.disk_usage(target).free
    if needed > free:
        raise StorageError(f"the model takes {needed:,} bytes, {free:,} are free")
    # The words come before the weights: they prove the sizes that the card claims.
    for name in sorted(sizes, key=lambda name: name == card.weights):
        if name == card.weights:
            model_files.read_vocabulary(target, card)
        with archive.open(name) as file:
            _copy(file, target / name, limits[name])


def _copy(source: IO[bytes], target: Path, most: int) -> None:
    """Copies at most `most` bytes; a size in a zip's directory proves nothing."""
    left = most
    with _explained(target):
        file = target.open("xb")
    with file:
        while chunk := source.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise ModelError(f"{target.name} in the zip is larger than it says")
            with _explained(target):
                file.write(chunk)
        with _explained(target):
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turns the system's reason for not writing `target` into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"could not write {target}: {reason(error)}") from error
