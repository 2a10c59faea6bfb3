"""The library: names, locks, listing, renaming, deleting, and zips in and out."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.errors import ModelError, StorageError, UsageError
from rnnlm_tui.store import archive, files
from rnnlm_tui.store.card import ModelCard, read_card
from rnnlm_tui.store.library import NAME_RULE, Library, check_name, free_name, is_name
from tests.helpers.models import (
    HOSTILE,
    JSON_VALUES,
    WORDS,
    contents,
    held_elsewhere,
    make_model,
    places,
    probabilities,
    put,
    small_card,
    whole_model,
)

Files: TypeAlias = dict[str | zipfile.ZipInfo, bytes]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
RESERVED = ["con", "PRN", "aux", "Nul", "com1", "LPT9", "con.txt", "nul.tar.gz"]


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A library of two models."""
    library = Library(data_dir)
    make_model(library.path("one"), seed=1)
    make_model(library.path("two"), seed=2)
    return library


def models_of(library: Library) -> dict[str, bytes]:
    """Everything in the models' folder but the locks."""
    return {
        name: raw for name, raw in contents(library.folder).items() if not name.startswith(".locks")
    }


# Names


@given(
    first=st.sampled_from(LETTERS),
    middle=st.text(LETTERS + ".", max_size=62),
    last=st.sampled_from(LETTERS),
)
@HOSTILE
def test_letters_digits_and_a_few_signs_make_a_name(first: str, middle: str, last: str) -> None:
    name = first + middle + last
    if name.split(".")[0].lower() not in ("con", "prn", "aux", "nul"):
        assert check_name(name) == name
        assert Library(Path("x")).path(name) == Path("x", "models", name)


@given(name=st.text(max_size=80))
@HOSTILE
def test_a_name_is_taken_only_where_it_is_a_plain_file_name(name: str) -> None:
    try:
        check_name(name)
    except UsageError as error:
        assert "cannot be a model's name" in error.message
        assert error.hint
    else:
        assert set(name) <= set(LETTERS + ".")
        assert 1 <= len(name) <= 64
        assert "." not in (name[0], name[-1])


@pytest.mark.parametrize(
    "name",
    [
        *RESERVED,
        *("", ".", "..", ".a", "a.", "a/b", "../a", "/a", "a\\b", "a b", "a\n", "\u00e9", "a\0"),
        *("a" * 65, "c:", "a*", "~", "\u0661"),
    ],
)
def test_a_name_that_could_do_harm_is_refused_everywhere(library: Library, name: str) -> None:
    before = models_of(library)
    with pytest.raises(UsageError):
        check_name(name)
    for use in (
        lambda: library.open(name),
        lambda: library.rename("one", name),
        lambda: library.rename(name, "three"),
        lambda: library.import_(Path("x.zip"), name),
        lambda: library.export(name, Path("x.zip")),
        lambda: library.holder(name),
        lambda: library.duplicate("one", name),
        lambda: library.duplicate(name, "three"),
        lambda: library.stop_run(name),
    ):
        with pytest.raises(UsageError):
            use()
    assert not library.has(name)
    with pytest.raises(ModelError):
        library.delete(name)
    assert models_of(library) == before


@pytest.mark.parametrize("name", ["a" * 64, "com10", "console", "a..b", "-", "_", "0"])
def test_an_unusual_name_is_taken(library: Library, name: str) -> None:
    library.rename("one", name)
    assert sorted([name, "two"]) == library.names()
    library.open(name)


@pytest.mark.parametrize("name", ["con", "a b", "a.", "\u00e9", "copy of one"])
def test_a_folder_whose_name_is_not_allowed_is_listed_as_damaged_and_can_be_deleted(
    library: Library, name: str
) -> None:
    shutil.copytree(library.path("one"), library.folder / name)
    os.utime(library.folder / name / "model.json", (2**33, 2**33))
    damaged = {entry.name: entry.damaged for entry in library.entries()}
    assert "cannot be a model's name" in (damaged.pop(name) or "")
    assert damaged == {"one": None, "two": None}
    assert library.newest() in ("one", "two")
    assert library.has(name)
    library.delete(name)
    assert library.names() == ["one", "two"]


# Listing and opening


