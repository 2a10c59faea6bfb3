"""Draws the numbers of a stage as cells. The glyph of a cell says both sign and size, as its colour
does.

Shapes: R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from textual.content import Content

from rnnlm_tui.formatting import sanitize, shorten

if TYPE_CHECKING:
    from rnnlm_tui.lm.stages import Stage

LABEL = 10
"""Columns of the label of a row at most."""
BELOW, ZERO, ABOVE = "-=≡#", "·", "░▒▓█"
"""Glyphs of numbers below 0, at 0 and above 0, by size: up to a quarter of the scale, up to a half,
and so on."""
GLYPHS = np.array([*reversed(BELOW), ZERO, *ABOVE, " "])
STYLES = {
    **dict.fromkeys(BELOW, "$text-warning"),
    **dict.fromkeys(ABOVE, "$text-primary"),
    ZERO: "$text-disabled",
    " ": "",
}
"""The style of each glyph. A cell after the end of the array is blank."""
ONE_ROW = 76
"""Columns from which the legend and what is shown are on one row."""


def is_of_cells(stage: Stage) -> bool:
    """Whether the numbers of a stage are those of units; others belong to words."""
    values: NDArray[Any] = stage.values
    is_of_words = stage.top or stage.columns or (values.ndim == 1 and stage.rows)
    return values.dtype.kind == "f" and values.size > 0 and not is_of_words


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells that fit, with the one that is pointed at.

    `values` [R, C] are all numbers, NaN after the end of the array, and `units` their number in a
    row of it. `scale` is the size of the fullest glyph. `top` and `left` are the first row and
    column that are shown, `height` and `width` how many of them. `pointed` is a row and a unit of
    the array."""

    values: NDArray[np.float64]
    labels: tuple[str, ...]
    units: int
    scale: float
    top: int
    left: int
    height: int
    width: int
    pointed: tuple[int, int] | None

    @classmethod
    def of(cls, stage: Stage, width: int, height: int, pointed: tuple[int, int] | None) -> Cells:
        """The cells in this room. The last rows are shown, but of a single row, which goes on in
        the rows below it, the first ones; and in either case the cell that is pointed at, or the
        nearest one that there is."""
        values, labels = stage.values.astype(np.float64), stage.rows
        is_single, units = values.ndim == 1, values.shape[-1]
        scale = stage.scale or float(np.abs(np.nan_to_num(values)).max()) or 1.0
        if pointed is not None:
            last = 0 if is_single else len(values) - 1
            pointed = max(0, min(pointed[0], last)), max(0, min(pointed[1], units - 1))
        row, column = pointed or (0 if is_single else len(values) - 1, 0)
        if is_single:
            rest = np.full(-units % width, np.nan)
            values = np.append(values, rest).reshape(-1, width)
            row, column = divmod(column, width)
        room = max(1, width - label_width(labels))
        rows, columns = values.shape
        top = min(row, 0 if is_single else max(0, rows - height))
        top = max(top, row - height + 1)
        left = min(column // room * room, max(0, columns - room))
        return cls(values, labels, units, scale, top, left, height, room, pointed)

    @property
    def _place(self) -> tuple[int, int] | None:
        """The row and the column that are pointed at."""
        if self.pointed is None or self.labels:
            return self.pointed
        return divmod(self.pointed[1], self.width)

    def rows(self) -> Iterator[Content]:
        """The rows as text."""
        shown = self.values[self.top :, self.left :][: self.height, : self.width]
        sizes = np.minimum(np.ceil(np.abs(shown) / self.scale * len(ABOVE)), len(ABOVE))
        levels = np.nan_to_num(np.sign(shown) * sizes)
        places = np.where(np.isnan(shown), -1, levels + len(BELOW))
        pad, place = label_width(self.labels), self._place
        for row, glyphs in enumerate(GLYPHS[places.astype(int)].tolist(), start=self.top):
            label = fitted(self.labels[row], pad - 1) + Content(" ") if pad else Content("")
            runs = groupby(glyphs, key=STYLES.__getitem__)
            text = Content.assemble(label, *(("".join(run), style) for style, run in runs))
            if place is not None and place[0] == row:
                column = len(label) + place[1] - self.left
                text = text.stylize("reverse bold", column, column + 1)
            yield text

    def at(self, row: int, column: int) -> tuple[int, int] | None:
        """The row and the unit of the array in this row and column of the room, if any."""
        row, column = row + self.top, column - label_width(self.labels) + self.left
        rows, columns = self.values.shape
        if not (
            self.top <= row < min(rows, self.top + self.height)
            and self.left <= column < min(columns, self.left + self.width)
        ) or np.isnan(self.values[row, column]):
            return None
        return (row, column) if self.labels else (0, row * self.width + column)

    def beside(self, down: int, right: int) -> tuple[int, int]:
        """The row and the unit so many rows and columns from the one that is pointed at, or the
        nearest one that there is."""
        row, unit = self.pointed or (0, 0)
        if self.labels:
            row = max(0, min(row + down, len(self.values) - 1))
        else:
            right += down * self.width
        return row, max(0, min(unit + right, self.units - 1))

    def notes(self, width: int) -> list[str]:
        """What the glyphs mean, and the number that is pointed at or else what is shown, in as many
        rows as `note_rows` says."""
        legend = f"{BELOW} <0 {ZERO} 0 {ABOVE} >0 {ABOVE[-1]} ≥{0.75 * self.scale:.2g}"
        told = self.told
        if cell_len(told) > width:
            told = told.replace(" of ", "/").replace(", unit ", ", ")
        return [f"{legend}   {self.told}"] if note_rows(width) == 1 else [legend, told]

    @property
    def told(self) -> str:
        """The number that is pointed at, or else which rows and units are shown."""
        if self.pointed is not None:
            row, unit = self.pointed
            of = f"{shorten(self.labels[row], LABEL)}, " if self.labels else ""
            value = self.values[self._place or (0, 0)]
            return f"{of}unit {unit + 1:,} of {self.units:,}: {value:.4f}"
        if not self.labels:
            return on_view("units", 0, self.width * self.height, self.units)
        rows = on_view("rows", self.top, self.height, len(self.values))
        return f"{rows}, {on_view('units', self.left, self.width, self.units)}"


def note_rows(width: int) -> int:
    """Rows of the notes below cells of this width."""
    return 1 if width >= ONE_ROW else 2


def on_view(what: str, before: int, room: int, count: int) -> str:
    """Which of `count` things are shown in this room."""
    return f"{what} {before + 1:,}-{min(count, before + room):,} of {count:,}"


def label_width(labels: tuple[str, ...]) -> int:
    """Columns before the first cell of a row."""
    longest = max((cell_len(sanitize(label)) for label in labels), default=0)
    return min(LABEL, longest) + 1 if labels else 0


def fitted(text: str, width: int) -> Content:
    """A text in exactly this many columns."""
    return Content(sanitize(text)).truncate(width, ellipsis=True, pad=True)
