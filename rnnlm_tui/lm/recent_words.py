"""The cache of a mixture. It predicts that words that were used not long ago are used again.

A word counts less the longer ago it was used. With a network, each word has a key, which is what
the output layer read before the word. A word then counts more if its key is like the present one;
the likeness is the cosine of the two.

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
"""The factor of the cosine in exp(). After 10,000 words of four books, a cache of 10,000 words with
this factor and HALF_LIFE costs 0.04 to 0.08 nats a word less than one of 2,000 words with a factor
of 12 and a half-life of 500. As keys, the inputs of the output layer cost 0.01 to 0.03 nats a word
less than the states of the last layer."""
HALF_LIFE, HALF_LIFE_ALONE = 2000, 100
"""The half-life of a word in the cache, in words, with and without a network."""
FULL_AT = 2000
"""A cache of n words has the share n / (n + FULL_AT) of its weight. On four books the best weight
rises in this way from 0.06 for 400 words to 0.19 for 10,000."""
JOINED_AT_ONCE = 128
"""The number of latest words that are joined to the arrays at once."""


class Recent(NamedTuple):
    """The last words of a text, as a state of the cache."""

    words: NDArray[np.int64]
    """The ids of the words [M] but for the latest ones. Consecutive states share this array and
    `keys`. With arrays of their own, the latest states of a text would take 90 MB."""
    keys: Array
    """The keys of these words [M, K], which are unit vectors."""
    latest: tuple[tuple[int, Array], ...] = ()
    """The latest words, fewer than JOINED_AT_ONCE, each with its key."""
    query: Array | None = None
    """The key of the next word; None before the first word."""

    @property
    def length(self) -> int:
        """The number of words, at most CACHE_WORDS."""
        return min(CACHE_WORDS, len(self.words) + len(self.latest))

    @property
    def fullness(self) -> float:
        """The share of its weight that the cache has."""
        return self.length / (self.length + FULL_AT)


class RecentWords:
    """Predicts words that were used not long ago."""

    def __init__(self, total_words: int, network: CausalModel | None) -> None:
        """`network` makes the keys; without it all words are alike but for their age."""
        self._total_words, self._network = total_words, network
        self._no_query = self._keys([network.start] if network else [None])[0]
        no_keys = np.empty((0, len(self._no_query)), np.float32)
        self.start = Recent(np.empty(0, np.int64), no_keys)
        half_life = HALF_LIFE if network else HALF_LIFE_ALONE
        likeness = f"exp({SHARPNESS:g} cos(k_then, k_now)) " if network else ""
        self.formula = f"p ~ sum over its uses of {likeness}0.5^(age / {half_life:,})"
        decays = 0.5 ** (np.arange(CACHE_WORDS)[::-1] / half_life)
        self._decays = decays.astype(np.float32)  # the oldest word first

    def _keys(self, states: Sequence[State]) -> Array:
        """The keys [N, K] of states of the network."""
        if self._network is None:
            return np.empty((len(states), 0), np.float32)
        return self._network.keys(states)

    def advance(
        self, recent: Recent, ids: Sequence[int], own_states: Sequence[State]
    ) -> list[Recent]:
        """The states after each of these ids, given the states of the network there. The first id
        of a text, the start of a line, has no key and is not kept."""
        states = []
        for number, query in zip(ids, self._keys(own_states), strict=True):
            words, keys, latest, key = recent
            if key is not None:
                # Before the start of a line, the model predicts the end of the line before.
                latest = (*latest, (END_ID if number == BEGIN_ID else number, key))
            if len(latest) == JOINED_AT_ONCE:
                new_words, new_keys = zip(*latest, strict=True)
                words = np.concatenate((words, new_words))[-CACHE_WORDS:]
                keys = np.concatenate((keys, np.stack(new_keys)))[-CACHE_WORDS:]
                latest = ()
            recent = Recent(words, keys, latest, query)
            states.append(recent)
        return states

    def predict(self, states: Sequence[Recent]) -> Iterator[Array]:
        """Yields the distribution [V] after each state. It is zero while there are no words."""
        for _, same_keys in groupby(states, lambda recent: id(recent.keys)):
            yield from self._predict_together([*same_keys])

    def _predict_together(self, states: Sequence[Recent]) -> Iterator[Array]:
        """As `predict`, for states with the same keys."""
        queries = np.stack([self._no_query if s.query is None else s.query for s in states])
        of_shared = queries @ states[0].keys.T
        for state, query, shared in zip(states, queries, of_shared, strict=True):
            words, cosines = state.words, shared
            if state.latest:
                new_words, keys = zip(*state.latest, strict=True)
                words = np.concatenate((words, new_words))[-CACHE_WORDS:]
                cosines = np.concatenate((shared, np.stack(keys) @ query))[-CACHE_WORDS:]
            similarities = np.exp(SHARPNESS * cosines)
            similarities *= self._decays[CACHE_WORDS - len(words) :]
            sums = np.bincount(words, similarities, self._total_words)
            yield np.asarray(sums / (sums.sum() or 1), np.float32)
