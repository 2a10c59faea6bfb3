"""Keeps the states and predictions of a model for recent contexts.

Callers that ask repeatedly about a growing text should keep one `Contexts` and pass it each time.
One more word of the text then costs one step of a network, and one more letter costs none.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, tee
from typing import Any, TypeVar

from rnnlm_tui.config import LONGEST_CONTEXT
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Array, LanguageModel, State, Unwanted
from rnnlm_tui.lm.page_words import NO_FINDINGS, OnPage
from rnnlm_tui.lm.recent_words import CACHE_WORDS
from rnnlm_tui.text.vocabulary import BEGIN_ID

KEY_WORDS = 500
"""The number of last words by which a context is recognised. A state hardly depends on earlier
words, so a long text whose first lines are dropped is not read again."""
STATES_KEPT = 512
"""The number of states that are kept. A suggestion takes up to five."""
DISTRIBUTIONS_KEPT = 6
"""The number of distributions that are kept: 1.2 MB for 48,000 words. A suggestion mostly takes
one or two."""

Key = bytes
"""The bytes of an array of the last ids of a context. 512 keys take 1 MB, and 512 tuples of 500
integers would take 15 MB."""
AnyKey = TypeVar("AnyKey")
Kept = TypeVar("Kept")


class Contexts:
    """The states of a model after recent contexts, and its predictions there. Only one thread may
    use it at a time."""

    def __init__(
        self, model: LanguageModel, unwanted: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        """`unwanted` returns the words that the user does not want suggested. It is called each
        time, because they may change."""
        self.model, self._start = model, model.start
        self._unwanted = unwanted
        self._earlier = NO_FINDINGS  # the findings in texts that were written earlier
        self._states: dict[Key, State] = {}
        self._distributions: dict[Key, Array] = {}
        self._likeliest: dict[tuple[Key, float], int | None] = {}
        self.lists: tuple[object, Any] | None = None
        """The place of the word being typed and its `WordLists`, kept by `suggest.lists_for`."""

    def for_other_thread(self) -> Contexts:
        """Returns contexts of the same model, which has read the same earlier texts."""
        other = Contexts(self.model, self._unwanted)
        other._start, other._earlier = self._start, self._earlier
        return other

    @property
    def unwanted(self) -> Unwanted:
        """The words that the user does not want suggested."""
        words, tokenizer = self._unwanted(), self.model.tokenizer
        if words and not tokenizer.writes_text:  # the vocabulary may spell Will `will`
            words |= {word.lower() for word in words if tokenizer.words(word) == [word.lower()]}
        return Unwanted(words)

    def read_earlier(self, lines: Iterable[str]) -> None:
        """Reads texts that were written earlier, the oldest line first. Call it before all other
        methods. Their words are then suggested, even if the model does not know them. Their last
        words fill the cache of a mixture."""
        lines = [*lines]
        self.read_new_words(lines)
        model = self.model
        if isinstance(model, MixedModel):
            ids = deque[int](maxlen=CACHE_WORDS)
            for line in lines[-CACHE_WORDS:]:
                line_ids = model.vocabulary.encode(model.tokenizer.words_above(line))
                if line_ids:
                    ids.extend((BEGIN_ID, *line_ids))
            self._start = model.start_below(ids)

    def read_new_words(self, lines: Iterable[str]) -> None:
        """Reads the new words of these lines. `on_page` returns them, too, from then on."""
        self.lists = None
        self._earlier = self.model.page_words.read(lines)

    def on_page(self, lines: tuple[str, ...]) -> OnPage:
        """Returns the words of a page and of the earlier texts that may be next. The last of
        `lines` ends before the next word."""
        return self.model.page_words.on_page(lines, self._earlier)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """Returns the distribution [V] after `context`. Do not modify it."""
        key = _key(context, len(context))
        distribution = self._distributions.pop(key, None)
        if distribution is None:
            distribution = next(self.model.predict([self.state_after(context)]))
        _keep(self._distributions, key, distribution, DISTRIBUTIONS_KEPT)
        return distribution

    def likeliest(self, context: Sequence[int], least: float) -> int | None:
        """Returns the likeliest id after `context`, or None if it is less likely than `least`."""
        key = _key(context, len(context))
        if (key, least) not in self._likeliest:
            probabilities = self._distributions.get(key)
            if probabilities is None:
                probabilities = next(self.model.predict([self.state_after(context)], bounds=True))
            best = int(probabilities.argmax())
            # An upper bound below `least` is enough. Above it, the probability itself decides.
            if probabilities[best] >= least and self.model.in_tail[best]:
                probabilities = self.next_word_probabilities(context)
                best = int(probabilities.argmax())
            found = best if probabilities[best] >= least else None
            _keep(self._likeliest, (key, least), found, STATES_KEPT)
        return self._likeliest[key, least]

    def predict_along(self, context: Sequence[int], ids: Sequence[int]) -> Iterator[Array]:
        """Yields the distributions after `context` and after each of the `ids` that follow it. They
        are computed together. A distribution is kept when it is yielded, so
        `next_word_probabilities` does not compute it again."""
        start = self.state_after(context)
        all_ids = [*context, *ids]
        states, same_states = tee(chain([start], self.model.read(start, ids)))
        places = zip(same_states, self.model.predict(states), strict=True)
        for end, (state, distribution) in enumerate(places, start=len(context)):
            key = _key(all_ids, end)
            _keep(self._states, key, state, STATES_KEPT)
            _keep(self._distributions, key, distribution, DISTRIBUTIONS_KEPT)
            yield distribution

    def state_after(self, context: Sequence[int]) -> State:
        """Returns the state after `context`. The model starts from the longest beginning whose
        state is kept, and reads the rest."""
        begin, state = max(0, len(context) - LONGEST_CONTEXT), self._start
        for end in range(len(context), begin, -1):
            key = _key(context, end)
            if key in self._states:
                begin, state = end, self._states.pop(key)
                _keep(self._states, key, state, STATES_KEPT)
                break
        for end, after in enumerate(self.model.read(state, context[begin:]), start=begin + 1):
            _keep(self._states, _key(context, end), after, STATES_KEPT)
            state = after
        return state


def _key(context: Sequence[int], end: int) -> Key:
    """Returns the key of the first `end` ids of `context`."""
    return array("i", context[max(0, end - KEY_WORDS) : end]).tobytes()


def _keep(entries: dict[AnyKey, Kept], key: AnyKey, value: Kept, most: int) -> None:
    """Adds an entry, and drops the oldest one if there are more than `most`."""
    entries[key] = value
    if len(entries) > most:
        del entries[next(iter(entries))]
