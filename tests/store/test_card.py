"""A model's card: saved cards are read, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.card import FORMAT, ModelCard, parse_card
from tests.helpers.models import (
    EVALUATION,
    card_data,
    card_in,
    make_model,
    refusal,
    saved_model,
    with_card,
    with_card_text,
)

NESTED = ("corpus.lines", "corpus.words", "metrics.epoch")
HUGE = 10**400
TRAIN = {"loss": 1.0, "perplexity": 2.7, "accuracy": 0.5, "penalty": 0.0}
HELD_OUT = {"loss": 1.5, "perplexity": 4.5, "top1": None, "top5": 0.5}
OPTIONAL = [
    *("versions", "history", "sizes", "ancestors", "mixture", "about", "blocked_words"),
    *("base", "evaluation", "base_alone"),
]
NULLABLE = ("mixture", "base", "evaluation", "base_alone")


def parsed(data: object) -> ModelCard:
    """The card of this JSON."""
    return parse_card(json.dumps(data).encode())


def test_a_card_survives_its_json(tmp_path: Path) -> None:
    card = make_model(tmp_path / "model", epoch=3)
    assert parse_card(card.to_json().encode()) == card
    assert card.metrics is not None and card.metrics["epoch"] == 3
    assert [entry["epoch"] for entry in card.history] == [1, 2, 3]


def test_unknown_fields_are_left_out() -> None:
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


@pytest.mark.parametrize(
    ("version", "why"),
    [
        *((version, "format") for version in (0, -1, -(10**30))),
        (FORMAT + 1, f"format {FORMAT + 1}, this program reads format {FORMAT}"),
    ],
)
def test_an_unknown_format_is_refused(version: int, why: str) -> None:
    assert why in refusal(with_card({**card_data(), "format": version}))


def test_figures_of_the_held_out_lines_are_read() -> None:
    card = parsed({**card_data(), "evaluation": EVALUATION})
    assert card.evaluation is not None
    assert card.evaluation.continuations == (0.15, 0.05, None)
    assert parse_card(card.to_json().encode()) == card


@pytest.mark.parametrize(
    "change",
    [
        *({"top1": value} for value in (1.5, -0.1, "0.2", True, [0.1])),
        *({"words": value} for value in (-1, 2.5, 1 << 60, None)),
        *({"loss": value} for value in (-1, 1e9)),
        {"perplexity": 0.5},
        {"perplexity_in_vocabulary": 10**400},
        *({"continuations": value} for value in ([0.1], [0.1, 2, 0.1], {"0": 0.1})),
    ],
)
def test_invalid_figures_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="its card"):
        parsed({**card_data(), "evaluation": {**EVALUATION, **change}})


def test_a_network_without_figures_has_no_weights() -> None:
    assert "no figures of the epoch" in refusal(with_card({**card_data(), "metrics": None}))


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


@pytest.mark.parametrize("place", sorted([*card_data(), *NESTED]))
def test_a_field_of_another_type_and_a_number_out_of_bounds_are_refused(place: str) -> None:
    """A corpus of 10**400 lines crashed the app at every start."""
    wrong: tuple[object, ...] = (None, True, 1.5, -5, HUGE, -HUGE, 1 << 64, [1], {"x": []})
    for value in wrong[place in (*NULLABLE, "metrics") :]:  # these may be None
        data = card_data()
        holder, key = holder_of(data, place)
        holder[key] = value
        with pytest.raises(ModelError, match=r"its card|format"):
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
    with pytest.raises(ModelError, match="its card"):
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
    data = card_in(saved_model("ngram"))
    assert data["sizes"][0] == 184
    with pytest.raises(ModelError, match=why):
        parsed({**data, **fields})


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '"x"', "{", "\ufeff{}", "[" * 100_000],
    ids=lambda text: repr(text[:9]),
)
def test_a_text_that_is_not_a_card_is_refused(text: str) -> None:
    assert "its card" in refusal(with_card_text(text))


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "[" * 40 + "]" * 40, "[" * 10**5])
@pytest.mark.parametrize("place", ["corpus", "metrics", "config", "versions", "epochs_done"])
def test_numbers_that_are_not_finite_and_deep_nesting_are_refused(place: str, value: str) -> None:
    raw = json.dumps({**card_data(), place: "HERE"}).replace('"HERE"', value)
    with pytest.raises(ModelError, match="its card"):
        parse_card(raw.encode())
