"""Scoring lines in several processes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnlm_tui import evaluate
from rnnlm_tui.cli import parallel_scoring
from rnnlm_tui.cli.inputs import open_model
from rnnlm_tui.cli.parallel_scoring import scored_lines
from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.workers import Workers
from tests.cli.conftest import TEXT
from tests.helpers.models import change_card

LINES = TEXT.split("\n")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The numbers of processes started, on two cores and with parts of a few lines."""
    counts = list[int | None]()

    class CountedWorkers(Workers):
        def __init__(self, count: int | None = None) -> None:
            counts.append(count)
            super().__init__(count)

    monkeypatch.setattr(parallel_scoring, "Workers", CountedWorkers)
    monkeypatch.setattr(parallel_scoring, "usable_cores", lambda: 2)
    monkeypatch.setattr(evaluate, "PART_CHARACTERS", 100)
    return counts


@pytest.mark.parametrize("name", ["half", "ngram"])
def test_several_processes_give_the_scores_of_one(
    started: list[int | None], measured_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened = open_model(Library(measured_data), name)
    by_two = scored_lines(measured_data, opened, LINES)
    assert started == [2]
    monkeypatch.setattr(parallel_scoring, "usable_cores", lambda: 1)
    assert scored_lines(measured_data, opened, LINES) == by_two
    assert started == [2]
    assert [line.text for line in by_two] == LINES


def test_few_lines_need_no_process(started: list[int | None], measured_data: Path) -> None:
    opened = open_model(Library(measured_data), "half")
    assert len(scored_lines(measured_data, opened, LINES[:2])) == 2
    assert not started


def test_little_memory_means_fewer_processes(
    started: list[int | None], measured_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_scoring, "free_memory", lambda: parallel_scoring.PROCESS_BYTES)
    opened = open_model(Library(measured_data), "half")
    assert len(scored_lines(measured_data, opened, LINES)) == len(LINES)
    assert not started


def test_a_model_that_is_saved_again_meanwhile_is_an_error(
    started: list[int | None], measured_data: Path, data_dir: Path
) -> None:
    shutil.copytree(measured_data, data_dir)
    library = Library(data_dir)
    opened = open_model(library, "half")
    change_card(library, "half", lambda card: card.update(updated="2026-01-01T00:00:00+00:00"))
    with pytest.raises(ModelError, match="half was saved again"):
        scored_lines(data_dir, opened, LINES)
