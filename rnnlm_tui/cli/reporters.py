"""Prints a training: its events as JSON lines, or its progress for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.output import bar_line, draw, has_bar
from rnnlm_tui.event_types import (
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
from rnnlm_tui.results import ending, epoch_figures, event_words, trained_part
from rnnlm_tui.training.control import Control


def stop_without_reader(stream: TextIO, control: Control) -> None:
    """Discards further output to `stream`, and stops the run, which nobody watches, unless it is
    detached or has a controller."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if not (control.detached or control.has_controller):
        control.unwatched = True
        control.stop()


class JsonReporter:
    """Prints events as JSON lines on stdout. If stdout loses its reader, the run stops and
    saves."""

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control = control
        self._quiet = quiet
        self.error: OSError | None = None
        """Why events cannot be printed any more."""

    def show(self, event: Event) -> None:
        """Prints the event; if quiet, only a result or a warning."""
        if self.error is not None or (self._quiet and not isinstance(event, Finished | Warned)):
            return
        try:
            print(to_json_line(event), flush=True)
        except OSError as error:
            self.error = error
            stop_without_reader(sys.stdout, self._control)


class TextReporter:
    """Prints progress on stderr, as a bar on a terminal or a line per epoch, and the result on
    stdout. If stderr loses its reader, the run stops and saves."""

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control = control
        self._quiet = quiet
        self._bar = not quiet and has_bar()
        self._started: Started | None = None
        self._epochs_done = 0
        self._phase = ""

    def show(self, event: Event) -> None:
        """Prints the event, if it is of interest. Raises OSError if the result cannot be
        printed."""
        if isinstance(event, Started):
            self._started = event
        elif isinstance(event, EpochEnded):
            self._epochs_done = event.epoch
        run, part = self._started, trained_part(self._started.config) if self._started else ""
        with self._reader_may_go():
            for text in self._progress(event, run.config.epochs if run else 0, part):
                self._say(text, always=isinstance(event, Warned))
        if isinstance(event, Finished):
            took = f"{format_duration(event.elapsed_s)}, in {event.path}"
            first, *lines = ending(event, part, self._epochs_done, took)
            name = run.name if run else Path(event.path).stem  # stopped before it started
            print("\n  ".join(map(sanitize, (f"{name}: {first}", *lines))), flush=True)

    def show_card(self, lines: Iterable[str]) -> None:
        """Prints the data card."""
        with self._reader_may_go():
            self._say("\n".join(lines))

    @contextmanager
    def _reader_may_go(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._bar = False
            stop_without_reader(sys.stderr, self._control)

    def _progress(self, event: Event, epochs: int, part: str) -> Iterator[str]:
        """What is said of an event. Draws the bar."""
        match event:
            case Preparing() if self._bar:
                draw(bar_line(event.phase, event.done, event.of, time_left(event.eta_s)))
            case Preparing():
                if event.phase != self._phase:
                    yield event.phase
                self._phase = event.phase
            case Started():
                yield from started_lines(event)
            case Progress():
                if self._bar:
                    draw(progress_line(event))
            case EpochEnded():
                figures = "  ".join(epoch_line(event, epochs, part))
                line_end = "\n" if self._bar else ""
                yield f"{figures}{line_end}  | {sanitize(event.sample['text'])}"
            case Finished():
                self._clear()
                run = self._started
                if event.reason == "stopped" and event.metrics and run and run.parameters:
                    yield f"resume it: {APP_NAME} --train --resume --name {run.name}"
            case _:
                if words := event_words(event):
                    yield sanitize(words)

    def _say(self, text: str, *, always: bool = False) -> None:
        """Prints text, `always` or unless quiet."""
        if always or not self._quiet:
            self._clear()
            print(text, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._bar:
            draw("")


def started_lines(event: Started) -> Iterator[str]:
    """What the run takes."""
    parameters = f"{event.parameters:,} parameters, " if event.parameters else ""
    is_fixed = event.threads == 1 or getattr(event.config.train, "threads", None) is not None
    yield (
        f"{parameters}about {format_bytes(event.memory_bytes)} of memory,"
        f" on {event.device} with {'' if is_fixed else 'up to '}{plural(event.threads, 'thread')}"
    )
    if event.epochs_done:
        yield f"{plural(event.epochs_done, 'epoch')} of {event.config.epochs} done"


def time_left(seconds: float | None) -> str:
    """The time left, if it is known."""
    return "" if seconds is None else f"ETA {format_duration(seconds)}"


def progress_line(event: Progress) -> str:
    """The progress bar."""
    return bar_line(
        f"epoch {event.epoch}/{event.epochs}",
        event.step,
        event.steps,
        time_left(event.eta_s),
        "" if event.loss is None else f"loss {event.loss:.3f}",
        "" if event.accuracy is None else f"accuracy {event.accuracy:.1%}",
        f"{event.examples_per_s:,.0f} examples/s",
        plural(event.threads, "thread") if event.threads else "",
    )


def epoch_line(event: EpochEnded, epochs: int | None, part: str) -> Iterator[str]:
    """The metrics of an epoch, one by one: those of this part of the model."""
    yield f"epoch {event.epoch}/{epochs}, {part}"
    for lines, name, text in epoch_figures(event):
        of_lines = f"{lines.removesuffix(' lines')} " if name == "loss" else ""
        yield f"{of_lines}{name} {text}"
    if event.held_out is not None and event.best:
        yield "best"
    yield format_duration(event.elapsed_s)
