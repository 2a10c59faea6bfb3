"""Measuring a model: the mixture as it is fitted and saved, and the figures on held-out lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from rnnlm_tui.events import (
    COMPARING,
    ByWriter,
    EpochEnded,
    Event,
    LearnedWords,
    Preparing,
    Saved,
    UpdateFigures,
)
from rnnlm_tui.lm import mixture
from rnnlm_tui.lm.mixture import MixedModel, default_weights, em_mixture_weights, probabilities_in
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.files import RESUME, RUN_JSON
from rnnlm_tui.store.model_file import read_card, read_model
from rnnlm_tui.store.run_files import read_sources
from rnnlm_tui.suggesting.evaluate import ScoredLine, score, suggestion_loss, summarize
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.text import reading
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.training import ending, measure
from rnnlm_tui.training import run as training_run
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.measure import learned_words
from tests.helpers.commands import VERSES, verses
from tests.helpers.events import end_of, epochs_of
from tests.helpers.scripted import ScriptedModel
from tests.helpers.training import run, run_stopped_at, small_job

pytestmark = pytest.mark.slow

TEXT = verses(10)
MIXED: dict[str, Any] = {"text": TEXT, "mixture": "on", "held_out": 0.2}


def scores_of(job: Job, model: LanguageModel) -> list[ScoredLine]:
    """The held-out lines of a job, where they stand in the text."""
    return [*score(model, job.lines_to_measure)]


# The mixture


def test_the_n_grams_are_the_model_until_an_epoch_is_through(tmp_path: Path) -> None:
    job, seen = small_job("gru", tmp_path / "a", epochs=2, learning_rate=0.02, **MIXED), []
    for event in run(job):
        if isinstance(event, Saved):
            card, model = read_model(job.best_path)
            assert isinstance(model, MixedModel) and suggest(model, "the ca").candidates
            seen.append((event.epoch, event.best, card.metrics is not None, [*model.models]))
    assert seen[0] == (0, True, False, ["ngrams"])
    assert [each[::3] for each in seen[1:]] == [(n, ["network", "ngrams"]) for n in (1, 2)]
    before = job.best_path.read_bytes()  # the model of an earlier run stays until then
    run_stopped_at(small_job("gru", tmp_path / "a", epochs=2, seed=1, **MIXED), 1, 2)
    assert job.best_path.read_bytes() == before
    # A run that is stopped before measures the n-grams that it keeps.
    job = small_job("gru", tmp_path / "b", epochs=2, **MIXED)
    run_stopped_at(job, 1, 1)
    card = read_card(job.best_path)
    assert card.epochs_done == 0 and card.evaluation is not None


@pytest.mark.parametrize(("preset", "epochs"), [("gru", {"epochs": 1}), ("ngram", {})])
@pytest.mark.parametrize("enough", [True, False])
def test_the_weights_are_fitted_to_the_held_out_lines_if_these_are_enough(
    preset: str, epochs: dict[str, Any], enough: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(mixture, "FEWEST_FITTED", 50 if enough else 1 << 30)
    job = small_job(preset, tmp_path / "a", **MIXED, **epochs)
    [*run(job)]
    card, model = read_model(job.best_path)
    assert isinstance(model, MixedModel)
    weights = default_weights(model.mixture_weights)
    if enough:
        words = probabilities_in(model, job.lines_to_fit)
        fitted = em_mixture_weights(*words, np.array([*weights.values()]))
        weights = dict(zip(weights, fitted.tolist(), strict=True))
    assert model.mixture_weights == pytest.approx(weights)
    assert card.evaluation == summarize(scores_of(job, model))


# The figures at the end


@pytest.mark.parametrize("preset", ["lesson", "rnn", "gru", "lstm", "ngram"])
def test_a_training_and_its_evaluation_give_the_same_figures(preset: str, tmp_path: Path) -> None:
    """Hits are over all words: ends of lines do not count, an unknown word is a miss."""
    settings: dict[str, Any] = {} if preset == "ngram" else {"epochs": 1}
    text = VERSES * 3 + "the dog met a unicorn\nunicorns bark\n" + VERSES
    job = small_job(preset, tmp_path / "a", text=text, held_out=0.3, **settings)
    events = [*run(job)]
    (epoch,), end = epochs_of(events), end_of(events)
    card, model = read_model(job.best_path)
    expected = summarize(scores_of(job, model))
    assert expected.oov_share and card.evaluation == expected
    assert end.evaluation is not None and end.evaluation.perplexity == expected.perplexity
    assert end.evaluation.keystroke_savings == expected.keystroke_savings
    assert epoch.held_out is not None
    assert epoch.held_out.loss == pytest.approx(expected.loss, abs=1e-4)  # not yet in 8 bits
    of_one_word = 1 / expected.words + 1e-9
    assert epoch.held_out.top1 == pytest.approx(expected.top1, abs=of_one_word)
    assert epoch.held_out.top5 == pytest.approx(expected.top5, abs=of_one_word)


def test_the_keys_saved_so_far_are_those_of_the_saved_model_and_take_little_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, measured = (
        small_job("gru", tmp_path / "a", epochs=3, **MIXED),
        list[ByWriter[float] | None](),
    )
    monkeypatch.setattr(training_run, "ENOUGH_WORDS", 1)
    monkeypatch.setattr(training_run, "MEASURED_SHARE", 1e9)
    for event in run(job):
        if isinstance(event, EpochEnded):
            measured.append(event.keystroke_savings)
        elif isinstance(event, Saved) and event.epoch == 1:
            _, model = read_model(job.best_path)
            found = summarize(score(model, job.excerpts(1)))
            assert measured == [found.keystroke_savings]
    assert [each is None for each in measured] == [False, False, True]
    monkeypatch.setattr(training_run, "MEASURED_SHARE", 1e-9)
    again = epochs_of([*run(small_job("gru", tmp_path / "b", epochs=3, **MIXED))])
    assert [each.keystroke_savings for each in again] == [None, None, None]


def test_a_stopped_run_measures_few_words_and_a_stop_ends_a_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, control = small_job("ngram", tmp_path / "a", text=TEXT, mixture="on"), Control()
    [*run(job)]
    _, model = read_model(job.best_path)
    assert len(measure.score_held_out(job, model, control)) == len(scores_of(job, model)) > 3

    def stopping(*given: Any, **options: Any) -> Iterator[ScoredLine]:
        control.stop()
        return score(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(measure, "score", stopping)
        assert measure.score_held_out(job, model, control) == []
    monkeypatch.setattr(measure, "WORDS_IF_STOPPED", 1)
    assert len(measure.score_held_out(job, model, control)) == len(job.lines_to_measure[0].lines)


# The model in use


def library_in_use(folder: Path, **settings: Any) -> Job:
    """A run that has ended, whose model is in use under the name `old`."""
    job = small_job("ngram", folder, text=TEXT, mixture="on", held_out=0.4, **settings)
    [*run(job)]
    job.library.rename("small", "old")
    job.library.use("old")
    return job


def test_a_new_model_and_the_one_in_use_are_compared_on_lines_that_neither_has_learned(
    tmp_path: Path,
) -> None:
    before = library_in_use(tmp_path)
    unseen = {line for excerpt in before.lines_to_measure for line in excerpt.lines}
    job = small_job("ngram", tmp_path, text=TEXT, mixture="on", held_out=0.4, seed=1)
    found, old = end_of([*run(job)]).comparison, job.library.open("old").model
    _, new = read_model(job.best_path)
    assert found is not None and found.name == "old", "the one in use"
    for model, figures in ((old, found.in_use), (new, found.new)):
        lines = [line for line in scores_of(job, model) if line.text in unseen]
        assert 0 < len(lines) < len(scores_of(job, model))
        assert summarize(lines) == figures


def test_the_app_names_the_model_that_its_training_is_compared_with(tmp_path: Path) -> None:
    """Another one may be in use by then, set by a shell."""
    before = library_in_use(tmp_path)
    job = small_job("ngram", tmp_path, text=TEXT, mixture="on", held_out=0.4, seed=1)
    before.library.export("old", before.library.path("other"))
    before.library.use("other")
    control = Control()
    for line in ("compare old", "compare ../old", "compare"):
        control.obey_order(line)
    found = end_of([*run(job, control)]).comparison
    assert found is not None and found.name == "old"


def test_a_training_ends_well_though_the_model_in_use_is_deleted_meanwhile(tmp_path: Path) -> None:
    library = library_in_use(tmp_path).library
    events = list[Event]()
    for event in run(small_job("ngram", tmp_path, text=TEXT, mixture="on", held_out=0.4, seed=1)):
        events.append(event)
        if isinstance(event, Preparing) and event.phase == COMPARING:
            library.delete("old")
    end = end_of(events)
    assert (end.reason, end.comparison, library.has("old")) == ("completed", None, False)


def test_what_is_never_used_by_itself_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lesson, a network that was stopped before its first epoch, the sonnets, and a model that is
    in use already."""
    library = library_in_use(tmp_path).library
    gru: dict[str, Any] = {"text": TEXT, "mixture": "on", "held_out": 0.4, "epochs": 2}
    ngram: dict[str, Any] = {"text": TEXT, "mixture": "on", "held_out": 0.4}

    def compared(events: list[Event]) -> bool:
        end = end_of(events)
        assert end.evaluation is not None
        return end.comparison is not None

    assert not compared(run_stopped_at(small_job("gru", tmp_path, **gru), 1, 2))
    assert compared([*run(small_job("gru", tmp_path, **gru))])
    assert not compared([*run(small_job("lesson", tmp_path, TEXT, held_out=0.4, epochs=1))])
    with monkeypatch.context() as patch:
        patch.setattr(reading, "bundled_corpus", lambda: tmp_path.with_suffix(".txt"))
        assert not compared([*run(small_job("ngram", tmp_path, **ngram))])
    assert compared([*run(small_job("ngram", tmp_path, **ngram))])
    library.use("small")
    assert not compared([*run(small_job("ngram", tmp_path, **ngram))])


