"""Words that a text takes from itself: new words, and words that follow names.

A new word is one that the model does not know. It has the probability of the unknown word, times
the chance that the unknown word is this one, w / (W + UNFAMILIAR), as in a Chinese restaurant
process. Here w is the weight of all uses of the word, and W that of all uses of new words. The
weight of a use falls as a power of the number of later uses of new words. On 3,500 new words of
diaries, letters, notes and novels this cost 2.14 nats a word, and a weight that falls by halves
2.26 at best.

A name is followed by the words that followed it before: `Lucy` by `Honeychurch`.

Shapes: M uses of new words.

Sources: for the restaurant D. J. Aldous, "Exchangeability and related topics", 1985; for the power
of the time since the last use J. R. Anderson and L. J. Schooler, "Reflections of the environment in
memory", 1991.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rnnlm_tui.text.tokenizer import Tokenizer
    from rnnlm_tui.text.vocabulary import Vocabulary

UNFAMILIAR = 15.0
"""The weight of a word that was never used. On 16,000 words of each of 12 diaries, memoirs and
notes it costs 2.162 nats a new word, and on as many of each of 40 books 1.911. 12 costs 2.173 and
1.897, and 20 costs 2.166 and 1.945. A word counted as new if it occurs fewer than 11 times in the
other texts, 29 million words. The same value serves for no, one and two typed letters."""
RECENCY = 3.0
"""The weight of a use with n later uses of new words is 1 / (1 + n / RECENCY)."""
NEW_FOLLOWER = 16.0
"""The weight of another word after a name, as a number of uses. On two novels the words after names
save 0.2 points of keys. Words after two words with a name among them would save no more."""
MOST_USES = 2000
"""The number of last uses of new words that count. The weight of an older one is below 0.002."""
WEIGHTS = 1 / (1 + np.arange(MOST_USES) / RECENCY)
"""The weights of the uses, the newest first."""
MAX_LINES = 1024
"""The most lines whose findings are cached."""


class Use(NamedTuple):
    """A use of a new word."""

    word: str
    """The word in small letters."""
    written: str
    """The word as it is written there."""
    is_sure: bool
    """True if it stands within a sentence, so that its capitals are its own."""


class Findings(NamedTuple):
    """The new words and names of some lines."""

    uses: Sequence[Use] = ()
    """The uses of new words, the oldest first."""
    followers: Mapping[str, Sequence[str]] = MappingProxyType({})
    """The words that follow each name, as they are written. Names are in small letters."""
    name_at_end: str = ""
    """The last word in small letters, if its capital may be that of a name."""


NO_FINDINGS = Findings()


class MergedUses(NamedTuple):
    """The last M uses of new words."""

    forms: Mapping[str, str]
    """The spelling of each new word by the word in small letters, the last used first."""
    sure_forms: Mapping[str, str]
    """The spelling within a sentence of each word that stands within one somewhere."""
    numbers: NDArray[np.int64]
    """The place in `forms` of the word of each use [M], the newest use first."""

    @classmethod
    def of(cls, found: Sequence[Findings]) -> MergedUses:
        """Merges the uses of lines, the oldest line first."""
        forms, sure_forms = dict[str, str](), dict[str, str]()
        places, numbers = dict[str, int](), list[int]()
        newest_first = chain.from_iterable(reversed(each.uses) for each in reversed(found))
        for word, written, is_sure in islice(newest_first, MOST_USES):
            numbers.append(places.setdefault(word, len(places)))
            forms.setdefault(word, written)
            if is_sure:
                sure_forms.setdefault(word, written)
        return cls(forms | sure_forms, sure_forms, np.array(numbers, np.int64))

    def weights(self, later: int = 0) -> list[float]:
        """The weight of each word of `forms` after this many `later` uses. The last words are left
        out if they have no weight by then."""
        weights = WEIGHTS[later : later + len(self.numbers)]
        sums: list[float] = np.bincount(self.numbers[: len(weights)], weights).tolist()
        return sums


@dataclass(frozen=True, eq=False)
class OnPage:
    """The words that a text suggests for the next word."""

    new: Mapping[str, float]
    """The new words, each with its probability if the next word is unknown to the model."""
    following: Mapping[str, float]
    """The words that followed the last word, which is a name, with the probability of each."""


class PageWords:
    """Finds the new words of a text, and the words that follow names."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer
        self._find_cached = lru_cache(MAX_LINES)(self._find)
        self._asked: tuple[Sequence[str], Findings] | None = None
        """The lines above and the earlier texts in the last call of `on_page`."""
        self._found_above: Sequence[Findings] = ()
        self._uses_above = MergedUses.of(())

    def read(self, lines: Iterable[str]) -> Findings:
        """Reads texts that were written earlier, the oldest line first."""
        uses, after = deque[Use](maxlen=MOST_USES), dict[str, list[str]]()
        for found in map(self._find, lines):
            uses.extend(found.uses)
            for name, followers in found.followers.items():
                after.setdefault(name, []).extend(followers)
        return Findings(uses, after)

    def on_page(self, lines: Sequence[str], earlier: Findings = NO_FINDINGS) -> OnPage:
        """The words of `lines` and of earlier texts that may be next. The last line ends before the
        next word. The uses in the lines above it are kept merged for the next call."""
        if self._vocabulary.unknown_id is None:
            return OnPage({}, {})
        if self._asked != (lines[:-1], earlier):
            self._found_above = [earlier, *map(self._find_cached, lines[:-1])]
            self._uses_above = MergedUses.of(self._found_above)
            self._asked = lines[:-1], earlier
        # The last line grows by a word each time, and would fill the cache.
        page = [*self._found_above, *map(self._find, lines[-1:])]
        return OnPage(_new_words(self._uses_above, MergedUses.of(page[-1:])), _followers(page))

    def new_word_chances(self, above: Iterable[str], line: str) -> Iterator[tuple[float, bool]]:
        """Yields for each word of a line the chance that a new word at its place is this one, and
        True if the lines `above` or the line so far have used it. For a word that they have not
        used, it is the chance of all such words together."""
        words = self._tokenizer.words_as_written(line)
        used = [use.word for each in above for use in self._find_cached(each).uses]
        places = dict[str, int]()
        numbers = np.empty(len(used) + len(words), np.int64)  # of the words used, the oldest first
        numbers[: len(used)] = [places.setdefault(word, len(places)) for word in used]
        end = len(used)
        for word, written, _ in words:
            small = written.lower()
            recent = numbers[max(0, end - MOST_USES) : end][::-1]
            weights = WEIGHTS[: len(recent)]
            weight = float(weights[recent == places.get(small, -1)].sum())
            yield (weight or UNFAMILIAR) / (UNFAMILIAR + float(weights.sum())), weight > 0
            if self._is_new(word):
                numbers[end] = places.setdefault(small, len(places))
                end += 1

    def _is_new(self, word: str) -> bool:
        """Returns True for a word that the model does not know and that may be suggested."""
        return word not in self._vocabulary and len(word) > 1 and word[0].isalpha()

    def _find(self, line: str) -> Findings:
        """The findings in a line."""
        uses, after = list[Use](), dict[str, list[str]]()
        name = possible_name = ""  # the last word, if it is surely a name, and if it may be one
        for word, written, is_usual in self._tokenizer.words_as_written(line):
            is_known, small = word in self._vocabulary, written.lower()
            has_capital = written[0].isupper() and written[1:2].isalpha()  # I and I'm have none
            if name and (is_known or written[0].isalnum()):
                after.setdefault(name, []).append(written if is_usual else word)
            if self._is_new(word):
                uses.append(Use(small, written, is_usual))
            is_name = (not is_known and written[0].isalpha()) or (is_usual and has_capital)
            name = small if is_name else ""
            possible_name = small if is_name or has_capital else ""
        return Findings(uses, after, possible_name)


def _new_words(above: MergedUses, line: MergedUses) -> dict[str, float]:
    """The probability of each new word if the next word is unknown. A word is written as on the
    page, if possible as within a sentence."""
    weights = dict[str, float]()
    above_weights = above.weights(len(line.numbers))
    of_above = dict(zip(above.forms.values(), above_weights, strict=False))  # by their forms
    for (word, form), weight in zip(line.forms.items(), line.weights(), strict=True):
        best = line.sure_forms.get(word) or above.sure_forms.get(word, form)
        weights[best] = weight + of_above.pop(above.forms.get(word, ""), 0.0)
    weights |= of_above
    total = UNFAMILIAR + sum(weights.values())
    return {form: weight / total for form, weight in weights.items()}


def _followers(found: Sequence[Findings]) -> dict[str, float]:
    """The probability of each word that followed the name at the end of the last line."""
    name = found[-1].name_at_end
    after = Counter(word for each in found for word in each.followers.get(name, ()))
    uses = after.total() + NEW_FOLLOWER
    return {word: count / uses for word, count in after.items()}
