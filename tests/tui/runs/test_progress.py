"""The progress of a run from its events: phases, shares, times and notes."""

from __future__ import annotations

import math
from itertools import accumulate

import msgspec
import pytest
from msgspec.structs import replace

from rnnlm_tui.config import make_config
from rnnlm_tui.events import (
    Event,
    Failed,
    Paused,
    Preparing,
    Resumed,
    Saved,
    UpdateFigures,
    Warned,
)
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import LogLine, Phase, RunProgress
from rnnlm_tui.tui.runs.wording import end_lines, kept_if_stopped, run_farewell
from tests.helpers.events import ended, finished, progress, saved, started


def after(*events: Event) -> RunProgress:
    """A run with these events."""
    run = RunProgress()
    for event in events:
        run.take(event)
    return run


def held_out(*losses: float) -> list[Event]:
    """The events of a run whose epochs had these held-out losses."""
    lows = accumulate(losses, min, initial=math.inf)
    epochs = enumerate(zip(losses, lows, strict=False), 1)
    return [started(), *(ended(n, held_out=loss, best=loss < low) for n, (loss, low) in epochs)]


def notes(run: RunProgress) -> list[str]:
    """The notes, without what the run has written."""
    return [line.text for line in run.log if not line.label.isdecimal()]


READING = Preparing(0.1, "reading text", 30, 120, None)
STOPPING = Resumed(2.0, "stop requested")


def test_the_phase_and_the_shares() -> None:
    for events, phase, step, share, elapsed, best in (
        ([], "starting", 0, 0, 0, None),
        ([READING], "starting", 0, 0, 0, None),
        ([started()], "training", 0, 0, 0, None),
        ([started(), progress(1, 2, elapsed=20)], "training", 2, 0.01, 20, None),
        # The last step was not reported.
        ([started(), progress(1, 2), ended(1)], "training", 4, 0.02, 1, 1),
        ([started(), ended(1), progress(2, 1)], "training", 1, 0.025, 1, 1),
        ([started(), progress(1), Paused(3.0, "requested")], "paused", 1, 0.005, 1, None),
        ([started(), Paused(3.0, "requested"), Resumed(4.0, "")], "training", 0, 0, 0, None),
        ([started(epochs_done=6)], "training", 0, 0.12, 0, None),
        ([*held_out(5, 4, 4.5), finished("completed", 2)], "finished", 0, 0.06, 88, 2),
        ([ended(1), Failed(40.0, "crash", "it was killed", "")], "failed", 0, 0, 1, 1),
        # It was ended and begun again.
        ([started(), finished("completed"), READING], "starting", 0, 0, 0, None),
        ([*held_out(5, 4), finished("completed"), started()], "training", 0, 0, 0, None),
        ([*held_out(5, 4), finished("stopped"), started(1)], "training", 0, 0.02, 1, 1),
    ):
        run = after(*events)
        assert (run.phase, run.step, run.elapsed_s, run.best_epoch) == (phase, step, elapsed, best)
        assert run.run_share == pytest.approx(share)
        is_read = bool(events) and isinstance(events[-1], Preparing)
        assert run.preparing == (events[-1] if is_read else None)


def test_what_a_stop_leaves_is_what_was_learned() -> None:
    for events, kept in (
        ([READING], "nothing of the training is kept: it has learned nothing yet"),
        ([started()], "there is no model yet, but you can resume"),
        ([replace(started(), config=make_config("ngram", []))], "nothing of the training is kept"),
        ([started(), saved(0)], "you can use the model as it is now, and resume"),
        (held_out(5, 4), "you can use the model as it is now, and resume"),
        (
            [*held_out(5, 4), Preparing(90.0, "measuring", 0, 1, None)],
            "you can use the model, which",
        ),
    ):
        assert kept_if_stopped(after(*events)).startswith(kept)


DISK_FULL = Failed(9.0, "storage", "could not save poems", "")
NOT_BETTER = replace(finished("completed", 1), update=UpdateFigures(False, 4.0, 5.0))


@pytest.mark.parametrize(
    ("events", "answer", "can_resume", "said"),
    [
        ([], "detach", True, "poems trains in the background"),
        ([], "stop", True, "poems is still being saved"),
        # The run ended while the user was asked, or did not end as it was told to.
        ([finished("stopped", 1)], "stop", True, "poems was stopped and saved. To resume it:"),
        ([finished("completed", 1)], "detach", False, "poems: trained before"),
        ([finished("stopped", None)], "stop", False, "poems: stopped before the first epoch"),
        ([NOT_BETTER], "stop", False, "poems: trained: the update does not predict"),
        ([saved(1), DISK_FULL], "stop", True, "poems: could not save poems; epoch 1 was saved"),
    ],
)
def test_the_last_words_about_a_run_are_true(
    events: list[Event], answer: str, can_resume: bool, said: str, library: Library
) -> None:
    run = FollowedRun(library, "poems")
    run.progress = after(started(), ended(1), *events)
    assert run_farewell(run, answer, can_resume=can_resume).startswith(said)


