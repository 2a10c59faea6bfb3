"""The training loop: events, figures, stopping, pausing, resuming, and divergence."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.event_types import (
    Event,
    Paused,
    Progress,
    Resumed,
    Saved,
    Started,
    Warned,
)
from rnnlm_tui.store.model_file import load_model, open_stored, read_card
from rnnlm_tui.training import learner
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.learner import Learner
from rnnlm_tui.training.run import sample
from rnnlm_tui.training.run_saver import OLDER_MODEL_STAYS
from rnnlm_tui.training.trainer import MAX_RECOVERIES, Trainer
from tests.helpers.events import end_of, epochs_of
from tests.helpers.training import model_of, run, run_stopped_at, same_weights, small_run

EVERY_NETWORK = [
    ("lesson", {}),
    ("rnn", {}),
    ("gru", {}),
    ("lstm", {"layers": 2}),
]
every_network = pytest.mark.parametrize(("preset", "settings"), EVERY_NETWORK)


@pytest.mark.parametrize(
    ("preset", "settings"), [("lesson", {}), ("lstm", {"unk_rate": 0, "batch_size": 1})]
)
def test_the_figures_of_an_epoch_are_those_of_the_model(
    preset: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    """With a learning rate near zero and no dropout an epoch's loss is that of its end. A causal
    network reads the text as one stream, which begins with any line."""
    settings = {"epochs": 1, "learning_rate": 1e-12, "dropout": 0, **settings}
    small = small_run(preset, tmp_path / "a", **settings)
    (epoch,) = epochs_of(run(small))
    _, model = load_model(small.path)
    lines = [*small.split_lines()[0]]
    orders = [[*score(model, lines[first:] + lines[:first])] for first in range(len(lines))]
    losses = [np.mean([loss for line in scored for loss in line.losses]) for scored in orders]
    nearest = int(np.argmin(np.abs(np.array(losses) - epoch.train["loss"])))
    scored, loss = orders[nearest], float(losses[nearest])
    within = 1e-6 if preset == "lesson" else 1e-4  # the lstm is saved in 8 bits
    assert epoch.train["loss"] == pytest.approx(loss, abs=within)
    assert epoch.train["perplexity"] == pytest.approx(math.exp(loss), rel=1e-4)
    # The lesson does not learn the first word of a line.
    learned = [word for line in scored for word in line.words[preset == "lesson" :]]
    assert epoch.train["accuracy"] == pytest.approx(np.mean([w.rank == 1 for w in learned]))
    assert (epoch.train["penalty"] > 0) == (preset == "lesson")


@every_network
def test_training_learns_and_the_sample_is_that_of_the_saved_model(
    preset: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"epochs": 25, "learning_rate": 0.03, "dropout": 0, **settings}
    small, control, events = small_run(preset, tmp_path / "a", **settings), Control("The cat"), []
    for event in Trainer(small, control).events():
        events.append(event)
        if isinstance(event, Saved) and event.epoch == 1:
            assert control.handle_command("sample a bird")
    first, *_, last = epochs_of(events)
    assert last.train["loss"] < 0.8 * first.train["loss"]
    _, model = load_model(small.path)
    assert first.sample["seed"] == "The cat"
    assert last.sample == sample(model, "a bird")


@every_network
def test_a_network_is_saved_in_8_bits_and_the_lesson_as_it_is(
    preset: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    small = small_run(preset, tmp_path / "a", epochs=1, **settings)
    run(small)
    with open_stored(small.path) as stored:
        tensors = stored.tensors()
    kinds = {
        array.dtype for n, array in tensors.items() if n.startswith("network.") and array.ndim > 1
    }
    assert kinds == {np.dtype(np.float32 if preset == "lesson" else np.int8)}


@every_network
@pytest.mark.parametrize("step", [1, 2])
def test_a_run_stopped_within_an_epoch_ends_as_one_never_stopped(
    preset: str, settings: dict[str, Any], step: int, tmp_path: Path
) -> None:
    settings = {"epochs": 3, "batch_size": 2, **settings}
    straight = epochs_of(run(small_run(preset, tmp_path / "straight", **settings)))
    events = run_stopped_at(small_run(preset, tmp_path / "parts", **settings), 2, step)
    assert end_of(events).reason == "stopped"
    card = read_card(model_of(tmp_path / "parts"))
    assert card.metrics is not None and (card.epochs_done, card.metrics["epoch"]) == (1, 1)
    state = load_state(tmp_path / "parts", "small")
    assert (state.position.epoch, state.position.sums.steps) == (2, step)
    assert any(name.startswith("carried.") for name in state.tensors) == (preset != "lesson")
    rest = epochs_of(run(small_run(preset, tmp_path / "parts", state, **settings)))
    assert [e.train for e in rest] == [e.train for e in straight[1:]]
    assert same_weights(tmp_path / "straight", tmp_path / "parts")


@pytest.mark.parametrize("ends_early", [False, True])
def test_a_run_killed_while_it_is_measured_ends_when_it_is_resumed(
    ends_early: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"epochs": 1, "held_out": 0.4}
    if ends_early:
        settings |= {"epochs": 50, "patience": 1, "min_epochs": 1, "learning_rate": 1e-20}
    small = small_run("gru", tmp_path / "a", **settings)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rnnlm_tui.training.trainer.evaluate_saved_model", kill)
        run(small)
    state = load_state(tmp_path / "a", "small")
    events = run(small_run("gru", tmp_path / "a", state, **settings))
    assert epochs_of(events) == []
    assert end_of(events).reason == ("early_stop" if ends_early else "completed")
    assert read_card(small.path).evaluation is not None
    assert list(small.folder.iterdir()) == []


def kill(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_stop_before_the_first_step_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    control = Control()
    control.stop()
    events = run(small_run("lesson", tmp_path / "a", epochs=2), control)
    assert [event.event for event in events] == ["started", "saved", "finished"]
    assert not model_of(tmp_path / "a").exists()
    run(small_run("lesson", tmp_path / "a", load_state(tmp_path / "a", "small"), epochs=2))
    run(small_run("lesson", tmp_path / "b", epochs=2))
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_stop_within_the_first_epoch_leaves_the_finished_model_of_the_run_before(
    tmp_path: Path,
) -> None:
    run(small_run("lesson", tmp_path / "a", epochs=1))
    before = model_of(tmp_path / "a").read_bytes()
    events = run_stopped_at(small_run("lesson", tmp_path / "a", epochs=2, seed=1), 1, 3)
    assert model_of(tmp_path / "a").read_bytes() == before
    load_model(model_of(tmp_path / "a"))
    assert [event.best for event in events if isinstance(event, Saved)] == [False]
    assert [event.message for event in events if isinstance(event, Warned)] == [OLDER_MODEL_STAYS]
    last = end_of(events)
    assert (last.reason, last.best_epoch, last.metrics) == ("stopped", None, {})
    state = load_state(tmp_path / "a", "small")
    run(small_run("lesson", tmp_path / "a", state, epochs=2, seed=1))
    assert read_card(model_of(tmp_path / "a")).config.train.seed == 1


def test_a_paused_run_waits_and_its_time_stops(tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    control = Control()
    events: list[Event] = []
    for event in Trainer(small_run("lesson", tmp_path / "a", epochs=2), control, clock).events():
        events.append(event)
        if isinstance(event, Progress) and len(events) == 2:
            control.pause()
        if isinstance(event, Paused):
            now[0] += 1000  # a long pause
            threading.Timer(0.01, control.resume).start()
    kinds = [event.event for event in events]
    assert kinds.index("resumed") == kinds.index("paused") + 1
    assert sum(isinstance(event, Resumed) for event in events) == 1
    assert end_of(events).time > 1000
    assert end_of(events).elapsed_s < 100
    after = [e for e in events[kinds.index("resumed") :] if isinstance(e, Progress)]
    assert all(event.eta_s < 100 for event in after)


def test_held_out_lines_decide_which_epoch_is_kept(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 12, "held_out": 0.4, "learning_rate": 0.1, "dropout": 0}
    events = run(small_run("lesson", tmp_path / "a", **settings))
    losses = [epoch.held_out["loss"] for epoch in epochs_of(events) if epoch.held_out]
    best = 1 + losses.index(min(losses))
    assert 1 <= best < 12, "the small network must overfit for this test to mean something"
    assert [event.epoch for event in events if isinstance(event, Saved) and event.best][-1] == best
    assert (end_of(events).best_epoch, end_of(events).metrics["epoch"]) == (best, best)
    assert read_card(model_of(tmp_path / "a")).epochs_done == 12
    # The kept weights are those of the best epoch: they give its held-out loss again.
    small = small_run("lesson", tmp_path / "a", **settings)
    measured = summarize(score(load_model(model_of(tmp_path / "a"))[1], small.split_lines()[1]))
    assert measured.loss == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize(("patience", "min_epochs", "last"), [(2, 1, 4), (2, 7, 7), (50, 1, 9)])
def test_a_run_ends_early_and_keeps_the_best_epoch(
    patience: int, min_epochs: int, last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1, 4.05, 4.01])

    def measured(learner: Learner) -> dict[str, float]:
        return {"loss": next(losses), "perplexity": 1.0, "top1": 0.0, "top5": 0.0}

    monkeypatch.setattr(Learner, "held_out_metrics", measured)
    settings: dict[str, Any] = {"epochs": 9, "patience": patience, "min_epochs": min_epochs}
    events = run(small_run("rnn", tmp_path / "a", **settings))
    assert [epoch.epoch for epoch in epochs_of(events)] == list(range(1, last + 1))
    assert end_of(events).reason == ("completed" if last == 9 else "early_stop")
    assert end_of(events).best_epoch == 2
    assert [event.epoch for event in events if isinstance(event, Saved) and event.best] == [1, 2]
    card = read_card(model_of(tmp_path / "a"))
    assert card.metrics is not None and (card.metrics["epoch"], card.epochs_done) == (2, last)


def test_without_held_out_lines_no_run_ends_early(tmp_path: Path) -> None:
    events = run(small_run("rnn", tmp_path / "a", epochs=3, patience=1))
    assert (len(epochs_of(events)), end_of(events).reason) == (3, "completed")


def test_a_loss_that_is_not_finite_goes_back_three_times_and_then_ends(tmp_path: Path) -> None:
    run_stopped_at(small_run("lesson", tmp_path / "a", epochs=4), 3, 1)
    kept = read_card(model_of(tmp_path / "a"))
    state = load_state(tmp_path / "a", "small")
    state.position.learning_rate = 1e30
    events = run(small_run("lesson", tmp_path / "a", state, epochs=4))
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == MAX_RECOVERIES
    assert "going back to epoch 2" in warnings[0]
    assert "5e+29" in warnings[0]
    assert (end_of(events).reason, end_of(events).best_epoch) == ("diverged", 2)
    assert read_card(model_of(tmp_path / "a")).metrics == kept.metrics
    load_model(model_of(tmp_path / "a"))


def test_a_run_goes_back_and_on_when_a_smaller_rate_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second epoch every parameter becomes NaN once, padding too."""
    spoilt: list[bool] = []
    step = Learner.step

    def spoil(self: Learner, *batch: Any) -> object:
        loss = step(self, *batch)
        if not spoilt and model_of(tmp_path / "a").exists():
            spoilt.append(True)
            with torch.no_grad():
                for parameter in self.network.parameters():
                    parameter.fill_(math.nan)
        return loss

    monkeypatch.setattr(Learner, "step", spoil)
    events = run(small_run("lesson", tmp_path / "a", epochs=3))
    kinds = [event.event for event in events if not isinstance(event, Progress)]
    assert kinds == ["started", "epoch", "saved", "warning", *["epoch", "saved"] * 2, "finished"]
    (warning,) = (event.message for event in events if isinstance(event, Warned))
    assert "half the learning rate, 0.0005 (1 of 3 times)" in warning
    assert [entry["epoch"] for entry in read_card(model_of(tmp_path / "a")).history] == [1, 2, 3]
    assert all(math.isfinite(epoch.train["loss"]) for epoch in epochs_of(events))


