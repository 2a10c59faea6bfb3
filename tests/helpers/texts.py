"""Texts as lines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rnnlm_tui.text.corpus import Corpus, held_out_mask, read_corpus, split_lines


def split_held_out(
    lines: Sequence[str], share: float, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`lines` as those that a training learns from, and those that it holds out."""
    return split_lines(lines, held_out_mask(len(lines), share, seed))


def corpus_of(path: Path) -> Corpus:
    """The text of one file."""
    return read_corpus([path], None, io.BytesIO())
