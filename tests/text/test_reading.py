"""Reading texts of any encoding, counting words as a person does, joining paragraphs."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.reading import Corpus, arrange_lines, count_words, is_wrapped, read_corpus
from tests.helpers.commands import POSIX


def read(*raw: bytes, folder: Path, encoding: str | None = None) -> Corpus:
    """The text in files with these bytes."""
    paths = [folder / f"{i}.txt" for i in range(len(raw))]
    for path, content in zip(paths, raw, strict=True):
        path.write_bytes(content)
    return read_corpus(paths, encoding)


@pytest.mark.parametrize(
    ("raw", "encoding", "lines"),
    [
        *[
            ([f"{mark}Ça va\nnaïve".encode(encoding)], encoding, ["Ça va", "naïve"])
            for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32")
            for mark in ["\ufeff" if encoding == "utf-16-be" else ""]
        ],
        ([b"a b\r\nc d\re f\n"], None, ["a b", "c d", "e f"]),
        (["a\u2028b\x0bc\x85d\n\ne".encode()], None, ["a\u2028b\x0bc\x85d", "", "e"]),
        ([b"a b\n", b"c d", b"", b"e f\n"], None, ["a b", "", "c d", "", "e f"]),
        (["naïve".encode("latin-1"), "ß".encode("utf-16")], "latin-1", ["naïve", "", "ß"]),
    ],
)
def test_the_lines_are_those_of_the_files(
    raw: list[bytes], encoding: str | None, lines: list[str], tmp_path: Path
) -> None:
    text = read(*raw, folder=tmp_path, encoding=encoding)
    assert [*text] == [*text] == lines
    assert text.lines == sum(map(bool, lines))
    assert text.words == sum(len(line.split()) for line in lines)
    assert text.sources == tuple(str(tmp_path / f"{i}.txt") for i in range(len(raw)))
    assert read_corpus(text.sources * 2, encoding) == text  # named twice, read once
    written = "\n".join(lines) + "\n" * raw[-1].endswith(b"\n")
    assert text.sha256 == hashlib.sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(
    ("raw", "encoding", "why"),
    [
        (b"\xef\xbb\xbfabc \xe4", None, "not valid utf-8 at byte 7"),
        (b"word " * 500_000 + b"\xe4 and more", None, "at byte 2500000"),
        (b"abcd", "utf-16", "not valid utf-16"),
        (b"abc\xff\0def", None, "holds a zero byte"),
        (b"word \n" * 20_000 + b"\0", None, "holds a zero byte"),
    ],
)
def test_what_is_not_text_is_refused(
    raw: bytes, encoding: str | None, why: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=why):
        read(raw, folder=tmp_path, encoding=encoding)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a\0b", "its name is not UTF-8"),
        ("caf\udce9.txt", "its name is not UTF-8"),
        ("nothing.txt", r"nothing\.txt: no such file"),
        ("", "the name of a text is empty"),
    ],
)
def test_what_is_not_a_file_is_refused(path: str, why: str) -> None:
    with pytest.raises(CorpusError, match=why):
        read_corpus([path])


@POSIX
def test_what_can_be_read_only_once_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a b\n",))
    writer.start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"c\n")))
    text = read_corpus([pipe, "-"])
    writer.join()
    assert (text.name, text.sources) == ("pipe and 1 more", ("-", "-"))
    assert [*text] == [*text] == ["a b", "", "c"]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of three notes among hidden and other files."""
    folder = tmp_path / "notes"
    for path, raw in {
        "b.md": b"of b",
        "A.TXT": b"of a\n",
        "sub/c.txt": b"of c\n\n",
        "sub/.trash/d.md": b"hidden \0",
        ".e.md": b"hidden \0",
        "scan.pdf": b"%PDF \0",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    (folder / "gone.md").symlink_to(folder / "nothing")
    return folder


def test_the_texts_of_a_folder_are_read_in_the_order_of_their_names(notes: Path) -> None:
    text = read_corpus([notes])
    assert [*text] == ["of a", "", "of b", "", "of c", ""]
    assert (text.name, text.sources) == ("notes/ (3 files)", (str(notes),))
    order = "read in this order: A.TXT, b.md, sub/c.txt"
    assert text.folder_note == f"{order}; left out: 2 hidden and 2 other"
    # A file that is in it is read once, and one that is empty is no change.
    assert read_corpus([notes / "sub", notes]).raw == b"of c\n\nof a\n\nof b"
    (notes / "empty.md").touch()
    assert read_corpus([notes, notes / "b.md"]).sha256 == text.sha256
    for number in range(20):
        (notes / f"{number:02}.md").write_text(f"of {number}\n")
    assert read_corpus([notes]).folder_note.startswith("read in this order: 00.md, 01.md, 02.md")
    assert " 09.md and 14 more; " in read_corpus([notes]).folder_note


@POSIX
def test_a_linked_folder_is_left_out_and_the_note_says_so(notes: Path) -> None:
    (notes / "linked").symlink_to(notes / "sub")
    note = read_corpus([notes]).folder_note
    assert note.endswith("c.txt; left out: 2 hidden and 1 linked and 2 other")


def test_the_folder_in_which_one_works_has_a_name(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes / "sub")
    assert read_corpus(["."]).name == "sub/ (1 file)"
    assert read_corpus([".."]).name == "notes/ (3 files)"


def test_a_folder_without_texts_is_refused_with_what_to_do(notes: Path) -> None:
    for path in ("b.md", "A.TXT", "sub/c.txt"):
        (notes / path).unlink()
    with pytest.raises(CorpusError, match=r"holds no \.txt or \.md files \(left out: 2 h") as found:
        read_corpus([notes])
    assert "with other endings one by one" in found.value.hint


def test_a_folder_that_cannot_be_read_is_told(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CorpusError, match=r"cannot read the folder .*notes: permission denied"):
        read_corpus([notes])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("“Well,” she said, “don’t!”", 4),
        ("a well-known 3.14 at 10:30 p.m.", 6),
        ("the front—or the back -- you said", 7),
        ("* * * . – !", 0),
        ("हिन्दी में cafe\u0301", 3),
        ("吾輩は猫 である", 7),
    ],
)
def test_marks_are_no_words(text: str, words: int) -> None:
    assert count_words(text) == words


