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

from rnnlm_tui.formatting import sanitize

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
    """The cells that fit.

    `values` [R, C] are all numbers, NaN after the end of the array, and `units` their number in a
    row of it. `scale` is the size of the fullest glyph. `top` is the first row that is
    shown, `height` and `width` say how many rows and columns are."""

    values: NDArray[np.float64]
    labels: tuple[str, ...]
    units: int
    scale: float
    top: int
    height: int
    width: int

    @classmethod
    def of(cls, stage: Stage, width: int, height: int) -> Cells:
        """The cells in this room: of the last rows the first units; of a single row, which goes on
        in the rows below it, the first ones."""
        values, labels = stage.values.astype(np.float64), stage.rows
        units = values.shape[-1]
        scale = stage.scale or float(np.abs(np.nan_to_num(values)).max()) or 1.0
        if values.ndim == 1:
            values = np.append(values, np.full(-units % width, np.nan)).reshape(-1, width)
            return cls(values, (), units, scale, 0, height, width)
        top = max(0, len(values) - height)
        return cls(values, labels, units, scale, top, height, max(1, width - label_width(labels)))

    def rows(self) -> Iterator[Content]:
        """The rows as text."""
        shown = self.values[self.top :][: self.height, : self.width]
        sizes = np.minimum(np.ceil(np.abs(shown) / self.scale * len(ABOVE)), len(ABOVE))
        levels = np.nan_to_num(np.sign(shown) * sizes)
        places = np.where(np.isnan(shown), -1, levels + len(BELOW))
        pad = label_width(self.labels)
        for row, glyphs in enumerate(GLYPHS[places.astype(int)].tolist(), start=self.top):
            label = fitted(self.labels[row], pad - 1) + Content(" ") if pad else Content("")
            runs = groupby(glyphs, key=STYLES.__getitem__)
            yield Content.assemble(label, *(("".join(run), style) for style, run in runs))

    def notes(self, width: int) -> list[str]:
        """What the glyphs mean, and what is shown, in as many rows as `note_rows` says."""
        legend = f"{BELOW} <0 {ZERO} 0 {ABOVE} >0 {ABOVE[-1]} ≥{0.75 * self.scale:.2g}"
        told = self.told
        if cell_len(told) > width:
            told = told.replace(" of ", "/")
        return [f"{legend}   {told}"] if note_rows(width) == 1 else [legend, told]

    @property
    def told(self) -> str:
        """Which rows and units are shown."""
        if not self.labels:
            return on_view("units", 0, self.width * self.height, self.units)
        rows = on_view("rows", self.top, self.height, len(self.values))
        return f"{rows}, {on_view('units', 0, self.width, self.units)}"


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
