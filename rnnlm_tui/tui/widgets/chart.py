"""A line chart of a training: values over epochs, its series told apart by their glyphs.

`plot` makes the rows, without a screen; `Curve` gives them their styles. A widget of its own,
because a chart that lives is drawn ten times a second: the rows of two series take 0.4 ms for 130
epochs and 7.5 ms for 5,000, where plotext took 33 to 76 ms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

Cell = tuple[str, str]
"""A character that takes one column, and the key of its style."""
Row = list[Cell]
TRAIN, HELD_OUT = "o", "x"
BEST, BOTH, BETWEEN = "^", "*", "·"
"""The best epoch, several series in one place, and the way from one epoch to the next."""
LARGEST, SMALLEST = 1e300, 1e-300
"""What is larger is drawn there, what is smaller at 0: differences and shares stay numbers."""
STEPS = (1.0, 2.0, 2.5, 5.0)
SERIES_STYLES = 3
LEAST_WIDTH, LEAST_HEIGHT = 10, 3
"""What is smaller than that gets the legend alone."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line of the chart: its name, its glyph, its points (x, y) in the order of x. Points that
    are not finite numbers are left out."""

    name: str
    glyph: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on rows or columns 0 to `length` - 1."""

    low: float
    high: float
    length: int

    def place(self, value: float) -> int:
        """The row or column of a value; the first for a scale of one value."""
        if self.high <= self.low:
            return 0
        share = (value - self.low) / (self.high - self.low)
        return min(self.length - 1, max(0, round(share * (self.length - 1))))


def plot(
    series: Iterable[Series],
    width: int,
    height: int,
    *,
    best: float | None = None,
    log: bool = False,
    empty: str = "no epoch yet",
) -> list[Row]:
    """The chart as `height` rows of `width` cells.

    `best` is the x of the best epoch; `log` makes the scale of y logarithmic, and leaves values out
    that are not above 0; `empty` stands there while there is no point. Keys of styles: "series-0",
    "series-1", ... in the order of the series, "best", "both", "axis", "label", "text", "".
    """
    if width < 1 or height < 1:
        return [[] for _ in range(max(0, height))]
    lines = [Series(one.name, one.glyph, list(_drawable(one.points, log))) for one in series]
    if not any(line.points for line in lines):
        return _message(empty, width, height)
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return [_legend(lines, width, best, log), *_message("", width, height - 1)]
    has_legend, has_axis = height >= 4, height >= 8
    rows = height - has_legend - (2 if has_axis else 1)
    values = [y for line in lines for _, y in line.points]
    ticks, y_scale = _y_axis(min(values), max(values), rows, log)
    gutter = _gutter(ticks, width)
    xs = [x for line in lines for x, _ in line.points]
    x_scale = Scale(min(xs), max(xs), width - gutter - 1)
    body = _body(lines, x_scale, y_scale, best, log)
    chart = [
        [*_label(ticks.get(row, ""), gutter), ("┤" if row in ticks else "│", "axis"), *cells]
        for row, cells in enumerate(body)
    ]
    x_ticks = _x_ticks(x_scale)
    if has_axis:
        marks = ["┬" if column in x_ticks else "─" for column in range(x_scale.length)]
        chart.append(_label("", gutter) + [(glyph, "axis") for glyph in ("└", *marks)])
    chart.append(_x_labels(x_ticks, gutter, width))
    both = any(key == "both" for cells in body for _, key in cells)
    return [_legend(lines, width, best, log, both), *chart] if has_legend else chart


def _drawable(points: Iterable[tuple[float, float]], log: bool) -> Iterator[tuple[float, float]]:
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y) and (y > SMALLEST or not log):
            yield _within(x), _within(y)


def _within(value: float) -> float:
    return max(-LARGEST, min(LARGEST, value)) if abs(value) > SMALLEST else 0.0


