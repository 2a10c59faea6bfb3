"""A chart of the loss of each epoch in braille dots, two columns and four rows of dots per cell.

The training loss is a dashed line and the held-out loss a solid one, so that they can be told
apart without colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from textual.content import Content
from textual.widget import Widget

from rnnlm_tui.tui.widgets.styles import BEST_STYLE

Points = Sequence[tuple[float, float]]
"""Epochs and their losses, in the order of the epochs."""
TRAIN_STYLE, HELD_OUT_STYLE = "$ghost", "$take"
AXIS_STYLE, TEXT_STYLE = "$quiet", "$quiet"
BEST_MARK = "^"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of the dots of a braille cell, by row and column."""
DASH_DOTS, GAP_DOTS = 4, 2
"""Columns of dots in the dashes of a dashed line, and between them."""


def plot(
    train: Points, held_out: Points, best: int | None, width: int, height: int, part: str = ""
) -> list[Content]:
    """Returns the chart in at most `height` rows of `width` cells: legend, lines, axis. `part`, in
    the legend, names the part of a model that has these losses.

    Below 4 rows there is only the legend. Without any loss there are no rows.
    """
    if not train and not held_out:
        return []
    epochs, losses = zip(*train, *held_out, strict=True)
    first, last, low, high = min(epochs), max(epochs), min(losses), max(losses)
    gutter = max(len(_short(low)), len(_short(high)))
    columns, rows = width - gutter - 1, height - 2
    legend = _legend(train, held_out, best, part)
    if rows < 2 or columns < 2:
        return [legend]
    canvas: list[list[tuple[int, str]]] = [[(0, "")] * columns for _ in range(rows)]
    for line, style in ((train, TRAIN_STYLE), (held_out, HELD_OUT_STYLE)):
        dots = [
            (_scaled(x, first, last, 2 * columns), 4 * rows - 1 - _scaled(y, low, high, 4 * rows))
            for x, y in line
        ]
        _draw_line(canvas, dots, style)
    labels = {0: high, rows - 1: low} if low < high else {}
    labels[(rows - 1) // 2] = (high + low) / 2
    body = []
    for row, cells in enumerate(canvas):
        label = _short(labels[row]) if row in labels else ""
        axis = "┤" if row in labels else "│"
        drawn = ((chr(0x2800 + bits) if bits else " ", style) for bits, style in cells)
        body.append(Content.assemble((label.rjust(gutter), TEXT_STYLE), (axis, AXIS_STYLE), *drawn))
    return [legend, *body, _x_axis(first, last, best, columns).pad_left(gutter + 1)]


def _x_axis(first: float, last: float, best: int | None, columns: int) -> Content:
    """Returns the first and the last epoch, and the mark of the best one. A number that the mark
    would cut is left out."""
    left, right = f"{first:g}", f"{last:g}" if first < last else ""
    place = None if best is None else _scaled(best, first, last, 2 * columns) // 2
    if place is None or not 0 <= place < columns:
        return Content.styled(left + right.rjust(columns - len(left)), TEXT_STYLE)
    left = left if place >= len(left) else ""
    right = right if place < columns - len(right) else ""
    before, after = left.ljust(place), right.rjust(columns - place - 1)
    return Content.assemble((before, TEXT_STYLE), (BEST_MARK, BEST_STYLE), (after, TEXT_STYLE))


def _scaled(value: float, low: float, high: float, length: int) -> int:
    """Maps values from `low` to `high` to 0 ... `length` - 1; to the middle if `low` is `high`."""
    if high <= low:
        return (length - 1) // 2
    return round((value - low) / (high - low) * (length - 1))


def _draw_line(
    canvas: list[list[tuple[int, str]]], dots: Sequence[tuple[int, int]], style: str
) -> None:
    """Joins dots by straight lines, over the lines drawn before. That of the training loss is
    dashed."""
    for (x, y), (right, end) in pairwise([*dots[:1], *dots]):
        steps = max(right - x, abs(end - y), 1)
        for step in range(steps + 1):
            column, row = x + round((right - x) * step / steps), y + round((end - y) * step / steps)
            if style == TRAIN_STYLE and (column - dots[0][0]) % (DASH_DOTS + GAP_DOTS) >= DASH_DOTS:
                continue
            cells, cell = canvas[row // 4], column // 2
            cells[cell] = cells[cell][0] | DOTS[row % 4][column % 2], style


def _legend(train: Points, held_out: Points, best: int | None, part: str) -> Content:
    """Returns the names of the lines and their last values, and the best epoch."""
    parts = []
    if train:
        parts += [("╍╍", TRAIN_STYLE), (f" train {_short(train[-1][1])}   ", TEXT_STYLE)]
    if held_out:
        parts += [("━━", HELD_OUT_STYLE), (f" held-out {_short(held_out[-1][1])}   ", TEXT_STYLE)]
    if best is not None:
        parts += [(BEST_MARK, BEST_STYLE), (f" best {best}   ", TEXT_STYLE)]
    return Content.assemble(*parts, (part, TEXT_STYLE))


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

    def show(self, train: Points, held_out: Points, best: int | None, part: str) -> None:
        """Shows losses, as `plot` draws them. `best` is the best epoch."""
        if (train, held_out, best, part) != self._shown:
            self._shown = train, held_out, best, part
            self.refresh()

    def render(self) -> Content:
        train, held_out, best, part = self._shown
        rows = plot(train, held_out, best, *self.size, part)
        return Content("\n").join(rows) if rows else Content.styled(self._empty, TEXT_STYLE)
