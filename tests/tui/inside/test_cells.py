"""Numbers as cells: what each glyph says, and which of them are shown."""

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
    cells = Cells.of(Stage("states", "", values, ("a",)), 20, 3)
    assert plain(cells) == ["a #≡=-·░▒▓█"]
    (row,) = cells.rows()
    assert [(row.plain[span.start], str(span.style)) for span in row.spans] == [
        ("#", "$text-warning"),
        ("·", "$text-disabled"),
        ("░", "$text-primary"),
    ], "the colour says the same"


def test_of_many_rows_the_last_ones_are_shown_and_of_one_long_row_the_first_numbers() -> None:
    assert [row[:4] for row in plain(Cells.of(embedding(9), 40, 3))] == [
        "row6",
        "row7",
        "row8",
    ]
    relu = next(s for s in explanation().parts[0].stages if s.name == "relu layer")
    cells = Cells.of(relu, 30, 4)
    assert plain(cells) == ["···▒" + "·" * 26, *["·" * 30] * 3]
    assert cells.told == "units 1-120 of 200"
    assert Cells.of(embedding(9), 10, 3).told == "rows 7-9 of 9, units 1-5 of 6"


def test_a_number_is_drawn_alike_beside_any_others() -> None:
    values = np.array([[0.15, 0.1], [1.0, -3.0]], np.float32)
    drawn = {
        plain(Cells.of(Stage("e", "", values[:rows], ("a", "b")[:rows], scale=0.8), 9, 2))[0]
        for rows in (1, 2)
    }
    assert drawn == {"a ░░"}
    both = Cells.of(Stage("e", "", values, ("a", "b"), scale=0.8), 9, 2)
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
        notes = Cells.of(stage, width, 5).notes(width)
        assert len(notes) == note_rows(width)
        assert all(len(note) <= width for note in notes), notes


def test_an_array_of_zeros_or_of_invalid_numbers_is_drawn() -> None:
    for number in (0.0, np.nan):
        values = np.full((2, 3), number, np.float32)
        assert len(plain(Cells.of(Stage("s", "", values, ("a", "b")), 9, 2))) == 2


def test_numbers_that_belong_to_words_are_not_cells() -> None:
    stages = [stage for part in explanation().parts for stage in part.stages]
    assert [stage.name for stage in stages if is_of_cells(stage)] == ["embedding", "relu layer"]
    assert not is_of_cells(Stage("ids", "", np.array([], np.float32)))
