"""A model that ships with the program: it is always there, and nobody can change it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.library import Library
from tests.helpers.models import put, saved_model

SHIPPED = "shakespeare"


@pytest.fixture
def library(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty data folder, and a small n-gram model instead of the shipped one."""
    put(data_dir.parent / "shipped", {f"{SHIPPED}.safetensors": saved_model("ngram")})
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(data_dir.parent / "shipped"))
    return Library(data_dir)


def test_it_is_there_at_the_first_start(library: Library) -> None:
    assert library.names() == [SHIPPED]
    (entry,) = library.entries()
    assert (entry.built_in, entry.damaged) == (True, None)
    assert library.default_model() == SHIPPED
    assert library.open(SHIPPED)[0].config.preset == "ngram"
    assert library.runs() == []
    assert not library.folder.exists(), "nothing is made before something is saved"


def test_nobody_can_change_it(library: Library, tmp_path: Path) -> None:
    before = library.path(SHIPPED).read_bytes()
    library.duplicate(SHIPPED, "mine")
    exported = library.export(SHIPPED, tmp_path)
    changes: list[Callable[[], object]] = [
        lambda: library.delete(SHIPPED),
        lambda: library.rename(SHIPPED, "other"),
        lambda: library.rename("mine", SHIPPED),
        lambda: library.duplicate("mine", SHIPPED),
        lambda: library.import_(exported, SHIPPED),
    ]
    for change in changes:
        with pytest.raises(ModelError) as caught:
            change()
        assert caught.value.hint
    options = ["--preset", "ngram", "--name", SHIPPED, "--data-dir", str(library.folder.parent)]
    assert main(["--train", *options, "--force"]) == 1
    assert library.path(SHIPPED).read_bytes() == before
    os.utime(library.path("mine"), (0, 0))
    assert library.newest_first() == ["mine", SHIPPED], "models of the user's own come first"


def test_without_its_files_there_is_no_built_in_model(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "nowhere"))
    library = Library(data_dir)
    assert library.names() == library.newest_first() == []
    assert not library.is_built_in(SHIPPED)
