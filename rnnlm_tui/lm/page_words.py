"""Words that a text takes from itself: those that its model does not know, and what follows names.

A word that the model does not know is as likely as the unknown word, times the chance that this is
a word used before: w / (W + UNFAMILIAR), as in a Chinese restaurant process. Here w weighs the uses
of this word and W those of all such words, each by how many of them ago it was. The weight falls as
a power of that number: on 3,500 such words of diaries, letters, notes and novels this costs 2.14
nats a word, a falling by halves 2.26 at best.

A name is followed by what followed it before: `Pen y` by `Fan`.

Sources: for the restaurant D. J. Aldous, "Exchangeability and related topics", 1985; for the power
of the time since the last use J. R. Anderson and L. J. Schooler, "Reflections of the environment in
memory", 1991.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rnnlm_tui.text.tokenizer import Tokenizer
    from rnnlm_tui.text.vocabulary import Vocabulary

UNFAMILIAR = 20.0
"""The weight of a word that was never used. On the same texts 20 fits best whether no letter of the
word is typed, or one, or two; for three letters it is 0.004 nats worse than the best, 40."""
RECENCY = 3.0
"""The weight of a word used `n` such words ago is 1 / (1 + n / RECENCY)."""
NEW_FOLLOWER = {1: 16.0, 2: 8.0}
"""The weight of another word after one word with a name, and after two, as a number of uses."""
MOST_USES = 2000
"""The last uses of new words in earlier texts that count; the weight of others is below 0.002."""
CACHED_LINES = 1024
Followed: TypeAlias = tuple[str, ...]
"""One or two words, with a name among them."""


class _Line(NamedTuple):
    """The new words of a line, each with the form it was written in and whether that is its form
    within a sentence; the words after names, as written; and what ends the line and may be a name
    there, since it has a capital."""

    new: tuple[tuple[str, str, bool], ...]
    after: Mapping[Followed, tuple[str, ...]]
    end: tuple[Followed, ...]


@dataclass(frozen=True, eq=False)
class EarlierWords:
    """What texts have that were written earlier.

    `forms` are their new words, in the form of the last use, by the words in lower case. `uses`
    are their last uses, the newest first, as numbers of these forms.
    """

    forms: Mapping[str, str] = field(default_factory=dict)
    uses: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    after: Mapping[Followed, tuple[str, ...]] = field(default_factory=dict)


NOTHING = EarlierWords()


@dataclass(frozen=True, eq=False)
class OnPage:
    """What a text says of the word that comes next: for each word that is `new` to the model its
    probability if the next word is unknown; and the words that come next because they are
    `following` a name, with the probability that one does for this reason."""

    new: Mapping[str, float]
    following: Mapping[str, float]
    keys: dict[str, str] = field(default_factory=dict)
    """Match keys of these words that were computed already."""


class PageWords:
    """Finds the words of a text that its model does not know, and those that follow names."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer
        self._line = lru_cache(CACHED_LINES)(self._read_line)
        self._last: tuple[tuple[Sequence[str], EarlierWords], OnPage] | None = None

    def read(self, lines: Iterable[str]) -> EarlierWords:
        """Reads texts that were written earlier, the oldest line first."""
        forms, uses = dict[str, str](), deque[str](maxlen=MOST_USES)
        after = dict[Followed, list[str]]()
        for line in map(self._read_line, lines):
            for word, form, is_sure in line.new:
                uses.append(word)
                if is_sure or word not in forms:
                    forms[word] = form
            for names, followers in line.after.items():
                after.setdefault(names, []).extend(followers)
        forms = {word: forms[word] for word in dict.fromkeys(reversed(uses))}
        numbers = {word: number for number, word in enumerate(forms)}
        newest_first = np.array([numbers[word] for word in reversed(uses)], np.int32)
        return EarlierWords(forms, newest_first, {k: tuple(v) for k, v in after.items()})

    def on_page(self, lines: Sequence[str], earlier: EarlierWords = NOTHING) -> OnPage:
        """What comes next after `lines`, the last of which ends before the word that comes. What
        was found for the same lines is kept, since it is asked for at each letter of a word."""
        if self._vocabulary.unknown_id is None:
            return OnPage({}, {})
        asked = lines, earlier
        last = self._last
        if last is None or last[0] != asked:
            # The last line grows by a word each time, and would fill the cache.
            read = [*map(self._line, lines[:-1]), *map(self._read_line, lines[-1:])]
            last = asked, OnPage(_chances(read, earlier), _following(read, earlier))
            self._last = last
        return last[1]

    def _read_line(self, line: str) -> _Line:
        new, after = list[tuple[str, str, bool]](), dict[Followed, list[str]]()
        before: tuple[str, ...] = ()
        ends: tuple[Followed, ...] = ()
        end: tuple[Followed, ...] = ()
        was_name = may_have_been = False
        for word, written, is_usual in self._tokenizer.words_as_written(line):
            is_word = written[0].isalnum()
            is_known = word in self._vocabulary
            form = written if is_usual else word
            if is_word or is_known:
                for names in ends:
                    after.setdefault(names, []).append(form)
            if not is_known and len(word) > 1 and word[0].isalpha():
                new.append((written.lower(), written, is_usual))
            is_name = is_word and _is_name(written, is_known=is_known, is_usual=is_usual)
            lower = written.lower()
            may_be_name = is_name or (written[0].isupper() and written[1:2].isalpha())
            ends = _followed(before, lower, is_name, is_name or was_name)
            end = _followed(before, lower, may_be_name, may_be_name or may_have_been)
            before, was_name, may_have_been = (lower,), is_name, may_be_name
        return _Line(tuple(new), {k: tuple(v) for k, v in after.items()}, end)


