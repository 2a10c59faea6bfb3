"""How the files of a model are written: whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import files
from rnnlm_tui.store.tensors import write_tensors
from tests.helpers.commands import POSIX
from tests.helpers.models import contents


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), MemoryError(), ModelError("changed")],
)
def test_a_write_that_fails_half_way_leaves_the_old_file(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise error

    expected = StorageError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        files.write_file(path, fail)
    if isinstance(caught.value, StorageError):
        assert caught.value.message == f"could not save {path}: full"
    assert contents(tmp_path) == {"file": b"old"}


def test_the_next_write_replaces_what_a_killed_one_has_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.temporary_of(path).write_bytes(b"half of a private text")
    files.write_bytes(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}


@POSIX
def test_a_folder_that_cannot_be_flushed_does_not_fail_a_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse_folders(handle: int) -> None:
        if os.path.isdir(f"/dev/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    files.write_bytes(tmp_path / "file", b"new")
    assert contents(tmp_path) == {"file": b"new"}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "file"
    with pytest.raises(StorageError, match="no such file or directory") as caught:
        files.write_bytes(path, b"new")
    assert str(path) in caught.value.message
    assert caught.value.hint == f"make the folder {tmp_path / 'gone'} first"


@POSIX
@pytest.mark.parametrize("failing", ["tensors", "json"])
def test_the_systems_own_limit_leaves_the_old_file(tmp_path: Path, failing: str) -> None:
    """The kernel refuses to write more in the middle of a file."""
    import resource

    path = tmp_path / "file"
    path.write_bytes(b"old")
    big = np.zeros(100_000, np.float32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageError, match=r"(?i)could not save .*file too large"):
            if failing == "tensors":
                write_tensors(path, {"a": big})
            else:
                files.write_json(path, big.tolist())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {"file": b"old"}


def test_json_keeps_path_bytes_that_are_not_unicode(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"path": "caf\udce9", "word": "café"})
    assert "café".encode() in path.read_bytes()
    assert files.parse_json(files.read_file(path), "a") == {"path": "caf\udce9", "word": "café"}


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_bytes(tmp_path / "file", b"1234")
    monkeypatch.setattr(files, "LARGEST_JSON", 4)
    assert files.read_file(tmp_path / "file") == b"1234"
    monkeypatch.setattr(files, "LARGEST_JSON", 3)
    with pytest.raises(ModelError, match="larger than"):
        files.read_file(tmp_path / "file")
