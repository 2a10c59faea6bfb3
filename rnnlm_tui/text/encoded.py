"""A corpus as lines of ids, for the models that learn every word of a line and its end.

Shapes: N words of the text, L lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID


class EncodedLines:
    """The non-empty lines of a text, all in one array.

    `tokens` [N] are the ids of all words, line after line, without the begin and end of a line;
    `lengths` [L] are the words of each line, `starts` [L] the places where the lines begin.
    """

    def __init__(self, tokens: NDArray[np.int32], lengths: NDArray[np.int64]) -> None:
        """`lengths` may hold zeros for empty lines."""
        self.tokens = tokens
        self.lengths = lengths[lengths > 0]
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        """The number of lines."""
        return len(self.starts)

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        """The lines, each as a view of its ids."""
        ends = self.starts + self.lengths
        return (self.tokens[a:b] for a, b in zip(self.starts, ends, strict=True))

    @property
    def predictions(self) -> int:
        """The number of words and ends of lines, which are predicted."""
        return len(self.tokens) + len(self)

    def first(self, count: int) -> list[tuple[list[int], int]]:
        """The first `count` words and ends of lines, each after the ids before it in its line, the
        begin of the line included."""
        found: list[tuple[list[int], int]] = []
        for line in self:
            whole = [BEGIN_ID, *line.tolist(), END_ID]
            for i in range(1, len(whole)):
                if len(found) == count:
                    return found
                found.append((whole[:i], whole[i]))
        return found
