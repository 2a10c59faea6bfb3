"""The rows of a stage, of the words of a line and of the next word, with their roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.explain import Explanation, LineWord
from rnnlm_tui.wording.explain_rows import (
    TOP_LEVEL,
    StyledRow,
    influence_rows,
    layer_rows,
    next_title,
    stage_rows,
    suggestion_rows,
)
from tests.helpers.inside import embedding, explanation


def plain(rows: Iterable[StyledRow]) -> list[str]:
    return ["".join(text for text, _ in row).rstrip() for row in rows]


# A stage

SCALED = Stage("e", "", np.array([[0.15, 0.1], [1, -3]], np.float32), ("a", "b"), scale=0.8)
RELU = Stage("relu", "", np.array([0, 0, 0, 2, *[0] * 196], np.float32))
TOP = Stage("softmax", "They sum to 1.", np.ones(3), top=(("compare", 0.75), ("do", 0.25)))
WIDE = Stage("logits", "", np.ones(2), top=(("東京" * 9, 2.0), ("e\u0301" * 3, -1.0)))
IDS = Stage("ids", "", np.array([3, 1, 4]), ("shall", "i", "go"))
SIGNS = "#≡=-·░▒▓█"
STAGES: list[tuple[Stage, int, int, list[str]]] = [
    (embedding(9), 40, 4, ["row6 #≡-·▒█", "row7 #≡-·▒█", "row8 #≡-·▒█",
                           f"-0.5 {SIGNS} 0.5   6 of 6 units"]),
    (embedding(9), 10, 2, ["row8 #≡-·▒", f"-0.5 {SIGNS} 0.5   5 of 6 units"]),
    (embedding(1), 8, 4, ["row0 #≡-", "", "row0 ·▒█", f"-0.5 {SIGNS} 0.5   6 of 6 units"]),
    (replace(embedding(1), groups=("left", "right")), 15, 3,
     ["     left  right", "row0 #≡-   ·▒█", f"-0.5 {SIGNS} 0.5   3 of 3 units"]),
    (SCALED, 80, 3, ["a ░░", "b █#", f"-0.8 {SIGNS} 0.8   2 of 2 units"]),
    (RELU, 30, 3, ["···█" + "·" * 26, "·" * 30, "0 ·░▒▓█ 2   60 of 200 units"]),
    (Stage("s", "", np.full((1, 3), np.nan), ("a",)), 80, 2, ["a", "0 ·░▒▓█ 1   3 of 3 units"]),
    (TOP, 80, 9, ["compare          75.0% ██████████████████████████████",
                  "do               25.0% ██████████"]),
    (WIDE, 40, 9, ["東京東京東京…     2.00 █████████████████",
                    "e\u0301e\u0301e\u0301              -1.00"]),
    (IDS, 80, 2, ["i                     1", "go                    4"]),
]  # fmt: skip
"""Stages in a width and a height. A number is drawn alike beside any others."""


@pytest.mark.parametrize(("stage", "width", "height", "rows"), STAGES)
def test_a_stage_is_drawn_in_the_room_there_is(
    stage: Stage, width: int, height: int, rows: list[str]
) -> None:
    assert plain(stage_rows(stage, width, height)) == rows


SIZES = Stage("gru", "", np.array([[-1, -0.6, 0, 0.3, 0.3, 1]]), ("a",))


def test_a_number_is_a_glyph_or_a_colour_by_its_sign_and_size() -> None:
    drawn = {-TOP_LEVEL: "#", -5: "≡", 0: "·", 3: "▒▒", TOP_LEVEL: "█"}
    glyphs, _ = stage_rows(SIZES, 20, 3)
    assert glyphs[:-1] == [("a ", ""), *((glyph, (level,)) for level, glyph in drawn.items())]
    cells, _ = stage_rows(SIZES, 20, 3, in_colours=True)
    assert cells[1:-1] == [(" " * len(glyph), (level, level)) for level, glyph in drawn.items()]


def test_two_numbers_share_a_cell_in_colours_if_there_are_few() -> None:
    row, legend = stage_rows(SIZES, 5, 3, in_colours=True)
    assert row == [
        ("a ", ""),
        ("▌", (-TOP_LEVEL, -5)),
        ("▌", (0, 3)),
        ("▌", (3, TOP_LEVEL)),
    ]
    assert legend[-1] == (" 1   6 of 6 units", "dim")
    assert [levels for _, levels in legend[1:-1]] == [
        (n, n) for n in range(-TOP_LEVEL, TOP_LEVEL + 1, 2)
    ]


def test_a_layer_is_told_in_one_row_or_two() -> None:
    layer = replace(SIZES, layer="GRU", formula="h_t = tanh(x)", parameters=75_300)
    assert plain(layer_rows(layer, 50)) == ["GRU   h_t = tanh(x)   75,300 parameters"]
    assert plain(layer_rows(layer, 30)) == ["GRU   75,300 parameters", "h_t = tanh(x)"]
    assert plain(layer_rows(SIZES, 30)) == []


# The words of the line


def with_falls(*falls: float) -> Explanation:
    """A line whose words make the probability of 0.6 fall so much if they are left out."""
    each = (np.array([fall], np.float32) for fall in falls)
    words = (LineWord(f"w{n}", True, True, 0.5, 1, fall) for n, fall in enumerate(each))
    return replace(explanation(), words=tuple(words))


FALLS, EIGHT = with_falls(0.3, -0.6, 0.001, 0, 0.598, 0.6, -60), with_falls(*[0.0] * 8)
INFLUENCES: list[tuple[Explanation, int, int, list[str]]] = [
    (FALLS, 80, 1, ["w0 x2  w1 x0.5  w2 x1  w3 x1  w4 x300  w5 x9,999  w6 x0.0099"]),
    (EIGHT, 30, 2, ["w0 x1  w1 x1  w2 x1  w3 x1", "w4 x1  w5 x1  w6 x1  w7 x1"]),
    (EIGHT, 30, 1, ["… w4 x1  w5 x1  w6 x1  w7 x1"]),
    (EIGHT, 24, 2, ["… w2 x1  w3 x1  w4 x1", "w5 x1  w6 x1  w7 x1"]),
    (replace(explanation(("shall", "zzz")), earlier=1), 80, 1, ["… shall x2  zzz (unknown)"]),
]


@pytest.mark.parametrize(("found", "width", "height", "rows"), INFLUENCES)
def test_how_much_each_word_counts_is_told_without_colours(
    found: Explanation, width: int, height: int, rows: list[str]
) -> None:
    assert plain(influence_rows(found, width, height)) == rows


def test_words_have_levels_by_how_many_times_as_likely_they_make_a_suggestion() -> None:
    (row,) = influence_rows(FALLS, 80, 1)
    levels = [role[0] for _, role in row if isinstance(role, tuple)]
    assert levels == [1, -1, 0, 0, TOP_LEVEL, TOP_LEVEL, -TOP_LEVEL]


WORDS = (
    LineWord("shall", True, True, None, 3, None),
    LineWord("i", True, True, 0.25, 1, None),
    LineWord("zzz", False, False, None, None, None),
    LineWord("compare", True, True, 0.0001, 1203, None),
    LineWord(",", True, True, 0.5, None, None),
)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (WORDS[:0], "the first word"),
        (WORDS[:1], 'the next word, after "shall"'),
        (WORDS[:2], 'the next word; "i" was guess number 1 (25%, 2.0 bits)'),
        (WORDS[:3], 'the next word; the model does not know "zzz"'),
        (WORDS, 'the next word; "compare" was guess number 1,203 (<0.1%, 13.3 bits)'),
        (WORDS[4:], 'the next word; "," was never suggested (50%, 1.0 bits)'),
    ],
)
def test_the_guess_of_the_last_word_is_told(words: tuple[LineWord, ...], title: str) -> None:
    assert next_title(replace(explanation(), words=words)) == title


# The next word


def test_a_suggestion_is_one_bar_of_what_each_part_adds() -> None:
    found = explanation()
    assert plain(suggestion_rows(found, 51, 9)) == [
        "█ network   ▓ n-grams",
        "compare          60% ██████████████████████▓▓▓▓▓▓▓▓",
        "do               20% ██▓▓▓▓▓▓▓▓",
    ]
    corrected = (found.suggestions[0], replace(found.suggestions[1], corrects=True))
    rows = plain(suggestion_rows(replace(found, suggestions=corrected), 51, 9))
    assert [row[:14] for row in rows[1:]] == ["compare       ", "≈do           "]
