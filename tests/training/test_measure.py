"""How good a model is: the mixture as it is fitted and saved, and the figures on held-out lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.evaluate import ScoredLine, score, summarize, written_loss
from rnnlm_tui.event_types import BaseSavings, Finished, Preparing, Saved, UpdateFigures
from rnnlm_tui.lm import mixture
from rnnlm_tui.lm.mixture import PRIOR, MixedModel, em_mixture_weights, targets_of_excerpts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.files import RESUME, to_json
from rnnlm_tui.store.model_file import load_model, open_stored, read_card
from rnnlm_tui.suggest import suggest
from rnnlm_tui.training import measure
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.saving import Saver
from tests.helpers.commands import VERSES
from tests.helpers.events import end_of, epochs_of
from tests.helpers.ngrams import ngram_model
from tests.helpers.training import model_of, run, run_stopped_at, same_weights, small_job

TEXT = VERSES * 10
OWL = ["an owl and a bird sang to the moon"] * 3
MIXED: dict[str, Any] = {"text": TEXT, "mixture": "on", "held_out": 0.2}


def scores_of(job: Job, model: LanguageModel) -> list[ScoredLine]:
    """The held-out lines of a job, where they stand in the text."""
    return [line for above, lines in job.held_out for line in score(model, lines, above)]


# The mixture


def test_the_n_grams_are_the_model_until_an_epoch_is_through(tmp_path: Path) -> None:
    job, seen = small_job("gru", tmp_path / "a", epochs=2, learning_rate=0.02, **MIXED), []
    for event in run(job):
        if isinstance(event, Saved):
            card, model = load_model(job.path)
            assert isinstance(model, MixedModel) and suggest(model, "the ca").candidates
            seen.append((event.epoch, event.best, card.metrics is not None, [*model.models]))
    assert seen[0] == (0, True, False, ["ngrams"])
    assert [each[::3] for each in seen[1:]] == [(n, ["network", "ngrams"]) for n in (1, 2)]
    assert card.mixture is not None and sum(card.mixture.weights.values()) == pytest.approx(1)


def test_the_model_of_an_earlier_run_stays_until_an_epoch_is_through(tmp_path: Path) -> None:
    [*run(small_job("gru", tmp_path / "a", epochs=1, **MIXED))]
    before = model_of(tmp_path / "a").read_bytes()
    run_stopped_at(small_job("gru", tmp_path / "a", epochs=2, seed=1, **MIXED), 1, 2)
    assert model_of(tmp_path / "a").read_bytes() == before


def test_the_network_learns_as_it_does_alone(tmp_path: Path) -> None:
    jobs = [
        small_job("gru", tmp_path / on, epochs=2, **{**MIXED, "mixture": on})
        for on in ("on", "off")
    ]
    figures = [[(e.train, e.held_out, e.sample) for e in epochs_of([*run(job)])] for job in jobs]
    assert figures[0] == figures[1]
    assert same_weights(*(job.folder for job in jobs))
    assert read_card(jobs[1].path).mixture is None


@pytest.mark.parametrize(("preset", "epochs"), [("gru", {"epochs": 1}), ("ngram", {})])
@pytest.mark.parametrize("enough", [True, False])
def test_the_weights_are_fitted_to_the_held_out_lines_if_these_are_enough(
    preset: str, epochs: dict[str, Any], enough: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(mixture, "FEWEST_WORDS", 50 if enough else 1 << 30)
    job = small_job(preset, tmp_path / "a", **MIXED, **epochs)
    [*run(job)]
    card, model = load_model(job.path)
    assert isinstance(model, MixedModel)
    weights = mixture.normalize({name: PRIOR[name] for name in model.mixture_weights})
    if enough:
        targets = targets_of_excerpts(model, job.lines_to_fit)
        fitted = em_mixture_weights(targets, np.array([*weights.values()]))
        weights = dict(zip(weights, fitted.tolist(), strict=True))
    assert model.mixture_weights == pytest.approx(weights)
    assert card.evaluation == summarize(scores_of(job, model))


def test_what_is_written_is_never_saved(tmp_path: Path) -> None:
    job = small_job("gru", tmp_path / "a", epochs=1, **MIXED)
    [*run(job)]
    before, (card, model) = job.path.read_bytes(), load_model(job.path)
    said = ["the hay sang the hay sang the hay sang"] * 30
    with_cache = suggest(model, "the ", previous_lines=said).candidates
    assert with_cache != suggest(model, "the ").candidates
    assert job.path.read_bytes() == before and b"hay" not in to_json(card)
    with open_stored(job.path) as stored:
        assert {name.split(".")[0] for name in stored.tensors()} == {
            *("conventions", "lines", "network", "ngrams", "vocabulary")
        }


# The figures at the end


@pytest.mark.parametrize("preset", ["lesson", "rnn", "gru", "lstm", "ngram"])
def test_a_training_and_its_evaluation_give_the_same_figures(preset: str, tmp_path: Path) -> None:
    """Hits are over all words: ends of lines do not count, an unknown word is a miss."""
    settings: dict[str, Any] = {} if preset == "ngram" else {"epochs": 1}
    text = VERSES * 3 + "the dog met a unicorn\nunicorns bark\n" + VERSES
    job = small_job(preset, tmp_path / "a", text=text, held_out=0.3, **settings)
    events = [*run(job)]
    (epoch,), end = epochs_of(events), end_of(events)
    card, model = load_model(job.path)
    expected = summarize(scores_of(job, model))
    assert expected.oov_share and card.evaluation == expected
    assert end.evaluation is not None and end.evaluation.perplexity == expected.perplexity
    assert end.evaluation.keystroke_savings == expected.keystroke_savings
    assert epoch.held_out is not None
    assert epoch.held_out.loss == pytest.approx(expected.loss, abs=1e-4)  # not yet in 8 bits
    of_one_word = 1 / expected.words + 1e-9
    assert epoch.held_out.top1 == pytest.approx(expected.top1, abs=of_one_word)
    assert epoch.held_out.top5 == pytest.approx(expected.top5, abs=of_one_word)


@pytest.mark.parametrize(("mixture", "epochs_done"), [("on", 0), ("off", 1)])
def test_a_stopped_run_measures_the_model_that_it_keeps(
    mixture: str, epochs_done: int, tmp_path: Path
) -> None:
    job = small_job("gru", tmp_path / "a", epochs=9, held_out=0.3, mixture=mixture)
    run_stopped_at(job, epochs_done + 1, 1)
    card = read_card(job.path)
    assert card.epochs_done == epochs_done and card.evaluation is not None


def test_a_stopped_run_measures_few_words_and_a_stop_ends_a_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, control = small_job("ngram", tmp_path / "a", text=TEXT, mixture="on"), Control()
    [*run(job)]
    _, model = load_model(job.path)
    assert len(measure.scores(job, model, control) or []) == len(scores_of(job, model)) > 3

    def stopping(*arguments: Any) -> Iterator[ScoredLine]:
        control.stop()
        return score(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(measure, "score", stopping)
        assert measure.scores(job, model, control) is None
    monkeypatch.setattr(measure, "WORDS_IF_STOPPED", 1)
    assert len(measure.scores(job, model, control) or []) == len(job.held_out[0].lines)


def test_the_english_alone_is_measured_on_the_same_lines(tmp_path: Path) -> None:
    english = ngram_model(OWL)
    settings = {**MIXED, "epochs": 1, "tokenizer": english.tokenizer.name}
    job = small_job("gru", tmp_path / "a", english=english, **settings)
    events = [*run(job)]
    assert [event.phase for event in events if isinstance(event, Preparing)][-1] == "comparing"
    saved = summarize(scores_of(job, english)).keystroke_savings
    figures, card = end_of(events).evaluation, read_card(job.path)
    assert saved is not None and figures is not None
    assert figures.base == card.base_alone == BaseSavings(ENGLISH, saved)
    assert card.base == ENGLISH
    _, model = load_model(job.path, english)
    assert isinstance(model, MixedModel)
    assert "owl" in model.vocabulary and "owl" not in model.own_vocabulary


# Updates


@pytest.fixture
def old(tmp_path: Path) -> Job:
    """A finished run, whose model can be updated."""
    job = small_job("gru", tmp_path / "a", text=TEXT, epochs=3, learning_rate=0.02, held_out=0.2)
    [*run(job)]
    return job


def update_of(old: Job, **settings: Any) -> Job:
    """An update of its model, with the same lines held out."""
    job = small_job("gru", old.folder, text=TEXT, held_out=0.2, **settings)
    return replace(job, path=job.path.with_name(".new.safetensors"), replaces=job.path)


@pytest.mark.parametrize(
    ("settings", "is_better"),
    [({"epochs": 8, "learning_rate": 0.03}, True), ({"epochs": 1, "learning_rate": 1e-9}, False)],
)
def test_an_update_replaces_the_model_if_it_is_better(
    settings: dict[str, Any], is_better: bool, old: Job
) -> None:
    before, (_, old_model) = old.path.read_bytes(), load_model(old.path)
    update = update_of(old, **settings)
    *events, end = run(update)
    assert {event.path for event in events if isinstance(event, Saved)} == {str(update.path)}
    assert isinstance(end, Finished) and end.path == str(old.path)
    scored = scores_of(update, old_model)
    assert end.update is not None and end.update.new_loss is not None
    old_loss = written_loss(scored)
    assert old_loss is not None and end.update.old_loss == old_loss
    assert end.update.replaced == is_better == (end.update.new_loss < old_loss)
    assert end.evaluation is not None
    assert end.evaluation.before == summarize(scored).keystroke_savings
    assert (old.path.read_bytes() != before) == is_better
    assert not update.path.exists() and not (old.folder / RESUME).exists()


def test_a_stopped_update_leaves_the_model_and_can_be_resumed(old: Job) -> None:
    before = old.path.read_bytes()
    end = end_of(run_stopped_at(update_of(old, epochs=8, learning_rate=0.03), 2, 1))
    assert end.update == UpdateFigures(replaced=False, old_loss=None, new_loss=None)
    assert old.path.read_bytes() == before
    resumed = end_of([*run(update_of(old, epochs=8, learning_rate=0.03))])
    assert resumed.update is not None and resumed.update.replaced


def test_an_update_killed_after_it_replaced_the_model_says_so_when_it_is_resumed(
    old: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    better: dict[str, Any] = {"epochs": 8, "learning_rate": 0.03}
    with monkeypatch.context() as killed:
        killed.setattr(Saver, "end", lambda saver: None)
        assert end_of([*run(update_of(old, **better))]).update is not None
    end = end_of([*run(update_of(old, **better))])
    assert end.update == UpdateFigures(replaced=True, old_loss=None, new_loss=None)
    assert not (old.folder / RESUME).exists()


def test_without_held_out_lines_an_update_replaces_the_model(tmp_path: Path) -> None:
    old = small_job("gru", tmp_path / "a", epochs=1)
    [*run(old)]
    job = small_job("gru", tmp_path / "a", epochs=1)
    job = replace(job, path=job.path.with_name(".new.safetensors"), replaces=job.path)
    end = end_of([*run(job)])
    assert end.update == UpdateFigures(replaced=True, old_loss=None, new_loss=None)
    card = read_card(old.path)
    assert card.evaluation is None and card.created == job.facts.created
