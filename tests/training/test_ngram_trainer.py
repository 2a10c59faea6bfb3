"""The n-gram trainer: its events, its figures, stopping, pausing and what it leaves."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Finished,
    Paused,
    Progress,
    Resumed,
    Saved,
    Started,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.store.load import load_model
from rnnlm_tui.suggest import generate_words
from rnnlm_tui.training import checkpoint
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.ngram_trainer import NgramTrainer, train
from tests.helpers.commands import VERSES
from tests.helpers.training import counting_job


def of_kind(events: list[Event], kind: type[Event]) -> list[Any]:
    """The events of this kind."""
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """A corpus with enough lines to hold some out."""
    path = tmp_path / "long.txt"
    path.write_text(VERSES * 10)
    return path


def test_a_run_is_one_epoch_of_a_step_a_length(long_file: Path, tmp_path: Path) -> None:
    job = counting_job(long_file, tmp_path / "a", order=3, seed=5)
    events = list(train(job, Control("the cat")))
    assert [event.event for event in events] == [
        *("started", "progress", "progress", "progress", "epoch", "saved", "finished")
    ]
    started, ended, saved, finished = events[0], events[4], events[5], events[6]
    assert isinstance(started, Started) and isinstance(ended, EpochEnded)
    assert (started.preset, started.seed, started.device, started.threads) == ("ngram", 5, "cpu", 1)
    assert started.config["model"] == {"order": 3}
    assert "epochs" not in started.config["train"] and "torch" not in started.versions
    assert started.held_out_lines == 6
    assert started.examples == job.prepared.examples.predictions
    assert [(e.step, e.steps, e.epoch, e.epochs) for e in of_kind(events, Progress)] == [
        (1, 3, 1, 1),
        (2, 3, 1, 1),
        (3, 3, 1, 1),
    ]
    assert isinstance(saved, Saved) and saved.best
    assert isinstance(finished, Finished) and finished.reason == "completed"
    assert (finished.best_epoch, finished.metrics["epoch"]) == (1, 1)
    assert ended.held_out == finished.metrics["held_out"]


def test_every_event_survives_its_json(long_file: Path, tmp_path: Path) -> None:
    for event in train(counting_job(long_file, tmp_path / "a"), Control("")):
        again = from_json_line(to_json_line(event))
        if isinstance(event, Progress):  # no loss is known yet, and JSON has no such number
            assert '"loss": null, "accuracy": null' in to_json_line(again)
        else:
            assert again == event


def test_the_figures_are_those_of_the_evaluation(long_file: Path, tmp_path: Path) -> None:
    job = counting_job(long_file, tmp_path / "a", order=4)
    (ended,) = of_kind(list(train(job, Control("the cat"))), EpochEnded)
    _, model = load_model(job.folder)
    for found, lines in zip((ended.train, ended.held_out), job.split_lines(), strict=True):
        scores = [*score(model, lines)]
        expected = summarize(scores)
        assert found["loss"] == pytest.approx(expected.loss, rel=1e-5)
        assert found["perplexity"] == pytest.approx(expected.perplexity, rel=1e-5)
        assert found.get("top1", found.get("accuracy")) == expected.top1
    words = generate_words(model, "the cat", 10)
    assert ended.sample == {"seed": "the cat", "text": " ".join(["the cat", *words])}


def test_nothing_held_out_has_no_figures(long_file: Path, tmp_path: Path) -> None:
    events = list(train(counting_job(long_file, tmp_path / "a", held_out=0.0), Control("")))
    assert of_kind(events, EpochEnded)[0].held_out is None


def test_the_model_is_saved_whole_and_its_run_is_over(long_file: Path, tmp_path: Path) -> None:
    job = counting_job(long_file, tmp_path / "a", order=2, min_count=11)
    list(train(job, Control("")))
    card, model = load_model(job.folder)
    assert (card.config, card.tokenizer, card.window) == (job.config, "lesson", 1)
    assert (card.epochs_done, card.history) == (1, [card.metrics])
    assert card.parameters == sum(card.sizes) and card.sizes[0] == card.total_words - 1
    assert model.vocabulary.words == job.prepared.vocabulary.words
    assert model.vocabulary.special_tokens == ("<unk>", "<s>", "</s>")
    with pytest.raises(ModelError, match="no run of counts"):
        load_state(job.folder, "counts")


def test_a_run_that_is_told_to_stop_leaves_nothing(long_file: Path, tmp_path: Path) -> None:
    job, control = counting_job(long_file, tmp_path / "a"), Control("")
    seen: list[Event] = []
    for event in train(job, control):
        seen.append(event)
        if isinstance(event, Progress) and event.step == 2:
            control.stop()
    finished = seen[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.best_epoch, finished.metrics) == ("stopped", None, {})
    assert of_kind(seen, EpochEnded) == []
    assert list(job.folder.iterdir()) == []


def test_a_paused_run_waits_until_it_is_resumed(long_file: Path, tmp_path: Path) -> None:
    control, kinds = Control(""), []
    for event in train(counting_job(long_file, tmp_path / "a", order=2), control):
        kinds.append(event.event)
        if isinstance(event, Progress) and event.step == 1:
            control.pause()
        if isinstance(event, Paused):
            threading.Timer(0.01, control.resume).start()
    assert kinds[:5] == ["started", "progress", "paused", "resumed", "progress"]
    assert kinds[-1] == "finished"


def test_a_paused_run_can_be_stopped(long_file: Path, tmp_path: Path) -> None:
    control, seen = Control(""), []
    for event in train(counting_job(long_file, tmp_path / "a"), control):
        seen.append(event)
        if isinstance(event, Progress):
            control.pause()
        if isinstance(event, Paused):
            threading.Timer(0.01, control.stop).start()
    assert of_kind(seen, Resumed)[0].reason == "asked to stop"
    assert isinstance(seen[-1], Finished) and seen[-1].reason == "stopped"


def test_time_in_a_pause_is_not_counted(long_file: Path, tmp_path: Path) -> None:
    now = [0.0]
    control = Control("")
    for event in NgramTrainer(
        counting_job(long_file, tmp_path / "a"), control, lambda: now[0]
    ).events():
        if isinstance(event, Progress) and event.step == 1:
            control.pause()
        if isinstance(event, Paused):
            now[0] += 100
            control.resume()
        now[0] += 1
    assert isinstance(event, Finished)
    assert event.elapsed_s == event.time - 101


def test_a_model_that_cannot_be_saved_leaves_the_one_before(
    long_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = counting_job(long_file, tmp_path / "a", order=2)
    list(train(job, Control("")))
    before = (job.folder / "model.json").read_bytes()
    other = counting_job(long_file, tmp_path / "a", order=3)

    def fail(path: Path, tensors: object) -> None:
        raise StorageError(f"could not save {path}")

    events = train(other, Control(""))
    next(event for event in events if isinstance(event, EpochEnded))
    monkeypatch.setattr(checkpoint, "write_tensors", fail)
    with pytest.raises(StorageError):
        next(events)
    assert (job.folder / "model.json").read_bytes() == before
    assert load_model(job.folder)[0].config.model == job.config.model
