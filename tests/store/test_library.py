"""The models in the data folder: names, listing, opening, renaming, copying, deleting, locks."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.errors import ModelError, StorageError, UsageError
from rnnlm_tui.paths import config_dir
from rnnlm_tui.store import files, locks
from rnnlm_tui.store.library import (
    Library,
    check_name,
    free_name,
    is_name,
    name_of_file,
    new_name_problem,
    usable_name,
)
from rnnlm_tui.store.model_file import StoredModel, read_card
from tests.helpers.models import (
    HOSTILE,
    WORDS,
    contents,
    fail_for,
    held_elsewhere,
    make_model,
    models_of,
    put,
    whole_model,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-éжи日本語"
RESERVED = ["con", "PRN", "aux", "Nul", "com1", "LPT9", "con.txt", "nul.tar.gz"]


# Names


@given(name=st.text(LETTERS + "./\\: \n\0*", max_size=66) | st.text(LETTERS, max_size=66))
@HOSTILE
def test_letters_digits_and_a_few_signs_make_a_name(name: str) -> None:
    is_plain = set(name) <= set(LETTERS + ".") and 1 <= len(name) <= 64
    assert is_name(name) == (is_plain and name[0] not in ".-" and name[-1] != ".")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("my diary", "my-diary"),
        (" Tagebuch  Ma\u0308rz ", "Tagebuch-März"),
        ("日本語", "日本語"),
        ("дневник", "дневник"),
        ("हिन्दी", "हिन्दी"),
        ("語" * 64, "語" * 64),
    ],
)
def test_a_name_has_letters_of_any_alphabet_and_no_spaces(
    library: Library, tmp_path: Path, typed: str, name: str
) -> None:
    assert new_name_problem(library, typed) is None
    assert usable_name(typed) == name and is_name(name)
    library.rename("one", name)
    assert name in library.names() and library.open(name)
    assert library.export(name, tmp_path).name == f"{name}.safetensors"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("日本語", "日本語"),
        ("Tagebuch Ma\u0308rz", "Tagebuch-März"),
        ("notes (2024) v1.2", "notes-2024-v1-2"),
        ("..", "text"),
        ("\u0301", "text"),
        ("語" * 99, "語" * 40),
    ],
)
def test_a_file_gives_its_name(file: str, name: str) -> None:
    assert name_of_file(file) == name and is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *RESERVED,
        *("", ".", "..", ".a", "a.", "a/b", "../a", "/a", "a\\b", "a\n", "e\u0301", "a\0"),
        *(
            "a" * 65,
            "\U0001d51e" * 60,
            "c:",
            "a*",
            "~",
            "\u0301a",
            "a\u202eb",
            "\ud800",
            "-",
            "-rf",
            "--yes",
        ),
    ],
)
def test_a_name_that_could_do_harm_is_refused_everywhere(library: Library, name: str) -> None:
    before = models_of(library)
    for use in (
        lambda: check_name(name),
        lambda: library.open(name),
        lambda: library.rename("one", name),
        lambda: library.rename(name, "three"),
        lambda: library.import_(Path("x.safetensors"), name),
        lambda: library.export(name, Path("x.safetensors")),
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


@pytest.mark.parametrize("name", ["con", "a b", "-rf"])
def test_a_file_whose_name_is_not_allowed_is_listed_as_damaged_and_can_be_deleted(
    library: Library, name: str
) -> None:
    path = library.folder / f"{name}.safetensors"
    path.write_bytes(whole_model())
    os.utime(path, (2**33, 2**33))
    damaged = {entry.name: entry.damaged for entry in library.entries()}
    assert "cannot be a model's name" in (damaged.pop(name) or "")
    assert damaged == {"one": None, "two": None}
    assert library.default_model() != name
    library.delete(name)
    assert library.names() == ["one", "two"]


def test_a_name_is_proposed_that_no_model_and_no_run_has(library: Library) -> None:
    make_model(library.path("a"))
    put(library.run_folder("a-2"), {"resume.safetensors": b"x"})
    assert free_name(library, "b") == "b"
    assert free_name(library, "a") == "a-3"
    with held_elsewhere(library, "a-3"):
        assert free_name(library, "a") == "a-4"
    make_model(library.path("x" * 64))
    assert free_name(library, "x" * 64) == "x" * 62 + "-2"


# Listing and opening


def test_a_missing_library_is_empty_and_is_not_created(data_dir: Path) -> None:
    library = Library(data_dir)
    assert (library.names(), library.entries(), library.holder("one")) == ([], [], None)
    assert not library.has("one")
    assert library.unknown_model("one").hint == "models: none yet"
    with pytest.raises(ModelError, match="no model yet"):
        library.default_model()
    for use in (
        lambda: library.open("one"),
        lambda: library.rename("one", "two"),
        lambda: library.duplicate("one", "two"),
        lambda: library.delete("one"),
        lambda: library.export("one", data_dir / "x.safetensors"),
    ):
        with pytest.raises(ModelError, match="no model one"):
            use()
    assert not data_dir.exists()


def test_models_are_listed_in_order_with_card_and_size(library: Library) -> None:
    make_model(library.path("Another"))
    put(library.run_folder("one"), {"resume.safetensors": b"state", "history.jsonl": b"{}\n"})
    (library.folder / "folder").mkdir()
    put(library.folder, {"a file": b"x", ".hidden.safetensors": whole_model()})
    entries = library.entries()
    assert [entry.name for entry in entries] == ["Another", "one", "two"]
    for entry in entries:
        path = library.path(entry.name)
        assert (entry.damaged, entry.trained_by) == (None, None)
        assert entry.card == read_card(path)
        of_run = {"history.jsonl": 3, "resume.safetensors": 5} if entry.name == "one" else {}
        assert entry.files == {path.name: len(path.read_bytes()), **of_run}
        assert entry.size_bytes == path.stat().st_size


def test_only_the_headers_are_read_for_the_list(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredModel, "_tensor", lambda *arguments: pytest.fail("a tensor was read"))
    assert [entry.damaged for entry in library.entries()] == [None, None]


def test_a_file_that_cannot_be_read_is_listed_as_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulates the system's refusal, because root may read every file."""
    real = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if Path(path) == library.path("one"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    damaged = {entry.name: entry.damaged for entry in library.entries()}
    assert damaged == {"one": "cannot read one.safetensors: permission denied", "two": None}


def test_a_model_that_cannot_be_used_says_which_and_what_to_do(library: Library) -> None:
    assert library.open("one")[1].vocabulary.words == WORDS
    library.path("one").write_bytes(whole_model()[:-1])
    with pytest.raises(ModelError, match=r"the model one cannot be used: .* is damaged") as caught:
        library.open("one")
    assert "--delete one" in caught.value.hint


def test_the_newest_model_is_the_one_saved_last_that_does_not_train(library: Library) -> None:
    os.utime(library.path("one"), (2_000_000_000, 2_000_000_000))
    assert library.default_model() == "one"
    os.utime(library.path("two"), (2_000_000_001, 2_000_000_001))
    assert library.default_model() == "two"
    with library.lock("two"), library.lock("one", "rename"):
        assert library.default_model() == "one"
    with library.lock("two"), library.lock("one"):
        assert library.default_model() == "two"


# Renaming, deleting and copying


def test_a_name_that_a_model_or_an_unfinished_run_has_is_taken(library: Library) -> None:
    put(library.run_folder("run"), {"resume.safetensors": b"x"})
    before = models_of(library)
    for use in (library.rename, library.duplicate):
        for new in ("two", "one", "run"):
            with pytest.raises(ModelError, match=f"the name {new} is taken"):
                use("one", new)
    assert models_of(library) == before
    library.delete("run")
    assert not library.has("run")


def test_what_a_run_leaves_that_saved_nothing_takes_no_name(
    library: Library, tmp_path: Path
) -> None:
    source = library.export("one", tmp_path / "x.safetensors")
    uses: list[Callable[[str], object]] = [
        lambda name: library.import_(source, name),
        lambda name: library.duplicate("one", name),
        lambda name: library.rename("one", name),
    ]
    left = {"history.jsonl": b"x", ".resume.safetensors.tmp": b"x", "text-train.bin": b"x"}
    for use in uses:
        put(library.run_folder("left"), left)
        assert not library.has("left")
        assert free_name(library, "left") == "left"
        use("left")
        library.open("left")
        assert contents(library.data_dir / "runs") == {}, "it has nothing of another run"
        library.delete("left")
    put(library.run_folder("left"), left)
    library.delete("left")
    assert not library.run_folder("left").exists()


def test_a_renamed_model_keeps_its_run(library: Library) -> None:
    model = library.path("one").read_bytes()
    put(library.run_folder("one"), {"resume.safetensors": b"state", "origin.json": b"{}"})
    before = contents(library.run_folder("one"))
    library.rename("one", "three")
    assert library.path("three").read_bytes() == model
    assert contents(library.run_folder("three")) == before
    assert library.names() == ["three", "two"]
    assert not library.run_folder("one").exists()


def test_a_deleted_model_is_gone_with_its_run(library: Library) -> None:
    put(library.run_folder("one"), {"resume.safetensors": b"x", "history.jsonl": b"x"})
    (library.run_folder("one") / "more").mkdir()
    put(library.folder, {".one.safetensors.tmp": b"half of a save"})
    library.delete("one")
    assert library.names() == ["two"]
    assert set(models_of(library)) == {"models/two.safetensors"}
    with pytest.raises(ModelError, match="no model one"):
        library.delete("one")


@pytest.mark.parametrize("part", ["one.safetensors", "resume.safetensors", "origin.json"])
def test_a_deletion_that_fails_says_so_and_can_be_repeated(
    library: Library, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    put(library.run_folder("one"), {"resume.safetensors": b"x", "origin.json": b"{}"})
    real = Path.unlink

    def fail(self: Path, missing_ok: bool = False) -> None:
        if self.name == part:
            raise OSError(errno.EIO, "Input/output error")
        real(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        with pytest.raises(StorageError, match=f"could not delete .*{part}: input/output error"):
            library.delete("one")
    assert library.has("one")
    library.delete("one")
    assert set(models_of(library)) == {"models/two.safetensors"}


def test_a_model_that_cannot_be_moved_stays_whole(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library.run_folder("one"), {"resume.safetensors": b"x"})
    before, real = models_of(library), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.suffix:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StorageError, match="read-only file system"):
        library.rename("one", "three")
    assert models_of(library) == before


def test_a_copy_is_the_same_model_without_the_state_of_its_run(library: Library) -> None:
    more = {"resume.safetensors": b"state", "history.jsonl": b"{}\n", "origin.json": b"{}"}
    put(library.run_folder("one"), more)
    before = models_of(library)
    library.duplicate("one", "three")
    copied = {
        "models/three.safetensors": before["models/one.safetensors"],
        "runs/three/origin.json": b"{}",
    }
    assert models_of(library) == before | copied


def test_a_damaged_model_is_neither_copied_nor_exported(library: Library) -> None:
    library.path("one").write_bytes(b"")
    before = models_of(library)
    target = library.folder.parent / "x.safetensors"
    for use in (lambda: library.duplicate("one", "three"), lambda: library.export("one", target)):
        with pytest.raises(ModelError, match="the model one cannot be used"):
            use()
    assert models_of(library) == before
    assert not target.exists()


# Locks


def test_a_name_in_use_is_refused_and_its_holder_named(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0)
    before = models_of(library)
    uses: list[Callable[[], object]] = [
        lambda: library.lock("one").__enter__(),
        lambda: library.rename("one", "three"),
        lambda: library.delete("one"),
    ]
    with held_elsewhere(library, "one") as process:
        holder = f"process {process.pid} on {socket.gethostname()}"
        for use in uses:
            with pytest.raises(ModelError, match=f"the model one is in use by {holder}"):
                use()
        assert (library.holder("one") or "").startswith(holder)
        assert library.holder("two") is None
        listed = {entry.name: entry.trained_by for entry in library.entries()}
        assert (listed["one"] or "").startswith(holder)
        assert listed["two"] is None
        library.open("one")  # reading needs no lock
    assert library.holder("one") is None
    assert models_of(library) == before


@pytest.mark.parametrize("use", [Library.rename, Library.duplicate])
def test_the_target_must_not_be_held(
    library: Library, use: Callable[[Library, str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0)
    with library.lock("three"), pytest.raises(ModelError, match="the model three is in use"):
        use(library, "one", "three")


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
    assert library.holder("one") is None


@pytest.mark.parametrize("fails", ["make the folder", "write the model"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_copy_that_cannot_be_saved_is_one_sentence_and_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch, fails: str, code: int
) -> None:
    put(library.run_folder("one"), {"origin.json": b"{}"})
    before, make = models_of(library), Path.mkdir

    def mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name == "copy":
            raise OSError(code, os.strerror(code))
        make(path, *arguments, **options)

    if fails == "make the folder":
        monkeypatch.setattr(Path, "mkdir", mkdir)
    else:
        monkeypatch.setattr(files, "write_file", fail_for("copy", code))
    with pytest.raises(StorageError, match=f"(?i){os.strerror(code)}"):
        library.duplicate("one", "copy")
    monkeypatch.undo()
    assert models_of(library) == before
    assert not library.run_folder("copy").exists()


def test_the_default_model_is_the_one_used_last_in_the_app(library: Library) -> None:
    os.utime(library.path("one"), (1000, 1000))
    assert library.default_model() == "two"
    put(config_dir(), {"settings.json": b'{"model": "one", "theme": 5}'})
    assert library.default_model() == "one"
    library.delete("one")
    assert library.default_model() == "two"
    for raw in (b"{", b'{"model": 5}', b'{"model": "../x"}'):
        put(config_dir(), {"settings.json": raw})
        assert library.default_model() == "two"


@pytest.mark.skipif(sys.platform == "win32", reason="a file cannot be in the place of a folder")
def test_a_data_folder_that_cannot_be_written_is_named(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write to .*models"):
        Library(data_dir).lock("one").__enter__()
