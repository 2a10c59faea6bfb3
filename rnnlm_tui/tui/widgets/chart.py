"""A chart of the loss of each epoch in braille dots, two columns and four rows of dots per cell.

The training loss is a dashed line and the held-out loss a solid one, so that they can be told
apart without colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual.content import Content
from textual.widget import Widget

from rnnlm_tui.event_types import Metrics

Point = tuple[float, float]
Points = Sequence[Point]
"""Epochs and their losses, in the order of the epochs."""
Row = list[tuple[str, str]]
"""Pieces of text, each with its style."""
TRAIN, HELD_OUT, BEST = "$text-primary", "$text-accent", "bold $text-success"
AXIS, TEXT = "$text-disabled", "$text-muted"
BEST_MARK = "^"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of the dots of a braille cell, by row and column."""
DASH, GAP = 4, 2
"""Columns of dots in the dashes of a dashed line, and between them."""
LARGEST = 1e300
"""Larger losses are drawn as this one, so that no difference overflows."""


def loss_points(epochs: Iterable[tuple[int, Metrics | None]]) -> list[Point]:
    """Returns the losses in the figures of epochs, each with the number of its epoch."""
    losses = ((epoch, figures.loss) for epoch, figures in epochs if figures)
    return [(epoch, loss) for epoch, loss in losses if loss is not None]


@dataclass(frozen=True, slots=True)
class AxisScale:
    """Maps values between `low` and `high` to 0 ... `length` - 1."""

    low: float
    high: float
    length: int

    def place(self, value: float) -> int:
        """Returns the position of a value; the middle if `low` equals `high`."""
        spread = self.high / 2 - self.low / 2  # the difference of the largest floats is infinite
        if spread <= 0:
            return (self.length - 1) // 2
        fraction = (value / 2 - self.low / 2) / spread
        return min(self.length - 1, max(0, round(fraction * (self.length - 1))))


