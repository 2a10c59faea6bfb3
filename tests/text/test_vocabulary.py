"""Lines to words, and words to ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions, Insertion
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

WORDS = ("the", "cat", "sat")


@pytest.mark.parametrize(
    ("tokenizer", "text", "words", "half_typed", "inserted"),
    [
        ("lesson", "Shall I th", ["shall", "i"], "th", "ee"),
        ("lesson", "Shall I ", ["shall", "i"], "", "thee"),
        ("lesson", "well,", ["well"], "", " thee"),
        ("lesson", "o'er-th", ["o'er"], "th", "ee"),
        ("whitespace", "The th", ["The"], "th", "ee"),
        (
            "whitespace",
            "a cat's  <unk>,\tN \u00a0. ",
            ["a", "cat's", "<unk>,", "N", "."],
            "",
            "thee",
        ),
        ("whitespace", "", [], "", "thee"),
    ],
)
def test_a_typed_line_has_whole_words_and_a_half_typed_one_that_is_completed(
    tokenizer: str, text: str, words: list[str], half_typed: str, inserted: str
) -> None:
    assert TOKENIZERS[tokenizer].split_typed(text) == (words, half_typed)
    assert TOKENIZERS[tokenizer].insertion_of(text, half_typed, "thee") == Insertion(inserted)


@pytest.mark.parametrize(
    ("special_tokens", "encoded", "ids"),
    [(SPECIAL_TOKENS, [5, 1, 1, 1], [5, 1, 1, 1]), ((), [2], [2, 0, 0, 0])],
)
def test_special_tokens_come_first_and_unknown_words_are_dropped_without_them(
    special_tokens: tuple[str, ...], encoded: list[int], ids: list[int]
) -> None:
    vocabulary, first = Vocabulary(WORDS, special_tokens), 1 + len(special_tokens)
    assert (vocabulary.first_word_id, vocabulary.total_words) == (first, first + 3)
    assert [*map(vocabulary.word, range(1, first + 3))] == [*special_tokens, *WORDS]
    special_ids = (vocabulary.unknown_id, vocabulary.begin_id, vocabulary.end_id)
    assert special_ids == ((1, 2, 3) if special_tokens else (None, None, None))
    assert not any(token in vocabulary for token in SPECIAL_TOKENS)
    typed = ["cat", "dog", "<s>", "<unk>"]
    assert vocabulary.encode(typed) == encoded
    assert vocabulary.ids(typed).tolist() == ids


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.text("aAbBİßΣς’'\0", min_size=1, max_size=4), unique=True, min_size=1),
    st.text("abAİßΣς’'", max_size=3),
    st.sampled_from([str, ProseTokenizer(Conventions(), {}).match_key]),
)
def test_the_words_whose_key_has_a_prefix_are_found_in_order(
    words: list[str], prefix: str, key: Callable[[str], str]
) -> None:
    ids = Vocabulary(words).sorted_keys(key).with_beginning(key(prefix))
    fitting = [word for word in words if key(word).startswith(key(prefix))]
    assert [words[i - 1] for i in ids] == fitting
