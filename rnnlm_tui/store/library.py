"""The models in the user data folder: list, open, rename, copy, delete, export and import them, and
tell which are being trained."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from rnnlm_tui import paths
from rnnlm_tui.errors import ModelError, Sentence, StorageError, UsageError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import APP_NAME, SETTINGS, built_in_models, config_dir
from rnnlm_tui.store import files
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.files import ORIGIN, RESUME, SUFFIX, is_there, remove, sizes_of_files
from rnnlm_tui.store.locks import TRAINING, Holder, Locks
from rnnlm_tui.store.model_file import check_model, load_model, read_card

if TYPE_CHECKING:
    from rnnlm_tui.evaluate import Evaluation
    from rnnlm_tui.store.run_state import RunStatus

LONGEST_NAME, LONGEST_STEM, MOST_BYTES = 64, 40, 228
"""Characters of a name, characters that a file gives to one, and bytes of a name in UTF-8: names of
files have 255 at most, and some begin or end with more than the name."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?", re.IGNORECASE)
"""Names that Windows reserves. They are refused everywhere, so that an export works anywhere."""
NAME_RULE = "letters, digits, '.', '_' and '-', at most 64, with no '.' at either end"
BUILT_IN = (ENGLISH, "shakespeare")
"""The models that ship with the program. The first one opens at a first start."""


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A training that is running, can be resumed, or both.

    `trainer` is the process that trains, None if there is none. `status` is the saved state, None
    while the training runs or if the state is unreadable. `epochs_done` and `epochs` are those of
    the state, else of the model's card, else None.
    """

    name: str
    trainer: Holder | None
    resumable: bool
    epochs_done: int | None
    epochs: int | None = None
    status: RunStatus | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether the run can be resumed and no process trains it."""
        return self.resumable and self.trainer is None


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list, or a run that has not saved one.

    A model has a `card`, or `damaged`, the reason why it cannot be used. `path` is its file. A
    `built_in` model is read-only. `run` is its training, None if that neither runs nor can be
    resumed. `files` are the sizes in bytes by name, those of the run included.
    """

    name: str
    path: Path
    card: ModelCard | None
    damaged: str | None
    built_in: bool
    run: SavedRun | None
    files: Mapping[str, int]

    @property
    def has_model(self) -> bool:
        """Whether a model was saved, even if it is damaged by now."""
        return self.card is not None or self.damaged is not None

    @property
    def evaluation(self) -> Evaluation | None:
        return self.card.evaluation if self.card else None

    @property
    def trained_by(self) -> str | None:
        """The process that is training the model, or None."""
        return str(self.run.trainer) if self.run and self.run.trainer else None

    @property
    def size_bytes(self) -> int:
        """The size of the model's file; 0 without a model."""
        return self.files.get(self.path.name, 0)


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model that is ready to predict, its file, and the folder of its run."""

    name: str
    path: Path
    folder: Path
    card: ModelCard
    model: LanguageModel


def name_fault(name: str) -> str | None:
    """What is wrong with the name of a model, as a sentence; None if it is fine."""
    if not name:
        return "give it a name"
    if name.startswith("-"):
        return "a name that begins with '-' would be taken for an option"
    if RESERVED.fullmatch(name):
        return "Windows reserves this name: choose another"
    if not all(map(_may_be_in_name, name)) or not _may_begin(name) or name.endswith("."):
        return f"use {NAME_RULE}"
    if len(name) > LONGEST_NAME or len(name.encode()) > MOST_BYTES:
        return f"it is too long: use {NAME_RULE}"
    return None if unicodedata.is_normalized("NFC", name) else f"write it as {usable_name(name)}"


def _may_be_in_name(character: str) -> bool:
    """Whether it is a letter or a digit of any alphabet, a mark on a letter, or one of `._-`."""
    is_mark = unicodedata.category(character).startswith("M")
    return character.isalnum() or character in "._-" or is_mark


def _may_begin(name: str) -> bool:
    return name[0].isalnum() or name[0] == "_"


def usable_name(text: str) -> str:
    """The name that somebody means who typed `text`: `-` for spaces, and composed letters. It may
    still be no name."""
    return "-".join(unicodedata.normalize("NFC", text).split())


def name_of_file(stem: str) -> str:
    """The beginning of a model's name for a text in a file of this name without its ending: `-` for
    what no name may have. "text" if nothing is left."""
    stem = unicodedata.normalize("NFC", stem)
    plain = "".join(c if _may_be_in_name(c) and c != "." else "-" for c in stem)
    name = re.sub("-+", "-", plain).strip("-")[:LONGEST_STEM]
    return name if name and _may_begin(name) else "text"


def is_name(name: str) -> bool:
    return name_fault(name) is None


def check_name(name: str) -> str:
    """Returns `name` if a model may have it. Raises UsageError."""
    if (fault := name_fault(name)) is not None:
        raise UsageError(f"{name!r} cannot be a model's name", fault)
    return name


def free_name(library: Library, stem: str, taken: Container[str] = ()) -> str:
    """`stem`, with a number appended if a model or a run has that name, or it is `taken`.

    `stem` must be a valid name. Reads folders and locks, so call it in a thread.
    """
    name, number = stem, 1
    while name in taken or library.has(name) or library.holder(name) is not None:
        number += 1
        name = f"{stem[: 63 - len(str(number))]}-{number}"
    return name


def new_name_problem(library: Library, name: str, taken: Container[str] = ()) -> str | None:
    """What is wrong with a name for a new model, which a model, a run or one that waits (`taken`)
    may have; None if it is fine. Reads the library, so call it in a thread."""
    name = usable_name(name)
    if (fault := name_fault(name)) is not None:
        return fault
    try:
        free = free_name(library, name, taken)
    except StorageError as error:
        return error.message
    return None if free == name else f"the name {name} is taken; {free} is free"


class Library:
    """The models in `<data folder>/models` and the built-in ones, and the runs in `<data
    folder>/runs`. Creates nothing until something is saved."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "models"
        self._runs = data_dir / "runs"
        self._built_in = built_in_models()
        self._locks = Locks(self.folder / ".locks")

    def path(self, name: str) -> Path:
        """The file of the model `name`, whether or not it exists. Raises UsageError."""
        check_name(name)
        return _file_in(self._built_in if self.is_built_in(name) else self.folder, name)

    def run_folder(self, name: str) -> Path:
        """The folder of the training of this name, whether or not it exists. Raises UsageError."""
        return self._runs / check_name(name)

    def is_built_in(self, name: str | None) -> bool:
        return name in BUILT_IN and os.path.lexists(_file_in(self._built_in, name))

    def check_own(self, name: str) -> None:
        """Raises ModelError for a built-in model, which cannot be changed."""
        if self.is_built_in(name):
            raise ModelError(
                f"{name} is built in and read-only",
                "models of your own, under other names, can be changed",
            )

    def _built_in_names(self) -> list[str]:
        return [name for name in BUILT_IN if self.is_built_in(name)]

    def names(self) -> list[str]:
        """The sorted names of all models, damaged ones included. Raises StorageError."""
        try:
            own = {path.name.removesuffix(SUFFIX) for path in self._files()}
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {os_reason(error)}") from error
        return sorted(own | {*self._built_in_names()})

    def _files(self) -> list[Path]:
        """The files of the user's models. Raises OSError."""
        try:
            paths = list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [p for p in paths if p.name.endswith(SUFFIX) and not p.name.startswith(".")]

    def entries(self) -> list[Entry]:
        """All models, and the runs that have not saved one, sorted by name. Reads and checks the
        headers of the files, so call it in a thread. Raises StorageError."""
        models, runs = self.names(), {run.name: run for run in self.runs()}
        return [
            self._entry(name, runs.get(name), has_model=name in models)
            for name in sorted({*models, *runs})
        ]

    def _entry(self, name: str, run: SavedRun | None, *, has_model: bool) -> Entry:
        built_in = self.is_built_in(name)
        path = self.path(name) if built_in else _file_in(self.folder, name)
        card, damaged, sizes = None, None, dict[str, int]()
        if has_model:
            try:
                check_name(name)
                card = read_card(path)
            except (ModelError, UsageError) as error:
                damaged = error.message
            with suppress(OSError):
                sizes[path.name] = path.lstat().st_size
        if is_name(name) and not built_in:
            sizes |= sizes_of_files(self.run_folder(name))
        return Entry(name, path, card, damaged, built_in, run, sizes)

    def default_model(self) -> str:
        """The model that the app used last, if this is the user's own folder, or else the most
        recently saved one that is not being trained, or the most recent one if all are. Raises
        ModelError if there is no model."""
        names = self.newest_first()
        last = last_used() if self.data_dir == paths.data_dir() else ""
        if not names:
            raise ModelError("there is no model yet", f"train one: {APP_NAME} --train")
        if last in names:
            return last
        return next((name for name in names if not self._locks.trainer(name)), names[0])

    def newest_first(self) -> list[str]:
        """The names of all models, the most recently saved first and the built-in ones last."""
        files: list[Path] = []
        with suppress(OSError):
            files = self._files()
        names = (path.name.removesuffix(SUFFIX) for path in _newest_first(files))
        own = [name for name in names if is_name(name) and not self.is_built_in(name)]
        return [*own, *self._built_in_names()]

    def newest_run(self) -> str:
        """The most recently saved run that is unfinished and not being trained, or the most recent
        one if all are. Raises ModelError if there is none."""
        newest = _newest_first(self._runs / name / RESUME for name in self._resumable())
        if not newest:
            longer = f"to train a model longer: {APP_NAME} --train --update NAME --epochs N"
            raise ModelError("no training is unfinished", longer)
        names = [path.parent.name for path in newest]
        return next((name for name in names if not self._locks.trainer(name)), names[0])

    def _resumable(self) -> list[str]:
        """The names of the runs that can be resumed; none if the folder cannot be read."""
        with suppress(OSError):
            names = [path.name for path in self._runs.iterdir() if is_there(path / RESUME)]
            return [*filter(is_name, names)]
        return []

    def runs(self) -> list[SavedRun]:
        """All trainings that are running, wherever they were started, or can be resumed, sorted by
        name. Cheap: reads no weights."""
        names = sorted({*self._resumable(), *filter(is_name, self._locks.names_with_notes())})
        return [run for run in map(self.run, names) if run.trainer or run.resumable]

    def run(self, name: str) -> SavedRun:
        """The training of this name, which may be neither running nor resumable."""
        from rnnlm_tui.store.run_state import read_run_status  # 2 ms, not needed to suggest

        folder, trainer = self.run_folder(name), self._locks.trainer(name)
        status, card = None, None
        with suppress(ModelError):
            status = read_run_status(folder)
        if trainer is not None or status is None:
            with suppress(ModelError):
                card = read_card(self.path(name))
        # While a run trains, the card says how many epochs its model has.
        done_by = card if trainer is not None else status or card
        settings_of = status or card
        return SavedRun(
            name,
            trainer,
            resumable=os.path.lexists(folder / RESUME),
            epochs_done=done_by.epochs_done if done_by else None,
            epochs=settings_of.config.epochs if settings_of else None,
            status=None if trainer is not None else status,
        )

    def stop_run(self, name: str) -> None:
        """Asks the training of `name` on this machine to save and end; returns at once.

        A second request before the first has taken effect ends it without saving. Raises ModelError
        if no training of that name runs here.
        """
        self._locks.end_training(check_name(name))

    def open(self, name: str) -> tuple[ModelCard, LanguageModel]:
        """The model `name`, checked and ready to predict. Raises ModelError."""
        self._must_exist(name)
        try:
            return load_model(self.path(name))
        except ModelError as error:
            message = f"the model {name} cannot be used: {error.message}"
            hint = Sentence(
                "delete it, {command}, or train it again with {force}",
                command=f"{APP_NAME} --delete {name}",
            )
            raise ModelError(message, error.hint or hint) from error

    def opened_model(self, name: str | None = None) -> OpenedModel:
        """The model of this name, or the `default_model`. Raises ModelError."""
        chosen = self.default_model() if name is None else name
        return OpenedModel(chosen, self.path(chosen), self.run_folder(chosen), *self.open(chosen))

    def has(self, name: str) -> bool:
        """Whether a model or a resumable run has this name."""
        return name in self.names() or (
            is_name(name) and os.path.lexists(self.run_folder(name) / RESUME)
        )

    def unknown_model(self, name: str) -> ModelError:
        """The error for a name that no model has; its hint lists the models."""
        names = ", ".join(self.names()) or "none yet"
        return ModelError(f"there is no model {name}", f"models: {names}")

    def _must_exist(self, name: str) -> None:
        if not is_there(self.path(name)):
            raise self.unknown_model(name)

    def _must_be_free(self, name: str) -> None:
        if self.has(check_name(name)):
            raise ModelError(f"the name {name} is taken", "take another name")

    def rename(self, old: str, new: str) -> None:
        """Renames the model `old`, and its run, to `new`. Raises ModelError if `new` is taken."""
        self._must_exist(old)
        self._must_be_free(new)
        with self.lock(old, "rename"), self.lock(new, "rename"):
            self._must_be_free(new)
            run, new_run = self.run_folder(old), self.run_folder(new)
            remove(new_run)  # what a run that saved nothing has left
            if has_run := is_there(run):
                _move(run, new_run)
            try:
                _move(self.path(old), self.path(new))
            except StorageError:
                if has_run:
                    _move(new_run, run)
                raise

    def duplicate(self, source: str, target: str) -> None:
        """Copies the model `source` to the name `target`, without its run, but with the place of
        its text.

        Raises ModelError if `source` is damaged, or `target` is taken.
        """
        self._must_exist(source)
        origin = None
        if is_there(self.run_folder(source) / ORIGIN):
            origin = files.read_file(self.run_folder(source) / ORIGIN)
        self.open(source)
        self._add(files.chunks_of(self.path(source)), target, "duplicate", origin)

    def delete(self, name: str) -> None:
        """Deletes the model `name` and its run. If that is interrupted, the name stays in the list
        until it is deleted again."""
        if not self.has(name) and not (is_name(name) and is_there(self.run_folder(name))):
            raise self.unknown_model(name)
        if not is_name(name):  # no run and no lock has such a name
            remove(_file_in(self.folder, name))
            return
        with self.lock(name, "delete"):
            self._remove_run(name)
            remove(files.temporary_of(self.path(name)))
            remove(self.path(name))

    def _remove_run(self, name: str) -> None:
        """Removes the run of this name: its state last, by which it is found. Raises
        StorageError."""
        folder = self.run_folder(name)
        try:
            for path in sorted(folder.iterdir(), key=lambda path: path.name == RESUME):
                remove(path)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise StorageError(f"could not delete {folder}: {os_reason(error)}") from error
        remove(folder)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Copies the model's file to `target`, or into it if that is a folder; returns the path of
        the copy. It has no path, and no line of the text.

        Raises ModelError for a damaged model, StorageError if the file cannot be written, or exists
        and is not to be replaced.
        """
        self.open(name)
        if target.is_dir():
            target = target / f"{name}{SUFFIX}"
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
            raise StorageError(f"{target} is not a regular file", "name another file")
        if os.path.lexists(target) and not replace:
            hint = Sentence("name another file, or give {force}")
            raise StorageError(f"{target} already exists", hint)
        # Two processes may export to one place.
        temporary = files.temporary_of(target.with_name(f"{target.name}.{os.getpid()}"))
        chunks = files.chunks_of(self.path(name))
        files.write_file(target, lambda path: _write_chunks(path, chunks), temporary)
        return target

    def import_(self, source: Path | BinaryIO, name: str) -> None:
        """Adds an exported model, from a file or a stream, as the model `name`. All of it is
        checked before it enters the library. Raises ModelError."""
        if isinstance(source, Path):
            label, chunks = str(source), files.chunks_of(source)
        else:
            label, chunks = "standard input", iter(lambda: source.read(files.CHUNK), b"")
        try:
            self._add(chunks, name, "import")
        except ModelError as error:
            raise error.within("cannot import {source}: {message}", source=label) from error

    def _add(
        self, chunks: Iterable[bytes], name: str, purpose: str, origin: bytes | None = None
    ) -> None:
        """Makes `chunks` the file of the new model `name`, after checking it. Raises ModelError."""

        def write(temporary: Path) -> None:
            _write_chunks(temporary, chunks)
            check_model(temporary, "the file")

        self._must_be_free(name)
        with self.lock(name, purpose):
            self._must_be_free(name)
            self._remove_run(name)  # what a run that saved nothing has left
            try:
                if origin is not None:
                    files.make_folder(self.run_folder(name))
                    files.write_bytes(self.run_folder(name) / ORIGIN, origin)
                files.write_file(self.path(name), write)
            except (ModelError, StorageError):
                with suppress(StorageError):
                    self._remove_run(name)
                raise

    def lock(self, name: str, purpose: str = TRAINING) -> AbstractContextManager[None]:
        """Locks the model's name against all other processes, until the context or the process
        ends. `purpose` tells a training from brief operations.

        Raises ModelError naming the holder, or for a built-in model; StorageError if the data
        folder cannot be written.
        """
        self.check_own(name)
        return self._locks.hold(check_name(name), purpose)

    def holder(self, name: str) -> str | None:
        """The process that holds the lock of the name; None if none does."""
        holder = self._locks.holder(check_name(name))
        return str(holder) if holder else None


class _Settings(Struct):
    """What is read here of the app's settings."""

    model: str = ""


def last_used() -> str:
    """The name of the model that the app used last; "" if that is unknown."""
    try:
        return files.read_json(config_dir() / SETTINGS, _Settings).model
    except ModelError:
        return ""


def _file_in(folder: Path, name: str | None) -> Path:
    return folder / f"{name}{SUFFIX}"


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    """The files that exist, the newest first."""
    saved: list[tuple[float, Path]] = []
    for path in paths:
        with suppress(OSError):  # deleted meanwhile, or a broken link
            saved.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(saved, reverse=True)]


def _move(source: Path, target: Path) -> None:
    """Renames a file or a folder. Raises StorageError."""
    try:
        source.rename(target)
    except OSError as error:
        raise StorageError(f"could not make {target}: {os_reason(error)}") from error


def _write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
