"""What a language model is to the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary


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
