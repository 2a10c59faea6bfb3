"""The training loop: its events, its figures, stopping, pausing, going on, and what diverges."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Finished,
    Paused,
    Progress,
    Resumed,
    Saved,
    Started,
    Warned,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.store.card import read_card
from rnnlm_tui.store.load import load_model
from rnnlm_tui.suggest import generate_words
from rnnlm_tui.text.prefixes import PrefixExamples
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.learner import Learner
from rnnlm_tui.training.trainer import MOST_RECOVERIES, Trainer
from tests.helpers.training import job, run, run_stopped_at


def epochs_of(events: list[Event]) -> list[EpochEnded]:
    """The ends of epochs among the events."""
    return [event for event in events if isinstance(event, EpochEnded)]


def weights_in(folder: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """The weights of the run in this folder."""
    return load_state(folder, "small").weights


def same_weights(first: Path, second: Path) -> bool:
    """Whether two runs ended with the same weights, to the last digit."""
    one, two = weights_in(first), weights_in(second)
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def test_a_run_tells_its_start_its_epochs_its_saves_and_its_end(
    corpus_file: Path, tmp_path: Path
) -> None:
    events = run(job(corpus_file, tmp_path / "a", epochs=3))
    kinds = [event.event for event in events if not isinstance(event, Progress)]
    assert kinds == ["started", *["epoch", "saved"] * 3, "finished"]
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert (started.total_words, started.window, started.epochs_done) == (22, 9, 0)
    assert started.estimated_s > 0
    assert finished.reason == "completed"
    assert finished.best_epoch == 3
    assert [e.best for e in events if isinstance(e, Saved)] == [True] * 3
    times = [event.time for event in events]
    assert times == sorted(times)


def test_every_event_survives_its_json_line(corpus_file: Path, tmp_path: Path) -> None:
    for event in run(job(corpus_file, tmp_path / "a", epochs=2, held_out=0.2)):
        assert from_json_line(to_json_line(event)) == event


def test_the_figures_of_an_epoch_are_those_of_its_examples(
    corpus_file: Path, tmp_path: Path
) -> None:
    """With a learning rate near zero and no dropout an epoch's loss is the network's own."""
    small = job(corpus_file, tmp_path / "a", epochs=1, learning_rate=1e-12, dropout=0)
    (epoch,) = epochs_of(run(small))
    learner = Learner(small.config, small.prepared)
    examples = small.prepared.examples
    assert isinstance(examples, PrefixExamples)
    x, y = examples.batch(np.arange(len(examples)))
    with torch.no_grad():
        scores = learner.network(torch.from_numpy(x))
    nll = torch.nn.functional.cross_entropy(scores, torch.from_numpy(y)).item()
    assert epoch.train["loss"] == pytest.approx(nll, abs=1e-5)
    assert epoch.train["perplexity"] == pytest.approx(math.exp(nll), rel=1e-4)
    accuracy = (scores.argmax(1) == torch.from_numpy(y)).double().mean().item()
    assert epoch.train["accuracy"] == pytest.approx(accuracy)
    kernel = learner.weights()["hidden.kernel"]
    assert epoch.train["penalty"] == pytest.approx(0.01 * float((kernel**2).sum()), rel=1e-4)


def test_training_learns(corpus_file: Path, tmp_path: Path) -> None:
    epochs = epochs_of(run(job(corpus_file, tmp_path / "a", epochs=60, learning_rate=0.01)))
    assert epochs[-1].train["loss"] < 0.6 * epochs[0].train["loss"]
    assert epochs[-1].train["accuracy"] > 0.5


def test_the_same_seed_gives_the_same_losses_to_the_last_digit(
    corpus_file: Path, tmp_path: Path
) -> None:
    first = epochs_of(run(job(corpus_file, tmp_path / "a", epochs=3, seed=5)))
    second = epochs_of(run(job(corpus_file, tmp_path / "b", epochs=3, seed=5)))
    other = epochs_of(run(job(corpus_file, tmp_path / "c", epochs=3, seed=6)))
    assert [e.train for e in first] == [e.train for e in second]
    assert [e.train for e in first] != [e.train for e in other]
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_run_that_goes_on_equals_one_that_never_stopped(
    corpus_file: Path, tmp_path: Path
) -> None:
    straight = epochs_of(run(job(corpus_file, tmp_path / "straight", epochs=6)))
    run(job(corpus_file, tmp_path / "parts", epochs=3))
    state = load_state(tmp_path / "parts", "small")
    rest = epochs_of(run(job(corpus_file, tmp_path / "parts", state, epochs=6)))
    assert [e.epoch for e in rest] == [4, 5, 6]
    assert [e.train for e in rest] == [e.train for e in straight[3:]]
    assert same_weights(tmp_path / "straight", tmp_path / "parts")


def test_a_run_stopped_within_an_epoch_goes_on_there(corpus_file: Path, tmp_path: Path) -> None:
    straight = epochs_of(run(job(corpus_file, tmp_path / "straight", epochs=3)))
    ticks = iter(range(10**9))
    small = job(corpus_file, tmp_path / "parts", epochs=3)
    control = Control("the cat")
    # A clock that ticks a second at each look makes every step report itself.
    events = []
    for event in Trainer(small, control, clock=lambda: float(next(ticks))).events():
        events.append(event)
        if isinstance(event, Progress) and (event.epoch, event.step) == (2, 3):
            control.stop()
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stopped"
    card = read_card(tmp_path / "parts")
    assert (card.epochs_done, card.metrics["epoch"]) == (1, 1)
    state = load_state(tmp_path / "parts", "small")
    assert (state.position.epoch, state.position.sums.steps) == (2, 3)
    rest = epochs_of(run(job(corpus_file, tmp_path / "parts", state, epochs=3)))
    assert [e.epoch for e in rest] == [2, 3]
    assert [e.train for e in rest] == [e.train for e in straight[1:]]
    assert same_weights(tmp_path / "straight", tmp_path / "parts")


def test_a_stop_before_the_first_step_leaves_a_run_to_go_on_with(
    corpus_file: Path, tmp_path: Path
) -> None:
    control = Control()
    control.stop()
    events = run(job(corpus_file, tmp_path / "a", epochs=2), control)
    assert [event.event for event in events] == ["started", "saved", "finished"]
    assert not (tmp_path / "a" / "model.json").exists()
    state = load_state(tmp_path / "a", "small")
    run(job(corpus_file, tmp_path / "a", state, epochs=2))
    run(job(corpus_file, tmp_path / "b", epochs=2))
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_paused_run_waits_and_its_time_stands_still(corpus_file: Path, tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    control = Control()
    events: list[Event] = []
    for event in Trainer(job(corpus_file, tmp_path / "a", epochs=2), control, clock).events():
        events.append(event)
        if isinstance(event, Progress) and not control.paused and len(events) == 2:
            control.pause()
        if isinstance(event, Paused):
            now[0] += 1000  # a long pause
            threading.Timer(0.01, control.resume).start()
    kinds = [event.event for event in events]
    assert kinds.index("resumed") == kinds.index("paused") + 1
    assert sum(isinstance(event, Resumed) for event in events) == 1
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.time > 1000
    assert finished.elapsed_s < 100
    after = [e for e in events[kinds.index("resumed") :] if isinstance(e, Progress)]
    assert all(event.eta_s < 100 for event in after)


def test_the_seed_line_is_continued_after_each_epoch_as_the_saved_model_does(
    corpus_file: Path, tmp_path: Path
) -> None:
    control = Control("The cat")
    events: list[Event] = []
    for event in Trainer(job(corpus_file, tmp_path / "a", epochs=2), control).events():
        events.append(event)
        if isinstance(event, Saved) and event.epoch == 1:
            assert control.obey("sample a bird")
    first, second = epochs_of(events)
    assert (first.sample["seed"], second.sample["seed"]) == ("The cat", "a bird")
    _, model = load_model(tmp_path / "a")
    assert second.sample["text"] == " ".join(["a bird", *generate_words(model, "a bird", 10)])


def test_held_out_lines_decide_which_epoch_is_kept(corpus_file: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 40, "held_out": 0.4, "learning_rate": 0.03, "dropout": 0}
    events = run(job(corpus_file, tmp_path / "a", **settings))
    epochs = epochs_of(events)
    losses = [e.held_out["loss"] for e in epochs if e.held_out]
    assert len(losses) == 40
    best = 1 + losses.index(min(losses))
    assert 1 <= best < 40, "the small network must overfit for this test to mean something"
    assert [e.epoch for e in epochs if e.best][-1] == best
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.best_epoch == best
    assert finished.metrics["epoch"] == best
    assert read_card(tmp_path / "a").epochs_done == 40
    # The kept weights are those of the best epoch: they give its held-out loss again.
    small = job(corpus_file, tmp_path / "a", **settings)
    learner = Learner(small.config, small.prepared)
    learner.load_weights(dict(load_model_weights(tmp_path / "a")))
    measured = learner.held_out_metrics()
    assert measured is not None
    assert measured["loss"] == pytest.approx(min(losses), abs=1e-6)


def load_model_weights(
    folder: Path,
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """The weights of the saved model."""
    from safetensors.numpy import load_file

    weights: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = load_file(
        folder / read_card(folder).weights
    )
    return weights


def test_a_loss_that_is_not_finite_goes_back_three_times_and_then_ends(
    corpus_file: Path, tmp_path: Path
) -> None:
    run(job(corpus_file, tmp_path / "a", epochs=2))
    kept = read_card(tmp_path / "a")
    state = load_state(tmp_path / "a", "small")
    state.position.learning_rate = 1e30
    events = run(job(corpus_file, tmp_path / "a", state, epochs=4))
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == MOST_RECOVERIES
    assert "going back to epoch 2" in warnings[0]
    assert "5e+29" in warnings[0]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.best_epoch) == ("diverged", 2)
    assert read_card(tmp_path / "a").weights == kept.weights
    load_model(tmp_path / "a")


def test_a_run_goes_back_and_on_when_a_smaller_rate_helps(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second epoch every parameter turns into NaN once, what is rounded up too."""
    spoilt: list[bool] = []
    step = Learner.step

    def spoil(self: Learner, *batch: object) -> object:
        loss = step(self, *batch)  # type: ignore[arg-type]
        if not spoilt and (tmp_path / "a" / "model.json").exists():
            spoilt.append(True)
            with torch.no_grad():
                for parameter in self.network.parameters():
                    parameter.fill_(math.nan)
        return loss

    monkeypatch.setattr(Learner, "step", spoil)
    events = run(job(corpus_file, tmp_path / "a", epochs=3))
    kinds = [event.event for event in events if not isinstance(event, Progress)]
    assert kinds == ["started", "epoch", "saved", "warning", *["epoch", "saved"] * 2, "finished"]
    assert load_state(tmp_path / "a", "small").position.learning_rate == 0.0005
    assert [entry["epoch"] for entry in read_card(tmp_path / "a").history] == [1, 2, 3]
    assert all(math.isfinite(epoch.train["loss"]) for epoch in epochs_of(events))


