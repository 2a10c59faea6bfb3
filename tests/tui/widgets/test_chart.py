"""The chart: its rows as text, without a screen, and the widget in an app."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App

from rnnlm_tui.event_types import Metrics
from rnnlm_tui.tui.widgets.chart import LossChart, Points, loss_points, plot
from tests.helpers.app import wait_until
from tests.helpers.host import HostApp
from tests.helpers.models import HOSTILE

FALLING = [(float(epoch), 6.0 - epoch / 2) for epoch in range(1, 9)]
RISING = [(float(epoch), 5.5 + (epoch - 4) ** 2 / 20) for epoch in range(1, 9)]


def text_of(
    train: Points, held_out: Points, best: int | None, width: int, height: int
) -> list[str]:
    """The rows of a chart as text, after checking that they fit."""
    legend, *rows = (row.plain.rstrip() for row in plot(train, held_out, best, width, height))
    assert len(rows) < height
    assert max(map(len, rows), default=0) <= width
    return [legend, *rows]


def test_two_losses_with_the_best_epoch() -> None:
    """The training's dashed line falls through all rows; the full held-out line dips and rises;
    the labels are the largest, the middle and the smallest loss; ^ is below the best epoch."""
    assert text_of(FALLING, RISING, 4, 46, 9) == [
        "╍╍ train 2.00   ━━ held-out 6.30   ^ best 4",
        "6.30┤⠤⠤⣀⣀⡀                         ⢀⣀⣀⡠⠤⠤⠔⠒⠒⠉⠉",
        "    │⠒⠢ ⣀⣈⠉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠊⠉⠉⠉⠁",
        "    │      ⠉⠒ ⠤⠤ ⣀",
        "4.15┤             ⠉ ⠒⠒ ⢄⣀",
        "    │                     ⠒⠢ ⢄⣀",
        "    │                           ⠉⠑ ⠤⠤ ⣀",
        "2.00┤                                  ⠉ ⠒⠢ ⠤⣀",
        "     1                ^                      8",
    ]


@pytest.mark.parametrize(("best", "axis"), [(None, "1  8"), (1, "^  8"), (8, "1  ^"), (4, "1 ^ 8")])
def test_the_mark_of_the_best_epoch_takes_the_place_of_a_number(
    best: int | None, axis: str
) -> None:
    assert text_of(FALLING, RISING, best, 46, 9)[-1].split() == axis.split()


@pytest.mark.parametrize("best", [None, 1])
def test_one_epoch_is_one_dot_each(best: int | None) -> None:
    rows = text_of([(1, 6.7661)], [(1, 7.0)], best, 40, 9)
    dots = [char for row in rows[1:-1] for char in row if 0x2800 < ord(char) < 0x2900]
    assert len(dots) == 2
    assert rows[1].startswith("7.00┤")
    assert rows[-2].startswith("6.77┤")


@given(
    losses=st.lists(st.none() | st.floats(), max_size=12),
    width=st.integers(1, 50),
    height=st.integers(1, 20),
    best=st.none() | st.integers(),
)
@HOSTILE
def test_no_losses_and_no_size_break_a_chart(
    losses: list[float | None], width: int, height: int, best: int | None
) -> None:
    points = loss_points(enumerate((Metrics(loss=loss) for loss in losses), 1))
    rows = plot(points, points[:2], best, width, height)
    assert len(rows) <= height and bool(rows) == bool(points)


def is_painted(
    app: App[None], train: Points, held_out: Points, best: int | None, width: int, height: int
) -> bool:
    """Whether the widget shows this chart."""
    expected = [row.rstrip() for row in text_of(train, held_out, best, width, height)]
    return painted(app) == expected + [""] * (height - len(expected))


def painted(app: App[None]) -> list[str]:
    """The rows of the chart on the screen."""
    widget = app.query_one(LossChart)
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


async def test_the_widget_draws_what_it_is_given_at_its_size() -> None:
    app = HostApp(LossChart)
    async with app.run_test(size=(60, 12)) as pilot:
        widget = app.query_one(LossChart)
        assert "no epoch yet" in "\n".join(painted(app))
        for held_out in ((), RISING):
            widget.show(FALLING, held_out, 4, "")
            assert is_painted(app, FALLING, held_out, 4, 60, 12)
        await pilot.resize_terminal(50, 5)
        await wait_until(pilot, lambda: widget.size == (50, 5))
        assert is_painted(app, FALLING, RISING, 4, 50, 5)
