"""Real trainings while apps, in pseudo-terminals, come and go.

The training resumes a tiny run, so that one key starts it, and would take hours.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.events import EpochEnded, Finished, from_json_line
from rnnlm_tui.store.files import CONTROL, HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.widgets.dialogs import TYPE_AHEAD_S
from tests.helpers.commands import TINY, VERSES, command_line, order, running

if sys.platform == "win32":
    pytest.skip("there are pseudo-terminals on POSIX alone", allow_module_level=True)

from tests.helpers.terminal import Terminal

NAME = "verses"
PATIENCE_S = 120.0
ENDLESS = ("--batch-size=1", "--epochs=100000", "--json")

pytestmark = pytest.mark.slow
QUIT, MODELS = "\x11", "\x1bOS"


@pytest.fixture(autouse=True)
def no_training_is_left(library: Library) -> Iterator[None]:
    """Stops the training of a test that has failed."""
    yield
    order(library.runs.folder(NAME) / CONTROL, "stop")


def open_the_run(terminal: Terminal) -> None:
    """Resumes or shows the run on the Models screen, and waits until it trains."""
    terminal.wait_for(" verses")
    terminal.send(MODELS)
    terminal.wait_for("how good", PATIENCE_S)
    terminal.send("g")
    terminal.wait_for(f"▶ training  {NAME}", PATIENCE_S)


def epochs_of(library: Library) -> list[int]:
    """The epochs in the history of the run."""
    lines = (library.runs.folder(NAME) / HISTORY).read_bytes().splitlines(keepends=True)
    events = (from_json_line(line) for line in lines if line.endswith(b"\n"))
    return [event.epoch for event in events if isinstance(event, EpochEnded)]


def check_stopped(library: Library, training: psutil.Process) -> None:
    """Checks that the training ends by itself and has saved everything: its model opens, its run
    can be resumed, and its history has every epoch once and the reason for the end."""
    training.wait(PATIENCE_S)
    last = from_json_line((library.runs.folder(NAME) / HISTORY).read_text().splitlines()[-1])
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    (run,) = library.runs.all()
    epochs = epochs_of(library)
    assert (run.trainer, run.resumable, run.epochs_done) == (None, True, epochs[-1])
    assert epochs == list(range(1, epochs[-1] + 1))
    library.open(NAME)


def test_a_training_stops_with_its_app_unless_it_is_in_the_background(
    tmp_path: Path, library: Library
) -> None:
    corpus = tmp_path / "verses.txt"
    corpus.write_text(VERSES * 10)
    with running("--train", str(corpus), "--name", NAME, *TINY, *ENDLESS) as begun:
        begun.line('"saved"')
        begun.process.send_signal(signal.SIGTERM)
        begun.end()

    with Terminal(command_line()) as terminal:
        open_the_run(terminal)
        (training,) = psutil.Process(terminal.pid).children()
        terminal.send("d")
        terminal.wait_for("continues when you quit")
        terminal.hang_up()
        terminal.wait_for_exit()
        before, end = epochs_of(library)[-1], time.monotonic() + PATIENCE_S
        while epochs_of(library)[-1] == before:
            assert time.monotonic() < end and training.is_running()
            time.sleep(0.02)

    with Terminal(command_line()) as terminal:
        open_the_run(terminal)
        terminal.wait_for("trained by")
        terminal.send("x")
        terminal.wait_for(f"Stop the training of {NAME}?")
        end = time.monotonic() + TYPE_AHEAD_S  # until then keys are typed ahead
        terminal.wait_for(lambda: time.monotonic() > end)
        terminal.send("\x19")
        terminal.wait_for("■ stopped", PATIENCE_S)
        check_stopped(library, training)
        terminal.send(QUIT)
        assert terminal.wait_for_exit(PATIENCE_S) == 0, "nothing trains, so it asks nothing"

    with Terminal(command_line()) as terminal:
        open_the_run(terminal)
        (training,) = psutil.Process(terminal.pid).children()
        terminal.send("p")
        terminal.wait_for("‖ PAUSED", PATIENCE_S)
        terminal.kill(signal.SIGKILL)
        assert terminal.wait_for_exit() == -signal.SIGKILL
        check_stopped(library, training)
