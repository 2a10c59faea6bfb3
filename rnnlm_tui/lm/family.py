"""What the program must know of a kind of model that differs from kind to kind."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import ModelConfig, RunConfig
from rnnlm_tui.lm.model import LanguageModel, Layer
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

M = TypeVar("M", bound=ModelConfig)
Arrays = Mapping[str, NDArray[Any]]


class ArraySpec(NamedTuple):
    """An array of a weights file: its shape, and its type as safetensors names it."""

    shape: tuple[int, ...]
    dtype: str = "F32"


DTYPES: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("float32"), "I32": np.dtype("int32")}
"""The types that weights files have, by their names in safetensors."""


class Family(ABC, Generic[M]):
    """A kind of model. `M` is the class of its sizes.

    `total_words` and `window` are those of the vocabulary and of the model; `sizes` are further
    numbers that only the corpus decides, such as how many sequences of each length were counted,
    and are empty for a network.
    """

    trainer: ClassVar[str]
    """The module with `train(job, control) -> Iterator[Event]`, loaded once a run begins."""
    special_tokens: ClassVar[tuple[str, ...]] = ()
    """Those of its vocabularies."""
    smallest_window: ClassVar[int] = 1
    can_start_from_a_model: ClassVar[bool] = True
    """Whether `--from` makes sense."""
    name: ClassVar[str] = "network"
    """What a person calls such a model."""
    smaller: ClassVar[str] = "fewer units"
    """What to take where the memory is too small whatever the vocabulary."""
    table_heads: ClassVar[tuple[str, str]] = ("layer", "parameters")
    """What stands in the first and the last column of the layer table."""

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
    def prepare(
        self,
        corpus: Corpus,
        tokenizer: Tokenizer,
        config: RunConfig,
        known: tuple[Vocabulary, int] | None = None,
    ) -> PreparedText:
        """The corpus as the training sees it. `known` are the vocabulary and the window of the
        model that it starts from. Raises CorpusError."""

    @abstractmethod
    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """The memory that training takes, estimated; `examples` are the predictions of an epoch."""

    @abstractmethod
    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """What all of a run takes on this machine, estimated without PyTorch. It may take 0.2 s."""

    def parameters(self, config: M, total_words: int, sizes: Sequence[int] = ()) -> int:
        """How many numbers the model has learned."""
        shapes = self.arrays(config, total_words, sizes).values()
        return sum(math.prod(spec.shape) for spec in shapes)

    def sizes_of(self, config: M, prepared: PreparedText) -> tuple[int, ...]:
        """The `sizes` of the model that this corpus gives."""
        return ()

    def check_sizes(self, config: M, total_words: int, sizes: Sequence[int]) -> None:
        """Raises ValueError for sizes that no such model has."""
        if sizes:
            raise ValueError("a network has no further sizes")

    def check_arrays(self, config: M, arrays: Arrays) -> None:
        """Raises ValueError for arrays of the right types and shapes that make no sense. That
        every float32 is finite and no larger than a weight can be is known already."""