def test_weights_that_no_model_may_have_are_never_saved(tmp_path: Path) -> None:
    """One step an epoch: the loss before the step is finite, but the weights after it are not."""
    small = small_run("lesson", tmp_path / "a", epochs=3, batch_size=1000, learning_rate=1e30)
    events = run(small)
    assert not [event for event in events if isinstance(event, Saved)]
    assert (end_of(events).reason, end_of(events).best_epoch) == ("diverged", None)
    assert load_state(tmp_path / "a", "small").position.epoch == 1


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("carried.layer1.0", (2, 5)),
        ("carried.layer2.0", (3, 5)),
        ("moment.embedding.exp_avg", (1, 5)),
        ("weight.other", (3, 5)),
        ("weight.embedding", (99, 6)),
        ("weight.output.bias", None),
    ],
)
def test_the_state_of_another_network_is_refused(
    name: str, shape: tuple[int, int] | None, tmp_path: Path
) -> None:
    run_stopped_at(small_run("gru", tmp_path / "a", epochs=2), 1, 2)
    state = load_state(tmp_path / "a", "small")
    small = small_run("gru", tmp_path / "a", epochs=2)
    learner = Learner(small.config, small.prepared)
    learner.restore(state)
    state.tensors.pop(name, None)
    if shape is not None:
        state.tensors[name] = np.zeros(shape, np.float32)
    with pytest.raises(ModelError, match="another network"):
        learner.restore(state)


