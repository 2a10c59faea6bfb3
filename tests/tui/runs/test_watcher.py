"""Watching a run of another process: its history file, and the lock that it holds."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.events import Event, Paused, Saved, to_json_line
from rnnlm_tui.store.files import HISTORY
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.history import past_epochs
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.watcher import EVENTS_AT_ONCE, GONE, UNREADABLE, WatchedRun
from tests.helpers.events import ended, finished, progress, started
from tests.helpers.runs import PATIENCE_S, over, until
from tests.tui.runs.test_child import POSIX
from tests.tui.scripted_child import command

NAME = "poems"


class Elsewhere:
    """A run of somebody else: holds the lock, and writes what a test says."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.path = library.path(NAME) / HISTORY
        self._held = ExitStack()

    def hold(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(self.library.lock(NAME))

    def let_go(self) -> None:
        self._held.close()

    def write(self, *events: Event) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(to_json_line(event) + "\n" for event in events)

    def replace(self, *events: Event) -> None:
        """As a training drops the runs before it."""
        new = self.path.with_name("new")
        new.write_text("".join(to_json_line(event) + "\n" for event in events))
        new.replace(self.path)


def saved(epoch: int) -> Saved:
    return Saved(float(epoch), epoch, "models/poems", True)


def phase(run: WatchedRun) -> Phase:
    return run.progress.phase


@pytest.fixture
def library(data_dir: Path) -> Library:
    return Library(data_dir)


@pytest.fixture
def elsewhere(library: Library) -> Iterator[Elsewhere]:
    run = Elsewhere(library)
    run.hold()
    yield run
    run.let_go()


@pytest.fixture
async def watched(library: Library, elsewhere: Elsewhere) -> AsyncIterator[WatchedRun]:
    """A watcher that has not begun yet, and watches no longer when the test ends."""
    run = WatchedRun(library, NAME)
    yield run
    await run.leave()


async def test_a_run_is_followed_from_what_it_has_done_to_its_end(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    told: list[int] = []
    ends: list[bool] = []
    watched.on_saved = lambda event: told.append(event.epoch)
    watched.on_end = lambda: ends.append(watched.is_running)
    elsewhere.write(started(), progress(1), progress(1, 2), progress(1, 3), ended(1), saved(1))
    await watched.start()
    assert watched.is_running
    assert phase(watched) is Phase.TRAINING
    assert watched.progress.best_epoch == 1
    assert told == [], "what happened before is no news"
    elsewhere.write(progress(2), ended(2), saved(2))
    await until(lambda: watched.progress.best_epoch == 2)
    assert told == [2]
    elsewhere.write(Paused(9.0, "asked to"))
    await until(lambda: phase(watched) is Phase.PAUSED)
    elsewhere.write(finished("completed", 2))
    elsewhere.let_go()
    await over(watched)
    assert phase(watched) is Phase.FINISHED
    await until(lambda: ends)
    assert ends == [False]
    assert told == [2]


async def test_a_run_that_lets_go_without_a_word_is_lost(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    elsewhere.write(started(), progress(1))
    await watched.start()
    elsewhere.let_go()
    await over(watched)
    assert phase(watched) is Phase.LOST
    assert watched.progress.lost_reason == GONE


async def test_a_run_that_cannot_be_followed_is_not_shown_as_one_that_trains(
    elsewhere: Elsewhere, watched: WatchedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[bool] = []
    watched.on_end = lambda: ends.append(watched.is_running)
    elsewhere.write(started(), progress(1))
    await watched.start()
    assert phase(watched) is Phase.TRAINING

    def fail(name: str) -> None:
        raise StorageError("the disk is gone")

    monkeypatch.setattr(elsewhere.library, "holder", fail)
    await over(watched)
    await until(lambda: ends)
    assert ends == [False]
    assert phase(watched) is Phase.LOST
    assert watched.progress.lost_reason == UNREADABLE
    assert watched._follower is not None
    assert isinstance(watched._follower.exception(), StorageError)


async def test_a_long_history_is_taken_in_pieces(elsewhere: Elsewhere, watched: WatchedRun) -> None:
    epochs = [ended(epoch) for epoch in range(1, 1001)]
    elsewhere.write(started(), *epochs)
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


async def test_a_run_that_has_written_nothing_yet_is_starting(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    await watched.start()
    assert phase(watched) is Phase.STARTING
    elsewhere.write(started())
    await until(lambda: phase(watched) is Phase.TRAINING)


async def test_a_history_that_is_cut_is_read_anew_and_nothing_is_told_twice(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    told: list[int] = []
    watched.on_saved = lambda event: told.append(event.epoch)
    old: list[Event] = [started(), ended(1), ended(2), ended(3), saved(3), finished("completed", 3)]
    new: list[Event] = [started(epochs=7), ended(1, 4.0), saved(1)]
    elsewhere.write(*old, *new)
    await watched.start()
    elsewhere.replace(*new)
    elsewhere.write(ended(2), saved(2))
    await until(lambda: told)
    assert told == [2]
    assert [epoch.epoch for epoch in watched.progress.epochs] == [1, 2]
    assert watched.progress.epochs_total == 7
    assert phase(watched) is Phase.TRAINING


async def test_half_a_line_waits_for_its_other_half_and_rubbish_is_dropped(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    line = to_json_line(started()).encode() + b"\n"
    elsewhere.path.write_bytes(b"rubbish\n\xff\xfe\n" + line[:50])
    await watched.start()
    assert phase(watched) is Phase.STARTING
    with elsewhere.path.open("ab") as file:
        file.write(line[50:])
    await until(lambda: phase(watched) is Phase.TRAINING)


async def test_times_are_right_for_whoever_comes_later(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    elsewhere.write(started(), progress(1, elapsed=20, eta=80))
    written = time.time() - 10
    os.utime(elsewhere.path, (written, written))
    await watched.start()
    now = time.monotonic()
    assert watched.progress.eta_s(now) == pytest.approx(70, abs=2)
    assert watched.progress.elapsed_s(now) == pytest.approx(30, abs=2)


async def test_who_watches_no_longer_hears_nothing(
    elsewhere: Elsewhere, watched: WatchedRun
) -> None:
    ends: list[bool] = []
    watched.on_end = lambda: ends.append(True)
    elsewhere.write(started())
    await watched.start()
    async with asyncio.timeout(PATIENCE_S):
        await watched.leave()
        await watched.wait()
    assert not watched.is_running
    assert ends == []
    assert phase(watched) is Phase.TRAINING


async def test_a_watcher_controls_nothing_but_stop(library: Library, watched: WatchedRun) -> None:
    assert watched.controls == {"stop"}
    assert WatchedRun(library, NAME, can_stop=False).controls == set()
    assert not watched.owned
    assert (watched.log_path, watched.log_tail()) == (None, [])
    for control in (watched.pause, watched.resume, watched.detach):
        await control()
    await watched.sample("the cat")
    assert phase(watched) is Phase.STARTING


@POSIX
async def test_a_run_is_asked_only_once_to_stop(library: Library, data_dir: Path) -> None:
    """The scripted run waits before it ends, so that a second signal would find it."""
    arguments = ("--train", "--name", NAME, f"--data-dir={data_dir}", "--json")
    script = command("--record", "--delay", "60")
    with subprocess.Popen(
        [*script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        try:
            await until((library.path(NAME) / HISTORY).exists)
            run = WatchedRun(library, NAME)
            await run.start()
            await run.stop()
            await run.stop()
            assert phase(run) is Phase.STOPPING
            await over(run)
            assert run.progress.finished is not None
            assert run.progress.finished.reason == "stopped"
            assert child.wait(PATIENCE_S) == 130
        finally:
            child.kill()


def test_the_epochs_that_a_run_has_behind_it(elsewhere: Elsewhere) -> None:
    folder = elsewhere.path.parent
    assert past_epochs(folder) == []
    first = [ended(epoch, perplexity=9.0) for epoch in (1, 2, 3, 4)]
    elsewhere.write(started(), *first, finished("stopped", 4))
    assert past_epochs(folder) == first
    # Killed before epoch 4 was saved, so that it was trained again.
    again = msgspec.structs.replace(first[3], elapsed_s=40.0)
    elsewhere.write(started(epochs_done=3), again)
    assert past_epochs(folder) == [*first[:3], again]
    elsewhere.write(first[2])
    assert past_epochs(folder) == first[:3]
    elsewhere.write(started())
    assert past_epochs(folder) == []
