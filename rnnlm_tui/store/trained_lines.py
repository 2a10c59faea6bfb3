"""Hashes of the lines that a model and its ancestors were trained on.

They tell which lines of any text the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.load import check_checksum
from rnnlm_tui.store.weights import LARGEST_HEADER, read_arrays, write_tensors
from rnnlm_tui.text.corpus import held_out_mask
from rnnlm_tui.text.overlap import NO_WORDS, Hashes, hash_lines, no_hashes
from rnnlm_tui.text.streams import Block, Lines, Mask, StreamedLines
from rnnlm_tui.text.tokenizer import Tokenizer

MOST_LINES = 1 << 24
"""The most hashes stored, at 8 bytes each; further ones are dropped."""
LARGEST_LINES_FILE = 3 * 8 * MOST_LINES + LARGEST_HEADER
DTYPES = {
    "known": np.dtype(np.uint64),
    "held_out": np.dtype(np.int32),
    "unseen": np.dtype(np.uint64),
}
FEWEST_WORDS = 4
"""Shorter lines may occur in any text."""


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The lines that a model has seen and those that it held out.

    `known` are the sorted hashes of the lines that the model or an ancestor was trained on.
    `held_out` are the ascending indices of the held-out lines of its corpus, and `unseen` the
    sorted hashes of those that are not `known`; older models have no `unseen`.
    """

    known: Hashes
    held_out: NDArray[np.int32]
    unseen: Hashes = field(default_factory=no_hashes)

    def count(self, lines: Iterable[str], tokenizer: Tokenizer) -> int:
        """The number of `lines` whose words were trained on, short lines apart."""
        long = (line for line in lines if tokenizer.line_key(line).count(" ") >= FEWEST_WORDS - 1)
        return int(np.isin(hash_lines(long, tokenizer), self.known).sum())

    def hold_out_again(self, lines: Lines, tokenizer: Tokenizer, share: float, seed: int) -> Mask:
        """Which lines [L] of another text, or of a text that has grown, to hold out: those held out
        before, and about `share` of the new ones."""
        hashes = _hashes_of(lines, tokenizer)
        may_be = (hashes != NO_WORDS) & ~np.isin(hashes, self.known)
        held_out = np.isin(hashes, self.unseen)
        if not len(self.unseen):
            held_out[self.held_out[self.held_out < len(lines)]] = True
        held_out &= may_be
        is_new = may_be & ~held_out
        held_out[is_new] = held_out_mask(int(is_new.sum()), share, seed)
        return held_out


def trained_on(
    lines: Lines, held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
) -> TrainedLines:
    """The lines of a training on `lines` [L] except `held_out` [L]; `ancestors` are the hashes of
    the lines that its ancestors were trained on."""
    hashes = hash_lines(lines, tokenizer)
    return trained_on_hashes(hashes[~held_out], hashes[held_out], held_out, ancestors)


def trained_on_hashes(
    train: Hashes, unseen: Hashes, held_out: Mask, ancestors: Hashes
) -> TrainedLines:
    """The same from hashes of the training lines and of the held-out lines."""
    known: Hashes = np.union1d(train[train != NO_WORDS], ancestors)[:MOST_LINES]
    unseen = np.setdiff1d(unseen[unseen != NO_WORDS], known)[:MOST_LINES]
    return TrainedLines(known, np.flatnonzero(held_out).astype(np.int32), unseen)


def _hashes_of(lines: Lines, tokenizer: Tokenizer) -> Hashes:
    if isinstance(lines, StreamedLines):
        task = partial(_hash_block, tokenizer)
        return np.concatenate([*lines.map(task, "comparing lines")])
    return hash_lines(lines, tokenizer)


def _hash_block(tokenizer: Tokenizer, block: Block) -> Hashes:
    return hash_lines(block.train, tokenizer)


def write_trained_lines(path: Path, lines: TrainedLines) -> None:
    """Writes or replaces the file of the lines. Raises StorageError."""
    write_tensors(path, {name: getattr(lines, name) for name in DTYPES})


def read_trained_lines(folder: Path, card: ModelCard) -> TrainedLines | None:
    """The lines of the model in `folder`; None for an older format. Raises ModelError if the file
    is damaged."""
    if card.lines is None:
        return None
    check_checksum(folder, card, card.lines)
    arrays = read_arrays(folder / card.lines)
    arrays.setdefault("unseen", no_hashes())
    if {name: array.dtype for name, array in arrays.items()} != DTYPES:
        raise ModelError(f"{card.lines} holds other tensors than the lines of a model")
    for array in arrays.values():
        if array.ndim != 1 or (array[1:] <= array[:-1]).any() or (array[:1] < 0).any():
            raise ModelError(f"{card.lines} is damaged: its numbers do not rise")
    return TrainedLines(**arrays)