def test_a_library_that_is_not_there_is_empty_and_stays_away(data_dir: Path) -> None:
    library = Library(data_dir)
    assert library.names() == []
    assert library.entries() == []
    assert not library.has("one")
    assert library.holder("one") is None
    assert library.known() == "models: none yet"
    with pytest.raises(ModelError, match="no model yet"):
        library.newest()
    with pytest.raises(ModelError, match="no model one"):
        library.open("one")
    with pytest.raises(ModelError, match="no model one"):
        library.rename("one", "two")
    with pytest.raises(ModelError, match="no model one"):
        library.duplicate("one", "two")
    with pytest.raises(ModelError, match="no model one"):
        library.delete("one")
    with pytest.raises(ModelError, match="no model one"):
        library.export("one", data_dir / "x.zip")
    assert not data_dir.exists()


def test_models_are_listed_in_order_with_card_and_size(library: Library) -> None:
    make_model(library.path("Another"))
    (library.folder / "empty").mkdir()
    (library.folder / "a file").write_text("x")
    (library.folder / ".hidden").mkdir()
    put(library.folder / ".hidden", whole_model())
    entries = library.entries()
    assert [entry.name for entry in entries] == ["Another", "one", "two"]
    for entry in entries:
        folder = library.path(entry.name)
        assert (entry.damaged, entry.trained_by) == (None, None)
        assert entry.card == read_card(folder)
        assert entry.size_bytes == sum(map(len, contents(folder).values())) > 1000


def test_a_models_folder_that_is_no_folder_is_named(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "models").write_text("x")
    with pytest.raises(StorageError, match="not a directory"):
        Library(data_dir).names()


def test_a_folder_that_cannot_be_looked_into_is_listed_as_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may look into every folder, so the system's refusal is put on."""
    real = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if isinstance(path, str | Path) and Path(path).parent == library.path("one"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    damaged = {entry.name: entry.damaged for entry in library.entries()}
    assert damaged == {"one": "cannot read model.json: permission denied", "two": None}


def test_a_model_that_is_opened_predicts_as_it_was_saved(library: Library) -> None:
    one, two = library.open("one")[1], library.open("two")[1]
    assert one.vocabulary.words == WORDS
    assert probabilities(one) != probabilities(two)
    assert probabilities(one) == probabilities(library.open("one")[1])


def test_a_model_that_cannot_be_used_says_which_and_what_to_do(library: Library) -> None:
    (library.path("one") / "vocabulary.json").unlink()
    with pytest.raises(ModelError, match=r"the model one cannot be used: .*vocabulary") as caught:
        library.open("one")
    assert "--delete one" in caught.value.hint


def test_the_newest_model_is_the_one_saved_last(library: Library) -> None:
    os.utime(library.path("one") / "model.json", (2_000_000_000, 2_000_000_000))
    assert library.newest() == "one"
    os.utime(library.path("two") / "model.json", (2_000_000_001, 2_000_000_001))
    assert library.newest() == "two"


# Renaming and deleting


def test_a_renamed_model_is_the_same_model(library: Library) -> None:
    before = probabilities(library.open("one")[1])
    library.rename("one", "three")
    assert library.names() == ["three", "two"]
    assert probabilities(library.open("three")[1]) == before


def test_a_name_that_is_taken_is_refused(library: Library) -> None:
    before = models_of(library)
    for new in ("two", "one"):
        with pytest.raises(ModelError, match=f"there is a model {new} already"):
            library.rename("one", new)
    assert models_of(library) == before


def test_a_name_that_an_unfinished_run_has_is_taken(library: Library) -> None:
    put(library.path("run"), {"resume.safetensors": b"x"})
    assert library.has("run")
    assert "run" not in library.names()
    with pytest.raises(ModelError, match="there is a model run already"):
        library.rename("one", "run")
    library.delete("run")
    assert not library.has("run")


def test_a_name_is_proposed_that_no_model_and_no_run_has(library: Library) -> None:
    make_model(library.path("a"))
    put(library.path("a-2"), {"resume.safetensors": b"x"})
    assert free_name(library, "b") == "b"
    assert free_name(library, "a") == "a-3"
    with held_elsewhere(library, "a-3"):
        assert free_name(library, "a") == "a-4"
    make_model(library.path("x" * 64))
    assert free_name(library, "x" * 64) == "x" * 62 + "-2"
    assert is_name(free_name(library, "x" * 64))
    with pytest.raises(UsageError) as caught:
        check_name("a b")
    assert caught.value.hint == f"use {NAME_RULE}"


def test_what_a_run_leaves_that_was_killed_before_its_first_save_takes_no_name(
    data_dir: Path,
) -> None:
    library = Library(data_dir)
    put(library.path("poems"), {"history.jsonl": b"{}"})
    assert not library.has("poems")
    put(library.path("poems"), {"resume.safetensors": b"x"})
    assert library.has("poems")


def test_a_deleted_model_is_gone_with_all_its_files(library: Library) -> None:
    put(library.folder / ".deleted-long-ago", {"model.json": b"x"})
    for name in (".import-killed", ".duplicate-at-work"):
        put(library.folder / name, {"model.json": b"x"})
    os.utime(library.folder / ".import-killed", (1, 1))
    library.delete("one")
    assert library.names() == ["two"]
    left = sorted(path.name for path in library.folder.iterdir())
    assert left == [".duplicate-at-work", ".locks", "two"]
    with pytest.raises(ModelError, match="no model one"):
        library.delete("one")


def test_a_model_that_cannot_be_moved_stays_whole(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EROFS, "Read-only file system")

    before = models_of(library)
    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StorageError, match="read-only file system"):
        library.rename("one", "three")
    with pytest.raises(StorageError, match="read-only file system"):
        library.delete("one")
    assert models_of(library) == before


