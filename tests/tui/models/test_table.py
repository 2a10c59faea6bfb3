"""The table of models: which columns fit, and the texts of its cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.models.table import COLUMNS, GAP, LEFT_OUT, compact, cut_within, fitting_widths
from tests.helpers.models import make_model


def test_columns_are_left_out_in_their_order(data_dir: Path) -> None:
    library = Library(data_dir)
    make_model(library.path("a-model-with-a-long-name"))
    rows = [{key: column.text(one) for key, column in COLUMNS.items()} for one in library.entries()]
    left_out: set[str] = set()
    for width in range(130, 39, -1):
        widths = fitting_widths(rows, width)
        assert sum(widths.values()) + GAP * (len(widths) - 1) <= width
        assert left_out <= COLUMNS.keys() - widths.keys()
        left_out = COLUMNS.keys() - widths.keys()
        assert left_out == set(LEFT_OUT[: len(left_out)])
    assert left_out == set(LEFT_OUT)


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("my-story-123", 12, "my-story-123"),
        ("my-long-story-1", 12, "my-long…ry-1"),
        ("e\u0301" * 9, 9, "e\u0301" * 9),
        ("", 5, ""),
    ],
)
def test_a_long_name_shows_its_end_too(text: str, width: int, cut: str) -> None:
    assert cut_within(text, width) == cut
    assert cell_len(cut_within("\u7269\u8a9e" * 9, width)) <= width


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (96, "96"), (5_755_471, "5.76M"), (12_345, "12.3k"), (2 * 10**9, "2G")],
)
def test_numbers_are_short(count: int, text: str) -> None:
    assert compact(count) == text
