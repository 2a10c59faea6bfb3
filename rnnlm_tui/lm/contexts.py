"""What a model predicts after the contexts that it was asked about last.

Who asks again and again while a text is written keeps a `Contexts`, so that another word costs one
step of a network, and the letters of a word none.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TypeVar

from rnnlm_tui.lm.model import Array, LanguageModel, State

KEY_WORDS = 500
"""The last words of a context tell it from others. A state hardly depends on the words before
these, so that dropping the first lines of a long text does not mean to read the rest again."""
MAX_WORDS = 3000
"""Words of context that are read if no state of it is kept: enough to fill the cache of a
mixture."""
STATES = 512
"""States that are kept. A suggestion takes up to five."""
STATES_OF_ONE_READING = 64
"""Of these, how many of one long context: a writer changes its last words."""
DISTRIBUTIONS_BYTES = 2 << 20
"""Size of the distributions that are kept: 52 for 10,000 words, 17 for 30,000."""
FEWEST_DISTRIBUTIONS = 8

Key = bytes
"""The ids as an array in memory: 512 tuples of 500 integers take 15 MB, these 1 MB."""
T = TypeVar("T")


class Contexts:
    """The states of a model after recent contexts, and its predictions there. Only one thread at a
    time may use it."""

    def __init__(self, model: LanguageModel, start: State = None) -> None:
        """Contexts are read from the state `start` on, by default that of the model."""
        self.model = model
        self._start = model.start if start is None else start
        self._states: dict[Key, State] = {}
        self._distributions: dict[Key, Array] = {}
        size = 4 * model.vocabulary.total_words
        self._most_distributions = max(FEWEST_DISTRIBUTIONS, DISTRIBUTIONS_BYTES // size)

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after `context`. It must not be modified."""
        key = _key(context, len(context))
        distribution = self._distributions.pop(key, None)
        if distribution is None:
            distribution = next(self.model.predict([self.state_after(context)]))
        _keep(self._distributions, key, distribution, self._most_distributions)
        return distribution

    def keep(self, ids: Sequence[int], end: int, state: State, distribution: Array) -> None:
        """Keeps what was computed elsewhere for the first `end` of these ids."""
        key = _key(ids, end)
        _keep(self._states, key, state, STATES)
        _keep(self._distributions, key, distribution, self._most_distributions)

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
            if len(context) - end < STATES_OF_ONE_READING:
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
