"""The picture of the chosen stage, and the lists that are drawn below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len
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


class Picture(Widget):
    """A stage: its sentence and its values."""

    ALLOW_SELECT = False
    DEFAULT_CSS = f"Picture {FRAME}"

    def __init__(self) -> None:
        super().__init__()
        self._stage: Stage | None = None
        self._explained: Explained | None = None
        self._sentence = ""

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
        """The words like the last one of the line."""
        if self._explained is None or not self._explained.neighbours:
            return ""
        words = [f"{shorten(word)} {cosine:.2f}" for word, cosine in self._explained.neighbours]
        text = f'most like "{shorten(self._explained.word)}": '
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
        return Cells.of(self._stage, width, height)

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
        yield from (Content.styled(text, DIM) for text in cells.notes(width))
