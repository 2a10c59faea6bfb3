"""Numbers as cells: what each glyph says, and that every number can be reached."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.tui.inside.cells import Cells, is_of_cells, note_rows
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
    assert cells.told == "units 1-120 of 200"
    assert Cells.of(embedding(9), 10, 3, None).told == "rows 7-9 of 9, units 1-5 of 6"


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
    told = {Cells.of(vector, width, 2, (0, place)).told for place in range(120)}
    assert len(told) == 120
    assert "unit 120 of 120: 120.0000" in told


def test_what_is_pointed_at_is_kept_within_a_smaller_array() -> None:
    cells = Cells.of(embedding(2), 40, 5, (7, 50))
    assert cells.told == "row1, unit 6 of 6: 0.5000"
    after = Cells.of(Stage("v", "", np.ones(5, np.float32)), 4, 3, (1, 7))
    assert after.told == "unit 5 of 5: 1.0000"
    assert plain(after) == ["████", "█   "]


def test_the_keys_point_at_cells_of_the_array_alone() -> None:
    matrix = Cells.of(embedding(9), 8, 3, (7, 3))
    assert matrix.beside(-1, 1) == (6, 4)
    assert matrix.beside(-20, -20) == (0, 0) and matrix.beside(20, 20) == (8, 5)
    vector = Cells.of(Stage("v", "", np.ones(10, np.float32)), 4, 3, (0, 3))
    assert vector.beside(0, 1) == (0, 4), "its row goes on below"
    assert vector.beside(1, 0) == (0, 7)
    assert vector.beside(2, 0) == (0, 9) and vector.beside(0, -20) == (0, 0)


def test_the_mouse_points_at_cells_of_the_array_alone() -> None:
    matrix = Cells.of(embedding(9), 8, 3, None)
    assert [matrix.at(*place) for place in ((0, 5), (2, 7))] == [(6, 0), (8, 2)]
    assert [matrix.at(*place) for place in ((0, 4), (3, 5), (-1, 5), (0, 8))] == [None] * 4
    vector = Cells.of(Stage("v", "", np.ones(5, np.float32)), 4, 3, None)
    assert [vector.at(1, column) for column in range(2)] == [(0, 4), None]


def test_the_last_units_fill_the_width() -> None:
    cells = Cells.of(embedding(1), 5 + 4, 1, (0, 5))
    assert plain(cells) == ["row0 -·▒█"]
    assert cells.left == 2


def test_a_number_is_drawn_alike_beside_any_others() -> None:
    values = np.array([[0.15, 0.1], [1.0, -3.0]], np.float32)
    drawn = {
        plain(Cells.of(Stage("e", "", values[:rows], ("a", "b")[:rows], scale=0.8), 9, 2, None))[0]
        for rows in (1, 2)
    }
    assert drawn == {"a ░░"}
    both = Cells.of(Stage("e", "", values, ("a", "b"), scale=0.8), 9, 2, None)
    assert plain(both)[1] == "b █#"
    assert "█ ≥0.6" in both.notes(80)[0]


@pytest.mark.parametrize("width", [30, 50, 90])
def test_the_notes_are_never_cut(width: int) -> None:
    values = np.full((10, 150), 0.123456, np.float32)
    for stage in (
        Stage("m", "", values, ("(padding)",) * 10),
        Stage("v", "", values.ravel()),
        Stage("e", "", values, ("(padding)",) * 10, scale=0.421875),
    ):
        for pointed in (None, (9, 149)):
            notes = Cells.of(stage, width, 5, pointed).notes(width)
            assert len(notes) == note_rows(width)
            assert all(len(note) <= width for note in notes), notes


def test_an_array_of_zeros_or_of_invalid_numbers_is_drawn() -> None:
    for number in (0.0, np.nan):
        values = np.full((2, 3), number, np.float32)
        assert len(plain(Cells.of(Stage("s", "", values, ("a", "b")), 9, 2, None))) == 2


def test_numbers_that_belong_to_words_are_not_cells() -> None:
    stages = [stage for part in explanation().parts for stage in part.stages]
    assert [stage.name for stage in stages if is_of_cells(stage)] == ["embedding", "relu layer"]
    assert not is_of_cells(Stage("ids", "", np.array([], np.float32)))
