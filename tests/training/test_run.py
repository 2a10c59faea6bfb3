"""The training loop: its events, what it keeps, how it stops, pauses, resumes and diverges."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rnnlm_tui.events import (
    Event,
    Metrics,
    Paused,
    Progress,
    Saved,
    Started,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.model_file import read_card, read_model
from rnnlm_tui.store.run_files import read_facts, read_state
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.training import network_learner
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.network_learner import NetworkLearner
from rnnlm_tui.training.optimizers import rate_factor
from tests.helpers.commands import VERSES, verses
from tests.helpers.events import end_of, epochs_of, loss_of
from tests.helpers.training import model_of, run, run_stopped_at, same_weights, small_job, ticking

NETWORKS = [("lesson", {}), ("rnn", {}), ("gru", {}), ("lstm", {"layers": 2})]
MIXED = ("gru", {"mixture": "on", "held_out": 0.2})
TEXT = verses(10)


def kinds_of(events: list[Event]) -> list[str]:
    return [event.event for event in events]


# Events and figures


@pytest.mark.parametrize("order", [1, 3])
def test_the_ngrams_beside_a_network_have_the_order_that_is_asked_for(
    order: int, tmp_path: Path
) -> None:
    job = small_job("gru", tmp_path / "a", text=TEXT, mixture="on", epochs=1, order=order)
    [*run(job)]
    assert len(read_card(job.best_path).ngrams) == order


@pytest.mark.parametrize(
    ("preset", "settings", "kinds"),
    [
        ("gru", {"epochs": 2, "bptt": 64}, [*["progress"] * 4, "epoch", "saved"] * 2),
        ("ngram", {"order": 3}, [*["progress"] * 3, "epoch", "saved", "preparing"]),
    ],
)
def test_the_events_of_a_run(
    preset: str, settings: dict[str, Any], kinds: list[str], tmp_path: Path
) -> None:
    job = small_job(preset, tmp_path / "a", text=TEXT, seed=5, **settings)
    events = [*run(job, clock=ticking())]
    assert kinds_of(events) == ["started", *kinds, "finished"]
    begin, end = events[0], end_of(events)
    assert isinstance(begin, Started)
    assert (begin.preset, begin.seed, begin.device, begin.threads) == (preset, 5, "cpu", 1)
    assert ("torch" in begin.versions) == (preset == "gru")
    assert begin.held_out_lines == (0 if preset == "gru" else 6)
    epochs = epochs_of(events)
    assert (epochs[0].train == Metrics()) == (preset == "ngram")
    assert (end.reason, end.best_epoch, end.path) == ("completed", len(epochs), str(job.best_path))
    assert end.metrics is not None and end.metrics.train == epochs[-1].train
    progress = [event for event in events if isinstance(event, Progress)]
    assert [p.step for p in progress] == [*range(1, progress[0].steps + 1)] * len(epochs)
    first, last = progress[0], progress[-1]
    assert first.eta_s == pytest.approx((len(progress) - 1) * first.elapsed_s) and last.eta_s == 0
    for event in events:
        assert isinstance(event, Progress) or from_json_line(to_json_line(event)) == event
    assert not (job.folder / RESUME).exists() and job.best_path.exists()


@pytest.mark.parametrize(
    ("preset", "settings"),
    [*NETWORKS[::2], *(pytest.param(*row, marks=pytest.mark.slow) for row in NETWORKS[1::2])],
)
def test_a_network_learns_and_its_sample_continues_the_seed_line(
    preset: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"epochs": 25, "learning_rate": 0.03, "dropout": 0, **settings}
    job, control, events = small_job(preset, tmp_path / "a", **settings), Control("The cat"), []
    for event in run(job, control):
        events.append(event)
        if isinstance(event, Saved) and event.epoch == 1:
            control.obey_order("sample a bird")
    first, *_, last = epochs_of(events)
    assert loss_of(last.train) < 0.85 * loss_of(first.train)
    assert (first.sample["seed"], last.sample["seed"]) == ("The cat", "a bird")
    # Ten words; a slash stands between lines, which the lesson does not know.
    lines = last.sample["text"].removeprefix("a bird").split(" / ")
    assert sum(len(line.split()) for line in lines) <= 10
    assert (len(lines) > 1) == (preset != "lesson")


@pytest.mark.parametrize("preset", ["lesson", "rnn", "gru", "ngram"])
def test_an_epoch_has_the_words_that_its_model_suggests_after_the_seed_line(
    preset: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {} if preset == "ngram" else {"epochs": 1}
    job = small_job(preset, tmp_path / "a", **settings)
    (epoch,) = epochs_of([*run(job, Control("The cat"))])
    found = suggest(read_model(job.best_path)[1], "The cat ").candidates
    words = {each.word: each.probability for each in epoch.sample["next"]}
    assert words == pytest.approx({each.word: each.probability for each in found})
    assert len(words) == 5 and [*words.values()] == sorted(words.values(), reverse=True)


# Which epoch is kept, and when a run ends


def test_held_out_lines_decide_which_epoch_is_kept(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 12, "held_out": 0.4, "learning_rate": 0.1, "dropout": 0}
    job = small_job("lesson", tmp_path / "a", **settings)
    events = [*run(job)]
    losses = [loss_of(epoch.held_out) for epoch in epochs_of(events)]
    best = 1 + losses.index(min(losses))
    assert 1 <= best < 12, "the small network must overfit for this test to mean something"
    assert [event.epoch for event in events if isinstance(event, Saved) and event.best][-1] == best
    end, card = end_of(events), read_card(job.best_path)
    assert end.metrics is not None and (end.best_epoch, end.metrics.epoch) == (best, best)
    assert card.epochs_done == 12 and card.metrics == end.metrics
    # The kept weights are those of the best epoch: they give its held-out loss again.
    measured = summarize(score(read_model(job.best_path)[1], job.lines_to_measure))
    assert measured.loss == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize(
    ("held_out", "patience", "last", "best"), [(True, 2, 4, 2), (True, 50, 9, 2), (False, 1, 9, 9)]
)
def test_a_run_ends_early_when_its_patience_is_exhausted(
    held_out: bool, patience: int, last: int, best: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Without held-out lines it never does, and the last epoch is kept."""
    losses = iter([5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1, 4.05, 4.01])
    if held_out:
        measured = lambda learner: Metrics(loss=next(losses))  # noqa: E731
        monkeypatch.setattr(NetworkLearner, "held_out_metrics", measured)
    events = [*run(small_job("rnn", tmp_path / "a", epochs=9, patience=patience))]
    assert [epoch.epoch for epoch in epochs_of(events)] == [*range(1, last + 1)]
    assert end_of(events).reason == ("completed" if last == 9 else "early_stop")
    assert end_of(events).best_epoch == best
    kept = [event.epoch for event in events if isinstance(event, Saved) and event.best]
    assert kept == [*range(1, best + 1)]