# Copies


def test_a_copy_is_the_same_model_without_the_state_of_its_run(library: Library) -> None:
    put(library.path("one"), {"resume.safetensors": b"state", "history.jsonl": b"{}\n"})
    before = contents(library.path("one"))
    library.duplicate("one", "three")
    assert library.names() == ["one", "three", "two"]
    assert contents(library.path("one")) == before
    del before["resume.safetensors"]
    assert contents(library.path("three")) == before
    library.delete("one")
    (card, model) = library.open("three")
    assert (card.epochs_done, model.vocabulary.words) == (1, WORDS)
    assert sorted(p.name for p in library.folder.iterdir()) == [".locks", "three", "two"]


def test_a_model_without_a_history_is_copied_without_one(library: Library) -> None:
    library.duplicate("one", "three")
    assert contents(library.path("three")) == contents(library.path("one"))


def test_a_copy_to_a_name_that_is_taken_is_refused(library: Library) -> None:
    put(library.path("run"), {"resume.safetensors": b"x"})
    before = models_of(library)
    for taken in ("two", "one", "run"):
        with pytest.raises(ModelError, match=f"there is a model {taken} already"):
            library.duplicate("one", taken)
    assert models_of(library) == before


@pytest.mark.parametrize("name", ["weights-1.safetensors", "vocabulary.json", "model.json"])
def test_a_damaged_model_is_not_copied(library: Library, name: str) -> None:
    (library.path("one") / name).write_bytes(b"")
    before = models_of(library)
    with pytest.raises(ModelError, match="the model one cannot be used"):
        library.duplicate("one", "three")
    assert models_of(library) == before


@pytest.mark.parametrize("held", ["one", "three"])
def test_neither_model_of_a_copy_may_be_held(library: Library, held: str) -> None:
    before = models_of(library)
    with (
        held_elsewhere(library, held),
        pytest.raises(ModelError, match=f"the model {held} is in use by process"),
    ):
        library.duplicate("one", "three")
    assert models_of(library) == before


def test_a_copy_that_the_disk_has_no_room_for_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = models_of(library)

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="no space left"):
        patch.setattr(os, "fsync", fail)
        library.duplicate("one", "three")
    assert models_of(library) == before
    library.duplicate("one", "three")


def test_nothing_of_a_copy_is_left_when_it_is_interrupted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = models_of(library)

    def interrupt(source: Path, target: Path) -> None:
        (target / "model.json").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "copy_checked", interrupt)
    with pytest.raises(KeyboardInterrupt):
        library.duplicate("one", "three")
    assert models_of(library) == before
    with library.lock("three"):
        assert not library.has("three")


# Locks


