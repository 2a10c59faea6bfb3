"""`--train`: runs a training, from the request to the exit code.

The trainer is imported late: it loads torch, which takes 1.2 s, and problems with the corpus or the
name can be reported before.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui import threads
from rnnlm_tui.cli.inputs import free_memory
from rnnlm_tui.cli.options import TrainRequest
from rnnlm_tui.cli.ranks import after_restart, connected, follow, share_text
from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.cli.requested_run import MakeRun, requested_run
from rnnlm_tui.cli.run_control import steered
from rnnlm_tui.cli.summary import data_card
from rnnlm_tui.config import Config
from rnnlm_tui.errors import (
    EXIT_INTERRUPTED,
    CorpusError,
    DivergedError,
    RnnlmError,
    StorageError,
    UsageError,
    os_reason,
)
from rnnlm_tui.events import Event, Failed, Finished, Preparing, Saved, to_json_line
from rnnlm_tui.formatting import escape, format_bytes
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.results import outcome
from rnnlm_tui.store.files import HISTORY, RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.locks import TRAINING
from rnnlm_tui.store.training_text import Origin, read_origin, write_origin
from rnnlm_tui.text.corpus import STANDARD_INPUT
from rnnlm_tui.text.encoded_files import remove_encoded
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from rnnlm_tui.training.estimate import training_bytes
from rnnlm_tui.training.history import History, record
from rnnlm_tui.training.run import TrainingRun

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Ranks


def train(request: TrainRequest) -> int:
    """Trains as the request says; returns the exit code. Raises RnnlmError."""
    began = time.monotonic()
    threads.shorten_spinning()
    threads.lower_priority()
    try:
        with _explained_memory_errors(), connected(request) as ranks:
            if ranks is not None and ranks.share.rank > 0:
                return follow(ranks, request)
            finished, interrupted = _train(request, ranks)
    except RnnlmError as error:
        if request.as_json:
            failed = Failed(time.monotonic() - began, error.kind, error.message, error.hint)
            with suppress(OSError):  # the reader may have gone; the error is on stderr too
                print(escape(to_json_line(failed)), flush=True)
        raise
    return exit_code(finished, interrupted)


def _train(request: TrainRequest, ranks: Ranks | None) -> tuple[Finished, bool]:
    """Returns the last event, and whether the run was interrupted, by a signal or because its
    output has lost its reader."""
    library = Library(request.data_dir)
    _check_request(request)
    if ranks is not None:
        request = after_restart(ranks, library, request)
    name, make_run = requested_run(library, request)
    control = Control()
    reporter: JsonReporter | TextReporter = (JsonReporter if request.as_json else TextReporter)(
        control, request.is_quiet
    )
    with (
        steered(control, request.control is not None) as signalled,
        library.lock(name, TRAINING),
        _run_folder(library, name) as folder,
    ):
        try:
            run = _prepared(make_run, folder, control, reporter, ranks)
            if signalled:
                raise StoppedError
        except StoppedError:
            finished = Finished(0.0, "stopped", None, {}, str(library.path(name)), 0.0)
            reporter.show(finished)
        else:
            finished = _report(run, control, reporter, ranks)
            del run  # Windows cannot remove mapped files
        if finished.reason != "stopped" or not (folder / RESUME).exists():
            remove_encoded(folder)
    return finished, bool(signalled) or control.unwatched


def _prepared(
    make_run: MakeRun,
    folder: Path,
    control: Control,
    reporter: JsonReporter | TextReporter,
    ranks: Ranks | None,
) -> TrainingRun:
    """The run, after reading its text. Raises StoppedError if it was stopped meanwhile."""
    history = History(folder)

    def show(event: Preparing) -> None:
        workspace.make_folder()
        history.add(event)
        reporter.show(event)

    control.preparing = True
    try:
        if control.stopped:  # by an earlier signal
            raise StoppedError
        with Workspace(folder, PreparationReport(control, show)) as workspace:
            run = make_run(workspace)
    finally:
        control.preparing = False
    if isinstance(reporter, TextReporter):
        reporter.say("\n".join(data_card(run.prepared, run.config)))
    check_memory(run.config, run.prepared)
    if ranks is not None:
        share_text(ranks, run)
    control.seed_line = control.seed_line or run.origin["seed_line"]
    return run


def _check_request(request: TrainRequest) -> None:
    """Raises UsageError for options that contradict each other."""
    if request.control not in (None, "stdin"):
        raise UsageError(f"--control is {request.control!r}", "it must be stdin")
    if request.control and STANDARD_INPUT in request.sources:
        raise UsageError("standard input cannot be both the corpus and the control", "name a file")
    if request.update and (request.resume or request.force or request.source_model or request.name):
        raise UsageError(
            f"--update trains and replaces {request.update} itself",
            "leave --resume, --force, --from and --name out",
        )
    if request.added and not request.update:
        raise UsageError("--add is for --update", "name all texts after --train")
    if request.resume and (request.force or request.source_model or request.base is not None):
        hint = "leave --force, --from and --on out"
        raise UsageError("--resume continues a run with its own settings", hint)


def _report(
    run: TrainingRun,
    control: Control,
    reporter: JsonReporter | TextReporter,
    ranks: Ranks | None,
) -> Finished:
    """Trains and reports all events; returns the last one."""
    trainer = importlib.import_module(ARCHITECTURES[run.config.preset].trainer)
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise StorageError(f"cannot make {run.folder}: {os_reason(reason)}") from reason
    last: Event | None = None
    events = trainer.train(run, control) if ranks is None else trainer.train(run, control, ranks)
    for last in record(events, run.folder):
        if isinstance(last, Saved):
            _store_origin(run)
        reporter.show(last)
    assert isinstance(last, Finished)
    error = reporter.error if isinstance(reporter, JsonReporter) else None
    if error is not None and not isinstance(error, BrokenPipeError):  # readers may exit
        raise StorageError(
            f"cannot write the events: {os_reason(error)}", "what was learned is saved"
        )
    return last


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
            "take a smaller --batch-size, --max-window or --max-vocabulary, or fewer units",
        ) from error


def check_memory(config: Config, prepared: PreparedText) -> None:
    """Raises CorpusError if the training does not fit into the free memory."""
    kind, total = ARCHITECTURES[config.preset], prepared.vocabulary.total_words

    def needed(total_words: int) -> int:
        examples = prepared.examples.predictions
        return training_bytes(kind(config, total_words, prepared.window), examples)

    free = free_memory()
    if needed(total) <= free:
        return
    first = prepared.vocabulary.first_word_id
    low, high = first + 1, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    fewer_words = f"keep the most frequent words, at most --max-vocabulary {low - first},"
    raise CorpusError(
        f"{prepared.corpus.name} has {total - first:,} different words: the preset {config.preset}"
        f" needs {format_bytes(needed(total))} of memory to train on them,"
        f" {format_bytes(free)} are free",
        f"{fewer_words if low > first + 1 else f'take {kind.smaller},'}"
        " or take a preset whose size grows less with the vocabulary",
    )


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


def exit_code(finished: Finished, interrupted: bool) -> int:
    """0 for a run that ended or was told to stop, 130 for one that was interrupted. Raises
    DivergedError for one whose loss did not stay finite."""
    if finished.reason == "diverged":
        how = outcome("diverged", finished.metrics.get("epoch"), update=finished.update)
        raise DivergedError(how, "train with a smaller --learning-rate")
    return EXIT_INTERRUPTED if interrupted and finished.reason == "stopped" else 0
