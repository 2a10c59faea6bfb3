"""`--train`: runs a training, from the options to the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from rnnlm_tui import threads
from rnnlm_tui.cli import history
from rnnlm_tui.cli.data_card import text_rows
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.config import TRAINING_TYPES, settings_from_toml
from rnnlm_tui.errors import EXIT_INTERRUPTED, RnnlmError, StorageError, UsageError, os_reason
from rnnlm_tui.events import Finished, Saved, Started
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.reading import STANDARD_INPUT, is_pipe
from rnnlm_tui.training.alone import ALONE, Alone
from rnnlm_tui.training.control import Control, StoppedError
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.request import TrainingRequest
from rnnlm_tui.training.session import check_end, training_events


def train_model(command: CommandLine) -> int:
    """Trains a model and returns the exit code. Raises RnnlmError.

    Of several processes, only the first one prints the events and writes the files of --csv and
    --plot.
    """
    threads.shorten_spinning()
    threads.lower_priority()
    library, control = Library(command.data_dir), Control()
    name, event = "", None
    with _ranks(command) as ranks:
        request = training_request(command)
        if not ranks.is_first:
            events = training_events(library, request, control, ranks=ranks)
            with stopped_by_signals(control):
                for _ in events:
                    pass
            return 0
        history.check_files(command)
        reporter = (JsonReporter if command.json else TextReporter)(control, command.quiet)

        def show_card(job: Job) -> None:
            if isinstance(reporter, TextReporter):
                reporter.show_card(text_rows(job.prepared, job.config))

        events = training_events(library, request, control, reporter.show, show_card, ranks)
        with stopped_by_signals(control) as signals:
            for event in events:
                reporter.show(event)
                if isinstance(event, Started):
                    name = event.name
                if isinstance(event, Saved) and event.epoch > 0:
                    with suppress(RnnlmError):  # the last writing, below, raises the error
                        history.write_files(command, library, name)
    assert isinstance(event, Finished)
    if event.best_epoch is not None:
        history.write_files(command, library, name)
    # BrokenPipeError is no failure: the program that reads the events may exit.
    if reporter.error and not isinstance(reporter.error, BrokenPipeError):
        reason = f"cannot write the events: {os_reason(reporter.error)}"
        raise StorageError(reason, "what was learned is saved")
    check_end(event)
    is_new_model = event.metrics is not None and event.update is None
    if is_new_model and isinstance(reporter, TextReporter):
        reporter.show_use(name, library.in_use(lambda problem: None), event.comparison)
    is_interrupted = bool(signals) or control.unwatched
    return EXIT_INTERRUPTED if is_interrupted and event.reason == "stopped" else 0


@contextmanager
def stopped_by_signals(control: Control) -> Iterator[list[int]]:
    """Stops a training at SIGINT, SIGTERM or SIGHUP. Yields the list of signals received so far.

    The first signal ends the training after its step. While the text is still read, it raises
    StoppedError instead, since standard input may never end. So does SIGURG, which `Control.obey`
    sends from another thread after an order to stop. A second signal ends the process at once; no
    file is left half written. A detached training continues at SIGHUP.
    """
    signals: list[int] = []

    def end_reading(number: int, frame: FrameType | None) -> None:
        if control.stopped and control.preparing:
            control.preparing = False  # raises it only once
            raise StoppedError

    def stop(number: int, frame: FrameType | None) -> None:
        if control.detached and number == getattr(signal, "SIGHUP", None):
            return
        if signals:
            os._exit(EXIT_INTERRUPTED)
        signals.append(number)
        control.stop()
        end_reading(number, frame)

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop}
    if sys.platform != "win32":
        handlers |= {signal.SIGHUP: stop, signal.SIGURG: end_reading}
    earlier = {number: signal.getsignal(number) for number in handlers}
    # A signal that is ignored stays so: nohup(1) starts programs with SIGHUP ignored.
    replaced = [number for number in handlers if earlier[number] != signal.SIG_IGN]
    for number in replaced:
        signal.signal(number, handlers[number])
    try:
        yield signals
    finally:
        for number in replaced:
            signal.signal(number, earlier[number])


@contextmanager
def _ranks(command: CommandLine) -> Iterator[Alone]:
    """Connects this process with the others that torchrun has started, if any. Raises UsageError
    for a text that can be read only once, and RankError."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
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
    """Returns a command line with its operands as the texts of a training, and with the preset and
    the settings of the file of --config where no flag gives them. Raises UsageError."""
    in_file = settings_from_toml(Path(command.config), TRAINING_TYPES) if command.config else {}
    preset = in_file.pop("preset", None)
    return replace(
        command,
        sources=command.operands,
        preset=command.preset or preset,
        settings={**in_file, **command.settings},
    )
