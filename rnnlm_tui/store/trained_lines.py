"""Which lines a model was trained on: a hash of each, and of those of the models it started from.

A line that one of these models saw is not unseen, wherever it is in a later text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

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
FEWEST_WORDS = 4
"""A line that has fewer may occur in any text."""


def no_hashes() -> Hashes:
    """The hashes of no lines."""
    return np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class TrainedLines:
    """The sorted hashes of the lines that a model was trained on, and of those that its ancestors
    were; `held_out` are the numbers of its corpus's lines held out, from 0, rising."""

    own: Hashes
    ancestors: Hashes
    held_out: NDArray[np.int32]

    @classmethod
    def of(
        cls, lines: Sequence[str], held_out: Mask, tokenizer: Tokenizer, ancestors: Hashes
    ) -> TrainedLines:
        """Those of a training on `lines` [L], of which `held_out` [L] were held out."""
        own = hash_lines(lines, tokenizer)[~held_out]
        return cls(_distinct(own), ancestors, np.flatnonzero(held_out).astype(np.int32))

    @property
    def known(self) -> Hashes:
        """The hashes of all lines that the model or an ancestor was trained on, sorted."""
        return _distinct(np.concatenate((self.own, self.ancestors)))

    def count(self, lines: Iterable[str], tokenizer: Tokenizer) -> int:
        """How many of `lines` were trained on, word by word; short ones do not count."""
        long = (line for line in lines if len(tokenizer.words(line)) >= FEWEST_WORDS)
        return int(is_known(hash_lines(long, tokenizer), self.known).sum())


def hash_lines(lines: Iterable[str], tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L]; a million lines take some seconds."""
    words_of = map(tokenizer.words, lines)
    return np.fromiter((_hash_of(w) if w else NO_WORDS for w in words_of), dtype=np.uint64)


def _hash_of(words: Iterable[str]) -> int:
    spelled = " ".join(words).encode(errors="surrogatepass")
    return int.from_bytes(blake2b(spelled, digest_size=8).digest(), "little")


def held_out_of_new_lines(
    lines: Sequence[str], tokenizer: Tokenizer, known: Hashes, share: float, seed: int
) -> Mask:
    """Which of `lines` [L] to hold out: about `share` of those with words that are not known."""
    hashes = hash_lines(lines, tokenizer)
    is_new = (hashes != NO_WORDS) & ~is_known(hashes, known)
    held_out = np.zeros(len(lines), dtype=bool)
    held_out[is_new] = held_out_mask(int(is_new.sum()), share, seed)
    return held_out


def is_known(hashes: Hashes, known: Hashes) -> Mask:
    """Which of `hashes` [L] are among `known`, which are sorted."""
    if len(known) == 0:
        return np.zeros(len(hashes), dtype=bool)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.equal(known[places], hashes)


def _distinct(hashes: Hashes) -> Hashes:
    found: Hashes = np.unique(hashes[hashes != NO_WORDS])
    return found[:MOST_LINES]


def write_trained_lines(path: Path, lines: TrainedLines) -> None:
    """Writes the lines in place of `path`. Raises StorageError."""
    arrays: dict[str, NDArray[Any]]
    arrays = {"own": lines.own, "ancestors": lines.ancestors, "held_out": lines.held_out}
    write_tensors(path, arrays)


def read_trained_lines(folder: Path, card: ModelCard) -> TrainedLines | None:
    """The lines of the model in `folder`; None for a model of an older format. Raises ModelError
    if they are damaged."""
    if card.lines is None:
        return None
    check_checksum(folder, card, card.lines)
    arrays = read_arrays(folder / card.lines)
    if arrays.keys() != {"own", "ancestors", "held_out"}:
        raise ModelError(f"{card.lines} holds other tensors than the lines of a model")
    for name, array in arrays.items():
        dtype = np.int32 if name == "held_out" else np.uint64
        if array.dtype != dtype or array.ndim != 1 or (array[1:] <= array[:-1]).any():
            raise ModelError(f"{card.lines} is damaged: the numbers of {name} do not rise")
    lines = TrainedLines(**arrays)
    if len(lines.held_out) and lines.held_out[0] < 0:
        raise ModelError(f"{card.lines} is damaged: a line number is negative")
    return lines
