"""The models in the user data folder: list, open, rename, copy, delete, export and import them, and
tell which are being trained."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, StorageError, UsageError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store.card import Base, ModelCard, base_of, read_card
from rnnlm_tui.store.files import MODEL, RESUME
from rnnlm_tui.store.folders import discard, is_there, move, sizes_of_files, staging
from rnnlm_tui.store.load import check_model, load_model
from rnnlm_tui.store.locks import TRAINING, Holder, Locks

if TYPE_CHECKING:
    from rnnlm_tui.evaluate import Evaluation
    from rnnlm_tui.events import BaseSavings
    from rnnlm_tui.store.run_state import RunStatus

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows reserves. They are refused everywhere, so that an export works anywhere."""
NAME_RULE = "letters, digits, '.', '_' and '-', at most 64, with no '.' at either end"
BUILT_IN = (ENGLISH := "english", "shakespeare")
"""The models that ship with the program. The first one opens at a first start."""


@dataclass(frozen=True, slots=True)
class Run:
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
        """Whether the run has epochs left but no process trains it."""
        if self.trainer or not self.resumable or (self.status and self.status.is_finished):
            return False
        return self.epochs is None or (self.epochs_done or 0) < self.epochs


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list, or a run that has not saved one.

    A model has a `card`, or `damaged`, the reason why it cannot be used. `evaluation` are its
    metrics on the held-out lines, if they were measured, and `base_alone` what its base alone saves
    on them. A `built_in` model is read-only. `run` is its training, None if that neither runs nor
    can be resumed. `files` are the sizes in bytes by name.
    """

    name: str
    folder: Path
    card: ModelCard | None
    damaged: str | None
    evaluation: Evaluation | None
    base_alone: BaseSavings | None
    built_in: bool
    run: Run | None
    files: Mapping[str, int]

    @property
    def has_model(self) -> bool:
        """Whether a model was saved, even if it is damaged by now."""
        return self.card is not None or self.damaged is not None

    @property
    def trained_by(self) -> str | None:
        """The process that is training the model, or None."""
        return str(self.run.trainer) if self.run and self.run.trainer else None

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(self.files.values())


def name_fault(name: str, *, is_new: bool = False) -> str | None:
    """What is wrong with the name of a model, as a sentence; None if it is fine. Older versions
    took names for `is_new` models that are refused now."""
    if is_new and not name:
        return "give it a name"
    if is_new and name.startswith("-"):
        return "a name that begins with '-' would be taken for an option"
    if RESERVED.fullmatch(name):
        return "Windows reserves this name: choose another"
    return None if NAME.fullmatch(name) and not name.endswith(".") else f"use {NAME_RULE}"


def is_name(name: str) -> bool:
    """Whether a model may have this name."""
    return name_fault(name) is None


def check_name(name: str, *, is_new: bool = False) -> str:
    """Returns `name` if a model, or a new one, may have it. Raises UsageError."""
    if (fault := name_fault(name, is_new=is_new)) is not None:
        raise UsageError(f"{name!r} cannot be a model's name", fault)
    return name


def free_name(library: Library, stem: str) -> str:
    """`stem`, with a number appended if a model or a run has that name.

    `stem` must be a valid name. Reads folders and locks, so call it in a thread.
    """
    name, number = stem, 1
    while library.has(name) or library.holder(name) is not None:
        number += 1
        name = f"{stem[: 63 - len(str(number))]}-{number}"
    return name


def new_name_problem(library: Library, name: str) -> str | None:
    """What is wrong with a name for a new model, which may be taken; None if it is fine. Reads the
    library, so call it in a thread."""
    if (fault := name_fault(name, is_new=True)) is not None:
        return fault
    try:
        free = free_name(library, name)
    except StorageError as error:
        return error.message
    return None if free == name else f"the name {name} is taken; {free} is free"


class Library:
    """The models under `<data folder>/models` and the built-in ones. Creates nothing until
    something is saved."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "models"
        self._built_in = built_in_models()
        self._locks = Locks(self.folder / ".locks")

    def path(self, name: str) -> Path:
        """The folder of the model `name`, whether or not it exists. Raises UsageError."""
        return (self._built_in if self.is_built_in(name) else self.folder) / check_name(name)

    def is_built_in(self, name: str | None) -> bool:
        """Whether this model ships with the program."""
        return name in BUILT_IN and os.path.lexists(self._built_in / name / MODEL)

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
            folders = list(self.folder.iterdir())
        except FileNotFoundError:
            folders = []
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {os_reason(error)}") from error
        visible = (path for path in folders if not path.name.startswith("."))
        found = {path.name for path in visible if is_there(path / MODEL)}
        return sorted(found | {*self._built_in_names()})

    def entries(self) -> list[Entry]:
        """All models, and the runs that have not saved one, sorted by name. Checks everything but
        the numbers in the tensors, so call it in a thread. Raises StorageError."""
        models, runs = self.names(), {run.name: run for run in self.runs()}
        return [
            self._entry(name, runs.get(name), has_model=name in models)
            for name in sorted({*models, *runs})
        ]

    def _entry(self, name: str, run: Run | None, *, has_model: bool) -> Entry:
        # It imports what measures models.
        from rnnlm_tui.store.evaluations import read_held_out_evaluation

        built_in = self.is_built_in(name)
        folder = self.path(name) if built_in else self.folder / name
        card, damaged = None, None
        if has_model:
            try:
                check_name(name)
                card = check_model(folder)
            except (ModelError, UsageError) as error:
                damaged = error.message
        measured = read_held_out_evaluation(folder, card) if card else None
        evaluation, base = (measured.figures, measured.base) if measured else (None, None)
        files = sizes_of_files(folder)
        return Entry(name, folder, card, damaged, evaluation, base, built_in, run, files)

    def newest(self) -> str:
        """The most recently saved model that is not being trained, or the most recent one if all
        are. Raises ModelError if there is no model."""
        names = self.newest_first()
        if not names:
            raise ModelError("there is no model yet", "train one: rnnlm-tui --train")
        return next((name for name in names if not self._locks.trainer(name)), names[0])

    def newest_first(self) -> list[str]:
        """The names of all models, the most recently saved first and the built-in ones last."""
        own = [name for name in self._newest_with(MODEL) if not self.is_built_in(name)]
        return [*own, *self._built_in_names()]

    def newest_run(self) -> str:
        """The most recently saved run that can be resumed. Raises ModelError if there is none."""
        newest = self._newest_with(RESUME)
        if not newest:
            raise ModelError("there is no run to resume", "train one: rnnlm-tui --train")
        return newest[0]

    def _newest_with(self, file: str) -> list[str]:
        """The names whose folders hold `file`, the newest file first."""
        saved: list[tuple[float, str]] = []
        for folder in self._folders_with(file):
            with suppress(OSError):  # deleted meanwhile, or a broken link
                saved.append(((folder / file).stat().st_mtime, folder.name))
        return [name for _, name in sorted(saved, reverse=True) if is_name(name)]

    def _folders_with(self, file: str) -> list[Path]:
        """The folders that hold `file`; none if the library cannot be read."""
        with suppress(OSError):
            return [folder for folder in self.folder.iterdir() if is_there(folder / file)]
        return []

    def runs(self) -> list[Run]:
        """All trainings that are running, wherever they were started, or can be resumed, sorted by
        name. Cheap: reads no weights."""
        stopped = [folder.name for folder in self._folders_with(RESUME)]
        names = sorted(filter(is_name, {*stopped, *self._locks.noted()}))
        return [run for run in map(self.run, names) if run.trainer or run.resumable]

    def run(self, name: str) -> Run:
        """The training of this name, which may be neither running nor resumable."""
        from rnnlm_tui.store.run_state import read_run_status  # 2 ms, not needed to suggest

        folder, trainer = self.path(name), self._locks.trainer(name)
        status, card = None, None
        with suppress(ModelError):
            status = read_run_status(folder)
        if trainer is not None or status is None:
            with suppress(ModelError):
                card = read_card(folder)
        # While a run trains, the card says how many epochs its model has; the n-grams with which a
        # network's training begins have settings of their own, so the epochs are the state's.
        done_by = card if trainer is not None else status or card
        settings_of = status or card
        return Run(
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
            return load_model(self.path(name), self.open_base)
        except ModelError as error:
            raise ModelError(
                f"the model {name} cannot be used: {error.message}",
                error.hint or f"delete it (--delete {name}), or train it again (--force)",
            ) from error

    def open_base(self, base: Base, above: tuple[str, ...] = ()) -> LanguageModel | None:
        """The model that another one is built on, even if it was renamed; None if it is gone or was
        trained again. `above` are the models built on it, which it cannot be itself."""
        for name in self.names_of_base(base, above):
            with suppress(ModelError):
                opened = partial(self.open_base, above=(*above, name))
                return load_model(self.path(name), opened)[1]
        return None

    def names_of_base(self, base: Base, above: tuple[str, ...] = ()) -> Iterator[str]:
        """The names of the model that another one is built on and of its copies; none if it is gone
        or was trained again. `above` are the models built on it."""
        for name in dict.fromkeys([base["name"], *self.names()]):
            if name in above or not is_name(name):
                continue
            with suppress(ModelError):
                if {**base, "name": name} == base_of(name, read_card(self.path(name))):
                    yield name

    def has(self, name: str) -> bool:
        """Whether a model or a resumable run has this name."""
        return name in self.names() or (is_name(name) and os.path.lexists(self.path(name) / RESUME))

    def unknown_model(self, name: str) -> ModelError:
        """The error for a name that no model has; its hint lists the models."""
        known = ", ".join(self.names()) or "none yet"
        return ModelError(f"there is no model {name}", f"models: {known}")

    def _must_exist(self, name: str) -> None:
        if not is_there(self.path(name) / MODEL):
            raise self.unknown_model(name)

    def _must_be_free(self, name: str) -> None:
        if self.has(check_name(name, is_new=True)):
            raise ModelError(f"the name {name} is taken", "take another name")

    def _put_in_place(self, folder: Path, name: str) -> None:
        """Makes `folder` the model `name`, replacing what a killed run has left there. The caller
        holds the lock of the name. Raises ModelError if the name is taken."""
        self._must_be_free(name)
        if os.path.lexists(self.path(name)):
            discard(self.path(name))
        move(folder, self.path(name))

    def rename(self, old: str, new: str) -> None:
        """Renames the model `old` to `new`. Raises ModelError if `new` is taken."""
        self._must_exist(old)
        self._must_be_free(new)
        with self.lock(old, "rename"), self.lock(new, "rename"):
            self._put_in_place(self.path(old), new)

    def duplicate(self, source: str, target: str) -> None:
        """Copies the model `source` to the name `target`, without the state for resuming.

        Raises ModelError if `source` is damaged or in use, or `target` is taken.
        """
        from rnnlm_tui.store import archive  # 8 ms, rarely needed

        self._must_exist(source)
        self._must_be_free(target)
        held = nullcontext() if self.is_built_in(source) else self.lock(source, "duplicate")
        with held, self.lock(target, "duplicate"), staging(self.folder, "duplicate") as folder:
            self.open(source)
            archive.copy_model(self.path(source), folder)
            self._put_in_place(folder, target)

    def delete(self, name: str) -> None:
        """Deletes the model `name`, or the leftovers of an unfinished run of that name."""
        folder = self.folder / name
        if not self.has(name) and not (is_name(name) and os.path.lexists(folder)):
            raise self.unknown_model(name)
        # No run creates a folder with an invalid name, so nobody can hold its lock.
        with self.lock(name, "delete") if is_name(name) else nullcontext():
            discard(folder)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Writes the model and its history as a zip file, into `target` if that is a folder;
        returns the path of the file.

        Left out are the state for resuming, which only this machine can use, all paths, and the
        samples, which begin with a line of the user's. Raises ModelError for a damaged model,
        StorageError if the file cannot be written.
        """
        from rnnlm_tui.store import archive

        self.open(name)
        if target.is_dir():
            target = target / f"{name}.zip"
        archive.export_zip(self.path(name), target, replace=replace)
        return target

    def import_(self, source: Path, name: str) -> None:
        """Adds an exported zip file as the model `name`. Everything in it is checked before it
        enters the library, and its own paths are never used. Raises ModelError."""
        from rnnlm_tui.store import archive

        self._must_be_free(name)
        with self.lock(name, "import"), staging(self.folder, "import") as folder:
            archive.extract_checked(source, folder)
            self._put_in_place(folder, name)

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
