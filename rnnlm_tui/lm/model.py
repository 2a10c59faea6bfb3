"""The interface of language models, and functions on distributions.

Shapes: N ids, E embedding, V vocabulary (`total_words`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LONGEST_CONTEXT
from rnnlm_tui.lm.page_words import PageWords
from rnnlm_tui.text.slips import NeighbourKeys, neighbour_keys
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
"""The weights of a network by name."""
Arrays = Mapping[str, NDArray[Any]]
"""Arrays of any types by name."""
State: TypeAlias = Any
"""The state of a model after a text. Each kind of model has a type of its own. A state never
changes."""
SMALLEST_FLOAT = float(np.finfo(np.float32).tiny)
"""The smallest normal 32-bit float. It stands in for a divisor of 0."""
LIKELY = 1e-4
"""The least probability of a likely word. If there are enough, `largest` looks only at these."""
READ_AT_ONCE = 256
"""The number of words that are read together, and predicted together by a mixture. It limits the
memory that a long line takes."""


@dataclass(frozen=True)
class Unwanted:
    """Returns True for a word that the user does not want suggested. An entry of `words` in small
    letters stands for the word in any case: `will` for Will and WILL too. An entry with a capital
    stands for itself alone."""

    words: frozenset[str] = frozenset()

    def __call__(self, word: str) -> bool:
        return word in self.words or word.lower() in self.words


class LanguageModel(ABC):
    """Predicts the next word of a text that it reads. Each word that is read leads from one state
    to the next. States never change, so callers can keep a state and continue from it more than
    once. The model itself remembers nothing."""

    window = LONGEST_CONTEXT
    """The number of words of context that the model sees."""
    uses_lines_above: bool = False
    """True if the lines above a line are part of the context."""
    start: State
    """The state before the first word."""

    def __init__(
        self, vocabulary: Vocabulary, tokenizer: Tokenizer, blocked_words: Iterable[str] = ()
    ) -> None:
        """`blocked_words` are words of the vocabulary that are never suggested."""
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.blocked_ids = blocked_ids_of(vocabulary, tokenizer, blocked_words)
        """The ids that are never suggested."""

    @abstractmethod
    def advance(self, state: State, ids: Sequence[int]) -> list[State]:
        """Reads ids from `state` on. Returns the state after each id. If the vocabulary has a
        start-of-line token, each line begins with it. A model that uses lines above may read
        several lines: `[<s>, w, w, <s>, w]`. Ends of lines are predicted but never read."""

    @abstractmethod
    def predict(self, states: Iterable[State], *, bounds: bool = False) -> Iterator[Array]:
        """Yields the distribution [V] after each state. Many are computed together, so `states` are
        read ahead. Do not modify the arrays. With `bounds` the ids `in_tail` may get an upper bound
        in place of their probability. This takes less time."""

    @cached_property
    def in_tail(self) -> NDArray[np.bool_]:
        """True for the ids [V] of which `predict` may yield upper bounds."""
        return np.zeros(self.vocabulary.total_words, np.bool_)

    @cached_property
    def neighbour_keys(self) -> NeighbourKeys:
        """The pairs of letters whose keys touch on the keyboard of the model's language."""
        return neighbour_keys(self.vocabulary.words)

    @cached_property
    def page_words(self) -> PageWords:
        """Finds the words that a text takes from itself."""
        return PageWords(self.vocabulary, self.tokenizer)

    def read(self, state: State, ids: Sequence[int]) -> Iterator[State]:
        """Yields the states that `advance` returns, and computes READ_AT_ONCE of them together."""
        states = [state]
        for begin in range(0, len(ids), READ_AT_ONCE):
            states = self.advance(states[-1], ids[begin : begin + READ_AT_ONCE])
            yield from states

    def state_after(self, state: State, ids: Sequence[int]) -> State:
        """Reads ids from `state` on. Returns the state after the last id."""
        last = deque(self.read(state, ids), maxlen=1)
        return last[0] if last else state

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """Returns the distribution [V] after `context`, which begins a text."""
        return next(self.predict([self.state_after(self.start, context)]))


class WindowModel(LanguageModel):
    """A model that predicts from the last `window` words alone. They are its state."""

    start: tuple[int, ...] = ()

    def advance(self, state: tuple[int, ...], ids: Sequence[int]) -> list[tuple[int, ...]]:
        words = (*state, *ids)
        ends = range(len(state) + 1, len(words) + 1)
        return [words[max(0, end - self.window) : end] for end in ends]

    def predict(
        self, states: Iterable[tuple[int, ...]], *, bounds: bool = False
    ) -> Iterator[Array]:
        return map(self.next_word_probabilities, states)

    @abstractmethod
    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """Returns the distribution [V] after the last words of `context`."""


class NetworkModel(LanguageModel):
    """A neural network. It has an embedding of E numbers for each id."""

    weights: Weights

    @abstractmethod
    def embed(self, ids: NDArray[np.int64]) -> Array:
        """Returns the embeddings [N, E] of ids [N]."""

    def similarities(self, word: int) -> Array:
        """Returns the cosine similarity [V] of the embedding of each id to that of the id `word`.
        It is 0 for an embedding of zeros. For 36,000 words with an adaptive softmax this takes 60
        ms and 50 MB."""
        rows = self.embed(np.arange(self.vocabulary.total_words))
        lengths = np.linalg.norm(rows, axis=1)
        return np.asarray(rows @ rows[word] / np.maximum(lengths * lengths[word], SMALLEST_FLOAT))


def in_batches(states: Iterable[State], size: int) -> Iterator[list[State]]:
    """Yields the states in lists of `size`. The last list may be shorter."""
    remaining = iter(states)
    while batch := list(islice(remaining, size)):
        yield batch


def blocked_ids_of(
    vocabulary: Vocabulary, tokenizer: Tokenizer, blocked_words: Iterable[str] = ()
) -> tuple[int, ...]:
    """Returns the ids that a model never suggests: padding, special tokens and the `blocked_words`.
    If its tokenizer does not write text (`writes_text`), punctuation marks are among them. The
    lesson's model, which has no special tokens, suggests all its words."""
    blocked = [*range(vocabulary.first_word_id)]
    blocked += [vocabulary.id_by_word[word] for word in blocked_words if word in vocabulary]
    if vocabulary.special_tokens and not tokenizer.writes_text:
        blocked += np.flatnonzero(vocabulary.mask(tokenizer.is_mark)).tolist()
    return tuple(blocked)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Computes exp(logits) / sum(exp(logits)) along the last axis, in place and without
    overflow."""
    logits -= logits.max(-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(-1, keepdims=True)
    return logits


def largest(values: NDArray[np.floating[Any]], k: int) -> NDArray[np.int64]:
    """Returns the places of the `k` largest values, the largest first. Of equal values it takes the
    first ones, which are more frequent words. `np.partition` alone would take any of them."""
    if len(values) <= k:
        return np.argsort(-values, kind="stable")
    large = np.flatnonzero(values >= LIKELY)
    if k <= len(large) < len(values):  # a partition of 30,000 words takes 0.1 ms
        return large[largest(values[large], k)]
    least = np.partition(values, len(values) - k)[len(values) - k]
    likeliest = np.flatnonzero(values >= least)
    return likeliest[np.argsort(-values[likeliest], kind="stable")[:k]]
