"""Following a training through its history: one of the app's own, and one of another process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.errors import CorpusError, RnnlmError, StorageError
from rnnlm_tui.event_types import Event, Paused, Resumed
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs import follower
from rnnlm_tui.tui.runs.child import MAX_SEED_LINE, ChildProcess, TrainArguments
from rnnlm_tui.tui.runs.follower import EVENTS_AT_ONCE, GONE, FollowedRun
from rnnlm_tui.tui.runs.state import Phase
from tests.helpers.commands import POSIX
from tests.helpers.events import ended, finished, progress, saved, started
from tests.helpers.runs import PATIENCE_S, Script, lines_of, over, trained_elsewhere, until

REQUEST = TrainArguments(("verses.txt", "--name=poems"), "poems")

Start = Callable[..., Awaitable[FollowedRun]]


def phase(run: FollowedRun) -> Phase:
    return run.progress.phase


class Heard:
    """What a run reports: the epochs saved, and whether it still ran when it reported its end."""

    def __init__(self, run: FollowedRun) -> None:
        self.saved: list[int] = []
        self.ends: list[bool] = []
        run.on_saved = lambda run, event: self.saved.append(event.epoch)
        run.on_end = lambda run: self.ends.append(run.is_running)


@pytest.fixture
async def start(script: Script, library: Library) -> AsyncIterator[Start]:
    """Starts runs of the app's own, and waits until they take orders."""
    runs: list[FollowedRun] = []

    async def begin(request: TrainArguments = REQUEST) -> FollowedRun:
        run = FollowedRun(library, request.name, ChildProcess(request, library))
        runs.append(run)
        await run.start()
        await until(lambda: script.arguments(request.name))
        return run

    yield begin
    for run in runs:
        script.exit(name=run.name)
        await over(run)


@pytest.fixture
def held(script: Script) -> ExitStack:
    """The lock of `poems`, held by this process as if it trained the model."""
    stack = ExitStack()
    stack.enter_context(trained_elsewhere(script, name="poems"))
    return stack


@pytest.fixture
async def watched(library: Library, held: ExitStack) -> AsyncIterator[FollowedRun]:
    """The run of another process, not followed yet."""
    run = FollowedRun(library, "poems")
    yield run
    run.unfollow()
    held.close()


# A run of the app's own


async def test_a_run_from_its_start_to_its_end(start: Start, script: Script) -> None:
    run = await start()
    heard = Heard(run)
    assert (run.is_running, phase(run)) == (True, Phase.STARTING)
    script.write(started(), progress(1), ended(1, held_out=5.0), saved(1))
    await until(lambda: heard.saved)
    script.write(ended(2, held_out=4.0), saved(2), finished("completed", 2))
    script.exit()
    await over(run)
    assert (phase(run), run.progress.best_epoch) == (Phase.FINISHED, 2)
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2]
    assert (heard.saved[0], heard.saved[-1], heard.ends) == (1, 2, [False])


async def test_orders_reach_the_process_and_the_seed_line_is_not_an_argument(
    start: Start, script: Script
) -> None:
    run = await start(TrainArguments(REQUEST.arguments, "poems", "my own line"))
    assert not any("my own" in argument for argument in script.arguments())
    assert run.order("pause")
    script.write(started(), progress(1), Paused(1.0, "requested"))
    await until(lambda: phase(run) is Phase.PAUSED)
    assert run.order("resume")
    script.write(Resumed(2.0, "requested"))
    await until(lambda: phase(run) is Phase.TRAINING)
    assert not run.sample(" \n ")
    assert run.sample("a dog\nlay by 猫 " + "x" * 5000)
    assert (run.detach(), run.detached) == (True, True)
    await run.stop()
    await run.stop()
    assert phase(run) is Phase.STOPPING
    await over(run)
    *orders, sample, detach, stop = script.orders()
    assert orders == ["sample my own line", "pause", "resume"]
    assert sample.startswith("sample a dog lay by 猫 xxx")
    assert len(sample) == len("sample ") + MAX_SEED_LINE
    assert (detach, stop) == ("detach", "stop")
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"


async def test_a_stop_during_the_start_is_kept_for_the_process(
    library: Library, script: Script
) -> None:
    run = FollowedRun(library, "poems", ChildProcess(REQUEST, library))
    assert not run.sample("too soon")
    starting = asyncio.create_task(run.start())
    await asyncio.sleep(0)
    await run.stop()
    await starting
    await over(run)
    assert script.orders() == ["stop"]
    assert phase(run) is Phase.FINISHED