def test_a_run_that_diverges_ends_and_keeps_its_best_epoch(tmp_path: Path) -> None:
    run_stopped_at(small_job("lesson", tmp_path / "a", epochs=4), 3, 1)
    kept = read_card(model_of(tmp_path / "a"))
    events = [*run(small_job("lesson", tmp_path / "a", epochs=4, learning_rate=1e30))]
    assert epochs_of(events) == []
    assert (end_of(events).reason, end_of(events).best_epoch) == ("diverged", 2)
    assert read_model(model_of(tmp_path / "a"))[0].metrics == kept.metrics
    # With one step an epoch, the loss before it is finite, but the weights after it are not.
    job = small_job("lesson", tmp_path / "b", epochs=3, batch_size=1000, learning_rate=1e30)
    events = [*run(job)]
    assert not {"epoch", "saved"} & {*kinds_of(events)} and not job.best_path.exists()
    assert (end_of(events).reason, end_of(events).best_epoch) == ("diverged", None)
    assert read_facts(job.folder).position.epoch == 1


# Stop, resume and pause


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("lesson", {}),
        MIXED,
        *(
            pytest.param(*row, marks=pytest.mark.slow)
            for row in (*NETWORKS[1:], ("gru", {"optimizer": "sgd", "learning_rate": 0.5}))
        ),
    ],
)
@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_stopped_within_an_epoch_ends_as_one_never_stopped(
    preset: str, settings: dict[str, Any], step: int, tmp_path: Path
) -> None:
    settings = {"text": VERSES * 2, "epochs": 3, "batch_size": 2, **settings}
    whole = [*run(small_job(preset, tmp_path / "whole", **settings))]
    events = run_stopped_at(small_job(preset, tmp_path / "parts", **settings), 2, step)
    assert end_of(events).reason == "stopped"
    card = read_card(model_of(tmp_path / "parts"))
    assert card.metrics is not None and (card.epochs_done, card.metrics.epoch) == (1, 1)
    facts, tensors = read_state(tmp_path / "parts" / "runs" / "small")
    assert (facts.position.epoch, facts.position.step) == (2, step)
    assert any(name.startswith("carried.") for name in tensors) == (preset != "lesson")
    rest = [*run(small_job(preset, tmp_path / "parts", **settings))]
    figures = [[(e.train, e.held_out, e.sample) for e in epochs_of(each)] for each in (whole, rest)]
    assert figures[1] == figures[0][1:]
    assert same_weights(tmp_path / "whole", tmp_path / "parts")
    cards = [read_card(model_of(tmp_path / name)) for name in ("whole", "parts")]
    assert cards[0].mixture == cards[1].mixture and cards[0].evaluation == cards[1].evaluation


