"""The panes of the Inside screen: the list of the stages, and rows below a title."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import ClassVar

import numpy as np
from rich.segment import Segment, SegmentLines
from rich.style import Style as RichStyle
from textual import on
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.content import Content
from textual.style import Style
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import format_whole_percent, sanitize, shorten
from rnnlm_tui.lm.stages import STEP_NAME, Stage
from rnnlm_tui.suggesting.explain import Part
from rnnlm_tui.wording.explain_rows import NAN_LEVEL, PART_GLYPHS, TOP_LEVEL, Role, StyledRow

Draw = Callable[..., Iterable[StyledRow]]
"""Returns rows for a width in cells. If it draws the rows below the sentence, a height follows."""
STYLES = {"": "", "bold": "bold", "dim": "$quiet"}
"""The styles of the roles of words. Any other role is that of a bar, whose style is "$ghost"."""
SHADES = dict(zip(PART_GLYPHS, (1.0, 0.6, 0.35, 0.2), strict=True))
"""The strength of the colour of a bar, from 0 to 1, by the glyph of its part of the model."""
BAR = "━"
"""The glyph of bars in colours."""
BEHIND_TEXT = 0.45
"""The largest strength of a colour behind a word. With a larger one it could not be read."""
FEWEST_ROWS = 4
"""Rows that a pane keeps for figures. The sentence above them is cut off if need be."""
ROOMY = 12
"""With more rows than this for figures, a pane has an empty row above them."""
NAME_WIDTH = 17
"""The width of the name of a stage in the list, in cells."""
SHAPE_WIDTH = 10
"""The width of the shape of a stage in the list, in cells."""
FOLDED_MARK = "+ "
"""Stands before a layer whose steps are hidden."""
OPEN_MARK = "- "
"""Stands before a layer whose steps are shown."""
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


def no_rows(*size: int) -> tuple[StyledRow, ...]:
    return ()


class Pane(Widget):
    """Shows rows on top, a sentence, and below it rows that fit the room left.

    In colours, a number is drawn as a background: the colour of the page for 0, nearer to $take for
    lower numbers, and to $ghost for higher ones. Rows are made of segments: a heat map has a
    thousand of them, for which Textual's Content takes ten times as long.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = f"Pane {FRAME}"

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._sentence = ""
        self._draw: Draw = no_rows
        self._draw_head: Draw = no_rows

    def show(
        self, title: str, sentence: str, draw: Draw = no_rows, draw_head: Draw = no_rows
    ) -> None:
        """Shows the rows that `draw_head` returns, a sentence, and the rows that `draw` returns."""
        self.border_title = Content(sanitize(title)).pad(1, 1) if title else ""
        self._sentence, self._draw, self._draw_head = sanitize(sentence), draw, draw_head
        self.refresh()

    def render(self) -> SegmentLines:
        style = cache(self._style)
        bars = () if self.app.native_ansi_color else SHADES
        rows = (
            [Segment(BAR * len(text) if role in bars else text, style(role)) for text, role in row]
            for row in self._fitted()
        )
        return SegmentLines(rows, new_lines=True)

    def _fitted(self) -> list[StyledRow]:
        width, height = max(1, self.content_size.width), max(1, self.content_size.height)
        rows = [*self._draw_head(width)]
        sentence = [line.plain for line in Content(self._sentence).wrap(width) if line]
        room = max(1, height - len(rows) - FEWEST_ROWS)
        if len(sentence) > room:
            sentence[room - 1 :] = [f"{sentence[room - 1][: width - 2]} …"]
        rows += ([(line, "")] for line in sentence)
        if rows and height - len(rows) > ROOMY:
            rows.append([])
        return [*rows, *self._draw(width, max(1, height - len(rows)))]

    def _style(self, role: Role) -> RichStyle:
        return (self.visual_style + self._style_of_role(role)).rich_style

    def _style_of_role(self, role: Role) -> Style:
        """Returns the style of a role. Two numbers share a half block, whose foreground has the
        colour of the left one, and whose background that of the right one."""
        has_few_colours = self.app.native_ansi_color
        if isinstance(role, str):
            if role in SHADES and not has_few_colours:
                return Style(foreground=self._shade("ghost", SHADES[role]))
            return Style.parse(STYLES.get(role, "$ghost"))
        if has_few_colours:
            return Style.parse({-1: "$take", 0: "$quiet", 1: "$ghost"}[int(np.sign(role[0]))])
        if len(role) == 1:
            return Style(background=self._colour_of(role[0], BEHIND_TEXT))
        left, right = map(self._colour_of, role)
        return Style(foreground=left, background=right)

    def _colour_of(self, level: int, strongest: float = 1.0) -> Color:
        strength = 0 if level == NAN_LEVEL else abs(level) / TOP_LEVEL * strongest
        return self._shade("ghost" if level > 0 else "take", strength)

    def _shade(self, name: str, strength: float) -> Color:
        """Returns the colour of the page, mixed with the colour of this name."""
        page, colour = (Color.parse(self.app.theme_variables[n]) for n in ("background", name))
        return page.blend(colour, strength)


