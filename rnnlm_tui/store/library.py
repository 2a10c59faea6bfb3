"""The models in the user data folder: list, open, rename, delete, export and import them, and tell
which are being trained."""

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
from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import Config
from rnnlm_tui.errors import ModelError, StorageError, UsageError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import SETTINGS, built_in_models, config_dir
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.files import (
    RESUME,
    SUFFIX,
    UNFINISHED,
    read_json,
    remove,
    sizes_of_files,
    temporary_of,
    write_file,
)
from rnnlm_tui.store.locks import Locks, Trainer
from rnnlm_tui.store.model_file import load_model, read_card

if TYPE_CHECKING:
    from rnnlm_tui.evaluate import Evaluation

LONGEST_NAME, LONGEST_STEM = 64, 40
"""Characters of a name, and characters that the file of a text gives to one."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?", re.IGNORECASE)
"""Names that Windows reserves. They are refused everywhere, so that an export works anywhere."""
NAME_RULE = (
    "use at most 64 letters, digits, '.', '_' and '-', the first one a letter, a digit or '_', the"
    " last one no '.', and no name that Windows reserves"
)
BUILT_IN = (ENGLISH, "shakespeare")
"""The models that ship with the program. The first one opens at a first start."""


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A training that is running, can be resumed, or both.

    `trainer` is the process that trains, None if there is none. `config` and `epochs_done` are
    those of its saved state, None if that is unreadable.
    """

    name: str
    trainer: Trainer | None
    resumable: bool
    config: Config | None = None
    epochs_done: int | None = None

    @property
    def epochs(self) -> int | None:
        """The number of epochs in all, if it is known."""
        return self.config.epochs if self.config else None

    @property
    def is_unfinished(self) -> bool:
        """Whether the run can be resumed and no process trains it."""
        return self.resumable and self.trainer is None


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list, or a run that has not saved one.

    A model has a `card`, or `damaged`, the reason why it cannot be used. `path` is its file, and
    `folder` that of its run. A `built_in` model is read-only. `run` is its training, None if that
    neither runs nor can be resumed. `files` are the sizes in bytes by name, those of the run
    included.
    """

    name: str
    path: Path
    card: ModelCard | None
    damaged: str | None
    built_in: bool
    run: SavedRun | None
    files: Mapping[str, int]
    folder: Path

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


def is_name(name: str) -> bool:
    """Whether a model may have this name."""
    may_be = 0 < len(name) <= LONGEST_NAME and not RESERVED.fullmatch(name)
    return may_be and all(map(_may_be_in_name, name)) and _may_begin(name) and name[-1] != "."


def check_name(name: str) -> str:
    """Returns `name` if a model may have it. Raises UsageError."""
    if not is_name(name):
        raise UsageError(f"{name!r} cannot be a model's name", NAME_RULE)
    return name


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


def free_name(library: Library, stem: str, taken: Container[str] = ()) -> str:
    """`stem`, with a number appended if a model or a run has that name, or it is `taken`.

    `stem` must be a valid name. Reads folders and locks, so call it in a thread.
    """
    name, number = stem, 1
    while name in taken or library.has(name) or library.is_held(name):
        number += 1
        name = f"{stem[: 63 - len(str(number))]}-{number}"
    return name


def new_name_problem(library: Library, name: str, taken: Container[str] = ()) -> str | None:
    """What is wrong with a name for a new model, which a model, a run or one that waits (`taken`)
    may have; None if it is fine. Reads the library, so call it in a thread."""
    name = usable_name(name)
    if not is_name(name):
        return NAME_RULE
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

    def path_of_update(self, name: str) -> Path:
        """Where an update of the model `name` saves its best epoch until it replaces the model."""
        return self.path(name).with_name(f".{name}{SUFFIX}{UNFINISHED}")

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

    def names(self) -> list[str]:
        """The sorted names of all models, damaged ones included. Raises StorageError."""
        own = {path.stem for path in self._files()}
        return sorted(own | {*filter(self.is_built_in, BUILT_IN)})

    def _files(self) -> list[Path]:
        """The files of the user's models. Raises StorageError."""
        try:
            paths = list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {os_reason(error)}") from error
        return [path for path in paths if path.suffix == SUFFIX and is_name(path.stem)]

    def entries(self) -> list[Entry]:
        """All models, and the runs that have not saved one, sorted by name. Reads and checks the
        headers of the files, so call it in a thread. Raises StorageError."""
        models, runs = self.names(), {run.name: run for run in self.runs()}
        return [
            self._entry(name, runs.get(name), has_model=name in models)
            for name in sorted({*models, *runs})
        ]

    def _entry(self, name: str, run: SavedRun | None, *, has_model: bool) -> Entry:
        path, folder = self.path(name), self.run_folder(name)
        card, damaged, sizes = None, None, dict[str, int]()
        if has_model:
            try:
                card = read_card(path)
            except ModelError as error:
                damaged = error.message
            with suppress(OSError):
                sizes[path.name] = path.lstat().st_size
        sizes |= sizes_of_files(folder)
        return Entry(name, path, card, damaged, self.is_built_in(name), run, sizes, folder)

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
        """The names of all models, the most recently saved first and the built-in ones last. Raises
        StorageError."""
        own = [path.stem for path in _newest_first(self._files())]
        built_in = [*filter(self.is_built_in, BUILT_IN)]
        return [*(name for name in own if name not in built_in), *built_in]

    def newest_run(self) -> str:
        """The most recently saved run that is unfinished and not being trained, or the most recent
        one if all are. Raises ModelError if there is none."""
        names = self._resumable()
        if not names:
            longer = f"to train a model longer: {APP_NAME} --train --update NAME --epochs N"
            raise ModelError("no training is unfinished", longer)
        return next((name for name in names if not self._locks.trainer(name)), names[0])

    def can_resume(self, name: str) -> bool:
        """Whether there is a run of this name that is not finished."""
        return os.path.lexists(self.run_folder(name) / RESUME)

    def _resumable(self) -> list[str]:
        """The names of the runs that can be resumed, the most recently saved first."""
        folders = (path.parent for path in _newest_first(self._runs.glob(f"*/{RESUME}")))
        return [folder.name for folder in folders if is_name(folder.name)]

    def runs(self) -> list[SavedRun]:
        """All trainings that are running, wherever they were started, or can be resumed, sorted by
        name. Cheap: reads no weights."""
        found = map(self.run, sorted({*self._resumable(), *self._locks.noted_names()}))
        return [run for run in found if run.trainer or run.resumable]

    def run(self, name: str) -> SavedRun:
        """The training of this name, which may be neither running nor resumable."""
        from rnnlm_tui.store.run_files import read_facts  # 2 ms, not needed to suggest

        trainer, config, done = self._locks.trainer(name), None, None
        with suppress(ModelError):
            facts = read_facts(self.run_folder(name))
            config, done = facts.config, facts.position.epoch - 1
        return SavedRun(name, trainer, self.can_resume(name), config, done)

    def stop_run(self, name: str) -> None:
        """Asks the training of `name` to save and end; returns at once.

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
            hint = f"delete it, {APP_NAME} --delete {name}, or train it again with {{force}}"
            raise ModelError(message, error.hint or hint) from error

    def opened_model(self, name: str | None = None) -> OpenedModel:
        """The model of this name, or the `default_model`. Raises ModelError."""
        chosen = self.default_model() if name is None else name
        return OpenedModel(chosen, self.path(chosen), self.run_folder(chosen), *self.open(chosen))

    def has(self, name: str) -> bool:
        """Whether a model or a resumable run has this name."""
        return is_name(name) and (name in self.names() or self.can_resume(name))

    def unknown_model(self, name: str) -> ModelError:
        """The error for a name that no model has; its hint lists the models."""
        names = ", ".join(self.names()) or "none yet"
        return ModelError(f"there is no model {name}", f"models: {names}")

    def _must_exist(self, name: str) -> None:
        if not os.path.lexists(self.path(name)):
            raise self.unknown_model(name)

    def _must_be_free(self, name: str) -> None:
        if self.has(check_name(name)):
            raise ModelError(f"the name {name} is taken", "take another name")

    def rename(self, old: str, new: str) -> None:
        """Renames the model `old`, and its run, to `new`. Raises ModelError if `new` is taken."""
        self._must_exist(old)
        self._must_be_free(new)
        with self.lock(old, trains=False), self.lock(new, trains=False):
            self._must_be_free(new)
            self.remove_leftovers(old)
            remove(self.run_folder(new))  # what a run that saved nothing has left
            for place in (self.run_folder, self.path_of_update, self.path):
                if os.path.lexists(place(old)):
                    _move(place(old), place(new))

    def delete(self, name: str) -> None:
        """Deletes the model `name` and its run. If that is interrupted, the name stays in the list
        until it is deleted again."""
        if not self.has(name) and not self.run_folder(name).exists():
            raise self.unknown_model(name)
        with self.lock(name, trains=False):
            remove(self.run_folder(name))
            self.remove_leftovers(name)
            remove(self.path(name))

    def remove_leftovers(self, name: str) -> None:
        """Removes what killed processes have left of the files of this name: half of a save, and an
        update that cannot be resumed. The caller holds its lock."""
        update, state = self.path_of_update(name), self.run_folder(name) / RESUME
        for path in (self.path(name), update, state):
            remove(temporary_of(path))
        if not self.can_resume(name):
            remove(update)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Copies the model's file to `target`, or into it if that is a folder; returns the path of
        the copy. It has no path, and no line of the text.

        Raises ModelError for a damaged model, StorageError if the file cannot be written, or exists
        and is not to be replaced.
        """
        import shutil  # 5 ms that a suggestion does not need

        self.open(name)
        if target.is_dir():
            target = target / f"{name}{SUFFIX}"
        if os.path.lexists(target) and not replace:
            raise StorageError(f"{target} already exists", "name another file, or give {force}")
        write_file(target, lambda path: shutil.copyfile(self.path(name), path))
        return target

    def import_(self, source: Path | BinaryIO, name: str) -> None:
        """Adds an exported model, from a file or a stream, as the model `name`. All of it is
        checked before it enters the library. Raises ModelError."""
        label = source if isinstance(source, Path) else "standard input"
        try:
            raw = source.read_bytes() if isinstance(source, Path) else source.read()
        except OSError as error:
            raise ModelError(f"cannot import {label}: {os_reason(error)}") from error

        def write(temporary: Path) -> None:
            temporary.write_bytes(raw)
            load_model(temporary)

        self._must_be_free(name)
        with self.lock(name, trains=False):
            self._must_be_free(name)
            remove(self.run_folder(name))  # what a run that saved nothing has left
            try:
                write_file(self.path(name), write)
            except ModelError as error:
                raise error.within(f"cannot import {label}: {{message}}") from error

    def lock(self, name: str, *, trains: bool = True) -> AbstractContextManager[None]:
        """Locks the model's name against all other processes, until the context or the process
        ends: for a training, or for an operation that takes an instant.

        Raises ModelError naming the holder, or for a built-in model; StorageError if the data
        folder cannot be written.
        """
        self.check_own(name)
        return self._locks.hold(check_name(name), trains=trains)

    def is_held(self, name: str) -> bool:
        """Whether a process holds the lock of the name."""
        return self._locks.is_held(check_name(name))


class _Settings(Struct):
    """What is read here of the app's settings."""

    model: str = ""


def last_used() -> str:
    """The name of the model that the app used last; "" if that is unknown."""
    try:
        return read_json(config_dir() / SETTINGS, _Settings).model
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
