"""A corpus as lines of ids, for the kinds of models that learn every word of a line and its end.

Shapes: N words of the text, L lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.text.corpus import Corpus, split_held_out
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary, count_words


class EncodedLines:
    """The non-empty lines of a text, all in one array.

    `tokens` [N] are the ids of all words, line after line, without the begin and end of a line;
    `starts` [L] are the places where the lines begin.
    """

    def __init__(
        self, tokens: NDArray[np.int32], starts: NDArray[np.int64], vocabulary: Vocabulary
    ) -> None:
        """`vocabulary` has a begin and an end of line."""
        self.tokens, self.starts = tokens, starts
        self._begin, self._end = vocabulary.begin_id or 0, vocabulary.end_id or 0

    @classmethod
    def encode(cls, lines: Iterable[Sequence[str]], vocabulary: Vocabulary) -> EncodedLines:
        """Tokenized `lines` as ids; empty ones are left out."""
        lengths: list[int] = []

        def flat() -> Iterator[int]:
            for line in lines:
                if line:
                    lengths.append(len(line))
                    yield from vocabulary.encode(line)

        tokens = np.fromiter(flat(), dtype=np.int32)
        starts = np.cumsum([0, *lengths[:-1]], dtype=np.int64)[: len(lengths)]
        return cls(tokens, starts, vocabulary)

    def __len__(self) -> int:
        """The number of lines."""
        return len(self.starts)

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        """The lines, each as a view of its ids."""
        ends = self.starts + self.lengths
        return (self.tokens[a:b] for a, b in zip(self.starts, ends, strict=True))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The words of each line [L]."""
        return np.diff(self.starts, append=len(self.tokens))

    @property
    def predictions(self) -> int:
        """See `Examples`: every word, and the end of every line."""
        return len(self.tokens) + len(self)

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """See `Examples`. A context begins with the begin of the line."""
        return list(islice(self.pairs(), count))

    def pairs(self, window: int | None = None) -> Iterator[tuple[list[int], int]]:
        """Every word and every end of a line after what comes before it in the line, its begin
        included: all of it, or the last `window` ids."""
        for line in self:
            whole = [self._begin, *line.tolist(), self._end]
            for i in range(1, len(whole)):
                yield whole[0 if window is None else max(0, i - window) : i], whole[i]


@dataclass(frozen=True, slots=True)
class PreparedLines(PreparedText):
    """A corpus ready for a model of whole lines. `held_out_unknown` counts the words that
    the held-out lines have and the vocabulary lacks."""

    examples: EncodedLines
    held_out: EncodedLines
    held_out_unknown: int


def prepare_lines(
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    window: int | None = None,
    max_vocabulary: int | None = None,
    min_count: int = 1,
    held_out: float = 0.0,
    seed: int = 0,
    vocabulary: Vocabulary | None = None,
) -> PreparedLines:
    """Splits, counts and numbers a corpus.

    The vocabulary is that of the training lines, or the one given, of the model that the training
    starts from; it has all `SPECIAL_TOKENS`. The words that it lacks are `<unk>`. `window` None is
    the longest line with its begin. A text so short that nothing can be held out has no held-out
    lines. Raises CorpusError where there is nothing to train on.
    """
    train_lines, held_lines = split_held_out(corpus.lines, held_out, seed)
    counts = count_words(map(tokenizer.words, train_lines))
    if not counts:
        raise CorpusError(
            f"{corpus.name} holds no words{' in the lines to train on' if held_lines else ''}",
            "give a text with lines of words",
        )
    known = vocabulary or Vocabulary.of_counts(
        counts, SPECIAL_TOKENS, most=max_vocabulary, min_count=min_count
    )
    if not known.words:
        raise CorpusError(
            f"no word stands {min_count} times in {corpus.name}", "give a smaller --min-count"
        )
    examples = EncodedLines.encode(map(tokenizer.words, train_lines), known)
    held = EncodedLines.encode(map(tokenizer.words, held_lines), known)
    longest = int(examples.lengths.max())
    return PreparedLines(
        corpus=corpus,
        vocabulary=known,
        window=longest + 1 if window is None else window,
        longest_line=longest,
        words=len(examples.tokens) + len(held.tokens),
        distinct_words=len(counts),
        examples=examples,
        held_out=held,
        held_out_lines=len(held_lines) if len(held) else 0,
        held_out_unknown=int(np.count_nonzero(held.tokens == known.unknown_id)),
    )
