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
from rnnlm_tui.tui.inside.cells import Cells, is_of_cells, label_width
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
        Binding("left", "point(0, -1)", "cell", show=False, id="inside.cell_left",
                tooltip="Point at the cell to the left"),
        Binding("right", "point(0, 1)", "cell", show=False, id="inside.cell_right",
                tooltip="Point at the cell to the right"),
        Binding("up", "point(-1, 0)", "cell", show=False, id="inside.cell_up",
                tooltip="Point at the cell above"),
        Binding("down", "point(1, 0)", "cell", show=False, id="inside.cell_down",
                tooltip="Point at the cell below"),
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
        return Content("\n").join(row.truncate(width, ellipsis=True) for row in self._rows())

    @property
    def _head(self) -> list[Content]:
        """The sentence on the stage."""
        sentence = self._stage.sentence if self._stage else self._sentence
        return Content(sanitize(sentence)).wrap(max(1, self.content_size.width))

    @property
    def _neighbours(self) -> str:
        """The words like the last one of the line, at the stage whose rows are compared."""
        if self._stage is None or self._stage.name != "embedding" or self._explained is None:
            return ""
        words = [shorten(word) for word, _ in self._explained.neighbours]
        text = f'most like "{shorten(self._explained.word)}": '
        while words and cell_len(text + ", ".join(words)) > self.content_size.width:
            words.pop()
        return text + ", ".join(words) if words else ""

    @property
    def _room(self) -> tuple[int, int]:
        """Columns and rows for the values."""
        width, height = self.content_size
        return max(1, width), max(1, height - len(self._head) - 1 - bool(self._neighbours))

    @property
    def _cells(self) -> Cells | None:
        """The cells of the stage; None if it has none."""
        if self._stage is None or not is_of_cells(self._stage):
            return None
        return Cells.of(self._stage, *self._room, self._pointed)

    def _rows(self) -> Iterable[Content]:
        yield from self._head
        if self._stage is None:
            return
        if (cells := self._cells) is None:
            yield from word_rows(self._stage, *self._room)
            return
        yield from cells.rows()
        if self._neighbours:
            yield Content(self._neighbours)
        yield Content.styled(cells.told, "bold" if cells.pointed else DIM)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves the arrow keys to the screen if there is no cell to point at."""
        return action != "point" or self._cells is not None

    def action_point(self, down: int, right: int) -> None:
        if (cells := self._cells) is None:
            return
        row, column = cells.pointed or (len(cells.values) - 1, -right)
        self._point_at(cells, row + down, column + right)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        cells, at = self._cells, event.get_content_offset(self)
        if cells is None or at is None:
            self.on_leave()
            return
        row, column = at.y - len(self._head), at.x - label_width(cells.labels)
        if 0 <= row < cells.height and 0 <= column < cells.width:
            self._point_at(cells, cells.top + row, cells.left + column)
        else:
            self.on_leave()

    def _point_at(self, cells: Cells, row: int, column: int) -> None:
        """Points at a cell, or at the nearest one that there is."""
        rows, columns = cells.values.shape
        self._pointed = min(rows - 1, max(0, row)), min(columns - 1, max(0, column))
        self.refresh()

    def on_leave(self) -> None:
        """Points at nothing once the mouse has left."""
        self._pointed = None
        self.refresh()
