"""Words that a text takes from itself: those that its model does not know, and what follows names.

A word that the model does not know is as likely as the unknown word, times the chance that this is
a word used before: w / (W + UNFAMILIAR), as in a Chinese restaurant process. Here w weighs the uses
of this word and W those of all such words, each by how many of them ago it was. The weight falls as
a power of that number: on 3,500 such words of diaries, letters, notes and novels this cost 2.14
nats a word, and a weight that falls by halves 2.26 at best.

A name is followed by what followed it before: `Lucy` by `Honeychurch`.

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
notes, and of 40 books, it costs 2.162 and 1.911 nats a new word; 12 costs 2.173 and 1.897, and 20
costs 2.166 and 1.945. A word counted as new if it occurs fewer than 11 times in the other texts, 29
million words. One value serves whether no letter of the word is typed, or one, or two."""
RECENCY = 3.0
"""The weight of a word used `n` such words ago is 1 / (1 + n / RECENCY)."""
NEW_FOLLOWER = 16.0
"""The weight of another word after a name, as a number of uses. On two novels the words after names
save 0.2 points of keys; those after two words with a name among them would save no more."""
MOST_USES = 2000
"""The last uses of new words that count; the weight of an older one is below 0.002."""
WEIGHTS = 1 / (1 + np.arange(MOST_USES) / RECENCY)
"""The weight of each use, the newest first."""
CACHED_LINES = 1024


class Use(NamedTuple):
    """A use of a word that the model does not know, in small letters and as it was written there;
    `is_sure` if it stood within a sentence, so that this is how it is written."""

    word: str
    written: str
    is_sure: bool


class Found(NamedTuple):
    """What lines have: the uses of new words, the oldest first; the words `after` each name in
    small letters, as written; and the last word, if it may be a name since it has a capital."""

    uses: Sequence[Use] = ()
    after: Mapping[str, Sequence[str]] = MappingProxyType({})
    last_name: str = ""


NOTHING = Found()


class Uses(NamedTuple):
    """The last M uses of new words. `forms` has the words, the last used first, each as it is
    written; `sure_forms` those of them that stood within a sentence. `numbers` [M] are the places
    in `forms` of the words used, the newest use first."""

    forms: Mapping[str, str]
    sure_forms: Mapping[str, str]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, found: Sequence[Found]) -> Uses:
        """Merges the uses in lines, the oldest line first."""
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
        """The weights of the words before so many `later` uses, as far as any use has one."""
        weights = WEIGHTS[later : later + len(self.numbers)]
        sums: list[float] = np.bincount(self.numbers[: len(weights)], weights).tolist()
        return sums


@dataclass(frozen=True, eq=False)
class OnPage:
    """What a text says of the word that comes next: for each word that is `new` to the model its
    probability if the next word is unknown; and the words that come next because they are
    `following` a name, with the probability that one does for this reason."""

    new: Mapping[str, float]
    following: Mapping[str, float]


class PageWords:
    """Finds the words of a text that its model does not know, and those that follow names."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer
        self._cached = lru_cache(CACHED_LINES)(self._find)
        self._above: tuple[tuple[Sequence[str], Found], Sequence[Found], Uses] | None = None
        """Lines below which a line was typed, what they have, and this merged."""

    def read(self, lines: Iterable[str]) -> Found:
        """Reads texts that were written earlier, the oldest line first."""
        uses, after = deque[Use](maxlen=MOST_USES), dict[str, list[str]]()
        for found in map(self._find, lines):
            uses.extend(found.uses)
            for name, followers in found.after.items():
                after.setdefault(name, []).extend(followers)
        return Found(uses, after)

    def on_page(self, lines: Sequence[str], earlier: Found = NOTHING) -> OnPage:
        """What comes next after `lines`, the last of which ends before the word that comes. What
        the lines above have is kept merged, since it is asked for at each word of a line."""
        if self._vocabulary.unknown_id is None:
            return OnPage({}, {})
        asked = lines[:-1], earlier
        if self._above is None or self._above[0] != asked:
            found = [earlier, *map(self._cached, lines[:-1])]
            self._above = asked, found, Uses.of(found)
        _, above, uses = self._above
        # The last line grows by a word each time, and would fill the cache.
        page = [*above, *map(self._find, lines[-1:])]
        return OnPage(_new_words(uses, Uses.of(page[-1:])), _followers(page))

    def which_new(self, above: Iterable[str], line: str) -> Iterator[tuple[float, bool]]:
        """Yields for each word of a line below others the chance that a new word there is this one,
        if it is used on the page before, or else one that is not; and whether it is used."""
        words = self._tokenizer.words_as_written(line)
        used = [use.word for each in above for use in self._cached(each).uses]
        places = dict[str, int]()
        numbers = np.empty(len(used) + len(words), np.int64)
        numbers[: len(used)] = [places.setdefault(word, len(places)) for word in used]
        end = len(used)
        for word, written, _ in words:
            recent = numbers[max(0, end - MOST_USES) : end][::-1]
            weights, number = WEIGHTS[: len(recent)], places.get(small := written.lower(), -1)
            weight = float(weights[recent == number].sum())
            yield (weight or UNFAMILIAR) / (UNFAMILIAR + float(weights.sum())), weight > 0
            if self._is_new(word):
                numbers[end] = places.setdefault(small, len(places))
                end += 1

    def _is_new(self, word: str) -> bool:
        """Whether the model does not know this word, and it is one that may be suggested."""
        return word not in self._vocabulary and len(word) > 1 and word[0].isalpha()

    def _find(self, line: str) -> Found:
        uses, after = list[Use](), dict[str, list[str]]()
        name = perhaps_name = ""
        for word, written, is_usual in self._tokenizer.words_as_written(line):
            is_known, small = word in self._vocabulary, written.lower()
            has_capital = written[0].isupper() and written[1:2].isalpha()  # I and I'm have none
            if name and (is_known or written[0].isalnum()):
                after.setdefault(name, []).append(written if is_usual else word)
            if self._is_new(word):
                uses.append(Use(small, written, is_usual))
            is_name = (not is_known and written[0].isalpha()) or (is_usual and has_capital)
            name = small if is_name else ""
            perhaps_name = small if is_name or has_capital else ""
        return Found(uses, after, perhaps_name)


def _new_words(above: Uses, line: Uses) -> dict[str, float]:
    """The chance of each new word if the next word is unknown, by its form on the page."""
    later = above.weights(len(line.numbers))
    of_above, weights = dict(zip(above.forms.values(), later, strict=False)), dict[str, float]()
    for (word, form), weight in zip(line.forms.items(), line.weights(), strict=True):
        best = line.sure_forms.get(word) or above.sure_forms.get(word, form)
        weights[best] = weight + of_above.pop(above.forms.get(word, ""), 0.0)
    weights |= of_above
    total = UNFAMILIAR + sum(weights.values())
    return {form: weight / total for form, weight in weights.items()}


def _followers(found: Sequence[Found]) -> dict[str, float]:
    """The chance of each word that followed the name that ends the last line."""
    after = Counter(word for each in found for word in each.after.get(found[-1].last_name, ()))
    uses = after.total() + NEW_FOLLOWER
    return {word: count / uses for word, count in after.items()}
