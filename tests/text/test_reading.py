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
from rnnlm_tui.text.reading import Text, arranged, count_words, is_wrapped, read_text
from tests.helpers.commands import POSIX


def read(*raw: bytes, folder: Path, encoding: str | None = None) -> Text:
    """The text in files with these bytes."""
    paths = [folder / f"{i}.txt" for i in range(len(raw))]
    for path, content in zip(paths, raw, strict=True):
        path.write_bytes(content)
    return read_text(paths, encoding)


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
        ([b"a b\n", b"c d", b"", b"e f\n"], None, ["a b", "c d", "e f"]),
        (["naïve".encode("latin-1"), "ß".encode("utf-16")], "latin-1", ["naïve", "ß"]),
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
    assert read_text(text.sources * 2, encoding) == text  # named twice, read once
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
        (".", "is a directory"),
    ],
)
def test_what_is_not_a_file_is_refused(path: str, why: str) -> None:
    with pytest.raises(CorpusError, match=why):
        read_text([path])


@pytest.mark.skipif(not POSIX, reason="there are no such pipes")
def test_what_can_be_read_only_once_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a b\n",))
    writer.start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"c\n")))
    text = read_text([pipe, "-"])
    writer.join()
    assert (text.name, text.sources) == ("pipe and 1 more", ("-", "-"))
    assert [*text] == [*text] == ["a b", "c"]


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
    found = arranged(read(text.encode(), folder=tmp_path), how)
    assert [*found] == [line.strip() for line in lines]
    assert found.lines == sum(map(bool, lines))
    assert found.note.startswith(note) and bool(found.note) == bool(note)


def test_only_wrapped_prose_is_wrapped() -> None:
    assert all(is_wrapped(wrapped(width).split("\n")) for width in (45, 72, 100))
    diary = [SENTENCE * (1 + day % 3) for day in range(40)]
    short = textwrap.fill(SENTENCE * 3, 60).split("\n")
    listed = [f"{'x' * (40 + number % 9)} and that is all." for number in range(60)]
    for lines in ([*read_text([bundled_corpus()])], diary, short, listed, []):
        assert not is_wrapped(lines)
