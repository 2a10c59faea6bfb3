"""Export and import: a model survives both unchanged, and no zip does any harm."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import stat
import struct
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    Saved,
    from_json_line,
    to_json_line,
)
from rnnlm_tui.store import archive, files
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX
from tests.helpers.models import (
    HOSTILE,
    NEEDS_UNREADABLE,
    UNREADABLE,
    card_data,
    contents,
    make_model,
    models_of,
    probabilities,
    put,
    small_card,
    whole_model,
    with_card,
)

Files: TypeAlias = Mapping[Any, bytes]
"""What is packed, by its name or its entry in the zip."""
TRAIN = ("loss", "penalty", "accuracy", "perplexity")
SAMPLE = {"seed": "my last line", "text": "my last line is here"}


def never(*arguments: object) -> None:
    raise AssertionError("a file was unpacked")


# Export


def test_an_exported_model_comes_back_the_same(library: Library, tmp_path: Path) -> None:
    put(library.path("one"), {"resume.safetensors": b"state", "origin.json": b"{}"})
    target = library.export("one", tmp_path)
    assert target == tmp_path / "one.zip"
    with zipfile.ZipFile(target) as packed:
        assert packed.testzip() is None
        assert set(packed.namelist()) == set(whole_model())
    elsewhere = Library(tmp_path / "elsewhere")
    elsewhere.import_(target, "three")
    (card, one), (card_again, three) = library.open("one"), elsewhere.open("three")
    assert card == card_again
    assert probabilities(one) == probabilities(three)
    assert one.vocabulary.words == three.vocabulary.words


def test_an_exported_history_has_no_paths_and_no_samples(library: Library, tmp_path: Path) -> None:
    epoch = EpochEnded(1.0, 1, dict.fromkeys(TRAIN, 0.5), None, True, SAMPLE, 1.0)
    events: list[Event] = [
        epoch,
        Saved(2.0, 1, "/home/me/models/one", True),
        Failed(2.5, "storage", "could not write /home/me/x", ""),
        Finished(3.0, "completed", 1, {}, "/home/me/models/one", 3.0),
    ]
    lines = [to_json_line(event).encode() for event in events]
    put(library.path("one"), {"history.jsonl": b"\n".join([*lines, b"half a li"])})
    target = library.export("one", tmp_path / "x.zip")
    with zipfile.ZipFile(target) as packed:
        raw = packed.read("history.jsonl")
    kept = [from_json_line(line) for line in raw.splitlines()]
    assert [event.event for event in kept] == ["epoch", "saved", "finished"]
    assert b"/home" not in raw
    assert b"my last line" not in raw
    library.import_(target, "three")


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "link", "link to nowhere"])
def test_an_export_replaces_nothing_but_a_regular_file(
    library: Library, tmp_path: Path, kind: str
) -> None:
    target, real = tmp_path / "x.zip", tmp_path / "real"
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


def test_an_export_to_a_dash_is_written_to_standard_output(
    library: Library, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["--export", "one", "-", "--data-dir", str(library.folder.parent)]) == 0
    assert import_of(capsysbinary.readouterr().out) is None


@POSIX
def test_a_pipe_in_place_of_the_history_is_not_waited_for(library: Library, tmp_path: Path) -> None:
    os.mkfifo(library.path("one") / "history.jsonl")
    done = threading.Thread(target=library.export, args=("one", tmp_path / "x.zip"), daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive()
    with zipfile.ZipFile(tmp_path / "x.zip") as packed:
        assert "history.jsonl" not in packed.namelist()


@NEEDS_UNREADABLE
def test_what_cannot_be_read_is_not_exported_and_named(library: Library, tmp_path: Path) -> None:
    (library.path("one") / "history.jsonl").symlink_to(UNREADABLE)
    with pytest.raises(ModelError, match=r"cannot read history\.jsonl: input/output error"):
        library.export("one", tmp_path / "x.zip")
    with pytest.raises(ModelError, match=r"cannot read history\.jsonl: input/output error"):
        library.duplicate("one", "three")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert library.names() == ["one", "two"]


@pytest.mark.parametrize("date", [0, 2**33])
def test_files_with_dates_that_a_zip_cannot_hold_are_exported(
    library: Library, tmp_path: Path, date: int
) -> None:
    for path in library.path("one").iterdir():
        os.utime(path, (date, date))
    library.import_(library.export("one", tmp_path / "x.zip"), "three")


def test_an_export_while_a_training_saves_is_a_whole_model(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next weights are saved just before the zip is written."""
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