SENTENCE = "The boats came in before noon and we helped to carry the baskets up the hill. "


def wrapped(width: int) -> str:
    """Three paragraphs wrapped at this width."""
    return "\n\n".join(textwrap.fill(SENTENCE * count, width) for count in (4, 7, 5))


@pytest.mark.parametrize(
    ("text", "how", "lines", "note"),
    [
        (
            wrapped(60),
            "auto",
            [SENTENCE * 4, "", SENTENCE * 7, "", SENTENCE * 5],
            "a line is a paragraph (the text is wrapped): 23 lines are 3 paragraphs",
        ),
        ("one\ntwo\n\nthree", "auto", ["one", "two", "", "three"], "a line is a line of the file"),
        (
            "one\ntwo\n\nthree",
            "paragraphs",
            ["one two", "", "three"],
            "a line is a paragraph (asked for): 3 lines are 2 paragraphs",
        ),
        (wrapped(60), "each", wrapped(60).split("\n"), ""),
    ],
)
def test_lines_are_arranged_as_asked(
    text: str, how: str, lines: list[str], note: str, tmp_path: Path
) -> None:
    found = arrange_lines(read(text.encode(), folder=tmp_path), how)
    assert [*found] == [line.strip() for line in lines]
    assert found.lines == sum(map(bool, lines))
    assert found.lines_note.startswith(note) and bool(found.lines_note) == bool(note)


def test_only_wrapped_prose_is_wrapped() -> None:
    assert all(is_wrapped(wrapped(width).split("\n")) for width in (45, 72, 100))
    diary = [SENTENCE * (1 + day % 3) for day in range(40)]
    short = textwrap.fill(SENTENCE * 3, 60).split("\n")
    listed = [f"{'x' * (40 + number % 9)} and that is all." for number in range(60)]
    for lines in ([*read_corpus([bundled_corpus()])], diary, short, listed, []):
        assert not is_wrapped(lines)
