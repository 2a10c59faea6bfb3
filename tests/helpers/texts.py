"""Texts as lines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rnnlm_tui.text.corpus import Corpus, held_out_mask, read_corpus, split_lines


def split_held_out(
    lines: Sequence[str], share: float, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The training lines and the held-out lines of a text."""
    return split_lines(lines, held_out_mask(len(lines), share, seed))


def corpus_of(path: Path) -> Corpus:
    """The text of one file."""
    return read_corpus([path], None, io.BytesIO())
