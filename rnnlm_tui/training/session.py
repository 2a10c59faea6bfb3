"""A training from its plan to its last event: the lock, the text, the events and their history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import DivergedError, RnnlmError
from rnnlm_tui.event_types import Event, Finished, Preparing
from rnnlm_tui.results import outcome
from rnnlm_tui.store.files import HISTORY, make_folder
from rnnlm_tui.store.library import Library
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from rnnlm_tui.training.estimate import check_memory
from rnnlm_tui.training.history import History, record
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Learner, NgramLearner
from rnnlm_tui.training.plan import Plan
from rnnlm_tui.training.run import Run

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Alone

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What the RuntimeErrors of PyTorch say that mean it."""


def training_events(
    library: Library,
    plan: Plan,
    control: Control,
    on_preparing: Callable[[Preparing], None] = lambda event: None,
    on_prepared: Callable[[Job], None] = lambda job: None,
    ranks: Alone | None = None,
) -> Iterator[Event]:
    """Yields the events of a training; the last one is `Finished`. Raises RnnlmError.

    While the text is read nothing is yielded: `on_preparing` is called for the progress of a large
    one, and `on_prepared` with the job before it starts. Of several processes, the first one holds
    the lock and keeps the history.
    """
    is_first = ranks is None or ranks.is_first
    lock = library.lock(plan.name) if is_first else nullcontext()
    with _explained_memory_errors(), lock, _run_folder(library, plan.name, is_first) as folder:
        try:
            job = _prepared(plan, folder, control, on_preparing if is_first else None)
            on_prepared(job)
            if control.stopped:
                raise StoppedError
        except StoppedError:
            yield Finished(0.0, "stopped", None, None, str(library.path(plan.name)), 0.0)
            return
        events = _events_of(job, control, ranks)
        yield from record(events, folder) if is_first else events


def check_end(finished: Finished) -> None:
    """Raises DivergedError for a run whose loss did not stay finite."""
    if finished.reason == "diverged":
        raise DivergedError(outcome(finished), "train with a smaller {learning_rate}")


def _prepared(
    plan: Plan, folder: Path, control: Control, on_preparing: Callable[[Preparing], None] | None
) -> Job:
    """The job, after reading its text. Raises StoppedError if it was stopped meanwhile."""
    history = History(folder)

    def show(event: Preparing) -> None:
        if on_preparing is not None:
            make_folder(folder)
            history.add(event)
            on_preparing(event)

    control.preparing = True
    try:
        if control.stopped:  # by an earlier signal
            raise StoppedError
        job = plan.prepare(PreparationReport(control, show))
    finally:
        control.preparing = False
    check_memory(job.config, job.prepared)
    control.seed_line = control.seed_line or job.facts.seed_line
    return job


def _events_of(job: Job, control: Control, ranks: Alone | None) -> Iterator[Event]:
    """Trains."""
    make_folder(job.folder)
    if job.config.preset == "ngram":
        if ranks is not None and not ranks.is_first:
            return  # one process counts
        yield from Run(job, control, NgramLearner(job)).events()
        return
    # It loads torch, which takes 1.2 s: problems with the text are told before.
    from rnnlm_tui.training.network_learner import NetworkLearner, settings_of_torch
    from rnnlm_tui.training.ranks import ALONE

    ranks = ranks or ALONE
    with settings_of_torch():
        learner: Learner = NetworkLearner(job, ranks)
        yield from Run(job, control, learner, ranks.agree, ranks.is_first).events()


@contextmanager
def _explained_memory_errors() -> Iterator[None]:
    """Turns the out-of-memory errors of numpy and PyTorch into an RnnlmError."""
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
def _run_folder(library: Library, name: str, is_first: bool) -> Iterator[Path]:
    """The folder of the run, which the run creates. It is removed at the end if there is neither a
    model nor a state to resume, and so is what killed runs have left."""
    path = library.run_folder(name)
    try:
        yield path
    finally:
        if is_first:
            library.remove_leftovers(name)
            if not library.path(name).exists() and not library.can_resume(name):
                with suppress(OSError):  # it holds files of others
                    (path / HISTORY).unlink(missing_ok=True)
                    path.rmdir()
