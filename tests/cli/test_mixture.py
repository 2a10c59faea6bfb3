"""Mixed models on the command line: models on the English, and --evaluate with their components."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec import to_builtins

from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored, read_card
from tests.cli.conftest import TEXT
from tests.helpers.commands import Command, events_of
from tests.helpers.events import end_of
from tests.helpers.languages import base, ship
from tests.helpers.models import put

NGRAM = ("--preset=ngram", "--quiet")
ON_ENGLISH = ("--on=english", "--held-out=0.4")


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A text of one's own."""
    (tmp_path / "own.txt").write_text(TEXT)
    return str(tmp_path / "own.txt")


@pytest.fixture
def shipped(built_in_dir: Path) -> Path:
    """The folder of a small model that stands in for the English."""
    ship(built_in_dir, "english")
    return built_in_dir


@pytest.mark.usefixtures("shipped")
def test_a_model_on_the_english_and_its_parts(run: Command, library: Library, own: str) -> None:
    done = run("--train", own, *NGRAM, "--name=own", *ON_ENGLISH, "--json")
    finished, card = end_of(events_of(done)), read_card(library.path("own"))
    by_training, found, learned = finished.evaluation, finished.comparison, finished.learned
    assert learned is not None and learned.count > 0
    english = library.open("english").model.vocabulary
    assert all(TEXT.count(word) >= 3 and word not in english for word in learned.first)
    assert by_training == card.evaluation
    assert by_training and (alone := by_training.base)
    assert (card.base, alone.name) == ("english", "english")
    assert found and found.name == "english", "the one in use, measured on the same lines"
    assert found.in_use.keystroke_savings == alone.keystroke_savings
    assert found.new.keystroke_savings == by_training.keystroke_savings
    # `--evaluate` gives what the training has written.
    (figures,) = json.loads(run("--evaluate", "--model=own", "--json").stdout)["models"]
    assert {**figures, **to_builtins(by_training)} == figures
    parts = {part["name"]: part for part in figures["components"]}
    assert [*parts] == ["ngrams", "base", "cache"]
    assert sum(part["weight"] for part in parts.values()) == pytest.approx(1)
    assert "perplexity" not in parts["cache"]
    assert parts["ngrams"]["loss"] < parts["base"]["loss"]
    # Keys are counted for what one could write with.
    assert parts["ngrams"]["keystroke_savings"] is None
    assert parts["base"]["keystroke_savings"] == to_builtins(alone.keystroke_savings)
    table = run("--evaluate", "--model=own").stdout
    assert re.search(r"^own +\d+ .*\n  n-grams alone +\d+ .*\n  base model alone ", table, re.M)


def test_the_english_is_named_and_the_one_installed_is_used(
    shipped: Path, run: Command, library: Library, own: str
) -> None:
    run("--train", own, *NGRAM, "--name=own", *ON_ENGLISH)
    assert "neighbour" in library.open("own").model.vocabulary
    with open_stored(library.path("own")) as stored:
        assert "neighbour" not in stored.vocabulary().words
    # A later one takes its place.
    put(shipped, {"english.safetensors": base("german")})
    assert "Nachbar" in library.open("own").model.vocabulary
    put(shipped, {"english.safetensors": b"x"})
    for name, why in (("own", "it is built on english, which is damaged"), ("english", "")):
        done = run("--suggest", f"--model={name}", "the ", code=1)
        assert why in done.stderr and "install the program again" in done.stderr