def test_a_name_in_use_is_refused_and_its_holder_told(library: Library) -> None:
    with held_elsewhere(library, "one") as process:
        holder = f"process {process.pid} on {socket.gethostname()}"
        in_use = f"the model one is in use by {holder}"
        with pytest.raises(ModelError, match=in_use):
            library.lock("one").__enter__()
        with pytest.raises(ModelError, match=in_use):
            library.rename("one", "three")
        with pytest.raises(ModelError, match=in_use):
            library.delete("one")
        assert (library.holder("one") or "").startswith(holder)
        assert library.holder("two") is None
        listed = {entry.name: entry.trained_by for entry in library.entries()}
        assert (listed["one"] or "").startswith(holder)
        assert listed["two"] is None
        library.open("one")  # reading needs no lock


def test_the_target_of_a_rename_must_not_be_held(library: Library) -> None:
    with (
        held_elsewhere(library, "three"),
        pytest.raises(ModelError, match="the model three is in use"),
    ):
        library.rename("one", "three")
    library.rename("one", "three")


def test_a_name_is_free_once_its_holder_is_killed(library: Library) -> None:
    with held_elsewhere(library, "one") as process:
        process.kill()
        process.wait(timeout=20)
        assert process.returncode == (-signal.SIGKILL if sys.platform != "win32" else 1)
        assert library.holder("one") is None
        with library.lock("one"):
            assert f"process {os.getpid()} on" in (library.holder("one") or "")
    assert library.holder("one") is None


def test_two_runs_of_one_process_are_told_apart(library: Library) -> None:
    with library.lock("one"):
        with pytest.raises(ModelError, match=f"in use by process {os.getpid()} "):
            library.lock("one").__enter__()
        with library.lock("two"):
            assert library.holder("two")
    with library.lock("one"):
        assert library.holder("two") is None


def test_looking_at_a_lock_does_not_make_a_run_fail(library: Library) -> None:
    """Listing takes each lock for an instant; a run that starts then must only wait."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            library.holder("one")

    watcher = threading.Thread(target=look)
    with library.lock("one"):
        pass
    watcher.start()
    try:
        for _ in range(20):
            with library.lock("one"):
                pass
    finally:
        stop.set()
        watcher.join()


@pytest.mark.parametrize("note", [b"", b"[]", b'{"pid": 1}', b"\xff", b"[" * 100_000])
def test_a_note_that_makes_no_sense_names_another_process(library: Library, note: bytes) -> None:
    with library.lock("one"):
        (library.folder / ".locks" / "one.json").write_bytes(note)
        assert library.holder("one") == "another process"


def test_a_data_folder_that_cannot_be_written_is_named(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write to .*models"):
        Library(data_dir).lock("one").__enter__()


# Export and import


def test_an_exported_model_comes_back_the_same(library: Library, tmp_path: Path) -> None:
    put(library.path("one"), {"resume.safetensors": b"state", "history.jsonl": b"{}\n"})
    target = library.export("one", tmp_path)
    assert target == tmp_path / "one.zip"
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "history.jsonl",
            "model.json",
            "vocabulary.json",
            "weights-1.safetensors",
        ]
    library.import_(target, "three")
    (card, one), (card_again, three) = library.open("one"), library.open("three")
    assert card == card_again
    assert probabilities(one) == probabilities(three)
    assert one.vocabulary.words == three.vocabulary.words
    before, after = contents(library.path("one")), contents(library.path("three"))
    del before["resume.safetensors"]
    assert before == after
    elsewhere = Library(tmp_path / "elsewhere")
    elsewhere.import_(target, "one")
    assert contents(elsewhere.path("one")) == after


def test_a_model_without_a_history_is_exported_without_one(
    library: Library, tmp_path: Path
) -> None:
    with zipfile.ZipFile(library.export("one", tmp_path / "x.zip")) as archive:
        assert "history.jsonl" not in archive.namelist()


def test_an_export_of_a_damaged_model_is_refused(library: Library, tmp_path: Path) -> None:
    (library.path("one") / "weights-1.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="the model one cannot be used"):
        library.export("one", tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_an_export_that_cannot_be_written_names_the_file(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "gone" / "x.zip"
    with pytest.raises(StorageError) as caught:
        library.export("one", target)
    assert str(target) in caught.value.message

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "out").mkdir()
    put(tmp_path / "out", {"x.zip": b"old"})
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="no space left on device"):
        library.export("one", tmp_path / "out" / "x.zip", replace=True)
    assert contents(tmp_path / "out") == {"x.zip": b"old"}


@pytest.mark.parametrize("date", [0, 2**33])
def test_files_with_dates_that_a_zip_cannot_hold_are_exported(
    library: Library, tmp_path: Path, date: int
) -> None:
    put(library.path("one"), {"history.jsonl": b"{}\n"})
    for name in contents(library.path("one")):
        os.utime(library.path("one") / name, (date, date))
    library.import_(library.export("one", tmp_path / "x.zip"), "three")


def test_an_export_while_a_training_saves_is_a_whole_model(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next weights are put in place just before the zip is written."""
    real = archive.write_zip
    calls: list[str] = []

    def save_first(folder: Path, card: ModelCard, target: Path) -> None:
        calls.append(card.weights)
        if len(calls) == 1:
            make_model(folder, epoch=2, seed=9)
        real(folder, card, target)

    monkeypatch.setattr(archive, "write_zip", save_first)
    target = library.export("one", tmp_path / "x.zip")
    assert calls == ["weights-1.safetensors", "weights-2.safetensors"]
    library.import_(target, "three")
    assert probabilities(library.open("three")[1]) == probabilities(library.open("one")[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "x.zip"]


def test_an_import_under_a_name_that_is_taken_is_refused(library: Library, tmp_path: Path) -> None:
    target = library.export("one", tmp_path / "x.zip")
    before = models_of(library)
    with pytest.raises(ModelError, match="there is a model two already"):
        library.import_(target, "two")
    assert models_of(library) == before


def test_an_import_that_the_disk_has_no_room_for_leaves_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = library.export("one", tmp_path / "x.zip")
    before = models_of(library)

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="no space left"):
        patch.setattr(os, "fsync", fail)
        library.import_(target, "three")
    assert models_of(library) == before
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="1,000 are free"):
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        library.import_(target, "three")
    assert models_of(library) == before
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="read-only"):

        def refuse(**options: Any) -> str:
            raise OSError(errno.EROFS, "Read-only file system")

        patch.setattr(tempfile, "mkdtemp", refuse)
        library.import_(target, "three")
    assert models_of(library) == before


