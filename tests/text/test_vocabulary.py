"""Lines to words, and words to ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions, Insertion
from rnnlm_tui.text.tokenizers import TOKENIZERS, LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

WORDS = ("the", "cat", "sat")


@pytest.mark.parametrize(
    ("tokenizer", "text", "words", "half_typed"),
    [
        ("lesson", "Shall I comp", ["shall", "i"], "comp"),
        ("lesson", "Shall I ", ["shall", "i"], ""),
        ("lesson", "well, ", ["well"], ""),
        ("lesson", "o'er-tak", ["o'er"], "tak"),
        ("whitespace", "The Cat", ["The"], "Cat"),
        (
            "whitespace",
            "The cat's  <unk>,\tN \u00a0no. ",
            ["The", "cat's", "<unk>,", "N", "no."],
            "",
        ),
        ("whitespace", "", [], ""),
    ],
)
def test_a_typed_line_splits_into_whole_words_and_a_half_typed_one(
    tokenizer: str, text: str, words: list[str], half_typed: str
) -> None:
    assert TOKENIZERS[tokenizer].split_typed(text) == (words, half_typed)


@pytest.mark.parametrize(
    ("tokenizer", "before", "prefix", "text"),
    [
        ("lesson", "", "", "thee"),
        ("lesson", "i see ", "", "thee"),
        ("lesson", "I see TH", "th", "ee"),
        ("lesson", "i see,", "", " thee"),
        ("whitespace", "i see , ", "", "thee"),
        ("whitespace", "th", "th", "ee"),
    ],
)
def test_a_word_goes_into_the_line_with_a_space_before_it_if_it_needs_one(
    tokenizer: str, before: str, prefix: str, text: str
) -> None:
    assert TOKENIZERS[tokenizer].insertion_of(before, prefix, "thee") == Insertion(text)


@settings(deadline=None, derandomize=True)
@given(st.sampled_from([*TOKENIZERS.values()]), st.text())
def test_a_space_after_a_line_leaves_nothing_half_typed(
    tokenizer: LessonTokenizer, text: str
) -> None:
    assert tokenizer.split_typed(text + " ") == (tokenizer.words(text), "")


def test_special_tokens_come_before_the_words() -> None:
    vocabulary = Vocabulary(WORDS, SPECIAL_TOKENS)
    assert (vocabulary.unknown_id, vocabulary.begin_id, vocabulary.end_id) == (1, 2, 3)
    assert (vocabulary.first_word_id, vocabulary.total_words) == (4, 7)
    assert [vocabulary.word(i) for i in range(1, 7)] == [*SPECIAL_TOKENS, *WORDS]
    assert vocabulary.excluded_ids == (0, 1, 2, 3)
    assert not any(token in vocabulary for token in SPECIAL_TOKENS)
    typed = ["cat", "dog", "<s>", "</s>", "<unk>"]
    assert vocabulary.encode(typed) == vocabulary.ids(typed).tolist() == [5, 1, 1, 1, 1]
    assert vocabulary.ids_with_prefix("<").tolist() == []
    assert vocabulary.ids_with_prefix("").tolist() == [4, 5, 6]


def test_without_special_tokens_unknown_words_are_dropped() -> None:
    vocabulary = Vocabulary(WORDS)
    assert (vocabulary.unknown_id, vocabulary.begin_id, vocabulary.end_id) == (None, None, None)
    assert vocabulary.encode(["cat", "dog", "<unk>"]) == [2]
    assert vocabulary.ids(["cat", "dog"]).tolist() == [2, 0]
    assert (vocabulary.total_words, vocabulary.excluded_ids) == (4, (0,))


@pytest.mark.parametrize("words", [["a", "b", "a"], ["a", "<unk>"]])
def test_a_vocabulary_refuses_doubles(words: list[str]) -> None:
    with pytest.raises(ValueError, match="occurs twice"):
        Vocabulary(words, SPECIAL_TOKENS)


def test_the_most_frequent_words_are_kept_and_the_rarest_not() -> None:
    counts = {"b": 3, "a": 2, "c": 1, "<unk>": 4, "d": 2}
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS).words == ("b", "a", "d", "c")
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS, most=2).words == ("b", "a")
    assert Vocabulary.of_counts(counts, SPECIAL_TOKENS, min_count=3).words == ("b",)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.text("aAbBİßΣς’'\0", min_size=1, max_size=4), unique=True, min_size=1),
    st.text("abAİßΣς’'", max_size=3),
    st.sampled_from([str, ProseTokenizer(Conventions(), {}).match_key]),
)
def test_the_words_whose_key_has_a_prefix_are_found_in_order(
    words: list[str], prefix: str, key: Callable[[str], str]
) -> None:
    ids = Vocabulary(words).ids_with_prefix(key(prefix), key)
    fitting = [word for word in words if key(word).startswith(key(prefix))]
    assert [words[i - 1] for i in ids] == fitting
