"""The training loop with causal networks: going on exactly, stopping early, what is measured."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import Finished, Saved
from rnnlm_tui.store.card import read_card
from rnnlm_tui.store.load import load_model
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.learner import Learner
from rnnlm_tui.training.trainer import Trainer
from tests.helpers.training import epochs_of, run, run_stopped_at, same_weights, small_run

CELLS = ("rnn", "gru", "lstm")


@pytest.mark.parametrize("preset", CELLS)
@pytest.mark.parametrize("context", ["stream", "line"])
def test_a_run_stopped_within_an_epoch_ends_as_one_never_stopped(
    preset: str, context: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"epochs": 3, "context": context, "layers": 2, "batch_size": 2}
    straight = epochs_of(run(small_run(preset, tmp_path / "straight", **settings)))
    stopped = run_stopped_at(small_run(preset, tmp_path / "parts", **settings), epoch=2, step=2)
    assert isinstance(stopped[-1], Finished)
    assert stopped[-1].reason == "stopped"
    state = load_state(tmp_path / "parts", "small")
    assert state.position.sums.steps == 2
    assert bool(state.hidden_state) == (context == "stream")
    rest = epochs_of(run(small_run(preset, tmp_path / "parts", state, **settings)))
    assert [e.train for e in rest] == [e.train for e in straight[1:]]
    assert same_weights(tmp_path / "straight", tmp_path / "parts")


def test_a_run_that_ended_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    run(small_run("gru", tmp_path / "a", epochs=2))
    state = load_state(tmp_path / "a", "small")
    assert state.hidden_state == {}
    rest = epochs_of(run(small_run("gru", tmp_path / "a", state, epochs=4)))
    assert [e.epoch for e in rest] == [3, 4]


@pytest.mark.parametrize("preset", CELLS)
@pytest.mark.parametrize("context", ["stream", "line"])
def test_training_learns_and_the_model_continues_as_the_network_did(
    preset: str, context: str, tmp_path: Path
) -> None:
    small = small_run(
        preset, tmp_path / "a", epochs=40, learning_rate=0.02, dropout=0, context=context,
        unk_rate=0,
    )  # fmt: skip
    events = run(small)
    epochs = epochs_of(events)
    assert epochs[-1].train["loss"] < 0.6 * epochs[0].train["loss"]
    card, model = load_model(tmp_path / "a")
    assert card.config == small.config
    assert card.metrics["epoch"] == 40
    assert model.window == small.prepared.window
    assert epochs[-1].sample["text"].startswith("the cat ")
    assert len(epochs[-1].sample["text"].split()) == 12


def test_the_figures_of_an_epoch_are_those_of_all_words_and_ends(tmp_path: Path) -> None:
    """With a learning rate near zero and no dropout an epoch's loss is the network's own."""
    small = small_run(
        "lstm", tmp_path / "a", epochs=1, learning_rate=1e-12, dropout=0, context="line",
        unk_rate=0, bptt=50,
    )  # fmt: skip
    (epoch,) = epochs_of(run(small))
    assert isinstance(small.prepared, PreparedLines)
    model = load_model(tmp_path / "a")[1]
    chances, hits = [], []
    for line in small.prepared.examples:
        whole = [2, *line.tolist(), 3]
        for i in range(1, len(whole)):
            found = model.next_word_probabilities(whole[:i])
            chances.append(float(found[whole[i]]))
            if whole[i] != 3:
                hits.append(4 + int(found[4:].argmax()) == whole[i])
    assert len(chances) == small.prepared.examples.predictions
    loss = -float(np.mean(np.log(chances)))
    assert epoch.train["loss"] == pytest.approx(loss, abs=1e-4)
    assert epoch.train["perplexity"] == pytest.approx(math.exp(loss), rel=1e-3)
    assert epoch.train["accuracy"] == pytest.approx(np.mean(hits))
    assert epoch.train["penalty"] == 0


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
    assert [e.epoch for e in epochs_of(events)] == list(range(1, last + 1))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == ("completed" if last == 9 else "early_stop")
    assert finished.best_epoch == 2
    assert [e.epoch for e in events if isinstance(e, Saved) and e.best] == [1, 2]
    card = read_card(tmp_path / "a")
    assert (card.metrics["epoch"], card.epochs_done) == (2, last)


def test_without_held_out_lines_all_epochs_are_made(tmp_path: Path) -> None:
    events = run(small_run("rnn", tmp_path / "a", epochs=4, patience=1))
    assert len(epochs_of(events)) == 4
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "completed"


def test_the_learning_rate_rises_and_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = Learner.step

    def noted(learner: Learner, *arguments: Any) -> Any:
        loss = step(learner, *arguments)
        rates.append(learner._optimizer.param_groups[0]["lr"])
        return loss

    small = small_run("gru", tmp_path / "a", epochs=4, warmup=0.25, learning_rate=0.01)
    trainer = Trainer(small, Control("the cat"))
    events = trainer.events()
    monkeypatch.setattr(Learner, "step", noted)
    list(events)
    steps = len(rates) // 4
    assert rates[0] == 0
    peak = rates.index(max(rates))
    assert steps <= peak <= steps + 1
    assert rates == [*sorted(rates[: peak + 1]), *sorted(rates[peak + 1 :], reverse=True)]
    assert 0.008 < max(rates) < 0.01
    assert rates[-1] < 0.001


@pytest.mark.parametrize(
    "carried",
    [
        {"layer1.0": np.zeros((2, 5), np.float32)},
        {"layer1.0": np.zeros((3, 4), np.float32)},
        {"layer2.0": np.zeros((3, 5), np.float32)},
    ],
)
def test_a_carried_state_of_another_network_is_refused(
    carried: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    small = small_run("gru", tmp_path / "a", epochs=1)
    learner = Learner(small.config, small.prepared)
    learner.load_hidden_state({"layer1.0": np.zeros((3, 5), np.float32)})
    with pytest.raises(ModelError, match="does not fit the network"):
        learner.load_hidden_state(carried)


def test_a_loss_that_is_not_finite_goes_back_to_the_best_epoch(tmp_path: Path) -> None:
    small = small_run("rnn", tmp_path / "a", epochs=3, learning_rate=1e30, grad_clip=0)
    events = run(small)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "diverged"


def test_an_unknown_word_has_a_probability_and_a_place_in_the_context(tmp_path: Path) -> None:
    run(small_run("gru", tmp_path / "a", epochs=30, learning_rate=0.02, dropout=0))
    model = load_model(tmp_path / "a")[1]
    vocabulary = model.vocabulary
    assert vocabulary.encode(["zebra"]) == [1]
    after = model.next_word_probabilities([2, *vocabulary.encode(["the", "zebra"])])
    without = model.next_word_probabilities([2, *vocabulary.encode(["the"])])
    assert np.abs(after - without).max() > 0.05
    # A tenth of the words occur once, and half of those are learned as unknown.
    assert without[1] > 0.01
    assert float(without[[0, 2]].sum()) < 0.05  # padding and begin never come next
