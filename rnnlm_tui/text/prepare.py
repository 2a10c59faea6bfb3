"""From a text to what a model learns from: lines held out, words numbered, a vocabulary, ids.

Shapes: N words, L lines of the text, blank ones included.
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
from rnnlm_tui.text.held_out import Mask, hold_out, sample_mask, written_lines
from rnnlm_tui.text.line_hashes import NO_WORDS, Hashes, hash_lines
from rnnlm_tui.text.reading import Report, Text, no_report
from rnnlm_tui.text.tokenizer import PROSE, TOKENIZERS, Tokenizer, make_tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary, special_tokens_of

LEARNED_WORDS = 1_000_000
"""Words of the lines that the conventions of prose are learned from, spread over the text."""
REPORTED_LINES = 1 << 12
"""The progress is reported after so many lines."""
FEWEST_PAIRS = 2
FEW_IDS = 1 << 16
"""So many ids fit into two bytes each."""
NOTHING_HELD_OUT = (
    "too few different lines to keep some apart: the figures tell how well it remembers those it"
    " has learned"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text with its vocabulary and its lines as ids.

    `train` and `held_out` are the lines with words; without special tokens in the vocabulary,
    unknown words are dropped from them. `held_out_mask` [L] says which lines of the text are held
    out, and `hashes` [L] which have the same words. `distinct_words` counts the distinct words of
    the training lines, `held_out_words` all words of the held-out lines, dropped ones included.
    `warnings` are sentences on a text that can be trained on but hardly makes sense; `notes` say
    how it was read.
    """

    text: Text
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    window: int
    train: EncodedLines
    held_out: EncodedLines
    held_out_mask: Mask
    hashes: Hashes
    distinct_words: int
    held_out_words: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_lesson(self) -> bool:
        """Whether it is for the lesson's network, which predicts no ends of lines."""
        return self.vocabulary.end_id is None

    @property
    def predictions(self) -> int:
        """The number of predictions in an epoch."""
        return self.predictions_in(self.train)

    def predictions_in(self, lines: EncodedLines) -> int:
        """The words and ends of lines that are predicted; for the lesson all words but the first of
        each line."""
        return lines.words - len(lines) if self.is_lesson else lines.words + len(lines)

    @property
    def card(self) -> CorpusFacts:
        """The description of the text for events and model cards."""
        return CorpusFacts(self.text.name, self.text.sha256, self.text.lines, self.text.words)


def prepare(
    text: Text,
    config: Config,
    *,
    window: int | None = None,
    tokenizer: Tokenizer | None = None,
    known: Vocabulary | None = None,
    held_out: Mask | None = None,
    vocabulary_for: Callable[[Vocabulary], Vocabulary] | None = None,
    report: Report = no_report,
) -> Prepared:
    """Splits, counts and encodes a text. Each line is tokenized once.

    `window` and `tokenizer` are those of a model that the training goes on with; by default the
    window follows from the longest line, and the tokenizer is learned from the training lines and
    knows the usual case of `known` words too. `held_out` [L] is the mask of held-out lines; by
    default it follows from the settings. Those that also stand among the training lines are learned
    instead, so that no figure is of a line that was seen. `vocabulary_for` is given the text's own
    frequent words, as the settings limit them, and returns the vocabulary; by default it is these.
    Raises CorpusError if there is not enough to train on.
    """
    settings, special_tokens = config.train, special_tokens_of(config)
    if held_out is None:
        held_out = hold_out(written_lines(text), settings.held_out, settings.seed)
    if config.tokenizer != PROSE:
        tokenizer = TOKENIZERS[config.tokenizer]
    elif tokenizer is None:
        from rnnlm_tui.text.prose_learning import learn_prose  # loads regex

        sample = compress(text, sample_mask(text, LEARNED_WORDS, ~held_out))
        tokenizer = learn_prose(sample, known.words if known else ())
    hashes = hash_lines(text, tokenizer)
    held_out = held_out & ((hashes == NO_WORDS) | ~np.isin(hashes, hashes[~held_out]))
    number_of = dict[str, int]()
    train_lines = _reported(compress(text, ~held_out), len(held_out), report)
    train_numbers, train_lengths = number_words(train_lines, tokenizer, number_of)
    if not number_of:
        why = f"{text.name} holds no words to train on"
        raise CorpusError(why, "give a text with lines of words")
    of_numbers = np.bincount(train_numbers).tolist()
    counts = Counter(dict(zip(number_of, of_numbers, strict=True)))
    # Those that are equally frequent are in the order of the text.
    frequent = [word for word, _ in counts.most_common() if word not in special_tokens]
    vocabulary = Vocabulary(frequent[: settings.max_vocabulary], special_tokens)
    if vocabulary_for is not None:
        vocabulary = vocabulary_for(vocabulary)
    numbers, lengths = number_words(compress(text, held_out), tokenizer, number_of)
    ids = vocabulary.ids([*number_of])
    if vocabulary.total_words <= FEW_IDS:
        ids = ids.astype(np.uint16)
    train = _encoded(ids[train_numbers], train_lengths, vocabulary)
    held = _encoded(ids[numbers], lengths, vocabulary)
    prepared = Prepared(
        text=text,
        tokenizer=make_tokenizer(config.tokenizer, tokenizer.conventions, vocabulary),
        vocabulary=vocabulary,
        window=config.window(train.longest) if window is None else window,
        train=train,
        held_out=held,
        held_out_mask=held_out,
        hashes=hashes,
        distinct_words=len(counts),
        held_out_words=len(numbers),
        notes=(*filter(None, (text.files, text.note)),),
        warnings=(NOTHING_HELD_OUT,) if settings.held_out > 0 and not len(held) else (),
    )
    _check_pairs(prepared)
    return prepared


def _check_pairs(prepared: Prepared) -> None:
    """Raises CorpusError if the lesson has too few pairs to learn from."""
    if prepared.is_lesson and prepared.predictions < FEWEST_PAIRS:
        raise CorpusError(
            f"{prepared.text.name} gives {plural(prepared.predictions, 'pair')} of words and a next"
            f" word; at least {FEWEST_PAIRS} are needed",
            "give a text with lines of two words or more",
        )


def _reported(lines: Iterable[str], count: int, report: Report) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number % REPORTED_LINES == REPORTED_LINES - 1:
            report("encoding words", number, count)
        yield line


def _encoded(ids: NDArray[Any], lengths: NDArray[np.int64], vocabulary: Vocabulary) -> EncodedLines:
    """Lines of so many words [L] with these ids [N], without those that are dropped."""
    if vocabulary.unknown_id is None and not (is_kept := ids != PADDING).all():
        line = np.repeat(np.arange(len(lengths)), lengths)
        ids, lengths = ids[is_kept], np.bincount(line[is_kept], minlength=len(lengths))
    return EncodedLines(ids, lengths)
