"""The files of the user's texts: what is read is written back as it was."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlm_tui.errors import CorpusError, StorageError
from rnnlm_tui.session.text_file import (
    LARGEST_BYTES,
    digest_of,
    read_text_file,
    write_text_file,
)


def test_a_file_is_written_back_as_it_was(tmp_path: Path) -> None:
    for raw, lines in (
        (b"one\n\ntwo\n", ["one", "", "two"]),
        (b"one\r\n\r\ntwo\r\n", ["one", "", "two"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"one\r\ntwo\nthree\r\n", ["one\r", "two", "three\r"]),
        (b"\tone  \n", ["\tone  "]),
        (b"", []),
        ("ö\n".encode(), ["ö"]),
        (codecs.BOM_UTF8 + "ö\r\n".encode(), ["ö"]),
        ("漢字\n".encode("utf-16"), ["漢字"]),
        ("漢字\n".encode("utf-32"), ["漢字"]),
        ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]),
    ):
        path = tmp_path / "a.txt"
        path.write_bytes(raw)
        read = read_text_file(path)
        assert read.lines == lines
        assert digest_of(str(path)) == read.file.digest
        written = write_text_file(str(path), read.lines, read.file.encoding, read.file.line_end)
        assert path.read_bytes() == raw
        assert written.digest == read.file.digest


def test_another_encoding_is_kept_and_what_it_lacks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("süß\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"a\.txt is not valid utf-8"):
        read_text_file(path)
    read = read_text_file(path, "latin-1")
    write_text_file(str(path), [*read.lines, "größer"], read.file.encoding)
    assert path.read_bytes() == "süß\ngrößer\n".encode("latin-1")
    with pytest.raises(StorageError, match="is in latin-1, which has no '…'"):
        write_text_file(str(path), ["…"], "latin-1")
    assert path.read_bytes() == "süß\ngrößer\n".encode("latin-1")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"x" * (LARGEST_BYTES + 1)), "larger than 1 MB"),
        (lambda path: path.write_bytes(b"a\0b"), "not text"),
        (lambda path: path.write_bytes(b"\xff\n"), "not valid"),
        (lambda path: None, "cannot read a.txt"),
        (Path.mkdir, "is a directory"),
        (os.mkfifo, "it is a pipe"),
    ],
)
def test_what_is_no_text_file_is_refused(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.txt")
    with pytest.raises(CorpusError, match=message):
        read_text_file(tmp_path / "a.txt")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.txt"
    path.write_text("old\n")
    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(StorageError, match="no space left"):
        write_text_file(str(path), ["new"])
    assert path.read_text() == "old\n"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")
def test_a_link_stays_a_link_and_nobody_else_gets_to_read_a_private_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link = tmp_path / "folder" / "a.txt", tmp_path / "link.txt"
    real.write_text("old\n")
    real.chmod(0o600)
    link.symlink_to(real)
    file = write_text_file(str(link), ["new"])
    assert link.is_symlink()
    assert real.read_text() == "new\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert file.path == str(link)


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write to any file
    with pytest.raises(StorageError, match=r"a\.txt is read-only"):
        write_text_file(str(path), ["new"])
    assert path.read_text() == "old\n"


def test_the_digest_of_what_cannot_be_read(tmp_path: Path) -> None:
    assert digest_of(str(tmp_path / "none")) is None
    assert digest_of(str(tmp_path)) == ""
