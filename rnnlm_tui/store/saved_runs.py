"""The trainings of the models in a data folder: which are running, and which can be resumed."""

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
    """A training that is running, can be resumed, or both. `trainer` is the process that trains,
    None if there is none. `config` and `epochs_done` are those of its saved state, None if that is
    unreadable."""

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
        """True if the run can be resumed and no process trains it."""
        return self.resumable and self.trainer is None


class SavedRuns:
    """The trainings of all processes. Those that can be resumed have a folder in `folder`; those
    that run have a note in `locks_folder`."""

    def __init__(self, folder: Path, locks_folder: Path) -> None:
        self._folder, self._locks = folder, locks_folder

    def folder(self, name: str) -> Path:
        """The folder of the training of this name, whether or not it exists. Raises UsageError."""
        return self._folder / check_name(name)

    def can_resume(self, name: str) -> bool:
        """Returns whether there is an unfinished training of this name."""
        return os.path.lexists(self.folder(name) / RESUME)

    def all(self) -> list[SavedRun]:
        """All trainings that run, wherever they were started, or can be resumed, sorted by name.
        Reads no weights."""
        found = map(self.get, sorted({*self._resumable(), *self._noted()}))
        return [run for run in found if run.trainer or run.resumable]

    def get(self, name: str) -> SavedRun:
        """The training of this name, which may be neither running nor resumable."""
        from rnnlm_tui.store.run_files import read_facts  # 2 ms, not needed to suggest

        trainer, config, done = self.trainer(name), None, None
        with suppress(ModelError):
            facts = read_facts(self.folder(name))
            config, done = facts.config, facts.position.epoch - 1
        return SavedRun(name, trainer, self.can_resume(name), config, done)

    def in_training(self) -> list[str]:
        """The names of the models that a process trains, sorted. Takes a tenth of a millisecond."""
        return [name for name in sorted(self._noted()) if self.trainer(name)]

    def _noted(self) -> list[str]:
        """The names in the notes of trainings, whose processes may have been killed."""
        return [path.stem for path in self._locks.glob("*.json") if is_name(path.stem)]

    def trainer(self, name: str) -> Trainer | None:
        """The process that trains the model; None if none does."""
        return locks.trainer(self._locks, check_name(name))

    def _resumable(self) -> list[str]:
        """The names of the runs that can be resumed, the most recently saved first."""
        saved = sorted(self._folder.glob(f"*/{RESUME}"), key=files.saved_ns, reverse=True)
        return [path.parent.name for path in saved if is_name(path.parent.name)]

    def newest(self) -> str:
        """The name of the most recently saved run that can be resumed. A run that no process trains
        is preferred. Raises ModelError if there is no run."""
        names = self._resumable()
        if not names:
            longer = f"to train a model longer: {APP_NAME} --train --update NAME --epochs N"
            raise ModelError("no training is unfinished", longer)
        return next((name for name in names if not self.trainer(name)), names[0])
