"""Hashes of lines, by which the lines of a text are recognised in other texts.

Shapes: L lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.tokenizer import Tokenizer

Hashes: TypeAlias = NDArray[np.uint64]
NO_WORDS = 0
"""The hash of a line without words."""


def hash_lines(lines: Iterable[str], tokenizer: Tokenizer) -> Hashes:
    """Returns the hashes of the words of the lines [L]. A million lines take a few seconds."""
    from hashlib import blake2b  # it loads OpenSSL, 4 ms that a suggestion does not need

    hashes = array("Q")
    for line in lines:
        key = tokenizer.line_key(line).encode(errors="surrogatepass")
        digest = blake2b(key, digest_size=8).digest()
        hashes.append(int.from_bytes(digest, "little") if key else NO_WORDS)
    return np.array(hashes, dtype=np.uint64)
