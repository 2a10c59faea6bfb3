"""Reading texts of any encoding, holding lines out, samples of lines, joining paragraphs."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.errors import CorpusError, UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text import reading
from rnnlm_tui.text.held_out import hold_out, sample_lines, written_lines
from rnnlm_tui.text.paragraphs import is_wrapped
from rnnlm_tui.text.reading import Text, arranged, read_text
from tests.helpers.commands import POSIX


@pytest.fixture(params=["held", "read again"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of a text are held, or read from its files each time."""
    if request.param == "read again":
        monkeypatch.setattr(reading, "SMALL", 0)


def read(*raw: bytes, folder: Path, encoding: str | None = None) -> Text:
    """The text in files with these bytes."""
    paths = [folder / f"{i}.txt" for i in range(len(raw))]
    for path, content in zip(paths, raw, strict=True):
        path.write_bytes(content)
    return read_text(paths, encoding)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("raw", "encoding", "lines"),
    [
        *[
            ([f"{mark}Ça va\nnaïve".encode(encoding)], encoding, ["Ça va", "naïve"])
            for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32")
            for mark in ["\ufeff" if encoding == "utf-16-be" else ""]
        ],
        ([b"a b\r\nc d\re f\n"], None, ["a b", "c d", "e f"]),
        ([b"a b\n", b"c d", b"", b"e f\n"], None, ["a b", "c d", "e f"]),
        (["naïve".encode("latin-1"), "ß".encode("utf-16")], "latin-1", ["naïve", "ß"]),
    ],
)
def test_the_lines_are_those_of_the_files(
    raw: list[bytes], encoding: str | None, lines: list[str], tmp_path: Path
) -> None:
    text = read(*raw, folder=tmp_path, encoding=encoding)
    assert [*text] == [*text] == lines
    assert (text.lines, text.words) == (len(lines), sum(len(line.split()) for line in lines))
    assert text.sources == tuple(str(tmp_path / f"{i}.txt") for i in range(len(raw)))
    written = "\n".join(lines) + "\n" * raw[-1].endswith(b"\n")
    assert text.sha256 == hashlib.sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(
    ("raw", "encoding", "error", "why"),
    [
        ("abc ä".encode("latin-1"), None, CorpusError, "not valid utf-8 at byte 4"),
        (b"\xef\xbb\xbfabc \xe4", None, CorpusError, "not valid utf-8 at byte 7"),
        (b"word " * 500_000 + b"\xe4 and more", None, CorpusError, "at byte 2500000"),
        (b"abcd", "utf-16", CorpusError, "not valid utf-16"),
        (b"abc\0def", None, CorpusError, "holds a zero byte"),
        (b"abc", "no-such", UsageError, "no text encoding is called no-such"),
    ],
)
def test_what_is_not_text_is_refused(
    raw: bytes, encoding: str | None, error: type[Exception], why: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=why):
        read(raw, folder=tmp_path, encoding=encoding)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a\0b", "no file can have this name"),
        ("nothing.txt", r"nothing\.txt: no such file"),
        (".", "is a directory"),
        *([("/dev/zero", "neither a file nor a pipe")] if POSIX else []),
    ],
)
def test_what_is_not_a_file_is_refused(path: str, why: str) -> None:
    with pytest.raises(CorpusError, match=why):
        read_text([path])


@pytest.mark.usefixtures("small")
def test_standard_input_is_copied_until_the_text_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    text = read_text(["-"], stdin=io.BytesIO(b"a b\nc\n"))
    assert (text.name, text.sources) == ("stdin", ("-",))
    assert [*text] == [*text] == ["a b", "c"]
    del text
    gc.collect()
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not POSIX, reason="there are no such pipes")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a b\n",))
    writer.start()
    text = read_text([pipe])
    writer.join()
    assert (text.name, text.sources, [*text]) == ("pipe", ("-",), ["a b"])


def test_a_large_file_that_changes_is_noticed_and_a_small_one_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = read(b"a b\n", folder=tmp_path)
    monkeypatch.setattr(reading, "SMALL", 0)
    large = read(b"a b\n", folder=tmp_path)
    (tmp_path / "0.txt").write_bytes(b"a b\nc\n")
    assert [*small] == ["a b"]
    with pytest.raises(CorpusError, match=r"0\.txt has changed while it was read"):
        list(large)


def test_held_out_lines_are_whole_blocks_that_follow_from_the_seed() -> None:
    first, again, other = (hold_out(np.full(400, True), 0.1, seed) for seed in (3, 3, 4))
    assert (np.diff(np.flatnonzero(first)) > 1).sum() == 1, "two blocks of 20 lines"
    assert (first == again).all() and (first != other).any()


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 99))
def test_a_split_holds_out_the_share_and_no_blank_line(
    count: int, fraction: float, seed: int
) -> None:
    mask = hold_out(written_lines(["a", " "] * count), fraction, seed)
    assert mask.sum() == round(count * fraction) and not mask[1::2].any()


def test_a_sample_is_spread_over_the_text_and_leaves_lines_out() -> None:
    lines = [f"{number} word" for number in range(4_000)]
    assert sample_lines(lines, 8_000) == lines
    sample = sample_lines(lines, 1_001)
    assert sum(len(line.split()) for line in sample) == 1_001
    numbers = [int(line.split()[0]) for line in sample]
    assert numbers[:32] == [*range(32)] and numbers[-1] > 3_500
    held_out = np.arange(4_000) < 2_000
    assert sample_lines(lines, 9_999, held_out) == lines[2_000:]


SENTENCE = "The boats came in before noon and we helped to carry the baskets up the hill. "


def wrapped(width: int) -> str:
    """Three paragraphs wrapped at this width."""
    return "\n\n".join(textwrap.fill(SENTENCE * count, width) for count in (4, 7, 5))


@pytest.mark.usefixtures("small")
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
    assert [*found] == [*found] == [line.strip() for line in lines]
    assert found.lines == sum(map(bool, lines))
    assert found.note.startswith(note) and bool(found.note) == bool(note)


def test_only_wrapped_prose_is_wrapped() -> None:
    assert all(is_wrapped(wrapped(width).split("\n")) for width in (45, 72, 100))
    diary = [SENTENCE * (1 + day % 3) for day in range(40)]
    short = textwrap.fill(SENTENCE * 3, 60).split("\n")
    assert not any(is_wrapped(lines) for lines in (read_text([bundled_corpus()]), diary, short, []))
