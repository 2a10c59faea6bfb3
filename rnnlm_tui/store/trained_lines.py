"""Which lines a model was trained on: a hash of each, and of those of the models it started from.

A line that one of these models saw is not unseen, wherever it is in a later text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
LARGEST_LINES_FILE = 2 * 8 * MOST_LINES + LARGEST_HEADER
FORM = {"known": np.dtype(np.uint64), "held_out": np.dtype(np.int32)}
FEWEST_WORDS = 4
"""A line that has fewer may occur in any text."""


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """`known` are the sorted hashes of the lines that a model or an ancestor was trained on,
    `held_out` the numbers of its corpus's lines that were held out, from 0, rising."""

    known: Hashes
    held_out: NDArray[np.int32]

    def count(self, lines: Iterable[str], tokenizer: Tokenizer) -> int:
        """How many of `lines` were trained on, word by word; short ones do not count."""
        long = (line for line in lines if tokenizer.line_key(line).count(" ") >= FEWEST_WORDS - 1)
        return int(np.isin(hash_lines(long, tokenizer), self.known).sum())


def no_hashes() -> Hashes:
    """The hashes of no lines."""
    return np.empty(0, dtype=np.uint64)


def trained_on(
    lines: Sequence[str], held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
) -> TrainedLines:
    """The result of a training on `lines` [L] but those of `held_out` [L], by a model whose
    ancestors know the lines of `ancestors`."""
    hashes = hash_lines(lines, tokenizer)[~held_out]
    known: Hashes = np.union1d(hashes[hashes != NO_WORDS], ancestors)[:MOST_LINES]
    return TrainedLines(known, np.flatnonzero(held_out).astype(np.int32))


def held_out_of_new_lines(
    lines: Sequence[str], tokenizer: Tokenizer, known: Hashes, share: float, seed: int
) -> Mask:
    """Which of `lines` [L] to hold out: about `share` of those with words that are not known."""
    hashes = hash_lines(lines, tokenizer)
    is_new = (hashes != NO_WORDS) & ~np.isin(hashes, known)
    held_out = np.zeros(len(lines), dtype=bool)
    held_out[is_new] = held_out_mask(int(is_new.sum()), share, seed)
    return held_out


def hash_lines(lines: Iterable[str], tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L]; a million lines take some seconds."""
    keys = map(tokenizer.line_key, lines)
    return np.fromiter((_hash_of(key) if key else NO_WORDS for key in keys), dtype=np.uint64)


def _hash_of(key: str) -> int:
    spelled = key.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(spelled, digest_size=8).digest(), "little")


def write_trained_lines(path: Path, lines: TrainedLines) -> None:
    """Writes the lines in place of `path`. Raises StorageError."""
    write_tensors(path, {"known": lines.known, "held_out": lines.held_out})


def read_trained_lines(folder: Path, card: ModelCard) -> TrainedLines | None:
    """The lines of the model in `folder`; None for a model of an older format. Raises ModelError
    if they are damaged."""
    if card.lines is None:
        return None
    check_checksum(folder, card, card.lines)
    arrays = read_arrays(folder / card.lines)
    if {name: array.dtype for name, array in arrays.items()} != FORM:
        raise ModelError(f"{card.lines} holds other tensors than the lines of a model")
    for array in arrays.values():
        if array.ndim != 1 or (array[1:] <= array[:-1]).any() or (array[:1] < 0).any():
            raise ModelError(f"{card.lines} is damaged: its numbers do not rise")
    return TrainedLines(**arrays)