def test_what_is_no_zip_is_refused_with_its_path(library: Library, tmp_path: Path) -> None:
    put(tmp_path, {"empty.zip": b"", "text.zip": b"hello"})
    put(tmp_path / "model.zip", whole_model())
    for name in ("empty.zip", "text.zip", "model.zip"):
        with pytest.raises(ModelError) as caught:
            library.import_(tmp_path / name, "three")
        assert str(tmp_path / name) in caught.value.message
    with pytest.raises(ModelError, match="no such file"):
        library.import_(tmp_path / "gone.zip", "three")
    assert library.names() == ["one", "two"]


# Hostile zips


@cache
def exported() -> bytes:
    """A whole model's zip."""
    with tempfile.TemporaryDirectory() as name:
        library = Library(Path(name))
        put(library.path("one"), {**whole_model(), "history.jsonl": b"{}\n"})
        return library.export("one", Path(name) / "x.zip").read_bytes()


def whole() -> Files:
    """The files of a whole model, to be packed."""
    return {name: raw for name, raw in whole_model().items()}  # noqa: C416 - the keys are of a wider type


def zip_of(files: Files, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that stands twice
        for name, content in files.items():
            archive.writestr(name, content, compress_type=how)
    return raw.getvalue()


def import_of(raw: bytes) -> str | None:
    """Why the zip is refused, or None where it becomes a whole model.

    Fails where it raises anything but ModelError or leaves anything behind.
    """
    with tempfile.TemporaryDirectory() as name:
        outside = Path(name) / "a" / "b"
        library = Library(outside / "data")
        put(library.path("good"), whole_model())
        source = Path(name) / "hostile.zip"
        source.write_bytes(raw)
        before = contents(Path(name))
        refused = None
        try:
            library.import_(source, "victim")
        except ModelError as error:
            refused = error.message
            assert "hostile.zip" in refused
        else:
            card, model = library.open("victim")
            assert all(len(row) == card.total_words for row in probabilities(model))
            imported = library.path("victim")
            assert imported.is_dir()
            assert not any(path.is_symlink() for path in imported.iterdir())
            shutil.rmtree(imported)
        after = {n: raw for n, raw in contents(Path(name)).items() if ".locks" not in n}
        assert after == before
        library.open("good")
    return refused


def refusal(files: Files, how: int = zipfile.ZIP_DEFLATED) -> str:
    """Why a zip of these files is refused."""
    refused = import_of(zip_of(files, how))
    assert refused is not None, "the zip was taken as a whole model"
    return refused


def test_a_zip_that_another_program_packed_is_taken() -> None:
    assert import_of(zip_of(whole())) is None
    assert import_of(zip_of(whole(), zipfile.ZIP_STORED)) is None
    assert import_of(exported()) is None


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/abs",
        "a/../../b",
        "..\\evil",
        "C:\\evil",
        "model.json/",
        "./model.json",
        "models/model.json",
        "../good/model.json",
        "resume.safetensors",
        "weights-2.safetensors",
        "vocabulary-2.json",
        ".hidden",
        pytest.param("x" * 5000, id="long"),
        "\u202egpj.exe",
        "evil.py",
        "sub/",
    ],
)
def test_a_file_that_is_none_of_a_model_is_refused(name: str) -> None:
    assert "no file of a model" in refusal({**whole(), name: b"x"})


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_link_in_a_zip_is_never_made(name: str) -> None:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = whole()
    del files[name]
    assert refusal({**files, info: b"../../../../../etc/passwd"})
    # As a link to a whole file it is a plain file, whatever its mode says.
    assert import_of(zip_of({**files, info: whole_model()[name]})) is None


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_name_that_stands_twice_is_refused(name: str) -> None:
    again = zipfile.ZipInfo(name)
    assert "twice" in refusal({**whole(), again: whole_model()[name]})
    assert "twice" in refusal({again: b"x", **whole()})


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_zip_that_lacks_a_file_is_refused(name: str) -> None:
    files = {other: raw for other, raw in whole().items() if other != name}
    assert name in refusal(files)


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_is_refused(how: int) -> None:
    assert "compressed in another way" in refusal(whole(), how)


