"""The passes over a text: a single call for a text in memory, one per block for a larger one.

Words are numbered by first appearance, so that lines are tokenized once, before the vocabulary is
known. A block numbers its own words, training lines first. When all blocks are there, the words of
the text and their counts are known, and the numbers are translated into ids.

Shapes: N words, L lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import ArrayWriter, check_space
from rnnlm_tui.text.corpus import sample_lines, split_lines
from rnnlm_tui.text.examples import insert_ends
from rnnlm_tui.text.excerpts import Excerpt, excerpts_of, sample_excerpts
from rnnlm_tui.text.overlap import Hashes, hash_lines
from rnnlm_tui.text.streams import Block, Lines, Mask, StreamedLines, written_lines
from rnnlm_tui.text.tokenizer import TokenizedText, Tokenizer, tokenize_lines
from rnnlm_tui.text.tokenizers import PROSE, TOKENIZERS
from rnnlm_tui.text.vocabulary import PADDING, Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.prose_learning import ProseSigns

MAX_TOKENS_PER_WORD = 1.4
"""Upper bound on tokens per whitespace-separated word; English prose has 1.2, with its marks."""
BYTES_PER_TOKEN = 4 + 4
"""Bytes on disk: the number, and the id, which takes 2 for small vocabularies."""
FEW_WORDS = 1 << 16
NUMBERS, TRAIN_IDS, HELD_OUT_IDS = "text-numbers.bin", "text-train.bin", "text-held-out.bin"
"""The files of a large text: the numbers of its words (temporary), and the ids of both parts."""
KEPT_WORDS = 10_000, 20_000
"""About how many words of training lines and of held-out lines are kept of a large text."""


Encoded = tuple[NDArray[Any], NDArray[np.int64]]
"""The concatenated ids of lines, without unknown words that have no id, and the length of each."""


@dataclass(slots=True)
class _NumberedBlock:
    """A block within the text: where its numbers begin, the numbers in the text of its own words,
    and the words without a number yet, which occur in held-out lines only."""

    begin: int
    numbers: NDArray[np.int32]
    counts: NDArray[np.int64]
    others: tuple[str, ...]
    lengths: NDArray[np.int64]
    train_lines: int


@dataclass(slots=True)
class NumberedText:
    """All blocks of a text, whose numbers go to `writer`, in memory or in a file."""

    writer: ArrayWriter
    words: dict[str, int] = field(default_factory=dict)
    """The distinct words and their numbers. Words of held-out lines only come last."""
    total: int = 0
    """The number of words."""
    _blocks: list[_NumberedBlock] = field(default_factory=list)

    def add(self, block: TokenizedText, train_lines: int) -> None:
        """Adds the next block, whose first lines are training lines. Raises StorageError if its
        numbers cannot be written."""
        train_words = int(block.lengths[:train_lines].sum())
        counts = np.bincount(block.numbers[:train_words])
        train_types = len(counts)
        numbers = self._numbers_of(block.words[:train_types])
        self._blocks.append(
            _NumberedBlock(
                self.total, numbers, counts, block.words[train_types:], block.lengths, train_lines
            )
        )
        self.writer.append(block.numbers)
        self.total += len(block.numbers)

    def counts(self) -> NDArray[np.int64]:
        """How often each word occurs in the training lines. To be called after the last `add`."""
        counts = np.zeros(len(self.words), np.int64)
        for block in self._blocks:
            counts[block.numbers] += block.counts
        for block in self._blocks:
            block.numbers = np.append(block.numbers, self._numbers_of(block.others))
            block.others = ()
        return np.append(counts, np.zeros(len(self.words) - len(counts), np.int64))

    def _numbers_of(self, words: Sequence[str]) -> NDArray[np.int32]:
        number_of = self.words
        return np.array([number_of.setdefault(word, len(number_of)) for word in words], np.int32)

    def encode(self, vocabulary: Vocabulary) -> Iterator[tuple[Encoded, Encoded]]:
        """The training lines and the held-out lines of each block as ids."""
        numbers, ids = self.writer.finish(), vocabulary.ids([*self.words])
        for block in self._blocks:
            words = int(block.lengths.sum())
            of_block = ids[block.numbers][numbers[block.begin : block.begin + words]]
            yield _split_ids(of_block, block.lengths, block.train_lines)


def _split_ids(
    ids: NDArray[np.int32], lengths: NDArray[np.int64], train_lines: int
) -> tuple[Encoded, Encoded]:
    kept = ids != PADDING
    if not kept.all():
        line_of = np.repeat(np.arange(len(lengths)), lengths)
        ids, lengths = ids[kept], np.bincount(line_of[kept], minlength=len(lengths))
    end = int(lengths[:train_lines].sum())
    return (ids[:end], lengths[:train_lines]), (ids[end:], lengths[train_lines:])


@dataclass(frozen=True, slots=True)
class KeptLines:
    """What is kept of a large text: the hashes of its training lines and of its held-out lines, and
    samples of both to measure on."""

    hashes: tuple[Hashes, Hashes]
    train: tuple[str, ...]
    held_out: tuple[Excerpt, ...]


def folder_of(lines: Lines) -> Path | None:
    """The folder of a large text's arrays; None for a text in memory."""
    return lines.workspace.folder if isinstance(lines, StreamedLines) else None


