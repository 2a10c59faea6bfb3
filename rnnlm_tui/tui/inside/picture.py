"""The picture of the chosen stage, and the lists that are drawn below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.tui.inside.cells import Cells, is_of_cells, note_rows
from rnnlm_tui.tui.inside.drawing import DIM, word_rows

if TYPE_CHECKING:
    from rnnlm_tui.explain import Explanation
    from rnnlm_tui.lm.stages import Stage
    from rnnlm_tui.tui.inside.explainer import Explained

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
FAR = 1 << 30
"""More cells than a row has."""
FEWEST_ROWS = 4
"""Rows below the sentence on a stage, which is cut off if need be."""


class Drawn(Widget):
    """Rows that are drawn for an explanation, or a sentence in place of them."""

    ALLOW_SELECT = False
    DEFAULT_CSS = f"Drawn {FRAME}"

    def __init__(self, draw: Callable[[Explanation, int, int], Iterable[Content]], id: str) -> None:
        """`draw` returns the rows for a width and a height in cells."""
        super().__init__(id=id)
        self._draw = draw
        self._found: Explanation | None = None
        self._sentence = ""

    def show(self, title: str, found: Explanation | None, sentence: str = "") -> None:
        self.border_title = Content(sanitize(title)).pad(1, 1)
        self._found, self._sentence = found, sentence
        self.refresh()

    def render(self) -> Content:
        width, height = self.content_size
        if self._sentence or self._found is None:
            return Content("\n").join(Content(sanitize(self._sentence)).wrap(max(1, width)))
        return Content("\n").join(self._draw(self._found, width, height))


class Picture(Widget, can_focus=True):
    """A stage: its sentence, its values, and the numbers in the cell that is pointed at."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "point(0, -1)", "cell", key_display="←→↑↓", id="inside.cell_left",
                tooltip="Point at the cell to the left"),
        Binding("right", "point(0, 1)", "cell", show=False, id="inside.cell_right",
                tooltip="Point at the cell to the right"),
        Binding("up", "point(-1, 0)", "cell", show=False, id="inside.cell_up",
                tooltip="Point at the cell above"),
        Binding("down", "point(1, 0)", "cell", show=False, id="inside.cell_down",
                tooltip="Point at the cell below"),
        Binding("home", f"point(0, -{FAR})", "first", show=False, id="inside.first_cell",
                tooltip="Point at the first cell; of the row"),
        Binding("end", f"point(0, {FAR})", "last", show=False, id="inside.last_cell",
                tooltip="Point at the last cell; of the row"),
        Binding("pageup", "page(-1)", "page up", show=False, id="inside.cells_above",
                tooltip="Point a page of cells higher"),
        Binding("pagedown", "page(1)", "page down", show=False, id="inside.cells_below",
                tooltip="Point a page of cells lower"),
        Binding("tab", "screen.other_pane", "stages", id="inside.stages",
                tooltip="Go back to the stages"),
    ]  # fmt: skip
    DEFAULT_CSS = f"Picture {FRAME}"

    def __init__(self) -> None:
        super().__init__()
        self._stage: Stage | None = None
        self._explained: Explained | None = None
        self._sentence = ""
        self._pointed: tuple[int, int] | None = None

    def show(self, stage: Stage | None, explained: Explained | None, sentence: str = "") -> None:
        """Shows a stage of an explanation. Without one, `sentence` says why."""
        self._stage, self._explained, self._sentence = stage, explained, sentence
        title = ""
        if stage is not None:
            title = f"{stage.name}: {' x '.join(f'{size:,}' for size in stage.values.shape)}"
        self.border_title = Content(title).pad(1, 1) if title else None
        self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        return Content("\n").join(row.truncate(width, ellipsis=True) for row in self._rows(width))

    @property
    def _head(self) -> list[Content]:
        """The sentence on the stage."""
        width, height = max(1, self.content_size.width), self.content_size.height
        sentence = self._stage.sentence if self._stage else self._sentence
        rows = Content(sanitize(sentence)).wrap(width)
        most = max(1, height - FEWEST_ROWS)
        if len(rows) > most:
            rows[most - 1 :] = [(rows[most - 1] + " …").truncate(width, ellipsis=True)]
        return rows

    @property
    def _neighbours(self) -> str:
        """The words like that of the row that is pointed at, or else the last one of the line."""
        if self._stage is None or self._explained is None:
            return ""
        alike = self._explained.word
        if self._pointed is not None:
            alike = self._stage.rows[min(self._pointed[0], len(self._stage.rows) - 1)]
        found = self._explained.neighbours(alike)
        words = [f"{shorten(word)} {cosine:.2f}" for word, cosine in found]
        text = f'most like "{shorten(alike)}": '
        while words and cell_len(text + ", ".join(words)) > self.content_size.width:
            words.pop()
        return text + ", ".join(words) if words else ""

    @property
    def _room(self) -> tuple[int, int]:
        """Columns and rows for the values."""
        width, height = self.content_size
        return max(1, width), max(1, height - len(self._head))

    @property
    def _has_neighbours(self) -> bool:
        """Whether this is the stage whose rows are compared."""
        return self._stage is not None and self._stage.name == "embedding"

    @property
    def _cells(self) -> Cells | None:
        """The cells of the stage; None if it has none."""
        if self._stage is None or not is_of_cells(self._stage):
            return None
        width, height = self._room
        height = max(1, height - note_rows(width) - self._has_neighbours)
        return Cells.of(self._stage, width, height, self._pointed)

    def _rows(self, width: int) -> Iterable[Content]:
        yield from self._head
        if self._stage is None:
            return
        if (cells := self._cells) is None:
            yield from word_rows(self._stage, *self._room)
            return
        yield from cells.rows()
        if self._has_neighbours:
            yield Content(self._neighbours)
        *legend, told = cells.notes(width)
        yield from (Content.styled(text, DIM) for text in legend)
        yield Content.styled(told, "bold" if cells.pointed else DIM)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves the arrow keys to the screen if there is no cell to point at."""
        return action not in ("point", "page") or self._cells is not None

    def action_point(self, down: int, right: int) -> None:
        if (cells := self._cells) is not None:
            self._point_at(cells.beside(down, right))

    def action_page(self, down: int) -> None:
        if (cells := self._cells) is not None:
            self._point_at(cells.beside(down * cells.height, 0))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        cells, at = self._cells, event.get_content_offset(self)
        pointed = cells and at and cells.at(at.y - len(self._head), at.x)
        if pointed:
            self._point_at(pointed)
        else:
            self.on_leave()

    def _point_at(self, pointed: tuple[int, int] | None) -> None:
        self._pointed = pointed
        self.refresh()

    def on_leave(self) -> None:
        """Points at nothing once the mouse has left, unless the keys point at a cell."""
        if not self.has_focus:
            self._point_at(None)

    def on_focus(self) -> None:
        """Points at the first cell of the last row, unless the mouse points at another one."""
        self._point_at(self._pointed or (FAR, 0))

    def on_blur(self) -> None:
        self._point_at(None)
