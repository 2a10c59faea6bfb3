"""The passes over a text: one call each for a text in memory, one a block for a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.arrays import ArrayWriter, check_space
from rnnlm_tui.text.corpus import split_lines
from rnnlm_tui.text.encoded import with_ends
from rnnlm_tui.text.line_hashes import Hashes, hash_lines
from rnnlm_tui.text.numbering import Encoded, NumberedBlock, NumberedText
from rnnlm_tui.text.samples import lines_of_share
from rnnlm_tui.text.streams import Block, Lines, Mask, StreamedLines
from rnnlm_tui.text.tokenizer import PROSE, TOKENIZERS, Tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnlm_tui.text.prose import ProseSigns

MOST_TOKENS_A_WORD = 1.4
"""Tokens a word between white space: 1.2 in English prose, with its marks."""
BYTES_A_TOKEN = 4 + 4
"""On the disk: its number, and its id, which takes half of that if there are few words."""
FEW_WORDS = 1 << 16
NUMBERS, TRAIN_IDS, HELD_OUT_IDS = "text-numbers.bin", "text-train.bin", "text-held-out.bin"
"""The files of a large text: the numbers of its words, for a while, and the ids of both parts."""
KEPT_WORDS = 10_000, 20_000
"""About so many words of the lines to train on, and held out, are kept of a large text."""


@dataclass(frozen=True, slots=True)
class KeptLines:
    """What is kept of the lines of a large text, those to train on and those held out: a hash of
    each, and some of them to measure on."""

    hashes: tuple[Hashes, Hashes]
    lines: tuple[tuple[str, ...], tuple[str, ...]]


def folder_of(lines: Lines) -> Path | None:
    """Where a large text has its arrays; None for one in memory."""
    return lines.workspace.folder if isinstance(lines, StreamedLines) else None


def learn_tokenizer(name: str, lines: Lines, held_out: Mask) -> Tokenizer:
    """The tokenizer of a new model that is trained on all lines but those of `held_out` [L]."""
    if name != PROSE:
        return TOKENIZERS[name]
    from rnnlm_tui.text.prose import learn_prose, learn_prose_of  # loads regex: 13 ms

    if isinstance(lines, StreamedLines):
        return learn_prose_of(lines, held_out)
    return learn_prose(split_lines(lines, held_out)[0])


def number_words(
    lines: Lines, tokenizer: Tokenizer, held_out: Mask
) -> tuple[NumberedText, KeptLines | None, tuple[str, ...]]:
    """The words of a text as numbers, what is kept of a large one, and what the tokenizer misses in
    the lines to train on, in sentences. Raises StorageError if there is no space for the numbers.
    """
    if isinstance(lines, StreamedLines):
        return _number_blocks(lines, tokenizer, held_out)
    train, held = split_lines(lines, held_out)
    text = NumberedText(ArrayWriter(None, np.int32))
    text.add(NumberedBlock.of(Block(train, held), tokenizer))
    signs = _signs_of(tokenizer, train)
    return text, None, tuple(signs.notes()) if signs else ()


@dataclass(frozen=True, slots=True)
class NumberWords:
    """A task: numbers the words of a block, and finds what is kept of it. `shares` of the lines to
    train on, and held out, are kept."""

    tokenizer: Tokenizer
    shares: tuple[float, float]

    def __call__(self, block: Block) -> tuple[NumberedBlock, KeptLines, ProseSigns | None]:
        """The words of the block, what is kept of it, and the signs of prose."""
        parts = (block.train, block.first_train), (block.held_out, block.first_held_out)
        train, held_out = (
            tuple(lines_of_share(part, share, first))
            for (part, first), share in zip(parts, self.shares, strict=True)
        )
        hashes = tuple(hash_lines(part, self.tokenizer) for part, _ in parts)
        return (
            NumberedBlock.of(block, self.tokenizer),
            KeptLines((hashes[0], hashes[1]), (train, held_out)),
            _signs_of(self.tokenizer, block.train),
        )


def _signs_of(tokenizer: Tokenizer, lines: Sequence[str]) -> ProseSigns | None:
    if tokenizer.name != PROSE:
        return None
    from rnnlm_tui.text.prose import ProseSigns

    return ProseSigns.of(lines)


def _number_blocks(
    lines: StreamedLines, tokenizer: Tokenizer, held_out: Mask
) -> tuple[NumberedText, KeptLines | None, tuple[str, ...]]:
    workspace, words = lines.workspace, max(1, lines.facts.words)
    workspace.make_folder()
    check_space(workspace.folder, round(MOST_TOKENS_A_WORD * BYTES_A_TOKEN * words))
    text = NumberedText(ArrayWriter(workspace.folder / NUMBERS, np.int32))
    share = float(held_out.mean())
    parts = zip(KEPT_WORDS, (1 - share, share), strict=True)
    shares = [min(1.0, most / max(1.0, words * of_words)) for most, of_words in parts]
    kept, all_signs = list[KeptLines](), None
    task = NumberWords(tokenizer, (shares[0], shares[1]))
    for block, of_block, signs in lines.map(task, "encoding words", held_out):
        text.add(block)
        kept.append(of_block)
        if all_signs is None:
            all_signs = signs
        elif signs is not None:
            all_signs.add(signs)
    return text, _together(kept), tuple(all_signs.notes()) if all_signs else ()


def _together(kept: Sequence[KeptLines]) -> KeptLines:
    """What is kept of all blocks."""
    train, held_out = zip(*(of_block.hashes for of_block in kept), strict=True)
    train_lines, held_lines = zip(*(of_block.lines for of_block in kept), strict=True)
    return KeptLines(
        (np.concatenate(train), np.concatenate(held_out)),
        (tuple(chain.from_iterable(train_lines)), tuple(chain.from_iterable(held_lines))),
    )


def encode(text: NumberedText, vocabulary: Vocabulary, folder: Path | None) -> list[Encoded]:
    """The lines to train on, and those held out, as ids; with the ends of lines if the vocabulary
    has one. Those of a large text are in files of its `folder`. Raises StorageError."""
    names = (None, None) if folder is None else (folder / TRAIN_IDS, folder / HELD_OUT_IDS)
    kind = np.uint16 if folder is not None and vocabulary.total_words <= FEW_WORDS else np.int32
    writers = [ArrayWriter(name, kind) for name in names]
    all_lengths: tuple[list[NDArray[Any]], list[NDArray[Any]]] = [], []
    for parts in text.encoded(vocabulary):
        for (ids, lengths), writer, of_part in zip(parts, writers, all_lengths, strict=True):
            has_ends = vocabulary.end_id is not None
            writer.append(with_ends(ids, lengths) if has_ends else ids)
            of_part.append(lengths)
    encoded = [
        (writer.finish(), np.concatenate(lengths))
        for writer, lengths in zip(writers, all_lengths, strict=True)
    ]
    text.writer.discard()
    return encoded
