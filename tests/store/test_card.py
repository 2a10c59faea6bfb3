"""A model's card: saved cards are read, also of older formats, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.card import FORMAT, parse_card
from rnnlm_tui.store.load import load_model
from tests.helpers.models import (
    OLDER_MODELS,
    WORDS,
    card_data,
    make_model,
    refusal,
    whole_model,
    with_card,
)

NESTED = ("corpus.lines", "corpus.words", "metrics.epoch")
HUGE = 10**400
TRAIN = {"loss": 1.0, "perplexity": 2.7, "accuracy": 0.5, "penalty": 0.0}
HELD_OUT = {"loss": 1.5, "perplexity": 4.5, "top1": None, "top5": 0.5}
OPTIONAL = [
    *("format", "preset", "conventions", "versions", "history", "sizes"),
    *("checksums", "lines", "ancestors", "mixture", "about", "unsuggested"),
]


def parsed(data: object) -> object:
    """The card of this JSON."""
    return parse_card(json.dumps(data).encode())


def test_a_card_survives_its_json(tmp_path: Path) -> None:
    card = make_model(tmp_path, epoch=3)
    assert parsed(card.to_json()) == card
    assert card.metrics["epoch"] == 3
    assert [entry["epoch"] for entry in card.history] == [1, 2, 3]


def test_fields_of_a_later_program_are_left_out() -> None:
    data = card_data()
    data["metrics"]["held_out"] = dict(HELD_OUT)
    expected = parsed(data)
    data["metrics"]["held_out"]["top9"] = 0.5
    assert parsed({**data, "mood": [], "corpus": {**data["corpus"], "language": "en"}}) == expected


@pytest.mark.parametrize(
    ("part", "figure"),
    [*(("train", key) for key in TRAIN), *(("held_out", key) for key in HELD_OUT)],
)
def test_an_epoch_without_one_of_its_figures_is_refused(part: str, figure: str) -> None:
    for of_history in (True, False):
        data = card_data()
        epoch = data["history"][0] if of_history else data["metrics"]
        epoch["held_out"] = dict(HELD_OUT)
        parsed(data)
        del epoch[part][figure]
        with pytest.raises(ModelError, match=figure):
            parsed(data)


@pytest.mark.parametrize("version", [0, -1, -(10**30), FORMAT + 7])
def test_an_unknown_format_is_refused(version: int) -> None:
    assert "format" in refusal(with_card({**card_data(), "format": version}))


def older(version: int) -> dict[str, Any]:
    """The same card as the program wrote it in an older format."""
    data = card_data()
    data["format"] = version
    del data["checksums"]
    if version == 1:
        del data["sizes"], data["config"]["train"]["min_count"]
    return data


@pytest.mark.parametrize("version", [1, 2])
def test_a_model_of_an_older_format_is_read_as_it_was(tmp_path: Path, version: int) -> None:
    make_model(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(older(version)))
    if version == 1:
        (tmp_path / "vocabulary.json").write_text(json.dumps({"words": WORDS}))
    card, model = load_model(tmp_path)
    assert card == parsed({**card_data(), "checksums": {}})
    assert (card.config.train.min_count, card.sizes) == (1, [])
    assert (model.vocabulary.words, model.vocabulary.special_tokens) == (WORDS, ())


def holder_of(data: dict[str, Any], place: str) -> tuple[dict[str, Any], str]:
    """The container of a place such as "corpus.lines", and the key in it."""
    *outer, key = place.split(".")
    return (data[outer[0]] if outer else data), key


@pytest.mark.parametrize("place", sorted([*card_data(), *NESTED, "config.model", "config.train"]))
def test_a_missing_field_is_refused(place: str) -> None:
    data = card_data()
    holder, key = holder_of(data, place)
    del holder[key]
    if place in OPTIONAL:
        parsed(data)
    else:
        assert refusal(with_card(data))


@pytest.mark.parametrize("place", sorted([*card_data().keys() - {"preset"}, *NESTED]))
def test_a_field_of_another_type_and_a_number_out_of_bounds_are_refused(place: str) -> None:
    """A corpus of 10**400 lines crashed the app at every start."""
    wrong: tuple[object, ...] = (None, True, 1.5, -5, HUGE, -HUGE, 1 << 64, [1], {"x": []})
    wrong = wrong[place in ("lines", "mixture") : 8 if place == "conventions" else None]
    for value in wrong:  # two may be None, and of conventions unknown fields are ignored
        data = card_data()
        holder, key = holder_of(data, place)
        holder[key] = value
        with pytest.raises(ModelError, match=r"model\.json|format"):
            parsed(data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", 0),
        ("window", 1025),
        ("window", 4.0),
        ("total_words", 1),
        ("total_words", 8),
        ("tokenizer", "other"),
        ("weights", "../../x"),
        ("weights", "/etc/passwd"),
        ("weights", "weights-1.safetensors/../../good/weights-1.safetensors"),
        ("weights", "weights-.safetensors"),
        ("weights", "weights-1.safetensors\n"),
        ("weights", "weights-1234567890.safetensors"),
        ("weights", "weights-\u0663.safetensors"),
        ("weights", "resume.safetensors"),
        ("vocabulary", "../good/vocabulary.json"),
        ("vocabulary", "vocabulary.json\x00"),
        ("checksums", {"vocabulary.json": "12345678\n"}),
        ("corpus", {**card_data()["corpus"], "name": "x" * 2000}),
        ("metrics", {"epoch": 1, "train": {**TRAIN, "loss": "x"}, "held_out": None}),
        ("metrics", {"epoch": 1, "train": {**TRAIN, "loss": HUGE}, "held_out": None}),
        ("metrics", {"epoch": 1, "train": {"loss": 1.0}, "held_out": None}),
        ("metrics", {"epoch": 1, "train": TRAIN, "held_out": 3}),
        ("history", [{}]),
        ("config", {**card_data()["config"], "model": {}}),
        ("config", {**card_data()["config"], "train": {"epochs": HUGE}}),
        ("config", {**card_data()["config"], "preset": "other"}),
    ],
)
def test_an_invalid_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ModelError, match=r"model\.json"):
        parsed({**card_data(), name: value})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sizes": []}, "the numbers of n-grams do not fit"),
        ({"sizes": [184, 2**40, 5]}, "a number of n-grams is out of range"),
        ({"sizes": [184, -1, 5]}, "sizes"),
        ({"sizes": [184, True, 5]}, "sizes"),
        ({"sizes": [184, 2**31 - 2, 2**31 - 2]}, "the number of parameters is not that"),
        ({"parameters": 3}, "the number of parameters is not that of its"),
    ],
)
def test_invalid_sizes_of_an_ngram_model_are_refused(fields: dict[str, object], why: str) -> None:
    data = json.loads((OLDER_MODELS / "ngram" / "model.json").read_bytes())
    assert data["sizes"][0] == 184
    with pytest.raises(ModelError, match=why):
        parsed({**data, **fields})


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"[" * 100_000],
    ids=lambda raw: repr(raw[:9]),
)
def test_a_file_that_is_not_a_card_is_refused(raw: bytes) -> None:
    assert "model.json" in refusal({**whole_model(), "model.json": raw})


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "[" * 40 + "]" * 40, "[" * 10**5])
@pytest.mark.parametrize("place", ["corpus", "metrics", "config", "versions", "epochs_done"])
def test_numbers_that_are_not_finite_and_deep_nesting_are_refused(place: str, value: str) -> None:
    raw = json.dumps({**card_data(), place: "HERE"}).replace('"HERE"', value)
    with pytest.raises(ModelError, match=r"model\.json"):
        parse_card(raw.encode())