def test_an_unknown_word_has_a_probability_and_a_place_in_the_context(tmp_path: Path) -> None:
    run(small_run("gru", tmp_path / "a", epochs=15, learning_rate=0.03, dropout=0))
    _, model = load_model(model_of(tmp_path / "a"))
    vocabulary = model.vocabulary
    assert vocabulary.encode(["zebra"]) == [1]
    after = model.next_word_probabilities([2, *vocabulary.encode(["the", "zebra"])])
    without = model.next_word_probabilities([2, *vocabulary.encode(["the"])])
    assert np.abs(after - without).max() > 0.05
    # A tenth of the words occur once, and half of those are learned as unknown.
    assert without[1] > 0.01
    assert float(without[[0, 2]].sum()) < 0.05  # padding and begin never come next


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads to choose from, with scripted times. Only one really computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    chosen = [2]
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: chosen[-1])
        patch.setattr(torch, "set_num_threads", chosen.append)
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_follow_the_machine_unless_they_are_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(threads: int, now: float) -> float:
        return 0.1 if threads == 1 else 0.6 if 6 < now < 10 else 0.07

    now, step = [0.0], Learner.step

    def timed_step(own: Learner, *batch: Any) -> object:
        now[0] += seconds(own.threads, now[0])
        return step(own, *batch)

    def reports(name: str, threads: int | None) -> list[Progress]:
        small = small_run("lesson", tmp_path / name, epochs=8, batch_size=1, threads=threads)
        events = Trainer(small, Control("the cat"), lambda: now[0]).events()
        return [event for event in events if isinstance(event, Progress)]

    monkeypatch.setattr(Learner, "step", timed_step)
    free = reports("a", None)
    used = [{r.threads for r in free if low < r.time <= low + 1} for low in (5.5, 8, 16)]
    assert used == [{2}, {1}, {2}]
    assert {report.threads for report in reports("b", 1)} == {1}


