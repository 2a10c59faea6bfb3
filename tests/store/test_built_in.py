"""The model that ships with the program: it is always there, and nobody can change it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.library import BUILT_IN, Library
from tests.helpers.commands import Command


@pytest.fixture
def library(
    command: Command,
    corpus_file: Path,
    tmp_path: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """An empty data folder, and counts of a small corpus in the place of the shipped model."""
    options = ("--preset", "ngram", "--name", "counts")
    assert command("--train", str(corpus_file), *options).returncode == 0
    shipped = tmp_path / "shipped"
    shutil.move(data_dir / "models" / "counts", shipped)
    shutil.rmtree(data_dir)
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(shipped))
    return Library(data_dir)


def test_it_is_there_at_the_first_start(library: Library) -> None:
    assert library.names() == [BUILT_IN]
    (entry,) = library.entries()
    assert entry.built_in
    assert entry.damaged is None
    assert entry.size_bytes > 1000
    assert library.newest() == BUILT_IN
    assert library.open(BUILT_IN)[0].config.preset == "ngram"
    assert library.runs() == []
    assert not library.folder.exists(), "nothing is made before something is saved"


def test_models_of_the_users_own_come_first(library: Library) -> None:
    library.folder.mkdir(parents=True)
    library.duplicate(BUILT_IN, "mine")
    os.utime(library.path("mine") / "model.json", (0, 0))
    assert library.newest_first() == ["mine", BUILT_IN]
    assert library.names() == ["mine", BUILT_IN]
    assert not next(entry for entry in library.entries() if entry.name == "mine").built_in


def test_nobody_can_change_it(library: Library, tmp_path: Path, command: Command) -> None:
    before = {path.name: path.read_bytes() for path in library.path(BUILT_IN).iterdir()}
    library.folder.mkdir(parents=True)
    library.duplicate(BUILT_IN, "mine")
    exported = library.export("mine", tmp_path)
    changes: list[Callable[[], object]] = [
        lambda: library.delete(BUILT_IN),
        lambda: library.rename(BUILT_IN, "other"),
        lambda: library.rename("mine", BUILT_IN),
        lambda: library.duplicate("mine", BUILT_IN),
        lambda: library.import_(exported, BUILT_IN),
    ]
    for change in changes:
        with pytest.raises(ModelError) as caught:
            change()
        assert caught.value.hint
    for options in ((), ("--force",)):
        done = command("--train", "--preset", "ngram", "--name", BUILT_IN, *options)
        assert done.returncode == 1
        assert BUILT_IN in done.stderr
        assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in library.path(BUILT_IN).iterdir()} == before


def test_the_command_line_uses_it_where_there_is_no_other(
    library: Library, command: Command
) -> None:
    answer = json.loads(command("--suggest", "the ", "--json").stdout)
    assert answer["model"] == BUILT_IN
    (row,) = [row for row in command("--models").stdout.splitlines() if BUILT_IN in row]
    assert row.endswith("built in")
    (listed,) = json.loads(command("--models", "--json").stdout)["models"]
    assert listed["built_in"] is True
    done = command("--export", BUILT_IN, str(library.folder.parent.with_name("a.zip")))
    assert done.returncode == 0


def test_without_the_files_there_is_none(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "nowhere"))
    library = Library(data_dir)
    assert library.names() == library.newest_first() == []
    assert not library.is_built_in(BUILT_IN)
