"""Excerpts: held-out lines where they stand in their text."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlm_tui.text import excerpts
from rnnlm_tui.text.excerpts import Excerpt, excerpts_of, spread_excerpts

LINES = [f"line {number}" for number in range(40)]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few short lines are enough for an excerpt, and above it."""
    monkeypatch.setattr(excerpts, "CHARACTERS_ABOVE", len("line 00 line 00 line 00"))
    monkeypatch.setattr(excerpts, "CHARACTERS_EACH", len("line 00line 00line 00line 00"))


def mask(*held_out: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.isin(np.arange(len(LINES)), held_out)


def test_each_has_the_lines_that_stand_above_it_in_the_text() -> None:
    excerpts = excerpts_of(LINES, mask(1, 2, 20, 21))
    assert excerpts == [
        Excerpt(("line 0",), ("line 1", "line 2")),
        Excerpt(tuple(LINES[17:20]), ("line 20", "line 21")),
    ]
    assert excerpts_of(LINES, mask()) == []


def test_a_long_block_is_several_and_a_small_gap_makes_no_other() -> None:
    excerpts = excerpts_of(LINES, mask(*range(20, 26), 27, 29))
    assert [excerpt.lines for excerpt in excerpts] == [
        tuple(LINES[20:24]),
        ("line 24", "line 25", "line 27", "line 29"),
    ]
    assert [excerpt.above[-1] for excerpt in excerpts] == ["line 19", "line 23"]
    assert len(excerpts_of(LINES, mask(20, 25))) == 2


def test_a_sample_of_excerpts_is_spread_over_the_text() -> None:
    every = excerpts_of(LINES, mask(*range(40)))
    assert len(every) == 10 and excerpts_of(LINES, mask(*range(40)), 80) == every
    some = excerpts_of(LINES, mask(*range(40)), 32)
    assert len(some) == 4 and {*some} < {*every}
    assert every.index(some[0]) < 2 and every.index(some[-1]) > 4


def test_a_sample_is_spread_over_the_text_and_stands_below_the_lines_above_it() -> None:
    lines = [f"{number} " + "word " * 9 for number in range(5000)]
    blocks = spread_excerpts(lines, 4000)
    assert [len(block.lines) for block in blocks] == [100] * 4
    for block, first in zip(blocks, (0, 1250, 2500, 3750), strict=True):
        assert abs(lines.index(block.lines[0]) - first) <= 1
        below = [*block.above, *block.lines]
        assert below == lines[: lines.index(block.lines[-1]) + 1][-len(below) :]
        assert (sum(map(len, block.above)) > 11_000) == (first > 0)
    assert spread_excerpts(lines[:9], 2000) == [Excerpt((), tuple(lines[:9]))]
    assert spread_excerpts([], 2000) == [Excerpt((), ())]
    unspaced = ["字" * 1000] * 100  # about 170 words a line, one of them by its spaces
    assert 10 <= sum(len(block.lines) for block in spread_excerpts(unspaced, 2000)) <= 16
