"""Prepares a corpus for training: holds lines out, counts words, makes a vocabulary and ids.

Shapes: N words, L lines of the corpus, blank ones included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import Config
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.events import CorpusFacts
from rnnlm_tui.formatting import plural
from rnnlm_tui.text.encoded_lines import EncodedLines, number_words
from rnnlm_tui.text.held_out import Mask, hold_out, not_blank, sample_mask
from rnnlm_tui.text.line_hashes import NO_WORDS, Hashes, hash_lines
from rnnlm_tui.text.reading import Corpus, Report, no_report
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import PROSE, TOKENIZERS, make_tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary, special_tokens_of

LEARNED_WORDS = 1_000_000
"""The most words from which the conventions of prose are learned. They are spread over the text."""
REPORTED_LINES = 1 << 12
"""The number of lines after which the progress is reported again."""
FEWEST_PAIRS = 2
"""The fewest examples to train the lesson's network on: pairs of a context and its next word."""
NOTHING_HELD_OUT = (
    "too few different lines to hold some out: the figures tell how well the model remembers lines"
    " that it has learned"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus with its vocabulary and its lines as ids."""

    corpus: Corpus
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    window: int
    """The number of words of context that the model sees."""
    train: EncodedLines
    """The training lines. Without special tokens in the vocabulary, unknown words are dropped."""
    held_out: EncodedLines
    """The held-out lines. Unknown words are dropped as in `train`."""
    held_out_mask: Mask
    """The mask [L] of the held-out lines."""
    hashes: Hashes
    """The hashes of the lines [L]. Lines with the same words have the same hash."""
    distinct_words: int
    """The number of different words in the training lines."""
    held_out_words: int
    """The number of words in the held-out lines, dropped ones included."""
    notes: tuple[str, ...]
    """Sentences on how the corpus was read."""
    warnings: tuple[str, ...]
    """Sentences on why the figures of a training on this corpus mean little."""

    @property
    def is_lesson(self) -> bool:
        """True if the corpus is for the lesson's network, which predicts no ends of lines."""
        return self.vocabulary.end_id is None

    @property
    def predictions(self) -> int:
        """The number of predictions in an epoch."""
        return self.predictions_in(self.train)

    def predictions_in(self, lines: EncodedLines) -> int:
        """Returns the number of predictions in these lines. The lesson's network predicts each word
        but the first of a line. Other models predict each word and the end of each line."""
        return lines.words - len(lines) if self.is_lesson else lines.words + len(lines)

    @property
    def corpus_facts(self) -> CorpusFacts:
        """The description of the corpus for events and model cards."""
        corpus = self.corpus
        return CorpusFacts(corpus.name, corpus.sha256, corpus.lines, corpus.words)


def prepare(
    corpus: Corpus,
    config: Config,
    *,
    window: int | None = None,
    tokenizer: Tokenizer | None = None,
    known: Vocabulary | None = None,
    held_out: Mask | None = None,
    vocabulary_for: Callable[[Vocabulary], Vocabulary] | None = None,
    report: Report = no_report,
) -> Prepared:
    """Splits, counts and encodes a corpus. Each line is tokenized once.

    A training that goes on with a model passes the `window` and the `tokenizer` of the model. By
    default the window follows from the longest line, and the tokenizer is learned from the training
    lines. It then also knows the usual case of the `known` words.

    `held_out` is the mask [L] of the lines to hold out. By default it follows from the settings. A
    held-out line that also stands among the training lines is learned, so that all figures are of
    lines that the model has not seen.

    `vocabulary_for` takes the most frequent words of the corpus, at most as many as the settings
    allow, and returns the vocabulary. By default these words are the vocabulary. Raises CorpusError
    if there is not enough to train on.
    """
    settings, special_tokens = config.train, special_tokens_of(config)
    if held_out is None:
        held_out = hold_out(not_blank(corpus), settings.held_out, settings.seed)
    if config.tokenizer != PROSE:
        tokenizer = TOKENIZERS[config.tokenizer]
    elif tokenizer is None:
        from rnnlm_tui.text.prose_learning import learn_prose  # here, because it loads regex

        sample = compress(corpus, sample_mask(corpus, LEARNED_WORDS, ~held_out))
        tokenizer = learn_prose(sample, known.words if known else ())
    hashes = hash_lines(corpus, tokenizer)
    # All lines without words have the same hash. They stay held out.
    held_out = held_out & ((hashes == NO_WORDS) | ~np.isin(hashes, hashes[~held_out]))
    number_of = dict[str, int]()
    train_lines = _reported(compress(corpus, ~held_out), len(held_out), report)
    train_numbers, train_lengths = number_words(train_lines, tokenizer, number_of)
    if not number_of:
        why = f"{corpus.name} holds no words to train on"
        raise CorpusError(why, "give a text with lines of words")
    occurrences = np.bincount(train_numbers).tolist()
    counts = Counter(dict(zip(number_of, occurrences, strict=True)))
    # Equally frequent words stay in the order of the text.
    frequent = [word for word, _ in counts.most_common() if word not in special_tokens]
    vocabulary = Vocabulary(frequent[: settings.max_vocabulary], special_tokens)
    if vocabulary_for is not None:
        vocabulary = vocabulary_for(vocabulary)
    # The counts above do not have the words that stand in held-out lines alone.
    numbers, lengths = number_words(compress(corpus, held_out), tokenizer, number_of)
    ids = vocabulary.ids([*number_of])
    if vocabulary.total_words <= 1 << 16:  # two bytes can hold each id
        ids = ids.astype(np.uint16)
    train = _encoded(ids[train_numbers], train_lengths, vocabulary)
    held_out_lines = _encoded(ids[numbers], lengths, vocabulary)
    prepared = Prepared(
        corpus=corpus,
        tokenizer=make_tokenizer(config.tokenizer, tokenizer.conventions, vocabulary),
        vocabulary=vocabulary,
        window=config.window(train.longest) if window is None else window,
        train=train,
        held_out=held_out_lines,
        held_out_mask=held_out,
        hashes=hashes,
        distinct_words=len(counts),
        held_out_words=len(numbers),
        notes=tuple(filter(None, (corpus.folder_note, corpus.lines_note))),
        warnings=(NOTHING_HELD_OUT,) if settings.held_out > 0 and not len(held_out_lines) else (),
    )
    if prepared.is_lesson and prepared.predictions < FEWEST_PAIRS:
        raise CorpusError(
            f"{corpus.name} gives {plural(prepared.predictions, 'pair')} of words and a"
            f" next word; at least {FEWEST_PAIRS} are needed",
            "give a text with lines of two words or more",
        )
    return prepared


def _reported(lines: Iterable[str], count: int, report: Report) -> Iterator[str]:
    """Yields the lines, and reports how many of `count` are done."""
    for number, line in enumerate(lines):
        if number % REPORTED_LINES == REPORTED_LINES - 1:
            report("encoding words", number, count)
        yield line


def _encoded(ids: NDArray[Any], lengths: NDArray[np.int64], vocabulary: Vocabulary) -> EncodedLines:
    """Returns lines with these `ids` [N] and numbers of words [L]. Unknown words are dropped if the
    vocabulary has no unknown token."""
    is_kept = ids != PADDING
    if vocabulary.unknown_id is None and not is_kept.all():
        line = np.repeat(np.arange(len(lengths)), lengths)
        ids, lengths = ids[is_kept], np.bincount(line[is_kept], minlength=len(lengths))
    return EncodedLines(ids, lengths)
