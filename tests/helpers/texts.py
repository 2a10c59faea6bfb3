"""Texts as lines."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlm_tui.text.held_out import hold_out, split_lines, written_lines
from rnnlm_tui.text.reading import Text
from rnnlm_tui.text.words import count_words


def made_up_corpus(text: str) -> Text:
    """A text that was read from no file."""
    lines = tuple(text.split("\n"))
    words = sum(map(count_words, lines))
    return Text("test", (), "", words, int(written_lines(lines).sum()), lines)


def split_held_out(
    lines: Sequence[str], share: float, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The training lines and the held-out lines of a text."""
    lines = tuple(lines)
    return split_lines(lines, hold_out(written_lines(lines), share, seed))
