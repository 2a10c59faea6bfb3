"""Reading texts of any encoding, refusing binary data, holding lines out, joining paragraphs."""

from __future__ import annotations

import hashlib
import itertools
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.errors import CorpusError, UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import Corpus, check_files, is_wrapped, join_paragraphs, read_corpus
from tests.helpers.texts import made_up_corpus, split_held_out


def read(*raw: bytes, folder: Path, encoding: str | None = None) -> Corpus:
    """The corpus of files with these bytes."""
    paths: list[str | Path] = []
    for i, content in enumerate(raw):
        paths.append(folder / f"{i}.txt")
        (folder / f"{i}.txt").write_bytes(content)
    return read_corpus(paths, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_unicode_is_read_with_and_without_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    raw = f"{mark}Ça va\nnaïve".encode(encoding)
    assert read(raw, folder=tmp_path).lines == ("Ça va", "naïve")


def test_line_ends_of_every_system_are_read(tmp_path: Path) -> None:
    corpus = read(b"a b\r\nc d\re f\n", folder=tmp_path)
    assert corpus.lines == ("a b", "c d", "e f", "")
    assert corpus.line_count == 3


def test_several_files_are_one_text(tmp_path: Path) -> None:
    corpus = read(b"a b\n", b"c d", b"e f\n", folder=tmp_path)
    assert corpus.lines == ("a b", "c d", "e f", "")
    assert corpus.name == "0.txt and 2 more"
    assert corpus.sha256 == hashlib.sha256(b"a b\nc d\ne f\n").hexdigest()


def test_a_byte_order_mark_goes_before_the_encoding(tmp_path: Path) -> None:
    texts = ("naïve".encode("latin-1"), "Ça va".encode("utf-8-sig"), "déjà".encode("utf-16"))
    assert read(*texts, folder=tmp_path, encoding="latin-1").lines == ("naïve", "Ça va", "déjà")


def test_text_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    raw = "abc ä".encode("latin-1")
    with pytest.raises(CorpusError, match="not valid utf-8 at byte 4") as caught:
        read(raw, folder=tmp_path)
    assert "such as encoding latin-1" in caught.value.hint
    assert read(raw, folder=tmp_path, encoding="latin-1").lines == ("abc ä",)


@pytest.mark.parametrize(
    "encoding",
    ["no-such", *("hex", "base64", "zlib", "bz2", "rot13", "undefined"), "a\0b", "\udcff"],
)
def test_what_is_no_text_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="no text encoding is called") as caught:
        read(b"abc", folder=tmp_path, encoding=encoding)
    assert "latin-1" in caught.value.hint


def test_a_text_with_lone_surrogates_is_refused(tmp_path: Path) -> None:
    assert read(b"+AOQ-", folder=tmp_path, encoding="utf-7").lines == ("ä",)
    with pytest.raises(CorpusError, match="not valid utf-7"):
        read(b"+2AA-", folder=tmp_path, encoding="utf-7")


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "a" * 5000], ids=["NUL", "surrogate", "long"])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(CorpusError, match="cannot read the corpus"):
        read_corpus([path])


def test_binary_data_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    for encoding in (None, "utf8", "UTF-8"):
        with pytest.raises(CorpusError, match="zero byte at byte 3"):
            read(b"abc\0def", folder=tmp_path, encoding=encoding)
    with pytest.raises(CorpusError, match=r"cannot read the corpus .*: is a directory"):
        read_corpus([tmp_path])
    with pytest.raises(CorpusError, match=r"nothing\.txt: no such file"):
        read_corpus([tmp_path / "nothing.txt"])


def test_files_that_do_not_fit_into_the_memory_are_refused(tmp_path: Path) -> None:
    paths: list[str | Path] = [tmp_path / "a.txt", tmp_path / "b.txt", "-", tmp_path / "none"]
    for path in paths[:2]:
        with Path(path).open("wb") as file:
            file.truncate(30_000_000)
    check_files(paths, lambda: 240_000_000)
    with pytest.raises(CorpusError) as caught:
        check_files(paths, lambda: 239_000_000)
    assert caught.value.message == (
        "the corpus is 60.0 MB: reading it takes 240.0 MB of memory, 239.0 MB are free"
    )


def test_held_out_lines_are_whole_blocks_that_follow_from_the_seed() -> None:
    lines = [f"line {i}" for i in range(400)]
    train, held_out = split_held_out(lines, 0.1, seed=3)
    places = [lines.index(line) for line in held_out]
    breaks = sum(after != before + 1 for before, after in itertools.pairwise(places))
    assert (len(held_out), breaks) == (40, 1)
    assert split_held_out(lines, 0.1, seed=3) == (train, held_out)
    assert split_held_out(lines, 0.1, seed=4) != (train, held_out)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 99))
def test_a_split_loses_no_line(count: int, fraction: float, seed: int) -> None:
    lines = [str(i) for i in range(count)]
    train, held_out = split_held_out(lines, fraction, seed)
    assert len(held_out) == round(count * fraction)
    assert sorted((*train, *held_out), key=int) == lines


SENTENCE = "The boats came in before noon and we helped to carry the baskets up the hill. "


@pytest.mark.parametrize("width", [45, 72, 100])
def test_wrapped_paragraphs_are_one_line_each(width: int) -> None:
    paragraphs = [SENTENCE * count for count in (4, 7, 5)]
    text = "\n\n".join(textwrap.fill(p, width) for p in paragraphs)
    corpus = join_paragraphs(made_up_corpus(text), "auto")
    assert [line for line in corpus.lines if line] == [p.strip() for p in paragraphs]
    assert join_paragraphs(corpus, "auto") == corpus == join_paragraphs(corpus, "paragraphs")


def test_other_texts_keep_their_lines() -> None:
    sonnets = read_corpus([bundled_corpus()])
    diary = [SENTENCE * (1 + day % 3) for day in range(40)]
    short = textwrap.fill(SENTENCE * 3, 60).split("\n")
    for lines in (sonnets.lines, diary, short):
        assert not is_wrapped(lines)
    assert join_paragraphs(sonnets, "auto").lines is sonnets.lines


def test_what_a_line_is_is_told_once_it_is_decided() -> None:
    """A corpus that is arranged again keeps the sentence."""
    text = made_up_corpus(textwrap.fill(SENTENCE * 9, 60) + "\n\n" + SENTENCE + "\n")
    arranged = join_paragraphs(text, "auto")
    lines = arranged.arrangement
    assert lines == "a line is a paragraph (the text is wrapped): 13 lines are 2 paragraphs"
    assert join_paragraphs(arranged, "auto") is arranged


def test_blank_lines_are_not_held_out() -> None:
    lines = [f"line {i // 2}" if i % 2 else " " for i in range(400)]
    train, held_out = split_held_out(lines, 0.1, seed=0)
    assert len(held_out) == 20 and all(map(str.strip, held_out))
    assert len(train) == 380


def test_a_setting_overrides_what_is_found() -> None:
    text = made_up_corpus("one\ntwo\n\nthree")
    assert join_paragraphs(text, "paragraphs").lines == ("one two", "", "three")
    assert join_paragraphs(text, "each").lines is text.lines
