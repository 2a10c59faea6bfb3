"""The interfaces of language models and of their architectures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import Config, ModelConfig
from rnnlm_tui.lm.page_words import PageWords
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.prepare import PreparedText

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
Arrays = Mapping[str, NDArray[Any]]
State: TypeAlias = Any
"""What a model has read. Each kind of model has a type of its own, whose values never change."""
M = TypeVar("M", bound=ModelConfig)
DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "F32": np.dtype("float32"),
        "I32": np.dtype("int32"),
        "I8": np.dtype("int8"),
        "U8": np.dtype("uint8"),
        "U64": np.dtype("uint64"),
    }
)
"""The types of arrays by their names in safetensors."""
LIKELY = 1e-4
"""The words that are likelier than this are few, and usually enough for a list."""
MAX_WORDS = 3000
"""Words of context that are read if no state of it is kept, in 0.4 s by the English that ships."""
READ_AT_ONCE = 256
"""Words whose states are computed together: bounds the memory for a line of any length."""


class ArraySpec(NamedTuple):
    """The shape of an array in a model's file, and its type as named by safetensors."""

    shape: tuple[int, ...]
    dtype: str = "F32"


class LanguageModel(ABC):
    """Predicts the next word of a text that it reads. V is the vocabulary's `total_words`.

    A text is read from one state to the next. States never change: they can be kept, and read on
    from more than once. The model itself remembers nothing.
    """

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    window: int
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


def largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
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


def cosines(products: Array, squares: Array, word: int) -> Array:
    """The cosine of the embedding of each id and that of `word` [V], from their products with that
    of `word` [V] and their squared lengths [V]. 0 for an embedding of zeros."""
    lengths = np.sqrt(np.maximum(squares, 0))
    return np.asarray(products / np.maximum(lengths * lengths[word], np.finfo(np.float32).tiny))


class Architecture(ABC, Generic[M]):
    """A kind of model with given settings and sizes.

    `M` is the class of the settings. `sizes` are further numbers that depend on the corpus, such as
    the number of n-grams of each length; a network has none.
    """

    trainer: ClassVar[str]
    """The module with `train(run, control) -> Iterator[Event]`, imported when a run begins."""
    special_tokens: ClassVar[tuple[str, ...]] = ()
    """The special tokens of the vocabulary."""
    smallest_window: ClassVar[int] = 1
    can_start_from_a_model: ClassVar[bool] = True
    """Whether `--from` is possible."""
    name: ClassVar[str] = "network"
    """The name of such a model in messages."""
    smaller: ClassVar[str] = "fewer units"
    """What reduces the memory for any vocabulary, as a hint."""

    def __init__(
        self, config: Config, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> None:
        """`config` must be of a preset of this kind. `total_words` is the size of the
        vocabulary."""
        self.config, self.model = config, cast(M, config.model)
        self.total_words, self.window, self.sizes = total_words, window, tuple(sizes)

    @staticmethod
    @abstractmethod
    def window_for(config: Config, longest_line: int) -> int:
        """The window of a new model for a corpus whose longest line has this many words."""

    @staticmethod
    def sizes_for(config: Config, prepared: PreparedText) -> tuple[int, ...]:
        return ()

    @abstractmethod
    def arrays(self) -> dict[str, ArraySpec]:
        """The arrays of the model. `check_sizes` must have passed."""

    def compact_arrays(self) -> dict[str, ArraySpec]:
        """The arrays in a model's file; those of `arrays` if they have no compact form."""
        return self.arrays()

    def to_compact(self, arrays: Arrays) -> Arrays:
        return arrays

    def from_compact(self, small: Arrays) -> Arrays:
        """Arrays for `load` and `check_arrays`. Raises ValueError for invalid ones."""
        return small

    @abstractmethod
    def load(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> LanguageModel:
        """The model, ready to predict. `check_arrays` must have passed."""

    def load_as_saved(
        self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays
    ) -> LanguageModel:
        """The model with these arrays that predicts as it will once it is saved."""
        return self.load(vocabulary, tokenizer, self.from_compact(self.to_compact(arrays)))

    @property
    def parameters(self) -> int:
        return self.count()

    def count(self, prefix: str = "") -> int:
        """The number of parameters in the arrays whose names begin with `prefix`."""
        arrays = self.arrays().items()
        return sum(math.prod(spec.shape) for name, spec in arrays if name.startswith(prefix))

    def check_sizes(self) -> None:
        """Raises ValueError for invalid `sizes`."""
        if self.sizes:
            raise ValueError("a network has no further sizes")

    def check_arrays(self, arrays: Arrays) -> None:
        """Raises ValueError for invalid arrays. Types, shapes, and that floats are finite and not
        too large, have been checked before."""
