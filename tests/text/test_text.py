"""Text to words, words to ids, lines to examples: held to the lesson's own stack."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import Corpus, check_files, read_corpus, split_held_out
from rnnlm_tui.text.prefixes import PrefixExamples, PreparedCorpus, prepare
from rnnlm_tui.text.tokenizer import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary, count_words

TOKENIZER = LessonTokenizer()
# The two SHA-256 figures of golden/README.md.
SONNETS_PADDED = "1ff182080031b8b54340fb97adbdd1ff2b323b30d1526d69c1df3d9e18ffd671"
SONNETS_WORDS = "392d179eaa678ce3e70482944ad128067cbcd1694f2d3cf8400da036fef5b66f"


def corpus_of(text: str) -> Corpus:
    """A corpus of this text."""
    return Corpus("test", tuple(text.split("\n")), "", ())


def prepared(text: str, **options: Any) -> PreparedCorpus:
    """This text as the lesson prepares it."""
    return prepare(corpus_of(text), TOKENIZER, **{"max_window": 64, **options})


@pytest.fixture(scope="module")
def sonnets() -> PreparedCorpus:
    """The bundled sonnets, prepared."""
    corpus = read_corpus([bundled_corpus()], None, io.BytesIO())
    return prepare(corpus, TOKENIZER, max_window=64)


def test_every_golden_case_agrees_with_keras(golden: Path) -> None:
    cases = json.loads((golden / "keras_text.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        lines = [TOKENIZER.words(line) for line in case["text"].split("\n")]
        vocabulary = Vocabulary.of_counts(count_words(lines))
        assert dict(zip(vocabulary.words, range(1, 10**6), strict=False)) == case["word_index"]
        assert vocabulary.total_words == case["total_words"]
        window = case["max_sequence_len"] - 1
        examples = PrefixExamples(map(vocabulary.encode, lines), window)
        features, labels = examples.batch(np.arange(len(examples)))
        assert np.column_stack((features, labels)).tolist() == case["padded"]
        for probe in case["probes"]:
            assert vocabulary.encode(TOKENIZER.words(probe["seed"])) == probe["ids"]


def test_the_sonnets_give_the_lessons_figures(sonnets: PreparedCorpus) -> None:
    assert sonnets.vocabulary.total_words == 3211
    assert len(sonnets.examples) == 15462
    assert sonnets.window == 10
    features, labels = sonnets.examples.batch(np.arange(len(sonnets.examples)))
    padded = np.column_stack((features, labels)).astype("<i4")
    assert hashlib.sha256(padded.tobytes()).hexdigest() == SONNETS_PADDED
    words = "\n".join(sonnets.vocabulary.words).encode()
    assert hashlib.sha256(words).hexdigest() == SONNETS_WORDS


def test_the_sonnets_have_their_quirks() -> None:
    lines = bundled_corpus().read_text(encoding="utf-8").split("\n")
    assert len(lines) == 2159
    assert lines[238:241] == ["", "XVIII.", ""]
    assert any("beseige" in line for line in lines)


def test_a_typed_line_splits_into_words_and_the_half_typed_one() -> None:
    assert TOKENIZER.split_typed("Shall I comp") == (["shall", "i"], "comp")
    assert TOKENIZER.split_typed("Shall I ") == (["shall", "i"], "")
    assert TOKENIZER.split_typed("well, ") == (["well"], "")
    assert TOKENIZER.split_typed("o'er-tak") == (["o'er"], "tak")
    assert TOKENIZER.split_typed("") == ([], "")


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_a_space_after_a_line_leaves_nothing_half_typed(text: str) -> None:
    assert TOKENIZER.split_typed(text + " ") == (TOKENIZER.words(text), "")


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.text(min_size=1, max_size=4), unique=True, min_size=1),
    st.text(max_size=3),
)
def test_the_words_with_a_prefix_are_found(words: list[str], prefix: str) -> None:
    vocabulary = Vocabulary(words)
    found = {vocabulary.word(int(i)) for i in vocabulary.ids_with_prefix(prefix)}
    assert found == {word for word in words if word.startswith(prefix)}


def test_a_vocabulary_refuses_a_word_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["a", "b", "a"])


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(1, 9), max_size=6), max_size=6).filter(
        lambda lines: any(len(line) > 1 for line in lines)
    ),
    st.integers(1, 8),
)
def test_examples_are_all_prefixes_of_all_lines(lines: list[list[int]], window: int) -> None:
    expected = [
        (([0] * window + line[:end])[-window:], line[end])
        for line in lines
        for end in range(1, len(line))
    ]
    examples = PrefixExamples(lines, window)
    assert len(examples) == len(expected)
    features, labels = examples.batch(np.arange(len(examples)))
    assert list(zip(features.tolist(), labels.tolist(), strict=True)) == expected


def test_the_window_is_capped_and_the_card_can_tell() -> None:
    data = prepared(" ".join(["a", "b"] * 200) + "\nc d", max_window=16)
    assert (data.window, data.longest_line) == (16, 400)
    assert len(data.examples) == 399 + 1


def test_the_rarest_words_are_left_out_of_a_small_vocabulary() -> None:
    data = prepared("a b a b c\na b d", max_vocabulary=2)
    assert data.vocabulary.words == ("a", "b")
    assert data.distinct_words == 4
    assert len(data.examples) == 3 + 1


def test_held_out_lines_stand_in_blocks_and_bring_no_words() -> None:
    lines = [f"word{i} once again" for i in range(400)]
    train, held_out = split_held_out(lines, 0.1, seed=3)
    assert len(held_out) == 40
    assert not set(train) & set(held_out)
    assert sorted(train + held_out) == sorted(lines)
    places = [lines.index(line) for line in held_out]
    breaks = sum(after != before + 1 for before, after in itertools.pairwise(places))
    assert breaks == 1
    assert split_held_out(lines, 0.1, seed=3) == (train, held_out)
    assert split_held_out(lines, 0.1, seed=4) != (train, held_out)
    data = prepared("\n".join(lines), held_out=0.1, seed=3)
    assert data.held_out_lines == 40
    assert data.card["words"] == 1200
    assert not any(line.split()[0] in data.vocabulary for line in held_out)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 99))
def test_a_split_loses_no_line(count: int, share: float, seed: int) -> None:
    lines = [str(i) for i in range(count)]
    train, held_out = split_held_out(lines, share, seed)
    assert len(held_out) == round(count * share)
    assert sorted((*train, *held_out), key=int) == lines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no words"),
        ("!!!\n...", "holds no words"),
        ("one\ntwo\nthree", "gives 0 pairs of words and a next word; at least 2"),
        ("one two", "gives 1 pair of"),
    ],
)
def test_too_little_text_is_refused_with_numbers(text: str, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        prepared(text)


def test_holding_out_what_gives_no_pair_is_refused() -> None:
    with pytest.raises(CorpusError, match="no pair to measure on"):
        prepared("a b c\nd e f\n", held_out=0.01)


def read(*raw: bytes, folder: Path, encoding: str | None = None) -> Corpus:
    """The corpus of files with these bytes."""
    paths: list[str | Path] = []
    for i, content in enumerate(raw):
        paths.append(folder / f"{i}.txt")
        (folder / f"{i}.txt").write_bytes(content)
    return read_corpus(paths, encoding, io.BytesIO())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_and_without_its_mark_is_read(encoding: str, tmp_path: Path) -> None:
    assert read("Ça va\nnaïve".encode(encoding), folder=tmp_path).lines == ("Ça va", "naïve")


def test_line_ends_of_every_system_are_read(tmp_path: Path) -> None:
    corpus = read(b"a b\r\nc d\re f\n", folder=tmp_path)
    assert corpus.lines == ("a b", "c d", "e f", "")
    assert corpus.line_count == 3


def test_several_files_are_one_text(tmp_path: Path) -> None:
    corpus = read(b"a b\n", b"c d", b"e f\n", folder=tmp_path)
    assert corpus.lines == ("a b", "c d", "e f", "")
    assert corpus.name == "0.txt and 2 more"
    assert corpus.sha256 == hashlib.sha256(b"a b\nc d\ne f\n").hexdigest()


def test_text_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    raw = "abc ä".encode("latin-1")
    with pytest.raises(CorpusError, match="not valid utf-8 at byte 4") as caught:
        read(raw, folder=tmp_path)
    assert "--encoding" in caught.value.hint
    assert read(raw, folder=tmp_path, encoding="latin-1").lines == ("abc ä",)
    with pytest.raises(CorpusError, match="no encoding is called"):
        read(raw, folder=tmp_path, encoding="no-such")


def test_binary_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="zero byte at byte 3"):
        read(b"abc\0def", folder=tmp_path)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot read the corpus .*: is a directory"):
        read_corpus([tmp_path], None, io.BytesIO())
    with pytest.raises(CorpusError, match=r"nothing\.txt: no such file"):
        read_corpus([tmp_path / "nothing.txt"], None, io.BytesIO())


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