def _message(text: str, width: int, height: int) -> list[Row]:
    """The text in the middle of an empty chart."""
    blank: list[Row] = [[(" ", "")] * width for _ in range(height)]
    if not blank:
        return blank
    start = max(0, (width - len(text)) // 2)
    for column, char in enumerate(text[: width - start], start):
        blank[height // 2][column] = (char, "text")
    return blank


def _body(
    lines: Sequence[Series], x_scale: Scale, y_scale: Scale, best: float | None, log: bool
) -> list[Row]:
    """The rows between the axes, the highest values first."""
    body: list[Row] = [[(" ", "")] * x_scale.length for _ in range(y_scale.length)]
    # What joins the points lies below all points.
    binned = [_columns(line.points, x_scale, log) for line in lines]
    for index, columns in enumerate(binned):
        for column, value in _between(columns):
            body[_row(y_scale, value)][column] = (BETWEEN, f"series-{index}")
    taken: set[tuple[int, int]] = set()
    for index, (line, columns) in enumerate(zip(lines, binned, strict=True)):
        for column, value in columns.items():
            place = _row(y_scale, value), column
            glyph, key = (BOTH, "both") if place in taken else (line.glyph, f"series-{index}")
            body[place[0]][column] = glyph, key
            taken.add(place)
    if best is not None and x_scale.low <= best <= x_scale.high:
        column = x_scale.place(best)
        # The series measured on held-out lines comes last, and is the one that decides.
        for columns in reversed(binned):
            if column in columns:
                body[_row(y_scale, columns[column])][column] = (BEST, "best")
                break
    return body


def _row(scale: Scale, value: float) -> int:
    return scale.length - 1 - scale.place(value)


def _columns(points: Iterable[tuple[float, float]], scale: Scale, log: bool) -> dict[int, float]:
    """For each column that has points, the mean of their values, on the scale that is drawn."""
    found: dict[int, list[float]] = {}
    for x, y in points:
        found.setdefault(scale.place(x), []).append(math.log10(y) if log else y)
    # Divided before they are added, which huge values stand.
    return {
        column: math.fsum(value / len(values) for value in values)
        for column, values in sorted(found.items())
    }


def _between(columns: Mapping[int, float]) -> Iterator[tuple[int, float]]:
    """The columns between neighbouring points, and the values on the straight way."""
    known = list(columns.items())
    for (start, low), (end, high) in pairwise(known):
        for column in range(start + 1, end):
            share = (column - start) / (end - start)
            yield column, low * (1 - share) + high * share


def _y_axis(low: float, high: float, rows: int, log: bool) -> tuple[dict[int, str], Scale]:
    """The labels of y by row, and its scale, which is of logarithms where `log`."""
    lowest, highest = low, high
    if log:
        low, high = math.log10(low), math.log10(high)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        around = max(1.0, abs(low) / 2)
        scale = Scale(low - around, low + around, rows)
        return {_row(scale, low): short(10**low if log else low)}, scale
    scale = Scale(low, high, rows)
    most = min(6, max(2, (rows + 1) // 2))
    values = _log_ticks(low, high, most) if log else []
    if len(values) >= 2:
        return {_row(scale, value): short(10**value) for value in values}, scale
    # A span too short for round logarithms has values that are round themselves.
    values, step = _ticks(lowest, highest, most)
    places = map(math.log10, values) if log else values
    texts = (_with_step(value, step) for value in values)
    return {_row(scale, place): text for place, text in zip(places, texts, strict=True)}, scale


def _ticks(low: float, high: float, most: int) -> tuple[list[float], float]:
    """At most `most` round values from `low` to `high`, two where that can be; and their step."""
    span = high - low
    exponent = math.floor(math.log10(span / most))
    sizes = [
        factor * 10.0**power
        for power in range(exponent + 2, exponent - 3, -1)
        for factor in reversed(STEPS)
    ]
    best: list[float] = []
    step = sizes[0]
    for size in sizes:
        first = math.ceil(low / size - 1e-9)
        last = math.floor(high / size + 1e-9)
        if last - first + 1 > most:
            break
        if (count := last - first + 1) > len(best):
            best, step = [(first + i) * size for i in range(count)], size
    if not best:
        return [low], span
    return best, step


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """The logarithms of at most `most` round values: powers of ten, and 2 and 5 times those."""
    first, last = math.floor(low), math.ceil(high)
    for factors in ((1, 2, 5), (1,)):
        values = [
            power + math.log10(factor) for power in range(first, last + 1) for factor in factors
        ]
        values = [value for value in values if low <= value <= high]
        if len(values) <= most:
            return values
    return values[:: -(-len(values) // most)]


def _with_step(value: float, step: float) -> str:
    """A label with the decimals that its axis needs."""
    if max(abs(value), step) >= 1e5 or step < 1e-4:
        return f"{value:.3g}"
    decimals = next((n for n in range(5) if math.isclose(step * 10**n, round(step * 10**n))), 4)
    return f"{value + 0.0:.{decimals}f}"


def short(value: float) -> str:
    """A value in a few characters."""
    if value and not 0.01 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:.2f}"


def _gutter(ticks: Mapping[int, str], width: int) -> int:
    """The columns left of the axis: for the labels, and for "epoch" where there is space."""
    needed = max(map(len, ticks.values()), default=0)
    return min(max(needed, 5) if width >= 40 else needed, width // 2, width - 1)


def _label(text: str, gutter: int) -> Row:
    return [(char, "label") for char in text[:gutter].rjust(gutter)]


def _x_ticks(scale: Scale) -> dict[int, str]:
    """The labels of x by column: the first, round ones, and the last."""
    first, last = (f"{value:.10g}" for value in (scale.low, scale.high))
    if scale.high <= scale.low or scale.length < len(first) + len(last) + 2:
        return {0: first}
    found = {0: first}
    free = len(first) + 2
    last_column = scale.length - 1
    most = max(2, scale.length // (len(last) + 4))
    for value in _ticks(scale.low, scale.high, most)[0]:
        text = f"{value:.10g}"
        column = scale.place(value)
        start = column - len(text) // 2
        end_start = last_column - len(last) + 1
        if value == int(value) and start >= free and start + len(text) + 2 <= end_start:
            found[column] = text
            free = start + len(text) + 2
    found[last_column] = last
    return found


def _x_labels(ticks: Mapping[int, str], gutter: int, width: int) -> Row:
    """The row of the labels of x: each below its column, the first and the last within the row."""
    row: Row = [(" ", "")] * width
    if gutter >= 5:
        row[:5] = [(char, "label") for char in "epoch"]
    for column, text in ticks.items():
        start = gutter + 1 + (column - len(text) // 2 if column else 0)
        start = max(0, min(start, width - len(text)))
        for place, char in enumerate(text[:width], start):
            row[place] = (char, "label")
    return row


def _legend(
    lines: Sequence[Series], width: int, best: float | None, log: bool, both: bool = False
) -> Row:
    """Each series' glyph, name and last value, the best epoch, and the glyph of several in one
    place where there is one; where it is narrow closer, then in fewer words, then without names."""
    for space, words, names in (("   ", True, True), (" ", True, True), (" ", False, True),
                                (" ", False, False)):  # fmt: skip
        parts: list[list[tuple[str, str]]] = []
        for index, line in enumerate(lines):
            if line.points:
                name = f"{line.name} " if names else ""
                value = short(line.points[-1][1])
                parts.append([(line.glyph, f"series-{index}"), (f" {name}{value}", "text")])
        if best is not None:
            parts.append(
                [(BEST, "best"), (f" best {best:.10g}" if words else f"{best:.10g}", "text")]
            )
        if both and words:
            parts.append([(BOTH, "both"), (" both", "text")])
        if log and words:
            parts.append([("log scale", "label")])
        gap = [(space, "text")]
        row = [
            (char, key)
            for index, part in enumerate(parts)
            for text, key in (gap + part if index else part)
            for char in text
        ]
        if len(row) <= width:
            break
    return row[:width] + [(" ", "")] * (width - len(row))


class Curve(Widget):
    """The chart of `plot` as a widget that fills its space. `show` gives it its series."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {  # noqa: RUF012
        "curve--axis",
        "curve--label",
        "curve--text",
        "curve--best",
        "curve--both",
        *(f"curve--series-{index}" for index in range(SERIES_STYLES)),
    }
    DEFAULT_CSS = """
    Curve {
        height: 1fr;
        .curve--axis { color: $text-disabled; }
        .curve--label { color: $text-muted; }
        .curve--text { color: $foreground; }
        .curve--series-0 { color: $text-primary; }
        .curve--series-1 { color: $text-accent; }
        .curve--series-2 { color: $text-secondary; }
        .curve--best { color: $text-success; text-style: bold; }
        .curve--both { color: $foreground; }
    }
    """

    def __init__(
        self,
        series: Iterable[Series] = (),
        *,
        best: float | None = None,
        log: bool = False,
        empty: str = "no epoch yet",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._series, self._best, self._log = list(series), best, log
        self._empty = empty
        self._rows: list[Row] | None = None

    def show(self, series: Iterable[Series], best: float | None = None) -> None:
        """Draws these series; `best` is the best epoch."""
        self._series, self._best = list(series), best
        self._redraw()

    @property
    def log_scale(self) -> bool:
        """Whether the scale of y is logarithmic."""
        return self._log

    @log_scale.setter
    def log_scale(self, log: bool) -> None:
        self._log = log
        self._redraw()

    def _redraw(self) -> None:
        self._rows = None
        self.refresh()

    def on_resize(self) -> None:
        """Draws it for the new size."""
        self._redraw()

    def render_line(self, y: int) -> Strip:
        """A row of the chart in its styles."""
        width, height = self.size
        if self._rows is None or len(self._rows) != height:
            self._rows = plot(
                self._series, width, height, best=self._best, log=self._log, empty=self._empty
            )
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        segments = [
            Segment("".join(char for char, _ in run), self._style(key))
            for key, run in groupby(self._rows[y], key=itemgetter(1))
        ]
        return Strip(segments, len(self._rows[y]))

    def _style(self, key: str) -> Style:
        if not key:
            return self.rich_style
        if key.startswith("series-"):
            key = f"series-{int(key.removeprefix('series-')) % SERIES_STYLES}"
        return self.get_component_rich_style(f"curve--{key}")
