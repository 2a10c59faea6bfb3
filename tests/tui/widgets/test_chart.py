"""The chart: its rows as text, without a screen, and the widget in an app."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from rnnlm_tui.tui.widgets.chart import Curve, Series, plot
from tests.helpers.app import wait_until
from tests.helpers.models import HOSTILE

FALLING = Series("train", "o", [(epoch, 6.0 - epoch / 2) for epoch in range(1, 9)])
RISING = Series("held-out", "x", [(epoch, 5.5 + (epoch - 4) ** 2 / 20) for epoch in range(1, 9)])


def text_of(series: Sequence[Series], width: int, height: int, **more: object) -> list[str]:
    """The rows of a chart as text, checked for their number and length."""
    rows = plot(series, width, height, **more)  # type: ignore[arg-type]
    assert len(rows) == height
    assert {len(row) for row in rows} == {width}
    return ["".join(glyph for glyph, _ in row) for row in rows]


def test_two_series_with_the_best_epoch() -> None:
    """The training's loss falls through the rows; the held-out one dips and rises again; labels
    stand left of their rows and below their columns."""
    assert text_of([FALLING, RISING], 46, 11, best=4) == [
        "o train 2.00 x held-out 6.30 ^ best 4 * both  ",
        "    6┤                                  ·····x",
        "     │*·····x····x·····^····x·····x····x      ",
        "     │  ····o··                               ",
        "     │         ··o····                        ",
        "    4┤                ·o····                  ",
        "     │                      o·····o           ",
        "     │                             ····o··    ",
        "    2┤                                    ···o",
        "     └┬─────┬────┬─────┬────┬─────┬────┬─────┬",
        "epoch 1     2    3     4    5     6    7     8",
    ]


def test_a_chart_says_what_it_shows() -> None:
    rows = text_of([FALLING, RISING], 60, 14, best=4)
    assert rows[0].rstrip() == "o train 2.00   x held-out 6.30   ^ best 4"
    body = "\n".join(rows[1:-2])
    assert body.count("o") == 8
    assert body.count("x") == 7  # the best epoch's is the mark
    assert body.count("^") == 1
    assert rows[-1].startswith("epoch 1")
    assert rows[-1].split() == ["epoch", *"12345678"]
    labels = [row[:5].strip() for row in rows[1:-2] if row[:5].strip()]
    assert labels == ["6", "5", "4", "3", "2"]


def test_two_series_in_one_place_have_a_glyph_of_their_own() -> None:
    same = Series("held-out", "x", FALLING.points)
    rows = plot([FALLING, same], 60, 14)
    cells = [cell for row in rows[1:-2] for cell in row]
    assert cells.count(("*", "both")) == 8
    assert ("o", "series-0") not in cells


def test_each_series_has_a_style_and_a_glyph() -> None:
    cells = {cell for row in plot([FALLING, RISING], 60, 14, best=4) for cell in row}
    assert {("o", "series-0"), ("x", "series-1"), ("^", "best"), ("│", "axis")} <= cells
    assert {key for _, key in cells} <= {
        *("", "axis", "label", "text", "best", "both", "series-0", "series-1"),
    }


@pytest.mark.parametrize("series", [[], [Series("train", "o", [])]])
def test_an_empty_chart_says_so(series: list[Series]) -> None:
    rows = text_of(series, 30, 5, empty="no epoch yet")
    assert rows[2].strip() == "no epoch yet"
    assert text_of(series, 5, 1) == ["no ep"]


def test_one_point() -> None:
    rows = text_of([Series("train", "o", [(1, 6.7661)])], 40, 9)
    assert rows[0].startswith("o train 6.77")
    assert [row for row in rows[1:] if "o" in row and "epoch" not in row] == [" 6.77┤o" + " " * 33]
    assert rows[-1].split() == ["epoch", "1"]


@pytest.mark.parametrize("value", [0.0, 3.0, -2.5, 1e12, 1e-12])
def test_values_that_stay_the_same_are_a_line_in_the_middle(value: float) -> None:
    rows = text_of([Series("train", "o", [(n, value) for n in range(1, 6)])], 40, 9)
    lines = [row for row in rows[1:-2] if "o" in row]
    assert len(lines) == 1
    assert lines[0].count("o") == 5
    assert lines == [rows[4]]


def test_many_points_are_one_a_column() -> None:
    points = [(n, 2 + math.sin(n / 300)) for n in range(1, 5001)]
    rows = text_of([Series("train", "o", points)], 100, 12)
    columns = list(zip(*(row[6:] for row in rows[1:-2]), strict=True))
    assert len(columns) == 94
    assert all(column.count("o") == 1 for column in columns)
    assert rows[-1].split() == ["epoch", "1", *map(str, range(500, 5001, 500))]


def test_what_is_no_number_is_left_out_and_what_is_huge_is_drawn() -> None:
    values = (math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1.0)
    rows = text_of([Series("train", "o", list(enumerate(values, 1)))], 60, 12)
    assert sum(row.count("o") for row in rows[1:-2]) == 4
    assert rows[-1].split()[1] == "4"


def test_a_logarithmic_scale() -> None:
    series = [Series("train", "o", [(1, 1000.0), (2, 100.0), (3, 10.0), (4, 0.0), (5, -1.0)])]
    rows = text_of(series, 60, 13, log=True)
    assert "log scale" in rows[0]
    where = [index for index, row in enumerate(rows[1:-2]) if "o" in row]
    assert where == [0, 5, 9]
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == ["1e+03", "100.00", "10.00"]


def test_the_legend_names_the_glyph_of_two_in_one_place_where_there_is_one() -> None:
    apart, together = text_of([FALLING], 60, 8), text_of([FALLING, FALLING], 60, 8)
    assert "* both" not in apart[0]
    assert "* both" in together[0]


def test_a_narrow_legend_leaves_out_words_and_then_names() -> None:
    both = [FALLING, RISING]
    assert text_of(both, 33, 8, best=4)[0].rstrip() == "o train 2.00 x held-out 6.30 ^4"
    assert text_of(both, 20, 5, best=4)[0].rstrip() == "o 2.00 x 6.30 ^4"
    assert text_of(both, 10, 5, best=4)[0] == "o 2.00 x 6"


@pytest.mark.parametrize("size", [(20, 5), (40, 8), (80, 24), (120, 20)])
@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_every_size_and_number_of_points(size: tuple[int, int], count: int) -> None:
    points = [(n, 7.0 / n) for n in range(1, count + 1)]
    rows = text_of([Series("train", "o", points)], *size, best=1)
    if count:
        assert any("^" in row[2:] for row in rows[1:])


@given(
    points=st.lists(st.tuples(st.floats(), st.floats()), max_size=12),
    width=st.integers(-1, 50),
    height=st.integers(-1, 20),
    best=st.none() | st.floats(),
    log=st.booleans(),
)
@HOSTILE
def test_no_values_and_no_size_break_a_chart(
    points: list[tuple[float, float]], width: int, height: int, best: float | None, log: bool
) -> None:
    ordered = sorted(points, key=lambda point: (math.isnan(point[0]), point[0]))
    rows = plot([Series("train", "o", ordered)], width, height, best=best, log=log)
    assert len(rows) == max(0, height)
    assert {len(row) for row in rows} <= {max(0, width)}


class Host(App[None]):
    """A chart alone."""

    def compose(self) -> ComposeResult:
        yield Curve()


def painted(app: App[None]) -> str:
    """What stands in the chart on the screen."""
    curve = app.query_one(Curve)
    return "\n".join(curve.render_line(y).text for y in range(curve.size.height))


async def test_the_widget_draws_what_it_is_shown_at_its_size() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        curve = app.query_one(Curve)
        assert "no epoch yet" in painted(app)
        curve.show([FALLING, RISING], best=4)
        await pilot.pause()
        assert painted(app).split("\n") == text_of([FALLING, RISING], 60, 12, best=4)
        curve.log_scale = True
        await pilot.pause()
        assert curve.log_scale
        assert painted(app).split("\n") == text_of([FALLING, RISING], 60, 12, best=4, log=True)
        await pilot.resize_terminal(20, 5)
        await wait_until(pilot, lambda: curve.size == (20, 5))
        assert painted(app).split("\n") == text_of([FALLING, RISING], 20, 5, best=4, log=True)
        await pilot.resize_terminal(1, 1)
        await wait_until(pilot, lambda: curve.size == (1, 1))
        assert len(painted(app)) == 1


async def test_every_style_is_known_to_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Host()
    series = [Series(f"s{n}", "ox+#"[n], [(e, float(n * e)) for e in (1, 2)]) for n in range(4)]
    async with app.run_test(size=(60, 12)) as pilot:
        app.query_one(Curve).show(series, best=2)
        await pilot.pause()
        assert "^" in painted(app)


def test_a_short_logarithmic_axis_has_round_values() -> None:
    losses = Series("train", "o", [(1.0, 4.31), (2.0, 3.9), (3.0, 3.71)])
    labels = [row[:5].strip() for row in text_of([losses], 60, 14, log=True)[1:-2]]
    assert [label for label in labels if label] == ["4.3", "4.2", "4.1", "4.0", "3.9", "3.8"]
