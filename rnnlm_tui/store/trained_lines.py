"""Which lines a model was trained on.

Hashes of the lines that the model and its ancestors were trained on tell which lines of any text it
has seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.corpus import hold_out
from rnnlm_tui.text.overlap import NO_WORDS, Hashes, hash_lines
from rnnlm_tui.text.streams import Block, Lines, Mask, StreamedLines
from rnnlm_tui.text.tokenizer import Tokenizer

MAX_LINES = 1 << 24
"""The most hashes stored, at 8 bytes each; further ones are dropped."""
FEWEST_WORDS = 4
"""Shorter lines may occur in any text."""


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The lines that a model has seen and those that it held out.

    `trained_hashes` are the sorted hashes of the lines that the model or an ancestor was trained
    on. `held_out` are the ascending indices of the held-out lines of its corpus, `unseen_hashes`
    the sorted hashes of those that it was not trained on either.
    """

    trained_hashes: Hashes
    held_out: NDArray[np.int32]
    unseen_hashes: Hashes

    def held_out_of(self, lines: Lines) -> Mask:
        """Mask of the held-out lines of the model's corpus [L], arranged as for its training."""
        held_out = np.zeros(len(lines), dtype=bool)
        held_out[self.held_out[self.held_out < len(held_out)]] = True
        return held_out

    def hold_out_again(
        self, lines: Lines, tokenizer: Tokenizer, fraction: float, seed: int, base: Hashes
    ) -> Mask:
        """Which lines [L] of another text, or of a text that has grown, to hold out: those held out
        before, and about a `fraction` of the new ones. None is a line that this model was trained
        on, or one whose hash is in `base`."""
        hashes = hashes_of(lines, tokenizer)
        may_be = (hashes != NO_WORDS) & ~np.isin(hashes, np.union1d(self.trained_hashes, base))
        held_out: Mask = np.isin(hashes, self.unseen_hashes) & may_be
        return held_out | hold_out(may_be & ~held_out, fraction, seed)


def count_seen(lines: Iterable[str], tokenizer: Tokenizer, seen: Hashes) -> int:
    """The number of `lines` whose words are among those with the hashes `seen`, excluding short
    lines."""
    long = (line for line in lines if tokenizer.line_key(line).count(" ") >= FEWEST_WORDS - 1)
    return int(np.isin(hash_lines(long, tokenizer), seen).sum())


def trained_lines_of(
    lines: Lines, held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
) -> TrainedLines:
    """The lines of a training on `lines` [L] except `held_out` [L]; `ancestors` are the hashes of
    the lines that its ancestors were trained on."""
    hashes = hash_lines(lines, tokenizer)
    return trained_lines_of_hashes(hashes[~held_out], hashes[held_out], held_out, ancestors)


def trained_lines_of_hashes(
    train: Hashes, unseen: Hashes, held_out: Mask, ancestors: Hashes
) -> TrainedLines:
    """The same from hashes of the training lines and of the held-out lines."""
    trained: Hashes = np.union1d(train[train != NO_WORDS], ancestors)[:MAX_LINES]
    unseen = np.setdiff1d(unseen[unseen != NO_WORDS], trained)[:MAX_LINES]
    return TrainedLines(trained, np.flatnonzero(held_out).astype(np.int32), unseen)


def hold_out_unseen(
    lines: Lines, tokenizer: Tokenizer, fraction: float, seed: int, base: Hashes
) -> Mask:
    """Which lines [L] of a new model's text to hold out: about a `fraction` of those with words
    whose hashes are not in `base`."""
    hashes = hashes_of(lines, tokenizer)
    return hold_out((hashes != NO_WORDS) & ~np.isin(hashes, base), fraction, seed)


def hashes_of(lines: Lines, tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L] of a text."""
    if isinstance(lines, StreamedLines):
        task = partial(_hash_block, tokenizer)
        return np.concatenate([*lines.map(task, "comparing lines")])
    return hash_lines(lines, tokenizer)


def _hash_block(tokenizer: Tokenizer, block: Block) -> Hashes:
    return hash_lines(block.train, tokenizer)
