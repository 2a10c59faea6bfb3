"""Which lines a model was trained on: a hash of each, and of those of the models it started from.

A line that one of these models saw is not unseen, wherever it is in a later text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.load import check_checksum
from rnnlm_tui.store.weights import LARGEST_HEADER, read_arrays, write_tensors
from rnnlm_tui.text.corpus import Mask, held_out_mask
from rnnlm_tui.text.tokenizer import Tokenizer

Hashes: TypeAlias = NDArray[np.uint64]
NO_WORDS = 0
"""The hash of a line without words, which is never known."""
MOST_LINES = 1 << 24
"""The different lines that a model remembers, at 8 bytes each; further ones are forgotten."""
LARGEST_LINES_FILE = 3 * 8 * MOST_LINES + LARGEST_HEADER
FORM = {
    "known": np.dtype(np.uint64),
    "held_out": np.dtype(np.int32),
    "unseen": np.dtype(np.uint64),
}
FEWEST_WORDS = 4
"""A line that has fewer may occur in any text."""


def no_hashes() -> Hashes:
    """The hashes of no lines."""
    return np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """`known` are the sorted hashes of the lines that a model or an ancestor was trained on,
    `held_out` the numbers of its corpus's lines that were held out, from 0, rising, and `unseen`
    the sorted hashes of these but for those that are known. Older models have no `unseen`."""

    known: Hashes
    held_out: NDArray[np.int32]
    unseen: Hashes = field(default_factory=no_hashes)

    def count(self, lines: Iterable[str], tokenizer: Tokenizer) -> int:
        """How many of `lines` were trained on, word by word; short ones do not count."""
        long = (line for line in lines if tokenizer.line_key(line).count(" ") >= FEWEST_WORDS - 1)
        return int(np.isin(hash_lines(long, tokenizer), self.known).sum())

    def hold_out_again(
        self, lines: Sequence[str], tokenizer: Tokenizer, share: float, seed: int
    ) -> Mask:
        """Which lines [L] of a text that is not the model's own, or has grown since, to hold out:
        those that were held out before, and about `share` of those that are new."""
        hashes = hash_lines(lines, tokenizer)
        may_be = (hashes != NO_WORDS) & ~np.isin(hashes, self.known)
        held_out = np.isin(hashes, self.unseen)
        if not len(self.unseen):
            held_out[self.held_out[self.held_out < len(lines)]] = True
        held_out &= may_be
        is_new = may_be & ~held_out
        held_out[is_new] = held_out_mask(int(is_new.sum()), share, seed)
        return held_out


def trained_on(
    lines: Sequence[str], held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
) -> TrainedLines:
    """The result of a training on `lines` [L] but those of `held_out` [L], by a model whose
    ancestors know the lines of `ancestors`."""
    hashes = hash_lines(lines, tokenizer)
    has_words = hashes != NO_WORDS
    known: Hashes = np.union1d(hashes[has_words & ~held_out], ancestors)[:MOST_LINES]
    unseen: Hashes = np.setdiff1d(hashes[has_words & held_out], known)[:MOST_LINES]
    return TrainedLines(known, np.flatnonzero(held_out).astype(np.int32), unseen)


def hash_lines(lines: Iterable[str], tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L]; a million lines take some seconds."""
    keys = map(tokenizer.line_key, lines)
    return np.fromiter((_hash_of(key) if key else NO_WORDS for key in keys), dtype=np.uint64)


def _hash_of(key: str) -> int:
    spelled = key.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(spelled, digest_size=8).digest(), "little")


def write_trained_lines(path: Path, lines: TrainedLines) -> None:
    """Writes the lines in place of `path`. Raises StorageError."""
    write_tensors(path, {name: getattr(lines, name) for name in FORM})


def read_trained_lines(folder: Path, card: ModelCard) -> TrainedLines | None:
    """The lines of the model in `folder`; None for a model of an older format. Raises ModelError
    if they are damaged."""
    if card.lines is None:
        return None
    check_checksum(folder, card, card.lines)
    arrays = read_arrays(folder / card.lines)
    arrays.setdefault("unseen", no_hashes())
    if {name: array.dtype for name, array in arrays.items()} != FORM:
        raise ModelError(f"{card.lines} holds other tensors than the lines of a model")
    for array in arrays.values():
        if array.ndim != 1 or (array[1:] <= array[:-1]).any() or (array[:1] < 0).any():
            raise ModelError(f"{card.lines} is damaged: its numbers do not rise")
    return TrainedLines(**arrays)