def test_a_run_killed_within_an_epoch_goes_on_from_the_state_saved_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"text": VERSES * 2, "epochs": 2, "batch_size": 2}
    whole = [*run(small_job("gru", tmp_path / "whole", **settings))]
    monkeypatch.setattr("rnnlm_tui.training.run.SAVE_EVERY_S", 0.0)
    killed = run(small_job("gru", tmp_path / "parts", **settings), clock=ticking())
    assert any(isinstance(e, Progress) and (e.epoch, e.step) == (2, 2) for e in killed)
    del killed
    position = read_facts(tmp_path / "parts" / "runs" / "small").position
    assert (position.epoch, position.step) == (2, 2) and position.elapsed_s > 0
    rest = [*run(small_job("gru", tmp_path / "parts", **settings))]
    assert [e.train for e in epochs_of(rest)] == [e.train for e in epochs_of(whole)][1:]
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize("stop", [None, (2, 1)])
def test_an_extended_run_ends_as_a_longer_one(stop: tuple[int, int] | None, tmp_path: Path) -> None:
    """The lesson has one learning rate; those of the others depend on the number of epochs. One
    that is stopped before its first step goes on, too."""
    control, job = Control(), small_job("lesson", tmp_path / "a", epochs=2)
    control.stop()
    events = run_stopped_at(job, *stop) if stop else [*run(job, control)]
    assert end_of(events).reason == "stopped" and job.best_path.exists() == (stop is not None)
    for name in ("a", "b"):
        assert end_of([*run(small_job("lesson", tmp_path / name, epochs=4))]).best_epoch == 4
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_each_step_has_the_learning_rate_of_its_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rate of its beginning the first step, whose rate would be 0, taught nothing."""
    seen = list[float]()

    def look(settings: Any, fraction: float) -> float:
        seen.append(fraction)
        return rate_factor(settings, fraction)

    monkeypatch.setattr(network_learner, "rate_factor", look)
    [*run(small_job("gru", tmp_path / "a", epochs=2))]
    assert seen == pytest.approx([(n + 0.5) / len(seen) for n in range(len(seen))])


def test_n_grams_that_are_stopped_leave_nothing(tmp_path: Path) -> None:
    job = small_job("ngram", tmp_path / "a", text=TEXT)
    end = end_of(run_stopped_at(job, 1, 2))
    assert (end.reason, end.best_epoch, end.metrics) == ("stopped", None, None)
    assert list(job.folder.iterdir()) == [] and not job.best_path.exists()


def test_a_run_killed_while_it_is_measured_ends_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*arguments: object) -> None:
        raise KeyboardInterrupt

    settings: dict[str, Any] = {"epochs": 50, "patience": 1, "learning_rate": 1e-20}
    jobs = (small_job("gru", tmp_path / "a", held_out=0.4, **settings) for _ in range(2))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rnnlm_tui.training.ending.score_held_out", kill)
        [*run(next(jobs))]
    job = next(jobs)
    events = [*run(job)]
    assert epochs_of(events) == [] and end_of(events).reason == "early_stop"
    assert read_card(job.best_path).evaluation is not None
    assert not (job.folder / RESUME).exists()


@pytest.mark.parametrize("preset", ["lesson", "ngram"])
def test_a_paused_run_waits_and_its_time_stops(preset: str, tmp_path: Path) -> None:
    now, control, events = [0.0], Control(), list[Event]()

    def clock() -> float:
        now[0] += 0.11  # each step reports
        return now[0]

    for event in run(small_job(preset, tmp_path / "a", text=TEXT), control, clock):
        events.append(event)
        if isinstance(event, Progress) and event.step == 2:
            control.obey_order("pause")
        if isinstance(event, Paused):
            now[0] += 1000  # a long pause
            control.obey_order("resume")
        if isinstance(event, Progress) and event.step == 4:
            control.stop()
    kinds = kinds_of(events)
    assert kinds.count("paused") == kinds.count("resumed") == 1
    assert kinds.index("resumed") == kinds.index("paused") + 1
    end = end_of(events)
    assert end.time > 1000 and end.elapsed_s < 100


# Threads


@pytest.mark.parametrize(("threads", "used"), [(None, {1, 2}), (1, {1})])
def test_threads_follow_the_machine_unless_they_are_fixed(
    threads: int | None, used: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads to choose from, with scripted times. Only one really computes."""
    now, chosen = [0.0], [2]

    def perf_counter() -> float:  # it is read at the start and at the end of a step
        now[0] += 0.05 if chosen[-1] == 1 else 0.1
        return now[0]

    monkeypatch.setattr(torch, "get_num_threads", lambda: chosen[-1])
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(network_learner, "time", SimpleNamespace(perf_counter=perf_counter))
    job = small_job("lesson", tmp_path / "a", epochs=2, batch_size=1, threads=threads)
    reports = [e for e in run(job, clock=ticking()) if isinstance(e, Progress)]
    assert {report.threads for report in reports} == used
    assert reports[-1].threads == 1


FLUSHES_SUBNORMALS = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)

COUNT_SUBNORMALS = """
import sys
from pathlib import Path

import numpy as np
import torch
from tests.helpers.training import run, small_job

events = run(small_job("lesson", Path(sys.argv[1]), epochs=1, threads=2))
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
