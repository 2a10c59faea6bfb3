"""What becomes of the app's training when either of the two ends: the app in a pseudo-terminal, and
a real training.

The training goes on with a tiny run that was begun before, so that it needs one key, and would
train for hours.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.events import EpochEnded, Finished, from_json_line
from rnnlm_tui.store.files import HISTORY
from rnnlm_tui.store.library import Library, Run
from tests.helpers.commands import VERSES, command_line
from tests.helpers.session import kept_texts

if sys.platform == "win32":
    pytest.skip("there are pseudo-terminals on POSIX alone", allow_module_level=True)

from tests.helpers.terminal import Terminal

SETTINGS = (
    "--preset=lesson",
    *("--embedding-size", "4", "--bidirectional-size", "4", "--recurrent-size", "4"),
    *("--batch-size", "1", "--threads", "1", "--device", "cpu", "--epochs", "100000"),
)
NAME = "verses"
PATIENCE_S = 40.0
QUIT, TRAIN, ESCAPE, ENTER, RIGHT = "\x11", "\x1bOR", "\x1b", "\r", "\x1b[C"


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a run that was stopped after its first save."""
    folder = tmp_path_factory.mktemp("begun")
    corpus = folder / "verses.txt"
    corpus.write_text(VERSES * 10)
    arguments = ("--train", str(corpus), "--name", NAME, *SETTINGS, "--json")
    command = command_line(*arguments, "--data-dir", str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as training:
        assert training.stdout is not None
        while b'"saved"' not in training.stdout.readline():
            assert training.poll() is None
        training.send_signal(signal.SIGTERM)
        training.communicate(timeout=PATIENCE_S)
    return folder


@pytest.fixture
def library(begun: Path, data_dir: Path) -> Library:
    """The models of this test, with the run that was begun."""
    shutil.copytree(begun / "models", data_dir / "models")
    return Library(data_dir)


@pytest.fixture
def left() -> Iterator[list[psutil.Process]]:
    """Trainings that do not outlive the test."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        if process.is_running():
            process.kill()


def app() -> Terminal:
    """The app in a terminal of 80x24."""
    return Terminal(command_line())


def open_run(terminal: Terminal, words: str) -> None:
    """Opens the run that stands in the list on the Train screen in these words."""
    terminal.wait_for("suggests")
    terminal.send(TRAIN)
    terminal.wait_for(words, PATIENCE_S)
    terminal.send("o")


def trains_on(terminal: Terminal, left: list[psutil.Process]) -> psutil.Process:
    """Has the app go on with the run that was begun, and returns its process once it trains."""
    open_run(terminal, f"‖ {NAME}  stands at epoch")
    terminal.wait_for(f"▶ training  {NAME}", PATIENCE_S)
    (training,) = psutil.Process(terminal.pid).children()
    left.append(training)
    return training


def epoch_shown(terminal: Terminal) -> int:
    """The epoch that the run on the screen is in; 0 where none is shown."""
    found = re.search(r"epoch (\d+)/", terminal.text)
    return int(found[1]) if found else 0


def leave(terminal: Terminal) -> None:
    """Leaves the app, where it asks for nothing."""
    terminal.send(QUIT)
    assert terminal.wait_for_exit(PATIENCE_S) == 0, terminal.text


def epochs_of(library: Library) -> list[int]:
    """The epochs in the run's history."""
    lines = (library.path(NAME) / HISTORY).read_text().splitlines()
    events = [from_json_line(line) for line in lines]
    return [event.epoch for event in events if isinstance(event, EpochEnded)]


def check_stopped(library: Library, training: psutil.Process) -> None:
    """The training ends by itself and has saved all: its model opens, its run can be gone on
    with, and its history has every epoch once and the reason of its end."""
    training.wait(PATIENCE_S)
    last = from_json_line((library.path(NAME) / HISTORY).read_text().splitlines()[-1])
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    run = run_of(library)
    epochs = epochs_of(library)
    assert (run.running, run.resumable, run.epochs_done) == (False, True, epochs[-1])
    assert epochs == list(range(1, epochs[-1] + 1))
    library.open(NAME)


def run_of(library: Library) -> Run:
    """The run, as the library lists it."""
    (run,) = library.runs()
    return run


def check_goes_on(library: Library, training: psutil.Process) -> None:
    """The training is on, and another epoch of it ends."""
    assert run_of(library).running
    before = epochs_of(library)[-1]
    end = time.monotonic() + PATIENCE_S
    while epochs_of(library)[-1] == before:
        assert time.monotonic() < end, "timed out"
        assert psutil.pid_exists(training.pid)
        time.sleep(0.02)


# The app ends


def end_app(terminal: Terminal, number: signal.Signals | None) -> None:
    """Ends the app by a signal, or by closing its window."""
    if number is None:
        terminal.hang_up()
    else:
        terminal.kill(number)
    code = terminal.wait_for_exit()
    assert number is None or code == (-number if number == signal.SIGKILL else 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, None])
