"""A training from its plan to its last event: holds the lock, reads the text, runs the job, and
writes the history."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from rnnlm_tui.errors import DivergedError, RnnlmError, StorageError, os_reason
from rnnlm_tui.events import (
    Event,
    Finished,
    Preparing,
    Progress,
    Started,
    failed,
    to_json_line,
)
from rnnlm_tui.store import files
from rnnlm_tui.store.files import CONTROL, HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.alone import ALONE, Alone
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError, obeyed
from rnnlm_tui.training.estimate import check_memory
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, NgramLearner
from rnnlm_tui.training.plan import Plan, plan
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.run import Run
from rnnlm_tui.wording.trainings import outcome

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Parts of the messages of the RuntimeErrors that PyTorch raises if memory is out."""
PROGRESS_EVERY_S = 1.0
"""The least seconds between two events of progress in the history file. It grows by 0.7 MB an hour.
"""


def training_events(
    library: Library,
    request: TrainingRequest,
    control: Control,
    on_preparing: Callable[[Preparing], None] = lambda event: None,
    on_prepared: Callable[[Job], None] = lambda job: None,
    ranks: Alone = ALONE,
) -> Iterator[Event]:
    """Plans a training and returns its events, of which the last one is `Finished`.

    No event is yielded while the text is read. `on_preparing` is called with the progress instead,
    and `on_prepared` with the job before it runs. Of several ranks, the first one holds the lock
    and keeps the history. Raises RnnlmError, at once for a request that cannot be planned.
    """
    planned = plan(library, request)
    ranks.sum_over_ranks(0)  # returns once all have made their plan, before the first one writes
    return _run(planned, control, on_preparing, on_prepared, ranks)


def _run(
    planned: Plan,
    control: Control,
    on_preparing: Callable[[Preparing], None],
    on_prepared: Callable[[Job], None],
    ranks: Alone,
) -> Iterator[Event]:
    """Yields the events of a plan."""
    library, name = planned.library, planned.name
    history = HistoryFile(library.runs.folder(name))

    def show(event: Preparing) -> None:
        if ranks.is_first:
            history.add(event)
            on_preparing(event)

    with _locked(library, name, control) if ranks.is_first else nullcontext():
        events = _all_events(planned, control, show, on_prepared, ranks)
        yield from history.record(events) if ranks.is_first else events


def _all_events(
    planned: Plan,
    control: Control,
    show: Callable[[Preparing], None],
    on_prepared: Callable[[Job], None],
    ranks: Alone,
) -> Iterator[Event]:
    """Prepares the text of a plan and trains. Yields the events."""
    report = PreparationReport(control, show)
    with _explained_memory_errors():
        try:
            with _preparing(control):
                job = planned.prepare(report)
            check_memory(job.config, job.prepared)
            on_prepared(job)
            control.seed_line = control.seed_line or job.facts.seed_line
            yield from _events_of(job, control, ranks, report)
        except StoppedError:
            path = planned.library.path(planned.name)
            yield Finished(0.0, "stopped", None, None, str(path), 0.0)


@contextmanager
def _preparing(control: Control) -> Iterator[None]:
    """Lets a stop end the preparation at once, which then raises StoppedError."""
    control.preparing = True
    try:
        if control.stopped:  # by an earlier signal
            raise StoppedError
        yield
    finally:
        control.preparing = False


def check_end(finished: Finished) -> None:
    """Raises DivergedError for a run whose loss did not stay finite."""
    if finished.reason == "diverged":
        raise DivergedError(outcome(finished), "train with a smaller {learning_rate}")


def _events_of(
    job: Job, control: Control, ranks: Alone, report: PreparationReport
) -> Iterator[Event]:
    """Trains a job, and yields the events of its run. Raises StoppedError if that is stopped while
    its network reads the new words."""
    if not job.config.has_network:
        if ranks.is_first:  # one process counts
            yield from Run(job, control, NgramLearner(job)).events()
        return
    # Loads torch, which takes 1.2 s, after the problems with the text are told.
    from rnnlm_tui.training.network_learner import NetworkLearner, settings_of_torch

    ranks.check_same_text(job.prepared.corpus.sha256)
    with settings_of_torch():
        learner: Learner = NetworkLearner(job, ranks, report)
        yield from Run(job, control, learner, ranks).events()


@contextmanager
def _explained_memory_errors() -> Iterator[None]:
    """Turns an error of numpy or PyTorch that memory is out into an RnnlmError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(w in str(error) for w in OUT_OF_MEMORY):
            raise
        raise RnnlmError(
            "there is not enough memory for this network and these batches",
            "take a smaller {batch_size}, {max_window} or {max_vocabulary}, or fewer units",
        ) from error


@contextmanager
def _locked(library: Library, name: str, control: Control) -> Iterator[None]:
    """Holds the lock of a name, and obeys the orders to its run. At the end removes what killed
    runs have left. Removes the folder of the run if it has neither a model nor a state."""
    with library.lock(name):
        try:
            with obeyed(control, library.runs.folder(name) / CONTROL):
                yield
        finally:
            library.remove_leftovers(name)
            if not library.path(name).exists() and not library.runs.can_resume(name):
                shutil.rmtree(library.runs.folder(name), ignore_errors=True)


class HistoryFile:
    """Writes the events of a run to a file in its folder. The start of a new run empties the file,
    and a run that is resumed appends to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self._next_progress = 0.0
        self._has_begun = False

    def add(self, event: Event) -> None:
        """Writes an event. Leaves out progress that comes less than PROGRESS_EVERY_S after the
        last. Raises StorageError."""
        if isinstance(event, Progress | Preparing):
            if event.time < self._next_progress:
                return
            self._next_progress = event.time + PROGRESS_EVERY_S
        elif isinstance(event, Started):
            self._next_progress = 0.0  # the times of the run start at 0 again
        files.make_folder(self.path.parent)
        try:
            if isinstance(event, Started) and event.epochs_done == 0:
                files.write_bytes(self.path, b"")
            elif not self._has_begun:
                with suppress(FileNotFoundError), self.path.open("r+b") as earlier:
                    # A killed run may have left half a line.
                    earlier.truncate(earlier.read().rfind(b"\n") + 1)
            self._has_begun = True
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(to_json_line(event) + "\n")
        except OSError as error:
            raise StorageError(f"could not write {self.path}: {os_reason(error)}") from error

    def record(self, events: Iterable[Event]) -> Iterator[Event]:
        """Writes each event, then yields it. If the run fails, the history ends with the failure.
        Raises StorageError."""
        last_time = 0.0
        try:
            for event in events:
                last_time = event.time
                self.add(event)
                yield event
        except RnnlmError as error:
            with suppress(RnnlmError):
                self.add(failed(error, last_time))
            raise
