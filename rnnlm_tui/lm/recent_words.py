"""The cache of a mixture: words that were used not long ago are used again.

With a network, a word counts more if what the output layer read before it was like what it reads
now; the likeness is the cosine of the two. It counts less the longer ago it was used.

Sources: E. Grave, A. Joulin and N. Usunier, "Improving neural language models with a continuous
cache", 2017; for n-grams alone R. Kuhn and R. De Mori, "A cache-based natural language model for
speech recognition", 1990.

Shapes: M words, K numbers of a key, 0 without a network, V vocabulary (`total_words`).
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
"""Words in the cache."""
SHARPNESS = 20.0
"""The factor of the cosine in exp(). Below 10,000 words of four books, 10,000 words that fade by
halves in 2,000 save 0.04 to 0.08 nats a word of 2,000 words with a factor of 12 and a half-life of
500; what the output layer reads tells places apart 0.01 to 0.03 nats better than the states of the
last layer do."""
HALF_LIFE, HALF_LIFE_ALONE = 2000, 100
"""The half-life of a word in the cache, in words, with and without a network."""
FULL_AT = 2000
"""With `n` words in it the cache has n / (n + FULL_AT) of its weight. On four books the best weight
rises so from 0.06 for 400 words to 0.19 for 10,000."""
TOGETHER = 128
"""Words that are added to those before at once."""


class Recent(NamedTuple):
    """The last words of a text [M], each with its key [M, K], a unit vector: what the output layer
    read before it. Fewer than TOGETHER are the `latest`, so that states share the arrays: with
    arrays of its own in each, a writer's latest states took 90 MB. `query` is the key of the word
    that comes; None before the first."""

    words: NDArray[np.int64]
    keys: Array
    latest: tuple[tuple[int, Array], ...] = ()
    query: Array | None = None

    @property
    def length(self) -> int:
        """The number of words, at most CACHE_WORDS."""
        return min(CACHE_WORDS, len(self.words) + len(self.latest))

    @property
    def fullness(self) -> float:
        """The share of its weight that a cache of these words has."""
        return self.length / (self.length + FULL_AT)


class RecentWords:
    """Predicts words that were used not long ago."""

    def __init__(self, total_words: int, network: CausalModel | None) -> None:
        self._total_words, self._network = total_words, network
        self._no_query = self._keys([network.start] if network else [None])[0]
        self.start = Recent(np.empty(0, np.int64), self._no_query[None][:0])
        half_life = HALF_LIFE if network else HALF_LIFE_ALONE
        decays = 0.5 ** (np.arange(CACHE_WORDS)[::-1] / half_life)
        self._decays = decays.astype(np.float32)  # the oldest word first

    def _keys(self, states: Sequence[State]) -> Array:
        """The keys [N, K] in states of the network."""
        if self._network is None:
            return np.empty((len(states), 0), np.float32)
        return self._network.keys(states)

    def advance(
        self, recent: Recent, ids: Sequence[int], own_states: Sequence[State]
    ) -> list[Recent]:
        """The states after each of these ids, given those of the network. The first id of a text,
        which starts its first line, is not kept."""
        states = []
        for number, query in zip(ids, self._keys(own_states), strict=True):
            words, keys, latest, before = recent
            if before is not None:
                # What precedes the start of a line is predicted to end the line before.
                latest = (*latest, (END_ID if number == BEGIN_ID else number, before))
            if len(latest) == TOGETHER:
                new_words, new_keys = zip(*latest, strict=True)
                words = np.concatenate((words, new_words))[-CACHE_WORDS:]
                keys = np.concatenate((keys, np.stack(new_keys)))[-CACHE_WORDS:]
                latest = ()
            recent = Recent(words, keys, latest, query)
            states.append(recent)
        return states

    def predict(self, states: Sequence[Recent]) -> Iterator[Array]:
        """Yields the distribution [V] after each state; zero while there are no words."""
        for _, same_keys in groupby(states, lambda recent: id(recent.keys)):
            yield from self._predict_together([*same_keys])

    def _predict_together(self, states: Sequence[Recent]) -> Iterator[Array]:
        """The same for states that share their keys."""
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
