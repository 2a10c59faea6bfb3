"""Numbers as cells: what each glyph says, and that every number can be reached."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.tui.inside.cells import Cells, is_of_cells
from tests.helpers.inside import embedding, explanation


def plain(cells: Cells) -> list[str]:
    return [row.plain for row in cells.rows()]


def test_the_glyph_says_the_sign_and_the_size_of_a_number() -> None:
    values = np.array([[-1, -0.7, -0.3, -0.1, 0, 0.1, 0.3, 0.7, 1]], np.float32)
    cells = Cells.of(Stage("states", "", values, ("a",)), 20, 3, None)
    assert plain(cells) == ["a #≡=-·░▒▓█"]
    (row,) = cells.rows()
    assert [(row.plain[span.start], str(span.style)) for span in row.spans] == [
        ("#", "$text-warning"),
        ("·", "$text-disabled"),
        ("░", "$text-primary"),
    ], "the colour says the same"


def test_of_many_rows_the_last_ones_are_shown_and_of_one_long_row_the_first_numbers() -> None:
    assert [row[:4] for row in plain(Cells.of(embedding(9), 40, 3, None))] == [
        "row6",
        "row7",
        "row8",
    ]
    relu = next(s for s in explanation().parts[0].stages if s.name == "relu layer")
    cells = Cells.of(relu, 30, 4, None)
    assert plain(cells) == ["···▒" + "·" * 26, *["·" * 30] * 3]
    assert cells.told.startswith("units 1-120 of 200 ")


@pytest.mark.parametrize("width", [1, 7, 12, 40])
def test_every_number_can_be_pointed_at_in_any_room(width: int) -> None:
    values = np.arange(1, 4 * 30 + 1, dtype=np.float32).reshape(4, 30)
    matrix, vector = Stage("m", "", values, tuple("abcd")), Stage("v", "", values.ravel())
    told = set()
    for row in range(4):
        for column in range(30):
            cells = Cells.of(matrix, width, 2, (row, column))
            assert cells.top <= row < cells.top + 2
            assert cells.left <= column < cells.left + cells.width
            told.add(cells.told)
    assert told >= {"a, unit 1 of 30: 1.0000", "d, unit 30 of 30: 120.0000"}
    assert len(told) == 120
    told = {Cells.of(vector, width, 2, divmod(place, width)).told for place in range(120)}
    assert len(told) == 120
    assert "unit 120 of 120: 120.0000" in told


def test_what_is_pointed_at_is_kept_within_a_smaller_array() -> None:
    cells = Cells.of(embedding(2), 40, 5, (7, 50))
    assert cells.told == "row1, unit 6 of 6: 0.5000"
    after = Cells.of(Stage("v", "", np.ones(5, np.float32)), 4, 3, (1, 3))
    assert after.told == "after the last unit"
    assert plain(after) == ["████", "█   "]


def test_an_array_of_zeros_or_of_invalid_numbers_is_drawn() -> None:
    for number in (0.0, np.nan):
        values = np.full((2, 3), number, np.float32)
        assert len(plain(Cells.of(Stage("s", "", values, ("a", "b")), 9, 2, None))) == 2


def test_numbers_that_belong_to_words_are_not_cells() -> None:
    stages = [stage for part in explanation().parts for stage in part.stages]
    assert [stage.name for stage in stages if is_of_cells(stage)] == ["embedding", "relu layer"]
    assert not is_of_cells(Stage("ids", "", np.array([], np.float32)))
