"""A training as a child process: its life, its controls, and how it ends when one of the two dies.

Most tests use the scripted training; those at the end use real ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnlm_tui.events import EpochEnded, Saved, from_json_line, to_json_line
from rnnlm_tui.store.files import HISTORY, MODEL, RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs import child
from rnnlm_tui.tui.runs.child import (
    LONGEST_SAMPLE,
    TrainingProcess,
    TrainingRequest,
    how_it_went,
    own_command,
)
from rnnlm_tui.tui.runs.event_lines import LONGEST_LINE
from rnnlm_tui.tui.runs.log import LARGEST
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.state import Phase
from tests.helpers.runs import PATIENCE_S, over, until
from tests.tui.scripted_child import command

REQUEST = TrainingRequest(("verses.txt", "--name", "poems"), "poems")
TINY = (
    *("--preset=lesson", "--embedding-size=4", "--bidirectional-size=4", "--recurrent-size=4"),
    *("--batch-size", "4", "--threads", "1", "--device", "cpu", "--epochs", "1000000"),
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and pseudo-terminals")

ON_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("tests.tui.train.training_host", run_name="__main__")
"""
"""The host program with its standard input as its controlling terminal."""

Start = Callable[..., Awaitable[TrainingProcess]]


@pytest.fixture
def library(data_dir: Path) -> Library:
    return Library(data_dir)


@pytest.fixture
async def start(library: Library) -> AsyncIterator[Start]:
    """Starts runs, of the scripted training with these options or of another command; none outlives
    the test."""
    runs: list[TrainingProcess] = []

    async def begin(
        *options: str, request: TrainingRequest = REQUEST, **settings: Any
    ) -> TrainingProcess:
        settings = {"command": command(*options), **settings}
        run = TrainingProcess(request, library, **settings)
        runs.append(run)
        await run.start()
        return run

    yield begin
    for run in runs:
        if run.is_running:
            assert run.pid is not None
            os.kill(run.pid, signal.SIGKILL)
            await over(run)


async def test_a_run_from_its_start_to_its_end(start: Start) -> None:
    saved: list[Saved] = []
    ends: list[bool] = []
    run = await start("--held-out", "5,4,4.5", "--at", "start", "wait")
    run.on_saved = saved.append
    run.on_end = lambda: ends.append(run.is_running)
    assert run.is_running
    assert run.progress.phase is Phase.STARTING
    await run.sample("a line")
    await over(run)
    progress = run.progress
    assert progress.phase is Phase.FINISHED
    assert progress.finished is not None
    assert progress.finished.reason == "completed"
    assert [epoch.epoch for epoch in progress.epochs] == [1, 2, 3]
    assert progress.best_epoch == 2
    assert progress.epoch_share == 1
    assert [event.epoch for event in saved] == [1, 2, 3]
    assert ends == [False]
    assert run.log_tail() == []


async def test_what_is_asked_before_there_is_a_process_is_kept_for_it(
    library: Library, tmp_path: Path
) -> None:
    run = TrainingProcess(REQUEST, library, command=command("--delay", "60"), log_folder=tmp_path)
    assert not await run.sample("too soon")
    starting = asyncio.create_task(run.start())
    await asyncio.sleep(0)
    assert run.pid is None
    assert await run.sample("a dog")
    await run.stop()
    assert run.progress.phase is Phase.STOPPING
    await starting
    await over(run)
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"


async def test_a_run_that_takes_no_orders_says_so(start: Start) -> None:
    run = await start("--deaf", "--delay", "60")
    run._close_stdin()
    assert not await run.sample("a dog")
    await run.detach()
    assert not run.detached
    await run.stop()
    assert run.progress.phase is not Phase.STOPPING


async def test_the_child_is_started_as_it_must_be(start: Start, data_dir: Path) -> None:
    tell = (
        "import os, sys\n"
        "own = os.name == 'nt' or os.getsid(0) == os.getpid()\n"
        "print(os.environ['OMP_WAIT_POLICY'], own, sys.argv[1:], file=sys.stderr)"
    )
    run = await start(command=(sys.executable, "-c", tell))
    await over(run)
    arguments = ["--train", "verses.txt", "--name", "poems", f"--data-dir={data_dir}"]
    arguments += ["--json", "--control", "stdin"]
    assert run.log_tail() == [f"PASSIVE True {arguments}"]
    assert run.progress.phase is Phase.LOST
    assert run.progress.lost_reason.endswith("exit code 0, without a word")


