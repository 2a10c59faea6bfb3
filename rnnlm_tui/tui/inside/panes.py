"""The panes of the Inside screen: rows below a title, and the list of the stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import ClassVar

import numpy as np
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.explain import Part
from rnnlm_tui.wording.explain_rows import ABOVE, BELOW, PARTS, ZERO, StyledRow

Draw = Callable[[int, int], Iterable[StyledRow]]
"""Returns the rows for a width and a height in cells."""
PART_STYLES = ("$ghost", "$take", "$good", "$warn")
STYLES = {
    "": "",
    "dim": "$quiet",
    "bar": "$ghost",
    BELOW: "$warn",
    ZERO: "$quiet",
    ABOVE: "$ghost",
    **dict(zip(PARTS, PART_STYLES, strict=True)),
}
"""The style of each role that a piece of text may have."""
FEWEST_ROWS = 4
"""Rows that are left for the figures of a stage. The sentence above them is cut off if need be."""
NAME_WIDTH, SHAPE_WIDTH = 17, 8
"""The widths of the name and of the shape of a stage in the list, in cells."""
OF_CELL = ("gate", "candidate", "cell")
"""The ends of the names of the stages of a cell, which are folded away."""
LAYER = re.compile(r"(layer \d+) ")
"""The beginning of the names of stages if there are several layers."""
FOLDED_MARK, OPEN_MARK = "▸", "▾"
FRAME = """
    {
        padding: 0 1;
        background: transparent;
        border: none;
        border-top: solid $foreground 20%;
        border-title-color: $quiet;
        &:ansi { border-top: solid ansi_bright_black; }
        &:focus { border: none; border-top: solid $border; }
        &:focus { border-title-color: $foreground; border-title-style: bold; }
    }
"""
"""The CSS of a widget below a rule that holds its title."""


class Pane(Widget):
    """A sentence, and below it rows that are drawn to fit."""

    ALLOW_SELECT = False
    DEFAULT_CSS = f"Pane {FRAME}"
    _sentence: str = ""
    _draw: Draw | None = None

    def show(self, title: str, sentence: str, draw: Draw | None = None) -> None:
        self.border_title = Content(sanitize(title)).pad(1, 1) if title else ""
        self._sentence, self._draw = sanitize(sentence), draw
        self.refresh()

    def render(self) -> Content:
        width, height = max(1, self.content_size.width), max(1, self.content_size.height)
        rows = Content(self._sentence).wrap(width) if self._sentence else []
        room = max(1, height - FEWEST_ROWS)
        if len(rows) > room:
            rows = [*rows[: room - 1], (rows[room - 1] + " …").truncate(width, ellipsis=True)]
        drawn = self._draw(width, max(1, height - len(rows))) if self._draw else ()
        styled = (Content.assemble(*((text, STYLES[role]) for text, role in row)) for row in drawn)
        return Content("\n").join([*rows, *(row.truncate(width, ellipsis=True) for row in styled)])


class StageList(OptionList, inherit_bindings=False):
    """The stages of all parts of the model, under the names of the parts if there are several. The
    stages of a cell are folded away below a row for the cell."""

    # The bindings of OptionList are not inherited: its keys left and right move along the line.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "stage", key_display="↑↓", id="inside.stage_before",
                tooltip="Show the stage before"),
        Binding("down", "cursor_down", "stage", show=False, id="inside.next_stage",
                tooltip="Show the next stage"),
        Binding("enter", "select", "cell", id="inside.unfold",
                tooltip="Show the steps of the cell; or hide them"),
        Binding("pageup", "page_up", "Page up", show=False, id="inside.page_up",
                tooltip="Go a page of stages up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="inside.page_down",
                tooltip="Go a page of stages down"),
    ]  # fmt: skip

    DEFAULT_CSS = f"""
    StageList {FRAME}
    StageList {{ padding: 0; scrollbar-size-vertical: 1; max-height: 100%; }}
    StageList:focus {{ background-tint: transparent; }}
    StageList:ansi > .option-list--option-highlighted {{ text-style: bold underline; }}
    StageList > .option-list--option-disabled {{ color: $quiet; text-style: bold; }}
    """

    def __init__(self) -> None:
        super().__init__(id="stages", markup=False)
        self.border_title = Content("stages").pad(1, 1)
        self._parts: tuple[Part, ...] = ()
        self._stages: dict[str, Stage] = {}
        """The stage of each row, by the id of the row."""
        self._is_unfolded = False

    @property
    def chosen(self) -> Stage | None:
        row = self.highlighted_option
        return self._stages.get(row.id or "") if row is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the key that unfolds a cell while none is chosen."""
        if action == "select":
            return self.highlighted_option is not None and is_cell(self.highlighted_option)
        return super().check_action(action, parameters)

    def show(self, parts: tuple[Part, ...]) -> None:
        """Lists the stages of these parts. The chosen one stays chosen if it is still there."""
        before, self._parts, self._stages = self.highlighted_option, parts, {}
        options = list[Option]()
        for part in parts:
            if len(parts) > 1:
                options.append(Option(f"{part.name} {part.weight:.0%}", disabled=True))
            for stage, row in self._rows_of(part):
                options.append(Option(row, f"{part.name} {stage.name}"))
                self._stages[f"{part.name} {stage.name}"] = stage
        self.set_options(options)
        chosen = before.id if before is not None and before.id in self._stages else None
        chosen = chosen or next(iter(self._stages), None)
        self.highlighted = self.get_option_index(chosen) if chosen else None

    def _rows_of(self, part: Part) -> Iterator[tuple[Stage, str]]:
        for is_of_cell, group in groupby(part.stages, lambda one: one.name.endswith(OF_CELL)):
            stages = [*group]
            if is_of_cell:
                cell = _cell(stages)
                yield cell, f"{OPEN_MARK if self._is_unfolded else FOLDED_MARK} {cell.name}"
                if not self._is_unfolded:
                    continue
            for stage in stages:
                name = f"  {LAYER.sub('', stage.name)}" if is_of_cell else stage.name
                shape = "x".join(f"{size}" for size in stage.values.shape)
                yield stage, f"{shorten(name, NAME_WIDTH):{NAME_WIDTH}}{shape:>{SHAPE_WIDTH}}"

    def unfold(self, row: Option) -> None:
        """Unfolds or folds the cells of all layers if the row is that of a cell."""
        if is_cell(row):
            self._is_unfolded = not self._is_unfolded
            self.show(self._parts)


def is_cell(row: Option) -> bool:
    return str(row.prompt).startswith((FOLDED_MARK, OPEN_MARK))


def _cell(stages: list[Stage]) -> Stage:
    """Returns a stage that stands for the stages of a cell."""
    layer = LAYER.match(stages[0].name)
    sentence = (
        f"Decides for each word what of it enters the memory and what is kept, in {len(stages)}"
        " steps. Enter or a click shows or hides them."
    )
    return Stage(f"cell of {layer[1]}" if layer else "the cell", sentence, np.array([]))
