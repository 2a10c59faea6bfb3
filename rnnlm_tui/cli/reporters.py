"""Prints a training: its events as JSON lines, or its progress for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.output import bar_line, draw, has_bar, wrapped
from rnnlm_tui.event_types import (
    EpochEnded,
    Event,
    Finished,
    Paused,
    Preparing,
    Progress,
    Resumed,
    Saved,
    Started,
    Warned,
    to_json_line,
)
from rnnlm_tui.formatting import (
    format_bytes,
    format_duration,
    plural,
    sanitize,
)
from rnnlm_tui.results import ending, epoch_figures, event_words, trained_part
from rnnlm_tui.training.control import Control


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


def stop_without_reader(stream: TextIO, control: Control) -> None:
    """Discards further output to `stream`, and stops the run, which nobody watches, unless it is
    detached or has a controller."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if not (control.detached or control.has_controller):
        control.unwatched = True
        control.stop()


class TextReporter:
    """Prints progress on stderr, as a bar on a terminal or a line per epoch, and the result on
    stdout. If stderr loses its reader, the run stops and saves."""

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control = control
        self._quiet = quiet
        self._bar = not quiet and has_bar()
        self._name = self._part = ""
        self._epochs = self._epochs_done = 0
        self._can_resume = False
        self._phase = ""

    def show(self, event: Event) -> None:
        """Prints the event, if it is of interest. Raises OSError if the result cannot be
        printed."""
        try:
            self._show_progress(event)
        except OSError:
            self._bar = False
            stop_without_reader(sys.stderr, self._control)
        if isinstance(event, Finished):
            took = f"{format_duration(event.elapsed_s)}, in {event.path}"
            first, *lines = ending(event, self._part, self._epochs_done, took)
            name = self._name or Path(event.path).stem  # stopped before it started
            lines.insert(0, f"{name}: {first}")
            print("\n  ".join(map(sanitize, lines)), flush=True)

    def show_card(self, lines: Iterable[str]) -> None:
        """Prints the data card."""
        try:
            self.say("\n".join(lines))
        except OSError:
            stop_without_reader(sys.stderr, self._control)

    def _show_progress(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            self._epochs_done = event.epoch
        match event:
            case Preparing():
                self._show_preparing(event)
            case Started():
                self._name, self._epochs = event.name, event.config.epochs
                self._part = trained_part(event.config)
                self._can_resume = event.parameters > 0
                self.say("\n".join(started_lines(event)))
            case Progress() if self._bar:
                draw(progress_line(event))
            case EpochEnded() if self._bar:
                figures = wrapped(epoch_line(event, self._epochs, self._part))
                self.say(f"{figures}\n  | {sanitize(event.sample['text'])}")
            case EpochEnded():
                figures = "  ".join(epoch_line(event, self._epochs, self._part))
                self.say(f"{figures}  | {sanitize(event.sample['text'])}")
            case Saved() | Paused() | Resumed() | Warned():
                if words := event_words(event):
                    self.say(sanitize(words), always=isinstance(event, Warned))
            case Finished():
                self._clear()
                if event.reason == "stopped" and event.metrics and self._can_resume:
                    self.say(f"resume it: {APP_NAME} --train --resume --name {self._name}")

    def _show_preparing(self, event: Preparing) -> None:
        if self._bar:
            left = f"ETA {format_duration(event.eta_s)}" if event.eta_s is not None else ""
            draw(bar_line(event.phase, event.done, max(1, event.of), (), left))
        elif event.phase != self._phase:
            self.say(event.phase)
        self._phase = event.phase

    def say(self, text: str, *, always: bool = False) -> None:
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


def progress_line(event: Progress) -> str:
    """The progress bar, with the time left at any width."""
    figures = [f"loss {event.loss:.3f}"] if event.loss is not None else []
    if event.accuracy is not None:
        figures.append(f"accuracy {event.accuracy:.1%}")
    return bar_line(
        f"epoch {event.epoch}/{event.epochs}",
        event.step,
        event.steps,
        [
            *figures,
            f"{event.examples_per_s:,.0f} examples/s",
            *([plural(event.threads, "thread")] if event.threads else ()),
        ],
        "" if event.eta_s is None else f"ETA {format_duration(event.eta_s)}",
    )


def epoch_line(event: EpochEnded, epochs: int, part: str) -> Iterator[str]:
    """The metrics of an epoch, one by one: those of this part of the model."""
    yield f"epoch {event.epoch}/{epochs}, {part}"
    for lines, name, text in epoch_figures(event):
        of_lines = f"{lines.removesuffix(' lines')} " if name == "loss" else ""
        yield f"{of_lines}{name} {text}"
    if event.held_out is not None and event.best:
        yield "best"
    yield format_duration(event.elapsed_s)
