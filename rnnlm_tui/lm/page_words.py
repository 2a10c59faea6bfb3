"""Words that a text takes from itself: new words, and words that follow names.

A new word is one that the model does not know. Its probability is

    P(unknown word) w / (W + UNFAMILIAR)

as in a Chinese restaurant process: w is the weight of all uses of the word, and W the weight of all
uses of new words. The weight of a use falls as a power of the number of later uses of new words.
In diaries, letters, notes and novels, 3,500 new words then cost 2.14 nats each. With any half-life
in place of the power they cost 2.26 nats or more.

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
"""The weight of all words that were never used. With weights of 12, 15 and 20, a new word costs
2.173, 2.162 and 2.166 nats in 12 diaries, memoirs and notes, and 1.897, 1.911 and 1.945 in 40
books. 16,000 words of each were read. New words are those with fewer than 11 uses in the 29 million
words of the other texts. With one or two typed letters, the same weight is best."""
RECENCY = 3.0
"""The weight of a use with n later uses of new words is 1 / (1 + n / RECENCY)."""
NEW_FOLLOWER = 16.0
"""The weight of a word that has not followed a name before, as a number of uses. On two novels the
words after names save 0.2 points of keys. To count the words after a name and its next word, too,
saves no more."""
MOST_USES = 2000
"""The number of last uses of new words that count. The weight of an older use is below 0.002."""
USE_WEIGHTS = 1 / (1 + np.arange(MOST_USES) / RECENCY)
"""The weights of the uses, the newest use first."""
MAX_LINES = 1024
"""The most lines whose findings are cached."""


class Use(NamedTuple):
    """A use of a new word."""

    word: str
    """The word in small letters."""
    written: str
    """The word as the text writes it."""
    is_usual: bool
    """True if the word stands within a sentence, where it has its usual case."""


class Findings(NamedTuple):
    """The new words and names of some lines."""

    uses: Sequence[Use] = ()
    """The uses of new words, the oldest first."""
    followers: Mapping[str, Sequence[str]] = MappingProxyType({})
    """Maps each name, in small letters, to the words that follow it, as the text writes them."""
    name_at_end: str = ""
    """The last word in small letters if it may be a name, or ""."""


NO_FINDINGS = Findings()


class MergedUses(NamedTuple):
    """The last M uses of new words."""

    forms: Mapping[str, str]
    """Maps each new word, in small letters, to its spelling. The word used last comes first."""
    usual_forms: Mapping[str, str]
    """Maps the new words that stand within a sentence to their spelling there."""
    places: NDArray[np.int64]
    """For each use [M] the place of its word in `forms`. The newest use comes first."""

    @classmethod
    def of(cls, found: Sequence[Findings]) -> MergedUses:
        """Merges the uses of lines. The oldest line comes first."""
        forms, usual_forms = dict[str, str](), dict[str, str]()
        place_of, places = dict[str, int](), list[int]()
        newest_first = chain.from_iterable(reversed(each.uses) for each in reversed(found))
        for word, written, is_usual in islice(newest_first, MOST_USES):
            places.append(place_of.setdefault(word, len(place_of)))
            forms.setdefault(word, written)
            if is_usual:
                usual_forms.setdefault(word, written)
        return cls(forms | usual_forms, usual_forms, np.array(places, np.int64))

    def weights(self, later: int = 0) -> list[float]:
        """Returns the weights of the words of `forms` once `later` more uses have followed. There
        are none for the last words of `forms` if their uses are too old to count."""
        weights = USE_WEIGHTS[later : later + len(self.places)]
        sums: list[float] = np.bincount(self.places[: len(weights)], weights).tolist()
        return sums


@dataclass(frozen=True, eq=False)
class OnPage:
    """The words that a text suggests for the next word."""

    new: Mapping[str, float]
    """Maps each new word to its probability, given that the model does not know the next word."""
    following: Mapping[str, float]
    """If the last word is a name, maps each word that followed this name to its probability."""


class PageWords:
    """Finds the new words of a text, and the words that follow names."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer
        self._find_cached = lru_cache(MAX_LINES)(self._find)
        self._asked: tuple[Sequence[str], Findings] | None = None
        """The lines above and the earlier texts of the last call of `on_page`."""
        self._found_above: Sequence[Findings] = ()
        self._uses_above = MergedUses.of(())

    def read(self, lines: Iterable[str]) -> Findings:
        """Reads texts that were written earlier. The oldest line comes first."""
        uses, all_followers = deque[Use](maxlen=MOST_USES), dict[str, list[str]]()
        for found in map(self._find, lines):
            uses.extend(found.uses)
            for name, followers in found.followers.items():
                all_followers.setdefault(name, []).extend(followers)
        return Findings(uses, all_followers)

    def on_page(self, lines: Sequence[str], earlier: Findings = NO_FINDINGS) -> OnPage:
        """Returns the words of `lines` and of earlier texts that may be next. The last line ends
        before the next word. The findings in the lines above are kept for the next call."""
        if self._vocabulary.unknown_id is None:
            return OnPage({}, {})
        if self._asked != (lines[:-1], earlier):
            self._found_above = [earlier, *map(self._find_cached, lines[:-1])]
            self._uses_above = MergedUses.of(self._found_above)
            self._asked = lines[:-1], earlier
        # The last line is not cached. It grows by a word each time, and would fill the cache.
        page = [*self._found_above, *map(self._find, lines[-1:])]
        return OnPage(_new_words(self._uses_above, MergedUses.of(page[-1:])), _followers(page))

    def new_word_chances(self, above: Iterable[str], line: str) -> Iterator[tuple[float, bool]]:
        """Yields two values for each word of a line. The first is the probability of the word if a
        new word stands at its place. All words that were not used before share one probability.
        The second is True if the word was used before, in the line or in the lines `above`."""
        words = self._tokenizer.words_as_written(line)
        used = [use.word for each in above for use in self._find_cached(each).uses]
        number_of = dict[str, int]()
        numbers = np.empty(len(used) + len(words), np.int64)  # one for each use, the oldest first
        numbers[: len(used)] = [number_of.setdefault(word, len(number_of)) for word in used]
        end = len(used)
        for word, written, _ in words:
            small = written.lower()
            recent = numbers[max(0, end - MOST_USES) : end][::-1]
            weights = USE_WEIGHTS[: len(recent)]
            weight = float(weights[recent == number_of.get(small, -1)].sum())
            yield (weight or UNFAMILIAR) / (UNFAMILIAR + float(weights.sum())), weight > 0
            if self._is_new(word):
                numbers[end] = number_of.setdefault(small, len(number_of))
                end += 1

    def _is_new(self, word: str) -> bool:
        """Returns True for a word that the model does not know and that may be suggested."""
        return word not in self._vocabulary and len(word) > 1 and word[0].isalpha()

    def _find(self, line: str) -> Findings:
        uses, followers = list[Use](), dict[str, list[str]]()
        name = ""  # the word before, if it is a name
        possible_name = ""  # the word before, if it is a name or its capital may be that of one
        for word, written, is_usual in self._tokenizer.words_as_written(line):
            is_known, small = word in self._vocabulary, written.lower()
            has_capital = written[0].isupper() and written[1:2].isalpha()  # I and I'm do not count
            if name and (is_known or written[0].isalnum()):
                followers.setdefault(name, []).append(written if is_usual else word)
            if self._is_new(word):
                uses.append(Use(small, written, is_usual))
            is_name = (not is_known and written[0].isalpha()) or (is_usual and has_capital)
            name = small if is_name else ""
            possible_name = small if is_name or has_capital else ""
        return Findings(uses, followers, possible_name)


def _new_words(above: MergedUses, line: MergedUses) -> dict[str, float]:
    """Returns the probability of each new word, given that the next word is unknown. A word is
    spelled as in its last use within a sentence, or else as in its last use."""
    weights = dict[str, float]()
    later = len(line.places)
    weights_above = dict(zip(above.forms.values(), above.weights(later), strict=False))
    for (word, form), weight in zip(line.forms.items(), line.weights(), strict=True):
        best = line.usual_forms.get(word) or above.usual_forms.get(word, form)
        weights[best] = weight + weights_above.pop(above.forms.get(word, ""), 0.0)
    weights |= weights_above  # the words that the line does not have
    total = UNFAMILIAR + sum(weights.values())
    return {form: weight / total for form, weight in weights.items()}


def _followers(found: Sequence[Findings]) -> dict[str, float]:
    """Returns the probability of each word that followed the name at the end of the last line."""
    name = found[-1].name_at_end
    counts = Counter(word for each in found for word in each.followers.get(name, ()))
    total = counts.total() + NEW_FOLLOWER
    return {word: count / total for word, count in counts.items()}