def test_the_program_itself_is_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "types.py").write_text("raise SystemExit('the wrong one')")
    version = subprocess.run(
        [*own_command(), "--version"], capture_output=True, encoding="utf-8", check=False
    )
    assert version.stdout.startswith("rnnlm-tui"), version.stderr
    monkeypatch.chdir(Path(child.__file__).parents[2])
    assert own_command() == (sys.executable, "-m", "rnnlm_tui")


async def test_pause_resume_and_the_time_left(start: Start) -> None:
    run = await start("--at", "1.2", "wait", "--at", "2.1", "wait")
    progress = run.progress
    await until(lambda: progress.progress and progress.progress.step == 2)
    await run.pause()
    await until(lambda: progress.phase is Phase.PAUSED)
    left, now = progress.eta_s(time.monotonic()), time.monotonic()
    assert left is not None
    assert progress.eta_s(now + 1000) == left
    await run.resume()
    await until(lambda: progress.progress and progress.progress.epoch == 2)
    assert progress.phase is Phase.TRAINING
    await run.resume()
    await over(run)
    assert [note.text for note in progress.notes][:2] == ["paused", "goes on after the pause"]


async def test_stop_saves_and_ends(start: Start) -> None:
    run = await start("--at", "2.3", "wait")
    await until(lambda: run.progress.progress and run.progress.progress.epoch == 2)
    await run.stop()
    assert run.progress.phase is Phase.STOPPING
    await over(run)
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"
    assert run.progress.saved is not None
    assert run.progress.saved.epoch == 2


async def test_a_paused_run_can_be_stopped(start: Start) -> None:
    run = await start("--at", "2.3", "wait")
    await run.pause()
    await until(lambda: run.progress.phase is Phase.PAUSED)
    await run.stop()
    await over(run)
    assert run.progress.phase is Phase.FINISHED


async def test_another_seed_line(start: Start) -> None:
    run = await start("--at", "2.1", "wait")
    await until(lambda: len(run.progress.epochs) == 1)
    await run.sample(" \n ")
    await run.sample("a dog\nlay by 猫 " + "x" * 5000)
    await over(run)
    first, second, _ = run.progress.samples
    assert first.seed == "the cat"
    assert second.seed.startswith("a dog lay by 猫 xxx")
    assert len(second.seed) == LONGEST_SAMPLE


async def test_controls_are_harmless_before_the_start_and_after_the_end(
    start: Start, library: Library
) -> None:
    run = await start()
    await over(run)
    for each in (run, TrainingProcess(REQUEST, library)):
        before = each.progress.phase
        for control in (each.pause, each.resume, each.stop, each.detach, each.let_go, each.end):
            await control()
        await each.sample("the cat")
        assert each.progress.phase is before
        assert not each.detached


@POSIX
async def test_a_child_that_is_killed_is_lost_and_its_last_words_are_shown(start: Start) -> None:
    words = [part for i in range(7) for part in ("--at", "2.2", "stderr", f"word {i}\x1b[2J")]
    run = await start(*words, "--at", "2.2", "crash", "KILL")
    await over(run)
    assert run.progress.phase is Phase.LOST
    assert "SIGKILL" in run.progress.lost_reason
    assert run.log_tail(2) == ["word 5\ufffd[2J", "word 6\ufffd[2J"]
    assert len(run.log_tail()) == 5
    assert [epoch.epoch for epoch in run.progress.epochs] == [1]


def test_how_a_process_went_in_words() -> None:
    assert "SIGSEGV" in how_it_went(-signal.SIGSEGV)
    assert "signal 77" in how_it_went(-77)
    assert "exit code 3" in how_it_went(3)


async def test_a_run_that_fails_says_why(start: Start) -> None:
    run = await start("--at", "start", "fail", "corpus", "no such file: verses.txt", "name another")
    await over(run)
    assert run.progress.phase is Phase.FAILED
    assert run.progress.failed is not None
    assert run.progress.failed.hint == "name another"


async def test_lines_that_are_no_events_do_no_harm_and_are_logged_once(start: Start) -> None:
    later = to_json_line(Saved(1.0, 1, "x", True)).replace('"v": 1', '"v": 2')
    run = await start(
        *("--at", "1.1", "line", "rubbish \x1b[2J"),
        *("--at", "1.2", "line", later),
        *("--at", "1.3", "long", str(3 * LONGEST_LINE)),
        *("--at", "1.4", "line", '{"v": 1, "event": "saved", "time": "now"}'),
    )
    await over(run)
    assert run.progress.phase is Phase.FINISHED
    assert len(run.progress.epochs) == 3
    assert run.log_tail() == ["rnnlm-tui: lines that are no events are left out: rubbish \ufffd[2J"]


