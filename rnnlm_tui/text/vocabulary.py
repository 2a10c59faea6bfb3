"""The words that a model knows, and their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import count
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PADDING = 0
CACHED_LINES, CACHED_PREFIXES = 512, 4096
UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
SPECIAL_TOKENS = (UNKNOWN, BEGIN, END)
"""The unknown word, the start and the end of a line: ids 1, 2 and 3 of models of whole lines. The
lesson has none."""
UNKNOWN_ID, BEGIN_ID, END_ID = range(1, 4)
SortedKeys: TypeAlias = tuple[NDArray[np.str_], NDArray[np.int64]]
"""Sorted keys of words, and the ids of the words."""


class Vocabulary:
    """Maps words to ids: 0 is padding, then come the special tokens, then the words by descending
    frequency, and by first appearance if equally frequent.

    Source: the lesson (Keras's `Tokenizer`), which has no special tokens.
    """

    def __init__(self, words: Sequence[str], special_tokens: Sequence[str] = ()) -> None:
        """`words` are in order of their ids. Raises ValueError if one occurs twice."""
        self.words, self.special_tokens = tuple(words), tuple(special_tokens)
        self.first_word_id = 1 + len(self.special_tokens)
        """The id of the most frequent word."""
        self._ids = dict(zip(self.words, count(self.first_word_id), strict=False))
        if len(self._ids) < len(self.words) or not self._ids.keys().isdisjoint(special_tokens):
            raise ValueError("a word occurs twice in the vocabulary")
        special_ids = {token: i for i, token in enumerate(self.special_tokens, start=1)}
        self.unknown_id, self.begin_id, self.end_id = map(special_ids.get, SPECIAL_TOKENS)
        self._encode_line = lru_cache(CACHED_LINES)(
            lambda line, words: tuple(self.encode(words(line)))
        )
        self._find_prefix = lru_cache(CACHED_PREFIXES)(self._ids_with_prefix)
        self._sorted: dict[tuple[Callable[[str], str], str], SortedKeys] = {}
        self._masks: dict[Callable[[str], bool], NDArray[np.bool_]] = {}

    @classmethod
    def of_counts(
        cls,
        counts: Mapping[str, int],
        special_tokens: Sequence[str] = (),
        *,
        most: int | None = None,
        min_count: int = 1,
    ) -> Vocabulary:
        """The `most` frequent words, all by default, with a count of at least `min_count`.

        `counts` are in order of first appearance. Words spelled like a special token are left out.
        """
        # sorted() is stable, so equally frequent words keep their order.
        falling = sorted(counts.items(), key=lambda item: -item[1])
        kept = (word for word, count in falling if count >= min_count)
        return cls([word for word in kept if word not in special_tokens][:most], special_tokens)

    @property
    def total_words(self) -> int:
        """The number of ids, padding and special tokens included."""
        return self.first_word_id + len(self.words)

    @property
    def excluded_ids(self) -> tuple[int, ...]:
        return tuple(range(self.first_word_id))

    @property
    def ranks(self) -> Mapping[str, int]:
        """The id of each word. More frequent words have smaller ids."""
        return self._ids

    def __contains__(self, word: str) -> bool:
        """Whether this is a known word, which special tokens are not."""
        return word in self._ids

    def word(self, word_id: int) -> str:
        """The word or special token with this id, which must be 1 or more."""
        if word_id < self.first_word_id:
            return self.special_tokens[word_id - 1]
        return self.words[word_id - self.first_word_id]

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of the words. Unknown words get the id of the unknown token, or are dropped if
        there is none."""
        if self.unknown_id is None:
            return [self._ids[word] for word in words if word in self._ids]
        return [self._ids.get(word, self.unknown_id) for word in words]

    def encode_line(self, line: str, words: Callable[[str], Sequence[str]]) -> tuple[int, ...]:
        """The ids of `words(line)`, cached for recent lines, since a line is context for all that
        is typed after it and 2,000 words take 6 ms to tokenize."""
        return self._encode_line(line, words)

    def ids(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The id of each word [N]. Unknown words get the id of the unknown token, or of padding if
        there is none."""
        other = PADDING if self.unknown_id is None else self.unknown_id
        return np.array([self._ids.get(word, other) for word in words], dtype=np.int32)

    def ids_with_prefix(
        self, prefix: str, match_key: Callable[[str], str] = str
    ) -> NDArray[np.int64]:
        """The sorted ids of all words, special tokens apart, whose `match_key` begins with
        `prefix`. Cached: do not modify the array."""
        return self._find_prefix(prefix, match_key)

    def _ids_with_prefix(self, prefix: str, match_key: Callable[[str], str]) -> NDArray[np.int64]:
        key_and_first = match_key, prefix[:1]
        if key_and_first not in self._sorted:
            self._sorted[key_and_first] = self._sorted_keys(*key_and_first)
        keys, ids = self._sorted[key_and_first]
        low = np.searchsorted(keys, prefix)
        # No character sorts after the last code point, so this is the end of the prefix's words.
        high = np.searchsorted(keys, prefix + chr(0x10FFFF))
        return np.sort(ids[low:high])

    def _sorted_keys(self, match_key: Callable[[str], str], first: str) -> SortedKeys:
        """The keys that begin with `first`, one character or "": computing all keys of 30,000 words
        takes 25 ms. A key begins with the first character of its word, or with its key."""
        begins = {begin for begin in set(self._firsts) if first in (begin, match_key(begin)[:1])}
        places = [i for i, begin in enumerate(self._firsts) if not first or begin in begins]
        keys_and_places = sorted((match_key(self.words[i]), i) for i in places)
        # An array of objects, since numpy strings drop trailing NULs.
        keys = np.array([key for key, _ in keys_and_places], dtype=object)
        return keys, np.array([i for _, i in keys_and_places], dtype=np.int64) + self.first_word_id

    @cached_property
    def _firsts(self) -> list[str]:
        return [word[:1] for word in self.words]

    def mask(self, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For each id whether `holds(word)`; False for padding and special tokens. Cached."""
        if holds not in self._masks:
            false = [False] * self.first_word_id
            self._masks[holds] = np.array([*false, *map(holds, self.words)], dtype=np.bool_)
        return self._masks[holds]
