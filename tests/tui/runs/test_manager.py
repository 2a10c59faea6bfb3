"""The app's own run, what else trains on this machine, and what becomes of them at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.events import Saved
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.runs.manager import Runs, ShownRun
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.watcher import WatchedRun
from tests.helpers.runs import PATIENCE_S, over, until
from tests.tui.scripted_child import command

UNTIL_TOLD = ("--record", "--delay", "60")
"""A scripted run that does not end by itself."""


def request(name: str = "poems") -> TrainingRequest:
    return TrainingRequest(("verses.txt", "--name", name), name)


def shown(runs: Runs) -> ShownRun | None:
    return runs.shown


@pytest.fixture
def library(data_dir: Path) -> Library:
    return Library(data_dir)


class Made:
    """Makes `Runs`, and ends their children after the test."""

    def __init__(self, library: Library, logs: Path) -> None:
        self._library, self._logs = library, logs
        self.all: list[Runs] = []

    def __call__(self, *options: str) -> Runs:
        runs = Runs(self._library, command=command(*options), log_folder=self._logs)
        self.all.append(runs)
        return runs


@pytest.fixture
async def make(library: Library, tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(library, tmp_path / "logs")
    yield made
    for runs in made.all:
        if isinstance(runs.shown, WatchedRun):
            await runs.shown.leave()
        if runs.own is not None and runs.own.is_running:
            assert runs.own.pid is not None
            os.kill(runs.own.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
            await over(runs.own)


@pytest.fixture
def other(library: Library, data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of another process, `other`."""
    arguments = ("--train", "--name", "other", f"--data-dir={data_dir}", "--json")
    with subprocess.Popen(
        [*command(*UNTIL_TOLD), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            assert b"started" in child.stdout.readline()
            yield child
        finally:
            with suppress(ProcessLookupError):
                child.kill()


async def test_a_run_is_shown_and_its_saves_and_end_are_told(make: Made) -> None:
    runs = make()
    told: list[tuple[ShownRun, Saved]] = []
    ends: list[ShownRun] = []
    runs.on_saved = lambda run, event: told.append((run, event))
    runs.on_end = ends.append
    assert (runs.own, runs.shown, runs.is_training) == (None, None, False)
    run = await runs.start(request())
    assert (runs.own, runs.shown, runs.is_training) == (run, run, True)
    await over(run)
    assert [event.epoch for _, event in told] == [1, 2, 3]
    assert {each for each, _ in told} == {run}
    assert ends == [run]
    assert not runs.is_training
    assert runs.own is run
    assert await runs.start(request("again")) is not run


async def test_only_one_run_at_a_time(make: Made) -> None:
    runs = make("--at", "1.1", "wait")
    first, second = await asyncio.gather(
        runs.start(request()), runs.start(request("second")), return_exceptions=True
    )
    assert runs.own is first
    assert isinstance(second, UsageError)
    assert "poems" in second.message


async def test_a_run_that_cannot_start_has_failed_and_is_told(
    library: Library, tmp_path: Path
) -> None:
    runs = Runs(library, command=(str(tmp_path / "nothing"),), log_folder=tmp_path)
    ends: list[ShownRun] = []
    runs.on_end = ends.append
    run = await runs.start(request())
    assert run.progress.phase is Phase.FAILED
    assert ends == [run]
    assert not runs.is_training


async def test_runs_elsewhere_are_listed_watched_and_stopped(
    make: Made, library: Library, other: subprocess.Popen[bytes]
) -> None:
    runs = make(*UNTIL_TOLD)
    own = await runs.start(request())
    await until(lambda: len([run for run in library.runs() if run.running]) == 2)
    (found,) = await runs.elsewhere()
    assert (found.name, found.pid, found.on_this_host) == ("other", other.pid, True)
    ends: list[ShownRun] = []
    runs.on_end = ends.append
    watched = await runs.watch("other")
    assert shown(runs) is watched
    assert runs.own is own
    assert watched.progress.phase is Phase.TRAINING
    runs.show_own()
    assert shown(runs) is own
    await watched.wait()
    assert not watched.is_running, "what is not shown is not watched"
    watched = await runs.watch("other")
    if "stop" in watched.controls:
        await watched.stop()
        await until(lambda: ends)
        assert ends == [watched]
        assert await runs.elsewhere() == []


async def test_a_run_that_starts_takes_the_place_of_one_that_is_watched(
    make: Made, other: subprocess.Popen[bytes]
) -> None:
    runs = make()
    watched = await runs.watch("other")
    run = await runs.start(request())
    assert runs.shown is run
    assert not watched.is_running
    assert other.poll() is None
    await over(run)


async def test_what_does_not_train_cannot_be_watched(make: Made) -> None:
    runs = make(*UNTIL_TOLD)
    with pytest.raises(ModelError, match="nothing trains other now"):
        await runs.watch("other")
    await runs.start(request())
    with pytest.raises(ModelError):
        await runs.watch("poems")


async def test_what_is_over_follows_its_model_and_what_is_on_does_not(make: Made) -> None:
    runs = make("--at", "1.1", "wait")
    runs.renamed("poems", "verses")
    run = await runs.start(request())
    runs.renamed("poems", "verses")
    runs.deleted("poems")
    assert (run.name, run.is_deleted) == ("poems", False)
    await until(lambda: run.progress.started)
    await run.stop()
    await over(run)
    runs.renamed("others", "verses")
    runs.deleted("others")
    assert (run.name, run.is_deleted) == ("poems", False)
    runs.renamed("poems", "verses")
    assert run.name == "verses"
    runs.deleted("poems")
    assert not run.is_deleted
    runs.deleted("verses")
    assert run.is_deleted


async def closed(runs: Runs, *, detach: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await runs.close(detach)


async def test_closing_stops_the_own_run_and_waits_until_it_has_saved(make: Made) -> None:
    runs = make(*UNTIL_TOLD)
    run = await runs.start(request())
    await closed(runs, detach=False)
    assert not run.is_running
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"


async def test_closing_lets_a_run_go_that_is_to_go_on(make: Made) -> None:
    runs = make(*UNTIL_TOLD)
    run = await runs.start(request())
    await until(lambda: run.progress.started)
    await closed(runs, detach=True)
    assert run.is_running
    assert run.detached
    (found,) = await make().elsewhere()
    assert found.pid == run.pid


async def test_closing_can_stop_a_run_that_was_detached(make: Made) -> None:
    runs = make(*UNTIL_TOLD)
    run = await runs.start(request())
    await run.detach()
    await closed(runs, detach=False)
    assert not run.is_running
    assert run.progress.phase is Phase.FINISHED


async def test_closing_leaves_a_watched_run_alone(
    make: Made, other: subprocess.Popen[bytes]
) -> None:
    runs = make()
    watched = await runs.watch("other")
    await closed(runs, detach=False)
    assert not watched.is_running
    assert other.poll() is None
    await closed(make(), detach=False)