async def test_a_run_that_is_stopped_before_it_has_learned_anything(
    start: Start, script: Script
) -> None:
    """Its history is removed with its folder."""
    script.at_stop()
    run = await start()
    await run.stop()
    await over(run)
    assert run.progress.finished is not None
    assert (run.progress.finished.reason, run.progress.finished.metrics) == ("stopped", None)


async def test_orders_do_nothing_after_the_end(start: Start, script: Script) -> None:
    run = await start()
    script.write(started(), finished("completed"))
    script.exit()
    await over(run)
    assert not (run.order("pause") or run.order("resume") or run.detach() or run.sample("the cat"))
    await run.stop()
    await run.close(detach=True)
    await run.close(detach=False)
    assert (phase(run), run.detached) == (Phase.FINISHED, False)


@pytest.mark.parametrize(
    ("code", "said", "end", "why"),
    [
        (3, CorpusError("no such file: a.txt", "name another"), Phase.FAILED, "no such file"),
        (3, "rnnlm-tui: an old flag\nTraceback:\nValueError: x\n", Phase.CRASHED, "exit code 3"),
        (0, "", Phase.CRASHED, "exit code 0"),
        pytest.param(-9, "", Phase.CRASHED, "SIGKILL", marks=POSIX),
    ],
)
async def test_a_process_that_ends_without_a_last_event(
    start: Start, script: Script, code: int, said: str | RnnlmError, end: Phase, why: str
) -> None:
    run = await start()
    script.write(started(), ended(1))
    script.exit(code, said)
    await over(run)
    assert phase(run) is end
    failed = run.progress.failed
    assert why in (failed.message if failed is not None else run.progress.crash_reason)
    assert failed is None or failed.hint == "name another"
    assert run.log_tail() == (said.splitlines() if isinstance(said, str) else [])
    assert len(run.progress.epochs) == 1


async def test_a_run_that_resumes_shows_the_epochs_behind_it(start: Start, script: Script) -> None:
    script.write(started(), ended(1), ended(2), ended(3), finished("stopped", 3))
    run = await start(TrainArguments.resuming("poems"))
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2, 3]
    assert phase(run) is Phase.STARTING
    script.write(started(epochs_done=2), ended(3, 7.0))
    await until(lambda: run.progress.epochs[-1].train.loss == 7.0)
    assert [epoch.epoch for epoch in run.progress.epochs] == [1, 2, 3]


async def test_events_of_an_older_run_are_not_shown(start: Start, script: Script) -> None:
    script.write(started(), ended(1), finished("stopped", 1))
    run = await start()
    assert (run.progress.epochs, phase(run)) == ([], Phase.STARTING)
    new: list[Event] = [started(epochs=7), ended(1, 4.0), saved(1)]
    script.write(*new)
    await until(lambda: run.progress.saved)
    await run.stop()
    script.replace(*new)  # as a run drops those before it; it is read again, and still stops
    script.write(ended(2))
    await until(lambda: len(run.progress.epochs) == 2)
    assert run.progress.epochs_total == 7
    await over(run)


@POSIX
async def test_a_process_that_hangs_gets_sigterm_and_does_not_block_the_end(
    start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "QUIT_PATIENCE_S", 0.1)
    monkeypatch.setattr(follower, "SIGTERM_PATIENCE_S", 0.1)
    run = await start()
    os.kill(script.pid(), signal.SIGSTOP)
    process = psutil.Process(script.pid())
    await until(lambda: process.status() == psutil.STATUS_STOPPED)
    async with asyncio.timeout(PATIENCE_S):
        await run.close(detach=False)
    assert run.is_running, "a stopped process cannot even end"
    os.kill(script.pid(), signal.SIGCONT)
    await over(run)


# A run of another process


async def test_a_run_is_followed_from_what_it_has_done_to_its_end(
    script: Script, watched: FollowedRun, held: ExitStack
) -> None:
    heard = Heard(watched)
    script.write(started(), progress(1), ended(1), saved(1))
    await watched.start()
    assert (watched.is_running, phase(watched)) == (True, Phase.TRAINING)
    assert (watched.progress.best_epoch, heard.saved) == (1, []), "what happened before is no news"
    script.write(progress(2), ended(2), saved(2), Paused(9.0, "requested"))
    await until(lambda: phase(watched) is Phase.PAUSED)
    assert heard.saved == [2]
    script.write(finished("completed", 2))
    held.close()
    await over(watched)
    assert (phase(watched), heard.ends, heard.saved) == (Phase.FINISHED, [False], [2])


