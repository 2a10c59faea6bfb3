"""The models in the user data folder: list, open, rename, copy, delete, export, import, and which
of them are being trained."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path

from rnnlm_tui.errors import ModelError, StorageError, UsageError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import built_in_model
from rnnlm_tui.store import archive, files
from rnnlm_tui.store.card import ModelCard, read_card, with_card
from rnnlm_tui.store.files import HISTORY, MODEL, RESUME
from rnnlm_tui.store.load import check_model, load_model
from rnnlm_tui.store.locks import TRAINING, Locks
from rnnlm_tui.store.run_state import RunStatus, read_run_status

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
BUILT_IN = "shakespeare"
"""The name of the model that ships with the program."""
STALE_S = 3600
"""An import or a copy that has not ended after so long was killed."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for itself; refused everywhere, so that an export can go anywhere."""
NAME_RULE = "letters, digits, '.', '_' and '-', at most 64, with no '.' at either end"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list. `card` is None and `damaged` says why where it cannot be read;
    `trained_by` names the run that trains it now; `built_in`: it ships with the program, and can
    be neither changed nor deleted."""

    name: str
    card: ModelCard | None
    damaged: str | None
    size_bytes: int
    trained_by: str | None
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A training that runs, or one that can go on, or both.

    `holder` and `pid` are those of the process that trains, None where none does; `on_this_host`
    says whether it is one of this machine. `stand` is how far the state that it has left stands,
    None where it runs or where that cannot be read. `epochs_done` of `epochs` are those of the
    state, else those of the model's card; both are None where there is neither.
    """

    name: str
    running: bool
    holder: str | None
    pid: int | None
    on_this_host: bool
    resumable: bool
    epochs_done: int | None
    epochs: int | None = None
    stand: RunStatus | None = None


def is_name(name: str) -> bool:
    """Whether `name` may be a model's."""
    return bool(NAME.fullmatch(name)) and not RESERVED.fullmatch(name) and not name.endswith(".")


def check_name(name: str) -> str:
    """`name`, where it may be a model's. Raises UsageError."""
    if not is_name(name):
        raise UsageError(f"{name!r} cannot be a model's name", _what_a_name_is(name))
    return name


def new_name_fault(name: str) -> str | None:
    """What is wrong with `name` for a model that a person names now, in a sentence; None where
    nothing is."""
    if not name:
        return "give it a name"
    if name.startswith("-"):
        return "a name that begins with '-' would be taken for an option"
    return None if is_name(name) else _what_a_name_is(name)


def _what_a_name_is(name: str) -> str:
    """What to do about a name that cannot be one."""
    if RESERVED.fullmatch(name):
        return "Windows keeps this name for itself, so no model has it: take another"
    return f"use {NAME_RULE}"


def free_name(library: Library, stem: str) -> str:
    """`stem`, or the first of its kind with a number behind it, that no model and no run has.
    `stem` may be a model's name. Reads folders and locks, so it belongs into a thread."""

    def is_free(name: str) -> bool:
        return not library.has(name) and library.holder(name) is None

    numbers = (f"-{number}" for number in count(2))
    numbered = (f"{stem[: 64 - len(number)]}{number}" for number in numbers)
    return next(filter(is_free, chain([stem], numbered)))