def test_a_training_saves_and_ends_when_the_app_is_killed(
    number: signal.Signals | None, library: Library, left: list[psutil.Process]
) -> None:
    """By signals, and with its window closed."""
    with app() as terminal:
        training = trains_on(terminal, left)
        end_app(terminal, number)
        check_stopped(library, training)


def test_a_paused_training_saves_and_ends_when_the_app_is_killed(
    library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        terminal.send("p")
        terminal.wait_for("‖ PAUSED")
        end_app(terminal, signal.SIGKILL)
        check_stopped(library, training)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_training_in_the_background_goes_on_without_the_app(
    number: signal.Signals | None, library: Library, left: list[psutil.Process]
) -> None:
    """After SIGKILL, SIGTERM, and with its window closed; the next app lists, shows and stops
    it."""
    with app() as terminal:
        training = trains_on(terminal, left)
        terminal.send("d")
        terminal.wait_for("goes on when you quit")
        end_app(terminal, number)
        check_goes_on(library, training)

    with app() as terminal:
        open_run(terminal, f"▶ {NAME}  trains, saved epoch")
        terminal.wait_for(f"▶ training  {NAME}")
        terminal.wait_for("trained by")
        before = epoch_shown(terminal)
        terminal.wait_for(lambda: epoch_shown(terminal) > before, PATIENCE_S)
        terminal.send("x")
        terminal.wait_for(f"Stop the training of {NAME}?")
        terminal.send("y")
        terminal.wait_for("and saved", PATIENCE_S)
        check_stopped(library, training)
        leave(terminal)


# The app is left


def ask_to_leave(terminal: Terminal) -> None:
    """Presses the key, and sees the question."""
    terminal.send(QUIT)
    terminal.wait_for(f"{NAME} is in training. What is to become of it?")


def test_leaving_the_app_can_stop_the_training_and_keep_it(
    library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        ask_to_leave(terminal)
        terminal.send("1")
        assert terminal.wait_for_exit(PATIENCE_S) == 0
        check_stopped(library, training)

    with app() as terminal:  # which offers to go on with it
        terminal.wait_for("suggests")
        terminal.send(TRAIN)
        terminal.wait_for(f"‖ {NAME}  stands at epoch")
        leave(terminal)


def test_leaving_the_app_can_let_the_training_go_on(
    library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        terminal.send("p")
        terminal.wait_for("‖ PAUSED")
        ask_to_leave(terminal)
        terminal.send("2")
        assert terminal.wait_for_exit(PATIENCE_S) == 0
        check_goes_on(library, training)

    with app() as terminal:
        open_run(terminal, f"▶ {NAME}  trains, saved epoch")
        terminal.wait_for("trained by")
        leave(terminal)  # which asks nothing, for the run is not this app's
        check_goes_on(library, training)


def test_leaving_the_app_can_be_thought_better_of(
    library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        for answer in ("3", ESCAPE, ENTER):
            ask_to_leave(terminal)
            terminal.send(answer)
            terminal.wait_for(lambda: "What is to become of it?" not in terminal.text)
        check_goes_on(library, training)
        terminal.wait_for(f"▶ training  {NAME}")


# The training ends


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "the training process was killed (SIGKILL)"),
        (signal.SIGSEGV, "the training process has crashed or was killed (SIGSEGV)"),
    ],
)
def test_a_training_that_is_killed_is_told_and_can_be_gone_on_with(
    number: signal.Signals, said: str, library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        os.kill(training.pid, number)
        terminal.wait_for(said)
        terminal.wait_for("was saved")
        terminal.wait_for("Go on with it")
        if (
            number == signal.SIGSEGV
        ):  # in the last lines of the log, which SIGKILL leaves no time for
            terminal.wait_for('File "')
        terminal.send("r")
        terminal.wait_for(f"▶ training  {NAME}", PATIENCE_S)
        (again,) = psutil.Process(terminal.pid).children()
        left.append(again)
        terminal.send("x")
        terminal.wait_for("Stopped", PATIENCE_S)
        check_stopped(library, again)
        leave(terminal)


# What is pasted to train on


def test_a_pasted_text_outlives_an_app_that_is_killed(library: Library, data_dir: Path) -> None:
    with app() as terminal:
        terminal.wait_for("suggests")
        terminal.send(TRAIN)
        terminal.wait_for("○▌ pasted text")
        terminal.send(f"{RIGHT}{RIGHT}{ENTER}")
        terminal.wait_for("Your text")
        terminal.send("\x1b[200~All the trees\nare green.\x1b[201~")
        terminal.wait_for("are green.")
        pasted = "All the trees\nare green."
        terminal.wait_for(lambda: kept_texts(data_dir, "pasted") == [pasted])
        terminal.kill(signal.SIGKILL)
        terminal.wait_for_exit()

    with app() as terminal:
        terminal.wait_for("suggests")
        terminal.send(TRAIN)
        terminal.wait_for("●▌ pasted text")
        terminal.wait_for("are green.")
        leave(terminal)
