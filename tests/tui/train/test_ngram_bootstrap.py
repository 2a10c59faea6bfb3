"""Counts of a text that is trained on suggest while its network learns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.train.ngram_bootstrap import counts_of
from rnnlm_tui.tui.train.plan import Plan

FAILING = (sys.executable, "-c", "raise SystemExit(1)")


def plan_for(path: Path, **changed: object) -> Plan:
    settings = changed.pop("settings", {"held_out": "0"})
    return Plan(source="files", files=str(path), name="poems", settings=settings, **changed)  # type: ignore[arg-type]


@pytest.fixture
def library(data_dir: Path) -> Library:
    return Library(data_dir)


async def test_they_are_made_once_for_a_text(library: Library, corpus_file: Path) -> None:
    plan, paths = plan_for(corpus_file), (str(corpus_file),)
    assert await counts_of(plan, paths, library) == "verses-counts"
    card, _ = library.open("verses-counts")
    assert card.config.preset == "ngram"
    assert card.config.train.held_out == 0
    again = await counts_of(plan, paths, library, FAILING)
    assert again == "verses-counts", "they are there already, so no process is started"


async def test_they_hold_out_the_same_lines(library: Library, corpus_file: Path) -> None:
    settings = {"held_out": "40", "seed": "7"}
    plan, paths = plan_for(corpus_file, settings=settings), (str(corpus_file),)
    assert await counts_of(plan, paths, library) == "verses-counts"
    train = library.open("verses-counts")[0].config.train
    assert (train.held_out, train.seed) == (0.4, 7)


async def test_those_of_an_older_text_are_left_alone(library: Library, corpus_file: Path) -> None:
    plan, paths = plan_for(corpus_file), (str(corpus_file),)
    assert await counts_of(plan, paths, library) == "verses-counts"
    corpus_file.write_text(corpus_file.read_text() + "and a zebra came\n")
    assert await counts_of(plan, paths, library) == "verses-counts-2"
    assert "zebra" not in library.open("verses-counts")[1].vocabulary
    assert "zebra" in library.open("verses-counts-2")[1].vocabulary


async def test_another_model_of_that_name_is_left_alone(
    library: Library, corpus_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "verses.text"
    other.parent.mkdir()
    other.write_text("one two three\nfour five six\n")
    assert await counts_of(plan_for(other), (str(other),), library) == "verses-counts"
    assert await counts_of(plan_for(corpus_file), (str(corpus_file),), library) == "verses-counts-2"


async def test_counts_need_no_counts_first(library: Library, corpus_file: Path) -> None:
    plan = plan_for(corpus_file, preset="ngram")
    assert await counts_of(plan, (str(corpus_file),), library, FAILING) is None


async def test_what_goes_wrong_is_left_to_the_network_to_tell(
    library: Library, corpus_file: Path, tmp_path: Path
) -> None:
    plan, paths = plan_for(corpus_file), (str(corpus_file),)
    assert await counts_of(plan, (str(tmp_path / "none.txt"),), library) is None
    assert await counts_of(plan, paths, library, FAILING) is None
    assert await counts_of(plan, paths, library, ("/no/such/program",)) is None