def test_an_unknown_compression_is_refused() -> None:
    raw = bytearray(zip_of(whole()))
    for place in positions(raw, b"PK\x01\x02"):
        raw[place + 10 : place + 12] = struct.pack("<H", 99)
    assert "compressed in another way" in (import_of(bytes(raw)) or "")


def test_an_encrypted_file_is_refused() -> None:
    raw = bytearray(zip_of(whole()))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for place in positions(raw, mark):
            raw[place + offset] |= 1
    assert "encrypted" in (import_of(bytes(raw)) or "")


def positions(raw: bytes | bytearray, mark: bytes) -> Iterator[int]:
    """Where `mark` stands."""
    place = raw.find(mark)
    while place >= 0:
        yield place
        place = raw.find(mark, place + 1)


@pytest.mark.parametrize("name", ["weights-1.safetensors", "vocabulary.json", "model.json"])
def test_a_bomb_that_says_its_size_is_refused_before_it_goes_off(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_JSON", 1 << 20)

    def never(*arguments: object) -> None:
        raise AssertionError("a file was unpacked")

    monkeypatch.setattr(archive, "_copy", never)
    raw = zip_of({**whole(), name: bytes(4 << 20)})
    assert len(raw) < 20_000
    assert "larger than" in (import_of(raw) or "")


@pytest.mark.parametrize("claimed", [0, 10, 1000])
@pytest.mark.parametrize("name", ["weights-1.safetensors", "vocabulary.json"])
def test_a_bomb_that_says_less_than_its_size_is_refused(name: str, claimed: int) -> None:
    raw = bytearray(zip_of({**whole(), name: bytes(4 << 20)}))
    for mark, offset, title in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        for place in positions(raw, mark):
            if raw[place + title :].startswith(name.encode()):
                raw[place + offset : place + offset + 4] = struct.pack("<I", claimed)
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as archive:
        assert archive.getinfo(name).file_size == claimed
    assert import_of(bytes(raw))


def test_a_history_larger_than_a_history_can_be_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "LARGEST_HISTORY", 100)
    assert "history.jsonl" in refusal({**whole(), "history.jsonl": b"x" * 101})
    assert import_of(zip_of({**whole(), "history.jsonl": b"x" * 100})) is None