def learn_tokenizer(name: str, lines: Lines, held_out: Mask) -> Tokenizer:
    """The tokenizer of a new model, learned from all lines but those of `held_out` [L]."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose_learning import learn_prose, learn_prose_of  # loads regex

    if isinstance(lines, StreamedLines):
        return learn_prose_of(lines, held_out)
    return learn_prose(split_lines(lines, held_out)[0])


def number_words(
    lines: Lines, tokenizer: Tokenizer, held_out: Mask
) -> tuple[NumberedText, KeptLines | None, tuple[str, ...]]:
    """The words of a text as numbers, what is kept of a large text, and notes on what the tokenizer
    misses in the training lines. Raises StorageError if there is no space for the numbers."""
    if isinstance(lines, StreamedLines):
        return _number_blocks(lines, tokenizer, held_out)
    train, held = split_lines(lines, held_out)
    text = NumberedText(ArrayWriter(None, np.int32))
    text.add(tokenize_lines([*train, *held], tokenizer), len(train))
    signs = _signs_of(tokenizer, train)
    return text, None, tuple(signs.notes()) if signs else ()


def _number_block(
    tokenizer: Tokenizer, train_fraction: float, block: Block
) -> tuple[TokenizedText, int, KeptLines, ProseSigns | None]:
    """The words of a block, the number of its training lines, what is kept of it apart from
    excerpts, and the signs of prose. A share of the training lines is kept."""
    return (
        tokenize_lines([*block.train, *block.held_out], tokenizer),
        len(block.train),
        KeptLines(
            (hash_lines(block.train, tokenizer), hash_lines(block.held_out, tokenizer)),
            tuple(sample_lines(block.train, train_fraction, block.first_train)),
            (),
        ),
        _signs_of(tokenizer, block.train),
    )


def _signs_of(tokenizer: Tokenizer, lines: Sequence[str]) -> ProseSigns | None:
    if tokenizer.name != PROSE:
        return None
    from rnnlm_tui.text.prose_learning import ProseSigns

    return ProseSigns.of(lines)


def _number_blocks(
    lines: StreamedLines, tokenizer: Tokenizer, held_out: Mask
) -> tuple[NumberedText, KeptLines | None, tuple[str, ...]]:
    workspace, words = lines.workspace, max(1, lines.facts.words)
    workspace.make_folder()
    check_space(workspace.folder, round(MAX_TOKENS_PER_WORD * BYTES_PER_TOKEN * words))
    text = NumberedText(ArrayWriter(workspace.folder / NUMBERS, np.int32))
    fraction = float(held_out.sum() / max(1, written_lines(lines).sum()))
    most_train, most_held_out = KEPT_WORDS
    kept, all_signs = list[KeptLines](), None
    task = partial(
        _number_block, tokenizer, min(1.0, most_train / max(1.0, words * (1 - fraction)))
    )
    for block, train_lines, of_block, signs in lines.map(task, "encoding words", held_out):
        text.add(block, train_lines)
        kept.append(of_block)
        if all_signs is None:
            all_signs = signs
        elif signs is not None:
            all_signs.add(signs)
    excerpts = list[Excerpt]()
    if fraction:
        sample_fraction = min(1.0, most_held_out / max(1.0, words * fraction))
        excerpts += sample_excerpts(excerpts_of(lines, held_out), sample_fraction)
    of_text = _concatenate(kept, tuple(excerpts))
    return text, of_text, tuple(all_signs.notes()) if all_signs else ()


def _concatenate(kept: Sequence[KeptLines], excerpts: tuple[Excerpt, ...]) -> KeptLines:
    train, held_out = zip(*(of_block.hashes for of_block in kept), strict=True)
    lines = tuple(chain.from_iterable(of_block.train for of_block in kept))
    return KeptLines((np.concatenate(train), np.concatenate(held_out)), lines, excerpts)


def encode(text: NumberedText, vocabulary: Vocabulary, folder: Path | None) -> list[Encoded]:
    """The training lines and the held-out lines as ids, with ends of lines if the vocabulary has
    one; those of a large text are files in its `folder`. Raises StorageError."""
    names = (None, None) if folder is None else (folder / TRAIN_IDS, folder / HELD_OUT_IDS)
    kind = np.uint16 if folder is not None and vocabulary.total_words <= FEW_WORDS else np.int32
    writers = [ArrayWriter(name, kind) for name in names]
    all_lengths: tuple[list[NDArray[Any]], list[NDArray[Any]]] = [], []
    for parts in text.encode(vocabulary):
        for (ids, lengths), writer, of_part in zip(parts, writers, all_lengths, strict=True):
            has_ends = vocabulary.end_id is not None
            writer.append(insert_ends(ids, lengths) if has_ends else ids)
            of_part.append(lengths)
    encoded = [
        (writer.finish(), np.concatenate(lengths))
        for writer, lengths in zip(writers, all_lengths, strict=True)
    ]
    text.writer.discard()
    return encoded
