"""The models in the user data folder, and the one that is in use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import ModelError, StorageError, os_reason, print_warning
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store import files, locks
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import RESUME, RUN_JSON, SUFFIX, UPDATE, saved_ns
from rnnlm_tui.store.languages import model_of_locale
from rnnlm_tui.store.model_file import INSTALL_AGAIN, read_card, read_model
from rnnlm_tui.store.names import (
    LONGEST_NAME,
    NAME_RULE,
    built_in_names,
    built_in_path,
    check_name,
    is_name,
    tidy_name,
)
from rnnlm_tui.store.saved_runs import SavedRun, SavedRuns
from rnnlm_tui.store.unwanted import UnwantedWords

if TYPE_CHECKING:
    from rnnlm_tui.events import Evaluation

MAX_OPEN_MODELS = 4
"""The number of models that `keep_open` keeps in memory."""
MODEL_VARIABLE = "RNNLM_MODEL"
"""The environment variable with the name of the model that answers where none is named."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list, or a run that has not saved one.

    Attributes:
        path: The file of the model.
        folder: The folder of its run.
        card: The card of the model; None if it is damaged or was not saved.
        damaged: The reason why a model that was saved cannot be used, or None.
        built_in: True for a model that is read-only.
        run: The training of the model; None if it neither runs nor can be resumed.
        file_sizes: The sizes of all its files in bytes, by name.
    """

    name: str
    path: Path
    folder: Path
    card: ModelCard | None
    damaged: str | None
    built_in: bool
    run: SavedRun | None
    file_sizes: Mapping[str, int]

    @property
    def has_model(self) -> bool:
        """True if a model was saved, even if it is damaged by now."""
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
        return self.file_sizes.get(self.path.name, 0)


@dataclass(eq=False)
class OpenedModel:
    """A model that is ready to predict. Its file is at `path` and was saved at `saved_ns`. `folder`
    is the folder of its run. `unwanted` returns the words that the user does not want suggested. A
    caller may replace `contexts` by one that has read earlier texts."""

    name: str
    path: Path
    folder: Path
    card: ModelCard
    model: LanguageModel
    unwanted: Callable[[], frozenset[str]] = frozenset
    saved_ns: int = 0

    @cached_property
    def contexts(self) -> Contexts:
        """The kept states and predictions of the model."""
        return Contexts(self.model, self.unwanted)


class Library:
    """The models in `<data folder>/models` and the built-in ones, with their `runs`. Creates
    nothing until something is saved. `unwanted` are the words that no model is to suggest."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "models"
        self._locks = self.folder / ".locks"
        self.runs = SavedRuns(data_dir / "runs", self._locks)
        self._in_use_file = data_dir / files.IN_USE
        self._kept = dict[str, OpenedModel]()
        self.unwanted = UnwantedWords()

    # Where things are

    def path(self, name: str) -> Path:
        """Returns the file of the model `name`, which may not exist. Raises UsageError."""
        if self.is_built_in(name):
            return built_in_path(name)
        return self.folder / f"{check_name(name)}{SUFFIX}"

    def is_built_in(self, name: str | None) -> bool:
        return name is not None and is_name(name) and os.path.lexists(built_in_path(name))

    def check_own(self, name: str) -> None:
        """Raises ModelError for a built-in model, which cannot be changed."""
        if self.is_built_in(name):
            raise ModelError(
                f"{name} is built in and read-only",
                "models of your own, under other names, can be changed",
            )

    # What there is

    def names(self) -> list[str]:
        """Returns the sorted names of all models, damaged ones included. Raises StorageError."""
        return sorted(self.newest_first())

    def newest_first(self) -> list[str]:
        """Returns the names of all models, the most recently saved first and the built-in ones
        last. Raises StorageError."""
        try:
            own = [path for path in self.folder.iterdir() if path.suffix == SUFFIX]
        except FileNotFoundError:
            own = []
        except OSError as error:
            raise StorageError(f"cannot read {self.folder}: {os_reason(error)}") from error
        names = [path.stem for path in sorted(own, key=saved_ns, reverse=True)]
        built_in = built_in_names()
        return [*(name for name in names if is_name(name) and name not in built_in), *built_in]

    def has(self, name: str) -> bool:
        """Returns True if a model or a resumable run has this name, or one that the file system
        takes for the same. Those of macOS and Windows ignore capitals."""
        if not is_name(name):
            return False
        return os.path.lexists(self.path(name)) or self.runs.can_resume(name)

    def entries(self) -> list[Entry]:
        """Returns all models, and the runs that have not saved one, sorted by name. Reads and
        checks the headers of the files, so call it in a thread. Raises StorageError."""
        models, runs = self.names(), {run.name: run for run in self.runs.all()}
        return [
            self._entry(name, runs.get(name), has_model=name in models)
            for name in sorted({*models, *runs})
        ]

    def _entry(self, name: str, run: SavedRun | None, *, has_model: bool) -> Entry:
        path, folder = self.path(name), self.runs.folder(name)
        card = damaged = None
        if has_model:
            try:
                card = read_card(path)
            except ModelError as error:
                damaged = error.message
        sizes = dict[str, int]()
        for file in (path, *sorted(folder.glob("*"))):
            with suppress(OSError):  # a training may replace its files at any time
                sizes[file.name] = file.lstat().st_size
        return Entry(name, path, folder, card, damaged, self.is_built_in(name), run, sizes)

    def unknown_model(self, name: str) -> ModelError:
        """Returns the error for a name that no model has. Its hint lists the models."""
        names = ", ".join(self.names()) or "none yet"
        reason = f" ({MODEL_VARIABLE} names it)" if os.environ.get(MODEL_VARIABLE) == name else ""
        return ModelError(f"there is no model {name}{reason}", f"models: {names}")

    def free_name(self, stem: str) -> str:
        """Returns `stem`, a valid name, with a number appended if a model or a run has that name.
        Reads folders and locks, so call it in a thread."""
        name, number = stem, 1
        while self.has(name) or self.runs.trainer(name):
            number += 1
            name = f"{stem[: LONGEST_NAME - 1 - len(str(number))]}-{number}"
        return name

    def new_name_problem(self, name: str) -> str | None:
        """Returns the reason why a new model cannot have this name, or None if it can. Reads
        folders and locks, so call it in a thread."""
        name = tidy_name(name)
        if not is_name(name):
            return NAME_RULE
        free = self.free_name(name)
        return None if free == name else f"the name {name} is taken; {free} is free"

    # The model in use

    def default_model(self, tell: Callable[[str], object] = print_warning) -> str:
        """Returns the name of the model that answers where none is named. It is the model that
        RNNLM_MODEL names, or else the one in use. `tell` is passed to `in_use`."""
        return os.environ.get(MODEL_VARIABLE) or self.in_use(tell)

    def is_chosen(self) -> bool:
        """Returns True if the user has chosen the `default_model`."""
        return bool(os.environ.get(MODEL_VARIABLE)) or os.path.lexists(self._in_use_file)

    def in_use(self, tell: Callable[[str], object]) -> str:
        """Returns the name of the model that `use` has stored, or else of the model of the locale's
        language. If the stored one cannot be used, calls `tell` with a sentence for the user."""
        try:
            name = self._stored_name()
            problem = self._problem_of(name)
        except (FileNotFoundError, NotADirectoryError):
            return model_of_locale()
        except OSError as error:
            name, problem = "", f"{self._in_use_file} cannot be read: {os_reason(error)}"
        if not problem:
            return name
        usual = model_of_locale()
        tell(f"{problem}; {usual} suggests instead (another: Models in the app, or --use NAME)")
        return usual

    def _stored_name(self) -> str:
        """Returns the name that `use` has stored. Raises OSError."""
        return files.read_bytes(self._in_use_file).decode("utf-8", "replace").strip()

    def _problem_of(self, name: str) -> str:
        """Returns the reason why the model in use, which has this name, cannot be used, or ""."""
        if not is_name(name):
            return f"{self._in_use_file} does not name a model"
        if not os.path.lexists(self.path(name)):
            return f"the model in use, {name}, is gone"
        try:
            read_card(self.path(name))
        except ModelError as error:
            return f"the model in use, {name}, is damaged: {error.message}"
        return ""

    def is_in_use(self, name: str) -> bool:
        """Returns True if `use` has stored this name."""
        with suppress(OSError):
            return self._stored_name() == name
        return False

    def use(self, name: str) -> None:
        """Makes this model the one in use, which the app, editors and scripts open when they start.
        The caller must have opened it, which checks it. Raises StorageError."""
        files.make_folder(self.data_dir)
        files.write_bytes(self._in_use_file, f"{name}\n".encode())

    # Open and change

    def open(self, name: str | None) -> OpenedModel:
        """Opens and checks the model `name`, or the `default_model`. Raises ModelError."""
        name = self.default_model() if name is None else name
        path = self.path(name)
        if not os.path.lexists(path):
            raise self.unknown_model(name)
        try:
            return self.open_file(path, self.runs.folder(name))
        except ModelError as error:
            message = f"the model {name} cannot be used: {error.message}"
            hint = f"delete it, {APP_NAME} --delete {name}, or train it again with {{force}}"
            if self.is_built_in(name):
                hint = INSTALL_AGAIN
            raise ModelError(message, error.hint or hint) from error

    def open_file(self, path: Path, folder: Path) -> OpenedModel:
        """Opens and checks the model in a file. `folder` is that of its run. Raises ModelError."""
        saved = saved_ns(path)  # taken before the file is read, so that no later save is missed
        card, model = read_model(path)
        return OpenedModel(path.stem, path, folder, card, model, self.unwanted.words, saved)

    def keep_open(self, name: str) -> OpenedModel:
        """Does what `open` does, but keeps the last few models open. A model that is open is opened
        again only if it was saved since. Raises ModelError, and StorageError if the unwanted words
        cannot be read."""
        self.unwanted.words()  # raises the error before anything is suggested
        kept = self._kept.pop(name, None)
        if kept is None or kept.saved_ns != saved_ns(kept.path):
            kept = self.open(name)
        self._kept[name] = kept
        if len(self._kept) > MAX_OPEN_MODELS:
            del self._kept[next(iter(self._kept))]  # the model that was asked for longest ago
        return kept

    def lock(self, name: str, *, trains: bool = True) -> AbstractContextManager[None]:
        """Locks the model's name against all other processes, until the context or the process
        ends. `trains` is False for an operation that takes an instant. Raises ModelError if the
        lock is taken or the model is built in, and StorageError if the lock cannot be written."""
        self.check_own(name)
        return locks.hold(self._locks, check_name(name), trains=trains)

    def rename(self, old: str, new: str) -> None:
        """Renames the model `old`, and its run, to `new`. Raises ModelError if `new` is taken."""
        self._must_have(old)
        self._must_be_free(new)
        with self.lock(old, trains=False), self.lock(new, trains=False):
            self._must_be_free(new)  # another process may have taken it
            self.remove_leftovers(old)
            files.remove(self.runs.folder(new))  # a run that saved nothing has left it
            # The run goes first. If this is interrupted, the model still has its old name.
            for path_of in (self.runs.folder, self.path):
                if os.path.lexists(path_of(old)):
                    files.replace(path_of(old), path_of(new))
            if self.is_in_use(old):
                self.use(new)

    def delete(self, name: str) -> None:
        """Deletes the model `name`, its run, and the stored texts that no other model has learned,
        for good. If that is interrupted, the name stays in the list until it is deleted again."""
        self._must_have(name)
        with self.lock(name, trains=False):
            self._remove_texts(self._files_of(name).__contains__, of_deleted=name)
            files.remove(self.runs.folder(name))
            self.remove_leftovers(name)
            files.remove(self.path(name))
            if self.is_in_use(name):
                files.remove(self._in_use_file)  # the model of the locale's language is then in use

    @property
    def texts_folder(self) -> Path:
        """The folder of texts that were written in the app and are stored for trainings."""
        return self.data_dir.absolute() / "texts"

    def stored_texts(self, name: str) -> list[Path]:
        """Returns the files in that folder that the model has learned."""
        from rnnlm_tui.store.run_files import read_sources  # here, because it loads the events

        paths = map(Path, read_sources(self.runs.folder(name)).sources)
        return [path for path in paths if path.parent == self.texts_folder]

    def _files_of(self, name: str) -> set[str]:
        """Returns the names of the files that the model has learned, or that its unfinished run
        learns. Their folder may have been moved."""
        from rnnlm_tui.store.run_files import read_facts, read_sources

        folder = self.runs.folder(name)
        sources = read_sources(folder).sources
        with suppress(ModelError):  # there is no unfinished run
            sources += read_facts(folder).sources
        return {Path(source).name for source in sources}

    def _remove_texts(self, is_meant: Callable[[str], object], of_deleted: str = "") -> None:
        """Removes the stored texts whose file names are meant, unless a model needs them that is
        not the one to be deleted."""
        if found := [path for path in self.texts_folder.glob("*.txt") if is_meant(path.name)]:
            names = {*self.names(), *(run.name for run in self.runs.all())} - {of_deleted}
            kept = {file for name in names for file in self._files_of(name)}
            for path in found:
                if path.name not in kept:
                    files.remove(path)

    def remove_leftovers(self, name: str) -> None:
        """Removes the files of this name that trainings have left: half of a saved model, an update
        that cannot be resumed, and texts that were never learned. The caller must hold its lock."""
        folder = self.runs.folder(name)
        for path in (self.path(name), folder / UPDATE, folder / RESUME, folder / RUN_JSON):
            files.remove(files.temporary_of(path))
        if not self.runs.can_resume(name):
            files.remove(folder / UPDATE)
        self._remove_texts(re.compile(rf"{re.escape(name)}-written(-\d+)?\.txt").fullmatch)

    def export(self, name: str, target: Path, *, replace: bool = False) -> Path:
        """Copies the model's file, which has neither paths nor the text, to the file or into the
        folder `target`. Returns the path of the copy. Raises ModelError for a damaged model, and
        StorageError if the file cannot be written, or exists and `replace` is False."""
        self.open(name)
        if target.is_dir():
            target = target / f"{name}{SUFFIX}"
        if os.path.lexists(target) and not replace:
            raise StorageError(f"{target} already exists", "name another file, or give {force}")
        files.copy(self.path(name), target)
        return target

    def import_(self, source: Path, name: str) -> None:
        """Adds an exported model as `name`, after checking all of it. Raises ModelError."""
        try:
            read_model(source)
        except ModelError as error:
            raise ModelError(f"cannot import {source}: {error.message}", error.hint) from error
        with self.lock(name, trains=False):
            self._must_be_free(name)
            files.remove(self.runs.folder(name))  # a run that saved nothing has left it
            files.copy(source, self.path(name))

    def _must_have(self, name: str) -> None:
        """Raises ModelError without a model and a run of this name."""
        if not self.has(name) and not self.runs.folder(name).exists():
            raise self.unknown_model(name)

    def _must_be_free(self, name: str) -> None:
        if self.has(check_name(name)):
            raise ModelError(
                f"the name {name} is taken; {self.free_name(name)} is free", "take another name"
            )
