"""The models in the data folder: names, listing, opening, renaming, deleting, exchanging."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import ModelError, StorageError, UsageError
from rnnlm_tui.store import locks
from rnnlm_tui.store.files import IN_USE
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import StoredModel, read_card
from rnnlm_tui.store.names import check_name, is_name, model_name_of, tidy_name
from tests.helpers.commands import POSIX
from tests.helpers.models import (
    SAME_EXAMPLES,
    WORDS,
    contents,
    held_elsewhere,
    make_model,
    models_of,
    parsed_tensors,
    put,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-éжи日本語"


# Names


@given(name=st.text(LETTERS + "./\\: \n\0*", max_size=66) | st.text(LETTERS, max_size=66))
@SAME_EXAMPLES
def test_letters_digits_and_a_few_signs_make_a_name(name: str) -> None:
    is_plain = set(name) <= set(LETTERS + ".") and 1 <= len(name) <= 64
    assert is_name(name) == (is_plain and name[0] not in ".-" and name[-1] != ".")


@pytest.mark.parametrize(
    ("make", "text", "name"),
    [
        (tidy_name, " Tagebuch  Ma\u0308rz ", "Tagebuch-März"),
        (tidy_name, "हिन्दी", "हिन्दी"),
        (tidy_name, "語" * 64, "語" * 64),
        (model_name_of, "Tagebuch Ma\u0308rz", "Tagebuch-März"),
        (model_name_of, "notes (2024) v1.2", "notes-2024-v1-2"),
        (model_name_of, "..", "text"),
        (model_name_of, "語" * 99, "語" * 40),
    ],
)
def test_a_name_has_letters_of_any_alphabet_and_no_spaces(
    library: Library, make: Callable[[str], str], text: str, name: str
) -> None:
    assert make(text) == name
    library.rename("one", name)
    assert name in library.names() and library.open(name)


@pytest.mark.parametrize("name", ["", "..", "../a", "/a", "a\\b", "a\0", "c:", "\ud800", "-rf"])
def test_a_name_that_could_do_harm_is_refused_everywhere(library: Library, name: str) -> None:
    before = models_of(library)
    for use in (
        lambda: check_name(name),
        lambda: library.open(name),
        lambda: library.rename("one", name),
        lambda: library.rename(name, "three"),
        lambda: library.delete(name),
        lambda: library.import_(library.path("one"), name),
        lambda: library.export(name, Path("x.safetensors")),
        lambda: library.lock(name),
    ):
        with pytest.raises(UsageError):
            use()
    assert not library.has(name)
    assert models_of(library) == before


def test_a_name_is_proposed_that_no_model_and_no_run_has(library: Library) -> None:
    make_model(library.path("a"))
    put(library.runs.folder("a-2"), {"resume.safetensors": b"x"})
    assert library.free_name("b") == "b"
    assert library.free_name("a") == "a-3"
    with held_elsewhere(library, "a-3"):
        assert library.free_name("a") == "a-4"
        assert library.new_name_problem("a") == "the name a is taken; a-4 is free"
    make_model(library.path("x" * 64))
    assert library.free_name("x" * 64) == "x" * 62 + "-2"


# Listing and opening


def test_a_missing_library_is_empty_and_is_not_created(data_dir: Path) -> None:
    library = Library(data_dir)
    assert library.names() == [] and library.entries() == [] and library.runs.trainer("one") is None
    assert library.default_model() == "english"
    with pytest.raises(ModelError, match="no training is unfinished"):
        library.runs.newest()
    for use in (library.open, library.delete):
        with pytest.raises(ModelError, match="no model one") as caught:
            use("one")
        assert caught.value.hint == "models: none yet"
    assert not data_dir.exists()


def test_models_are_listed_in_order_with_card_and_size(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(library.path("Another"))
    put(library.runs.folder("one"), {"resume.safetensors": b"state", "history.jsonl": b"{}\n"})
    (library.folder / "folder").mkdir()
    put(library.folder, {"a file": b"x", ".hidden.safetensors": b"", "a b.safetensors": b""})
    for reads_a_tensor in ("tensors", "vocabulary", "conventions", "lines"):
        monkeypatch.setattr(StoredModel, reads_a_tensor, lambda *given: pytest.fail("it was read"))
    entries = library.entries()
    assert [entry.name for entry in entries] == ["Another", "one", "two"]
    for entry in entries:
        size = entry.path.stat().st_size
        assert (entry.damaged, entry.trained_by) == (None, None)
        assert (entry.card, entry.size_bytes) == (read_card(entry.path), size)
        of_run = {"history.jsonl": 3, "resume.safetensors": 5} if entry.name == "one" else {}
        assert entry.file_sizes == {entry.path.name: size, **of_run}


@pytest.mark.skipif(sys.platform == "darwin", reason="psutil lists no mapped files there")
def test_a_file_is_not_open_after_it_was_read(library: Library) -> None:
    """Windows cannot replace an open file."""
    model = library.open("one").model
    library.entries()
    names = {Path(each.path).name for each in psutil.Process().open_files()}
    mapped = {Path(each.path).name for each in psutil.Process().memory_maps()}
    assert "one.safetensors" not in names | mapped
    assert model.vocabulary.words == WORDS


def test_a_model_stays_open_until_it_is_saved_again(library: Library) -> None:
    first = library.keep_open("one")
    assert library.keep_open("one") is first
    make_model(library.path("one"))
    assert library.keep_open("one") is not first


def test_only_the_last_few_models_stay_open(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnlm_tui.store.library.MAX_OPEN_MODELS", 1)
    first, second = library.keep_open("one"), library.keep_open("two")
    assert library.keep_open("two") is second
    assert library.keep_open("one") is not first


# The model in use


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"gone\n", "the model in use, gone, is gone; english suggests instead"),
        (b"cut", "the model in use, cut, is damaged: it is not a complete file"),
        (b"", "in-use does not name a model; english suggests instead"),
        (b"../\xff\x1b", "in-use does not name a model"),
        (None, "in-use cannot be read: is a directory"),
    ],
)
def test_a_model_in_use_that_cannot_be_used_is_told_and_the_english_answers(
    raw: bytes | None, why: str, library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    put(library.folder, {"cut.safetensors": library.path("one").read_bytes()[:-1]})
    if raw is None:
        (library.data_dir / IN_USE).mkdir()
    else:
        put(library.data_dir, {IN_USE: raw})
    assert library.default_model() == "english"
    (told,) = capsys.readouterr().err.splitlines()
    assert why in told and told.endswith("(another: Models in the app, or --use NAME)")


# Renaming and deleting


def test_a_name_that_a_model_or_an_unfinished_run_has_is_taken(library: Library) -> None:
    put(library.runs.folder("run"), {"resume.safetensors": b"x"})
    before = models_of(library)
    for new in ("two", "one", "run"):
        with pytest.raises(ModelError, match=f"the name {new} is taken"):
            library.rename("one", new)
        with pytest.raises(ModelError, match=f"the name {new} is taken"):
            library.import_(library.path("two"), new)
    assert models_of(library) == before


def test_a_name_that_differs_in_capitals_is_taken_where_files_ignore_them(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lexists(path: Path) -> bool:
        return any(path.name.lower() == other.name.lower() for other in path.parent.glob("*"))

    assert library.free_name("ONE") == "ONE"
    monkeypatch.setattr(os.path, "lexists", lexists)
    assert library.free_name("ONE") == "ONE-2"
    with pytest.raises(ModelError, match="the name ONE is taken"):
        library.rename("two", "ONE")


@pytest.mark.parametrize("act", ["import", "rename"])
def test_a_name_that_another_process_takes_in_between_is_not_overwritten(
    act: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = locks.hold
    library.delete("one")

    def hold_late(folder: Path, name: str, *, trains: bool) -> AbstractContextManager[None]:
        if name == "one":
            put(library.folder, {"one.safetensors": b"taken"})
        return hold(folder, name, trains=trains)

    monkeypatch.setattr(locks, "hold", hold_late)
    with pytest.raises(ModelError, match="the name one is taken"):
        if act == "import":
            library.import_(library.path("two"), "one")
        else:
            library.rename("two", "one")
    assert library.path("one").read_bytes() == b"taken"
    assert library.names() == ["one", "two"]


@pytest.mark.parametrize("act", ["import", "rename"])
def test_the_folder_of_a_run_that_saved_nothing_takes_no_name(act: str, library: Library) -> None:
    put(library.runs.folder("left"), {"history.jsonl": b"x", ".resume.safetensors.rnnlm-tmp": b"x"})
    assert library.free_name("left") == "left"
    if act == "import":
        library.import_(library.path("two"), "left")
    else:
        library.rename("one", "left")
    library.open("left")
    assert contents(library.data_dir / "runs") == {}, "it has nothing of another run"


def test_a_renamed_model_keeps_its_run_and_its_unfinished_update(library: Library) -> None:
    model, folder = library.path("one").read_bytes(), library.runs.folder("one")
    put(folder, {"resume.safetensors": b"state", "update.safetensors": b"x", "run.json": b"{}"})
    before = contents(folder)
    library.rename("one", "three")
    assert library.names() == ["three", "two"] and not folder.exists()
    assert library.path("three").read_bytes() == model
    assert contents(library.runs.folder("three")) == before


@pytest.mark.parametrize("can_resume", [True, False])
def test_leftovers_of_a_killed_training_are_removed_but_not_an_update_that_can_be_resumed(
    can_resume: bool, library: Library
) -> None:
    before = {*models_of(library)}
    put(library.folder, {".one.safetensors.rnnlm-tmp": b"x"})
    state = {"resume.safetensors": b"state"} if can_resume else {}
    put(
        library.runs.folder("one"),
        {".run.json.rnnlm-tmp": b"{", ".resume.safetensors.rnnlm-tmp": b"x"},
    )
    put(library.runs.folder("one"), {"update.safetensors": b"update", **state})
    library.remove_leftovers("one")
    of_run = {f"runs/one/{name}.safetensors" for name in ("resume", "update")}
    assert {*models_of(library)} - before == (of_run if can_resume else set())


# Export and import


def test_an_import_of_no_file_leaves_nothing(library: Library, tmp_path: Path) -> None:
    before = models_of(library)
    for source, why in ((tmp_path, "is a directory"), (tmp_path / "gone", "no such file")):
        with pytest.raises(ModelError, match=f"cannot import {source}: it cannot be read: {why}"):
            library.import_(source, "three")
    assert models_of(library) == before


def test_a_model_that_cannot_be_used_says_what_to_do_and_is_not_exported(
    library: Library, tmp_path: Path
) -> None:
    target = library.export("two", tmp_path)
    library.path("one").write_bytes(target.read_bytes()[:-1])
    with pytest.raises(ModelError, match="one cannot be used: it is not a complete file") as caught:
        library.export("one", target, replace=True)
    assert "--delete one" in caught.value.hint
    assert target.read_bytes() == library.path("two").read_bytes()


@POSIX
def test_a_copy_goes_where_a_link_leads_and_never_replaces_what_is_not_a_file(
    library: Library, tmp_path: Path
) -> None:
    """A device that is replaced is gone for all programs."""
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("copy")
    library.export("one", link, replace=True)
    assert link.is_symlink()
    assert (tmp_path / "copy").read_bytes() == library.path("one").read_bytes()
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="pipe is not a file"):
        library.export("one", pipe, replace=True)
    assert pipe.is_fifo()


def test_nothing_in_the_header_is_of_the_text_or_of_this_machine(
    tmp_path: Path, corpus_file: Path
) -> None:
    """After a training with all that it reports: samples, paths, and a seed line."""
    options = ["--epochs=1", "--preset=gru", "--embedding-size=4", "--hidden-size=4", "--quiet"]
    arguments = ["--train", str(corpus_file), "--name=told", "--seed-line=the cat sat on", *options]
    assert main([*arguments, "--data-dir", str(tmp_path / "data")]) == 0
    path = Library(tmp_path / "data").path("told")
    header = json.dumps(parsed_tensors(path.read_bytes())[0])
    assert corpus_file.name in header
    assert str(tmp_path) not in header and "the cat" not in header
    lines = [line for line in corpus_file.read_text().splitlines() if line.count(" ") > 1]
    assert not [line for line in lines if line in header]
