"""A chart of losses by epoch: smooth lines of braille dots, two columns and four rows per cell.

The training loss is a thin line and the held-out loss a thick one, and a disc marks the best epoch,
so that they can be told apart without colours. This shows the epochs of a history.jsonl:

    epochs = read_epochs(folder)
    chart.show(training_curve(epochs), held_out_curve(epochs), best_of(epochs), part)

`training_curve` also takes the `progress` events of the history, in their order among the epochs.
The line then has points inside the epochs, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise, product

from textual.content import Content
from textual.widget import Widget

from rnnlm_tui.formatting import round_numbers
from rnnlm_tui.tui.widgets.styles import BEST_STYLE
from rnnlm_tui.wording.trainings import Points

TRAIN_STYLE = "$ghost"
HELD_OUT_STYLE = "$take"
TEXT_STYLE = "$quiet"
BEST_MARK = "^"
"""Marks the best epoch under the axis."""
BEST_POINT = "●"
"""Marks the best epoch on the curve."""
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of the dots of a braille cell, by row and column."""
STEEP = 0.5
"""Epochs. The losses before this point set the scale only during the first two epochs, and may be
above the chart later: they fall so far that all later losses would look alike. A network that
starts from its base learns for two epochs, and its losses fall less."""
ROWS_PER_NUMBER = 3
"""The least rows for each number on the vertical axis."""
CELLS_PER_NUMBER = 8
"""The least cells for each number on the horizontal axis."""


