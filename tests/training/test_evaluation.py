"""The figures that a training leaves with its model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.errors import StorageError
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.event_types import Event, Finished, Preparing, Saved, Warned
from rnnlm_tui.lm.model import LanguageModel, State
from rnnlm_tui.store.model_file import BaseModel, load_model, read_card
from rnnlm_tui.text.corpus import some_lines
from rnnlm_tui.training import evaluation, trainer
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.evaluation import evaluate_held_out, evaluate_lines, save_evaluation
from rnnlm_tui.training.run import RunReport
from tests.helpers.commands import VERSES
from tests.helpers.events import epochs_of
from tests.helpers.training import run, run_stopped_at, small_run

TEXT = VERSES * 3 + "the dog met a unicorn\nunicorns bark\n" + VERSES


@pytest.mark.parametrize("preset", ["lesson", "rnn", "gru", "lstm", "ngram"])
def test_a_training_and_its_evaluation_give_the_same_figures(preset: str, tmp_path: Path) -> None:
    """Hits are over all words: ends of lines do not count, an unknown word is a miss."""
    settings: dict[str, Any] = {} if preset == "ngram" else {"epochs": 1}
    small = small_run(preset, tmp_path / "a", text=TEXT, held_out=0.3, **settings)
    (epoch,) = epochs_of(run(small))
    card, model = load_model(small.path)
    scores = [*score(model, small.split_lines()[1])]
    expected = summarize(scores)
    assert expected.oov_share
    assert card.evaluation == expected
    assert epoch.held_out is not None
    assert epoch.held_out["loss"] == pytest.approx(expected.loss, abs=1e-4)  # not yet in 8 bits
    of_one_word = 1 / expected.words + 1e-9
    assert epoch.held_out["top1"] == pytest.approx(expected.top1, abs=of_one_word)
    assert epoch.held_out["top5"] == pytest.approx(expected.top5, abs=of_one_word)


@pytest.mark.parametrize(("step", "epochs_done"), [(2, 0), (1, 1)])
def test_a_stopped_run_evaluates_the_model_that_it_keeps(
    step: int, epochs_done: int, tmp_path: Path
) -> None:
    small = small_run("gru", tmp_path / "a", epochs=9, held_out=0.3)
    run_stopped_at(small, epochs_done + 1, step)
    card, _ = load_model(small.path)
    assert card.epochs_done == epochs_done
    assert card.evaluation is not None


def test_figures_that_cannot_be_saved_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise StorageError("no space left")

    small = small_run("gru", tmp_path / "a", epochs=1, held_out=0.3)
    events = []
    for event in trainer.train(small, Control("")):
        events.append(event)
        if isinstance(event, Saved):
            monkeypatch.setattr(evaluation, "change_card", fail)
    assert [event.message for event in events if isinstance(event, Warned)] == ["no space left"]
    assert isinstance(events[-1], Finished)
    load_model(small.path)


class Comparison:
    """A run whose base and old model are the model that it trains."""

    def __init__(self, folder: Path) -> None:
        self.run = small_run("gru", folder, epochs=1, held_out=0.3)
        run(self.run)
        self.model = load_model(self.run.path)[1]
        base = BaseModel({"name": "other", "created": ""}, self.model)
        self.run = replace(self.run, base=base, replaces=self.model)
        self.control = Control("")

    def events(self) -> Iterator[Event]:
        """The events of its comparison; the last one is no event, but the figures."""
        evaluation = evaluate_held_out(self.run, self.model, self.control)
        report = RunReport(self.run)
        self.figures = yield from save_evaluation(self.run, evaluation, self.control, report)


def test_the_base_and_the_old_model_are_measured_on_the_same_lines(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path / "a")
    phases = [*comparison.events()]
    assert [(e.phase, e.done, e.of) for e in phases if isinstance(e, Preparing)] == [
        ("comparing", 1, 3),
        ("comparing", 2, 3),
    ]
    figures = comparison.figures
    assert figures is not None and figures["base"] is not None and figures["words"] > 0
    assert figures["base"]["name"] == "other"
    assert figures["base"]["keystroke_savings"] == figures["before"] == figures["keystroke_savings"]
    assert read_card(comparison.run.path).base_alone == figures["base"]


def test_a_stop_ends_a_comparison_and_the_evaluation_stays(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path / "a")
    for event in comparison.events():
        assert isinstance(event, Preparing) and event.done == 1
        comparison.control.stop()
    assert comparison.figures is not None and comparison.figures["base"] is None
    card = read_card(comparison.run.path)
    assert card.evaluation is not None and card.base_alone is None


def test_a_stop_ends_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, control = small_run("rnn", tmp_path / "a", epochs=1), Control("")
    run(small)
    _, model = load_model(small.path)
    predictions, predict = count(), type(model).predict

    def stop_soon(model: LanguageModel, states: Iterable[State]) -> Iterator[NDArray[np.float32]]:
        for probabilities in predict(model, states):
            next(predictions)
            control.stop()
            yield probabilities

    monkeypatch.setattr(type(model), "predict", stop_soon)
    assert evaluate_lines(model, VERSES.splitlines() * 100, control) is None
    assert next(predictions) < 100


def test_of_much_text_stretches_spread_over_it_are_measured() -> None:
    lines = [f"line {number} of the text" for number in range(1000)]
    assert some_lines(lines, 5000) == lines
    chosen = [lines.index(line) for line in some_lines(lines, 500) if line]
    assert len(chosen) == 100
    assert chosen[:33] == [*range(32), chosen[32]]
    assert chosen[32] > 200 and chosen[-1] > 600
    assert some_lines(["a b c d"], 3) == ["a b c"]
    assert some_lines([], 3) == []
