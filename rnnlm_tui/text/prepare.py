"""From a corpus to examples: splits, tokenizes, counts and encodes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import TextConfig
from rnnlm_tui.errors import CorpusError, Sentence
from rnnlm_tui.event_types import CorpusFacts
from rnnlm_tui.formatting import format_bytes, plural, shorten
from rnnlm_tui.text.arrays import count_ids
from rnnlm_tui.text.corpus import Corpus, hold_out
from rnnlm_tui.text.encoded_files import (
    EncodedFacts,
    EncodedText,
    key_of,
    read_encoded,
    write_encoded,
)
from rnnlm_tui.text.examples import EncodedLines, PrefixExamples
from rnnlm_tui.text.passes import (
    KeptLines,
    NumberedText,
    encode,
    folder_of,
    learn_tokenizer,
    number_words,
)
from rnnlm_tui.text.streams import Mask, written_lines
from rnnlm_tui.text.tokenizer import Conventions, Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import LARGEST_VOCABULARY, PADDING, Vocabulary

FEWEST_EXAMPLES = 2
Examples: TypeAlias = PrefixExamples | EncodedLines


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A corpus with its vocabulary and its examples.

    `tokens` counts all words and marks of the corpus, `distinct_words` the distinct ones of the
    training lines, `held_out_words` all words of the held-out lines, dropped ones included, and
    `held_out_unknown` those that are not in the vocabulary. `longest_line` is the longest training
    line in words, without dropped ones. `held_out_mask` says which lines of the corpus are held
    out. `examples` and `held_out` are `PrefixExamples` for the lesson, `EncodedLines` for models of
    whole lines. `warnings` are sentences on a text that can be trained on but hardly makes sense;
    `notes` say how it was read. `kept` is set for a large text, whose lines are not in memory.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    window: int
    longest_line: int
    tokens: int
    distinct_words: int
    examples: Examples
    held_out: Examples
    held_out_mask: Mask
    held_out_lines: int
    held_out_words: int
    held_out_unknown: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    kept: KeptLines | None = None

    @property
    def card(self) -> CorpusFacts:
        """The description of the corpus for events and model cards."""
        return {
            "name": self.corpus.name,
            "sha256": self.corpus.sha256,
            "lines": self.corpus.line_count,
            "words": self.corpus.words,
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


def prepare(
    corpus: Corpus,
    tokenizer_name: str,
    settings: TextConfig,
    window: Callable[[int], int],
    *,
    special_tokens: Sequence[str] = (),
    inherited: tuple[Vocabulary, Conventions] | None = None,
    held_out: Mask | None = None,
) -> PreparedText:
    """Splits, counts and encodes a corpus. Each line is tokenized once.

    `window` returns the model's window for a longest training line of so many words. `inherited`
    are the vocabulary and the conventions of the model that the training starts from; by default
    they are learned from the training lines. `held_out` [L] is the mask of held-out lines; by
    default it follows from the settings. Without special tokens the result is `PreparedPrefixes`,
    in which unknown words are dropped, else `PreparedLines`.

    Raises CorpusError if there is not enough to train on, StorageError if the arrays of a large
    text cannot be written.
    """
    is_given, written = held_out is not None, written_lines(corpus.lines)
    if held_out is None:
        held_out = hold_out(written, settings.held_out, settings.seed)
    text = _encode_text(corpus, tokenizer_name, settings, special_tokens, inherited, held_out)
    facts, vocabulary, held_ids = text.facts, text.vocabulary, text.held_out[0]
    longest, unknown_id = int(text.train[1].max()), vocabulary.unknown_id
    size, folder = window(longest), folder_of(corpus.lines)
    kind: type[PreparedText] = PreparedPrefixes
    examples: Callable[..., Examples] = partial(PrefixExamples, window=size)
    if vocabulary.special_tokens:
        kind, examples = PreparedLines, partial(EncodedLines, folder=folder)
    prepared = kind(
        corpus=corpus,
        tokenizer=make_tokenizer(tokenizer_name, facts.conventions, vocabulary),
        vocabulary=vocabulary,
        window=size,
        longest_line=longest,
        tokens=facts.words,
        distinct_words=facts.distinct_words,
        examples=examples(*text.train),
        held_out=examples(*text.held_out),
        held_out_mask=held_out,
        held_out_lines=int((held_out & written).sum()) if len(held_ids) else 0,
        held_out_words=facts.held_out_words,
        held_out_unknown=int(count_ids(held_ids, vocabulary.total_words)[unknown_id or PADDING]),
        warnings=tuple(_warnings(corpus, settings.held_out, text, is_given)),
        notes=facts.missing,
        kept=text.kept,
    )
    if isinstance(prepared, PreparedPrefixes):
        _check_prefixes(prepared, settings.held_out)
    return prepared


def _encode_text(
    corpus: Corpus,
    tokenizer_name: str,
    settings: TextConfig,
    special_tokens: Sequence[str],
    inherited: tuple[Vocabulary, Conventions] | None,
    held_out: Mask,
) -> EncodedText:
    """The text as ids. Those of a large text are saved, and reused if nothing has changed."""
    folder, key = folder_of(corpus.lines), ""
    if folder is not None:
        words = None if inherited is None else (inherited[0].words, inherited[1])
        limits = settings.max_vocabulary, settings.min_count
        key = key_of(corpus, tokenizer_name, limits, special_tokens, words, held_out)
        if (encoded := read_encoded(folder, key, special_tokens)) is not None:
            return encoded
    if inherited is None:
        tokenizer = learn_tokenizer(tokenizer_name, corpus.lines, held_out)
    else:
        tokenizer = make_tokenizer(tokenizer_name, inherited[1], inherited[0])
    text, kept, missing = number_words(corpus.lines, tokenizer, held_out)
    counts = text.counts()
    if not counts.any():
        where = " in the lines to train on" if text.words else ""
        raise CorpusError(f"{corpus.name} holds no words{where}", "give a text with lines of words")
    vocabulary = inherited and inherited[0]
    if vocabulary is None:
        vocabulary = _frequent_words(corpus, text, counts, settings, special_tokens)
    train, held = encode(text, vocabulary, folder)
    facts = EncodedFacts(
        conventions=tokenizer.conventions,
        words=text.total,
        distinct_words=int(np.count_nonzero(counts)),
        held_out_words=text.total - int(counts.sum()),
        only_word=next(iter(text.words)) if len(text.words) == 1 else None,
        missing=missing,
    )
    encoded = EncodedText(facts, vocabulary, train, held, kept)
    if folder is not None:
        write_encoded(folder, key, encoded)
    return encoded


def _frequent_words(
    corpus: Corpus,
    text: NumberedText,
    counts: NDArray[np.int64],
    settings: TextConfig,
    special_tokens: Sequence[str],
) -> Vocabulary:
    vocabulary = Vocabulary.of_counts(
        dict(zip(text.words, counts.tolist(), strict=True)),
        special_tokens,
        most=settings.max_vocabulary,
        min_count=settings.min_count,
    )
    if not vocabulary.words:
        raise CorpusError(
            f"no word occurs {settings.min_count} times in {corpus.name}",
            Sentence("give a smaller {min_count}"),
        )
    if (size := vocabulary.json_bytes()) > LARGEST_VOCABULARY:
        raise CorpusError(
            f"the {len(vocabulary.words):,} different words of {corpus.name} take"
            f" {format_bytes(size)}; a model can hold {format_bytes(LARGEST_VOCABULARY)} of words",
            Sentence("keep the most frequent words, such as {max_vocabulary} 100000"),
        )
    return vocabulary


def _warnings(corpus: Corpus, fraction: float, text: EncodedText, is_given: bool) -> Iterator[str]:
    if fraction > 0 and not len(text.held_out[0]):
        count = corpus.line_count
        are, them = ("is", "it") if count == 1 else ("are", "them")
        few = f"{plural(count, 'line')} {are} too few to hold {fraction:.0%} of {them} out"
        if is_given and round(count * fraction):
            few = "the models that it starts from or is built on have seen nearly all lines"
        yield f"nothing is held out: {few}, so the figures tell how well the model remembers"
    if text.facts.only_word is not None:
        yield (
            f"every word of {corpus.name} is {shorten(text.facts.only_word)!r}: whatever the"
            " figures say, there is nothing to learn"
        )


def _check_prefixes(prepared: PreparedPrefixes, fraction: float) -> None:
    corpus = prepared.corpus
    if (pairs := len(prepared.examples)) < FEWEST_EXAMPLES:
        raise CorpusError(
            f"{corpus.name} gives {plural(pairs, 'pair')} of words and a next word;"
            f" at least {FEWEST_EXAMPLES} are needed",
            "give a text with lines of two words or more",
        )
    if fraction > 0 and len(prepared.held_out) == 0:
        raise CorpusError(
            f"holding out {fraction:g} of the {corpus.line_count} lines of {corpus.name} leaves"
            " no pair to measure on",
            Sentence("raise {held_out}, or leave it out"),
        )
