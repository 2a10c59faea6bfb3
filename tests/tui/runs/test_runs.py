"""Starting, following and steering trainings: the app's own, and those of other processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import CorpusError, ModelError, RnnlmError, StorageError, UsageError
from rnnlm_tui.events import Event, Paused, to_json_line
from rnnlm_tui.store.appended import OWNER_PID
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs import follower
from rnnlm_tui.tui.runs.child import TrainArguments, start_training
from rnnlm_tui.tui.runs.followed_runs import FollowedRuns
from rnnlm_tui.tui.runs.follower import MAX_SEED_LINE, NO_END, NOTHING_LEARNED, FollowedRun
from rnnlm_tui.tui.runs.progress import Phase
from tests.helpers.app import until
from tests.helpers.commands import PATIENCE_S, POSIX
from tests.helpers.events import ended, finished, progress, saved, started
from tests.helpers.runs import Script, over, trained_elsewhere

REQUEST = TrainArguments(("verses.txt", "--name", "poems"), "poems")


class AppRuns(FollowedRuns):
    """The runs of an app. `saved` has the epoch of each save, `ends` each run that has ended."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.saved: list[int] = []
        self.ends: list[FollowedRun] = []
        self.on_saved = lambda run, event: self.saved.append(event.epoch)
        self.on_end = self.ends.append


@pytest.fixture
async def runs(script: Script, library: Library) -> AsyncIterator[AppRuns]:
    """The runs of an app, whose own one ends with the test."""
    runs = AppRuns(library)
    yield runs
    if runs.own is not None:
        script.exit(name=runs.own.name)
        await over(runs.own)


@pytest.fixture
def held(script: Script) -> Iterator[ExitStack]:
    """The lock of `other`, held by this process as if it trained the model."""
    with ExitStack() as stack:
        stack.enter_context(trained_elsewhere(script))
        yield stack


# Its process