def _followed(
    before: tuple[str, ...], word: str, is_one: bool, are_two: bool
) -> tuple[Followed, ...]:
    """The word with the one before it and alone, if these are followed as names."""
    two = ((*before, word),) if before and are_two else ()
    return (*two, (word,)) if is_one else two


def _is_name(written: str, *, is_known: bool, is_usual: bool) -> bool:
    """Whether a word is taken for a name: the model does not know it, or it has a capital within a
    sentence. `I` and `I'm` are none."""
    has_capital = is_usual and written[0].isupper() and written[1:2].isalpha()
    return (not is_known and written[0].isalpha()) or has_capital


def _chances(lines: Sequence[_Line], earlier: EarlierWords) -> dict[str, float]:
    """The chance of each new word if the next word is unknown, by its form on the page."""
    forms, weights = dict[str, str](), dict[str, float]()
    sure, count, total = set[str](), 0, 0.0
    for word, form, is_sure in chain.from_iterable(reversed(line.new) for line in reversed(lines)):
        weight = 1 / (1 + count / RECENCY)
        if word not in forms or (is_sure and word not in sure):
            forms[word] = form
        if is_sure:
            sure.add(word)
        weights[word] = weights.get(word, 0.0) + weight
        count, total = count + 1, total + weight
    if len(earlier.uses):
        of_uses = 1 / (1 + (count + np.arange(len(earlier.uses))) / RECENCY)
        of_words = np.bincount(earlier.uses, of_uses, len(earlier.forms))
        total += float(of_uses.sum())
        for (word, form), weight in zip(earlier.forms.items(), of_words.tolist(), strict=True):
            forms.setdefault(word, form)
            weights[word] = weights.get(word, 0.0) + weight
    return {forms[word]: weight / (total + UNFAMILIAR) for word, weight in weights.items()}


def _following(lines: Sequence[_Line], earlier: EarlierWords) -> dict[str, float]:
    """The words that followed the names that end the last line, two of them before one."""
    for names in lines[-1].end if lines else ():
        found = Counter(_after(names, lines, earlier))
        if found:
            total = found.total() + NEW_FOLLOWER[len(names)]
            return {form: count / total for form, count in found.items()}
    return {}


def _after(names: Followed, lines: Sequence[_Line], earlier: EarlierWords) -> Iterator[str]:
    for after in (*(line.after for line in lines), earlier.after):
        yield from after.get(names, ())
