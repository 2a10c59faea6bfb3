"""A chart of the loss of each epoch in braille dots, two columns and four rows of dots per cell.

The training loss is a dashed line and the held-out loss a solid one, so that they can be told
apart without colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual.content import Content
from textual.widget import Widget

from rnnlm_tui.event_types import Metrics

Point = tuple[float, float]
Points = Sequence[Point]
"""Epochs and their losses, in the order of the epochs."""
TRAIN, HELD_OUT, BEST = "$text-primary", "$text-accent", "bold $text-success"
AXIS, TEXT = "$text-disabled", "$text-muted"
BEST_MARK = "^"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of the dots of a braille cell, by row and column."""
DASH, GAP = 4, 2
"""Columns of dots in the dashes of a dashed line, and between them."""
LARGEST = 1e9
"""Larger losses, those of a run that diverges, are drawn as this one."""


def loss_points(epochs: Iterable[tuple[int, Metrics | None]]) -> list[Point]:
    """Returns the losses in the figures of epochs, each with the number of its epoch."""
    losses = ((epoch, figures.loss) for epoch, figures in epochs if figures)
    return [
        (epoch, max(-LARGEST, min(LARGEST, loss)))
        for epoch, loss in losses
        if loss is not None and math.isfinite(loss)
    ]


@dataclass(frozen=True, slots=True)
class AxisScale:
    """Maps values between `low` and `high` to 0 ... `length` - 1."""

    low: float
    high: float
    length: int

    def place(self, value: float) -> int:
        """Returns the position of a value; the middle if `low` equals `high`."""
        if self.high <= self.low:
            return (self.length - 1) // 2
        fraction = (value - self.low) / (self.high - self.low)
        return min(self.length - 1, max(0, round(fraction * (self.length - 1))))


def plot(
    train: Points, held_out: Points, best: int | None, width: int, height: int, of: str = ""
) -> list[Content]:
    """Returns the chart in at most `height` rows of `width` cells: legend, lines, axis. The losses
    are those `of` a part of a model, which the legend names.

    Below 4 rows there is only the legend; without any loss there are no rows.
    """
    points = [*train, *held_out]
    if not points:
        return []
    legend = _legend(train, held_out, best, of)
    low, high = min(y for _, y in points), max(y for _, y in points)
    gutter = max(len(_short(low)), len(_short(high)))
    columns, rows = width - gutter - 1, height - 2
    if rows < 2 or columns < 2:
        return [legend]
    x_scale = AxisScale(min(x for x, _ in points), max(x for x, _ in points), 2 * columns)
    y_scale = AxisScale(low, high, 4 * rows)
    canvas = _Canvas(columns, rows)
    for line, style in ((train, TRAIN), (held_out, HELD_OUT)):
        dots = [(x_scale.place(x), 4 * rows - 1 - y_scale.place(y)) for x, y in line]
        canvas.draw(dots, style)
    labels = {0: high, rows - 1: low} if low < high else {}
    labels[(rows - 1) // 2] = (high + low) / 2
    body = []
    for row in range(rows):
        label = _short(labels[row]) if row in labels else ""
        axis = "┤" if row in labels else "│"
        body.append(Content.assemble((label.rjust(gutter), TEXT), (axis, AXIS), *canvas.row(row)))
    return [legend, *body, _x_axis(x_scale, best, gutter + 1)]


class _Canvas:
    """A grid of braille cells."""

    def __init__(self, columns: int, rows: int) -> None:
        self._bits = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def draw(self, dots: Sequence[tuple[int, int]], style: str) -> None:
        """Joins dots by straight lines, over the lines drawn before; those of the training are
        dashed."""
        for (x, y), (right, end) in pairwise([*dots[:1], *dots]):
            steps = max(right - x, abs(end - y), 1)
            for step in range(steps + 1):
                column = x + round((right - x) * step / steps)
                if style == TRAIN and (column - dots[0][0]) % (DASH + GAP) >= DASH:
                    continue
                row = y + round((end - y) * step / steps)
                self._bits[row // 4][column // 2] |= DOTS[row % 4][column % 2]
                self._styles[row // 4][column // 2] = style

    def row(self, row: int) -> Iterable[tuple[str, str]]:
        cells = zip(self._bits[row], self._styles[row], strict=True)
        return [(chr(0x2800 + bits) if bits else " ", style) for bits, style in cells]


def _legend(train: Points, held_out: Points, best: int | None, of: str) -> Content:
    """Returns the names of the lines and their last values, and the best epoch."""
    parts = []
    if train:
        parts += [("╍╍", TRAIN), (f" train {_short(train[-1][1])}   ", TEXT)]
    if held_out:
        parts += [("━━", HELD_OUT), (f" held-out {_short(held_out[-1][1])}   ", TEXT)]
    if best is not None:
        parts += [(BEST_MARK, BEST), (f" best {best}   ", TEXT)]
    return Content.assemble(*parts, (of, TEXT))


def _x_axis(scale: AxisScale, best: int | None, indent: int) -> Content:
    """Returns the first and the last epoch, and the mark of the best one in place of a number that
    it would cut."""
    width = scale.length // 2
    first, last = f"{scale.low:g}", f"{scale.high:g}" if scale.low < scale.high else ""
    axis = first + last.rjust(width - len(first))
    if best is None or not scale.low <= best <= scale.high:
        return Content.assemble(" " * indent, (axis, TEXT))
    place = scale.place(best) // 2
    if axis[place] != " ":
        axis = last.rjust(width) if place < len(first) else first.ljust(width)
    before, after = axis[:place], axis[place + 1 :]
    return Content.assemble(" " * indent, (before, TEXT), (BEST_MARK, BEST), (after, TEXT))


def _short(loss: float) -> str:
    return f"{loss:.3g}" if loss and not 0.01 <= abs(loss) < 1000 else f"{loss:.2f}"


class LossChart(Widget):
    """A widget that shows the chart."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LossChart { height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, empty: str = "no epoch yet") -> None:
        """`empty` is shown while there is no loss."""
        super().__init__()
        self._empty = empty
        self._shown: tuple[Points, Points, int | None, str] = (), (), None, ""

    def show(self, train: Points, held_out: Points, best: int | None, of: str) -> None:
        """Shows these losses `of` a part of a model; `best` is the best epoch."""
        if (train, held_out, best, of) != self._shown:
            self._shown = train, held_out, best, of
            self.refresh()

    def render(self) -> Content:
        train, held_out, best, of = self._shown
        rows = plot(train, held_out, best, *self.size, of)
        return Content("\n").join(rows) if rows else Content.styled(self._empty, TEXT)
