"""The Python interface: its examples, what it loads, and what it refuses."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

import rnnlm_tui
from rnnlm_tui import api

PACKAGE = Path(rnnlm_tui.__file__).parent


@pytest.fixture(autouse=True)
def with_the_built_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR", raising=False)


@pytest.mark.parametrize("module", [rnnlm_tui, api])
def test_the_examples_of_the_docstrings_are_true(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0


def test_a_model_is_opened_by_its_name_or_file_and_the_newest_by_default() -> None:
    assert rnnlm_tui.load().name == "english"
    assert rnnlm_tui.load("shakespeare").name == "shakespeare"
    path = PACKAGE / "data" / "models" / "shakespeare.safetensors"
    for file in (path, str(path)):
        assert rnnlm_tui.load(file).name == "shakespeare"
    with pytest.raises(rnnlm_tui.RnnlmError, match="nosuch"):
        rnnlm_tui.load("nosuch")
    with pytest.raises(rnnlm_tui.RnnlmError):
        rnnlm_tui.load(PACKAGE)


def test_answers_follow_from_the_lines_above_and_from_the_seed() -> None:
    model = rnnlm_tui.load("shakespeare")
    above = ["when i do count the clock that tells the time"]
    assert model.suggest("and see ", above=above) != model.suggest("and see ")
    assert model.score("and see", above=above).loss != model.score("and see").loss
    drawn = [model.generate("thy", temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert 1 <= len(drawn[0]) <= 10


@pytest.mark.parametrize("numbers", [{"words": -1}, {"temperature": -0.5}, {"top_k": 0}])
def test_invalid_numbers_are_refused(numbers: dict[str, Any]) -> None:
    model = rnnlm_tui.load("shakespeare")
    with pytest.raises(rnnlm_tui.RnnlmError, match=next(iter(numbers))):
        model.generate("thy", **numbers)
    with pytest.raises(rnnlm_tui.RnnlmError, match="top is 0"):
        model.suggest("thy", top=0)


def test_the_package_has_types_and_no_other_names() -> None:
    assert (PACKAGE / "py.typed").is_file()
    with pytest.raises(AttributeError, match="nothing"):
        rnnlm_tui.__getattr__("nothing")