async def test_a_program_that_is_not_there_is_a_failed_run(start: Start, tmp_path: Path) -> None:
    missing = str(tmp_path / "python")
    run = await start(command=(missing,))
    assert not run.is_running
    await over(run)
    assert run.pid is None
    assert run.progress.phase is Phase.FAILED
    assert run.progress.failed is not None
    assert missing in run.progress.failed.message
    assert "no such file" in run.progress.failed.message
    impossible = TrainingRequest(("\0", "--name", "poems"), "poems")
    assert (await start(request=impossible)).progress.phase is Phase.FAILED


async def test_a_log_that_cannot_be_written_does_not_keep_a_run_from_training(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    run = await start("--at", "1.1", "stderr", "lost", log_folder=tmp_path / "file" / "logs")
    await over(run)
    assert run.progress.phase is Phase.FINISHED
    assert run.progress.notes[0].text.startswith("no log of this run can be written: ")
    assert run.log_tail() == []


async def test_each_run_adds_to_the_log_until_it_is_too_large(start: Start) -> None:
    run = await start("--at", "1.1", "stderr", "first")
    await over(run)
    run = await start("--at", "1.1", "stderr", "second")
    await over(run)
    text = run.log_path.read_text()
    assert [line[:2] for line in text.splitlines()] == ["==", "fi", "", "==", "se"]
    assert "--name poems" in text
    assert run.log_tail() == ["second"]
    with run.log_path.open("ab") as file:
        file.write(b"x" * LARGEST)
    run = await start("--at", "1.1", "stderr", "third")
    await over(run)
    assert run.log_path.stat().st_size < 1000
    assert run.log_tail() == ["third"]


@POSIX
async def test_a_child_that_will_not_stop_gets_sigterm_and_keeps_nobody(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "QUIT_PATIENCE_S", 0.1)
    monkeypatch.setattr(child, "SIGTERM_PATIENCE_S", 0.1)
    run = await start("--deaf", "--at", "1.1", "wait")
    await until(lambda: run.progress.progress)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGSTOP)
    async with asyncio.timeout(PATIENCE_S):
        await run.end()
    assert run.is_running, "a stopped process cannot even end"
    os.kill(run.pid, signal.SIGCONT)
    await over(run)
    assert "SIGTERM" in run.progress.lost_reason


async def test_a_run_that_is_let_go_goes_on_even_when_it_was_paused(
    start: Start, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    run = await start("--delay", "0.01", "--at", "3.4", "wait-file", str(gate))
    await until(lambda: run.progress.progress)
    await run.pause()
    await until(lambda: run.progress.phase is Phase.PAUSED)
    async with asyncio.timeout(PATIENCE_S):
        await run.let_go()
    assert run.detached
    gate.touch()
    await over(run)
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "completed"


async def test_a_run_that_goes_on_shows_the_epochs_behind_it(start: Start) -> None:
    run = await start("--model")
    await over(run)
    request = TrainingRequest.resuming("poems", "--epochs", "5")
    run = await start("--model", "--done", "3", request=request)
    await over(run)
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2, 3, 4, 5]
    assert run.progress.started is not None
    assert run.progress.started.epochs_done == 3


@pytest.fixture
def left() -> Iterator[list[psutil.Process]]:
    """Processes that do not outlive the test."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        if not is_gone(process):
            process.kill()


def is_gone(process: psutil.Process) -> bool:
    """Whether the process has ended; where nobody waits for an orphan, it stays as a zombie."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Host:
    """The host program, from its start until its training has saved."""

    def __init__(
        self,
        left: list[psutil.Process],
        arguments: tuple[str, ...],
        after_save: str,
        *,
        command: tuple[str, ...] | None = None,
        terminal: int | None = None,
    ) -> None:
        facts = {
            "arguments": [*arguments, "--name", "poems"],
            "name": "poems",
            "command": command,
            "after_save": after_save,
        }
        program = (
            ("-m", "tests.tui.train.training_host") if terminal is None else ("-c", ON_TERMINAL)
        )
        self.process = subprocess.Popen(
            [sys.executable, *program, json.dumps(facts)],
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            encoding="utf-8",
            start_new_session=terminal is not None,
        )
        left.append(psutil.Process(self.process.pid))
        self.training = psutil.Process(int(self._line()))
        left.append(self.training)
        assert self._line() == "ready\n"

    def _line(self) -> str:
        assert self.process.stdout is not None
        limit = threading.Timer(PATIENCE_S, self.process.kill)
        limit.start()
        line = self.process.stdout.readline()
        limit.cancel()
        return line

    def end(self, number: int) -> None:
        """Ends the host by a signal."""
        self.process.send_signal(number)
        self.wait()

    def wait(self) -> None:
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


