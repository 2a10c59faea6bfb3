"""Controlling a training: signals, orders in its folder, and a closed output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from rnnlm_tui.cli.reporters import JsonReporter, TextReporter
from rnnlm_tui.cli.train import stopped_by_signals
from rnnlm_tui.events import EpochEnded, Paused, Resumed, Saved, from_json_line
from rnnlm_tui.store.appended import OWNER_PID
from rnnlm_tui.store.files import CONTROL
from rnnlm_tui.training import control as control_module
from rnnlm_tui.training.control import Control, StoppedError, obeyed
from tests.helpers.commands import PATIENCE_S, POSIX, TINY, Command, command_line, order, running
from tests.helpers.events import ended, progress, saved

FOR_EVER = [*TINY, "--epochs", "1000000"]
SLEEPS = [sys.executable, "-c", "input()"]


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
    with stopped_by_signals(control) as signals:
        signal.raise_signal(number)
        assert (control.stopped, signals, ended) == (True, [number], [])
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
        with stopped_by_signals(control):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not control.stopped


@POSIX
def test_a_signal_ends_the_reading_of_a_text_that_may_never_end() -> None:
    control = Control()
    control.preparing = True
    with stopped_by_signals(control) as signals, pytest.raises(StoppedError):
        signal.raise_signal(signal.SIGTERM)
    assert (control.stopped, signals) == (True, [signal.SIGTERM])


# Orders


@pytest.mark.slow
def test_a_training_obeys_orders_in_its_folder(
    run: Command, corpus_file: Path, data_dir: Path
) -> None:
    control = data_dir / "runs" / "mine" / CONTROL
    control.parent.mkdir(parents=True)
    order(control, "stop")  # to a training that was killed
    with running("--train", str(corpus_file), *FOR_EVER, "--json", "--name=mine") as process:
        assert process.event(EpochEnded).sample["seed"] == "The cat sat on"
        order(control, "pause")
        process.event(Paused)
        order(control, "sample a bird", "nonsense \udcff", f"owner {'9' * 5000}", "resume")
        assert process.event(EpochEnded).sample["text"].startswith("a bird ")
        order(control, "stop", "stop")
        assert process.line('"event": "finished"').count('"stopped"') == 1
        assert process.end() == 0
    assert not control.exists()
    run("--suggest", "the ", "--model", "mine")


@POSIX
def test_an_order_to_stop_ends_the_reading_of_a_text_that_may_never_end(data_dir: Path) -> None:
    control = data_dir / "runs" / "mine" / CONTROL
    control.parent.mkdir(parents=True)
    order(control, "stop")  # first obeyed a while after the reading has begun
    owned = {**os.environ, OWNER_PID: f"{os.getpid()}"}
    with running("--train", "-", "--json", "--name=mine", env=owned) as process:
        assert '"stopped"' in process.line('"event": "finished"')
        assert process.end() == 0


def test_a_stop_ends_a_pause_though_both_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One comes from a signal, the other from the thread that obeys orders."""
    control = Control()
    control.obey_order("pause")
    waiting = control.wait_while_paused(float)
    assert isinstance(next(waiting), Paused)
    control.stop()
    control.paused = True
    monkeypatch.setattr(time, "sleep", Mock(side_effect=AssertionError("it is paused")))
    assert isinstance(next(waiting), Resumed)


HOW = ["by its environment", "by an order", "gone already", "of another user", "detached"]


@pytest.mark.parametrize("how", HOW)
def test_a_training_stops_when_its_owner_is_gone_unless_it_is_detached(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if nobody has asked how the owner ended, as here."""
    control, orders = Control(), tmp_path / "control"
    goes_on = how in ("of another user", "detached")
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE) as owner:
        said = [f"owner {owner.pid}", "pause"]
        if how == "by its environment":
            monkeypatch.setenv(OWNER_PID, f"{owner.pid}")
            said = ["pause"]
            order(orders, "sample what is written before it looks is not lost")
        elif how == "gone already":
            owner.kill()
            owner.wait()
        elif how == "of another user":
            monkeypatch.setattr(psutil.Process, "status", Mock(side_effect=psutil.AccessDenied))
        elif how == "detached":
            said.append("detach")
        with obeyed(control, orders):
            order(orders, *said)
            if how != "gone already":
                wait_until(lambda: control.paused)
                owner.kill()
            if goes_on:
                for word in ("resume", "pause"):  # it would have looked for its owner by then
                    order(orders, word)
                    wait_until(lambda word=word: control.paused is (word == "pause"))  # type: ignore[misc]
            else:
                wait_until(lambda: control.stopped)
        assert control.stopped is not goes_on
    assert bool(control.seed_line) is (how == "by its environment")


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_owner_may_detach_its_training_as_its_last_act(
    is_gone: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the training looks for orders, or while it does."""
    control, orders = Control(), tmp_path / "control"
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE) as owner:
        monkeypatch.setenv(OWNER_PID, f"{owner.pid}")

        def end(*asked: psutil.Process) -> bool:
            order(orders, "detach")
            owner.communicate(b"\n")
            return False

        if is_gone:
            end()
        monkeypatch.setattr(control_module, "is_alive", end)
        with obeyed(control, orders):
            wait_until(lambda: control.detached or control.stopped)
    assert not control.stopped


# A reader that goes


@POSIX
@pytest.mark.parametrize(("name", "reporter"), [("stdout", JsonReporter), ("stderr", TextReporter)])
@pytest.mark.parametrize("is_detached", [False, True])
def test_a_run_that_nobody_reads_stops_and_saves(
    name: str,
    reporter: type[JsonReporter | TextReporter],
    is_detached: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = Control()
    control.detached = is_detached
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, name, closed)
        shown = reporter(control, False)
        for event in (progress(1), ended(1), saved(1)):
            shown.show(event)
    assert (control.stopped, control.unwatched) == (not is_detached, not is_detached)


@pytest.mark.slow
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
