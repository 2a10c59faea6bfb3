"""Controlling a training: signals, lines of standard input, and a closed output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.cli.run_control import steered
from rnnlm_tui.event_types import EpochEnded, Paused, Saved, from_json_line
from rnnlm_tui.training.control import Control, StoppedError
from tests.helpers.commands import (
    PATIENCE_S,
    POSIX,
    TINY,
    Command,
    command_line,
    running,
)
from tests.helpers.events import ended, progress, saved

FOR_EVER = [*TINY, "--epochs", "1000000"]


def wait_until(condition: Callable[[], object]) -> None:
    """Returns once the condition holds. Fails if that takes too long."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.005)


# Signals


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_and_a_second_one_ends_at_once(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    before = signal.getsignal(number)
    control = Control()
    with steered(control, from_stdin=False) as signalled:
        signal.raise_signal(number)
        assert (control.stopped, signalled, ended) == (True, [number], [])
        signal.raise_signal(number)
    assert ended == [130]
    assert signal.getsignal(number) == before


@POSIX
@pytest.mark.parametrize("reason", ["ignored, as nohup has it", "detached"])
def test_a_closed_terminal_stops_no_run_that_shall_go_on(reason: str) -> None:
    control = Control()
    control.detached = reason == "detached"
    before = signal.getsignal(signal.SIGHUP)
    if not control.detached:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with steered(control, from_stdin=False):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not control.stopped


@POSIX
def test_a_signal_ends_the_reading_of_a_text_that_may_never_end() -> None:
    control = Control()
    control.preparing = True
    with steered(control, from_stdin=False) as signalled, pytest.raises(StoppedError):
        signal.raise_signal(signal.SIGTERM)
    assert (control.stopped, signalled) == (True, [signal.SIGTERM])


# Lines of standard input


@contextmanager
def typed_lines(monkeypatch: pytest.MonkeyPatch, control: Control) -> Iterator[TextIO]:
    """Yields what is written to the standard input that steers `control`."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as ours, os.fdopen(writing, "w", buffering=1) as theirs:
        monkeypatch.setattr(sys, "stdin", ours)
        with steered(control, from_stdin=True):
            yield theirs


def test_lines_of_standard_input_are_obeyed_and_their_end_stops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    control = Control("the cat")
    with typed_lines(monkeypatch, control) as lines:
        lines.write("pause\n")
        wait_until(lambda: control.paused)
        lines.write("sample a bird\nnonsense \x1b\nresume\n")
        wait_until(lambda: not control.paused)
        assert (control.seed_line, control.stopped) == ("a bird", False)
        assert capsys.readouterr().err == "not a control line: nonsense \ufffd\n"
        lines.close()
        wait_until(lambda: control.stopped)


def test_a_detached_run_continues_after_the_end_of_its_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = Control()
    with typed_lines(monkeypatch, control) as lines:
        lines.write("detach\npause\n")
        wait_until(lambda: control.paused)
        lines.close()
        wait_until(lambda: not control.paused)  # nobody else could resume it
    assert not control.stopped


def test_control_pauses_resumes_samples_and_stops(run: Command, corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json", "--control", "stdin"]
    with running(*arguments) as process:
        assert process.event(EpochEnded).sample["seed"] == "The cat sat on"
        process.send("pause\n")
        process.event(Paused)
        process.send("sample a bird\nnonsense\nresume\n")
        assert process.event(EpochEnded).sample["text"].startswith("a bird ")
        process.hang_up()
        assert process.line('"event": "finished"').count('"stopped"') == 1
        assert process.end() == 0
    run("--suggest", "the ", "--model", "verses-lesson")


def test_a_run_ends_well_while_its_control_input_stays_open(corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), "--preset=ngram", "--json", "--control=stdin"]
    with running(*arguments) as process:
        process.line('"completed"')
        assert process.end() == 0
        assert process.process.stderr is not None
        assert process.process.stderr.read() == ""


# A reader that goes


@pytest.fixture
def closed_pipe() -> Iterator[TextIO]:
    """A stream that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream


@POSIX
@pytest.mark.parametrize(("name", "reporter"), [("stdout", JsonReporter), ("stderr", TextReporter)])
@pytest.mark.parametrize("controlled", ["", "detached", "has_controller"])
def test_a_run_that_nobody_reads_or_controls_stops_and_saves(
    name: str,
    reporter: type[JsonReporter | TextReporter],
    controlled: str,
    closed_pipe: TextIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = Control()
    if controlled:
        setattr(control, controlled, True)
    monkeypatch.setattr(sys, name, closed_pipe)
    shown, events = reporter(control, False), (progress(1), ended(1), saved(1))
    for event in events:
        shown.show(event)
    assert (control.stopped, control.unwatched) == (not controlled, not controlled)


@POSIX
def test_an_unread_training_ends_as_an_interrupted_one(run: Command, corpus_file: Path) -> None:
    arguments = ["--train", str(corpus_file), *FOR_EVER, "--json"]
    with running(*arguments, stream="stderr") as process:
        assert process.process.stdout is not None
        while not isinstance(from_json_line(process.process.stdout.readline()), Saved):
            pass
        process.process.stdout.close()
        assert process.end() == 130
        said = process.lines.get(timeout=PATIENCE_S)
        # PyTorch's bindings may say at the end of a process what they have not freed.
        assert not said or said.startswith("nanobind: "), said
    run("--suggest", "the ", "--model", "verses-lesson")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_events_that_cannot_be_written_are_a_fault(corpus_file: Path) -> None:
    arguments = command_line("--train", str(corpus_file), "--preset=ngram", "--json")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "cannot write the events: no space left on device" in done.stderr
    assert "what was learned is saved" in done.stderr