class StageList(OptionList, inherit_bindings=False):
    """Lists the stages of a model below the names of its parts. The steps of a recurrent layer are
    hidden until its row is unfolded."""

    # The bindings of OptionList are not inherited: its keys left and right move along the line.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "stage", key_display="↑↓", id="inside.stage_before",
                tooltip="Show the stage before"),
        Binding("down", "cursor_down", "stage", show=False, id="inside.next_stage",
                tooltip="Show the next stage"),
        Binding("enter", "select", "steps", id="inside.unfold",
                tooltip="Show the steps of the layer; or hide them"),
        Binding("pageup", "page_up", "Page up", show=False, id="inside.page_up",
                tooltip="Go a page of stages up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="inside.page_down",
                tooltip="Go a page of stages down"),
    ]  # fmt: skip

    DEFAULT_CSS = f"""
    StageList {FRAME}
    StageList {{ padding: 0 0 0 1; scrollbar-size-vertical: 1; max-height: 100%; }}
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
        """The stage in the highlighted row."""
        row = self.highlighted_option
        return self._stages.get(row.id or "") if row is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the key for steps on a row that has none."""
        if action == "select":
            return self.highlighted_option is not None and has_steps(self.highlighted_option)
        return super().check_action(action, parameters)

    def show(self, parts: tuple[Part, ...]) -> None:
        """Lists the stages of these parts. The chosen one stays chosen if it is still there."""
        before = self.highlighted_option
        self._parts = parts
        self._stages = {}
        options = list[Option]()
        for part in parts:
            share = format_whole_percent(part.weight) if len(parts) > 1 else ""
            title = f"{part.name:{NAME_WIDTH}}{share:>{SHAPE_WIDTH}}"
            options.append(Option(title, disabled=True))
            for stage, row in self._rows_of(part):
                options.append(Option(row, f"{part.name} {stage.name}"))
                self._stages[f"{part.name} {stage.name}"] = stage
        self.set_options(options)
        chosen = before.id if before is not None and before.id in self._stages else None
        chosen = chosen or next(iter(self._stages), None)
        self.highlighted = self.get_option_index(chosen) if chosen else None

    def scroll_to_highlight(self, top: bool = False) -> None:
        """Scrolls to the chosen stage. Above the first one, the name of its part is in sight."""
        super().scroll_to_highlight(top)
        if self.highlighted == 1:
            self.scroll_home(animate=False, immediate=True)

    def _rows_of(self, part: Part) -> Iterator[tuple[Stage, str]]:
        """Yields the listed stages of a part, each with the text of its row."""
        for stage, following in zip(part.stages, (*part.stages[1:], None), strict=True):
            mark = "  "
            if is_step(stage):
                if not self._is_unfolded:
                    continue
                mark = "    "
            elif following is not None and is_step(following):
                mark = OPEN_MARK if self._is_unfolded else FOLDED_MARK
            shape = "x".join(f"{size:,}" for size in stage.values.shape if size)
            name = shorten(mark + stage.name, NAME_WIDTH)
            yield stage, f"{name:{NAME_WIDTH}}{shape:>{SHAPE_WIDTH}}"

    @on(OptionList.OptionSelected)
    def _toggle_steps(self, event: OptionList.OptionSelected) -> None:
        """Shows or hides the steps of all layers if the row is that of a layer with steps."""
        if has_steps(event.option):
            self._is_unfolded = not self._is_unfolded
            self.show(self._parts)


def is_step(stage: Stage) -> bool:
    return STEP_NAME.fullmatch(stage.name) is not None


def has_steps(row: Option) -> bool:
    return str(row.prompt).startswith((FOLDED_MARK, OPEN_MARK))
