"""The interface of language models."""

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

from rnnlm_tui.config import MAX_WORDS
from rnnlm_tui.lm.page_words import PageWords
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
Arrays = Mapping[str, NDArray[Any]]
State: TypeAlias = Any
"""What a model has read. Each kind of model has a type of its own, whose values never change."""
TINY = float(np.finfo(np.float32).tiny)
LIKELY = 1e-4
"""The words that are likelier than this are few, and usually enough for a list."""
READ_AT_ONCE = 256
"""Words whose states are computed together: bounds the memory for a line of any length."""


@dataclass(frozen=True)
class Unwanted:
    """Tells which words the user wants never suggested. One of `words` in small letters stands for
    all its writings, `will` for Will and WILL too; one with a capital for itself alone."""

    words: frozenset[str] = frozenset()

    def __call__(self, word: str) -> bool:
        return word in self.words or word.lower() in self.words


class LanguageModel(ABC):
    """Predicts the next word of a text that it reads. V is the vocabulary's `total_words`.

    A text is read from one state to the next. States never change: they can be kept, and read on
    from more than once. The model itself remembers nothing.
    """

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    window = MAX_WORDS
    """The number of words of context that the model sees."""
    excluded_ids: tuple[int, ...]
    """Ids that are never suggested; see the function `excluded_ids`."""
    uses_previous_lines: bool = False
    """Whether previous lines are part of the context."""
    start: State
    """The state before the first word."""

    @abstractmethod
    def advance(self, state: State, ids: Sequence[int]) -> list[State]:
        """The states after each of these ids, which are read from `state` on.

        If the vocabulary has a start of line, each line begins with it. A model that uses previous
        lines may read several lines: `[<s>, w, w, <s>, w]`. Ends of lines are predicted but never
        read.
        """

    @abstractmethod
    def predict(self, states: Iterable[State]) -> Iterator[Array]:
        """Yields the probability [V] of each id after each state. Many are computed together, so
        that states are taken in advance. The arrays must not be modified."""

    @cached_property
    def page_words(self) -> PageWords:
        """Finds the words that a text takes from itself."""
        return PageWords(self.vocabulary, self.tokenizer)

    def read(self, state: State, ids: Sequence[int]) -> Iterator[State]:
        """Yields the states of `advance`, READ_AT_ONCE of them computed together."""
        states = [state]
        for begin in range(0, len(ids), READ_AT_ONCE):
            states = self.advance(states[-1], ids[begin : begin + READ_AT_ONCE])
            yield from states

    def state_after(self, state: State, ids: Sequence[int]) -> State:
        """The state after all of these ids, which are read from `state` on."""
        last = deque(self.read(state, ids), maxlen=1)
        return last[0] if last else state

    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after `context`, which is read from its start."""
        return next(self.predict([self.state_after(self.start, context)]))


class WindowModel(LanguageModel):
    """A model that predicts from the last `window` words alone, which are its state."""

    start: tuple[int, ...] = ()

    def advance(self, state: tuple[int, ...], ids: Sequence[int]) -> list[tuple[int, ...]]:
        read, first = (*state, *ids), len(state) + 1
        return [read[max(0, end - self.window) : end] for end in range(first, len(read) + 1)]

    def predict(self, states: Iterable[tuple[int, ...]]) -> Iterator[Array]:
        return map(self.next_word_probabilities, states)

    @abstractmethod
    def next_word_probabilities(self, context: Sequence[int]) -> Array:
        """The distribution [V] after the last words of `context`."""


class Network(LanguageModel):
    """A neural network, which has an embedding of E numbers for each id."""

    @abstractmethod
    def embed(self, ids: NDArray[np.int64]) -> Array:
        """The embeddings [N, E] of these ids [N]."""

    def similarities(self, word: int) -> Array:
        """The cosine of the embedding of each id and that of `word` [V]; 0 for one of zeros. For
        36,000 words with an adaptive softmax this takes 60 ms, and 50 MB meanwhile."""
        rows = self.embed(np.arange(self.vocabulary.total_words))
        lengths = np.linalg.norm(rows, axis=1)
        return np.asarray(rows @ rows[word] / np.maximum(lengths * lengths[word], TINY))


def in_batches(states: Iterable[State], size: int) -> Iterator[list[State]]:
    """The states in lists of `size`; the last one may be shorter."""
    remaining = iter(states)
    while batch := list(islice(remaining, size)):
        yield batch


def excluded_ids(vocabulary: Vocabulary, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids that are never suggested: padding, special tokens, and punctuation marks unless the
    tokenizer writes text. The lesson, without special tokens, suggests all words."""
    if tokenizer.writes_text or not vocabulary.special_tokens:
        return vocabulary.excluded_ids
    marks = np.flatnonzero(vocabulary.mask(tokenizer.is_mark))
    return (*vocabulary.excluded_ids, *marks.tolist())


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(logits) / sum(exp(logits)) along the last axis, without overflow, computed in place."""
    logits -= logits.max(-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(-1, keepdims=True)
    return logits


def largest(values: NDArray[np.floating[Any]], k: int) -> NDArray[np.int64]:
    """The places of the `k` largest values, largest first. Of equal values the first are taken,
    which are the more frequent words; a partition alone would pick any.
    """
    if len(values) <= k:
        return np.argsort(-values, kind="stable")
    large = np.flatnonzero(values >= LIKELY)
    if k <= len(large) < len(values):  # a partition of 30,000 words takes 0.1 ms
        return large[largest(values[large], k)]
    least = np.partition(values, len(values) - k)[len(values) - k]
    likeliest = np.flatnonzero(values >= least)
    return likeliest[np.argsort(-values[likeliest], kind="stable")[:k]]