# Import


def raising(error: BaseException) -> Callable[..., None]:
    """A function that raises the error, whatever it is called with."""

    def fail(*arguments: object, **options: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "stand_in", "why"),
    [
        ("os.fsync", raising(OSError(errno.ENOSPC, "No space left")), "no space left"),
        ("shutil.disk_usage", lambda path: SimpleNamespace(free=1000), "1,000 are free"),
        ("tempfile.mkdtemp", raising(OSError(errno.EROFS, "Read-only")), "read-only"),
        ("rnnlm_tui.store.archive.load_model", raising(KeyboardInterrupt("stopped")), "stopped"),
    ],
)
def test_an_import_that_does_not_come_to_its_end_leaves_nothing(
    library: Library,
    tmp_path: Path,
    place: str,
    stand_in: Callable[..., object],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = library.export("one", tmp_path / "x.zip")
    before = models_of(library)
    monkeypatch.setattr(place, stand_in)
    with pytest.raises((StorageError, KeyboardInterrupt), match=why):
        library.import_(target, "three")
    assert models_of(library) == before
    with library.lock("three"):
        assert not library.has("three")


@pytest.mark.parametrize(
    ("name", "raw"),
    [("empty.zip", b""), ("text.zip", b"hello"), ("folder.zip", None), ("gone", b"")],
)
def test_a_file_that_is_not_a_zip_is_refused_with_its_path(
    library: Library, tmp_path: Path, name: str, raw: bytes | None
) -> None:
    source = tmp_path / name
    if raw is None:
        put(source, whole_model())
    elif name != "gone":
        source.write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        library.import_(source, "three")
    assert str(source) in caught.value.message
    assert library.names() == ["one", "two"]


# Hostile zips


@cache
def exported() -> bytes:
    """A whole model's zip."""
    with tempfile.TemporaryDirectory() as name:
        library = Library(Path(name))
        put(library.path("one"), whole_model())
        return library.export("one", Path(name) / "x.zip").read_bytes()


def zip_of(files: Files, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that occurs twice
        for name, content in files.items():
            archive.writestr(name, content, compress_type=how)
    return raw.getvalue()


def import_of(raw: bytes) -> str | None:
    """Why the zip is refused, or None if it becomes a whole model.

    Fails if it raises anything but ModelError or leaves anything behind.
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
            assert refused.startswith(f"cannot import {source}: ")
        else:
            card, model = library.open("victim")
            assert all(len(row) == card.total_words for row in probabilities(model))
            imported = library.path("victim")
            assert not any(path.is_symlink() for path in (imported, *imported.iterdir()))
            shutil.rmtree(imported)
        after = {n: raw for n, raw in contents(Path(name)).items() if ".locks" not in n}
        assert after == before
    return refused


def refusal(files: Files) -> str:
    """Why a zip of these files is refused."""
    refused = import_of(zip_of(files))
    assert refused is not None, "the zip was taken as a whole model"
    return refused


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_that_another_program_packed_is_taken(how: int) -> None:
    assert import_of(zip_of(whole_model(), how)) is None


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "/abs", "a/../../b", "..\\evil", "C:\\evil", "model.json/", "./model.json"),
        *("models/model.json", "../good/model.json", "resume.safetensors", "origin.json"),
        *("weights-2.safetensors", "vocabulary-2.json", "lines-1.safetensors", ".hidden", "sub/"),
        pytest.param("x" * 5000, id="long"),
        "\u202egpj.exe",
    ],
)
def test_a_file_that_is_none_of_a_model_is_refused(name: str) -> None:
    assert "not part of a model" in refusal({**whole_model(), name: b"x"})


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_link_in_a_zip_is_never_made(name: str) -> None:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {other: raw for other, raw in whole_model().items() if other != name}
    assert refusal({**files, info: b"../../../../../etc/passwd"})
    # As a link to a whole file it is a plain file, whatever its mode says.
    assert import_of(zip_of({**files, info: whole_model()[name]})) is None


@pytest.mark.parametrize("name", sorted(whole_model()))
def test_a_file_that_occurs_twice_is_missing_or_is_damaged_is_refused(name: str) -> None:
    again, whole = zipfile.ZipInfo(name), whole_model()[name]
    assert "twice" in refusal({**whole_model(), again: whole})
    assert "twice" in refusal({again: b"x", **whole_model()})
    assert name in refusal({other: raw for other, raw in whole_model().items() if other != name})
    for raw in (b"", whole[:-5], bytes(len(whole))):
        assert refusal({**whole_model(), name: raw})


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_another_compression_is_refused(how: int) -> None:
    raw = bytearray(zip_of(whole_model(), zipfile.ZIP_STORED if how == 99 else how))
    for place in positions(raw, b"PK\x01\x02"):
        raw[place + 10 : place + 12] = struct.pack("<H", how)
    assert "compressed in another way" in (import_of(bytes(raw)) or "")


def test_an_encrypted_file_is_refused() -> None:
    raw = bytearray(zip_of(whole_model()))
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for place in positions(raw, mark):
            raw[place + offset] |= 1
    assert "encrypted" in (import_of(bytes(raw)) or "")


def positions(raw: bytearray, mark: bytes) -> list[int]:
    """The places of `mark`."""
    return [found.start() for found in re.finditer(re.escape(mark), raw)]


@pytest.mark.parametrize(
    "name", ["weights-1.safetensors", "vocabulary.json", "model.json", "history.jsonl"]
)
def test_a_bomb_that_says_its_size_is_refused_before_it_goes_off(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_JSON", 1 << 20)
    monkeypatch.setattr(archive, "LARGEST_HISTORY", 1 << 20)
    raw = zip_of({**whole_model(), name: bytes(4 << 20)})
    assert len(raw) < 20_000
    monkeypatch.setattr(os, "fsync", never)
    assert "larger than" in (import_of(raw) or "")


@pytest.mark.parametrize("claimed", [0, 1000])
@pytest.mark.parametrize("name", ["weights-1.safetensors", "vocabulary.json"])
def test_a_bomb_that_says_less_than_its_size_is_refused(name: str, claimed: int) -> None:
    raw = bytearray(zip_of({**whole_model(), name: bytes(4 << 20)}))
    for mark, offset, title in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        for place in positions(raw, mark):
            if raw[place + title :].startswith(name.encode()):
                raw[place + offset : place + offset + 4] = struct.pack("<I", claimed)
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as packed:
        assert packed.getinfo(name).file_size == claimed
    assert import_of(bytes(raw))


def test_a_card_is_checked_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", never)
    assert "weights: " in refusal(with_card({**card_data(), "weights": "../../x"}))


def test_sizes_that_the_words_do_not_prove_are_refused_before_the_weights() -> None:
    """A card may claim many words and so allow large weights, but the words must exist."""
    card = small_card(words=tuple(f"w{i}" for i in range(3000)))
    claim = {"total_words": card.total_words, "parameters": card.parameters}
    files = {**with_card({**card_data(), **claim}), "weights-1.safetensors": bytes(16 << 20)}
    assert "holds 6 words, not 3000" in refusal(files)


@HOSTILE
@given(share=st.floats(0, 1, exclude_max=True), raw=st.binary(max_size=300), kind=st.integers(0, 2))
def test_a_zip_cut_short_and_random_bytes_are_refused(share: float, raw: bytes, kind: int) -> None:
    cut_short = exported()[: int(share * len(exported()))]
    assert import_of((cut_short, raw, b"PK\x03\x04" + raw)[kind])


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
    import_of(raw)
