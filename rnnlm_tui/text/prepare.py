"""From a corpus to examples: held out, tokenized, counted and encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import TextConfig
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.events import CorpusFacts
from rnnlm_tui.formatting import format_bytes, plural, shorten
from rnnlm_tui.text.corpus import Corpus, Mask, held_out_mask, split_lines
from rnnlm_tui.text.encoded import EncodedLines
from rnnlm_tui.text.prefixes import PrefixExamples
from rnnlm_tui.text.tokenizer import (
    TOKENIZERS,
    Conventions,
    TokenizedText,
    Tokenizer,
    tokenize_lines,
)
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

FEWEST_EXAMPLES = 2
PROSE = "prose"
TOKENIZER_NAMES = (PROSE, *TOKENIZERS)
LARGEST_VOCABULARY = 64 << 20
"""Bytes of the words of a model in JSON; a file with more is not read."""
Examples: TypeAlias = PrefixExamples | EncodedLines
Encoded: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A corpus with its vocabulary and its examples.

    `words` counts all words of the corpus, `distinct_words` the different ones of the training
    lines, `held_out_words` all words of the held-out lines, dropped ones too, and
    `held_out_unknown` those that the vocabulary lacks. `longest_line` is the longest training line
    in words, without those that are dropped. `held_out_mask` says which lines of the corpus are
    held out. `examples` and `held_out` are `PrefixExamples` for the lesson, `EncodedLines` for
    models of whole lines.
    `warnings` are sentences on a text that is no good for a training, though one is possible;
    `notes` say how it is read.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    window: int
    longest_line: int
    words: int
    distinct_words: int
    examples: Examples
    held_out: Examples
    held_out_mask: Mask
    held_out_lines: int
    held_out_words: int
    held_out_unknown: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def card(self) -> CorpusFacts:
        """The corpus as events and a model's card describe it."""
        return {
            "name": self.corpus.name,
            "sha256": self.corpus.sha256,
            "lines": self.corpus.line_count,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class PreparedPrefixes(PreparedText):
    """A corpus ready for the lesson's network."""

    examples: PrefixExamples
    held_out: PrefixExamples


@dataclass(frozen=True, slots=True)
class PreparedLines(PreparedText):
    """A corpus ready for a model of whole lines."""

    examples: EncodedLines
    held_out: EncodedLines


def make_tokenizer(
    name: str, conventions: Conventions, vocabulary: Vocabulary | None = None
) -> Tokenizer:
    """The tokenizer of a model, with its conventions and its words. Without the words it does all
    but tell the usual case of a word."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose import ProseTokenizer  # loads regex: 13 ms

    return ProseTokenizer(conventions, vocabulary.ranks if vocabulary else {})


def learn_tokenizer(name: str, lines: Sequence[str]) -> Tokenizer:
    """The tokenizer of a new model that is trained on these lines."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose import learn_prose

    return learn_prose(lines)


def prepare(
    corpus: Corpus,
    tokenizer_name: str,
    settings: TextConfig,
    window: Callable[[int], int],
    *,
    special_tokens: Sequence[str] = (),
    known: tuple[Vocabulary, Conventions] | None = None,
    held_out: Mask | None = None,
    notes: Iterable[str] = (),
) -> PreparedText:
    """Splits, counts and encodes a corpus; each line is tokenized once.

    `window` gives the model's window for the words of the longest training line. The vocabulary and
    the conventions are those of the training lines, unless those of the model that the training
    starts from are given as `known`.
    `held_out` [L] says which lines are held out; by default it follows from the settings.
    Without special tokens the result are `PreparedPrefixes`, in which unknown words are dropped;
    with all of them `PreparedLines`. `notes` say how the text was read until here. Raises
    CorpusError if there is not enough to train on.
    """
    is_given = held_out is not None
    if held_out is None:
        held_out = held_out_mask(len(corpus.lines), settings.held_out, settings.seed)
    train_lines, held_lines = split_lines(corpus.lines, held_out)
    parts = train_lines, held_lines
    tokenizer, vocabulary, tokens, counts = _tokenize(
        corpus, tokenizer_name, settings, special_tokens, parts, known
    )
    train, held = _encode(tokens, vocabulary, len(train_lines))
    longest = int(train[1].max())
    size = window(longest)
    kind: type[PreparedText] = PreparedPrefixes
    examples: Callable[..., Examples] = partial(PrefixExamples, window=size)
    if vocabulary.special_tokens:
        kind, examples = PreparedLines, EncodedLines
    prepared = kind(
        corpus=corpus,
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        window=size,
        longest_line=longest,
        words=len(tokens.numbers),
        distinct_words=int(np.count_nonzero(counts)),
        examples=examples(*train),
        held_out=examples(*held),
        held_out_mask=held_out,
        held_out_lines=len(held_lines) if len(held[0]) else 0,
        held_out_words=len(tokens.numbers) - int(counts.sum()),
        held_out_unknown=int(np.count_nonzero(held[0] == vocabulary.unknown_id)),
        warnings=tuple(_warnings(corpus, settings.held_out, tokens.words, len(held[0]), is_given)),
        notes=(*notes, *_missing(tokenizer_name, train_lines)),
    )
    if isinstance(prepared, PreparedPrefixes):
        _check_prefixes(prepared, settings.held_out)
    return prepared


def _tokenize(
    corpus: Corpus,
    tokenizer_name: str,
    settings: TextConfig,
    special_tokens: Sequence[str],
    parts: tuple[Sequence[str], Sequence[str]],
    known: tuple[Vocabulary, Conventions] | None,
) -> tuple[Tokenizer, Vocabulary, TokenizedText, NDArray[np.int64]]:
    """The tokenizer and the vocabulary, `known` or learned from the first of the two parts of the
    lines, the words of both parts, and how often each occurs in the first."""
    train_lines, held_lines = parts
    if known is None:
        tokenizer = learn_tokenizer(tokenizer_name, train_lines)
    else:
        tokenizer = make_tokenizer(tokenizer_name, known[1], known[0])
    tokens = tokenize_lines(chain(train_lines, held_lines), tokenizer)
    counts = _count_words(corpus, tokens, len(train_lines))
    if known is not None:
        return tokenizer, known[0], tokens, counts
    vocabulary = _frequent_words(corpus, tokens, counts, settings, special_tokens)
    tokenizer = make_tokenizer(tokenizer_name, tokenizer.conventions, vocabulary)
    return tokenizer, vocabulary, tokens, counts


def _missing(tokenizer_name: str, lines: Sequence[str]) -> Iterator[str]:
    """Sentences on what the tokenizer misses in the text."""
    if tokenizer_name == PROSE:
        from rnnlm_tui.text.prose import missing_of_prose

        yield from missing_of_prose(lines)


def _count_words(corpus: Corpus, tokens: TokenizedText, train_lines: int) -> NDArray[np.int64]:
    """How often each word occurs in the training lines, which come first."""
    train_words = int(tokens.lengths[:train_lines].sum())
    if train_words == 0:
        where = " in the lines to train on" if len(tokens.words) else ""
        raise CorpusError(f"{corpus.name} holds no words{where}", "give a text with lines of words")
    return np.bincount(tokens.numbers[:train_words], minlength=len(tokens.words))


def _frequent_words(
    corpus: Corpus,
    tokens: TokenizedText,
    counts: NDArray[np.int64],
    settings: TextConfig,
    special_tokens: Sequence[str],
) -> Vocabulary:
    found = Vocabulary.of_counts(
        dict(zip(tokens.words, counts.tolist(), strict=True)),
        special_tokens,
        most=settings.max_vocabulary,
        min_count=settings.min_count,
    )
    if not found.words:
        raise CorpusError(
            f"no word occurs {settings.min_count} times in {corpus.name}",
            "give a smaller --min-count",
        )
    if (size := found.json_bytes()) > LARGEST_VOCABULARY:
        raise CorpusError(
            f"the {len(found.words):,} different words of {corpus.name} take {format_bytes(size)};"
            f" a model can hold {format_bytes(LARGEST_VOCABULARY)} of words",
            "keep the most frequent words, such as --max-vocabulary 100000",
        )
    return found


def _warnings(
    corpus: Corpus, share: float, words: Sequence[str], held_out_words: int, is_given: bool
) -> Iterator[str]:
    if share > 0 and held_out_words == 0:
        lines = plural(corpus.line_count, "line")
        few = f"{lines} are too few to hold {share:.0%} of them out"
        if is_given:
            few = "too few lines are new to the model that it starts from"
        yield f"nothing is held out: {few}, so the figures tell how well the model remembers"
    if len(words) == 1:
        yield (
            f"every word of {corpus.name} is {shorten(words[0])!r}: whatever the figures say, there"
            " is nothing to learn"
        )


def _encode(
    tokens: TokenizedText, vocabulary: Vocabulary, train_lines: int
) -> tuple[Encoded, Encoded]:
    """The ids of all words and the number of ids of each line, first of the training lines and then
    of the others. Words without an id are left out."""
    ids, lengths = vocabulary.ids(tokens.words)[tokens.numbers], tokens.lengths
    kept = ids != PADDING
    if not kept.all():
        line_of = np.repeat(np.arange(len(lengths)), lengths)
        ids, lengths = ids[kept], np.bincount(line_of[kept], minlength=len(lengths))
    end = int(lengths[:train_lines].sum())
    return (ids[:end], lengths[:train_lines]), (ids[end:], lengths[train_lines:])


def _check_prefixes(prepared: PreparedPrefixes, share: float) -> None:
    corpus = prepared.corpus
    if (found := len(prepared.examples)) < FEWEST_EXAMPLES:
        raise CorpusError(
            f"{corpus.name} gives {plural(found, 'pair')} of words and a next word;"
            f" at least {FEWEST_EXAMPLES} are needed",
            "give a text with lines of two words or more",
        )
    if share > 0 and len(prepared.held_out) == 0:
        raise CorpusError(
            f"holding out {share:g} of the {corpus.line_count} lines of {corpus.name} leaves"
            " no pair to measure on",
            "raise --held-out, or leave it out",
        )
