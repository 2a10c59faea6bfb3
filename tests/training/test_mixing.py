"""Mixed models: what a training saves first, after each epoch, and when it is resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.evaluate import Evaluation, ScoredLine, score, summarize, written_loss
from rnnlm_tui.event_types import Finished, Saved
from rnnlm_tui.lm import mixture
from rnnlm_tui.lm.mixture import (
    PRIOR,
    MixedModel,
    em_mixture_weights,
    normalize,
    targets_of_excerpts,
)
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.evaluations import figures_of
from rnnlm_tui.store.model_file import load_model, read_card
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text import excerpts
from rnnlm_tui.training.checkpoint import load_state
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.evaluation import loss_of_update
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.trainer import train
from tests.helpers.commands import VERSES
from tests.helpers.events import epochs_of
from tests.helpers.models import card_in, with_card, with_tensors
from tests.helpers.training import model_of, run, run_stopped_at, same_weights, small_run

TEXT = VERSES * 10


def mixed_run(folder: Path, preset: str = "gru", **settings: Any) -> TrainingRun:
    """A small run that gives a mixed model."""
    options: dict[str, Any] = {"mixture": "on", "held_out": 0.2, **settings}
    return small_run(preset, folder, text=TEXT, **options)


def test_the_ngrams_are_the_model_until_an_epoch_is_through(tmp_path: Path) -> None:
    small = mixed_run(tmp_path / "a", epochs=3, learning_rate=0.02, max_ngrams=30)
    seen = []
    for event in train(small, Control("the cat")):
        if isinstance(event, Saved):
            card, model = load_model(small.path)
            assert isinstance(model, MixedModel)
            seen.append((event.epoch, event.best, card.epochs_done, [*model.models]))
            if event.epoch == 0:
                first = model.next_word_probabilities([2])
                assert card.metrics is None and suggest(model, "the ca").candidates
                assert card.evaluation is not None
    assert seen[0] == (0, True, 0, ["ngrams"])
    assert seen[-1][2:] == (3, ["network", "ngrams"])
    assert card.config.preset == "gru"
    assert not np.array_equal(first, model.next_word_probabilities([2]))
    assert card.mixture is not None and card.mixture["ngrams"] is not None
    assert sum(card.mixture["ngrams"]["sizes"][1:]) == 30
    assert sum(card.mixture["weights"].values()) == pytest.approx(1)
    assert list(small.folder.iterdir()) == []


def test_the_network_learns_as_it_does_alone(tmp_path: Path) -> None:
    mixed, alone = (mixed_run(tmp_path / name, epochs=2, mixture=name) for name in ("on", "off"))
    ends = [epochs_of(run(small)) for small in (mixed, alone)]
    figures = [[(end.train, end.held_out, end.sample) for end in each] for each in ends]
    assert figures[0] == figures[1]
    assert same_weights(mixed.folder, alone.folder)
    assert read_card(alone.path).mixture is None


def measured(small: TrainingRun, model: LanguageModel) -> Evaluation:
    """The metrics of a model on the held-out lines of a run, where they stand in the text."""
    scores = [score(model, each.lines, each.above) for each in small.held_out_excerpts()]
    return summarize(chain.from_iterable(scores))


@pytest.mark.parametrize("preset", ["gru", "ngram"])
def test_no_line_is_measured_with_weights_that_were_fitted_to_it(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture, "FEWEST_WORDS", 50)
    monkeypatch.setattr(excerpts, "CHARACTERS_EACH", 50)
    settings: dict[str, Any] = {"epochs": 1} if preset == "gru" else {}
    small = mixed_run(tmp_path / "a", preset, **settings)
    run(small)
    card, model = load_model(small.path)
    assert isinstance(model, MixedModel)
    measured = small.held_out_excerpts()
    assert len(measured) > 4
    halves = [[each for each in measured if each.half == half] for half in range(2)]
    prior = normalize({name: PRIOR[name] for name in model.mixture_weights})
    scored = list[ScoredLine]()
    for excerpt in measured:
        found = targets_of_excerpts(model, halves[1 - excerpt.half])
        weights = em_mixture_weights(found, np.array([*prior.values()]))
        other = MixedModel(model.tokenizer, model.models, dict(zip(prior, weights, strict=True)))
        scored += score(other, excerpt.lines, excerpt.above)
    evaluation = card.evaluation
    assert evaluation is not None
    assert evaluation == summarize(scored)
    assert loss_of_update(small, model) == pytest.approx(written_loss(scored))
    # The saved weights are fitted to all of the lines.
    fitted = em_mixture_weights(targets_of_excerpts(model, measured), np.array([*prior.values()]))
    assert [*model.mixture_weights.values()] == pytest.approx(fitted.tolist())
    assert evaluation != summarize(
        line for each in measured for line in score(model, each.lines, each.above)
    )


def test_while_it_trains_no_figure_of_a_part_is_shown_as_that_of_the_model(tmp_path: Path) -> None:
    """Else the model would seem to get worse with each epoch and better at the end. The held-out
    lines are too few to fit weights to them."""
    small, shown = mixed_run(tmp_path / "a", epochs=2), []
    for event in train(small, Control("the cat")):
        if isinstance(event, Saved | Finished):
            card, model = load_model(small.path)
            figures = figures_of(card)
            shown.append(figures and figures.perplexity)
            if isinstance(event, Finished) or event.epoch == 0:
                assert card.evaluation == measured(small, model)
                assert shown[-1] == card.evaluation.perplexity
    assert shown[1:-1] == [None, None]
    assert isinstance(model, MixedModel)
    assert model.mixture_weights == MixedModel(model.tokenizer, model.models).mixture_weights


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (2, 1)])
def test_a_stopped_run_resumes_exactly(epoch: int, step: int, tmp_path: Path) -> None:
    whole, stopped = (mixed_run(tmp_path / name, epochs=3) for name in ("whole", "stopped"))
    run(whole)
    run_stopped_at(stopped, epoch, step)
    card = read_card(stopped.path)
    assert (card.metrics is None) == (epoch == 1)
    events = run(replace(stopped, state=load_state(stopped.folder, "small")))
    assert all(event.epoch > 0 for event in events if isinstance(event, Saved))
    assert same_weights(whole.folder, stopped.folder)
    mixtures = [read_card(each.path).mixture for each in (whole, stopped)]
    assert mixtures[0] is not None and mixtures[0] == mixtures[1]


def test_the_model_of_an_earlier_run_stays_until_an_epoch_is_through(tmp_path: Path) -> None:
    run(mixed_run(tmp_path / "a", epochs=1))
    before = read_card(model_of(tmp_path / "a"))
    run_stopped_at(mixed_run(tmp_path / "a", epochs=2, seed=1), 1, 2)
    assert read_card(model_of(tmp_path / "a")) == before
    # Only the n-grams of a run that came to nothing give way at once.
    run_stopped_at(mixed_run(tmp_path / "b", epochs=2), 1, 2)
    first = read_card(model_of(tmp_path / "b"))
    events = run_stopped_at(mixed_run(tmp_path / "b", epochs=2, seed=1), 1, 2)
    assert [event.epoch for event in events if isinstance(event, Saved)] == [0, 1]
    assert read_card(model_of(tmp_path / "b")).config.train.seed != first.config.train.seed


def test_what_is_written_is_never_saved(tmp_path: Path) -> None:
    small = mixed_run(tmp_path / "a", epochs=1)
    run(small)
    before = small.path.read_bytes()
    card, model = load_model(small.path)
    assert model.uses_previous_lines
    said = ["the hay sang the hay sang the hay sang"] * 30
    with_cache = suggest(model, "the ", previous_lines=said).candidates
    assert with_cache != suggest(model, "the ").candidates
    assert small.path.read_bytes() == before
    assert "hay" not in card.to_json()
    assert set(card.parts) == {"network", "ngrams"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a mixed model. Do not change it."""
    small = mixed_run(tmp_path_factory.mktemp("mixed") / "a", epochs=1)
    run(small)
    return small.path


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("weights", {"network": 0, "ngrams": 0, "cache": 0}),
        ("weights", {"network": 1}),
        ("weights", {"network": 0.5, "ngrams": 0.5, "base": 0.1}),
        ("weights", {"network": 0.5, "ngrams": -0.5}),
        ("weights", {"network": 0.5, "ngrams": None}),
        ("weights", {"network": 0.5, "ngrams": 0.5, "moon": 0.5}),
        ("ngrams", None),
        ("ngrams", {"order": 9, "sizes": [1] * 9}),
        ("ngrams", {"order": 2, "sizes": [1 << 40, 1 << 40]}),
        ("base", {"name": "x", "created": ""}),
    ],
)
def test_an_invalid_mixture_is_refused(
    part: str, value: object, whole: Path, tmp_path: Path
) -> None:
    card = card_in(whole.read_bytes())
    card["mixture"][part] = value
    changed = tmp_path / "changed"
    changed.write_bytes(with_card(card, whole.read_bytes()))
    with pytest.raises(ModelError):
        load_model(changed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t.pop("ngrams.word.2"), "other tensors"),
        (lambda t: t["ngrams.children.2"].fill(7), "are not as many"),
        (lambda t: t.update({"ngrams.word.2": t["ngrams.word.2"][:, 1:]}), "is not uint8 of shape"),
    ],
)
def test_ngrams_that_are_damaged_are_refused(
    change: Callable[[dict[str, Any]], object], why: str, whole: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    changed.write_bytes(with_tensors(change, whole.read_bytes()))
    with pytest.raises(ModelError, match=why):
        load_model(changed)
