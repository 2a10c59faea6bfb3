"""The list of the stages of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.inside.picture import FRAME
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from rnnlm_tui.explain import Part
    from rnnlm_tui.lm.stages import Stage

NAME, SHAPE = 17, 8
"""Columns of the name and of the shape of a stage in the list."""


class StageList(RowList, inherit_bindings=False):
    """The stages of all parts of the model, under the names of the parts if there are several. Its
    keys are those of the screen."""

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
        self._places: list[tuple[Part, Stage] | None] = []
        """What each row shows; None for the name of a part."""

    @property
    def chosen(self) -> tuple[Part, Stage] | None:
        row = self.highlighted
        return self._places[row] if row is not None and row < len(self._places) else None

    def show(self, parts: tuple[Part, ...]) -> None:
        """Lists the stages of these parts. The chosen one stays chosen if it is still there."""
        chosen = self.chosen
        self._places, options = [], []
        for part in parts:
            if len(parts) > 1:
                self._places.append(None)
                options.append(Option(f"{part.name} {part.weight:.0%}", disabled=True))
            for stage in part.stages:
                self._places.append((part, stage))
                shape = "x".join(f"{size}" for size in stage.values.shape)
                options.append(Option(f"{shorten(stage.name, NAME):{NAME}}{shape:>{SHAPE}}"))
        self.set_options(options)
        names = [place and (place[0].name, place[1].name) for place in self._places]
        before = chosen and (chosen[0].name, chosen[1].name)
        first = next((row for row, name in enumerate(names) if name), None)
        self.highlighted = names.index(before) if before in names and before else first

    def next_part(self) -> None:
        """Chooses the first stage of the next part, after the last part that of the first one."""
        starts = [row + 1 for row, place in enumerate(self._places) if place is None]
        row = self.highlighted or 0
        self.highlighted = next((start for start in starts if start > row), min(starts, default=0))
