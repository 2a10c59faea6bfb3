"""The cache of a mixture: words that were used not long ago are used again.

With a network, a word counts more if the network's state before it was like the present one; the
likeness is the cosine of the two. It counts less the longer ago it was used.

Sources: E. Grave, A. Joulin and N. Usunier, "Improving neural language models with a continuous
cache", 2017; for n-grams alone R. Kuhn and R. De Mori, "A cache-based natural language model for
speech recognition", 1990.

Shapes: M words, H hidden units of the network, 0 without one, V vocabulary (`total_words`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import Array, in_batches
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID

CACHE_WORDS = 2000
"""Words in the cache."""
SHARPNESS = 12.0
"""The factor of the cosine of two states in exp()."""
HALF_LIFE, HALF_LIFE_ALONE = 500, 100
"""The half-life of a word in the cache, in words, with and without a network. On held-out text of a
million words this lowers the perplexity of the mixture by 1 %."""
AT_ONCE = 64
"""States that are compared with earlier ones together."""
LATEST = 64
"""Words that are kept apart from the others, so that another word copies no array of 2,000."""


class Recent(NamedTuple):
    """The words of a text, each with the normalized state of the network before it, its key: the
    first `end` of `words` [M] and `keys` [M, H], then the `latest` ones. `query` is the
    normalized state after the last word; None before the first."""

    words: NDArray[np.int64]
    keys: Array
    end: int
    latest: tuple[tuple[int, Array], ...]
    query: Array | None

    @property
    def length(self) -> int:
        """The number of words, at most CACHE_WORDS."""
        return min(CACHE_WORDS, self.end + len(self.latest))


class RecentWords:
    """Predicts words that were used not long ago."""

    def __init__(self, total_words: int, hidden: int) -> None:
        self._total_words = total_words
        self._half_life = HALF_LIFE if hidden else HALF_LIFE_ALONE
        no_words, no_keys = np.empty(0, np.int64), np.empty((0, hidden), np.float32)
        self.start = Recent(no_words, no_keys, 0, (), None)

    def advance(self, recent: Recent, ids: Sequence[int], queries: Array) -> list[Recent]:
        """The states after each of these ids. `queries` [n, H] are the normalized states of the
        network after them. The first id of a text, which starts its first line, is not kept."""
        keys, first = queries[:-1], 1
        if recent.query is not None:
            keys, first = np.vstack((recent.query, keys)), 0
        # What precedes the start of a line is predicted to end the line before.
        words = [END_ID if i == BEGIN_ID else i for i in ids[first:]]
        before, latest = len(recent.latest), (*recent.latest, *zip(words, keys, strict=True))
        lengths = range(before + 1 - first, len(latest) + 1)
        if len(latest) <= LATEST:
            return [
                recent._replace(latest=latest[:length], query=query)
                for length, query in zip(lengths, queries, strict=True)
            ]
        old = slice(max(0, recent.end - CACHE_WORDS), recent.end)
        all_words = np.concatenate((recent.words[old], [word for word, _ in latest]))
        all_keys = np.concatenate((recent.keys[old], [key for _, key in latest]))
        old_length = old.stop - old.start
        return [
            Recent(all_words, all_keys, old_length + length, (), query)
            for length, query in zip(lengths, queries, strict=True)
        ]

    def predict(self, states: Sequence[Recent]) -> Iterator[Array]:
        """Yields the distribution [V] after each state; zero while there are no words."""
        for _, same_keys in groupby(states, lambda recent: id(recent.keys)):
            for batch in in_batches(same_keys, AT_ONCE):
                yield from self._predict_together(batch)

    def _predict_together(self, states: Sequence[Recent]) -> Iterator[Array]:
        """The same for states with the same `keys`."""
        no_query = np.zeros_like(self.start.keys, shape=self.start.keys.shape[1])
        queries = np.stack([no_query if s.query is None else s.query for s in states])
        first = max(0, min(state.end for state in states) - CACHE_WORDS)
        last = max(state.end for state in states)
        cosines = queries @ states[0].keys[first:last].T
        decays = decays_of_words(CACHE_WORDS, self._half_life)
        for state, query, with_old in zip(states, queries, cosines, strict=True):
            words, cosine = state.words[first : state.end], with_old[: state.end - first]
            if state.latest:
                words = np.append(words, [word for word, _ in state.latest])
                cosine = np.append(cosine, np.stack([key for _, key in state.latest]) @ query)
            words, cosine = words[-CACHE_WORDS:], cosine[-CACHE_WORDS:]
            similarities = np.exp(SHARPNESS * cosine) * decays[CACHE_WORDS - len(words) :]
            sums = np.bincount(words, similarities, self._total_words)
            yield np.asarray(sums / (sums.sum() or 1), np.float32)


@lru_cache
def decays_of_words(words: int, half_life: int) -> NDArray[Any]:
    """Exponentially decaying weights of words, the oldest first."""
    return np.asarray(0.5 ** (np.arange(words)[::-1] / half_life), np.float32)
