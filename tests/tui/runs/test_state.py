"""The state of a run from its events: phases, shares, times across pauses, and notes."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest

from rnnlm_tui.event_types import Event, Failed, Paused, Preparing, Resumed, Saved, Warned
from rnnlm_tui.tui.runs.notes import MAX_NOTES
from rnnlm_tui.tui.runs.state import Phase, RunProgress
from rnnlm_tui.tui.train.run_view import bar_lines
from tests.helpers.events import ended, finished, progress, started

WIDEST_NOTE = 76


def held_out(*losses: float) -> list[Event]:
    """The events of a run whose epochs had these held-out losses."""
    lows = accumulate(losses, min, initial=math.inf)
    epochs = enumerate(zip(losses, lows, strict=False), 1)
    return [started(), *(ended(n, held_out=loss, best=loss < low) for n, (loss, low) in epochs)]


def with_held_out(*losses: float) -> RunProgress:
    """Such a run."""
    run = RunProgress()
    for time, event in enumerate(held_out(*losses)):
        run.take(event, time)
    return run


def texts(run: RunProgress) -> list[str]:
    return [note.text for note in run.notes]


def phase(run: RunProgress) -> Phase:
    return run.phase


def test_what_a_large_text_needs_first_is_shown_until_the_next_event() -> None:
    run, reading = RunProgress(), Preparing(0.1, "reading text", 30, 120, None)
    run.take(reading, 0)
    assert (phase(run), run.preparing) == (Phase.STARTING, reading)
    (line,) = bar_lines(run, 0, 100)
    assert line.plain.split()[-2:] == ["25%", "estimating"]
    run.take(Preparing(4.0, "encoding words", 90, 120, 75.0), 4)
    (line,) = bar_lines(run, 4, 100)
    assert line.plain.startswith("encoding words ") and "75%" in line.plain
    assert line.plain.endswith("1 min 15 s left for this")
    run.take(started(), 5)
    assert (phase(run), run.preparing) == (Phase.TRAINING, None)
    run.take(Preparing(6.0, "n-grams", 2, 5, 9.0), 6)
    (line,) = bar_lines(run, 6, 100)
    assert phase(run) is Phase.TRAINING and line.plain.startswith("n-grams ")
    run.take(progress(1), 7)
    assert run.preparing is None
    run.take(finished("completed", 1), 8)
    run.take(reading, 9)
    assert phase(run) is Phase.STARTING, "it was ended and begun again"


def test_phases_from_start_to_finish() -> None:
    run = RunProgress()
    assert phase(run) is Phase.STARTING
    assert (run.epochs_total, run.epoch, run.run_share, run.epoch_share) == (None, 0, 0, 0)
    run.take(started(), 0)
    assert phase(run) is Phase.TRAINING
    assert run.epochs_total == 50
    run.take(progress(1, 2), 1)
    assert (run.epoch, run.step, run.epoch_share, run.run_share) == (1, 2, 0.5, 0.01)
    run.take(ended(1), 2)
    assert run.step == 4, "its last step was not reported"
    assert (run.epoch, run.epoch_share, run.run_share, run.best_epoch) == (1, 1.0, 0.02, 1)
    run.take(Saved(2.0, 1, "models/poems", True), 2)
    assert run.saved is not None
    run.take(progress(2, 1), 3)
    assert (run.epoch, run.epoch_share) == (2, 0.25)
    run.take(Paused(3.0, "requested"), 3)
    assert phase(run) is Phase.PAUSED
    run.take(Resumed(4.0, "requested"), 4)
    assert phase(run) is Phase.TRAINING
    run.take(finished("completed", 1), 5)
    assert phase(run) is Phase.FINISHED
    assert run.phase.is_over
    assert run.best_epoch == 1
    run.crashed("killed", 6)
    assert phase(run) is Phase.FINISHED


def test_a_run_that_is_asked_to_stop_is_stopping_until_it_has() -> None:
    run = RunProgress()
    run.take(started(), 0)
    run.take(progress(1), 1)
    run.stopping()
    assert (phase(run), run.eta_s(2)) == (Phase.STOPPING, None)
    run.take(Resumed(2.0, "stop requested"), 2)
    assert "resumed" not in texts(run)
    run.take(finished("stopped"), 3)
    run.stopping()
    assert phase(run) is Phase.FINISHED


def test_eta_and_elapsed_count_between_reports_and_stand_still_in_a_pause() -> None:
    run = RunProgress()
    assert run.eta_s(90) is None
    run.take(started(), 100)
    assert run.eta_s(110) is None, "nothing is measured yet"
    run.take(progress(1, elapsed=20, eta=80), 120)
    assert run.eta_s(120) == 80
    assert run.eta_s(130) == 70
    assert run.elapsed_s(130) == 30
    run.take(Paused(30.0, "requested"), 130)
    assert run.eta_s(1000) == 70
    assert run.elapsed_s(1000) == 30
    run.take(Resumed(900.0, "requested"), 1000)
    assert run.eta_s(1000) == 70
    assert run.eta_s(1001) == 69
    assert run.elapsed_s(1001) == 31
    run.take(progress(1, 2, elapsed=32, eta=68), 1002)
    assert run.eta_s(1002) == 68
    assert run.eta_s(5000) is None, "it takes longer than was estimated"
    run.take(ended(1), 1003)  # its elapsed_s is 1
    assert run.eta_s(1003) == 67
    assert run.elapsed_s(1004) == 2
    run.take(finished("completed"), 1005)
    assert run.eta_s(1005) is None
    assert run.elapsed_s(9999) == 88


def test_a_resumed_run_has_its_earlier_epochs() -> None:
    run = RunProgress()
    run.remember([ended(epoch) for epoch in range(1, 9)])
    run.take(started(epochs_done=6), 0)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3, 4, 5, 6]
    assert run.best_epoch == 6
    assert run.elapsed_s(0) == 6
    assert run.run_share == 6 / 50
    assert texts(run) == ["resumed after epoch 6"]
    run.take(ended(7), 1)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3, 4, 5, 6, 7]


def test_a_restarted_run_has_nothing_of_the_previous_one() -> None:
    run = with_held_out(5, 4, 4.5, 4.6)
    run.take(finished("completed"), 9)
    run.take(started(), 10)
    assert phase(run) is Phase.TRAINING
    assert (run.epochs, run.notes, run.finished, run.best_epoch) == ([], [], None, None)


def test_epochs_that_were_given_up_are_gone_once_they_are_trained_again() -> None:
    run = with_held_out(5, 4, 4.5, 4.6)
    run.take(Warned(5.0, "the loss of epoch 5 is not a finite number: going back to epoch 2"), 5)
    run.take(progress(3, 2), 6)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]
    assert (run.epoch, run.epoch_share, run.best_epoch) == (3, 0.5, 2)


def test_a_lost_run_says_so_and_keeps_its_time() -> None:
    run = RunProgress()
    run.take(started(), 100)
    run.take(progress(1, elapsed=20), 120)
    run.crashed("the training process was killed", 125)
    assert phase(run) is Phase.CRASHED
    assert run.crash_reason == "the training process was killed"
    assert (run.notes[-1].text, run.notes[-1].severity) == (run.crash_reason, "error")
    assert run.notes[-1].time == 6  # the last event's own time, and 5 s
    assert run.elapsed_s(999) == 25
    assert run.eta_s(999) is None


def test_the_rise_of_epochs_that_are_trained_again_is_forgotten() -> None:
    run = with_held_out(5, 4, 4.1, 4.2, 4.3)
    for epoch, loss in [(3, 4.1), (4, 4.0), (5, 4.1)]:
        run.take(ended(epoch, held_out=loss, best=False), epoch)
    assert len(texts(run)) == 1, "it rose once"
    run.take(ended(6, held_out=4.2, best=False), 6)
    assert "rose for 2 epochs" in texts(run)[-1]


def test_a_rising_held_out_loss_is_one_note_that_is_updated() -> None:
    run = with_held_out(5, 4, 4.1)
    assert "overfitting" not in str(texts(run)), "once may be chance"
    run = with_held_out(5, 4, 4.1, 4.2, 4.3)
    said = "held-out loss rose for 3 epochs: the model is overfitting; epoch 2 is kept"
    assert texts(run) == [said]
    assert run.notes[0].severity == "warning"
    run.take(ended(6, held_out=3.9, best=True), 6)
    assert texts(run) == [said, "held-out loss is at a new low: epoch 6 is kept"]
    for epoch, loss in [(7, 4.0), (8, 4.1)]:
        run.take(ended(epoch, held_out=loss, best=False), epoch)
    assert texts(run)[2:] == [
        "held-out loss rose for 2 epochs: the model is overfitting; epoch 6 is kept"
    ]


PERFECT = "accuracy on its own lines says nothing about unseen ones: hold some lines out"
FLAT = "training loss has not fallen for {} epochs: more will hardly help"
UNSURE = "on its own lines it is as unsure as if it chose among {} words"
SAVED = "epoch 1 is saved: you can write with it"


def test_a_perplexity_of_a_part_is_explained_as_such() -> None:
    run = RunProgress()
    for event in (started(is_mixed=True), ended(1, held_out=5, perplexity=148.4)):
        run.take(event, 0)
    unsure = "on unseen lines it is as unsure as if it chose among 148 words (network alone)"
    assert texts(run) == [unsure]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (held_out(4, 4.2, 4.1, 4.2, 4.1, 4.2, 4.1),
         ["held-out loss has not improved for 6 epochs; epoch 1 is kept"]),
        (held_out(5, 4, 3, 2), []),
        ([ended(1, accuracy=0.5), ended(2, accuracy=0.97), ended(3, accuracy=0.98)], [PERFECT]),
        ([ended(1, held_out=4.0, accuracy=0.97)], []),
        ([ended(n, 2 - n * 1e-4 + n % 3 * 1e-2) for n in range(1, 41)], []),
        ([ended(1, 2.0), *(ended(n, 2.1) for n in range(2, 14)), ended(14, 1.9),
          *(ended(n, 1.9) for n in range(15, 25))], [FLAT.format(12), FLAT.format(10)]),
        ([ended(n, 2.0, held_out=4 - n / 100) for n in range(1, 20)], []),
        ([ended(n, loss) for n, loss in enumerate((2.0, 2.1, 2.2, 2.3), 1)],
         ["training loss rose for 3 epochs: a smaller learning rate may help"]),
        ([ended(n, perplexity=p) for n, p in enumerate((1063.2, 900, 531, 500, 6.04), 1)],
         [UNSURE.format(n) for n in ("1,063", "531", "6.0")]),
        ([ended(1, held_out=5, perplexity=148.4)],
         ["on unseen lines it is as unsure as if it chose among 148 words"]),
        ([Saved(float(n), n, "models/poems", True) for n in (1, 2)], [SAVED]),
        ([Saved(0.0, 0, "models/poems", True), Saved(1.0, 1, "models/poems", True)],
         ["a first n-gram model is saved: you can write with it"]),
        ([Paused(1.0, "requested"), Resumed(2.0, "requested"),
          Paused(3.0, "the battery\x1b is low"), Warned(4.0, "half the learning rate")],
         ["paused", "resumed", "paused: the battery\ufffd is low", "half the learning rate"]),
        ([Failed(0.0, "corpus", "no such file: poems.txt", "")], ["no such file: poems.txt"]),
        ([finished("stopped", None)], ["stopped before the first epoch ended"]),
    ],
)  # fmt: skip
def test_events_are_explained_in_plain_words(events: list[Event], told: list[str]) -> None:
    run = RunProgress()
    for time, event in enumerate(events):
        run.take(event, time)
    assert texts(run) == told
    wrong = isinstance(events[-1], Failed)
    assert not told or run.notes[-1].severity != "error" or wrong


def test_notes_are_short_and_limited_in_number() -> None:
    run = with_held_out(*[4 + epoch / 1000 for epoch in range(999)])
    for number in range(500):
        run.take(Warned(1.0, str(number)), 1)
    assert len(run.notes) == MAX_NOTES
    said = [*texts(with_held_out(*[4 + e / 1000 for e in range(999)])), *texts(with_held_out(4, 5))]
    assert max(map(len, said)) <= WIDEST_NOTE
