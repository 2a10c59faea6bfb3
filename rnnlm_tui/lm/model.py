"""What a language model is to the rest of the program, and what its architecture must tell."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import ModelConfig, RunConfig
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

Weights = Mapping[str, NDArray[np.float32]]
Arrays = Mapping[str, NDArray[Any]]
M = TypeVar("M", bound=ModelConfig)
DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {"F32": np.dtype("float32"), "I32": np.dtype("int32")}
)
"""The types of the arrays of weights files, by their names in safetensors."""
PROGRAM_BYTES = 330_000_000
"""Memory of the program and PyTorch: 519 MB in all were measured for the lesson on the sonnets."""


class ArraySpec(NamedTuple):
    """An array of a weights file: its shape, and its type as safetensors names it."""

    shape: tuple[int, ...]
    dtype: str = "F32"


@dataclass(frozen=True, slots=True)
class Layer:
    """A row of the layer table. `output_shape` has None for the batch, as Keras prints it."""

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    parameters: int


class LanguageModel(Protocol):
    """A distribution over the next word. V is the vocabulary's `total_words`."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that the model knows."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """How the model cuts a line into words."""
        ...

    @property
    def window(self) -> int:
        """The last words of a context that the model sees."""
        ...

    @property
    def excluded_ids(self) -> tuple[int, ...]:
        """Ids that are never suggested: padding, the special tokens, and marks alone."""
        ...

    @property
    def uses_previous_lines(self) -> bool:
        """Whether the lines before a line are context for it."""
        ...

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """The probability of every id [V] to come after `context`, the ids of the words so far.

        Where the vocabulary has a begin of line, `context` begins with it; a model that carries
        lines may be given earlier ones in front, each with its begin: `[<s>, w, w, <s>, w]`. The
        end of a line is predicted and never given.

        The array belongs to the model and must not be written to.
        """
        ...


def excluded_ids(vocabulary: Vocabulary, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids that are never suggested: padding, special tokens and marks.

    The lesson's vocabulary, which has no special tokens, suggests every word.
    """
    if not vocabulary.special_tokens:
        return vocabulary.excluded_ids
    words = enumerate(vocabulary.words, start=vocabulary.first_word_id)
    return (*vocabulary.excluded_ids, *(i for i, word in words if tokenizer.is_mark(word)))


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(scores) / sum(exp(scores)), without overflow."""
    exponentials = np.exp(scores - scores.max())
    probabilities: NDArray[np.float32] = exponentials / exponentials.sum()
    return probabilities


class Architecture(ABC, Generic[M]):
    """What differs between the kinds of models. `M` is the class of a kind's sizes.

    `total_words` and `window` are those of the vocabulary and of the model. `sizes` are further
    numbers that only the corpus decides, such as the number of sequences of each length; a network
    has none.
    """

    trainer: ClassVar[str]
    """The module with `train(run, control) -> Iterator[Event]`, imported when a run begins."""
    special_tokens: ClassVar[tuple[str, ...]] = ()
    """Those of its vocabularies."""
    smallest_window: ClassVar[int] = 1
    can_start_from_a_model: ClassVar[bool] = True
    """Whether `--from` makes sense."""
    name: ClassVar[str] = "network"
    """What such a model is called in messages."""
    smaller: ClassVar[str] = "fewer units"
    """What needs less memory, whatever the vocabulary."""
    table_heads: ClassVar[tuple[str, str]] = ("layer", "parameters")
    """The heads of the first and the last column of the layer table."""

    @abstractmethod
    def window(self, config: M, longest_line: int) -> int:
        """The window of a new model, for a corpus whose longest line has so many words."""

    @abstractmethod
    def arrays(
        self, config: M, total_words: int, sizes: Sequence[int] = ()
    ) -> dict[str, ArraySpec]:
        """The arrays of the weights file. `sizes` have passed `check_sizes`."""

    @abstractmethod
    def layers(
        self, config: M, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> tuple[Layer, ...]:
        """The layer table."""

    @abstractmethod
    def load(
        self, config: M, vocabulary: Vocabulary, tokenizer: Tokenizer, window: int, arrays: Arrays
    ) -> LanguageModel:
        """The model, ready to predict. `arrays` have passed `check_arrays`."""

    @abstractmethod
    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """Estimated memory of a training; `examples` are the predictions of an epoch."""

    @abstractmethod
    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """Estimated duration of all epochs on this machine, whose speed is measured for some ms."""

    def parameters(self, config: M, total_words: int, sizes: Sequence[int] = ()) -> int:
        """The number of parameters of the model."""
        shapes = self.arrays(config, total_words, sizes).values()
        return sum(math.prod(spec.shape) for spec in shapes)

    def sizes_of(self, config: M, prepared: PreparedText) -> tuple[int, ...]:
        """The `sizes` of the model of this corpus."""
        return ()

    def check_sizes(self, config: M, total_words: int, sizes: Sequence[int]) -> None:
        """Raises ValueError for sizes that no such model has."""
        if sizes:
            raise ValueError("a network has no further sizes")

    def check_arrays(self, config: M, arrays: Arrays) -> None:
        """Raises ValueError for arrays that make no sense, though their types and shapes are right
        and their float32 are finite and no larger than a weight can be."""