def test_weights_that_no_model_may_have_are_never_saved(corpus_file: Path, tmp_path: Path) -> None:
    """One step an epoch: the loss is that before the step, and finite; the weights are beyond."""
    events = run(job(corpus_file, tmp_path / "a", epochs=3, batch_size=1000, learning_rate=1e30))
    assert not [event for event in events if isinstance(event, Saved)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.best_epoch) == ("diverged", None)
    assert load_state(tmp_path / "a", "small").position.epoch == 1


def test_a_stop_within_the_first_epoch_leaves_a_model_all_the_same(
    corpus_file: Path, tmp_path: Path
) -> None:
    ticks = iter(range(10**9))
    small = job(corpus_file, tmp_path / "a", epochs=2)
    control = Control()
    for event in Trainer(small, control, clock=lambda: float(next(ticks))).events():
        if isinstance(event, Progress) and event.step == 3:
            control.stop()
    metrics = read_card(tmp_path / "a").metrics
    assert (metrics["epoch"], metrics["steps"]) == (1, 3)
    load_model(tmp_path / "a")


def test_a_stop_within_the_first_epoch_leaves_the_finished_model_of_the_run_before(
    corpus_file: Path, tmp_path: Path
) -> None:
    run(job(corpus_file, tmp_path / "a", epochs=2))
    before = (tmp_path / "a" / "model.json").read_bytes()
    events = run_stopped_at(job(corpus_file, tmp_path / "a", epochs=2, seed=1), 1, 3)
    assert (tmp_path / "a" / "model.json").read_bytes() == before
    load_model(tmp_path / "a")
    assert [event.best for event in events if isinstance(event, Saved)] == [False]
    assert ["stays" in event.message for event in events if isinstance(event, Warned)] == [True]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.best_epoch, finished.metrics) == ("stopped", None, {})
    state = load_state(tmp_path / "a", "small")
    run(job(corpus_file, tmp_path / "a", state, epochs=2, seed=1))
    assert read_card(tmp_path / "a").config.train.seed == 1