def test_more_threads_than_cores_are_taken_down_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "usable_cores", lambda: 1)
    events = run(small_run("lesson", tmp_path / "a", epochs=1, threads=64))
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "64 threads are more than the 1 core here: training with 1"
    ]
    assert isinstance(events[0], Started)
    assert events[0].threads == 1
    run(small_run("lesson", tmp_path / "b", epochs=1, threads=1))
    assert same_weights(tmp_path / "a", tmp_path / "b")


FLUSHES_SUBNORMALS = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)

COUNT_SUBNORMALS = """
import sys
from pathlib import Path

import numpy as np
import torch
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.trainer import train
from tests.helpers.training import small_run

events = train(small_run("lesson", Path(sys.argv[1]), epochs=1, threads=2), Control())
next(events)
for threads in (1, 2):  # as a training that chooses them may
    torch.set_num_threads(threads)
    torch.ones(1 << 20).exp()
tiny = torch.from_numpy(np.full(1 << 20, 1e-39, dtype=np.float32))
halves = (tiny * 0.5).numpy().view(np.int32).reshape(2, -1)
print(*map(np.count_nonzero, halves))
"""


@pytest.mark.slow
@pytest.mark.skipif(not FLUSHES_SUBNORMALS, reason="this processor cannot flush them")
def test_all_threads_flush_subnormal_numbers_to_zero(tmp_path: Path) -> None:
    """Runs in a new process, because threads keep the mode that was set when they started."""
    command = [sys.executable, "-c", COUNT_SUBNORMALS, str(tmp_path / "a")]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output.split() == ["0", "0"]
