"""Whole lines: special tokens in a vocabulary, the second tokenizer, and what is held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.text.corpus import Corpus, split_held_out
from rnnlm_tui.text.encoded import EncodedLines, PreparedLines, prepare_lines
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary, count_words

WORDS = ("the", "cat", "sat")
TOKENIZER = TOKENIZERS["whitespace"]


def prepared(text: str, **options: Any) -> PreparedLines:
    """This text, in tokens already, as whole lines."""
    return prepare_lines(Corpus("test", tuple(text.split("\n")), "", ()), TOKENIZER, **options)


def spelled(lines: EncodedLines, vocabulary: Vocabulary) -> list[str]:
    """The lines again."""
    return [" ".join(map(vocabulary.word, line.tolist())) for line in lines]


def test_specials_come_before_the_words_and_are_none() -> None:
    vocabulary = Vocabulary(WORDS, SPECIAL_TOKENS)
    assert (vocabulary.unknown_id, vocabulary.begin_id, vocabulary.end_id) == (1, 2, 3)
    assert (vocabulary.first_word_id, vocabulary.total_words) == (4, 7)
    assert [vocabulary.word(i) for i in range(1, 7)] == [*SPECIAL_TOKENS, *WORDS]
    assert vocabulary.excluded_ids == (0, 1, 2, 3)
    assert not any(special in vocabulary for special in SPECIAL_TOKENS)
    assert vocabulary.encode(["cat", "dog", "<s>", "</s>", "<unk>"]) == [5, 1, 1, 1, 1]
    assert vocabulary.ids_with_prefix("<").tolist() == []
    assert vocabulary.ids_with_prefix("").tolist() == [5, 6, 4]


def test_without_specials_unknown_words_are_dropped() -> None:
    vocabulary = Vocabulary(WORDS)
    assert (vocabulary.unknown_id, vocabulary.begin_id, vocabulary.end_id) == (None, None, None)
    assert vocabulary.encode(["cat", "dog", "<unk>"]) == [2]
    assert (vocabulary.total_words, vocabulary.excluded_ids) == (4, (0,))


@pytest.mark.parametrize(
    ("words", "special_tokens"),
    [
        (["a", "<unk>"], SPECIAL_TOKENS),
        (["a"], ("<unk>", "<unk>")),
        (["a"], ("<other>",)),
    ],
)
def test_a_vocabulary_refuses_specials_among_its_words_doubled_and_foreign(
    words: list[str], special_tokens: Sequence[str]
) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        Vocabulary(words, special_tokens)


def test_the_most_frequent_words_are_kept_and_the_rarest_not() -> None:
    counts = count_words([["b", "a", "b", "c"], ["<unk>", "a", "b", "<unk>", "<unk>", "<unk>"]])
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS).words == ("b", "a", "c")
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS, most=2).words == ("b", "a")
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS, min_count=3).words == ("b",)
    assert Vocabulary.of_counts(Counter(), SPECIAL_TOKENS).words == ()


def test_white_space_separates_and_nothing_is_lowered_or_left_out() -> None:
    assert TOKENIZER.words(" The cat's  <unk>,\tN \u00a0no. ") == [
        "The",
        "cat's",
        "<unk>,",
        "N",
        "no.",
    ]
    assert TOKENIZER.split_typed("The Cat") == (["The"], "Cat")
    assert TOKENIZER.split_typed("The Cat ") == (["The", "Cat"], "")
    assert TOKENIZER.split_typed("") == ([], "")
    assert TOKENIZER.split_typed(" \t") == ([], "")


@given(st.lists(st.lists(st.sampled_from(["the", "cat", "x"]), max_size=5)))
def test_lines_are_kept_word_by_word_but_for_the_empty(lines: list[list[str]]) -> None:
    vocabulary = Vocabulary(WORDS, SPECIAL_TOKENS)
    encoded = EncodedLines.encode(lines, vocabulary)
    filled = [line for line in lines if line]
    assert spelled(encoded, vocabulary) == [
        " ".join(w if w in WORDS else "<unk>" for w in line) for line in filled
    ]
    assert (encoded.tokens.dtype.name, len(encoded)) == ("int32", len(filled))
    assert encoded.starts.shape == encoded.lengths.shape == (len(filled),)
    assert encoded.lengths.tolist() == [len(line) for line in filled]
    assert encoded.predictions == sum(map(len, filled)) + len(filled)
    assert len(encoded.first(10**6)) == encoded.predictions


def test_every_word_and_every_end_is_predicted_from_the_begin_of_its_line() -> None:
    lines = EncodedLines.encode([["the", "cat"], ["sat"]], Vocabulary(WORDS, SPECIAL_TOKENS))
    every = [([2], 4), ([2, 4], 5), ([2, 4, 5], 3), ([2], 6), ([2, 6], 3)]
    assert lines.first(99) == every
    assert lines.first(2) == every[:2]
    assert list(lines.pairs(1)) == [([2], 4), ([4], 5), ([5], 3), ([2], 6), ([6], 3)]
    assert list(lines.pairs(0)) == [([], target) for _, target in every]


def test_the_words_are_those_of_the_training_lines_and_the_others_unknown() -> None:
    text = "\n".join(f"line{i // 20} word" for i in range(200))
    data = prepared(text, held_out=0.1, seed=3)
    train, held_out = split_held_out(text.split("\n"), 0.1, 3)
    assert set(data.vocabulary.words) == {word for line in train for word in line.split()}
    assert data.vocabulary.special_tokens == SPECIAL_TOKENS
    assert spelled(data.examples, data.vocabulary) == list(train)
    assert data.held_out_lines == len(data.held_out) == len(held_out)
    unknown = sum(w not in data.vocabulary for line in held_out for w in line.split())
    assert data.held_out_unknown == unknown
    assert (data.words, data.longest_line) == (400, 2)


def test_rare_words_are_learned_as_unknown_and_counted() -> None:
    data = prepared("a a b\nb c\n\nd <unk>", min_count=2)
    assert data.vocabulary.words == ("a", "b")
    assert spelled(data.examples, data.vocabulary) == ["a a b", "b <unk>", "<unk> <unk>"]
    assert (data.distinct_words, data.words) == (5, 7)
    assert prepared("a a b\nb c", max_vocabulary=1).vocabulary.words == ("a",)


def test_the_window_is_the_longest_line_with_its_begin_or_the_one_given() -> None:
    assert prepared("a b c\nd").window == 4
    assert prepared("a b c\nd", window=2).window == 2


def test_the_words_of_another_model_are_taken_as_they_are() -> None:
    known = Vocabulary(("b",), SPECIAL_TOKENS)
    data = prepared("a b", vocabulary=known)
    assert data.vocabulary is known
    assert spelled(data.examples, known) == ["<unk> b"]


def test_a_text_too_short_to_hold_lines_out_has_none() -> None:
    data = prepared("a b\nc d", held_out=0.1)
    assert (len(data.held_out), data.held_out_lines, len(data.examples)) == (0, 0, 2)
    blank = prepared("\n".join(["a"] + [""] * 50), held_out=0.5, seed=1)
    assert (len(blank.held_out), blank.held_out_lines) == (0, 0)


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("", {}, "holds no words"),
        (" \n\t\n", {}, "holds no words"),
        ("a b c", {"min_count": 2}, "no word stands 2 times"),
    ],
)
def test_a_text_without_words_is_refused(text: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(CorpusError, match=why):
        prepared(text, **options)
