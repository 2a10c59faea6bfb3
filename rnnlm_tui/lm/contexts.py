"""What a model predicts after the contexts that it was asked about last.

Who asks again and again while a text is written keeps a `Contexts`, so that another word costs one
step of a network, and the letters of a word none.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, tee
from typing import Any, TypeVar

from rnnlm_tui.config import MAX_WORDS
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Array, LanguageModel, State, Unwanted
from rnnlm_tui.lm.page_words import NOTHING, OnPage
from rnnlm_tui.lm.recent_words import CACHE_WORDS
from rnnlm_tui.text.vocabulary import BEGIN_ID

KEY_WORDS = 500
"""The last words of a context tell it from others. A state hardly depends on the words before
these, so that dropping the first lines of a long text does not mean to read the rest again."""
STATES = 512
"""States that are kept. A suggestion takes up to five."""
DISTRIBUTIONS = 12
"""Distributions that are kept: 2.3 MB for 48,000 words. A suggestion asks for up to four."""

Key = bytes
"""The ids as an array in memory: 512 tuples of 500 integers take 15 MB, these 1 MB."""
T = TypeVar("T")


class Contexts:
    """The states of a model after recent contexts, and its predictions there. Only one thread at a
    time may use it."""

    def __init__(
        self, model: LanguageModel, unwanted: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        """`unwanted` returns the words that the user wants never suggested, which may change."""
        self.model, self._start = model, model.start
        self._unwanted = unwanted
        self._earlier = NOTHING
        self._states: dict[Key, State] = {}
        self._distributions: dict[Key, Array] = {}
        self.lists: tuple[object, Any] | None = None
        """A place of a text, and the lists of words there that `suggest` keeps from one letter of a
        word to the next."""

    @property
    def unwanted(self) -> Unwanted:
        """Tells which words are not to be suggested."""
        words, tokenizer = self._unwanted(), self.model.tokenizer
        if words and not tokenizer.writes_text:  # it may have small letters alone
            words |= {word.lower() for word in words if tokenizer.words(word) == [word.lower()]}
        return Unwanted(words)

    def read_earlier(self, lines: Iterable[str]) -> None:
        """Reads texts that were written earlier, before anything else is asked, the oldest line
        first: their last words fill the cache of a mixture, and words that the model does not know
        are known from all of them."""
        model, (lines, same_lines) = self.model, tee(lines)
        self.read_new_words(lines)
        if isinstance(model, MixedModel):
            ids = deque[int](maxlen=CACHE_WORDS)
            for line in [*same_lines][-CACHE_WORDS:]:
                if of_line := model.vocabulary.encode(model.tokenizer.words_above(line)):
                    ids.extend((BEGIN_ID, *of_line))
            self._start = model.start_below(ids)

    def read_new_words(self, lines: Iterable[str]) -> None:
        """From now on knows the words of these lines that the model does not know."""
        self.lists = None
        self._earlier = self.model.page_words.read(lines)

    def on_page(self, lines: tuple[str, ...]) -> OnPage:
        """What the text up to the word that comes next says of it, with the earlier texts."""
        return self.model.page_words.on_page(lines, self._earlier)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after `context`. It must not be modified."""
        key = _key(context, len(context))
        distribution = self._distributions.pop(key, None)
        if distribution is None:
            distribution = next(self.model.predict([self.state_after(context)]))
        _keep(self._distributions, key, distribution, DISTRIBUTIONS)
        return distribution

    def along(self, context: Sequence[int], ids: Sequence[int]) -> Iterator[Array]:
        """Yields the distributions after `context` and after each of the `ids` that follow, which
        are computed together, and keeps each for who asks for it before the next."""
        start, read = self.state_after(context), [*context, *ids]
        states, same_states = tee(chain([start], self.model.read(start, ids)))
        places = zip(same_states, self.model.predict(states), strict=True)
        for end, (state, distribution) in enumerate(places, start=len(context)):
            key = _key(read, end)
            _keep(self._states, key, state, STATES)
            _keep(self._distributions, key, distribution, DISTRIBUTIONS)
            yield distribution

    def state_after(self, context: Sequence[int]) -> State:
        """The state after `context`, read on from its longest beginning that was read."""
        begin, state = max(0, len(context) - MAX_WORDS), self._start
        for end in range(len(context), begin, -1):
            key = _key(context, end)
            if key in self._states:
                begin, state = end, self._states.pop(key)
                _keep(self._states, key, state, STATES)
                break
        for end, after in enumerate(self.model.read(state, context[begin:]), start=begin + 1):
            _keep(self._states, _key(context, end), after, STATES)
            state = after
        return state


def _key(context: Sequence[int], end: int) -> Key:
    """The key of the first `end` ids of a context."""
    return array("i", context[max(0, end - KEY_WORDS) : end]).tobytes()


def _keep(entries: dict[Key, T], key: Key, value: T, most: int) -> None:
    """Adds the newest entry, and drops the oldest if there are too many."""
    entries[key] = value
    if len(entries) > most:
        del entries[next(iter(entries))]
