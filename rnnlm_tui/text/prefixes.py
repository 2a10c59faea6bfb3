"""A corpus as numbers: ids in one array, and the lesson's prefix sequences made from it on demand.

Shapes: N words of the text, B batch, T time steps (the window).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.text.corpus import Corpus, split_held_out
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary, count_words

FEWEST_EXAMPLES = 2


class PrefixExamples:
    """Every word of a line but its first, with the words before it: the lesson's n-gram sequences.

    Only the ids are stored, not the padded matrix, which would take `window` times the memory.
    """

    def __init__(self, lines: Iterable[Sequence[int]], window: int) -> None:
        """`lines` of ids; `window` words before a word are its features."""
        lengths: list[int] = []

        def flat() -> Iterator[int]:
            for line in lines:
                if line:
                    lengths.append(len(line))
                    yield from line

        self.window = window
        self.tokens = np.fromiter(flat(), dtype=np.int32)  # [N]
        self._starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        # The example of a word stands at the word's place less one for each line begun by then.
        self._first_examples = self._starts - np.arange(len(self._starts))

    def __len__(self) -> int:
        return int(self._first_examples[-1])

    @property
    def predictions(self) -> int:
        """See `Examples`."""
        return len(self)

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """See `Examples`. No more words before than the window holds."""
        features, labels = self.batch(np.arange(min(count, len(self))))
        return [
            ([i for i in row if i != PADDING], label)
            for row, label in zip(features.tolist(), labels.tolist(), strict=True)
        ]

    def batch(self, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The examples with the numbers `which` [B]: pre-padded features [B, T] and labels [B]."""
        line = np.searchsorted(self._first_examples, which, side="right") - 1
        places = which + line + 1
        before = places[:, None] + np.arange(-self.window, 0)  # [B, T]
        outside = before < self._starts[line][:, None]
        features = np.where(outside, PADDING, self.tokens[np.maximum(before, 0)])
        return features.astype(np.int64), self.tokens[places].astype(np.int64)


@dataclass(frozen=True, slots=True)
class PreparedCorpus(PreparedText):
    """A corpus ready for the lesson's network. `longest_line` is in known words; above `window` + 1
    the window was capped."""

    examples: PrefixExamples
    held_out: PrefixExamples


def prepare(
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    max_window: int,
    max_vocabulary: int | None = None,
    min_count: int = 1,
    held_out: float = 0.0,
    seed: int = 0,
    vocabulary: Vocabulary | None = None,
    window: int | None = None,
) -> PreparedCorpus:
    """Splits, counts and numbers a corpus.

    The vocabulary and the window are those of the training lines, or those given, of the model that
    the training starts from. Raises CorpusError where there is not enough to train on.
    """
    train_lines, held_lines = split_held_out(corpus.lines, held_out, seed)
    counts = count_words(map(tokenizer.words, train_lines))
    if not counts:
        raise CorpusError(f"{corpus.name} holds no words", "give a text with lines of words")
    known = vocabulary or Vocabulary.of_counts(counts, most=max_vocabulary, min_count=min_count)
    if not known.words:
        raise CorpusError(
            f"no word stands {min_count} times in {corpus.name}", "give a smaller --min-count"
        )

    def encoded(lines: Iterable[str]) -> Iterator[list[int]]:
        return (known.encode(tokenizer.words(line)) for line in lines)

    # Encoded twice rather than kept as lists of ids, which take ten times the memory of an array.
    longest = max(map(len, encoded(train_lines)))
    seen = max(1, min(longest - 1, max_window)) if window is None else window
    prepared = PreparedCorpus(
        corpus=corpus,
        vocabulary=known,
        window=seen,
        longest_line=longest,
        words=sum(len(tokenizer.words(line)) for line in corpus.lines),
        distinct_words=len(counts),
        examples=PrefixExamples(encoded(train_lines), seen),
        held_out=PrefixExamples(encoded(held_lines), seen),
        held_out_lines=len(held_lines),
    )
    _check_enough(prepared, held_out)
    return prepared


def _check_enough(prepared: PreparedCorpus, held_out: float) -> None:
    name, found = prepared.corpus.name, prepared.examples.predictions
    if found < FEWEST_EXAMPLES:
        raise CorpusError(
            f"{name} gives {found} pair{'s' * (found != 1)} of words and a next word;"
            f" at least {FEWEST_EXAMPLES} are needed",
            "give a text with lines of two words or more",
        )
    if held_out > 0 and len(prepared.held_out) == 0:
        raise CorpusError(
            f"holding out {held_out:g} of the {prepared.corpus.line_count} lines of {name} leaves"
            " no pair to measure on",
            "raise --held-out, or leave it out",
        )