def test_a_training_is_started_apart_from_the_terminal(
    library: Library, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes to its log how it was started."""
    code = (
        "import json, os, sys\n"
        "own = os.name == 'nt' or os.getsid(0) == os.getpid()\n"
        f"print(json.dumps([own, os.environ[{OWNER_PID!r}], sys.argv[1:]]), file=sys.stderr)"
    )
    monkeypatch.setattr(paths, "headless_command", lambda: (sys.executable, "-c", code))
    assert start_training(REQUEST, library).wait(PATIENCE_S) == 0
    arguments = ["--train", "verses.txt", "--name", "poems", f"--data-dir={data_dir}"]
    log = (paths.log_dir() / "train-poems.log").read_text()
    assert json.loads(log) == [True, f"{os.getpid()}", [*arguments, "--json", "--quiet"]]


def test_the_program_itself_is_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "types.py").write_text("raise SystemExit('the wrong one')")
    version = subprocess.run(
        [*paths.headless_command(), "--version"], capture_output=True, encoding="utf-8", check=False
    )
    assert version.stdout.startswith("rnnlm-tui"), version.stderr
    monkeypatch.chdir(Path(paths.__file__).parents[1])
    assert paths.headless_command() == (sys.executable, "-m", "rnnlm_tui")


async def test_one_training_at_a_time(
    runs: AppRuns, script: Script, held: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="other is being trained by process") as refused:
        await runs.start(REQUEST)
    assert "on the Train screen" in refused.value.hint
    held.close()
    for argument in ("verses.txt", "\0"):
        with monkeypatch.context() as patch, pytest.raises(RnnlmError, match="could not start"):
            patch.setattr(paths, "headless_command", lambda: ("/no/python",))
            await runs.start(TrainArguments((argument,), "poems"))
    assert (runs.own, runs.shown) == (None, None)
    both = runs.start(REQUEST), runs.start(TrainArguments(("--name=second",), "second"))
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert runs.own is first is runs.shown is runs.own_running
    assert isinstance(second, UsageError) and second.message == "poems is training"


CORPUS = CorpusError("no such file: a.txt", "name another", field="sources")


@pytest.mark.parametrize(
    ("code", "said", "why", "hint"),
    [
        (3, CORPUS, "no such file", "name another"),  # the event has its field
        (3, "Traceback:\nValueError: x\n", "exit code 3 and no message", "ValueError: x"),
        (1, "", "exit code 1 and no message", "perhaps the disk is full: its log is empty, too"),
        (0, "", "exit code 0", ""),
        pytest.param(-9, "", "killed by signal 9, by hand or for lack", "", marks=POSIX),
    ],
)
async def test_a_process_that_ends_without_a_last_event(
    runs: AppRuns, script: Script, code: int, said: str | CorpusError, why: str, hint: str
) -> None:
    run = await runs.start(REQUEST)
    script.write(started(), ended(1))
    script.exit(code, said)
    await over(run)
    end = run.progress.failed
    assert end is not None and why in end.message and end.hint == hint
    assert len(run.progress.epochs) == 1 and runs.ends == [run] and runs.own_running is None
    run = await runs.start(REQUEST)
    script.exit(0, to_json_line(finished("stopped", None)))  # while it read its text
    await over(run)
    assert run.progress.finished and run.progress.phase.is_over


# What it has done before


async def test_a_run_that_resumes_shows_the_epochs_behind_it(runs: AppRuns, script: Script) -> None:
    script.write(started(), ended(1), ended(2), ended(3), finished("stopped", 3))
    run = await runs.start(TrainArguments.resuming("poems"))
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2, 3]
    assert run.progress.phase is Phase.STARTING
    script.write(started(epochs_done=2), ended(3, 7.0))
    await until(lambda: run.progress.epochs[-1].train.loss == 7.0)
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2, 3]


async def test_a_new_run_has_neither_the_events_of_an_older_one_nor_its_orders(
    runs: AppRuns, script: Script
) -> None:
    script.write(started(), ended(1), finished("stopped", 1))
    script.control().write_text("stop\n")
    run = await runs.start(REQUEST)
    assert (run.progress.epochs, run.progress.phase) == ([], Phase.STARTING)
    assert script.orders() == []
    new: list[Event] = [started(epochs=7), ended(1, 4.0), saved(1)]
    script.write(*new)
    await until(lambda: run.progress.saved)
    script.replace(*new)  # as a run drops those before it; it is read again
    with script.history().open("ab") as history:
        history.write(b"rubbish\n\xff\xfe\n" + b"[" * 100_000 + b"\n")
    script.write(ended(2), saved(2))
    await until(lambda: len(run.progress.epochs) == 2)
    assert (runs.saved, run.progress.epochs_total) == ([1, 2], 7)


# Runs of any process


async def test_a_run_of_another_process_is_followed_and_steered_to_its_end(
    runs: AppRuns, script: Script, held: ExitStack
) -> None:
    script.write(started(), progress(1), ended(1), saved(1), name="other")
    run = await runs.watch("other")
    assert (run.is_running, run.is_own, run.progress.phase) == (True, False, Phase.TRAINING)
    assert (run.progress.best_epoch, runs.saved) == (1, []), "what happened before is no news"
    run.order("pause")
    script.write(progress(2), ended(2), saved(2), Paused(9.0, "requested"), name="other")
    await until(lambda: run.progress.phase is Phase.PAUSED)
    assert not run.sample(" \n ")
    assert run.sample("a dog\nlay by 猫 " + "x" * 5000)
    run.detach()
    assert run.detached
    for _ in range(2):
        run.stop()
    script.write(ended(3), name="other")
    await until(lambda: run.progress.epochs_done == 3)
    assert run.progress.phase is Phase.STOPPING
    script.write(finished("stopped", 2), name="other")
    held.close()
    await over(run)
    assert (run.progress.phase, runs.ends, runs.saved) == (Phase.FINISHED, [run], [2])
    pause, sample, *rest = script.orders("other")
    assert (pause, rest) == ("pause", ["detach", "stop"])
    assert sample.startswith("sample a dog lay by 猫 xxx")
    assert len(sample) == len("sample ") + MAX_SEED_LINE
    assert not run.sample("the cat")


@pytest.mark.parametrize(("is_stopped", "is_removed"), [(False, True), (True, False), (True, True)])
async def test_a_run_that_releases_its_lock_without_a_last_event(
    runs: AppRuns, script: Script, held: ExitStack, is_stopped: bool, is_removed: bool
) -> None:
    """One that is stopped before it has learned anything removes its history."""
    script.write(started(), ended(1), name="other")
    run = await runs.watch("other")
    if is_stopped:
        run.stop()
    if is_removed:
        script.history("other").unlink()
    held.close()
    await over(run)
    if is_stopped and is_removed:
        assert run.progress.phase is Phase.FINISHED
    else:
        said = NOTHING_LEARNED if is_removed else NO_END
        assert run.progress.failed and run.progress.failed.message == said


async def test_runs_are_shown_in_turn(runs: AppRuns, script: Script) -> None:
    with pytest.raises(ModelError, match="No training named other is running"):
        await runs.watch("other")
    own = await runs.start(REQUEST)
    with trained_elsewhere(script, started()):
        other = await runs.watch("other")
        for name, run in (("poems", own), ("other", other)):
            assert await runs.watch(name) is run is runs.shown and runs.own is own
        runs.show_running()
        assert runs.shown is own
        await own.close(detach=True)
        assert script.orders()[-2:] == ["resume", "detach"] and script.orders("other") == []
        assert own.is_running and other.progress.phase is Phase.TRAINING


# The end of the app


async def test_a_run_that_is_over_follows_its_model_and_one_that_is_on_does_not(
    runs: AppRuns,
) -> None:
    run = await runs.start(REQUEST)
    for new in ("verses", None):
        runs.name_changed("poems", new)
    assert (run.name, runs.own) == ("poems", run)
    await run.close(detach=False)
    assert not run.is_running, "it has saved"
    assert run.progress.finished is not None and run.progress.finished.reason == "stopped"
    for name in ("others", "poems"):
        runs.name_changed(name, "verses")
    assert (run.name, runs.shown) == ("verses", run)
    runs.name_changed("verses", None)
    assert (runs.own, runs.shown) == (None, None)


async def test_orders_that_cannot_be_written_are_errors_but_a_training_of_the_app_is_stopped(
    runs: AppRuns, script: Script
) -> None:
    own = await runs.start(REQUEST)
    await until(script.arguments)
    with trained_elsewhere(script), script.no_orders(), script.no_orders("other"):
        other = await runs.watch("other")
        for order in (own.detach, other.stop, lambda: own.sample("the cat")):
            with pytest.raises(StorageError, match="cannot be given orders") as caught:
                order()
            assert caught.value.hint.endswith("control")
        with pytest.raises(StorageError, match="cannot be given orders"):
            await own.close(detach=True)
        assert own.is_running and not own.detached
        assert Phase.STOPPING not in (own.progress.phase, other.progress.phase)
        await own.close(detach=False)
        assert not own.is_running


@POSIX
async def test_a_process_that_hangs_does_not_block_the_end(
    runs: AppRuns, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "QUIT_PATIENCE_S", 0.1)
    run = await runs.start(REQUEST)
    await until(script.arguments)
    process = psutil.Process(script.pid())
    os.kill(process.pid, signal.SIGSTOP)
    await until(lambda: process.status() == psutil.STATUS_STOPPED)
    async with asyncio.timeout(PATIENCE_S):
        await run.close(detach=False)
    assert run.is_running, "a stopped process cannot even end"
    os.kill(process.pid, signal.SIGCONT)
    await over(run)
