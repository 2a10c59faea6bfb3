"""Hashes of lines, to recognise them in other texts."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.tokenizer import Tokenizer

Hashes: TypeAlias = NDArray[np.uint64]
NO_WORDS = 0
"""The hash of a line without words."""


def no_hashes() -> Hashes:
    """An empty array of hashes."""
    return np.empty(0, dtype=np.uint64)


def hash_lines(lines: Iterable[str], tokenizer: Tokenizer) -> Hashes:
    """A hash of the words of each line [L]. A million lines take a few seconds."""
    keys = map(tokenizer.line_key, lines)
    return np.fromiter((_hash_of(key) if key else NO_WORDS for key in keys), dtype=np.uint64)


def _hash_of(key: str) -> int:
    spelled = key.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(spelled, digest_size=8).digest(), "little")
