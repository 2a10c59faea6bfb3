"""Texts as lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from rnnlm_tui.text.held_out import hold_out, written_lines
from rnnlm_tui.text.reading import Text, count_words


def made_up_corpus(text: str) -> Text:
    """A text that was read from no file."""
    lines = int(written_lines(text.split("\n")).sum())
    return Text("test", (), "", count_words(text), lines, text.encode())


def split_held_out(lines: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """The training lines and the held-out lines of a text."""
    held_out = hold_out(written_lines(lines), share, seed)
    return [*compress(lines, ~held_out)], [*compress(lines, held_out)]