async def check_saved(library: Library, training: psutil.Process) -> None:
    """The training ends by itself, has saved all, and lets go of the model."""
    await until(lambda: is_gone(training))
    folder = library.path("poems")
    assert {MODEL, RESUME, HISTORY} <= {path.name for path in folder.iterdir()}
    last = from_json_line((folder / HISTORY).read_text().splitlines()[-1])
    assert (last.event, getattr(last, "reason", "")) == ("finished", "stopped")
    assert library.holder("poems") is None
    library.open("poems")


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_real_training_saves_and_ends_when_the_app_is_killed(
    number: int, corpus_file: Path, library: Library, left: list[psutil.Process]
) -> None:
    host = Host(left, (str(corpus_file), *TINY), "wait")
    host.end(number)
    await check_saved(library, host.training)


@POSIX
async def test_a_real_training_saves_and_ends_when_the_terminal_is_closed(
    corpus_file: Path, library: Library, left: list[psutil.Process]
) -> None:
    ours, theirs = os.openpty()
    host = Host(left, (str(corpus_file), *TINY), "wait", terminal=theirs)
    os.close(theirs)
    os.close(ours)
    host.wait()
    assert host.process.returncode == -signal.SIGHUP
    await check_saved(library, host.training)


@POSIX
@pytest.mark.parametrize("after_save", ["leave", "let_go"])
async def test_an_app_that_ends_by_itself_stops_only_what_was_not_let_go(
    after_save: str, library: Library, left: list[psutil.Process], tmp_path: Path
) -> None:
    gate = str(tmp_path / "gate")
    script = command("--model", "--delay", "0.01", "--at", "2.4", "wait-file", gate)
    host = Host(left, (), after_save, command=script)
    host.wait()
    assert host.process.returncode == 0
    Path(gate).touch()
    await until(lambda: is_gone(host.training))
    last = from_json_line((library.path("poems") / HISTORY).read_text().splitlines()[-1])
    assert getattr(last, "reason", "") == ("stopped" if after_save == "leave" else "completed")


@POSIX
async def test_a_real_training_that_is_detached_goes_on_and_can_be_watched_and_stopped(
    corpus_file: Path, library: Library, left: list[psutil.Process]
) -> None:
    host = Host(left, (str(corpus_file), *TINY), "detach")
    host.end(signal.SIGKILL)
    runs = Runs(library)
    (found,) = await runs.elsewhere()
    assert (found.name, found.pid) == ("poems", host.training.pid)
    watched = await runs.watch("poems")
    before = len(watched.progress.epochs)
    assert before > 0
    await until(lambda: len(watched.progress.epochs) > before)
    assert watched.is_running
    await watched.stop()
    await watched.stop()  # asked once more, a run would end without saving
    await over(watched)
    assert watched.progress.phase is Phase.FINISHED
    assert library.run("poems").stand is not None
    await check_saved(library, host.training)


@POSIX
async def test_a_real_training_that_is_killed_goes_on_where_it_was_saved(
    start: Start, corpus_file: Path
) -> None:
    request = TrainingRequest((str(corpus_file), "--name", "poems", *TINY), "poems")
    run = await start(request=request, command=None)
    await until(lambda: run.progress.saved)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    await over(run)
    assert run.progress.phase is Phase.LOST
    run = await start(request=TrainingRequest.resuming("poems"), command=None)
    await until(lambda: run.progress.started)
    assert run.progress.started is not None
    done = run.progress.started.epochs_done
    assert done > 0
    await run.pause()
    await until(lambda: run.progress.phase is Phase.PAUSED)
    await run.sample("the dog")
    await run.resume()
    await until(lambda: run.progress.samples[-1].seed == "the dog")
    await run.stop()
    await over(run)
    epochs = [event.epoch for event in run.progress.epochs if isinstance(event, EpochEnded)]
    assert epochs == list(range(1, epochs[-1] + 1))
    assert epochs[-1] > done
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"
