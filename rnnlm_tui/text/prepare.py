"""A corpus ready for a model, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.vocabulary import Vocabulary


class Examples(Protocol):
    """What a model learns from, or is measured on."""

    @property
    def predictions(self) -> int:
        """How many words there are to predict; the ends of lines count where they are learned."""
        ...

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first words to predict, each after the ids of the words before it in its line."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A corpus with its vocabulary and its examples; every kind of model narrows the last two.

    `words` counts all words of the corpus, `distinct_words` the different ones of the lines to
    train on. `longest_line` is that of the lines to train on, in words.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    window: int
    longest_line: int
    words: int
    distinct_words: int
    examples: Examples
    held_out: Examples
    held_out_lines: int

    @property
    def card(self) -> dict[str, object]:
        """What events and a model's card say of the corpus."""
        return {
            "name": self.corpus.name,
            "sha256": self.corpus.sha256,
            "lines": self.corpus.line_count,
            "words": self.words,
        }
