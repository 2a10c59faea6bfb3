"""The app's own run, the run that is shown, and what happens to them at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import ModelError, RnnlmError, UsageError
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.progress import Phase
from tests.helpers.events import ended, saved, started
from tests.helpers.runs import Script, over, trained_elsewhere, until


def request(name: str = "poems") -> TrainArguments:
    return TrainArguments(("verses.txt", "--name", name), name)


@pytest.fixture
async def runs(script: Script, data_dir: Path) -> AsyncIterator[Runs]:
    """The runs of an app. They have ended after the test."""
    runs = Runs(Library(data_dir))
    yield runs
    if runs.own is not None:
        script.exit(name=runs.own.name)
        await over(runs.own)


async def test_a_run_is_shown_and_its_saves_and_end_are_reported(
    runs: Runs, script: Script
) -> None:
    told: list[tuple[FollowedRun, int]] = []
    ends: list[FollowedRun] = []
    runs.on_saved = lambda run, event: told.append((run, event.epoch))
    runs.on_end = ends.append
    run = await runs.start(request())
    assert (runs.own, runs.shown, runs.training) == (run, run, run)
    script.write(started(), ended(1), saved(1))
    await until(lambda: told == [(run, 1)])
    script.exit(3)
    await over(run)
    assert (ends, runs.training, runs.own) == ([run], None, run)
    assert await runs.start(request("again")) is not run


async def test_only_one_run_at_a_time(runs: Runs) -> None:
    both = runs.start(request()), runs.start(request("second"))
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert runs.own is first
    assert isinstance(second, UsageError) and second.message == "poems is training"


async def test_a_run_that_cannot_be_started_leaves_none(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "headless_command", lambda: ("/no/python",))
    with pytest.raises(RnnlmError, match="could not start"):
        await runs.start(request())
    assert (runs.own, runs.shown) == (None, None)


async def test_a_run_of_another_process_is_shown_in_the_place_of_the_own(
    runs: Runs, script: Script
) -> None:
    own = await runs.start(request())
    with trained_elsewhere(script, started()):
        for name, shown in (("other", "other"), ("poems", "poems"), ("other", "other")):
            watched = await runs.watch(name)
            assert (runs.shown, watched.name, runs.own) == (watched, shown, own)
        assert watched.progress.phase is Phase.TRAINING
        runs.show_own()
        assert runs.shown is own
        assert not watched.is_running, "what is not shown is not followed"


async def test_only_a_running_training_can_be_watched(runs: Runs) -> None:
    with pytest.raises(ModelError, match="No training named other is running"):
        await runs.watch("other")


async def test_a_run_that_is_over_follows_its_model_and_one_that_is_on_does_not(
    runs: Runs, script: Script
) -> None:
    run = await runs.start(request())
    for new in ("verses", None):
        runs.name_changed("poems", new)
    assert (run.name, runs.own) == ("poems", run)
    await run.stop()
    await over(run)
    for name in ("others", "poems"):
        runs.name_changed(name, "verses")
    assert (run.name, runs.shown) == ("verses", run)
    runs.name_changed("verses", None)
    assert (runs.own, runs.shown) == (None, None)


@pytest.mark.parametrize("detached", [False, True])
async def test_closing_stops_the_own_run_and_waits_until_it_has_saved(
    runs: Runs, detached: bool
) -> None:
    run = await runs.start(request())
    if detached:
        run.detach()
    await runs.close(detach=False)
    assert not run.is_running
    assert run.progress.finished is not None
    assert run.progress.finished.reason == "stopped"


async def test_closing_can_let_the_own_run_go_on_and_leaves_a_watched_one_alone(
    runs: Runs, script: Script
) -> None:
    run = await runs.start(request())
    with trained_elsewhere(script, started()):
        watched = await runs.watch("other")
        await runs.close(detach=True)
        await until(lambda: script.orders() == ["resume", "detach", "end of input"])
        assert run.is_running and not watched.is_running
        assert watched.progress.phase is Phase.TRAINING