def test_more_than_the_size_that_the_directory_says_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="larger than it says"):
        archive._copy(io.BytesIO(bytes(5 << 20)), tmp_path / "x", 1 << 20)
    assert (tmp_path / "x").stat().st_size <= 1 << 20


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"weights": "../../x"}, "weights: "),
        ({"vocabulary": "/etc/passwd"}, "vocabulary: "),
        ({"format": 99}, "format 99"),
        ({"total_words": 2**20}, "parameters"),
        ({"total_words": -7}, "total_words: "),
    ],
)
def test_a_card_is_checked_before_anything_is_unpacked(
    change: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("a file was unpacked")

    monkeypatch.setattr(archive, "_copy", never)
    data = {**json.loads(whole_model()["model.json"]), **change}
    assert why in refusal({**whole(), "model.json": json.dumps(data).encode()})


def test_sizes_that_the_words_do_not_prove_are_refused_before_the_weights() -> None:
    """A card may claim many words, and so allow large weights; the words must be there."""
    card = small_card(words=tuple(f"w{i}" for i in range(3000)))
    data = {**json.loads(whole_model()["model.json"]), "total_words": card.total_words}
    data["parameters"] = card.parameters
    files = {**whole(), "model.json": json.dumps(data).encode()}
    files["weights-1.safetensors"] = bytes(16 << 20)
    assert "holds 6 words, not 3000" in refusal(files)


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_damaged_contents_are_refused(name: str) -> None:
    assert refusal({**whole(), name: b""})
    assert refusal({**whole(), name: whole_model()[name][:-5]})
    assert refusal({**whole(), name: b"\0" * len(whole_model()[name])})


@HOSTILE
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_zip_cut_short_is_refused(share: float) -> None:
    assert import_of(exported()[: int(share * len(exported()))])


@HOSTILE
@given(raw=st.binary(max_size=300))
def test_random_bytes_are_refused(raw: bytes) -> None:
    assert import_of(raw)
    assert import_of(b"PK\x03\x04" + raw)


@HOSTILE
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.binary(min_size=1, max_size=6)),
        min_size=1,
        max_size=6,
    ),
    directory=st.booleans(),
)
def test_a_zip_with_random_bytes_never_does_more_than_be_refused(
    edits: list[tuple[float, bool, bytes]], directory: bool
) -> None:
    raw = exported()
    first = raw.index(b"PK\x01\x02") if directory else 0
    for share, insert, more in edits:
        place = first + int(share * (len(raw) - first))
        raw = raw[:place] + more + raw[place + (0 if insert else len(more)) :]
    refused = import_of(raw)
    assert refused is None or "cannot import" in refused


@HOSTILE
@given(name=st.text(min_size=1, max_size=40), raw=st.binary(max_size=20))
def test_a_zip_with_any_further_file_is_refused(name: str, raw: bytes) -> None:
    try:
        packed = zip_of({**whole(), f"{name}.": raw})
    except UnicodeEncodeError:  # half a character, which a zip cannot hold
        packed = zip_of({**whole(), "x.": raw})
    assert import_of(packed)


@HOSTILE
@given(value=JSON_VALUES, number=st.integers(0))
def test_a_zip_with_random_json_in_its_card_never_does_more_than_be_refused(
    value: object, number: int
) -> None:
    data = json.loads(whole_model()["model.json"])
    holders = places(data)
    holder, key = holders[number % len(holders)]
    holder[key] = value
    refused = import_of(zip_of({**whole(), "model.json": json.dumps(data).encode()}))
    assert refused is None or "cannot import" in refused


def test_nothing_of_a_zip_is_left_when_the_import_is_interrupted(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = library.export("one", tmp_path / "x.zip")
    before = models_of(library)

    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "load_model", interrupt)
    with pytest.raises(KeyboardInterrupt):
        library.import_(target, "three")
    assert models_of(library) == before
    with library.lock("three"):
        assert not library.has("three")
