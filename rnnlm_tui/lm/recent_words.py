"""The cache of a mixture. It predicts that recent words are used again.

A word counts less the longer ago it was used. With a network, each word also has a key: the input
of the output layer when the network predicted the word. A word counts more if its key is similar to
the present key. The similarity is the cosine of the two keys.

Sources: E. Grave, A. Joulin and N. Usunier, "Improving neural language models with a continuous
cache", 2017; for n-grams alone R. Kuhn and R. De Mori, "A cache-based natural language model for
speech recognition", 1990.

Shapes: N states, M words, K numbers of a key (0 without a network), V vocabulary (`total_words`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.model import Array, State
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID

CACHE_WORDS = 10_000
"""The most words in the cache."""
SHARPNESS = 20.0
"""The factor of the cosine in exp(). After 10,000 words of four books, a cache of 2,000 words with
factor 12 and half-life 500 costs 0.04 to 0.08 nats a word more than one with the values here. If
the keys are the states of the last layer, it costs 0.01 to 0.03 nats a word more."""
HALF_LIFE = 2000
"""The half-life of a word in the cache with a network, in words."""
HALF_LIFE_ALONE = 100
"""The half-life of a word in the cache without a network, in words."""
FULL_AT = 2000
"""The weight of a cache of n words is multiplied by n / (n + FULL_AT). On four books the best
weight rises like this from 0.06 for 400 words to 0.19 for 10,000."""
JOINED_AT_ONCE = 128
"""The number of `latest` words that are joined to the arrays of a state in one go."""


class Recent(NamedTuple):
    """The last words of a text, as a state of the cache."""

    words: NDArray[np.int64]
    """The ids of the words [M], without the `latest` ones. Consecutive states share this array and
    `keys`. With arrays of their own, the states of a text that are kept would take 90 MB."""
    keys: Array
    """The keys of the `words` [M, K]. A key is a unit vector."""
    latest: tuple[tuple[int, Array], ...] = ()
    """The id and the key of each word after `words`. There are fewer than JOINED_AT_ONCE."""
    query: Array | None = None
    """The key of the next word; None before the first word."""

    @property
    def length(self) -> int:
        """The number of words, at most CACHE_WORDS."""
        return min(CACHE_WORDS, len(self.words) + len(self.latest))

    @property
    def fullness(self) -> float:
        """The factor for the weight of the cache, from 0 to 1."""
        return self.length / (self.length + FULL_AT)


class RecentWords:
    """Predicts words that were used not long ago."""

    def __init__(self, total_words: int, network: CausalModel | None) -> None:
        """`network` makes the keys. Without it words differ only in their age."""
        self._total_words, self._network = total_words, network
        self._first_query = self._keys([network.start] if network else [None])[0]
        """The key by which the first word of a text is predicted."""
        no_keys = np.empty((0, len(self._first_query)), np.float32)
        self.start = Recent(np.empty(0, np.int64), no_keys)
        half_life = HALF_LIFE if network else HALF_LIFE_ALONE
        likeness = f"exp({SHARPNESS:g} cos(k_then, k_now)) " if network else ""
        self.formula = f"p ~ sum over its uses of {likeness}0.5^(age / {half_life:,})"
        decays = 0.5 ** (np.arange(CACHE_WORDS)[::-1] / half_life)  # the oldest word first
        self._decays = decays.astype(np.float32)

    def _keys(self, states: Sequence[State]) -> Array:
        """Returns the keys [N, K] of states of the network."""
        if self._network is None:
            return np.empty((len(states), 0), np.float32)
        return self._network.keys(states)

    def advance(
        self, recent: Recent, ids: Sequence[int], own_states: Sequence[State]
    ) -> list[Recent]:
        """Returns the state of the cache after each of the `ids`. `own_states` are the states of
        the network after them. The first id of a text is not kept. It is the start of a line."""
        states = []
        for word_id, next_query in zip(ids, self._keys(own_states), strict=True):
            words, keys, latest, query = recent
            if query is not None:  # the key of the next word becomes the key of this word
                # Before the start of a line, the model predicts the end of the line before.
                latest = (*latest, (END_ID if word_id == BEGIN_ID else word_id, query))
            if len(latest) == JOINED_AT_ONCE:
                new_words, new_keys = zip(*latest, strict=True)
                words = np.concatenate((words, new_words))[-CACHE_WORDS:]
                keys = np.concatenate((keys, np.array(new_keys)))[-CACHE_WORDS:]
                latest = ()
            recent = Recent(words, keys, latest, next_query)
            states.append(recent)
        return states

    def predict(self, states: Sequence[Recent]) -> Iterator[Array]:
        """Yields the distribution [V] after each state. All its values are 0 while the cache has no
        words."""
        for _, group in groupby(states, lambda recent: id(recent.keys)):
            together = [*group]  # states with the same `keys`
            queries = [self._first_query if s.query is None else s.query for s in together]
            rows = np.array(queries) @ together[0].keys.T  # [N, M]
            for state, query, row in zip(together, queries, rows, strict=True):
                words, cosines = state.words, row
                if state.latest:
                    new_words, keys = zip(*state.latest, strict=True)
                    words = np.concatenate((words, new_words))[-CACHE_WORDS:]
                    cosines = np.concatenate((row, np.array(keys) @ query))[-CACHE_WORDS:]
                weights = np.exp(SHARPNESS * cosines)
                weights *= self._decays[CACHE_WORDS - len(words) :]
                sums = np.bincount(words, weights, self._total_words)
                yield np.asarray(sums / (sums.sum() or 1), np.float32)
