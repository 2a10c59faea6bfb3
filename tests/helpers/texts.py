"""Texts as lines."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlm_tui.text.corpus import Corpus, hold_out, split_lines
from rnnlm_tui.text.streams import written_lines


def made_up_corpus(text: str) -> Corpus:
    """A text that was read from no file."""
    return Corpus("test", tuple(text.split("\n")), "", ())


def split_held_out(
    lines: Sequence[str], share: float, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The training lines and the held-out lines of a text."""
    lines = tuple(lines)
    return split_lines(lines, hold_out(written_lines(lines), share, seed))
