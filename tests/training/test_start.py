"""What a training starts from: the English, a model, or the saved state of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.config import CausalTrainConfig, make_config
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.trained_lines import OF_ENGLISH, thinned
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.text.reading import Text
from rnnlm_tui.training.job import Start
from rnnlm_tui.training.start import (
    begin,
    config_from,
    english_to_start_from,
    has_english_base_by_default,
    known_fraction,
    open_source,
)
from tests.helpers.models import change_card, put_saved_model, put_state, saved_model
from tests.helpers.texts import made_up_corpus
from tests.helpers.training import no_report, run_stopped_at, small_job

LEARNED = bundled_corpus().read_text().split("\n")[:40]
"""The lines of the saved models, of which a tenth were held out."""
NEW = ["the clock blossoms by the clock of thine own bright eyes"] * 2 + [
    f"thy {number} clocks fall on the sweet self" for number in range(30)
]
LESSON_WORDS = {"tokenizer": "lesson"}
"""The saved models have the words of the lesson."""


@pytest.fixture
def saved(library: Library) -> Library:
    """A library with the saved models."""
    for preset in ("lesson", "gru", "ngram"):
        put_saved_model(library, preset)
    return library


@pytest.fixture
def english(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library in which the saved gru stands in for the English."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / f"{ENGLISH}.safetensors").write_bytes(saved_model("gru"))
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "shipped"))
    return Library(data_dir)


def text_of(lines: list[str]) -> Text:
    return made_up_corpus("\n".join(lines))


def from_model(library: Library, name: str, lines: list[str], is_update: bool = False) -> Start:
    source = library.opened_model(name)
    config = config_from(source, [{}], 300, is_update=is_update)
    return begin(source, text_of(lines), config, no_report)


# From a model


@pytest.mark.parametrize("name", ["gru", "ngram"])
def test_lines_that_a_model_held_out_are_held_out_again_and_none_that_it_learned(
    name: str, saved: Library
) -> None:
    prepared = from_model(saved, name, LEARNED + NEW, is_update=True).prepared
    with open_stored(saved.path(name)) as stored:
        before = stored.lines()
    hashes = hash_lines(prepared.text, prepared.tokenizer)
    held_out = hashes[prepared.held_out_mask]
    assert not np.isin(held_out, before.known).any()
    again, new = np.isin(held_out, before.unseen).sum(), ~np.isin(held_out, before.unseen)
    assert again == len(before.unseen) > 0 and 0 < new.sum() < len(NEW) / 2


def test_a_network_keeps_its_words_and_weights_and_takes_the_words_of_the_text(
    saved: Library,
) -> None:
    with open_stored(saved.path("gru")) as stored:
        words, weights = stored.vocabulary(), stored.network()
    start = from_model(saved, "gru", LEARNED + NEW)
    vocabulary = start.prepared.vocabulary
    assert start.network is not None
    assert {*words.words} < {*vocabulary.words} and "clock" in vocabulary
    assert len(start.network["embedding"]) == vocabulary.total_words
    for word in ("beauty", "eyes"):
        rows = [
            network["embedding"][known.encode([word])[0]]
            for network, known in ((weights, words), (start.network, vocabulary))
        ]
        np.testing.assert_array_equal(*rows)
    more = len(vocabulary.words) - len(words.words)
    assert start.prepared.notes[-1] == f"its network starts from gru, with {more} words more"
    assert [each.name for each in start.ancestors] == ["gru"]
    assert isinstance(start.config.train, CausalTrainConfig)
    assert (start.config.epochs, start.config.train.learning_rate) == (3, 1e-3)


def test_the_lesson_keeps_to_its_words(saved: Library) -> None:
    prepared = from_model(saved, "lesson", LEARNED + NEW).prepared
    assert "clock" not in prepared.vocabulary


def test_words_that_a_model_never_suggests_stay_so_unless_the_text_has_them(saved: Library) -> None:
    change_card(saved, "gru", lambda card: card.update(blocked_words=["beauty", "eyes"]))
    start = from_model(saved, "gru", NEW)
    assert start.blocked_words == ["beauty"]


@pytest.mark.parametrize(
    ("name", "settings", "is_update", "field"),
    [
        ("gru", {"hidden_size": 5}, False, "hidden_size"),
        ("gru", {"tokenizer": "whitespace"}, False, "tokenizer"),
        ("gru", {"held_out": 0.5}, True, "held_out"),
        ("lesson", {"max_vocabulary": 5}, False, "max_vocabulary"),
    ],
)
def test_settings_that_a_model_fixes_are_refused(
    name: str, settings: dict[str, Any], is_update: bool, field: str, saved: Library
) -> None:
    with pytest.raises(UsageError, match="cannot be changed") as refused:
        config_from(saved.opened_model(name), [settings], 300, is_update=is_update)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("source", "update", "preset", "why"),
    [
        ("ngram", None, None, "cannot be trained on another text"),
        ("gru", None, "rnn", "gru is of the preset gru"),
        (None, "ngram", "gru", "ngram is of the preset ngram"),
        ("nobody", None, None, "there is no model nobody"),
        ("half", None, None, "has not finished its first epoch"),
    ],
)
def test_a_model_that_no_training_can_start_from(
    source: str | None, update: str | None, preset: str | None, why: str, saved: Library
) -> None:
    saved.path("half").write_bytes(saved_model("gru"))
    change_card(saved, "half", lambda card: card.update(epochs_done=0))
    put_state(saved.run_folder("half"), 1, 2)
    with pytest.raises((ModelError, UsageError), match=why):
        open_source(saved, source, update, preset)


# From the English


def test_a_text_counts_as_english_by_its_words(english: Library) -> None:
    config = make_config("gru", [LESSON_WORDS])
    german = ["viele neue worte stehen hier herum und bleiben"] * 60
    found = []
    for lines in (LEARNED, [*LEARNED[:20], *(f"zum {line}" for line in LEARNED)], german):
        is_english, notes = has_english_base_by_default(english, text_of(lines), config)
        found.append((is_english, notes[0].split(" of its words")[0]))
    assert [is_english for is_english, _ in found] == [True, True, False]
    assert found[-1][1] == "it has no base model (0%"
    off = make_config("gru", [LESSON_WORDS, {"mixture": "off"}])
    assert has_english_base_by_default(english, text_of(LEARNED), off) == (False, [])


def test_numbers_and_case_do_not_make_a_text_foreign(saved: Library) -> None:
    model = saved.opened_model("gru").model
    assert known_fraction(["BEAUTY 17 , eyes"], model.tokenizer, model.vocabulary) == 1
    assert known_fraction(["beauty clock"], model.tokenizer, model.vocabulary) == 0.5
    assert known_fraction([], model.tokenizer, model.vocabulary) == 0


def test_a_text_that_the_english_has_learned_is_said_to_be_that(english: Library) -> None:
    tokenizer = english.opened_model(ENGLISH).model.tokenizer
    long = [line for line in LEARNED if len(line.split()) >= 8]
    assert len(thinned(hash_lines(long, tokenizer))), "the sample must have one of its lines"
    config = make_config("gru", [LESSON_WORDS])
    assert OF_ENGLISH in has_english_base_by_default(english, text_of(LEARNED), config)[1]
    other = [f"{line} and thine eyes" for line in LEARNED]
    assert OF_ENGLISH not in has_english_base_by_default(english, text_of(other), config)[1]


@pytest.mark.parametrize(
    ("preset", "settings", "words", "why"),
    [
        ("gru", {}, 300, None),
        ("gru", {"dropout": 0.3, "epochs": 9, "hidden_size": 4, "max_vocabulary": 9}, 300, None),
        (
            "gru",
            {"hidden_size": 5},
            300,
            "hidden size 5 does not fit the network of english, which",
        ),
        ("rnn", {}, 300, "that of english is of the preset gru"),
        ("ngram", {}, 300, ""),
        ("gru", {}, 2_000_000, ""),
    ],
)
def test_a_network_starts_from_the_english_if_it_fits(
    preset: str, settings: dict[str, Any], words: int, why: str | None, english: Library
) -> None:
    config = make_config(preset, [settings])
    source, note = english_to_start_from(english, config, [settings], words)
    if why is None:
        assert source is not None and (source.name, note) == (ENGLISH, "")
        made = config_from(source, [settings], words, is_update=False)
        assert {**made.to_json()["model"], **made.to_json()["train"]}.items() >= settings.items()
    else:
        assert source is None
        assert note.startswith(f"its network starts from nothing: {why}" if why else "")
        assert bool(note) == bool(why)


def test_a_network_from_the_english_holds_out_lines_of_the_text_as_one_from_nothing(
    english: Library,
) -> None:
    """Whatever the English has learned: a note tells of that."""
    start = from_model(english, ENGLISH, LEARNED + NEW)
    assert len(start.prepared.held_out) == round(0.1 * len([*filter(str.strip, LEARNED + NEW)]))
    assert not len(start.lines.known)


# From a saved state


def test_a_resumed_run_has_the_words_and_the_held_out_lines_of_its_start(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"held_out": 0.3, "epochs": 3, "max_vocabulary": 9}
    job = small_job("gru", tmp_path / "a", **settings)
    run_stopped_at(job, 2, 1)
    again = small_job("gru", tmp_path / "a", **{**settings, "max_vocabulary": 20, "held_out": 0.1})
    assert again.prepared.vocabulary.words == job.prepared.vocabulary.words
    np.testing.assert_array_equal(again.prepared.held_out_mask, job.prepared.held_out_mask)
    assert again.facts.created == job.facts.created
