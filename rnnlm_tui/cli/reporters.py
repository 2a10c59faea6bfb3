"""Prints a training, as JSON lines of its events or as progress for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.output import draw, draw_bar, fact_lines, has_bar, print_wrapped
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
from rnnlm_tui.wording.model_rows import Fact
from rnnlm_tui.wording.savings import both_shares, comparison_sentence
from rnnlm_tui.wording.trainings import (
    epoch_figures,
    event_words,
    next_words,
    result_sentences,
    trained_part,
)


class _Reporter:
    """Prints the events of a run. If a stream cannot be written any more, the run stops and is
    saved."""

    def __init__(self, control: Control, quiet: bool) -> None:
        self._control, self._quiet = control, quiet
        self.error: OSError | None = None
        """The error that ended the printing of events."""

    @contextmanager
    def _printing_on(self, stream: TextIO) -> Iterator[None]:
        """Stops the run if printing on `stream` fails, since nobody watches the run any more. A
        detached run continues. From then on all that is printed on the stream is discarded."""
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
            with self._printing_on(sys.stdout):
                print(to_json_line(event), flush=True)


class TextReporter(_Reporter):
    """Prints progress on stderr and the result on stdout. On a terminal the progress is one line
    that is redrawn; elsewhere each epoch has a line."""

    _started: Started | None = None
    """The start of the run. None while its text is read."""
    _phase = ""
    _epochs_done = 0
    _keys_saved = ""
    """The keys that the model saves so far, such as "saves 61 and 46%"."""

    def show(self, event: Event) -> None:
        """Prints the event if it is of interest. Raises OSError if the result cannot be printed."""
        if isinstance(event, Started):
            self._started = event
        elif isinstance(event, EpochEnded):
            self._epochs_done = event.epoch
        with self._printing_on(sys.stderr):
            if isinstance(event, Warned) or not self._quiet:
                self._show_progress(event)
        if isinstance(event, Finished):
            started = self._started
            name = started.name if started else Path(event.path).stem
            epochs = started.config.epochs if started else None
            took = f"{format_duration(event.elapsed_s)}, in {event.path}"
            first, *lines = result_sentences(event, self._epochs_done, epochs, took)
            print_wrapped(map(sanitize, (f"{name}: {first}", *(f"  {line}" for line in lines))))

    def show_use(self, name: str, in_use: str, comparison: Comparison | None) -> None:
        """Prints how to use the model `name`, and how it compares with the one in use. Prints
        nothing if it is the one in use."""
        with self._printing_on(sys.stderr):
            if not self._quiet and name != in_use:
                if comparison is not None:
                    _say(sanitize(comparison_sentence(name, comparison)))
                _say(sanitize(f"{in_use} stays in use; to use this one: {APP_NAME} --use {name}"))

    def show_card(self, facts: Iterable[Fact]) -> None:
        """Prints the data card."""
        with self._printing_on(sys.stderr):
            if not self._quiet:
                _say(*fact_lines(facts))

    def _show_progress(self, event: Event) -> None:
        """Prints an event on stderr."""
        started = self._started
        match event:
            case Preparing():
                if event.phase != self._phase and not has_bar():
                    _say(event.phase)
                self._phase = event.phase
                if event.of > 2:  # a bar of one or two steps would stand still
                    draw_bar(event.phase, event.done / event.of, _time_left(event.eta_s))
                else:
                    draw(f"{event.phase} ...")
            case Started():
                _say(*_started_lines(event))
            case Progress():
                label, left = f"epoch {event.epoch}/{event.epochs}", _time_left(event.eta_s)
                draw_bar(label, event.share, left, self._keys_saved)
            case EpochEnded():
                self._show_epoch(event)
            case Finished():
                _say()  # clears the bar
                if event.reason == "stopped" and started and started.parameters:
                    _say(f"resume it: {APP_NAME} --train --resume --name {started.name}")
            case _:
                if words := event_words(event):
                    _say(sanitize(words))

    def _show_epoch(self, event: EpochEnded) -> None:
        if event.keystroke_savings is not None:
            self._keys_saved = f"saves {both_shares(event.keystroke_savings)}%"
        if not has_bar():
            figures = "  ".join(_epoch_texts(event, self._started))
            words = ", ".join(map(" ".join, next_words(event)))
            _say(f"{figures}  | next: {words}  | {sanitize(event.sample['text'])}")


def _say(*lines: str) -> None:
    """Prints lines on stderr, in place of a progress bar."""
    draw("")
    print_wrapped(lines, sys.stderr)


def _time_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{format_duration(seconds)} left"


def _started_lines(event: Started) -> Iterator[str]:
    """Yields the size, memory, device and threads of a run, and the epochs that are done."""
    parameters = f"{event.parameters:,} parameters, " if event.parameters else ""
    threads = plural(event.threads, "thread")
    if event.threads > 1 and getattr(event.config.train, "threads", None) is None:
        threads = f"up to {threads}"  # a run may take fewer if that is faster
    memory = f"about {format_bytes(event.memory_bytes)} of memory"
    yield f"{parameters}{memory}, on {event.device} with {threads}"
    if event.epochs_done:
        yield f"{plural(event.epochs_done, 'epoch')} of {event.config.epochs} done"


def _epoch_texts(event: EpochEnded, started: Started | None) -> Iterator[str]:
    """Yields the figures of an epoch one by one."""
    config = started.config if started else None
    yield f"epoch {event.epoch}" + (f"/{config.epochs}, {trained_part(config)}" if config else "")
    for lines, name, text in epoch_figures(event):
        yield f"{lines} {name} {text}" if name == "loss" else f"{name} {text}"
    if event.held_out is not None and event.best:
        yield "best"
    yield format_duration(event.elapsed_s)
