"""The kind of models of counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import NgramConfig, RunConfig
from rnnlm_tui.lm.family import Arrays, ArraySpec, Family
from rnnlm_tui.lm.kneser_ney import count_levels
from rnnlm_tui.lm.model import LanguageModel, Layer
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.encoded import PreparedLines, prepare_lines
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary

MOST_NGRAMS = 2**31 - 2
"""Sequences of a length; their places are 32-bit numbers."""
SORTED_SAMPLE = 1 << 16
SORTS = 9
"""A length of sequences takes as long as so many sorts of the text, which is 0.12 s for a million
words."""
TRAIN_SAMPLE, HELD_OUT_SAMPLE = 5_000, 20_000
"""Words, of whole lines spread over the text, on which what takes time is measured: all figures of
the lines that were counted, and the hit rates of those held out."""
MEASURING_S = 40e-6
"""What the hit rates take a word."""
PROGRAM_BYTES, BYTES_A_WORD, BYTES_A_SEQUENCE = 45_000_000, 60, 30
"""The estimate is 259 MB for a million words, 225 MB were measured: most sequences of five words
are different, but not all. The sonnets took 48 MB."""


class NgramFamily(Family[NgramConfig]):
    """Counts of word sequences. The `sizes` are how many of each length there are: words alone
    (all ids but padding), pairs and so on."""

    trainer = "rnnlm_tui.training.ngram_trainer"
    special_tokens = SPECIAL_TOKENS
    smallest_window = 0
    can_start_from_a_model = False
    name = "counts"
    smaller = "a smaller --order or less text"
    table_heads = ("length", "sequences")

    def arrays(
        self, config: NgramConfig, total_words: int, sizes: Sequence[int] = ()
    ) -> dict[str, ArraySpec]:
        """See `Family`."""
        found = {"probability.1": ArraySpec((total_words,))}
        above = total_words
        for k, count in enumerate(sizes[1:], start=2):
            found |= {
                f"backoff.{k - 1}": ArraySpec((above,)),
                f"children.{k}": ArraySpec((above + 1,), "I32"),
                f"word.{k}": ArraySpec((count,), "I32"),
                f"probability.{k}": ArraySpec((count,)),
            }
            above = count
        return found

    def parameters(self, config: NgramConfig, total_words: int, sizes: Sequence[int] = ()) -> int:
        """The number of sequences."""
        return sum(sizes)

    def layers(
        self, config: NgramConfig, total_words: int, window: int, sizes: Sequence[int] = ()
    ) -> tuple[Layer, ...]:
        """A row for each length of sequences."""
        return tuple(
            Layer(f"{k} word{'s' * (k > 1)}", "Kneser-Ney", (None, total_words), count)
            for k, count in enumerate(sizes, start=1)
        )

    def load(
        self,
        config: NgramConfig,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        window: int,
        arrays: Arrays,
    ) -> LanguageModel:
        """See `Family`."""
        return NgramModel(config.order, vocabulary, tokenizer, arrays)

    def prepare(
        self,
        corpus: Corpus,
        tokenizer: Tokenizer,
        config: RunConfig,
        known: tuple[Vocabulary, int] | None = None,
    ) -> PreparedLines:
        """See `Family`."""
        assert isinstance(config.model, NgramConfig)
        return prepare_lines(
            corpus,
            tokenizer,
            window=config.model.order - 1,
            max_vocabulary=config.train.max_vocabulary,
            min_count=config.train.min_count,
            held_out=config.train.held_out,
            seed=config.train.seed,
            vocabulary=known[0] if known else None,
        )

    def sizes_of(self, config: NgramConfig, prepared: PreparedText) -> tuple[int, ...]:
        """See `Family`. Counts the corpus."""
        assert isinstance(prepared, PreparedLines)
        levels = count_levels(prepared.examples, prepared.vocabulary, config.order)
        ids, *longer = (len(level.words) for level in levels)
        return (ids - 1, *longer)

    def training_bytes(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> int:
        """The text while a level is counted, and at most a sequence of each length a word."""
        most = (window + 1) * BYTES_A_SEQUENCE * examples
        return PROGRAM_BYTES + BYTES_A_WORD * (examples + total_words) + most

    def training_seconds(
        self, config: RunConfig, total_words: int, window: int, examples: int
    ) -> float:
        """Sorts of the text for each length, as one of a sample takes here, and the figures."""
        share = config.train.held_out
        held_out = min(examples * share / (1 - share), HELD_OUT_SAMPLE)
        measured = min(examples, TRAIN_SAMPLE) + held_out
        sample = np.random.default_rng(0).integers(0, 1 << 40, SORTED_SAMPLE)
        began = time.perf_counter()
        sample.argsort()
        sort = (time.perf_counter() - began) * examples / SORTED_SAMPLE
        return SORTS * (window + 1) * sort + MEASURING_S * measured

    def check_sizes(self, config: NgramConfig, total_words: int, sizes: Sequence[int]) -> None:
        """See `Family`."""
        if len(sizes) != config.order or sizes[0] != total_words - 1:
            raise ValueError("the numbers of sequences do not fit the order or the vocabulary")
        if not all(0 <= count <= MOST_NGRAMS for count in sizes):
            raise ValueError("a number of sequences is out of range")

    def check_arrays(self, config: NgramConfig, arrays: Arrays) -> None:
        """See `Family`."""
        total_words = len(arrays["probability.1"])
        for name, array in arrays.items():
            if array.dtype == np.float32 and not _within(array, 0, 1):
                raise ValueError(f"{name} holds what is no probability")
        for k in range(2, config.order + 1):
            children, words = arrays[f"children.{k}"], arrays[f"word.{k}"]
            ends = int(children[0]), int(children[-1])
            if ends != (0, len(words)) or (children[1:] < children[:-1]).any():
                raise ValueError(f"children.{k} does not rise from 0 to the number of sequences")
            if not _within(words, 1, total_words - 1):
                raise ValueError(f"word.{k} holds an id that no word has")
            if not _rise_among_siblings(words, children):
                raise ValueError(f"word.{k} is not in order")


def _within(array: NDArray[Any], low: int, high: int) -> bool:
    """Whether all numbers, of which there may be none, are in this range. No NaN is."""
    return array.size == 0 or bool(low <= array.min() <= array.max() <= high)


def _rise_among_siblings(words: NDArray[np.int32], children: NDArray[np.int32]) -> bool:
    """Whether the words between two neighbours of `children` always rise."""
    begins = np.zeros(len(words) + 1, bool)
    begins[children] = True
    return bool((begins[1:-1] | (words[1:] > words[:-1])).all())
