"""What a language model is to the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary


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
    def unsuggested_ids(self) -> tuple[int, ...]:
        """Ids that stand for no word of the user's: padding, unknown, begin of line."""
        ...

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """The probability of every id [V] to come after `context`, the ids of the words so far.

        The array belongs to the model and must not be written to.
        """
        ...
