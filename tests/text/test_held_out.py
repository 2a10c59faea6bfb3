"""Holding lines out, samples of lines, and excerpts of a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.text.held_out import Excerpt, Mask, excerpts_of, hold_out, sampled, written_lines

LINES = [f"line {number}" for number in range(40)]


def test_held_out_lines_are_whole_blocks_that_follow_from_the_seed() -> None:
    first, again, other = (hold_out(np.full(400, True), 0.1, seed) for seed in (3, 3, 4))
    assert (np.diff(np.flatnonzero(first)) > 1).sum() == 1, "two blocks of 20 lines"
    assert (first == again).all() and (first != other).any()


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.floats(0, 0.5), st.integers(0, 99))
def test_a_split_holds_out_the_share_and_no_blank_line(
    count: int, fraction: float, seed: int
) -> None:
    mask = hold_out(written_lines(["a", " "] * count), fraction, seed)
    assert mask.sum() == round(count * fraction) and not mask[1::2].any()


def mask(*chosen: int) -> Mask:
    return np.isin(np.arange(len(LINES)), chosen)


def test_each_excerpt_has_what_stands_above_it_in_the_text() -> None:
    excerpts = excerpts_of(LINES, mask(1, 2, 20, 21, 23), each=2)
    assert excerpts == [
        Excerpt(["line 0"], ["line 1", "line 2"]),
        Excerpt(LINES[16:20], ["line 20", "line 21", "line 23"]),
    ]
    assert len(excerpts_of(LINES, mask(20, 24))) == 1
    assert len(excerpts_of(LINES, mask(20, 25))) == 2
    assert excerpts_of(LINES, mask()) == []


@pytest.mark.parametrize(("line", "words"), [("word " * 10, 10), ("字" * 60, 10), ("a b", 2)])
def test_a_sample_is_stretches_that_are_spread_over_the_text(line: str, words: int) -> None:
    lines = [line] * 4_000
    sample = np.flatnonzero(sampled(lines, 400 * words, each=100 * words))
    assert sample.tolist() == [first + i for first in (0, 1000, 2000, 3000) for i in range(100)]
    assert sampled(lines, 4_000 * words).all()
    half = np.arange(4_000) < 2_000
    sample = np.flatnonzero(sampled(lines, 400 * words, half, each=200 * words))
    assert sample.tolist() == [*range(200), *range(1000, 1200)]
