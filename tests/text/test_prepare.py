"""Held-out lines, excerpts, and examples, compared with the lesson's own stack and plain Python."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.encoded_lines import EncodedLines
from rnnlm_tui.text.held_out import Excerpt, Mask, excerpts_of, hold_out, not_blank, sample_mask
from rnnlm_tui.text.prepare import NOTHING_HELD_OUT, Prepared, prepare
from rnnlm_tui.text.reading import Corpus, read_corpus
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import END_ID, SPECIAL_TOKENS, Vocabulary
from tests.helpers.golden import GOLDEN
from tests.helpers.texts import made_up_corpus, split_held_out

LINES = [f"line {number}" for number in range(40)]


def test_held_out_lines_are_whole_blocks_that_follow_from_the_seed() -> None:
    first, again, other = (hold_out(np.full(400, True), 0.1, seed) for seed in (3, 3, 4))
    assert (np.diff(np.flatnonzero(first)) > 1).sum() == 1, "two blocks of 20 lines"
    assert (first == again).all() and (first != other).any()


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 99))
def test_a_split_holds_out_the_share_and_no_blank_line(
    count: int, fraction: float, seed: int
) -> None:
    mask = hold_out(not_blank(["a", " "] * count), fraction, seed)
    assert mask.sum() == round(count * fraction) and not mask[1::2].any()


def mask(*chosen: int) -> Mask:
    return np.isin(np.arange(len(LINES)), chosen)


def test_each_excerpt_has_what_stands_above_it_in_the_text() -> None:
    excerpts = excerpts_of(LINES, mask(1, 2, 20, 21, 23), excerpt_words=2)
    assert excerpts == [
        Excerpt(["line 0"], ["line 1", "line 2"]),
        Excerpt(LINES[16:20], ["line 20", "line 21", "line 23"]),
    ]
    assert len(excerpts_of(LINES, mask(20, 24))) == 1
    assert len(excerpts_of(LINES, mask(20, 25))) == 2
    assert excerpts_of(LINES, mask()) == []


@pytest.mark.parametrize(("line", "words"), [("word " * 10, 10), ("字" * 60, 10), ("a b", 2)])
def test_a_sample_is_stretches_that_are_spread_over_the_text(line: str, words: int) -> None:
    lines = [line] * 4_000
    sample = np.flatnonzero(sample_mask(lines, 400 * words, excerpt_words=100 * words))
    assert sample.tolist() == [first + i for first in (0, 1000, 2000, 3000) for i in range(100)]
    assert sample_mask(lines, 4_000 * words).all()
    half = np.arange(4_000) < 2_000
    sample = np.flatnonzero(sample_mask(lines, 400 * words, half, excerpt_words=200 * words))
    assert sample.tolist() == [*range(200), *range(1000, 1200)]


SONNETS_PADDED = "1ff182080031b8b54340fb97adbdd1ff2b323b30d1526d69c1df3d9e18ffd671"
SONNETS_WORDS = "392d179eaa678ce3e70482944ad128067cbcd1694f2d3cf8400da036fef5b66f"


def prepared(
    preset: str, text: str | Corpus, vocabulary: Vocabulary | None = None, **given: Any
) -> Prepared:
    """This text as the preset prepares it, by default with no line held out."""
    config = make_config(preset, [{"held_out": 0}, given])
    corpus = made_up_corpus(text) if isinstance(text, str) else text
    vocabulary_for = None if vocabulary is None else lambda own: vocabulary
    return prepare(corpus, config, vocabulary_for=vocabulary_for)


def padded(text: Prepared, lines: EncodedLines) -> list[list[int]]:
    which = np.arange(text.predictions_in(lines))
    rows: list[list[int]] = np.column_stack(lines.windows(which, text.window)).tolist()
    return rows


def test_every_golden_case_agrees_with_keras() -> None:
    cases = json.loads((GOLDEN / "keras_text.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        text = prepared("lesson", case["text"], max_window=1024)
        words = enumerate(text.vocabulary.words, start=1)
        assert {word: number for number, word in words} == case["word_index"]
        assert text.vocabulary.total_words == case["total_words"]
        assert text.window == case["max_sequence_len"] - 1
        assert padded(text, text.train) == case["padded"]
        for probe in case["probes"]:
            seed = LessonTokenizer().words(probe["seed"])
            assert text.vocabulary.encode(seed) == probe["ids"]


def test_the_sonnets_give_the_lessons_figures() -> None:
    sonnets = prepared("lesson", read_corpus([bundled_corpus()]))
    assert (sonnets.vocabulary.total_words, sonnets.predictions, sonnets.window) == (
        3211,
        15462,
        10,
    )
    matrix = np.array(padded(sonnets, sonnets.train), dtype="<i4")
    assert hashlib.sha256(matrix.tobytes()).hexdigest() == SONNETS_PADDED
    words = "\n".join(sonnets.vocabulary.words).encode()
    assert hashlib.sha256(words).hexdigest() == SONNETS_WORDS


TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=5).map(" ".join), max_size=60)
SETTINGS = st.fixed_dictionaries(
    {
        "held_out": st.sampled_from([0, 0.1, 0.3]),
        "max_vocabulary": st.sampled_from([None, None, 2, 4]),
        "seed": st.integers(0, 3),
    }
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(TEXTS, SETTINGS, st.booleans())
def test_examples_of_both_kinds_of_networks_are_those_of_plain_python(
    lines: list[str], given: dict[str, Any], is_continued: bool
) -> None:
    train, held = split_held_out(lines, given["held_out"], given["seed"])
    trained = Counter(word for line in train for word in line.split())
    frequent = [word for word, _ in trained.most_common()]
    words = ["g", "a"] if is_continued else frequent[: given["max_vocabulary"]]
    for preset in ("lesson", "gru"):
        tokens = SPECIAL_TOKENS if preset == "gru" else ()
        known = Vocabulary(words, tokens) if is_continued else None
        try:
            text = prepared(preset, "\n".join(lines), known, **given)
        except CorpusError:
            continue
        assert [*text.vocabulary.words] == words
        assert text.corpus_facts.words == sum(len(line.split()) for line in lines)
        assert text.held_out_words == sum(len(line.split()) for line in held)
        assert text.distinct_words == len(trained)
        for examples, source in ((text.train, train), (text.held_out, held)):
            kept = [text.vocabulary.encode(line.split()) for line in source]
            assert [line.tolist() for line in examples] == [line for line in kept if line]
            counted = Counter(examples.ids.tolist())
            assert Counter(dict(enumerate(examples.word_counts(11).tolist()))) == counted
            if preset == "gru":
                ends = [[*line, END_ID] for line in kept if line]
                assert examples.targets.tolist() == [*chain.from_iterable(ends)]
                assert text.predictions_in(examples) == len(examples.targets)
            else:
                assert padded(text, examples) == [
                    [*([0] * text.window + line[:end])[-text.window :], line[end]]
                    for line in kept
                    for end in range(1, len(line))
                ]
                assert examples.first_words.tolist() == [line[0] for line in kept if line]


def test_a_line_that_is_learned_elsewhere_is_not_held_out() -> None:
    lines = [f"he saw line {number}" for number in range(100)]
    text = prepared("gru", "\n".join([*lines, *(f"“He saw line {n}!”" for n in range(70))]),
                    held_out=0.3)  # fmt: skip
    held_out = np.flatnonzero(text.held_out_mask) % 100
    assert len(held_out) > 4 and not {*held_out} & {*np.flatnonzero(~text.held_out_mask) % 100}
    emoji = prepared("gru", "\n".join("🙂" * n for n in range(1, 101)), held_out=0.1)
    assert emoji.held_out_mask.sum() == 10, "they have no words to tell them apart by"
    warned = prepared("gru", "\n".join(lines * 2), held_out=0.1)
    assert warned.warnings == (NOTHING_HELD_OUT,) and not warned.held_out_mask.any()


def test_words_spelled_like_special_tokens_are_unknown() -> None:
    text = prepared("gru", "a a <unk>\nb </s>", tokenizer="whitespace")
    assert text.vocabulary.words == ("a", "b")
    assert [line.tolist() for line in text.train] == [[4, 4, 1], [5, 1]]


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(CorpusError, match="holds no words"):
        prepared("gru", " \n\t\n")