def test_a_run_that_cannot_be_resumed_keeps_its_saved_epochs() -> None:
    run = RunProgress()
    for epoch in (1, 2):
        run.add_epoch(ended(epoch))
    run.take(Failed(1.0, "corpus", "poems.txt is another text", ""))
    assert end_lines(run)[-1] == "epoch 2 was saved"


def test_a_resumed_run_has_its_earlier_epochs_and_a_new_one_has_none() -> None:
    run = RunProgress()
    for epoch in range(1, 9):
        run.add_epoch(ended(epoch))
    run.take(started(epochs_done=6))
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3, 4, 5, 6]
    assert (run.best_epoch, notes(run)[-1]) == (6, "resumed after epoch 6")
    run.take(saved(7))
    assert notes(run)[-1] == "resumed after epoch 6", "a save is no news"
    run.take(finished("completed"))
    run.take(started())
    assert (run.phase, run.epochs, run.log, run.finished) == (Phase.TRAINING, [], [], None)


def test_a_run_that_diverged_says_what_to_do() -> None:
    *_, last = end_lines(after(started(), ended(1), finished("diverged", 1)))
    assert last.startswith("Train again with a smaller learning rate")


def test_what_the_run_writes_stands_between_the_notes() -> None:
    run = after(started(), Warned(0.0, "few words"), ended(1), saved(1), ended(2))
    assert run.log == [
        LogLine("!", "few words"),
        LogLine("1", "sat 1"),
        LogLine("·", "epoch 1 is saved: you can write with it"),
        LogLine("2", "sat 2"),
    ]


PERFECT = "accuracy on its own lines says nothing about unseen ones: hold some lines out"
FLAT = "training loss has not fallen for 10 epochs: more will hardly help"
OVERFITS = "on unseen lines it got worse for 2 epochs: it learns its own by heart; epoch {} is kept"
UNSURE = "on its own lines it is as unsure as if it chose among {} words"
UNSEEN = "on unseen lines it is as unsure as if it chose among 148 words"


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (held_out(5, 4, 3, 2), []),
        (held_out(5, 4, 4.1), []),  # once may be chance
        (held_out(5, 4, 4.1, 4.2, 4.3), [OVERFITS.format(2)]),
        (held_out(5, 4, 4.1, 4.2, 3.9, 4.0, 4.1), [OVERFITS.format(2), OVERFITS.format(5)]),
        (held_out(4, 4.2, 4.1, 4.2, 4.1, 4.2, 4.1),
         ["on unseen lines it has not got better for 5 epochs; epoch 1 is kept"]),
        ([ended(1, accuracy=0.5), ended(2, accuracy=0.97), ended(3, accuracy=0.98)], [PERFECT]),
        ([ended(1, held_out=4.0, accuracy=0.97)], []),
        ([ended(n, 2 - n * 1e-4 + n % 3 * 1e-2) for n in range(1, 41)], []),
        ([ended(1, 2.0), *(ended(n, 2.1) for n in range(2, 14)), ended(14, 1.9),
          *(ended(n, 1.9) for n in range(15, 25))], [FLAT, FLAT]),
        ([ended(n, 2.0, held_out=4 - n / 100) for n in range(1, 20)], []),
        ([ended(n, perplexity=p) for n, p in enumerate((1063.2, 900, 531, 500, 6.04), 1)],
         [UNSURE.format(n) for n in ("1,063", "531", "6.0")]),
        ([ended(1, held_out=5, perplexity=148.4)], [UNSEEN]),
        ([started(is_mixed=True), ended(1, held_out=5, perplexity=148.4)],
         [f"{UNSEEN}, not yet mixed with the rest"]),
        ([saved(1), saved(2)], ["epoch 1 is saved: you can write with it"]),
        (
            [msgspec.structs.replace(started(), is_update=True), saved(1)],
            ["epoch 1 is saved: it replaces the model at the end, if it is better"],
        ),
        ([Saved(0.0, 0, "models/poems", True), saved(1)],
         ["the n-grams are saved: you can write with them"]),
        ([Paused(1.0, "requested"), Resumed(2.0, "requested"),
          Paused(3.0, "the battery\x1b is low"), STOPPING, Warned(4.0, "half the learning rate")],
         ["paused", "resumed", "paused: the battery\ufffd is low", "half the learning rate"]),
    ],
)  # fmt: skip
def test_events_are_explained_in_plain_words(events: list[Event], told: list[str]) -> None:
    assert notes(after(*events)) == told
