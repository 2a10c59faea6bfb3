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
from typing import Any, NamedTuple, TypeAlias

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
BLOCK = 64
"""Words of a block."""
MOST_BLOCKS = -(-CACHE_WORDS // BLOCK)
_NO_WORDS = np.empty(0, np.int64)

Entry: TypeAlias = tuple[int, Array]
"""A word and its key [H], the normalized state of the network before it."""


class Block(NamedTuple):
    """As many words [BLOCK] and their keys [BLOCK, H]. All later states share it: with an array of
    2,000 keys in each, a writer's latest states took 90 MB."""

    words: NDArray[np.int64]
    keys: Array


class Recent(NamedTuple):
    """The last words of a text: full blocks, then the `latest` words, fewer than a block has.
    `query` is the normalized state [H] after the last word; None before the first."""

    blocks: tuple[Block, ...] = ()
    latest: tuple[Entry, ...] = ()
    query: Array | None = None

    @property
    def length(self) -> int:
        """The number of words, at most CACHE_WORDS."""
        return min(CACHE_WORDS, BLOCK * len(self.blocks) + len(self.latest))


class RecentWords:
    """Predicts words that were used not long ago."""

    def __init__(self, total_words: int, hidden: int) -> None:
        self._total_words = total_words
        self._half_life = HALF_LIFE if hidden else HALF_LIFE_ALONE
        self._no_query = np.zeros(hidden, np.float32)
        self.start = Recent()

    def advance(self, recent: Recent, ids: Sequence[int], queries: Array) -> list[Recent]:
        """The states after each of these ids. `queries` [n, H] are the normalized states of the
        network after them. The first id of a text, which starts its first line, is not kept."""
        states = []
        for number, query in zip(ids, queries, strict=True):
            blocks, latest = recent.blocks, recent.latest
            if recent.query is not None:
                # What precedes the start of a line is predicted to end the line before.
                word = END_ID if number == BEGIN_ID else number
                latest = (*latest, (word, recent.query))
            if len(latest) == BLOCK:
                words, keys = zip(*latest, strict=True)
                blocks = (*blocks, Block(np.array(words), np.stack(keys)))[-MOST_BLOCKS:]
                latest = ()
            recent = Recent(blocks, latest, query)
            states.append(recent)
        return states

    def predict(self, states: Sequence[Recent]) -> Iterator[Array]:
        """Yields the distribution [V] after each state; zero while there are no words."""
        for _, same_blocks in groupby(states, lambda recent: id(recent.blocks)):
            for batch in in_batches(same_blocks, AT_ONCE):
                yield from self._predict_together(batch)

    def _predict_together(self, states: Sequence[Recent]) -> Iterator[Array]:
        """The same for states with the same blocks."""
        blocks = states[0].blocks
        queries = np.stack([self._no_query if s.query is None else s.query for s in states])
        old_words = np.concatenate([_NO_WORDS, *(block.words for block in blocks)])
        cosines = np.empty((len(states), len(old_words)), np.float32)
        for place, block in enumerate(blocks):
            np.matmul(queries, block.keys.T, cosines[:, BLOCK * place : BLOCK * (place + 1)])
        decays = decays_of_words(CACHE_WORDS, self._half_life)
        for state, query, old_cosines in zip(states, queries, cosines, strict=True):
            words, cosine = old_words, old_cosines
            if state.latest:
                new_words, keys = zip(*state.latest, strict=True)
                words = np.concatenate((words, new_words))
                cosine = np.concatenate((cosine, np.stack(keys) @ query))
            words, cosine = words[-CACHE_WORDS:], cosine[-CACHE_WORDS:]
            similarities = np.exp(SHARPNESS * cosine) * decays[CACHE_WORDS - len(words) :]
            sums = np.bincount(words, similarities, self._total_words)
            yield np.asarray(sums / (sums.sum() or 1), np.float32)


@lru_cache
def decays_of_words(words: int, half_life: int) -> NDArray[Any]:
    """Exponentially decaying weights of words, the oldest first."""
    return np.asarray(0.5 ** (np.arange(words)[::-1] / half_life), np.float32)
