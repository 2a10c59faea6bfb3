"""`--train`: runs a training, from the options to the exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui import threads
from rnnlm_tui.cli.data_card import data_card
from rnnlm_tui.cli.options import RunRequest, TrainRequest
from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.cli.run_control import steered
from rnnlm_tui.config import QUERY_SETTINGS, settings_from_environment, settings_from_toml
from rnnlm_tui.errors import EXIT_INTERRUPTED, StorageError, UsageError, os_reason
from rnnlm_tui.event_types import Event, Finished
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.reading import STANDARD_INPUT, is_pipe
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.plan import TrainingRequest, plan
from rnnlm_tui.training.session import check_end, training_events

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Ranks


def train(request: TrainRequest) -> int:
    """Trains as the request says; returns the exit code. Raises RnnlmError."""
    threads.shorten_spinning()
    threads.lower_priority()
    _check_options(request)
    library, control = Library(request.data_dir), Control()
    with _ranks(request) as ranks:
        is_first = ranks is None or ranks.is_first
        reporter = (JsonReporter if request.as_json else TextReporter)(control, request.is_quiet)

        def show_card(job: Job) -> None:
            if isinstance(reporter, TextReporter) and is_first:
                reporter.show_card(data_card(job.prepared, job.config))

        planned = plan(library, training_request(request))
        if ranks is not None:
            ranks.agree(0)  # all have made their plan before the first one writes
        last: Event | None = None
        with steered(control, request.control is not None) as signalled:
            for last in training_events(library, planned, control, reporter.show, show_card, ranks):
                if is_first:
                    reporter.show(last)
    if not is_first:
        return 0
    assert isinstance(last, Finished)
    error = reporter.error if isinstance(reporter, JsonReporter) else None
    if error is not None and not isinstance(error, BrokenPipeError):  # readers may exit
        reason = f"cannot write the events: {os_reason(error)}"
        raise StorageError(reason, "what was learned is saved")
    check_end(last)
    interrupted = bool(signalled) or control.unwatched
    return EXIT_INTERRUPTED if interrupted and last.reason == "stopped" else 0


@contextmanager
def _ranks(request: TrainRequest) -> Iterator[Ranks | None]:
    """Connects this process with the others that torchrun has started; None if there are none.
    Raises UsageError for a text that can be read only once, and RankError."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        yield None
        return
    sources = (*request.sources, *request.added)
    if any(source == STANDARD_INPUT or is_pipe(Path(source)) for source in sources):
        raise UsageError(
            "several processes cannot read the same standard input or pipe",
            "name a file that all of them can read",
        )
    from rnnlm_tui.training.ranks import Ranks  # loads torch

    with closing(Ranks()) as ranks:
        yield ranks


def _check_options(request: TrainRequest) -> None:
    """Raises UsageError for options that contradict each other."""
    if request.control and STANDARD_INPUT in (*request.sources, *request.added):
        raise UsageError("standard input cannot be both the corpus and the control", "name a file")


def training_request(request: RunRequest) -> TrainingRequest:
    """What a command line asks to train. Flags override variables, and these the file of
    `--config`, whose settings are asked for as flags are. Raises UsageError."""
    names = {field.name for field in fields(TrainingRequest)}
    given = {f.name: getattr(request, f.name) for f in fields(request) if f.name in names}
    variables = settings_from_environment()
    file = settings_from_toml(Path(request.config)) if request.config else {}
    others = {"preset", *variables, *QUERY_SETTINGS}
    settings = {name: value for name, value in file.items() if name not in others}
    defaults = {"preset": file.get("preset"), **variables}
    return TrainingRequest(**given, settings={**settings, **request.flags}, defaults=defaults)
