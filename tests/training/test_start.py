"""The start of a training: from the English or from a model."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.cli.data_card import prospect, warnings
from rnnlm_tui.errors import ModelError, RnnlmError, UsageError
from rnnlm_tui.lm import mixture
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored, read_card
from rnnlm_tui.store.trained_lines import IS_BUILT_IN
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.training import start
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.network_learner import NetworkLearner
from tests.helpers.events import end_of, loss_of
from tests.helpers.languages import LATIN, lines_in, ship
from tests.helpers.models import change_card_json, put, put_saved_model, remade
from tests.helpers.training import made, run, run_stopped_at

LEARNED = bundled_corpus().read_text().split("\n")[:40]
"""The lines of the saved models, of which a tenth were held out."""
NEW = [f"thy {number} clocks blossom on the sweet self of thine own eyes" for number in range(30)]
GERMAN = ["viele neue worte stehen hier herum und bleiben"] * 60
MIXED = [*LEARNED[:20], *(f"zum 17 {line.upper()}" for line in LEARNED)]
FROM_NOTHING = "its network starts from nothing: "


def hardly_english(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines of which few words are known. Their language is tried all the same."""
    monkeypatch.setattr(start, "LEAST_KNOWN_TO_TRY", 0.05)
    rng, words = random.Random(0), GERMAN[0].split()
    return [" ".join(["thy", *rng.choices(words, k=12)]) for _ in range(200)]


@pytest.fixture
def saved(library: Library) -> Library:
    """A library with the saved models."""
    for preset in ("lesson", "gru", "ngram"):
        put_saved_model(library, preset)
    return library


@pytest.fixture
def english(data_dir: Path, built_in_dir: Path) -> Library:
    """A library in which the saved gru, whose words are those of the lesson, stands in for the
    English."""
    raw = remade("gru", lambda card, tensors: card.update(language="en"))
    put(built_in_dir, {"english.safetensors": raw})
    return Library(data_dir)


def made_of(library: Library, lines: list[str], **request: Any) -> Job:
    """The job of a training on these lines."""
    file = library.data_dir.with_name("text.txt")
    file.write_text("\n".join(lines))
    return made(library, file, **request)


def on_english(library: Library, lines: list[str], **request: Any) -> Job:
    """The job of a training on these lines, cut into words as those of the English are."""
    settings = {"tokenizer": "lesson", **request.pop("settings", {})}
    return made_of(library, lines, settings=settings, **request)


# From a model


def test_a_network_keeps_its_words_and_weights_and_takes_the_words_of_the_text(
    saved: Library,
) -> None:
    with open_stored(saved.path("gru")) as stored:
        words, weights = stored.vocabulary(), stored.network()
    job = made_of(saved, LEARNED + NEW, start_from="gru")
    vocabulary, network = job.prepared.vocabulary, job.network
    assert network is not None and len(network["embedding"]) == vocabulary.total_words
    assert {*words.words} < {*vocabulary.words} and "clocks" in vocabulary
    for word in ("beauty", "eyes"):
        np.testing.assert_array_equal(
            weights["embedding"][words.encode([word])[0]],
            network["embedding"][vocabulary.encode([word])[0]],
        )
    more = len(vocabulary.words) - len(words.words)
    assert f"its network starts from gru, with {more} words more" in job.prepared.notes
    assert [each.name for each in job.facts.ancestors] == ["gru"]
    assert (job.config.epochs, job.config.settings["optimizer"]) == (2, "sgd")
    assert job.lines_to_learn is job.prepared.train


def test_a_given_optimizer_has_its_own_learning_rate(saved: Library) -> None:
    """AdamW with the large rate of plain steps would destroy the network."""
    for request, given, rate in (
        ({"update": "gru"}, {"optimizer": "adamw"}, 1e-3),
        ({"start_from": "gru"}, {"optimizer": "adamw"}, 1e-3),
        ({"start_from": "gru"}, {"optimizer": "adamw", "learning_rate": 0.01}, 0.01),
        ({"start_from": "gru"}, {"optimizer": "sgd"}, 0.3),
        ({"preset": "gru", "start_from": "none"}, {"optimizer": "sgd"}, 0.3),
        ({"preset": "gru", "start_from": "none"}, {"optimizer": "adamw"}, 3e-3),
    ):
        job = made_of(saved, LEARNED + NEW, settings=given, **request)
        assert job.config.network_train.learning_rate == rate, (request, given)


