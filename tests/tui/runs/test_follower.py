"""Following a training through its history: one of the app's own, and one of another process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.event_types import Event, Failed, Paused, Resumed, Saved
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs import follower
from rnnlm_tui.tui.runs.child import MAX_SEED_LINE, TrainArguments
from rnnlm_tui.tui.runs.follower import GONE, PIECE_BYTES, FollowedRun, HistoryReader
from rnnlm_tui.tui.runs.progress import Phase
from tests.helpers.commands import POSIX
from tests.helpers.events import ended, finished, progress, saved, started
from tests.helpers.runs import PATIENCE_S, Script, lines_of, over, trained_elsewhere, until

REQUEST = TrainArguments(("verses.txt", "--name=poems"), "poems", "my own line")

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
        run = FollowedRun(library, request.name)
        runs.append(run)
        await run.start(request)
        await until(lambda: script.arguments(request.name))
        return run

    yield begin
    for run in runs:
        script.exit(name=run.name)
        await over(run)


@pytest.fixture
def held(script: Script) -> Iterator[ExitStack]:
    """The lock of `poems`, held by this process as if it trained the model."""
    with ExitStack() as stack:
        stack.enter_context(trained_elsewhere(script, name="poems"))
        yield stack


@pytest.fixture
async def watched(library: Library, held: ExitStack) -> AsyncIterator[FollowedRun]:
    """The run of another process, not followed yet."""
    run = FollowedRun(library, "poems", "process 7")
    yield run
    run.unfollow()


# The history


EVENTS: list[Event] = [
    started(),
    progress(1),
    ended(1, held_out=4.0, perplexity=54.6),
    Saved(1.0, 1, "models/poems", True),
    Paused(1.0, "requested"),
    finished("stopped", None),
    Failed(1.0, "corpus", "no such file", ""),
]


@pytest.mark.parametrize("size", [7, 100, 10_000])
def test_events_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    whole = lines_of(*EVENTS).encode()
    reader, events = HistoryReader(tmp_path), list[Event]()
    assert reader.read() == [], "there is no file yet"
    for place in range(0, len(whole), size):
        with (tmp_path / "history.jsonl").open("ab") as file:
            file.write(whole[place : place + size])
        events += reader.read()
    assert events == EVENTS


def test_lines_that_hold_no_event_are_skipped(tmp_path: Path) -> None:
    good, long = lines_of(progress(1)).encode(), b"x" * (3 * PIECE_BYTES)
    rubbish = b"rubbish\n\xff\xfe\n" + b"[" * 100_000 + b"\n" + good + long + b"\r\n\nmore\n" + good
    (tmp_path / "history.jsonl").write_bytes(rubbish)
    assert HistoryReader(tmp_path).read_all() == [progress(1)] * 2


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


async def test_orders_reach_the_process_until_its_end(start: Start, script: Script) -> None:
    run = await start()
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
    assert not (run.order("pause") or run.sample("the cat"))
    await run.stop()
    await run.close(detach=True)
    await run.close(detach=False)
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


@pytest.mark.parametrize(
    ("code", "said", "why", "hint"),
    [
        (3, CorpusError("no such file: a.txt", "name another"), "no such file", "name another"),
        (
            3,
            "Traceback:\nValueError: x\n",
            "ended with exit code 3 and no message",
            "ValueError: x",
        ),
        (0, "", "exit code 0", ""),
        pytest.param(-9, "", "killed by signal 9, by hand or for lack", "", marks=POSIX),
    ],
)
async def test_a_process_that_ends_without_a_last_event(
    start: Start, script: Script, code: int, said: str | RnnlmError, why: str, hint: str
) -> None:
    run = await start()
    script.write(started(), ended(1))
    script.exit(code, said)
    await over(run)
    failed = run.progress.failed
    assert failed is not None and why in failed.message and failed.hint == hint
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
async def test_a_process_that_hangs_does_not_block_the_end(
    start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "QUIT_PATIENCE_S", 0.1)
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
    await watched.watch()
    assert (watched.is_running, phase(watched)) == (True, Phase.TRAINING)
    assert (watched.progress.best_epoch, heard.saved) == (1, []), "what happened before is no news"
    assert not (watched.order("pause") or watched.sample("the cat") or watched.is_own)
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
    await watched.watch()
    held.close()
    await over(watched)
    assert watched.progress.failed is not None and watched.progress.failed.message == GONE


async def test_a_history_that_is_replaced_is_read_again_and_nothing_is_reported_twice(
    script: Script, watched: FollowedRun
) -> None:
    heard = Heard(watched)
    new: list[Event] = [started(epochs=7), ended(1, 4.0), saved(1)]
    script.write(started(), ended(1), ended(2), saved(2), finished("completed", 3), *new)
    await watched.watch()
    script.replace(*new)
    script.write(ended(2), saved(2))
    await until(lambda: heard.saved)
    assert heard.saved == [2]
    assert [epoch.epoch for epoch in watched.progress.epochs] == [1, 2]
    assert (watched.progress.epochs_total, phase(watched)) == (7, Phase.TRAINING)


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
        run = FollowedRun(library, "poems", "process 7")
        await run.watch()
        await run.stop()
        assert phase(run) is Phase.STOPPING
        await until(lambda: run.progress.finished)
        await run.stop()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        await over(run)
