"""What a training shows: its events as JSON lines, or as progress for a person."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from rnnlm_tui.cli.progress_bar import bar, bar_width, has_bar
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Finished,
    Paused,
    Progress,
    Resumed,
    Started,
    Warned,
    to_json_line,
)
from rnnlm_tui.formatting import escape, format_bytes, format_duration, plural, sanitize
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.training.control import Control


class JsonReporter:
    """Events as JSON lines on stdout. Where nobody reads them any more, the run stops and saves."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.error: OSError | None = None
        """Why events can be printed no longer."""

    def show(self, event: Event) -> None:
        """Prints the event."""
        if self.error is not None:
            return
        try:
            print(escape(to_json_line(event)), flush=True)
        except OSError as error:
            self.error = error
            give_up(sys.stdout, self._control)


def give_up(stream: TextIO, control: Control) -> None:
    """Drops all that is printed to `stream` from now on, and stops the run, which nobody watches
    any more, unless it is detached or has a controller."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if not (control.detached or control.has_controller):
        control.unwatched = True
        control.stop()


class TextReporter:
    """Progress on stderr, a bar on a terminal and else a line an epoch; the result on stdout.

    Where nobody can read stderr any more, the run stops and saves.
    """

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control = control
        self._quiet = quiet
        self._bar = not quiet and has_bar()
        self._name = ""
        self._epochs = 0

    def show(self, event: Event) -> None:
        """Prints what a person wants to know of the event."""
        match event:
            case Started():
                self._name, self._epochs = event.name, epochs_of(event)
                self._say("\n".join(started_lines(event)))
            case Progress() if self._bar:
                self._write(f"\r{progress_line(event)[: bar_width()]}\x1b[K")
            case EpochEnded():
                line = epoch_line(event, self._epochs)
                self._say(line[: bar_width()] if self._bar else line)
            case Paused():
                self._say("paused")
            case Resumed():
                self._say("going on")
            case Warned():
                self._say(event.message, always=True)
            case Finished():
                self._say("", end="")
                if event.reason == "stopped":
                    self._say(f"go on with it: {APP_NAME} --train --resume --name {self._name}")
                print(finished_line(event, self._name), flush=True)

    def _say(self, text: str, *, always: bool = False, end: str = "\n") -> None:
        if always or not self._quiet:
            clear = "\r\x1b[K" if self._bar else ""
            self._write(clear + text + end)

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:
            self._bar = False
            give_up(sys.stderr, self._control)


def epochs_of(event: Started) -> int:
    """The passes over the corpus that the run is to have; counting is one."""
    epochs: int = event.config["train"].get("epochs", 1)
    return epochs


def started_lines(event: Started) -> Iterator[str]:
    """What the run will cost."""
    parameters = f"{event.parameters:,} parameters, " if event.parameters else ""
    yield (
        f"{parameters}about {format_bytes(event.memory_bytes)} of memory,"
        f" on {event.device} with {plural(event.threads, 'thread')}"
    )
    epochs = epochs_of(event)
    after = f" after the {event.epochs_done} done" if event.epochs_done else ""
    yield f"about {format_duration(event.estimated_s)} to the end of epoch {epochs}{after}"


def progress_line(event: Progress) -> str:
    """The progress bar."""
    is_known = math.isfinite(event.loss)
    figures = f"  loss {event.loss:.3f}  accuracy {event.accuracy:.1%}" if is_known else ""
    return (
        f"epoch {event.epoch}/{event.epochs} {bar(event.step, event.steps)}"
        f" {event.step}/{event.steps}{figures}"
        f"  {event.examples_per_s:,.0f} examples/s  ETA {format_duration(event.eta_s)}"
    )


def epoch_line(event: EpochEnded, epochs: int) -> str:
    """An epoch's figures."""
    train, held_out = event.train, event.held_out
    line = (
        f"epoch {event.epoch}/{epochs}  loss {train['loss']:.3f} + {train['penalty']:.3f}"
        f"  accuracy {train['accuracy']:.1%}"
    )
    if held_out is not None:
        line += (
            f"  held-out loss {held_out['loss']:.3f}  top-1 {held_out['top1']:.1%}"
            f"  top-5 {held_out['top5']:.1%}{'  best' if event.best else ''}"
        )
    return f"{line}  {format_duration(event.elapsed_s)}  | {sanitize(event.sample['text'])}"


REASONS = {"early_stop": "ended early, the held-out loss fell no more"}
"""How it is said that a run is over, where one word does not tell it."""


def finished_line(event: Finished, name: str) -> str:
    """The result of the run."""
    if not event.metrics:
        return f"{name}: {event.reason} before anything was learned"
    train, why = event.metrics["train"], REASONS.get(event.reason, event.reason)
    return (
        f"{name}: {why}, epoch {event.metrics['epoch']} is kept,"
        f" loss {train['loss']:.3f}, accuracy {train['accuracy']:.1%},"
        f" {format_duration(event.elapsed_s)}, in {event.path}"
    )
