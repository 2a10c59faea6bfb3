"""From a text to what a model learns from: lines held out, words numbered, a vocabulary, ids.

Shapes: N words, L lines of the text, blank ones included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlm_tui.config import Config
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.event_types import CorpusFacts
from rnnlm_tui.formatting import plural
from rnnlm_tui.text.encoded_lines import SLICE, EncodedLines, count_ids
from rnnlm_tui.text.held_out import Mask, hold_out, sample_lines, written_lines
from rnnlm_tui.text.reading import Report, Text, no_report
from rnnlm_tui.text.tokenizer import TokenizedText, Tokenizer, tokenize_lines
from rnnlm_tui.text.tokenizers import PROSE, TOKENIZERS, make_tokenizer
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

LEARNED_WORDS = 1_000_000
"""Words of the lines that the conventions of prose are learned from, spread over the text."""
REPORTED_LINES = 1 << 12
"""The progress is reported after so many lines."""
FEWEST_PAIRS = 2
FEW_IDS = 1 << 16
"""So many ids fit into two bytes each."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text with its vocabulary and its lines as ids.

    `train` and `held_out` are the lines with words; without special tokens in the vocabulary,
    unknown words are dropped from them. `held_out_mask` [L] says which lines of the text are held
    out. `distinct_words` counts the distinct words of the training lines, `held_out_words` all
    words of the held-out lines, dropped ones included. `warnings` are sentences on a text that can
    be trained on but hardly makes sense; `notes` say how it was read.
    """

    text: Text
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    window: int
    train: EncodedLines
    held_out: EncodedLines
    held_out_mask: Mask
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
    special_tokens: Sequence[str],
    window_for: Callable[[int], int],
    *,
    tokenizer: Tokenizer | None = None,
    known: Vocabulary | None = None,
    held_out: Mask | None = None,
    vocabulary_for: Callable[[Vocabulary], Vocabulary] | None = None,
    report: Report = no_report,
) -> Prepared:
    """Splits, counts and encodes a text. Each line is tokenized once.

    `window_for` returns the model's window for a longest training line of so many words.
    `tokenizer` is that of a model that the training goes on with; by default it is learned from the
    training lines, and knows the usual case of `known` words too. `held_out` [L] is the mask of
    held-out lines; by default it follows from the settings. `vocabulary_for` is given the text's
    own frequent words, as the settings limit them, and returns the vocabulary; by default it is
    these. Raises CorpusError if there is not enough to train on.
    """
    settings, is_given = config.train, held_out is not None
    if held_out is None:
        held_out = hold_out(written_lines(text), settings.held_out, settings.seed)
    if config.tokenizer != PROSE:
        tokenizer = TOKENIZERS[config.tokenizer]
    elif tokenizer is None:
        tokenizer = _learned(text, held_out, known.words if known else ())
    tokenized = tokenize_lines(_reported(text, len(held_out), report), tokenizer)
    is_trained = np.repeat(~held_out, tokenized.lengths)  # [N]
    counts = count_ids(tokenized.numbers[is_trained], len(tokenized.words))
    if not counts.any():
        where = " in the lines to train on" if tokenized.words else ""
        raise CorpusError(f"{text.name} holds no words{where}", "give a text with lines of words")
    vocabulary = Vocabulary.of_counts(
        dict(zip(tokenized.words, counts.tolist(), strict=True)),
        special_tokens,
        most=settings.max_vocabulary,
        min_count=settings.min_count,
    )
    if vocabulary_for is not None:
        vocabulary = vocabulary_for(vocabulary)
    if not vocabulary.words:
        why = f"no word occurs {settings.min_count} times in {text.name}"
        raise CorpusError(why, "give a smaller {min_count}")
    train, held = _encode(tokenized, vocabulary, held_out, is_trained)
    prepared = Prepared(
        text=text,
        tokenizer=make_tokenizer(config.tokenizer, tokenizer.conventions, vocabulary),
        vocabulary=vocabulary,
        window=window_for(train.longest),
        train=train,
        held_out=held,
        held_out_mask=held_out,
        distinct_words=int(np.count_nonzero(counts)),
        held_out_words=int(tokenized.lengths[held_out].sum()),
        notes=(text.note,) if text.note else (),
        warnings=(*_warnings(text, settings.held_out, held, is_given),),
    )
    if prepared.is_lesson and prepared.predictions < FEWEST_PAIRS:
        raise CorpusError(
            f"{text.name} gives {plural(prepared.predictions, 'pair')} of words and a next word;"
            f" at least {FEWEST_PAIRS} are needed",
            "give a text with lines of two words or more",
        )
    return prepared


def _learned(text: Text, held_out: Mask, known: Sequence[str]) -> Tokenizer:
    """The tokenizer of prose that is learned from the training lines, and knows the usual case of
    `known` words too."""
    from rnnlm_tui.text.prose_learning import learn_prose  # loads regex

    return learn_prose(sample_lines(text, LEARNED_WORDS, held_out), known)


def _reported(lines: Iterable[str], count: int, report: Report) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number % REPORTED_LINES == REPORTED_LINES - 1:
            report("encoding words", number, count)
        yield line


def _encode(
    text: TokenizedText, vocabulary: Vocabulary, held_out: Mask, is_trained: Mask
) -> tuple[EncodedLines, EncodedLines]:
    """The training lines and the held-out lines as ids, given which lines [L] are held out and
    which words [N] are not."""
    of_words = vocabulary.ids(text.words)
    if vocabulary.total_words <= FEW_IDS:
        of_words = of_words.astype(np.uint16)
    ids, lengths = np.empty(len(text.numbers), of_words.dtype), text.lengths
    for low in range(0, len(ids), SLICE):
        ids[low : low + SLICE] = of_words[text.numbers[low : low + SLICE]]
    if vocabulary.unknown_id is None and not (is_kept := ids != PADDING).all():
        kept_before = np.concatenate(([0], np.cumsum(is_kept)))
        lengths = np.diff(kept_before[np.concatenate(([0], np.cumsum(lengths)))])
        ids, is_trained = ids[is_kept], is_trained[is_kept]
    held = EncodedLines(ids[~is_trained], lengths[held_out])
    return EncodedLines(ids[is_trained], lengths[~held_out]), held


def _warnings(text: Text, fraction: float, held: EncodedLines, is_given: bool) -> Iterator[str]:
    if fraction > 0 and not len(held):
        are, them = ("is", "it") if text.lines == 1 else ("are", "them")
        few = f"{plural(text.lines, 'line')} {are} too few to hold {fraction:.0%} of {them} out"
        if is_given and round(text.lines * fraction):
            few = "the model that it starts from has seen nearly all lines"
        yield f"nothing is held out: {few}, so the figures tell how well the model remembers"
