"""The trainings in a data folder that run, and those that can be resumed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import Config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.store import files, locks
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.locks import Trainer
from rnnlm_tui.store.names import check_name, is_name


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A training that runs, or can be resumed, or both. `trainer` is the process that trains, or
    None. `config` and `epochs_done` are read from the saved state, and None if that fails."""

    name: str
    trainer: Trainer | None
    resumable: bool
    config: Config | None = None
    epochs_done: int | None = None

    @property
    def epochs(self) -> int | None:
        """The number of epochs of the whole training; None if it is not known."""
        return self.config.epochs if self.config else None

    @property
    def is_unfinished(self) -> bool:
        """True if the run can be resumed and no process trains it."""
        return self.resumable and self.trainer is None

    @property
    def progress_lost(self) -> str:
        """The progress that another training of this name would lose, such as "epoch 2 of 9". "" if
        the run cannot be resumed, or if none of its epochs is done or none is left."""
        done, epochs = self.epochs_done or 0, self.epochs or 0
        return f"epoch {done} of {epochs}" if self.is_unfinished and 0 < done < epochs else ""


class SavedRuns:
    """The trainings of all processes. One that can be resumed has a folder in `folder`. One that
    runs has a note in `locks_folder`."""

    def __init__(self, folder: Path, locks_folder: Path) -> None:
        self._folder, self._locks = folder, locks_folder

    def folder(self, name: str) -> Path:
        """Returns the folder of this training, which may not exist. Raises UsageError."""
        return self._folder / check_name(name)

    def can_resume(self, name: str) -> bool:
        """Returns True if there is an unfinished training of this name."""
        return os.path.lexists(self.folder(name) / RESUME)

    def all(self) -> list[SavedRun]:
        """Returns all trainings that run or can be resumed, sorted by name. Reads no weights."""
        found = map(self.get, sorted({*self._resumable(), *self._noted()}))
        return [run for run in found if run.trainer or run.resumable]

    def get(self, name: str) -> SavedRun:
        """Returns the training of this name, which may neither run nor be resumable."""
        from rnnlm_tui.store.run_files import read_facts  # 2 ms, not needed to suggest

        trainer, config, done = self.trainer(name), None, None
        with suppress(ModelError):
            facts = read_facts(self.folder(name))
            config, done = facts.config, facts.position.epoch - 1
        return SavedRun(name, trainer, self.can_resume(name), config, done)

    def in_training(self) -> list[str]:
        """Returns the sorted names of the models that a process trains, in 0.1 ms."""
        return [name for name in sorted(self._noted()) if self.trainer(name)]

    def _noted(self) -> list[str]:
        """Returns the names in the notes of trainings. Their processes may have been killed."""
        return [path.stem for path in self._locks.glob("*.json") if is_name(path.stem)]

    def trainer(self, name: str) -> Trainer | None:
        """Returns the process that trains the model, or None."""
        return locks.trainer(self._locks, check_name(name))

    def _resumable(self) -> list[str]:
        """Returns the names of the runs that can be resumed, the most recently saved first."""
        saved = sorted(self._folder.glob(f"*/{RESUME}"), key=files.saved_ns, reverse=True)
        return [path.parent.name for path in saved if is_name(path.parent.name)]

    def newest(self) -> str:
        """Returns the name of the most recently saved run that can be resumed. A run that no
        process trains is preferred. Raises ModelError if there is no run."""
        names = self._resumable()
        if not names:
            longer = f"to train a model longer: {APP_NAME} --train --update NAME --epochs N"
            raise ModelError("no training is unfinished", longer)
        return next((name for name in names if not self.trainer(name)), names[0])
