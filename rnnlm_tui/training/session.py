"""A training from its plan to its last event: the lock, the text, the events and their history."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.errors import DivergedError, RnnlmError, Sentence, StorageError
from rnnlm_tui.event_types import Event, Finished, Preparing, Saved
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.results import outcome
from rnnlm_tui.store.files import HISTORY, RESUME, make_folder
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.locks import TRAINING
from rnnlm_tui.store.training_text import Origin, read_origin, write_origin
from rnnlm_tui.text.encoded_files import remove_encoded
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from rnnlm_tui.training.history import History, record
from rnnlm_tui.training.inputs import check_memory
from rnnlm_tui.training.plan import Plan
from rnnlm_tui.training.run import TrainingRun

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Ranks


def training_events(
    library: Library,
    plan: Plan,
    control: Control,
    on_preparing: Callable[[Preparing], None] = lambda event: None,
    on_prepared: Callable[[TrainingRun], None] = lambda run: None,
    ranks: Ranks | None = None,
) -> Iterator[Event]:
    """Yields the events of a training; the last one is `Finished`. Raises RnnlmError.

    While the text is read nothing is yielded: `on_preparing` is called for the progress of a large
    one, and `on_prepared` with the run before it starts.
    """
    with (
        _explained_memory_errors(),
        library.lock(plan.name, TRAINING),
        _run_folder(library, plan.name) as folder,
    ):
        last: Event | None = None
        try:
            run = _prepared(plan, folder, control, on_preparing)
            on_prepared(run)
            if control.stopped:
                raise StoppedError
        except StoppedError:
            last = Finished(0.0, "stopped", None, {}, str(library.path(plan.name)), 0.0)
            yield last
        else:
            for last in _events_of(run, control, ranks):
                yield last
            del run  # Windows cannot remove mapped files
        assert isinstance(last, Finished)
        if last.reason != "stopped" or not (folder / RESUME).exists():
            remove_encoded(folder)


def check_end(finished: Finished) -> None:
    """Raises DivergedError for a run whose loss did not stay finite."""
    if finished.reason == "diverged":
        how = outcome("diverged", finished.metrics.get("epoch"), update=finished.update)
        raise DivergedError(how, Sentence("train with a smaller {learning_rate}"))


def _prepared(
    plan: Plan, folder: Path, control: Control, on_preparing: Callable[[Preparing], None]
) -> TrainingRun:
    """The run, after reading its text. Raises StoppedError if it was stopped meanwhile."""
    history = History(folder)

    def show(event: Preparing) -> None:
        workspace.make_folder()
        history.add(event)
        on_preparing(event)

    control.preparing = True
    try:
        if control.stopped:  # by an earlier signal
            raise StoppedError
        with Workspace(folder, PreparationReport(control, show)) as workspace:
            run = plan.prepare(workspace)
    finally:
        control.preparing = False
    check_memory(run.config, run.prepared)
    control.seed_line = control.seed_line or run.origin["seed_line"]
    return run


def _events_of(run: TrainingRun, control: Control, ranks: Ranks | None) -> Iterator[Event]:
    """Trains, and records all events."""
    # It loads torch, which takes 1.2 s: problems with the text are told before.
    trainer = importlib.import_module(ARCHITECTURES[run.config.preset].trainer)
    make_folder(run.folder)
    events = trainer.train(run, control) if ranks is None else trainer.train(run, control, ranks)
    for event in record(events, run.folder):
        if isinstance(event, Saved):
            _store_origin(run)
        yield event


def _store_origin(run: TrainingRun) -> None:
    """Stores where the text can be read again once the saved model is that of the run."""
    origin = Origin(run.origin.get("sources", []), run.origin.get("encoding"))
    with suppress(StorageError):  # the model does not depend on it
        if read_origin(run.folder) != origin and run.checkpoints().saved():
            write_origin(run.folder, origin.sources, origin.encoding)


@contextmanager
def _explained_memory_errors() -> Iterator[None]:
    """Turns the out-of-memory errors of numpy and PyTorch into an RnnlmError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise RnnlmError(
            "there is not enough memory for this network and these batches",
            Sentence(
                "take a smaller {batch_size}, {max_window} or {max_vocabulary}, or fewer units"
            ),
        ) from error


@contextmanager
def _run_folder(library: Library, name: str) -> Iterator[Path]:
    """The folder of the run, which the run creates. It is removed at the end if there is neither a
    model nor a state to resume."""
    path, succeeded = library.run_folder(name), False
    try:
        yield path
        succeeded = True
    finally:
        has_nothing = not library.path(name).exists() and not (path / RESUME).exists()
        if has_nothing or not succeeded:
            remove_encoded(path)
        if has_nothing:
            with suppress(OSError):  # it holds files of others
                (path / HISTORY).unlink(missing_ok=True)
                path.rmdir()
