"""Export and import: a model survives both unchanged, and no file does any harm."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import files
from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX
from tests.helpers.models import (
    HOSTILE,
    NEEDS_UNREADABLE,
    UNREADABLE,
    contents,
    library_with,
    make_model,
    models_of,
    parsed_tensors,
    probabilities,
    put,
    tensor_file,
    whole_model,
    why_refused,
    with_tensors,
)

# Export


def test_an_exported_model_comes_back_the_same(library: Library, tmp_path: Path) -> None:
    put(library.run_folder("one"), {"resume.safetensors": b"state", "origin.json": b"{}"})
    target = library.export("one", tmp_path)
    assert target == tmp_path / "one.safetensors"
    assert target.read_bytes() == library.path("one").read_bytes()
    elsewhere = Library(tmp_path / "elsewhere")
    elsewhere.import_(target, "three")
    (card, one), (card_again, three) = library.open("one"), elsewhere.open("three")
    assert card == card_again
    assert probabilities(one) == probabilities(three)
    assert one.vocabulary.words == three.vocabulary.words


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "link", "link to nowhere"])
def test_an_export_replaces_nothing_but_a_regular_file(
    library: Library, tmp_path: Path, kind: str
) -> None:
    target, real = tmp_path / "x", tmp_path / "real"
    real.write_bytes(b"precious")
    if kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to(real if kind == "link" else tmp_path / "gone")
    before = target.lstat()
    with pytest.raises(StorageError, match="is not a regular file"):
        library.export("one", target, replace=True)
    assert target.lstat().st_ino == before.st_ino
    assert real.read_bytes() == b"precious"


def test_an_export_that_fails_leaves_what_was_there(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"precious")
    with pytest.raises(StorageError, match="already exists"):
        library.export("one", target)
    monkeypatch.setattr(os, "fsync", raising(OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(StorageError, match="no space left"):
        library.export("one", target, replace=True)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "x"}
    assert target.read_bytes() == b"precious"


def test_a_dash_is_standard_output_and_standard_input(
    library: Library,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data_dir = ["--data-dir", str(library.data_dir)]
    assert main(["--export", "one", "-", *data_dir]) == 0
    raw = capsysbinary.readouterr().out
    assert raw == library.path("one").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert main(["--import", "-", *data_dir]) == 2
    assert b"name it with --name" in capsysbinary.readouterr().err
    assert main(["--import", "-", "--name", "three", *data_dir]) == 0
    assert library.path("three").read_bytes() == raw


# Import


def raising(error: BaseException) -> Callable[..., None]:
    """A function that raises the error, whatever it is called with."""

    def fail(*arguments: object, **options: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "error", "why"),
    [
        ("os.fsync", OSError(errno.ENOSPC, "No space left"), "no space left"),
        ("rnnlm_tui.store.library.check_model", KeyboardInterrupt("stopped"), "stopped"),
        ("rnnlm_tui.store.library.check_model", ModelError("is bad"), "cannot import .*: is bad"),
    ],
)
def test_an_import_that_does_not_come_to_its_end_leaves_nothing(
    library: Library,
    tmp_path: Path,
    place: str,
    error: BaseException,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = library.export("one", tmp_path / "x")
    before = models_of(library)
    monkeypatch.setattr(place, raising(error))
    with pytest.raises((StorageError, ModelError, KeyboardInterrupt), match=why):
        library.import_(target, "three")
    assert models_of(library) == before
    with library.lock("three"):
        assert not library.has("three")


@pytest.mark.parametrize(
    ("name", "raw"), [("empty", b""), ("text", b"hello"), ("folder", None), ("gone", b"")]
)
def test_a_file_that_is_not_a_model_is_refused_with_its_path(
    library: Library, tmp_path: Path, name: str, raw: bytes | None
) -> None:
    source = tmp_path / name
    if raw is None:
        source.mkdir()
    elif name != "gone":
        source.write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        library.import_(source, "three")
    assert caught.value.message.startswith(f"cannot import {source}: ")
    assert ".tmp" not in caught.value.message
    assert library.names() == ["one", "two"]


@NEEDS_UNREADABLE
def test_a_file_that_cannot_be_read_is_refused(library: Library) -> None:
    with pytest.raises(ModelError, match="input/output error"):
        library.import_(Path(UNREADABLE), "three")
    assert library.names() == ["one", "two"]


def import_of(raw: bytes) -> str | None:
    """Why the file is refused, or None if it becomes a whole model.

    Fails if it raises anything but ModelError or leaves anything behind.
    """
    with tempfile.TemporaryDirectory() as name:
        library = Library(Path(name) / "data")
        put(library.folder, {"good.safetensors": whole_model()})
        source = Path(name) / "hostile"
        source.write_bytes(raw)
        before, refused = contents(Path(name)), None
        try:
            library.import_(source, "victim")
        except ModelError as error:
            refused = error.message
            assert refused.startswith(f"cannot import {source}: ")
        else:
            card, model = library.open("victim")
            assert all(len(row) == card.total_words for row in probabilities(model))
            library.delete("victim")
        after = {n: raw for n, raw in contents(Path(name)).items() if ".locks" not in n}
        assert after == before
    return refused


def test_what_opening_alone_does_not_read_is_checked_too() -> None:
    descending = np.array([2, 1], np.uint64)
    raw = with_tensors(lambda tensors: tensors.update({"lines.unseen": descending}))
    assert "do not rise" in (import_of(raw) or "")
    nan = np.array(np.nan, np.float32)
    raw = with_tensors(lambda tensors: tensors["network.embedding"].fill(nan))
    assert "not finite" in (import_of(raw) or "")


def test_a_file_whose_header_claims_more_than_it_holds_is_refused() -> None:
    header, numbers = parsed_tensors(whole_model())
    header["network.embedding"]["shape"] = [1 << 20, 1 << 20]
    header["network.embedding"]["data_offsets"][1] = 1 << 42
    assert "the file is damaged" in (import_of(tensor_file(header, numbers)) or "")


@HOSTILE
@given(
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["put", "insert", "cut"]), st.binary(max_size=9)
        ),
        max_size=5,
    ),
    in_header=st.booleans(),
    kept=st.floats(0, 1),
)
def test_random_bytes_never_do_more_than_spoil_the_model(
    edits: list[tuple[float, str, bytes]], in_header: bool, kept: float
) -> None:
    """Neither in a file that is imported nor in one of the library."""
    raw = whole_model()
    end = 8 + int.from_bytes(raw[:8], "little") if in_header else len(raw)
    for position, how, more in edits:
        place = int(position * end)
        rest = place + (0 if how == "insert" else len(more))
        raw = raw[:place] + (b"" if how == "cut" else more) + raw[rest:]
    raw = raw if len(edits) % 2 else raw[: int(kept * len(raw))]
    import_of(raw)
    with library_with(raw) as library:
        refused = why_refused(library)
    assert refused is None or "victim" in refused


# What a file tells


def test_nothing_in_the_header_is_of_the_text_or_of_this_machine(
    tmp_path: Path, corpus_file: Path, capsys: pytest.CaptureFixture[str]
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


def test_a_training_that_saves_meanwhile_does_not_mix_two_models(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next model is saved while the first piece of the file is copied."""
    monkeypatch.setattr(files, "CHUNK", 100)
    real = files.chunks_of

    def save_within(path: Path) -> object:
        for number, chunk in enumerate(real(path)):
            if number == 1:
                make_model(path, epoch=2, seed=9)
            yield chunk

    monkeypatch.setattr(files, "chunks_of", save_within)
    before = library.path("one").read_bytes()
    target = library.export("one", tmp_path / "x")
    assert target.read_bytes() == before != library.path("one").read_bytes()