def test_new_words_start_as_what_they_are_used_like(saved: Library) -> None:
    """A network that has not learned them yet predicts the text better than with mean vectors."""
    job = made_of(saved, LEARNED + NEW, start_from="gru", settings={"held_out": 0.3})
    both = (NetworkLearner(each) for each in (job, replace(job, new_words=())))
    like, mean = (loss_of(learner.held_out_metrics()) for learner in both)
    assert like < mean
    assert {job.prepared.vocabulary.word(i) for i in job.new_words} >= {"clocks", "17"}


def test_the_lesson_keeps_to_its_words_and_its_rate(saved: Library) -> None:
    job = made_of(saved, LEARNED + NEW, start_from="lesson")
    assert "clocks" not in job.prepared.vocabulary
    assert (job.config.epochs, job.config.network_train.learning_rate) == (3, 1e-3)


def test_an_update_learns_the_new_lines_and_as_many_words_of_the_others(
    saved: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It measures on no more words than it fits mixture weights to."""
    monkeypatch.setattr("rnnlm_tui.training.job.MOST_FITTED", 8)
    lines = ["*****", *LEARNED, *NEW[:6]]
    job = made_of(saved, lines, update="gru")
    word = job.prepared.vocabulary.word
    learned = [" ".join(map(word, line.tolist())) for line in job.lines_to_learn]
    assert job.config.epochs == 1
    own = [line for line in learned if "clocks" in line]
    assert (
        len(own)
        == job.prepared.train.word_counts(job.prepared.vocabulary.total_words)[
            job.prepared.vocabulary.id_by_word["clocks"]
        ]
    )
    old = sum(len(line.split()) for line in learned if line not in own)
    assert old == pytest.approx(sum(len(line.split()) for line in own), abs=10)
    measured = sum(len(line.split()) for each in job.lines_to_measure for line in each.lines)
    assert 0 < measured < job.prepared.held_out_words
    run_stopped_at(job, 1, 1)
    resumed = made(saved, resume=True, name="gru")
    np.testing.assert_array_equal(resumed.lines_to_learn.ids, job.lines_to_learn.ids)


def test_words_that_a_model_never_suggests_stay_so_unless_the_text_has_them(saved: Library) -> None:
    change_card_json(saved, "gru", lambda card: card.update(blocked_words=["beauty", "eyes"]))
    assert made_of(saved, NEW, start_from="gru").facts.blocked_words == ["beauty"]


@pytest.mark.parametrize(
    ("request_", "name", "value"),
    [
        ({"start_from": "gru"}, "hidden_size", 5),
        ({"start_from": "gru"}, "tokenizer", "whitespace"),
        ({"update": "gru"}, "held_out", 0.5),
    ],
)
def test_settings_that_a_model_fixes_are_refused(
    request_: dict[str, Any], name: str, value: Any, saved: Library
) -> None:
    with pytest.raises(UsageError, match="cannot be changed") as refused:
        made_of(saved, NEW, settings={name: value}, **request_)
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"start_from": "ngram"}, "cannot be trained on another text"),
        ({"start_from": "gru", "preset": "rnn"}, "gru is of the preset gru"),
        ({"update": "ngram", "preset": "gru"}, "ngram is of the preset ngram"),
        ({"start_from": "nobody"}, "there is no model nobody"),
        ({"start_from": "half"}, "has not finished its first epoch"),
    ],
)
def test_a_model_that_no_training_can_start_from(
    request_: dict[str, str], why: str, saved: Library
) -> None:
    if "half" in request_.values():
        settings = {"hidden_size": 4, "embedding_size": 4, "threads": 1}
        run_stopped_at(made_of(saved, NEW, name="half", settings=settings), 1, 1)
    with pytest.raises(RnnlmError, match=why):
        made_of(saved, NEW, **request_)


# From the English


@pytest.mark.parametrize(
    ("lines", "request_", "is_base", "note"),
    [
        (LEARNED, {}, True, IS_BUILT_IN),
        (MIXED, {}, True, "its base model is english (9"),
        (GERMAN, {}, False, "it has no base model (0% of its words are common in English, too"),
        (GERMAN, {"on": "english"}, True, "its network starts from english, with 8 words"),
        (LEARNED, {"on": "none"}, False, None),
        (LEARNED, {"settings": {"mixture": "off"}}, False, None),
        (LEARNED, {"settings": {"tokenizer": "whitespace"}}, False, None),
        (LEARNED, {"settings": {"dropout": 0.3}}, True, "its network starts from english, with "),
        (LEARNED, {"start_from": "none"}, True, "its base model is english"),
        (LEARNED, {"settings": {"hidden_size": 4}}, True, f"{FROM_NOTHING}its hidden size"),
        (LEARNED, {"preset": "rnn"}, True, f"{FROM_NOTHING}that of english is of the preset gru"),
        (LEARNED, {"preset": "ngram"}, True, "its base model is english"),
    ],
)
def test_what_a_model_takes_from_the_english(
    lines: list[str], request_: dict[str, Any], is_base: bool, note: str | None, english: Library
) -> None:
    job = on_english(english, lines, **request_)
    assert (job.base is not None) == is_base
    notes = job.prepared.notes
    assert any(each.startswith(note or "its base") for each in notes) == bool(note)
    is_start = any(each.startswith("its network starts from english") for each in notes)
    assert (job.network is not None) == is_start
    told = prospect(job, 1)[0]
    assert told.startswith("It starts from english") == is_start
    assert told.endswith(", and is mixed with english.") == (is_base and not is_start)


@pytest.mark.parametrize(
    ("lines", "settings", "words", "points"),
    [
        (LEARNED, {}, "3 words, 1% of the text", "0 to 2"),
        (GERMAN, {}, "8 words, 100% of", "10 to 30"),
        # Words beyond the vocabulary are not learned, and most of them are English.
        (LEARNED, {"hidden_size": 4, "max_vocabulary": 3}, "0 words, 0% of the text", "0 to 2"),
    ],
)
def test_the_card_tells_how_much_of_a_text_is_new_to_the_english(
    lines: list[str],
    settings: dict[str, Any],
    words: str,
    points: str,
    english: Library,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It promises nothing for a text of few words."""
    job = on_english(english, lines, on="english", settings=settings)
    assert prospect(job, 1)[-1].startswith(f"New to english: {words}")
    monkeypatch.setattr("rnnlm_tui.cli.data_card.FEW_WORDS", 1)
    told = " ".join(prospect(job, 1)[-2:])
    assert told.startswith(f"New to english: {words}") and f"save {points} keys" in told
    assert "New to" not in " ".join(prospect(on_english(english, lines, on="none"), 1))


@pytest.mark.slow
def test_the_english_stays_the_base_of_a_text_of_another_language_if_it_has_weight(
    english: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly half of the words of the mixed text are known."""
    german = hardly_english(monkeypatch)
    mixed = [line for pair in zip(LEARNED, german, strict=False) for line in pair]
    for lines, is_kept in ((german, False), (mixed, True)):
        settings = {"held_out": 0.3, "tokenizer": "lesson", "mixture": "on"}
        job = made_of(english, lines, preset="ngram", settings=settings, name=f"is-{is_kept}")
        assert "english is tried (" in job.prepared.notes[-1]
        assert prospect(job, 1)[0].endswith(", and is mixed with english if that helps.")
        evaluation, card = end_of([*run(job)]).evaluation, read_card(job.best_path)
        assert evaluation is not None and card.mixture is not None
        assert (evaluation.base is not None) == is_kept
        left = None if is_kept else "english"
        assert (card.base, card.mixture.left_out) == (None if left else "english", left)
        assert ("english is left out" in (card.mixture_text or "")) != is_kept
    # It is not asked where too few lines are held out, nor where it is asked for.
    monkeypatch.setattr(mixture, "FEWEST_FITTED", 1 << 30)
    for request, is_kept in ({}, False), ({"on": "english"}, True):
        job = made_of(english, mixed, preset="ngram", settings=settings, name="few", **request)
        [*run(job)]
        assert (read_card(job.best_path).base == "english") == is_kept
        job.best_path.unlink()


def test_an_update_tries_the_english_again(
    english: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    german, settings = (
        hardly_english(monkeypatch),
        {"held_out": 0.3, "tokenizer": "lesson", "mixture": "on"},
    )
    [*run(made_of(english, german, preset="ngram", settings=settings, name="mine"))]
    job = made_of(english, [*german, *LEARNED[:20]], update="mine")
    assert job.base is not None and job.tries_base


def test_a_network_of_a_long_text_starts_from_nothing(
    english: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "MAX_FROM_BASE", 200)
    assert on_english(english, LEARNED[:20]).network is not None
    job = on_english(english, LEARNED)
    assert job.network is None and job.base is not None


@pytest.mark.parametrize("settings", [{"mixture": "off"}, {"tokenizer": "whitespace"}])
def test_a_model_that_cannot_be_mixed_with_the_english_is_refused_if_it_is_asked_for(
    settings: dict[str, Any], english: Library
) -> None:
    with pytest.raises(UsageError, match="cannot be mixed with english"):
        on_english(english, LEARNED, settings=settings, on="english")


# By the language of the text


@pytest.fixture
def languages(data_dir: Path, built_in_dir: Path) -> Library:
    """A library in which two small languages are built in."""
    ship(built_in_dir, "english", "german")
    return Library(data_dir)


@pytest.mark.parametrize(
    ("lines", "on", "base", "note"),
    [
        (lines_in("german", 90, 1), None, "german", "its base model is german (100% of its words"),
        (lines_in("english", 90, 1), "auto", "english", "its base model is english (100% of"),
        ([LATIN] * 30, None, None, "it has no base model (8% of its words are common in English"),
        (lines_in("german", 90, 1), "english", "english", None),
        (lines_in("german", 90, 1), "none", None, None),
    ],
)
def test_the_base_is_that_of_the_language_of_the_text(
    lines: list[str], on: str | None, base: str | None, note: str | None, languages: Library
) -> None:
    job = made_of(languages, lines, preset="ngram", on=on, settings={"lines": "each"})
    assert (job.base.name if job.base else None) == base
    assert any(each.startswith(note or "its base") for each in job.prepared.notes) == bool(note)
    of_base = f", and is mixed with {base}." if base else "."
    assert prospect(job, 1)[0].endswith(f"in some seconds{of_base}")


def test_a_model_keeps_its_base_and_its_language(languages: Library, built_in_dir: Path) -> None:
    """Without its base it is refused."""
    german = lines_in("german", 60, 1)
    [*run(made_of(languages, german, preset="ngram", settings={"lines": "each"}, name="mine"))]
    job = made_of(languages, [*german, *lines_in("english", 200, 1)], update="mine")
    assert job.base is not None and job.base.name == "german"
    [*run(job)]
    card = languages.open("mine").card
    assert (card.base, card.language, card.is_language) == ("german", "de", False)
    (built_in_dir / "german.safetensors").unlink()
    with pytest.raises(ModelError, match="it is built on german, which this version does not have"):
        languages.open("mine")


@pytest.mark.slow
def test_a_resumed_training_keeps_its_base(languages: Library, built_in_dir: Path) -> None:
    settings = {"lines": "each", "hidden_size": 4, "embedding_size": 4, "threads": 1}
    job = made_of(languages, lines_in("german", 90, 1), settings=settings, name="half")
    run_stopped_at(job, 1, 1)
    job = made(languages, resume=True, name="half")
    assert job.base is not None and job.base.name == "german"
    (built_in_dir / "german.safetensors").unlink()
    with pytest.raises(ModelError, match="of half cannot go on: it is built on german"):
        made(languages, resume=True, name="half")


UNSPACED = {
    "Chinese": "天气很冷。街上没有人。我们走到河边。河水很安静。",
    "Japanese": "今日は天気がいいですね。明日は雨が降るでしょう。",
    "Thai": "วันนี้อากาศดีมาก เราไปเดินเล่นที่แม่น้ำ",
}


@pytest.mark.parametrize("language", UNSPACED)
@pytest.mark.parametrize("tokenizer", ["prose", "lesson"])
def test_a_text_without_spaces_is_told_so_and_trained_on(
    language: str, tokenizer: str, library: Library
) -> None:
    text = UNSPACED[language]
    lines = [f"{text[start:]} {text[:start]}" for start in range(len(text))]
    settings = {"tokenizer": tokenizer, "held_out": 0.3}
    job = made_of(library, lines, preset="ngram", settings=settings, name="text")
    assert warnings(job)[0] == (
        "Words are found by spaces, so it helps little in Chinese, Japanese or Thai."
    )
    assert end_of([*run(job)]).reason == "completed"
    assert [*suggest(library.open("text").model, text[:5]).candidates] or tokenizer == "lesson"
