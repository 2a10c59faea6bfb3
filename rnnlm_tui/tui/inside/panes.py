"""The panes of the Inside screen: rows below a title, and the list of the stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from rnnlm_tui.explain import Part
    from rnnlm_tui.lm.stages import Stage

Draw = Callable[[int, int], Iterable[Content]]
"""Returns the rows for a width and a height in cells."""
NAME, SHAPE = 17, 8
"""Columns of the name and of the shape of a stage in the list."""
OF_CELL, LAYER = ("gate", "candidate", "cell"), re.compile(r"(layer \d+) ")
"""How the names of the stages end that are folded away, and how they begin if there are several
layers."""
FRAME = """
    {
        padding: 0 1;
        background: transparent;
        border: none;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        &:ansi { border-top: solid ansi_bright_black; }
        &:focus { border: none; border-top: solid $border; }
        &:focus { border-title-color: $foreground; border-title-style: bold; }
    }
"""
"""The CSS of a widget with a title in a rule above it."""


class Pane(Widget):
    """Rows that are drawn to fit."""

    ALLOW_SELECT = False
    DEFAULT_CSS = f"Pane {FRAME}"
    _draw: Draw = staticmethod(lambda width, height: ())

    def show(self, title: str, draw: Draw) -> None:
        self.border_title = Content(sanitize(title)).pad(1, 1) if title else ""
        self._draw = draw
        self.refresh()

    def render(self) -> Content:
        width, height = max(1, self.content_size.width), max(1, self.content_size.height)
        rows = self._draw(width, height)
        return Content("\n").join(row.truncate(width, ellipsis=True) for row in rows)


class Place(NamedTuple):
    """A row of the list: a stage, or the cell of a layer, whose steps are folded away or below."""

    part: str
    stage: Stage
    row: str
    is_cell: bool = False


class StageList(RowList, inherit_bindings=False):
    """The stages of all parts of the model, under the names of the parts if there are several."""

    # Without those that scroll it to the left and right, which are the keys of the line.
    BINDINGS: ClassVar[list[BindingType]] = OptionList.BINDINGS

    DEFAULT_CSS = f"""
    StageList {FRAME}
    StageList {{ padding: 0; scrollbar-size-vertical: 1; max-height: 100%; }}
    StageList:focus {{ background-tint: transparent; }}
    StageList:ansi > .option-list--option-highlighted {{ text-style: bold underline; }}
    StageList > .option-list--option-disabled {{ color: $text-muted; text-style: bold; }}
    """

    def __init__(self) -> None:
        super().__init__(id="stages", markup=False)
        self.border_title = Content("stages").pad(1, 1)
        self._parts: tuple[Part, ...] = ()
        self._places: list[Place | None] = []
        """What each row shows; None for the name of a part."""
        self._is_unfolded = False

    @property
    def chosen(self) -> Place | None:
        row = self.highlighted
        return self._places[row] if row is not None and row < len(self._places) else None

    def show(self, parts: tuple[Part, ...]) -> None:
        """Lists the stages of these parts. The chosen one stays chosen if it is still there."""
        chosen, self._parts = self.chosen, parts
        self._places, options = [], []
        for part in parts:
            if len(parts) > 1:
                self._places.append(None)
                options.append(Option(f"{part.name} {part.weight:.0%}", disabled=True))
            for place in self._places_of(part):
                self._places.append(place)
                options.append(Option(place.row))
        self.set_options(options)
        names = [place and (place.part, place.stage.name) for place in self._places]
        before = chosen and (chosen.part, chosen.stage.name)
        first = next((row for row, name in enumerate(names) if name), None)
        self.highlighted = names.index(before) if before in names and before else first

    def _places_of(self, part: Part) -> Iterable[Place]:
        for is_of_cell, group in groupby(part.stages, lambda one: one.name.endswith(OF_CELL)):
            stages = [*group]
            if is_of_cell:
                cell = _cell(stages)
                row = f"{'▾' if self._is_unfolded else '▸'} {cell.name}"
                yield Place(part.name, cell, row, is_cell=True)
                if not self._is_unfolded:
                    continue
            for stage in stages:
                name = f"  {LAYER.sub('', stage.name)}" if is_of_cell else stage.name
                shape = "x".join(f"{size}" for size in stage.values.shape)
                row = f"{shorten(name, NAME):{NAME}}{shape:>{SHAPE}}"
                yield Place(part.name, stage, row)

    def unfold(self) -> None:
        """Unfolds the cells of all layers, or folds them again, if one is chosen."""
        if self.chosen and self.chosen.is_cell:
            self._is_unfolded = not self._is_unfolded
            self.show(self._parts)


def _cell(stages: list[Stage]) -> Stage:
    """The stage that stands for those of a cell."""
    from rnnlm_tui.lm.stages import Stage

    layer = LAYER.match(stages[0].name)
    sentence = (
        f"Decides for each word what of it enters the memory and what is kept, in {len(stages)}"
        " steps. Enter or a click shows them."
    )
    return Stage(f"cell of {layer[1]}" if layer else "the cell", sentence, np.array([]))
