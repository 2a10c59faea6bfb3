"""The chart: its rows as text, without a screen, and the widget in an app."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from rnnlm_tui.events import Metrics
from rnnlm_tui.tui.widgets.chart import LossChart, Points, plot
from rnnlm_tui.wording.trainings import loss_points
from tests.helpers.app import has_row, rows_of, wait_until
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


async def test_the_widget_draws_what_it_is_given_at_its_size() -> None:
    app = HostApp(LossChart)
    async with app.run_test(size=(60, 12)) as pilot:
        assert has_row(app, "no epoch yet")
        app.query_one(LossChart).show(FALLING, RISING, 4, "")
        for width, height in ((60, 12), (50, 5)):
            await pilot.resize_terminal(width, height)
            expected = text_of(FALLING, RISING, 4, width, height)
            await wait_until(pilot, partial(is_shown, app, expected))


def is_shown(app: HostApp, rows: list[str]) -> bool:
    return [row.rstrip() for row in rows_of(app)] == rows
