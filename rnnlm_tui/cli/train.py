"""`--train`: runs a training, from the options to the exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from rnnlm_tui import threads
from rnnlm_tui.cli import history
from rnnlm_tui.cli.data_card import as_text, text_rows
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.cli.run_control import steered
from rnnlm_tui.config import TRAINING_TYPES, settings_from_toml
from rnnlm_tui.errors import EXIT_INTERRUPTED, RnnlmError, StorageError, UsageError, os_reason
from rnnlm_tui.events import Finished, Saved, Started
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.reading import STANDARD_INPUT, is_pipe
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.session import check_end, training_events

if TYPE_CHECKING:
    from rnnlm_tui.training.ranks import Ranks


def train_model(command: CommandLine) -> int:
    """Trains a model and returns the exit code. Raises RnnlmError."""
    threads.shorten_spinning()
    threads.lower_priority()
    library, control = Library(command.data_dir), Control()
    with _ranks(command) as ranks:
        is_first = ranks is None or ranks.is_first
        if is_first:
            history.check_files(command)
        reporter = (JsonReporter if command.json else TextReporter)(control, command.quiet)

        def show_card(job: Job) -> None:
            if isinstance(reporter, TextReporter) and is_first:
                reporter.show_card(as_text(text_rows(job.prepared, job.config)))

        asked = training_request(command)
        events = training_events(library, asked, control, reporter.show, show_card, ranks)
        name, last = "", None
        with steered(control) as signalled:
            for last in events:
                if not is_first:
                    continue
                reporter.show(last)
                if isinstance(last, Started):
                    name = last.name
                if isinstance(last, Saved) and last.epoch > 0:
                    with suppress(RnnlmError):  # it is raised when the files are written at the end
                        history.write_files(command, library, name)
    if not is_first:
        return 0
    assert isinstance(last, Finished)
    if last.metrics is not None and last.metrics.epoch > 0:
        history.write_files(command, library, name)
    if reporter.error and not isinstance(reporter.error, BrokenPipeError):  # readers may exit
        reason = f"cannot write the events: {os_reason(reporter.error)}"
        raise StorageError(reason, "what was learned is saved")
    check_end(last)
    if isinstance(reporter, TextReporter) and last.metrics is not None and last.update is None:
        reporter.show_use(name, library.in_use(lambda problem: None), last.comparison)
    interrupted = bool(signalled) or control.unwatched
    return EXIT_INTERRUPTED if interrupted and last.reason == "stopped" else 0


@contextmanager
def _ranks(command: CommandLine) -> Iterator[Ranks | None]:
    """Connects this process with the others that torchrun has started. Yields None if there are
    none. Raises UsageError for a text that can be read only once, and RankError."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        yield None
        return
    sources = (*command.operands, *command.add)
    if any(source == STANDARD_INPUT or is_pipe(Path(source)) for source in sources):
        raise UsageError(
            "several processes cannot read the same standard input or pipe",
            "name a file that all of them can read",
        )
    from rnnlm_tui.training.ranks import Ranks  # loads torch

    with closing(Ranks()) as ranks:
        yield ranks


def training_request(command: CommandLine) -> TrainingRequest:
    """Returns the request of a training, with its texts and with the preset and settings of the
    file of `--config`, which flags override. Raises UsageError."""
    file = settings_from_toml(Path(command.config), TRAINING_TYPES) if command.config else {}
    preset = file.pop("preset", None)
    return replace(
        command,
        sources=command.operands,
        preset=command.preset or preset,
        settings={**file, **command.settings},
    )
