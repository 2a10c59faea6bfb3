"""The chart: its rows as text, without a screen, and the widget in an app."""

from __future__ import annotations

import math
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pytest import approx

from rnnlm_tui.events import EpochEnded, Metrics, Progress
from rnnlm_tui.tui.widgets.chart import LossChart, plot
from rnnlm_tui.wording.trainings import Points, loss_points, training_curve
from tests.helpers.app import has_row, resize, rows_of, running, until
from tests.helpers.events import ended
from tests.helpers.host import HostApp
from tests.helpers.models import SAME_EXAMPLES

FALLING = [(float(epoch), 6.0 - epoch / 2) for epoch in range(1, 9)]
RISING = [(float(epoch), 5.5 + (epoch - 4) ** 2 / 20) for epoch in range(1, 9)]


def text_of(
    train: Points, held_out: Points, best: int | None, width: int, height: int
) -> list[str]:
    """The rows of a chart as text, after checking that they fit."""
    rows = [row.plain.rstrip() for row in plot(train, held_out, best, width, height)]
    assert len(rows) in (0, height)
    assert max(map(len, rows), default=0) <= width
    return rows


def test_two_losses_with_the_best_epoch() -> None:
    """The training's thin line falls through all rows; the thick held-out line dips and rises; a
    disc and ^4 mark its best epoch; round losses are beside the rows, and epochs below them."""
    assert text_of(FALLING, RISING, 4, 46, 9) == [
        " 6.00┤     ⣤⣄⣀⣀⡀                     ⣀⣀⣀⣤⣤⣴⠶⠾⠛",
        "     │     ⠒⠭⢍⣉⠛⠛⠛⠛⠻⠶⠶⠶⠶⠶⠶●⠶⠶⠶⠶⠶⠾⠛⠛⠛⠛⠋⠉⠉⠁",
        "     │         ⠉⠑⠒⠤⠤⣀⡀",
        " 4.00┤               ⠈⠉⠒⠢⠤⢄⡀",
        "     │                     ⠈⠉⠒⠢⠤⢄⣀",
        "     │                            ⠉⠑⠒⠤⢄⣀",
        " 2.00┤                                  ⠉⠉⠒⠢⠤⣀",
        "     └──────────┬─────────┬────────┬─────────┬",
        "                2        ^4        6         8",
    ]


def test_the_training_loss_has_points_inside_the_first_epochs() -> None:
    """Each is the mean over a piece: the reports have the mean of the epoch so far."""
    first = [Progress(1.0, 1, 9, step, 5, 8 - step / 4, None, 1.0, 1.0, 1.0) for step in (1, 2, 3)]
    events: list[Progress | EpochEnded] = [*first, ended(1, 6.0), ended(2, 5.0)]
    middles, means = zip(*training_curve(events), strict=True)
    assert middles == approx((0.1, 0.3, 0.5, 0.8, 1.5))
    assert means == approx((7.75, 7.25, 6.75, 4.125, 5.0))
    assert len(training_curve([*events, first[0]])) == 1, "an epoch that is repeated"
    late = replace(first[0], epoch=9)
    assert training_curve([late, ended(9, 2.0)]) == [(8.5, 2.0)]
    assert training_curve([ended(1, math.inf), replace(first[0], loss=None)]) == []


def test_the_training_loss_of_two_epochs_is_shown_from_its_start() -> None:
    """As a network has them that starts from its base. Of more epochs the first losses, which are
    high, may be above the chart."""
    train = [(0.1, 5.4), (0.3, 5.0), (0.5, 4.8), (0.7, 4.7), (0.9, 4.6), (1.25, 4.0), (1.75, 3.9)]
    two, three = (text_of(each, [], None, 46, 9) for each in (train, [*train, (2.5, 3.8)]))
    assert (two[0], three[0]) == ("     │  ⠑⢄", "     │         ⠉⠒⠤⡀")


@given(
    losses=st.lists(st.none() | st.floats(), max_size=12),
    width=st.integers(1, 50),
    height=st.integers(1, 20),
    best=st.none() | st.integers(),
)
@SAME_EXAMPLES
def test_no_losses_and_no_size_break_a_chart(
    losses: list[float | None], width: int, height: int, best: int | None
) -> None:
    points = loss_points(enumerate((Metrics(loss=loss) for loss in losses), 1))
    text_of(points, points[:2], best, width, height)


async def test_the_widget_draws_what_it_is_given_at_its_size() -> None:
    app = HostApp(LossChart)
    async with running(app, size=(60, 12)) as pilot:
        assert has_row(app, "no epoch yet")
        app.query_one(LossChart).show(FALLING, RISING, 4, "network alone")
        for width, height in ((70, 12), (64, 5)):
            await resize(pilot, width, height)
            expected = text_of(FALLING, RISING, 4, width, height - 1)
            await until(partial(is_shown, app, expected))
        legend = "── train 2.00  ━━ held-out 6.30  ● best 4  network alone"
        assert legend in rows_of(app)[0]


def is_shown(app: HostApp, rows: list[str]) -> bool:
    return [row.rstrip() for row in rows_of(app)][1:] == rows
