"""What happens to a real training when the app, in a pseudo-terminal, ends.

The training resumes a tiny run, so that one key starts it, and would take hours.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.event_types import EpochEnded, Finished, from_json_line
from rnnlm_tui.store.files import HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.widgets.dialogs import TYPE_AHEAD_S
from tests.helpers.commands import VERSES, command_line, running

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

pytestmark = pytest.mark.slow
QUIT, MODELS = "\x11", "\x1bOS"


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a run that was stopped after its first save."""
    folder = tmp_path_factory.mktemp("begun")
    corpus = folder / "verses.txt"
    corpus.write_text(VERSES * 10)
    arguments = ("--train", str(corpus), "--name", NAME, *SETTINGS, "--json")
    with running(*arguments, "--data-dir", str(folder)) as training:
        training.line('"saved"')
        training.process.send_signal(signal.SIGTERM)
        training.end()
    return folder


@pytest.fixture
def library(begun: Path, data_dir: Path) -> Library:
    """The models of this test, with the run that was begun."""
    for part in ("models", "runs"):
        shutil.copytree(begun / part, data_dir / part)
    return Library(data_dir)


@pytest.fixture
def left() -> Iterator[list[psutil.Process]]:
    """Trainings to kill at the end of the test."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        if process.is_running():
            process.kill()


def app() -> Terminal:
    """The app in a terminal of 80x24."""
    return Terminal(command_line())


def open_the_run(terminal: Terminal) -> None:
    """Resumes or shows the run on the Models screen, and waits until it trains."""
    terminal.wait_for(" verses")
    terminal.send(MODELS)
    terminal.wait_for("1 model", PATIENCE_S)
    terminal.send("g")
    terminal.wait_for(f"▶ training  {NAME}", PATIENCE_S)


def trains_on(terminal: Terminal, left: list[psutil.Process]) -> psutil.Process:
    """Has the app resume the run that was begun, and returns its process once it trains."""
    open_the_run(terminal)
    (training,) = psutil.Process(terminal.pid).children()
    left.append(training)
    return training


def answer(terminal: Terminal, question: str, key: str) -> None:
    """Answers a dialog once it no longer ignores keys as typed ahead."""
    terminal.wait_for(question)
    end = time.monotonic() + TYPE_AHEAD_S
    terminal.wait_for(lambda: time.monotonic() > end)
    terminal.send(key)


def epochs_of(library: Library) -> list[int]:
    """The epochs in the run's history."""
    lines = (library.run_folder(NAME) / HISTORY).read_text().splitlines()
    events = [from_json_line(line) for line in lines]
    return [event.epoch for event in events if isinstance(event, EpochEnded)]


def check_stopped(library: Library, training: psutil.Process) -> None:
    """Checks that the training ends by itself and has saved everything: its model opens, its run
    can be resumed, and its history has every epoch once and the reason for the end."""
    training.wait(PATIENCE_S)
    last = from_json_line((library.run_folder(NAME) / HISTORY).read_text().splitlines()[-1])
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    (run,) = library.runs()
    epochs = epochs_of(library)
    assert (run.trainer, run.resumable, run.epochs_done) == (None, True, epochs[-1])
    assert epochs == list(range(1, epochs[-1] + 1))
    library.open(NAME)


def check_goes_on(library: Library, training: psutil.Process) -> None:
    """Checks that the training is running, and waits for the end of another epoch."""
    (run,) = library.runs()
    assert run.trainer
    before = epochs_of(library)[-1]
    end = time.monotonic() + PATIENCE_S
    while epochs_of(library)[-1] == before:
        assert time.monotonic() < end, "timed out"
        assert psutil.pid_exists(training.pid)
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["SIGKILL, paused", "SIGTERM", "its window is closed"])
def test_a_training_saves_and_ends_when_the_app_ends(
    how: str, library: Library, left: list[psutil.Process]
) -> None:
    with app() as terminal:
        training = trains_on(terminal, left)
        if how == "SIGTERM":
            terminal.kill(signal.SIGTERM)
            assert terminal.wait_for_exit() == 0
        elif how == "its window is closed":
            terminal.hang_up()
            terminal.wait_for_exit()
        else:
            terminal.send("p")
            terminal.wait_for("‖ PAUSED")
            terminal.kill(signal.SIGKILL)
            assert terminal.wait_for_exit() == -signal.SIGKILL
        check_stopped(library, training)


def test_a_training_in_the_background_continues_without_the_app(
    library: Library, left: list[psutil.Process]
) -> None:
    """The next app lists, shows and stops it."""
    with app() as terminal:
        training = trains_on(terminal, left)
        terminal.send("d")
        terminal.wait_for("continues when you quit")
        terminal.hang_up()
        terminal.wait_for_exit()
        check_goes_on(library, training)

    with app() as terminal:
        open_the_run(terminal)
        terminal.wait_for("trained by")
        terminal.send("x")
        answer(terminal, f"Stop the training of {NAME}?", "\x19")
        terminal.wait_for("■ stopped", PATIENCE_S)
        check_stopped(library, training)
        terminal.send(QUIT)
        assert terminal.wait_for_exit(PATIENCE_S) == 0, "nothing trains, so it asks nothing"
