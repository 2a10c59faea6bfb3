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
"""Glyphs of numbers below 0, at 0 and above 0, by size: up to a quarter of the largest one of the
array, up to a half, and so on."""
GLYPHS = np.array([*reversed(BELOW), ZERO, *ABOVE, " "])
STYLES = {
    **dict.fromkeys(BELOW, "$text-warning"),
    **dict.fromkeys(ABOVE, "$text-primary"),
    ZERO: "$text-disabled",
    " ": "",
}
"""The style of each glyph. A cell after the end of the array is blank."""
LEGEND = f"{BELOW} below 0   {ZERO} 0   {ABOVE} above"


def is_of_cells(stage: Stage) -> bool:
    """Whether the numbers of a stage are those of units; others belong to words."""
    values: NDArray[Any] = stage.values
    is_of_words = stage.top or stage.columns or (values.ndim == 1 and stage.rows)
    return values.dtype.kind == "f" and values.size > 0 and not is_of_words


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells that fit, with the one that is pointed at.

    `values` [R, C] are all numbers, NaN after the end of the array, and `units` their number in a
    row of it. `top` and `left` are the first row and column that are shown, `height` and `width`
    how many of them, `pointed` is a row and a column.
    """

    values: NDArray[np.float64]
    labels: tuple[str, ...]
    units: int
    top: int
    left: int
    height: int
    width: int
    pointed: tuple[int, int] | None

    @classmethod
    def of(cls, stage: Stage, width: int, height: int, pointed: tuple[int, int] | None) -> Cells:
        """The cells in this room. The last rows are shown, but of a single row, which goes on in
        the rows below it, the first ones; and in either case the cell that is pointed at."""
        values, labels = stage.values.astype(np.float64), stage.rows
        is_single = values.ndim == 1
        units = values.shape[-1]
        if is_single:
            rest = np.full(-len(values) % width, np.nan)
            values = np.append(values, rest).reshape(-1, width)
        room = max(1, width - label_width(labels))
        rows, columns = values.shape
        if pointed is not None:
            pointed = min(pointed[0], rows - 1), min(pointed[1], columns - 1)
        row, column = pointed or (0 if is_single else rows - 1, 0)
        top = min(row, 0 if is_single else max(0, rows - height))
        top = max(top, row - height + 1)
        return cls(values, labels, units, top, column // room * room, height, room, pointed)

    def rows(self) -> Iterator[Content]:
        """The rows as text."""
        largest = float(np.abs(np.nan_to_num(self.values)).max()) or 1.0
        shown = self.values[self.top :, self.left :][: self.height, : self.width]
        levels = np.sign(shown) * np.ceil(np.abs(shown) / largest * len(ABOVE))
        places = np.where(np.isnan(shown), -1, np.nan_to_num(levels) + len(BELOW))
        pad = label_width(self.labels)
        for row, glyphs in enumerate(GLYPHS[places.astype(int)].tolist(), start=self.top):
            label = fitted(self.labels[row], pad - 1) + Content(" ") if pad else Content("")
            runs = groupby(glyphs, key=STYLES.__getitem__)
            text = Content.assemble(label, *(("".join(run), style) for style, run in runs))
            if self.pointed is not None and self.pointed[0] == row:
                place = len(label) + self.pointed[1] - self.left
                text = text.stylize("reverse bold", place, place + 1)
            yield text

    @property
    def told(self) -> str:
        """The number that is pointed at, or else which units are shown and what the glyphs mean."""
        if self.pointed is None:
            last = min(self.units, self.left + self.width * (1 if self.labels else self.height))
            return f"units {self.left + 1:,}-{last:,} of {self.units:,}    {LEGEND}"
        row, column = self.pointed
        value = self.values[row, column]
        if np.isnan(value):
            return "after the last unit"
        unit = column + 1 if self.labels else row * self.width + column + 1
        of = f"{sanitize(self.labels[row])}, " if self.labels else ""
        return f"{of}unit {unit:,} of {self.units:,}: {value:.4f}"


def label_width(labels: tuple[str, ...]) -> int:
    """Columns before the first cell of a row."""
    longest = max((cell_len(sanitize(label)) for label in labels), default=0)
    return min(LABEL, longest) + 1 if labels else 0


def fitted(text: str, width: int) -> Content:
    """A text in exactly this many columns."""
    return Content(sanitize(text)).truncate(width, ellipsis=True, pad=True)