# Updates


def finished(folder: Path, held_out: float = 0.2) -> Job:
    """A run that has ended."""
    job = small_job("gru", folder, text=TEXT, epochs=3, held_out=held_out, learning_rate=0.02)
    [*run(job)]
    return job


def update_of(old: Job, epochs: int = 8, rate: float = 0.03) -> Job:
    """An update of its model."""
    settings: dict[str, Any] = {"epochs": epochs, "held_out": old.config.train.held_out}
    job = small_job("gru", old.library.data_dir, text=TEXT, learning_rate=rate, **settings)
    return replace(job, facts=structs.replace(job.facts, is_update=True))


@pytest.mark.parametrize(
    ("epochs", "rate", "held_out", "is_better"),
    [(8, 0.03, 0.2, True), (1, 1e-9, 0.2, False), (1, 1e-9, 0, True)],
)
def test_an_update_replaces_the_model_if_it_is_better_or_nothing_tells(
    epochs: int, rate: float, held_out: float, is_better: bool, tmp_path: Path
) -> None:
    old = finished(tmp_path / "a", held_out)
    before, (_, old_model) = old.best_path.read_bytes(), read_model(old.best_path)
    (old.folder / RUN_JSON).unlink()
    job = update_of(old, epochs, rate)
    events = [*run(job)]
    end, scored = end_of(events), scores_of(job, old_model)
    assert {event.path for event in events if isinstance(event, Saved)} == {str(job.best_path)}
    assert end.path == str(old.best_path) and end.update is not None
    update, was = end.update, summarize(scored)
    old_loss = suggestion_loss(scored)
    assert (update.replaced, update.old_loss) == (is_better, old_loss)
    assert update.old_savings == was.keystroke_savings
    if old_loss is not None and update.new_loss is not None:
        assert (update.new_loss < old_loss) == is_better
    assert (update.new_loss is None) == (held_out == 0)
    assert (old.best_path.read_bytes() != before) == is_better
    assert not job.best_path.exists() and not (old.folder / RESUME).exists()
    # The files that it learned are those of the model once it is the model.
    assert read_sources(old.folder).sources == (old.facts.sources if is_better else [])