class Library:
    """The models under `<data folder>/models`, and the one that ships with the program. Creates
    nothing before something is saved."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "models"
        self._built_in = built_in_model()
        self._locks = Locks(self.folder / ".locks")

    def path(self, name: str) -> Path:
        """The folder of the model `name`, whether it is there or not. Raises UsageError."""
        return self._built_in if self.is_built_in(name) else self.folder / check_name(name)

    def is_built_in(self, name: str | None) -> bool:
        """Whether this is the model that ships with the program."""
        return name == BUILT_IN and _is_there(self._built_in / MODEL)

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
        return sorted(found | set(self._built_in_name()))

    def _built_in_name(self) -> list[str]:
        """Its name, where it is there."""
        return [BUILT_IN] if self.is_built_in(BUILT_IN) else []

    def entries(self) -> list[Entry]:
        """All models, each with its card or with the reason why it cannot be used.

        The tensors are checked for presence, names and shapes; their numbers when it is opened.
        """
        return [self._entry(name) for name in self.names()]

    def _entry(self, name: str) -> Entry:
        built_in = self.is_built_in(name)
        folder = self._built_in if built_in else self.folder / name
        card, damaged = None, None
        try:
            check_name(name)
            card = check_model(folder)
        except (ModelError, UsageError) as error:
            card, damaged = None, error.message
        trainer = self._locks.trainer(name) if is_name(name) else None
        trained_by = str(trainer) if trainer else None
        return Entry(name, card, damaged, _size(folder), trained_by, built_in)

    def newest(self) -> str:
        """The name of the model that was saved last. Raises ModelError where there is none."""
        newest = self.newest_first()
        if not newest:
            raise ModelError("there is no model yet", "train one: rnnlm-tui --train")
        return newest[0]

    def newest_first(self) -> list[str]:
        """The names of all models that have a name, the one saved last first, the one that ships
        with the program at the end."""
        own = [name for name in self._newest_with(MODEL) if not self.is_built_in(name)]
        return own + self._built_in_name()

    def newest_run(self) -> str:
        """The name of the run that was saved last and can go on. Raises ModelError."""
        newest = self._newest_with(RESUME)
        if not newest:
            raise ModelError("there is no run to go on with", "train one: rnnlm-tui --train")
        return newest[0]

    def _newest_with(self, file: str) -> list[str]:
        """The names whose folders hold `file`, the newest first."""
        saved: list[tuple[float, str]] = []
        for name in self._having(file):
            with suppress(OSError):  # deleted since, or a link to nowhere
                saved.append(((self.folder / name / file).stat().st_mtime, name))
        return [name for _, name in sorted(saved, reverse=True)]

    def _having(self, file: str) -> Iterator[str]:
        """The names whose folders hold this file."""
        names = (path.parent.name for path in self.folder.glob(f"*/{file}"))
        return filter(is_name, names)

    def runs(self) -> list[Run]:
        """Every training that runs now, wherever it was started, and every one that can go on, in
        the order of their names. Cheap: it reads cards, notes and facts, and no weights."""
        held = filter(is_name, self._locks.noted())
        runs = map(self.run, sorted({*held, *self._having(RESUME)}))
        return [run for run in runs if run.running or run.resumable]

    def run(self, name: str) -> Run:
        """The training of this name, as far as there is one: running, left with a state, or
        neither."""
        trainer, folder = self._locks.trainer(name), self.path(name)
        stand, card = None, None
        if trainer is None:
            with suppress(ModelError):
                stand = read_run_status(folder)
        if stand is None:
            with suppress(ModelError):
                card = read_card(folder)
        known = stand or card
        return Run(
            name,
            running=trainer is not None,
            holder=str(trainer) if trainer else None,
            pid=trainer.pid if trainer else None,
            on_this_host=trainer is not None and trainer.on_this_host,
            resumable=_is_there(folder / RESUME),
            epochs_done=known.epochs_done if known else None,
            epochs=known.config.epochs if known else None,
            stand=stand,
        )

    def stop_run(self, name: str) -> None:
        """Asks the training of `name` on this machine to save and end, and returns at once.

        A second request, before the first is through, ends it with what was saved before. Raises
        ModelError where no training of that name runs here.
        """
        self._locks.end_training(check_name(name))

    def open(self, name: str) -> tuple[ModelCard, LanguageModel]:
        """The model `name`, checked and ready to predict. Raises ModelError."""
        self._must_exist(name)
        try:
            return load_model(self.path(name))
        except ModelError as error:
            raise ModelError(
                f"the model {name} cannot be used: {error.message}",
                error.hint or f"delete it (--delete {name}), or train it again (--force)",
            ) from error

    def has(self, name: str) -> bool:
        """Whether there is a model of this name, or what an unfinished run of that name left."""
        return name in self.names() or (is_name(name) and _holds_more(self.path(name)))

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
        with self.lock(old, "rename"), self.lock(new, "rename"):
            self._must_be_free(new)
            self._move(self.path(old), self.path(new))

    def _must_be_free(self, name: str) -> None:
        if os.path.lexists(self.path(name)):
            raise ModelError(f"there is a model {name} already", "take another name")

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.rename(target)
        except OSError as error:
            raise StorageError(f"could not make {target}: {os_reason(error)}") from error

    def duplicate(self, source: str, target: str) -> None:
        """Copies the model `source` to the name `target`, without the state for resuming.

        Raises ModelError where `source` is damaged or in use, or `target` is taken.
        """
        self._must_exist(source)
        self._must_be_free(target)
        built_in = self.is_built_in(source)  # which nobody can change meanwhile
        held = nullcontext() if built_in else self.lock(source, "duplicate")
        with held, self.lock(target, "duplicate"):
            self._must_be_free(target)
            self.open(source)
            with self._staging("duplicate") as staging:
                archive.copy_checked(self.path(source), staging)
                self._move(staging, self.path(target))

    @contextmanager
    def _staging(self, purpose: str) -> Iterator[Path]:
        """A new folder beside the models, to be filled and moved; it is gone at the end."""
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
        if not self.has(name):
            raise ModelError(f"there is no model {name}", self.known())
        if not is_name(name):  # a folder that no run made, so nobody can hold it
            return self._discard(self.folder / name)
        with self.lock(name, "delete"):
            return self._discard(self.path(name))

    def _discard(self, folder: Path) -> None:
        self._move(folder, self.folder / f".deleted-{uuid.uuid4().hex}")
        self._sweep()

    def _sweep(self) -> None:
        """Removes what was deleted, and what imports and copies that were killed have left."""
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
            files.write_file(target, partial(archive.write_zip, folder, card))

        with_card(folder, export)
        return target

    def import_(self, source: Path, name: str) -> None:
        """Takes in the zip of an export as the model `name`.

        Names, sizes, the card, the words and the header of the weights are checked before a file
        is put into the library; the zip's own paths are never used. Raises ModelError.
        """
        with self.lock(name, "import"):
            self._must_be_free(name)
            with self._staging("import") as staging:
                archive.extract_checked(source, staging)
                self._move(staging, self.path(name))

    def lock(self, name: str, purpose: str = TRAINING) -> AbstractContextManager[None]:
        """Holds the model's name against every other process. Raises ModelError naming the holder,
        StorageError where the data folder cannot be written, ModelError for the model that ships
        with the program. The system lets go of it when the process ends, however it ends. `purpose`
        tells a run from what is over in a moment."""
        if self.is_built_in(name):
            raise ModelError(
                f"{name} is the model that came with the program, and stays as it is",
                "models of your own, under other names, can be changed",
            )
        return self._locks.hold(check_name(name), purpose)

    def holder(self, name: str) -> str | None:
        """The process that holds the model's name, or None where nobody does."""
        holder = self._locks.holder(check_name(name))
        return str(holder) if holder else None


def _is_there(path: Path) -> bool:
    """Whether something is at `path`, be it a link to nowhere or behind a closed door."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _holds_more(folder: Path) -> bool:
    """Whether a folder holds more than the history of a run that was killed before it had saved
    anything: that one is nothing to keep, and its name is free. One that cannot be read does."""
    try:
        return any(path.name != HISTORY for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _size(folder: Path) -> int:
    """The bytes of the folder's files. A training may delete one meanwhile."""
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.lstat().st_size if path.is_file() else 0
    return total
