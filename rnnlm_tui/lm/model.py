"""The interface of language models and of their architectures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import ModelConfig, RunConfig
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.prepare import PreparedText

Weights = Mapping[str, NDArray[np.float32]]
Arrays = Mapping[str, NDArray[Any]]
M = TypeVar("M", bound=ModelConfig)
DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "F32": np.dtype("float32"),
        "I32": np.dtype("int32"),
        "F16": np.dtype("float16"),
        "U8": np.dtype("uint8"),
    }
)
"""The types of the arrays of weights files, by their names in safetensors."""
SMALL_TYPES = {"F16", "U8"}
"""Those of small files alone."""
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


class Passage(NamedTuple):
    """Words to read: the ids of `context`, and those after it."""

    context: Sequence[int]
    ids: Sequence[int]


class LanguageModel(Protocol):
    """A distribution over the next word. V is the vocabulary's `total_words`."""

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    window: int
    """The last words of a context that the model sees."""
    excluded_ids: tuple[int, ...]
    """Ids that are never suggested, as `excluded_ids` gives them."""
    uses_previous_lines: bool
    """Whether the lines before a line are context for it."""

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """The probability of every id [V] to come after `context`, the ids of the words so far.

        If the vocabulary has a begin of line, `context` starts with it. A model that uses previous
        lines may be given those in front, each with its begin: `[<s>, w, w, <s>, w]`. The end of a
        line is predicted and never given.

        The array belongs to the model and must not be written to.
        """

    def read(self, passages: Sequence[Passage]) -> Iterator[NDArray[np.float32]]:
        """The same after the context of each passage, and after each of its words: n + 1 arrays for
        n words, as fast as the model can, which may be asked for others in between. A context holds
        the begin of its line, if there is one."""


def excluded_ids(vocabulary: Vocabulary, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids that are never suggested: padding, special tokens, and marks unless the tokenizer
    writes text.

    The lesson's vocabulary, which has no special tokens, suggests every word.
    """
    if tokenizer.writes_text or not vocabulary.special_tokens:
        return vocabulary.excluded_ids
    marks = np.flatnonzero(vocabulary.mask(tokenizer.is_mark))
    return (*vocabulary.excluded_ids, *marks.tolist())


def read_one_by_one(
    model: LanguageModel, passages: Sequence[Passage]
) -> Iterator[NDArray[np.float32]]:
    """What `LanguageModel.read` gives, asked for place by place."""
    for context, following in passages:
        ids = [*context, *following]
        for length in range(len(context), len(ids) + 1):
            yield model.next_word_probabilities(ids[:length])


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(scores) / sum(exp(scores)) along the last axis, without overflow. It is written over the
    scores."""
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return scores


class Architecture(ABC, Generic[M]):
    """What differs between the kinds of models, for a model of given sizes.

    `M` is the class of a kind's settings. `total_words` and `window` are those of the vocabulary
    and of the model. `sizes` are further numbers that only the corpus decides, such as the number
    of n-grams of each length; a network has none.
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

    def __init__(
        self, config: RunConfig, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> None:
        """`config` is that of a preset of this kind."""
        self.config, self.model = config, cast(M, config.model)
        self.total_words, self.window, self.sizes = total_words, window, tuple(sizes)

    @staticmethod
    @abstractmethod
    def window_for(config: RunConfig, longest_line: int) -> int:
        """The window of a new model, for a corpus whose longest line has so many words."""

    @staticmethod
    def sizes_for(config: RunConfig, prepared: PreparedText) -> tuple[int, ...]:
        """The `sizes` of the model of this corpus."""
        return ()

    @abstractmethod
    def arrays(self) -> dict[str, ArraySpec]:
        """The arrays of the weights file. The sizes have passed `check_sizes`."""

    def small_arrays(self) -> dict[str, ArraySpec]:
        """The arrays of a small weights file, as one that ships: half as precise, so weights are
        rounded by 2^-11 of themselves at most."""
        return {name: ArraySpec(spec.shape, "F16") for name, spec in self.arrays().items()}

    def to_small(self, arrays: Arrays) -> Arrays:
        """The weights as `small_arrays` has them."""
        return {name: array.astype(np.float16) for name, array in arrays.items()}

    def from_small(self, small: Arrays) -> Arrays:
        """The reverse of `to_small`. Raises ValueError for arrays that make no sense."""
        return {name: array.astype(np.float32) for name, array in small.items()}

    def quickly_from_small(self, small: Arrays) -> Arrays:
        """What `load` takes too, for a model that is asked a question: sooner, if there is a way.
        Raises ValueError for arrays that make no sense."""
        return self.from_small(small)

    @abstractmethod
    def layers(self) -> tuple[Layer, ...]:
        """The layer table."""

    @abstractmethod
    def load(self, vocabulary: Vocabulary, tokenizer: Tokenizer, arrays: Arrays) -> LanguageModel:
        """The model, ready to predict. The arrays have passed `check_arrays`."""

    @abstractmethod
    def training_bytes(self, examples: int) -> int:
        """Estimated memory of a training; `examples` are the predictions of an epoch."""

    @abstractmethod
    def training_seconds(self, examples: int) -> float:
        """Estimated duration of all epochs on this machine, whose speed is measured for some ms."""

    @property
    def parameters(self) -> int:
        """The number of parameters of the model."""
        return sum(math.prod(spec.shape) for spec in self.arrays().values())

    def check_sizes(self) -> None:
        """Raises ValueError for sizes that no such model has."""
        if self.sizes:
            raise ValueError("a network has no further sizes")

    def check_arrays(self, arrays: Arrays) -> None:
        """Raises ValueError for arrays that make no sense, though their types and shapes are right
        and their float32 are finite and no larger than a weight can be."""


def count_parameters(shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> int:
    """The number of parameters in the weights whose names begin with `prefix`."""
    return sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(prefix))