async def test_a_run_that_releases_its_lock_without_a_last_event_is_lost(
    script: Script, watched: FollowedRun, held: ExitStack
) -> None:
    script.write(started(), progress(1))
    await watched.start()
    held.close()
    await over(watched)
    assert (phase(watched), watched.progress.crash_reason) == (Phase.CRASHED, GONE)


async def test_a_run_that_cannot_be_followed_is_not_shown_as_one_that_trains(
    script: Script, watched: FollowedRun, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard(watched)
    script.write(started(), progress(1))
    await watched.start()

    def fail(name: str) -> None:
        raise StorageError("the disk is gone")

    monkeypatch.setattr(library, "trainer", fail)
    await until(lambda: heard.ends)
    assert phase(watched) is Phase.CRASHED
    assert "may still be running: the disk is gone" in watched.progress.crash_reason


async def test_a_long_history_leaves_the_screen_its_turn(
    script: Script, watched: FollowedRun
) -> None:
    script.write(started(), *map(ended, range(1, 1001)))
    seen: set[int] = set()

    async def look() -> None:
        while True:
            seen.add(len(watched.progress.epochs))
            await asyncio.sleep(0)

    looker = asyncio.create_task(look())
    await watched.start()
    looker.cancel()
    assert len(watched.progress.epochs) == 1000
    assert max(b - a for a, b in pairwise(sorted(seen))) <= EVENTS_AT_ONCE


async def test_a_history_that_is_cut_is_read_again_and_nothing_is_reported_twice(
    script: Script, watched: FollowedRun
) -> None:
    heard = Heard(watched)
    new: list[Event] = [started(epochs=7), ended(1, 4.0), saved(1)]
    script.write(started(), ended(1), ended(2), saved(2), finished("completed", 3), *new)
    await watched.start()
    script.replace(*new)
    script.write(ended(2), saved(2))
    await until(lambda: heard.saved)
    assert heard.saved == [2]
    assert [epoch.epoch for epoch in watched.progress.epochs] == [1, 2]
    assert (watched.progress.epochs_total, phase(watched)) == (7, Phase.TRAINING)


async def test_times_are_right_if_the_following_begins_later(
    script: Script, watched: FollowedRun
) -> None:
    script.write(started(), progress(1, elapsed=20, eta=80))
    written = time.time() - 10
    os.utime(script.history(), (written, written))
    await watched.start()
    now = time.monotonic()
    assert watched.progress.eta_s(now) == pytest.approx(70, abs=2)
    assert watched.progress.elapsed_s(now) == pytest.approx(30, abs=2)


async def test_a_run_that_is_not_followed_reports_nothing_and_takes_no_orders(
    script: Script, watched: FollowedRun
) -> None:
    heard = Heard(watched)
    script.write(started())
    await watched.start()
    assert not (watched.order("pause") or watched.order("resume") or watched.sample("the cat"))
    watched.unfollow()
    script.write(ended(1), saved(1))
    await asyncio.sleep(0)
    assert (watched.is_running, heard.saved, heard.ends) == (False, [], [])
    assert (watched.log_tail(), watched.is_own) == ([], False)


STOPPABLE = """
import signal, sys
from pathlib import Path
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # before numpy starts its threads
from rnnlm_tui.store.library import Library

data, last_words = Path(sys.argv[1]), sys.argv[2]
with Library(data).lock("poems"):
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    (data / "runs" / "poems" / "history.jsonl").open("a").write(last_words)
    sys.stdin.read()
    sys.exit(len(signal.sigpending()))  # a second signal
"""
"""A training that only handles the signal that stops it."""


@POSIX
async def test_a_run_of_another_process_is_asked_once_to_stop(
    library: Library, script: Script, data_dir: Path
) -> None:
    script.write(started(), progress(1))
    arguments = [sys.executable, "-c", STOPPABLE, str(data_dir), lines_of(finished("stopped"))]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        run = FollowedRun(library, "poems")
        await run.start()
        await run.stop()
        assert phase(run) is Phase.STOPPING
        await until(lambda: run.progress.finished)
        await run.stop()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        await over(run)
