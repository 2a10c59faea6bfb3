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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

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
"""The last uses of new words in earlier texts that count; the weight of others is below 0.002."""
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
        self._last: tuple[tuple[Sequence[str], Found], OnPage] | None = None

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
        was found for the same lines is kept, since it is asked for at each letter of a word."""
        if self._vocabulary.unknown_id is None:
            return OnPage({}, {})
        asked, last = (lines, earlier), self._last
        if last is None or last[0] != asked:
            # The last line grows by a word each time, and would fill the cache.
            page = [*map(self._cached, lines[:-1]), *map(self._find, lines[-1:])]
            last = self._last = asked, OnPage(*_what_comes([earlier, *page]))
        return last[1]

    def _find(self, line: str) -> Found:
        uses, after = list[Use](), dict[str, list[str]]()
        name = perhaps_name = ""
        for word, written, is_usual in self._tokenizer.words_as_written(line):
            is_known, small = word in self._vocabulary, written.lower()
            has_capital = written[0].isupper() and written[1:2].isalpha()  # I and I'm have none
            if name and (is_known or written[0].isalnum()):
                after.setdefault(name, []).append(written if is_usual else word)
            if not is_known and len(word) > 1 and word[0].isalpha():
                uses.append(Use(small, written, is_usual))
            is_name = (not is_known and written[0].isalpha()) or (is_usual and has_capital)
            name = small if is_name else ""
            perhaps_name = small if is_name or has_capital else ""
        return Found(uses, after, perhaps_name)


def _what_comes(found: Sequence[Found]) -> tuple[dict[str, float], dict[str, float]]:
    """The chance of each new word if the next word is unknown, by its form on the page; and of the
    words that followed the name that ends the last line."""
    weights, forms, sure_forms = dict[str, float](), dict[str, str](), dict[str, str]()
    newest_first = chain.from_iterable(reversed(each.uses) for each in reversed(found))
    for count, (word, written, is_sure) in enumerate(newest_first):
        weights[word] = weights.get(word, 0.0) + 1 / (1 + count / RECENCY)
        forms.setdefault(word, written)
        if is_sure:
            sure_forms.setdefault(word, written)
    forms |= sure_forms
    total = UNFAMILIAR + sum(weights.values())
    new = {forms[word]: weight / total for word, weight in weights.items()}
    after = Counter(word for each in found for word in each.after.get(found[-1].last_name, ()))
    uses = after.total() + NEW_FOLLOWER
    return new, {word: count / uses for word, count in after.items()}
