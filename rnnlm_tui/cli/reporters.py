"""Prints a training, as JSON lines of its events or as progress for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.output import draw, draw_bar, has_bar, print_fitted
from rnnlm_tui.events import (
    Comparison,
    EpochEnded,
    Event,
    Finished,
    Preparing,
    Progress,
    Started,
    Warned,
    to_json_line,
)
from rnnlm_tui.formatting import format_bytes, format_duration, plural, sanitize
from rnnlm_tui.training.control import Control
from rnnlm_tui.wording.savings import both_shares, comparison_sentence
from rnnlm_tui.wording.trainings import ending, epoch_figures, event_words, next_words, trained_part


class _Reporter:
    """Prints the events of a run. If the stream loses its reader, the run stops and saves."""

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control, self._quiet = control, quiet
        self.error: OSError | None = None
        """The error that ended the printing of events."""

    @contextmanager
    def _stopping_at_loss_of(self, stream: TextIO) -> Iterator[None]:
        """Stops the run if printing on `stream` fails, since nobody watches the run any more. A
        detached run goes on. From then on all that is printed on the stream is discarded."""
        try:
            yield
        except OSError as error:
            self.error = error
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not self._control.detached:
                self._control.unwatched = True
                self._control.stop()


class JsonReporter(_Reporter):
    """Prints events as JSON lines on stdout."""

    def show(self, event: Event) -> None:
        """Prints the event. If quiet, prints only results and warnings."""
        if not self._quiet or isinstance(event, Finished | Warned):
            with self._stopping_at_loss_of(sys.stdout):
                print(to_json_line(event), flush=True)


class TextReporter(_Reporter):
    """Prints progress on stderr and the result on stdout. On a terminal the progress is one line
    that is redrawn, elsewhere it is a line for each epoch."""

    _run: Started | None = None
    _phase, _epochs_done = "", 0
    _saves = ""
    """The keys that the model saves so far, such as "saves 61 and 46%"."""

    def show(self, event: Event) -> None:
        """Prints the event if it is of interest. Raises OSError if the result cannot be printed."""
        if isinstance(event, Started):
            self._run = event
        elif isinstance(event, EpochEnded):
            self._epochs_done = event.epoch
        with self._stopping_at_loss_of(sys.stderr):
            if isinstance(event, Warned) or not self._quiet:
                self._show_progress(event)
        if isinstance(event, Finished):
            run = self._run
            name = run.name if run else Path(event.path).stem  # no run: stopped in its preparation
            epochs = run.config.epochs if run else None
            took = f"{format_duration(event.elapsed_s)}, in {event.path}"
            first, *lines = ending(event, self._epochs_done, epochs, took)
            print_fitted(map(sanitize, (f"{name}: {first}", *(f"  {line}" for line in lines))))

    def show_use(self, name: str, in_use: str, found: Comparison | None) -> None:
        """Prints how the model compares with the one in use, if that is another, and how to use
        it."""
        with self._stopping_at_loss_of(sys.stderr):
            if not self._quiet and name != in_use:
                if found is not None:
                    _say(sanitize(comparison_sentence(name, found)))
                _say(sanitize(f"{in_use} stays in use; to use this one: {APP_NAME} --use {name}"))

    def show_card(self, card: str) -> None:
        """Prints the data card."""
        with self._stopping_at_loss_of(sys.stderr):
            if not self._quiet:
                _say(*card.splitlines())

    def _show_progress(self, event: Event) -> None:
        """Prints an event before the result."""
        run = self._run
        match event:
            case Preparing():
                if event.phase != self._phase and not has_bar():
                    _say(event.phase)
                self._phase = event.phase
                if event.of > 2:  # else a bar would stand still
                    draw_bar(event.phase, event.done / event.of, _time_left(event.eta_s))
                else:
                    draw(f"{event.phase} ...")
            case Started():
                _say(*_started_lines(event))
            case Progress():
                label, left = f"epoch {event.epoch}/{event.epochs}", _time_left(event.eta_s)
                draw_bar(label, event.share, left, self._saves)
            case EpochEnded():
                if event.keystroke_savings is not None:
                    self._saves = f"saves {both_shares(event.keystroke_savings)}%"
                if not has_bar():
                    words = ", ".join(map(" ".join, next_words(event)))
                    text = sanitize(event.sample["text"])
                    _say(f"{'  '.join(_epoch_cells(event, run))}  | next: {words}  | {text}")
            case Finished():
                _say()
                if event.reason == "stopped" and event.metrics and run and run.parameters:
                    _say(f"resume it: {APP_NAME} --train --resume --name {run.name}")
            case _ if words := event_words(event):
                _say(sanitize(words))


def _say(*lines: str) -> None:
    """Prints lines on stderr, over a bar."""
    draw("")
    print_fitted(lines, sys.stderr)


def _time_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{format_duration(seconds)} left"


def _started_lines(event: Started) -> Iterator[str]:
    """Yields the memory, device and threads of a run, and the epochs that it has done already."""
    parameters = f"{event.parameters:,} parameters, " if event.parameters else ""
    is_fixed = event.threads == 1 or getattr(event.config.train, "threads", None) is not None
    yield (
        f"{parameters}about {format_bytes(event.memory_bytes)} of memory,"
        f" on {event.device} with {'' if is_fixed else 'up to '}{plural(event.threads, 'thread')}"
    )
    if event.epochs_done:
        yield f"{plural(event.epochs_done, 'epoch')} of {event.config.epochs} done"


def _epoch_cells(event: EpochEnded, run: Started | None) -> Iterator[str]:
    """Yields the metrics of an epoch one by one."""
    of_run = f"/{run.config.epochs}, {trained_part(run.config)}" if run else ""
    yield f"epoch {event.epoch}{of_run}"
    for lines, name, text in epoch_figures(event):
        of_lines = f"{lines} " if name == "loss" else ""
        yield f"{of_lines}{name} {text}"
    if event.held_out is not None and event.best:
        yield "best"
    yield format_duration(event.elapsed_s)
