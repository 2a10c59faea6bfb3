"""`--explain`: the text for people, and the JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.cli.explain import LINE_WIDTH
from rnnlm_tui.store.library import Library
from tests.helpers.commands import Command
from tests.helpers.models import put_saved_model

LONG = " ".join(["Shall I compare thee to a summer's day, or to a windy night in May?"] * 4)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in JSON")


def parsed(line: str) -> dict[str, Any]:
    """An answer, which must not have NaN or infinity."""
    answer: dict[str, Any] = json.loads(line, parse_constant=refuse)
    return answer


@pytest.mark.parametrize("kind", ["lesson", "rnn", "gru", "lstm", "ngram"])
def test_an_explanation_fits_into_80_columns(run: Command, library: Library, kind: str) -> None:
    put_saved_model(library, kind)
    for text in ("from fairest ", LONG, "", "zzz qqq ", "from xyz", "a" * 500 + " ", "b" * 500):
        lines = run("--explain", text, "--model", kind).stdout.splitlines()
        assert max(map(len, lines)) <= LINE_WIDTH, text
        assert len(lines) < 150


@pytest.mark.usefixtures("with_shipped_models")
def test_the_json_is_whole(run: Command) -> None:
    asked = ("--explain", "shall i compare th", "--model", "shakespeare")
    shown = run(*asked).stdout
    for part in ("NETWORK: ", "N-GRAMS: ", "RECENT WORDS: ", "MIXTURE: 100.0%"):
        assert part in shown
    assert "█ network   ▓ n-grams   ▒ recent words" in shown
    answer = parsed(run(*asked, "--json").stdout)
    assert list(answer) == [
        *("line", "prefix", "words", "earlier_words", "suggestions", "parts", "neighbours"),
        *("notes", "model"),
    ]
    told = (answer["line"], answer["prefix"], answer["model"])
    assert told == ("shall i compare th", "th", "shakespeare")
    assert list(answer["words"][0]) == [
        *("word", "known", "seen", "probability", "rank", "influence", "bits"),
    ]
    for suggestion in answer["suggestions"]:
        assert list(suggestion) == ["word", "share", "probability", "contributions"]
        total = pytest.approx(suggestion["probability"], abs=1e-6)
        assert sum(suggestion["contributions"]) == total
    assert len(answer["words"][0]["influence"]) == len(answer["suggestions"])
    for part in answer["parts"]:
        assert list(part) == ["name", "weight", "stages"]
        for stage in part["stages"]:
            assert [*stage] == [
                *("name", "sentence", "layer", "formula", "parameters", "shape", "values"),
                *("rows", "columns", "groups", "top"),
            ]
            assert list(np.array(stage["values"]).shape) == stage["shape"]
    assert [*answer["neighbours"]] == ["compare"]