def test_an_update_that_is_stopped_while_it_is_compared_replaces_nothing_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, control, calls = finished(tmp_path / "a"), Control(), count()

    def stopping(*given: Any) -> list[ScoredLine] | None:
        if next(calls) == 1:  # the model as it was is measured after the new one
            control.stop()
        return measure.score_held_out(*given)

    before = old.best_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(ending, "score_held_out", stopping)
        end = end_of([*run(update_of(old), control)])
    assert (end.reason, end.update) == ("stopped", UpdateFigures(replaced=False))
    assert old.best_path.read_bytes() == before
    end = end_of([*run(update_of(old))])
    assert end.reason == "completed" and end.update is not None and end.update.replaced
    assert old.best_path.read_bytes() != before and not (old.folder / RESUME).exists()


def test_a_stopped_or_killed_update_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it was killed after it had replaced the model."""
    old = finished(tmp_path / "a")
    before = old.best_path.read_bytes()
    end = end_of(run_stopped_at(update_of(old), 2, 1))
    assert end.update == UpdateFigures(replaced=False)
    assert old.best_path.read_bytes() == before
    with monkeypatch.context() as killed:
        killed.setattr("rnnlm_tui.training.saving.clean_up", lambda job: None)
        [*run(update_of(old))]
    end = end_of([*run(update_of(old))])
    assert end.update == UpdateFigures(replaced=True)
    assert old.best_path.read_bytes() != before and not (old.folder / RESUME).exists()


def test_the_words_that_a_text_adds_to_the_english_are_told(tmp_path: Path) -> None:
    """Those that it has several times, with names that stand together, but no codes."""
    text = """\
Marta saw Zoë Muñoz at 10:30. The boat of Marta is snig, said Zoë Muñoz.
Marta Berg wrote to Zoë Muñoz, and to a@b.se, that Marta and Oskar saw a@b.se at 10:30.
Zoë Muñoz saw a@b.se at 10:30 with Oskar. Marta is snig and the boat is snig. Snig is the boat.
"""
    job = small_job("ngram", tmp_path / "a", text, tokenizer="prose", held_out=0)
    known = ["saw", "at", "the", "boat", "of", "is", "said", "wrote", "to", "and", "that", "with"]
    for more, learned in (
        ((), LearnedWords(["Marta", "Zoë Muñoz"], 3)),
        (("zoë", "marta"), LearnedWords(["Muñoz", "snig"], 2)),
    ):
        english = ScriptedModel({}, 9, SPECIAL_TOKENS, [*known, *more])
        assert learned_words(job.prepared, english) == learned
