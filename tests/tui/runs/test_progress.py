"""The progress of a run from its events: phases, shares, times and notes."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest

from rnnlm_tui.event_types import Event, Failed, Paused, Preparing, Resumed, Saved, Warned
from rnnlm_tui.tui.runs.progress import Line, Phase, RunProgress
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
    return [line.text for line in run.lines if not line.label.isdecimal()]


READING = Preparing(0.1, "reading text", 30, 120, None)
STOPPING = Resumed(2.0, "stop requested")


@pytest.mark.parametrize(
    ("events", "phase", "step", "epoch_share", "run_share", "best"),
    [
        ([], "starting", 0, 0, 0, None),
        ([READING], "starting", 0, 0, 0, None),
        ([started()], "training", 0, 0, 0, None),
        ([started(), progress(1, 2)], "training", 2, 0.5, 0.01, None),
        # The last step was not reported.
        ([started(), progress(1, 2), ended(1)], "training", 4, 1, 0.02, 1),
        ([started(), ended(1), progress(2, 1)], "training", 1, 0.25, 0.025, 1),
        ([started(), progress(1), Paused(3.0, "requested")], "paused", 1, 0.25, 0.005, None),
        ([started(), Paused(3.0, "requested"), Resumed(4.0, "")], "training", 0, 0, 0, None),
        ([started(epochs_done=6)], "training", 0, 0, 0.12, None),
        ([*held_out(5, 4, 4.5), finished("completed", 2)], "finished", 0, 0, 0.06, 2),
        # It was ended and begun again.
        ([started(), finished("completed"), READING], "starting", 0, 0, 0, None),
        ([*held_out(5, 4), finished("completed"), started()], "training", 0, 0, 0, None),
        ([*held_out(5, 4), finished("stopped"), started(1)], "training", 0, 0, 0.02, 1),
    ],
)
def test_the_phase_and_the_shares(
    events: list[Event],
    phase: str,
    step: int,
    epoch_share: float,
    run_share: float,
    best: int | None,
) -> None:
    run = after(*events)
    assert (run.phase, run.step, run.epoch_share) == (phase, step, epoch_share)
    assert run.run_share == pytest.approx(run_share)
    assert run.best_epoch == best


def test_what_a_text_needs_first_is_shown_until_the_next_event() -> None:
    assert after(READING).preparing == READING
    assert after(READING, started()).preparing is None
    assert after(started(), READING).preparing == READING


def test_a_run_that_is_asked_to_stop_is_stopping_until_it_has() -> None:
    run = after(started(), progress(1))
    run.stopping()
    assert run.phase.value == "stopping"
    run.take(finished("stopped"))
    run.stopping()
    assert run.phase.value == "finished"


def test_the_time_is_that_of_the_last_event_that_tells_it() -> None:
    run = after(started(), progress(1, elapsed=20))
    assert run.elapsed_s == 20
    run.take(Paused(30.0, "requested"))
    run.take(Failed(40.0, "crash", "it was killed", ""))
    assert run.elapsed_s == 20
    run.take(finished("completed"))
    assert run.elapsed_s == 88
    assert after(*map(ended, range(1, 9)), started(epochs_done=6)).elapsed_s == 6


def test_a_resumed_run_has_its_earlier_epochs_and_a_new_one_has_none() -> None:
    run = RunProgress()
    for epoch in range(1, 9):
        run.add(ended(epoch))
    run.take(started(epochs_done=6))
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3, 4, 5, 6]
    assert (run.best_epoch, notes(run)[-1]) == (6, "resumed after epoch 6")
    run.take(saved(7))
    assert notes(run)[-1] == "resumed after epoch 6", "a save is no news"
    run.take(finished("completed"))
    run.take(started())
    assert (run.phase, run.epochs, run.lines, run.finished) == (Phase.TRAINING, [], [], None)


def test_what_the_run_writes_stands_between_the_notes() -> None:
    run = after(Warned(0.0, "few words"), started(), ended(1), saved(1), ended(2))
    assert run.lines == [
        Line("!", "few words"),
        Line("1", "sat 1"),
        Line("·", "epoch 1 is saved: you can write with it"),
        Line("2", "sat 2"),
    ]


PERFECT = "accuracy on its own lines says nothing about unseen ones: hold some lines out"
FLAT = "training loss has not fallen for 10 epochs: more will hardly help"
RISES = "training loss rose for 3 epochs: a smaller learning rate may help"
OVERFITS = "held-out loss rose for 2 epochs: the model is overfitting; epoch {} is kept"
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
         ["held-out loss has not improved for 5 epochs; epoch 1 is kept"]),
        ([ended(1, accuracy=0.5), ended(2, accuracy=0.97), ended(3, accuracy=0.98)], [PERFECT]),
        ([ended(1, held_out=4.0, accuracy=0.97)], []),
        ([ended(n, 2 - n * 1e-4 + n % 3 * 1e-2) for n in range(1, 41)], []),
        ([ended(1, 2.0), *(ended(n, 2.1) for n in range(2, 14)), ended(14, 1.9),
          *(ended(n, 1.9) for n in range(15, 25))], [FLAT, FLAT]),
        ([ended(n, 2.0, held_out=4 - n / 100) for n in range(1, 20)], []),
        ([ended(n, loss) for n, loss in enumerate((2.0, 2.1, 2.2, 2.3, 2.4), 1)], [RISES]),
        ([ended(n, perplexity=p) for n, p in enumerate((1063.2, 900, 531, 500, 6.04), 1)],
         [UNSURE.format(n) for n in ("1,063", "531", "6.0")]),
        ([ended(1, held_out=5, perplexity=148.4)], [UNSEEN]),
        ([started(is_mixed=True), ended(1, held_out=5, perplexity=148.4)],
         [f"{UNSEEN} (network alone)"]),
        ([saved(1), saved(2)], ["epoch 1 is saved: you can write with it"]),
        ([Saved(0.0, 0, "models/poems", True), saved(1)],
         ["a first n-gram model is saved: you can write with it"]),
        ([Paused(1.0, "requested"), Resumed(2.0, "requested"),
          Paused(3.0, "the battery\x1b is low"), STOPPING, Warned(4.0, "half the learning rate")],
         ["paused", "resumed", "paused: the battery\ufffd is low", "half the learning rate"]),
    ],
)  # fmt: skip
def test_events_are_explained_in_plain_words(events: list[Event], told: list[str]) -> None:
    assert notes(after(*events)) == told