def plot(
    train: Points, held_out: Points, best: float | None, width: int, height: int, of: str = ""
) -> list[Row]:
    """Returns the chart in at most `height` rows of at most `width` cells: legend, lines, axis. The
    losses are those `of` a part of a model, which the legend names if there is room.

    Losses that are not finite are left out. Below 4 rows there is only the legend; without any loss
    there are no rows.
    """
    train, held_out = list(_finite(train)), list(_finite(held_out))
    points = train + held_out
    if not points:
        return []
    legend = _legend(train, held_out, best, width)
    if of and sum(len(text) for text, _ in legend) + len(of) + 3 <= width:
        legend.append((f"   {of}", TEXT))
    low, high = min(y for _, y in points), max(y for _, y in points)
    gutter = max(len(_short(low)), len(_short(high)))
    columns, rows = width - gutter - 1, height - 2
    if rows < 2 or columns < 2:
        return [legend]
    x_scale = AxisScale(min(x for x, _ in points), max(x for x, _ in points), 2 * columns)
    y_scale = AxisScale(low, high, 4 * rows)
    canvas = _Canvas(columns, rows)
    canvas.draw_line(line_through(train, x_scale), y_scale, TRAIN, dashed=True)
    canvas.draw_line(line_through(held_out, x_scale), y_scale, HELD_OUT)
    labels = {0: high, rows - 1: low} if low < high else {}
    labels[(rows - 1) // 2] = (high + low) / 2
    body = []
    for row in range(rows):
        label = _short(labels[row]) if row in labels else ""
        axis = "┤" if row in labels else "│"
        body.append([(label.rjust(gutter), TEXT), (axis, AXIS), *canvas.row(row)])
    return [legend, *body, _x_axis(x_scale, best, gutter)]


def _finite(points: Points) -> Iterator[Point]:
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            yield x, max(-LARGEST, min(LARGEST, y))


def line_through(points: Points, x_scale: AxisScale) -> dict[int, float]:
    """Returns the value of the line through the points for each column between them. Points in the
    same column are averaged."""
    columns: dict[int, list[float]] = {}
    for x, y in points:
        columns.setdefault(x_scale.place(x), []).append(y)
    knots = [(column, math.fsum(y / len(ys) for y in ys)) for column, ys in columns.items()]
    line = dict(knots)
    for (left, start), (right, end) in pairwise(knots):
        for column in range(left + 1, right):
            line[column] = start + (end - start) * (column - left) / (right - left)
    return line


class _Canvas:
    """A grid of braille cells."""

    def __init__(self, columns: int, rows: int) -> None:
        self._bits = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def draw_line(
        self, line: Mapping[int, float], scale: AxisScale, style: str, *, dashed: bool = False
    ) -> None:
        """Draws a connected line of values by column of dots, over the lines drawn before."""
        before, start = None, min(line, default=0)
        for x, value in sorted(line.items()):
            y = scale.length - 1 - scale.place(value)
            step = 1 if before is None or y > before else -1
            first = y if before in (None, y) else (before or 0) + step
            for row in range(first, y + step, step):
                if not dashed or (x - start) % (DASH + GAP) < DASH:
                    self._bits[row // 4][x // 2] |= DOTS[row % 4][x % 2]
                    self._styles[row // 4][x // 2] = style
            before = y

    def row(self, row: int) -> Row:
        cells = zip(self._bits[row], self._styles[row], strict=True)
        return [(chr(0x2800 + bits) if bits else " ", style) for bits, style in cells]


def _legend(train: Points, held_out: Points, best: float | None, width: int) -> Row:
    """Returns the names of the lines and their last values; no names if they do not fit."""
    for names in (("train ", "held-out ", "best "), ("", "", "")):
        parts: Row = []
        if train:
            parts += [("╍╍", TRAIN), (f" {names[0]}{_short(train[-1][1])}   ", TEXT)]
        if held_out:
            parts += [("━━", HELD_OUT), (f" {names[1]}{_short(held_out[-1][1])}   ", TEXT)]
        if best is not None:
            parts += [(BEST_MARK, BEST), (f" {names[2]}{best:g}", TEXT)]
        if sum(len(text) for text, _ in parts) <= width:
            break
    return parts


def _x_axis(scale: AxisScale, best: float | None, gutter: int) -> Row:
    """Returns the first and the last epoch, and the mark of the best one."""
    width = scale.length // 2
    first = f"{scale.low:g}"
    last = f"{scale.high:g}" if scale.low < scale.high else ""
    text = first + last.rjust(width - len(first))
    head: Row = [(" " * (gutter + 1), "")]
    if best is None or not scale.low <= best <= scale.high:
        return [*head, (text, TEXT)]
    place = scale.place(best) // 2
    before, _, rest = text[:place], text[place], text[place + 1 :]
    # A number that the mark would cut is not shown.
    before = before if before.endswith(" ") else before.rpartition(" ")[0].ljust(len(before))
    rest = rest if rest.startswith(" ") else rest.partition(" ")[2].rjust(len(rest))
    return [*head, (before, TEXT), (BEST_MARK, BEST), (rest, TEXT)]


def _short(loss: float) -> str:
    return f"{loss:.3g}" if loss and not 0.01 <= abs(loss) < 1000 else f"{loss:.2f}"


class LossChart(Widget):
    """A widget that shows the chart."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LossChart { height: 1fr; }"

    def __init__(self, empty: str = "no epoch yet") -> None:
        """`empty` is shown while there is no loss."""
        super().__init__()
        self._empty = empty
        self._shown: tuple[Points, Points, float | None, str] = (), (), None, ""

    def show(self, train: Points, held_out: Points, best: float | None, of: str) -> None:
        """Shows these losses `of` a part of a model; `best` is the best epoch."""
        if (train, held_out, best, of) != self._shown:
            self._shown = train, held_out, best, of
            self.refresh()

    def render(self) -> Content:
        train, held_out, best, of = self._shown
        rows = plot(train, held_out, best, *self.size, of)
        if not rows:
            return Content.styled(self._empty, TEXT)
        return Content("\n").join(Content.assemble(*row) for row in rows)
