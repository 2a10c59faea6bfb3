"""The models in the user data folder: list, open, rename, copy, delete, export, import, and which
of them are being trained."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, StorageError, UsageError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Base, ModelCard, base_of, read_card, with_card
from rnnlm_tui.store.files import MODEL, RESUME
from rnnlm_tui.store.load import check_model, load_model
from rnnlm_tui.store.locks import TRAINING, Locks

if TYPE_CHECKING:
    from rnnlm_tui.store.run_state import RunStatus

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for itself; refused everywhere, so that an export can go anywhere."""
NAME_RULE = "letters, digits, '.', '_' and '-', at most 64, with no '.' at either end"
BUILT_IN = (ENGLISH := "english", "shakespeare")
"""The names of the models that ship with the program; the first one opens at a first start."""
STALE_S = 3600
"""An import or a copy that has not ended after so long was killed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list. `damaged` says why it cannot be used, or `card` is there; `trained_by`
    is the run that trains it now; `built_in`: it ships with the program and cannot be changed."""

    name: str
    card: ModelCard | None
    damaged: str | None
    size_bytes: int
    trained_by: str | None
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A training that runs, or one that can go on, or both.

    `holder` is the process that trains, None if none does; `on_this_host` says whether it is one
    of this machine. `status` is how far the saved state has come, None while it runs and
    if it cannot be read. `epochs_done` of `epochs` are those of the state, else those of the
    model's card, else None.
    """

    name: str
    running: bool
    holder: str | None
    on_this_host: bool
    resumable: bool
    epochs_done: int | None
    epochs: int | None = None
    status: RunStatus | None = None


def is_name(name: str) -> bool:
    """Whether a model may have this name. No new model may have one that begins
    with '-'."""
    return bool(NAME.fullmatch(name)) and not RESERVED.fullmatch(name) and not name.endswith(".")


def check_name(name: str) -> str:
    """`name` if a model may have it. Raises UsageError."""
    if not is_name(name):
        raise UsageError(f"{name!r} cannot be a model's name", _what_a_name_is(name))
    return name


def check_new_name(name: str) -> str:
    """`name` if a model may be given it. Raises UsageError."""
    if (fault := new_name_fault(name)) is not None:
        raise UsageError(f"{name!r} cannot be a model's name", fault)
    return name


def new_name_fault(name: str) -> str | None:
    """What is wrong with a name for a new model, in a sentence; None if nothing is."""
    if not name:
        return "give it a name"
    if name.startswith("-"):
        return "a name that begins with '-' would be taken for an option"
    return None if is_name(name) else _what_a_name_is(name)


def _what_a_name_is(name: str) -> str:
    if RESERVED.fullmatch(name):
        return "Windows keeps this name for itself, so no model has it: take another"
    return f"use {NAME_RULE}"


def free_name(library: Library, stem: str) -> str:
    """`stem`, or the first one with a number after it, that no model and no run has.

    `stem` may be a model's name. Reads folders and locks, so call it in a thread.
    """
    numbers = (f"-{number}" for number in count(2))
    for name in chain([stem], (f"{stem[: 64 - len(number)]}{number}" for number in numbers)):
        if not library.has(name) and library.holder(name) is None:
            return name
    raise AssertionError("there is always a further number")


class Library:
    """The models under `<data folder>/models`, and those that ship with the program. Creates
    nothing before something is saved."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "models"
        self._built_in = built_in_models()
        self._locks = Locks(self.folder / ".locks")

    def path(self, name: str) -> Path:
        """The folder of the model `name`, whether it is there or not. Raises UsageError."""
        return (self._built_in if self.is_built_in(name) else self.folder) / check_name(name)

    def is_built_in(self, name: str | None) -> bool:
        """Whether this is a model that ships with the program."""
        return name in BUILT_IN and os.path.lexists(self._built_in / name / MODEL)

    def built_in(self) -> list[str]:
        """The names of the models that ship with the program, the one that opens first."""
        return [name for name in BUILT_IN if self.is_built_in(name)]

    def names(self) -> list[str]:
        """The names of all models, damaged ones too, in order."""
        try:
            folders = list(self.folder.iterdir())
        except FileNotFoundError:
            folders = []
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {os_reason(error)}") from error
        found = {
            path.name
            for path in folders
            if not path.name.startswith(".") and _is_there(path / MODEL)
        }
        return sorted(found | {*self.built_in()})

    def entries(self) -> list[Entry]:
        """All models, each with its card or with the reason why it cannot be used.

        The tensors are checked for presence, names and shapes; their numbers when it is opened.
        """
        return [self._entry(name) for name in self.names()]

    def _entry(self, name: str) -> Entry:
        built_in = self.is_built_in(name)
        folder = self.path(name) if built_in else self.folder / name
        card, damaged = None, None
        try:
            check_name(name)
            card = check_model(folder)
        except (ModelError, UsageError) as error:
            damaged = error.message
        trainer = self._locks.trainer(name) if is_name(name) else None
        trained_by = str(trainer) if trainer else None
        return Entry(name, card, damaged, _size(folder), trained_by, built_in)

    def newest(self) -> str:
        """The name of the model that was saved last and is not being trained. Raises ModelError if
        there is no model."""
        names = self.newest_first()
        if not names:
            raise ModelError("there is no model yet", "train one: rnnlm-tui --train")
        return next((name for name in names if not self._locks.trainer(name)), names[0])

    def newest_first(self) -> list[str]:
        """The names of all models, the one saved last first, the built-in ones at the end."""
        own = [name for name in self._newest_with(MODEL) if not self.is_built_in(name)]
        return [*own, *self.built_in()]

    def newest_run(self) -> str:
        """The name of the run that was saved last and can go on. Raises ModelError."""
        newest = self._newest_with(RESUME)
        if not newest:
            raise ModelError("there is no run to go on with", "train one: rnnlm-tui --train")
        return newest[0]

    def _newest_with(self, file: str) -> list[str]:
        """The names whose folders hold `file`, the newest first."""
        saved: list[tuple[float, str]] = []
        for path in self.folder.glob(f"*/{file}"):
            with suppress(OSError):  # deleted since, or a link to nowhere
                saved.append((path.stat().st_mtime, path.parent.name))
        return [name for _, name in sorted(saved, reverse=True) if is_name(name)]

    def runs(self) -> list[Run]:
        """Every training that runs now, wherever it was started, and every one that can go on, in
        the order of their names. Cheap: it reads cards, notes and facts, and no weights."""
        stopped = [path.parent.name for path in self.folder.glob(f"*/{RESUME}")]
        names = sorted(filter(is_name, {*stopped, *self._locks.noted()}))
        return [run for run in map(self.run, names) if run.running or run.resumable]

    def run(self, name: str) -> Run:
        """The training of this name: running, left with a state, or neither."""
        from rnnlm_tui.store.run_state import read_run_status  # 2 ms that a question need not wait

        trainer, folder = self._locks.trainer(name), self.path(name)
        status, card = None, None
        if trainer is None:
            with suppress(ModelError):
                status = read_run_status(folder)
        if status is None:
            with suppress(ModelError):
                card = read_card(folder)
        known = status or card
        epochs = known.config.epochs if known else None
        if trainer is not None:  # the n-grams that a network's training begins with have one epoch
            with suppress(ModelError):
                epochs = read_run_status(folder).config.epochs
        return Run(
            name,
            running=trainer is not None,
            holder=str(trainer) if trainer else None,
            on_this_host=trainer is not None and trainer.on_this_host,
            resumable=os.path.lexists(folder / RESUME),
            epochs_done=known.epochs_done if known else None,
            epochs=epochs,
            status=status,
        )

    def stop_run(self, name: str) -> None:
        """Asks the training of `name` on this machine to save and end, and returns at once.

        A second request, before the first is through, ends it with what was saved before. Raises
        ModelError if no training of that name runs here.
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
        """The model that another is built on, under this name or another; None if it is gone, or
        no longer the same. `above` are the names of the models that are built on it."""
        for name in dict.fromkeys([base["name"], *self.names()]):
            if name in above or not is_name(name):
                continue
            with suppress(ModelError):
                if {**base, "name": name} == base_of(name, read_card(self.path(name))):
                    above = (*above, name)
                    return load_model(self.path(name), partial(self.open_base, above=above))[1]
        return None

    def has(self, name: str) -> bool:
        """Whether there is a model of this name, or a run that can go on."""
        return name in self.names() or (is_name(name) and os.path.lexists(self.path(name) / RESUME))

    def known(self) -> str:
        """The names of all models, for a hint."""
        return f"models: {', '.join(self.names()) or 'none yet'}"

    def _must_exist(self, name: str) -> None:
        if not _is_there(self.path(name) / MODEL):
            raise ModelError(f"there is no model {name}", self.known())

    def rename(self, old: str, new: str) -> None:
        """Gives the model `old` the name `new`. Raises ModelError if `new` is taken."""
        self._must_exist(old)
        self._must_be_free(new)
        with self.lock(old, "rename"), self.lock(new, "rename"):
            self._take(new, self.path(old))

    def _must_be_free(self, name: str) -> None:
        if self.has(check_new_name(name)):
            raise ModelError(f"the name {name} is taken", "take another name")

    def _take(self, name: str, folder: Path) -> None:
        """Makes `folder` the model `name`, whose lock the caller holds. What a killed run has left
        there gives way. Raises ModelError if the name is taken."""
        self._must_be_free(name)
        if os.path.lexists(self.path(name)):
            self._discard(self.path(name))
        self._move(folder, self.path(name))

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.rename(target)
        except OSError as error:
            raise StorageError(f"could not make {target}: {os_reason(error)}") from error

    def duplicate(self, source: str, target: str) -> None:
        """Copies the model `source` to the name `target`, without the state for resuming.

        Raises ModelError if `source` is damaged or in use, or `target` is taken.
        """
        from rnnlm_tui.store import archive  # 8 ms that are seldom needed

        self._must_exist(source)
        self._must_be_free(target)
        built_in = self.is_built_in(source)  # which nobody can change meanwhile
        held = nullcontext() if built_in else self.lock(source, "duplicate")
        with held, self.lock(target, "duplicate"), self._staging("duplicate") as staging:
            self.open(source)
            archive.copy_model(self.path(source), staging)
            self._take(target, staging)

    @contextmanager
    def _staging(self, purpose: str) -> Iterator[Path]:
        """A new folder next to the models, to be filled and moved; it is gone at the end."""
        import shutil
        import tempfile

        self._sweep()
        try:
            staging = Path(tempfile.mkdtemp(prefix=f".{purpose}-", dir=self.folder))
        except OSError as error:
            raise StorageError(f"cannot write to {self.folder}: {os_reason(error)}") from error
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def delete(self, name: str) -> None:
        """Deletes the model `name`, or what an unfinished run of that name left.

        It is renamed first, so that it is gone at once or still whole.
        """
        folder = self.folder / name
        if not self.has(name) and not (is_name(name) and os.path.lexists(folder)):
            raise ModelError(f"there is no model {name}", self.known())
        # A folder of another name was made by no run, so nobody can hold it.
        with self.lock(name, "delete") if is_name(name) else nullcontext():
            self._discard(folder)

    def _discard(self, folder: Path) -> None:
        import uuid

        self._move(folder, self.folder / f".deleted-{uuid.uuid4().hex}")
        self._sweep()

    def _sweep(self) -> None:
        """Removes what was deleted, and what imports and copies that were killed have left."""
        import shutil

        graves = list(self.folder.glob(".deleted-*"))
        for staging in (*self.folder.glob(".import-*"), *self.folder.glob(".duplicate-*")):
            with suppress(OSError):
                if time.time() - staging.lstat().st_mtime > STALE_S:
                    graves.append(staging)
        for grave in graves:
            if grave.is_symlink():
                grave.unlink(missing_ok=True)
            else:
                shutil.rmtree(grave, ignore_errors=True)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Writes the model as one zip of its files and history; returns its path.

        Not in it: the state for resuming, which is of use to this machine alone, paths, and the
        samples, which begin with a line of the user's. Raises ModelError for a model that is
        damaged, StorageError if `target` cannot be written.
        """
        from rnnlm_tui.store import archive

        self.open(name)
        if target.is_dir():
            target = target / f"{name}.zip"
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
            raise StorageError(f"{target} is no regular file", "name another file")
        if os.path.lexists(target) and not replace:
            raise StorageError(f"{target} is there already", "name another file, or give --force")

        def export(card: ModelCard) -> None:
            files.write_file(target, partial(archive.write_zip, self.path(name), card))

        with_card(self.path(name), export)
        return target

    def import_(self, source: Path, name: str) -> None:
        """Takes in the zip of an export as the model `name`.

        Names, sizes, the card, the words and the weights are checked before a file is put into the
        library; the zip's own paths are never used. Raises ModelError.
        """
        from rnnlm_tui.store import archive

        self._must_be_free(name)
        with self.lock(name, "import"), self._staging("import") as staging:
            archive.extract_checked(source, staging)
            self._take(name, staging)

    def lock(self, name: str, purpose: str = TRAINING) -> AbstractContextManager[None]:
        """Holds the model's name against every other process. Raises ModelError naming the holder,
        StorageError if the data folder cannot be written, ModelError for the model that ships
        with the program. The system lets go of it when the process ends, however it ends. `purpose`
        tells a run from what is over in a moment."""
        if self.is_built_in(name):
            raise ModelError(
                f"{name} is built in and read-only",
                "models of your own, under other names, can be changed",
            )
        return self._locks.hold(check_name(name), purpose)

    def holder(self, name: str) -> str | None:
        """The process that holds the model's name, or None if none does."""
        holder = self._locks.holder(check_name(name))
        return str(holder) if holder else None


def _is_there(path: Path) -> bool:
    """Whether something is at `path`, even a link to nowhere or a file behind a closed door."""
    try:
        path.lstat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def _size(folder: Path) -> int:
    """The bytes of the folder's files. A training may delete one meanwhile."""
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.lstat().st_size if path.is_file() else 0
    return total
