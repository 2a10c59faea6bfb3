"""`--explain`: the text for people, and the JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from rnnlm_tui.cli.explain import ROWS, SHOWN_WORDS, WIDTH
from rnnlm_tui.store.library import Library
from tests.helpers.commands import Command
from tests.helpers.models import put_saved_model

LONG = " ".join(["Shall I compare thee to a summer's day, or to a windy night in May?"] * 4)
KINDS = ("lesson", "rnn", "gru", "lstm", "ngram")


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in JSON")


def parsed(line: str) -> dict[str, Any]:
    """An answer, which must not have NaN or infinity."""
    answer: dict[str, Any] = json.loads(line, parse_constant=refuse)
    return answer


@pytest.fixture
def every_kind(library: Library) -> Library:
    """A library with a model of each preset."""
    for preset in KINDS:
        put_saved_model(library, preset)
    return library


@pytest.fixture
def built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows the models that ship."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")


@pytest.mark.parametrize("kind", KINDS)
def test_an_explanation_fits_into_80_columns(run: Command, every_kind: Library, kind: str) -> None:
    for text in ("from fairest ", LONG, "", "zzz qqq ", "from xyz", "a" * 500 + " ", "b" * 500):
        lines = run("--explain", text, "--model", kind).stdout.splitlines()
        assert max(map(len, lines)) <= WIDTH, text
        assert len(lines) < 150


def test_the_stages_of_the_lesson_are_shown_with_their_shapes(ask: Command) -> None:
    lines = ask("--explain", "The cat sat on ").stdout.splitlines()
    assert lines[0] == 'what verses does with "The cat sat on "'
    assert [line for line in lines if line[:2].strip().isdigit()] == [
        " 1 words  4",
        " 2 ids  4",
        " 3 padded ids  9",
        " 4 embedding  9x4",
        " 5 forward states  9x4",
        " 6 backward states  9x4",
        " 7 second layer  9x4",
        " 8 relu layer  12",
        " 9 logits  25",
        "10 softmax  25",
    ]
    rows = lines[lines.index(" 4 embedding  9x4") :]
    assert f"     ({9 - ROWS} rows above)" in rows[:5]
    assert "     the, cat, sat, on" in lines
    lines = ask("--explain", "the cat " * 20).stdout.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("words of")) + 3 :]
    assert [row.split()[0] for row in table[:SHOWN_WORDS]] == ["the", "cat"] * (SHOWN_WORDS // 2)


def test_what_each_part_of_a_mixture_contributes_is_a_table(run: Command, built_in: None) -> None:
    shown = run("--explain", "shall i compare ", "--model", "shakespeare").stdout
    assert "NETWORK: " in shown and "N-GRAMS: " in shown and "RECENT WORDS: " in shown
    heads, first = shown[shown.index("suggestions: ") :].splitlines()[2:4]
    assert re.split("  +", heads)[-3:] == ["network", "n-grams", "recent words"]
    assert len(first.split()) == 6
    assert 'words whose embeddings are most like that of "compare"' in shown


def test_the_json_is_whole(run: Command, built_in: None) -> None:
    (line,) = run(
        "--explain", "shall i compare th", "--model", "shakespeare", "--json"
    ).stdout.splitlines()
    answer = parsed(line)
    assert list(answer) == [
        *("line", "prefix", "words", "earlier_words", "suggestions", "parts", "neighbours"),
        *("notes", "model"),
    ]
    assert (answer["line"], answer["prefix"], answer["model"]) == (
        "shall i compare th",
        "th",
        "shakespeare",
    )
    assert list(answer["words"][0]) == [
        *("word", "known", "seen", "probability", "rank", "influence", "bits"),
    ]
    for suggestion in answer["suggestions"]:
        assert list(suggestion) == ["word", "share", "probability", "contributions"]
        assert sum(suggestion["contributions"]) == pytest.approx(
            suggestion["probability"], abs=1e-6
        )
    assert len(answer["words"][0]["influence"]) == len(answer["suggestions"])
    for part in answer["parts"]:
        assert list(part) == ["name", "weight", "stages"]
        for stage in part["stages"]:
            assert set(stage) == {
                *("name", "sentence", "shape", "values", "rows", "columns", "top")
            }
            assert list(np.array(stage["values"]).shape) == stage["shape"]
    assert [*answer["neighbours"]] == ["compare"]


def test_each_line_of_standard_input_is_explained(ask: Command) -> None:
    done = ask("--explain", "--json", stdin="the cat \n\nthe zzz ")
    first, empty, last = map(parsed, done.stdout.splitlines())
    assert [word["word"] for word in first["words"]] == ["the", "cat"]
    assert empty["words"] == [] and "only zeros" in empty["notes"][1]
    assert [word["known"] for word in last["words"]] == [True, False]
    assert last["words"][1] == {
        **{"word": "zzz", "known": False, "seen": False, "probability": None, "rank": None},
        **{"influence": [0.0] * len(last["suggestions"]), "bits": None},
    }
    blocks = ask("--explain", stdin="the cat \nthe zzz ").stdout.split("\nwhat verses does with ")
    assert len(blocks) == 2
