"""The n-gram trainer: its events, its figures, stopping, pausing and what it leaves."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.event_types import (
    Event,
    Finished,
    Paused,
    Progress,
    Started,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.model_file import load_model
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.ngram_trainer import NgramTrainer, train
from rnnlm_tui.training.run import sample
from tests.helpers.commands import VERSES
from tests.helpers.events import end_of, epochs_of
from tests.helpers.training import run, small_run

TEXT = VERSES * 10


def test_a_run_is_one_epoch_of_a_step_a_length(tmp_path: Path) -> None:
    small = small_run("ngram", tmp_path / "a", text=TEXT, order=3, seed=5)
    events = run(small)
    kinds = ["started", *["progress"] * 3, "epoch", "saved", "finished"]
    assert [event.event for event in events] == kinds
    started, finished = events[0], end_of(events)
    assert isinstance(started, Started)
    assert (started.preset, started.seed, started.device, started.threads) == ("ngram", 5, "cpu", 1)
    assert started.config["model"] == {"order": 3}
    assert "epochs" not in started.config["train"] and "torch" not in started.versions
    assert started.held_out_lines == 6
    assert [e.step for e in events if isinstance(e, Progress)] == [1, 2, 3]
    assert (finished.reason, finished.best_epoch) == ("completed", 1)
    assert epochs_of(events)[0].held_out == finished.metrics["held_out"]
    for event in events:
        line = to_json_line(event)
        # No loss is known yet, and JSON has no such number.
        assert ('"loss": null, "accuracy": null' in line) == isinstance(event, Progress)
        assert isinstance(event, Progress) or from_json_line(line) == event


@pytest.mark.parametrize("most", [20, 100_000])
def test_the_figures_are_those_of_the_n_grams_that_matter_most(most: int, tmp_path: Path) -> None:
    small = small_run("ngram", tmp_path / "a", text=TEXT, order=4, max_ngrams=most)
    (ended,) = epochs_of(run(small))
    card, model = load_model(small.path)
    assert sum(card.sizes[1:]) == most if most == 20 else sum(card.sizes[1:]) > 20
    assert card.sizes == list(ARCHITECTURES["ngram"].sizes_for(small.config, small.prepared))
    for figures, lines in zip((ended.train, ended.held_out), small.split_lines(), strict=True):
        assert figures is not None
        expected = summarize(score(model, lines))
        assert figures["loss"] == pytest.approx(expected.loss, rel=1e-5)
        assert figures["perplexity"] == pytest.approx(expected.perplexity, rel=1e-5)
        assert figures.get("top1", figures.get("accuracy")) == expected.top1
    assert ended.sample == sample(model, "the cat")


def test_the_model_is_saved_whole_and_its_run_is_over(tmp_path: Path) -> None:
    small = small_run(
        "ngram", tmp_path / "a", text=TEXT, order=2, min_count=11, held_out=0.0, tokenizer="lesson"
    )
    (ended,) = epochs_of(run(small))
    assert ended.held_out is None
    card, model = load_model(small.path)
    assert (card.config, card.tokenizer, card.window) == (small.config, "lesson", 1)
    assert (card.epochs_done, card.history) == (1, [card.metrics])
    assert card.parameters == sum(card.sizes) and card.sizes[0] == card.total_words - 1
    assert model.vocabulary.words == small.prepared.vocabulary.words
    with pytest.raises(ModelError, match="no training of counts"):
        load_state(small.folder, "counts")


@pytest.mark.parametrize("pauses", [False, True])
def test_a_stopped_run_leaves_no_model(pauses: bool, tmp_path: Path) -> None:
    small, control = small_run("ngram", tmp_path / "a", text=TEXT), Control("")
    seen: list[Event] = []
    for event in train(small, control):
        seen.append(event)
        if isinstance(event, Progress) and event.step == 2:
            (control.pause if pauses else control.stop)()
        if isinstance(event, Paused):
            threading.Timer(0.01, control.stop).start()
    end = end_of(seen)
    assert (end.reason, end.best_epoch, end.metrics) == ("stopped", None, {})
    assert epochs_of(seen) == []
    assert list(small.folder.iterdir()) == [] and not small.path.exists()


def test_time_in_a_pause_is_not_counted(tmp_path: Path) -> None:
    now = [0.0]
    control = Control("")
    small = small_run("ngram", tmp_path / "a", text=TEXT)
    kinds = []
    for event in NgramTrainer(small, control, lambda: now[0]).events():
        kinds.append(event.event)
        if isinstance(event, Progress) and event.step == 1:
            control.pause()
        if isinstance(event, Paused):
            now[0] += 100
            control.resume()
        now[0] += 1
    assert kinds[:5] == ["started", "progress", "paused", "resumed", "progress"]
    assert isinstance(event, Finished)
    assert event.elapsed_s == event.time - 101
