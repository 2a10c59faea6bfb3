"""The words that a model knows, and their ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import count, repeat

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import Config

PADDING = 0
"""The id of padding."""
MAX_PREFIXES = 4096
"""The most beginnings of words that are cached."""
LAST_CHARACTER = chr(0x10FFFF)
"""The character that sorts behind all others."""
UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN = "<unk>", "<s>", "</s>"
SPECIAL_TOKENS = (UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN)
"""Stand for unknown words, the start and the end of a line. Models of whole lines have them."""
UNKNOWN_ID, BEGIN_ID, END_ID = range(1, 4)
"""The ids of the special tokens."""


def special_tokens_of(config: Config) -> tuple[str, ...]:
    """Returns the special tokens of a model, or () for the lesson's."""
    return () if config.is_lesson else SPECIAL_TOKENS


class SortedKeys:
    """The match keys of N words in alphabetical order. It finds the keys with a given beginning."""

    def __init__(self, keys: Sequence[str], first_number: int = 0) -> None:
        """The words are numbered from `first_number` on."""
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._keys = [keys[place] for place in order]
        self.numbers = np.array(order, np.int64) + first_number
        """For each key [N] the number of its word."""
        self.letters_after = lru_cache(MAX_PREFIXES)(self._letters_after)
        """Returns the different letters that follow a beginning in the keys."""
        self.with_beginning = lru_cache(MAX_PREFIXES)(self._with_beginning)
        """Returns the numbers of the words whose keys have a beginning, in rising order. Do not
        modify the array, which is cached."""

    def __len__(self) -> int:
        return len(self._keys)

    def span(self, beginning: str) -> tuple[int, int]:
        """Returns the place of the first key with this beginning, and the place after the last."""
        keys = self._keys
        first = bisect_left(keys, beginning)
        if first == len(keys) or not keys[first].startswith(beginning):
            return first, first
        return first, bisect_left(keys, beginning + LAST_CHARACTER, first)

    def _with_beginning(self, beginning: str) -> NDArray[np.int64]:
        first, end = self.span(beginning)
        return np.sort(self.numbers[first:end])

    def _letters_after(self, beginning: str) -> str:
        letters, keys = "", self._keys
        place, end = self.span(beginning)
        while place < end:
            letter = keys[place][len(beginning) : len(beginning) + 1]
            letters += letter
            # If no letter follows, the key is the beginning itself, and all others come after it.
            after = LAST_CHARACTER if letter else "\0"
            place = bisect_left(keys, beginning + letter + after, place, end)
        return letters


class Vocabulary:
    """Maps V ids to words. Id 0 is padding. The special tokens follow, and then the words by
    falling frequency. Equally frequent words are in the order of their first appearance.

    Source: the lesson (Keras's `Tokenizer`), which has no special tokens.
    """

    def __init__(self, words: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        """`words` are in the order of their ids. Raises ValueError if one occurs twice."""
        self.words, self.special_tokens = tuple(words), tuple(special_tokens)
        self.first_word_id = 1 + len(self.special_tokens)
        """The id of the most frequent word."""
        self.id_by_word = dict(zip(self.words, count(self.first_word_id), strict=False))
        """The id of each word. A more frequent word has a smaller id."""
        is_clean = self.id_by_word.keys().isdisjoint(special_tokens)
        if len(self.id_by_word) < len(self.words) or not is_clean:
            raise ValueError("a word occurs twice in the vocabulary")
        special_ids = {token: i for i, token in enumerate(self.special_tokens, start=1)}
        self.unknown_id, self.begin_id, self.end_id = map(special_ids.get, SPECIAL_TOKENS)
        self.encode_line = lru_cache(512)(self._encode_line)
        """Returns the ids of `words(line)`. They are cached, because a line is context for all that
        is typed below it. 2,000 words take 6 ms to tokenize."""
        self.mask = cache(self._mask)
        """Returns the result of `test(word)` for each id [V], and False for padding and special
        tokens. Do not modify the array, which is cached."""
        self.sorted_keys = cache(self._sorted_keys)
        """Returns the `SortedKeys` of the words by `match_key`, numbered by id."""

    @property
    def total_words(self) -> int:
        """The number of ids, padding and special tokens included."""
        return self.first_word_id + len(self.words)

    def __contains__(self, word: str) -> bool:
        """Returns True for a known word. Special tokens are not words."""
        return word in self.id_by_word

    def word(self, word_id: int) -> str:
        """Returns the word or special token with this id, which must be 1 or more."""
        if word_id < self.first_word_id:
            return self.special_tokens[word_id - 1]
        return self.words[word_id - self.first_word_id]

    def encode(self, words: Iterable[str]) -> list[int]:
        """Returns the ids of the words. Unknown words get the id of the unknown token. Without such
        a token they are dropped."""
        if self.unknown_id is None:
            return [self.id_by_word[word] for word in words if word in self.id_by_word]
        return [self.id_by_word.get(word, self.unknown_id) for word in words]

    def ids(self, words: Sequence[str]) -> NDArray[np.int32]:
        """Returns the id of each word [N]. Unknown words get the id of the unknown token. Without
        such a token `encode` drops them, but here they get the id of padding."""
        other = PADDING if self.unknown_id is None else self.unknown_id
        return np.fromiter(map(self.id_by_word.get, words, repeat(other)), np.int32, len(words))

    def _encode_line(self, line: str, words: Callable[[str], Sequence[str]]) -> tuple[int, ...]:
        return tuple(self.encode(words(line)))

    def _sorted_keys(self, match_key: Callable[[str], str]) -> SortedKeys:
        return SortedKeys([*map(match_key, self.words)], self.first_word_id)

    def _mask(self, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.array([*[False] * self.first_word_id, *map(test, self.words)], np.bool_)