def plot(
    train: Points, held_out: Points, best: int | None, width: int, height: int
) -> list[Content]:
    """Returns the lines and the axes in `height` rows of `width` cells. Returns [] if there is no
    loss or too little space."""
    points, rows = [*train, *held_out], height - 2
    last = math.ceil(max((epoch for epoch, _ in points), default=0))
    scaled = [loss for epoch, loss in points if epoch > STEEP or last <= 2]
    if not scaled or rows < 1:
        return []
    low, high = min(scaled), max(scaled)
    numbers = round_numbers(low, high, max(3, rows // ROWS_PER_NUMBER))
    labels = {_place(y, high, low, 4 * rows) // 4: _short(y) for y in numbers if low <= y <= high}
    labels = labels or {rows // 2: _short(low)}
    gutter = max(map(len, labels.values())) + 1
    columns = width - gutter - 1
    if columns < 2:
        return []
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for line, style, size in ((train, TRAIN_STYLE, 1), (held_out, HELD_OUT_STYLE, 2)):
        dots = [(x, _place(y, high, low, 4 * rows)) for x, y in _smooth(line, last, 2 * columns)]
        for x, y in _joined(dots, size):
            bits, _ = cells.get(cell := (y // 4, x // 2), (0, ""))
            cells[cell] = bits | DOTS[y % 4][x % 2], style
    drawn = {cell: (chr(0x2800 + bits), style) for cell, (bits, style) in cells.items()}
    for epoch, loss in held_out:
        if epoch == best:
            row = _place(loss, high, low, 4 * rows) // 4
            drawn[row, _place(epoch, 0, last, 2 * columns) // 2] = BEST_POINT, BEST_STYLE
    body = []
    for row in range(rows):
        axis = f"{labels.get(row, ''):>{gutter}}{'┤' if row in labels else '│'}"
        line_of_cells = (drawn.get((row, column), (" ", "")) for column in range(columns))
        body.append(Content.assemble((axis, TEXT_STYLE), *line_of_cells))
    return [*body, *(axis.pad_left(gutter) for axis in _axis_of_epochs(last, best, columns))]


def _place(value: float, first: float, last: float, length: int) -> int:
    """Returns the place of a value on an axis from `first` to `last`: 0 to `length` - 1. A value
    before `first` is at -1. All values are in the middle if `first` equals `last`."""
    if first == last:
        return (length - 1) // 2
    return max(-1, round((value - first) / (last - first) * (length - 1)))


def _smooth(points: Points, last: int, columns: int) -> list[tuple[int, float]]:
    """Returns a smooth line through these points, as its height in each column. Between two points
    it is a cubic that only rises or only falls (Fritsch and Carlson, 1980)."""
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(points)]
    padded = [0.0, *slopes, 0.0]
    tangents = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in pairwise(padded)]
    if slopes:
        tangents[0], tangents[-1] = slopes[0], slopes[-1]
    places = [_place(x, 0, last, columns) for x, _ in points]
    found = dict(zip(places, (y for _, y in points), strict=True))
    for index, slope in enumerate(slopes):
        (x0, y0), (x1, _) = points[index : index + 2]
        for column in range(places[index] + 1, places[index + 1]):
            x = column / (columns - 1) * last
            t, width = (x - x0) / (x1 - x0), x1 - x0
            bend = (1 - t) * (tangents[index] - slope) - t * (tangents[index + 1] - slope)
            found[column] = y0 + width * t * (slope + (1 - t) * bend)
    return sorted(found.items())


def _joined(dots: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Fills the gaps between dots of neighbouring columns, so that they make a line. The line is
    `size` dots thick, and may reach beyond the chart."""
    for (_, before), (x, y) in pairwise([*dots[:1], *dots]):
        # From beside the last dot to this one.
        rows = range(before + 1, y + 1) if y > before else range(y, max(before, y + 1))
        for row in rows:
            yield from product(range(x, x + size), range(row, row + size))


def _axis_of_epochs(last: int, best: int | None, columns: int) -> tuple[Content, Content]:
    """Returns the horizontal axis, and the row below it with the numbers of some epochs: the best
    epoch, which is marked, and others as far as there is space."""
    most = max(1, columns // CELLS_PER_NUMBER)
    numbers = [(epoch, f"{epoch:g}", TEXT_STYLE) for epoch in round_numbers(0, last, most, 1)[1:]]
    if best is not None:
        numbers.insert(0, (best, f"{BEST_MARK}{best}", BEST_STYLE))
    line, below = ["└", *"─" * columns], [(" ", "")] * (columns + 1)
    for epoch, text, style in numbers:
        place = 1 + _place(epoch, 0, last, columns)
        start = min(place - len(text) // 2, columns + 1 - len(text))
        space = below[max(0, start - 1) : start + len(text) + 1]
        if start > 0 and place <= columns and all(letter == " " for letter, _ in space):
            line[place] = "┬"
            below[start : start + len(text)] = [(letter, style) for letter in text]
    return Content.styled("".join(line), TEXT_STYLE), Content.assemble(*below)


def legend(train: Points, held_out: Points, best: int | None, part: str) -> Content:
    """Returns the names of the lines with their last values, the best epoch, and the `part` of a
    model whose losses these are."""
    texts = [] if train or held_out else [("loss", TEXT_STYLE)]
    if train:
        texts += [("── ", TRAIN_STYLE), (f"train {_short(train[-1][1])}", TEXT_STYLE)]
    if held_out:
        texts += [("  ━━ ", HELD_OUT_STYLE), (f"held-out {_short(held_out[-1][1])}", TEXT_STYLE)]
    if best is not None:
        texts += [(f"  {BEST_POINT} ", BEST_STYLE), (f"best {best}", TEXT_STYLE)]
    texts += [(f"  {part}", TEXT_STYLE)] if part else []
    return Content.assemble(*texts)


def _short(loss: float) -> str:
    return f"{loss:.3g}" if loss and not 0.01 <= abs(loss) < 1000 else f"{loss:.2f}"


class LossChart(Widget):
    """A widget that shows the chart, below a rule with the legend."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LossChart {
        height: 1fr;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        border-top: solid $foreground 20%;
    }
    """

    def __init__(self, empty: str = "no epoch yet") -> None:
        """`empty` is shown while there is no loss."""
        super().__init__()
        self._empty = empty
        self._shown: tuple[Points, Points, int | None] = [], [], None
        self.border_title = legend(*self._shown, "").pad(1, 1)

    def show(self, train: Points, held_out: Points, best: int | None, part: str) -> None:
        """Shows losses as `plot` draws them. `part` is for the legend."""
        shown = [*train], held_out, best  # a copy: the curve of a running training grows
        if shown != self._shown:
            self._shown = shown
            self.border_title = legend(*shown, part).pad(1, 1)
            self.refresh()

    def render(self) -> Content:
        train, held_out, _ = self._shown
        if not train and not held_out:
            return Content.styled(self._empty, TEXT_STYLE)
        return Content("\n").join(plot(*self._shown, *self.size))
