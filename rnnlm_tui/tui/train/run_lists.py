"""The lists of a run: a table of its epochs, and a log of what it writes and of notes on it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.content import Content
from textual.widgets import DataTable, RichLog

from rnnlm_tui.event_types import EpochEnded
from rnnlm_tui.results import epoch_figures
from rnnlm_tui.tui.runs.progress import WARNING, Line
from rnnlm_tui.tui.widgets.chart import BEST_MARK

LABEL_WIDTH = 7
"""Cells of the number of an epoch or the glyph of a note, and of the gap after it."""
FRAME = """
    {
        height: 1fr;
        padding: 0 1;
        border: none;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        scrollbar-size: 1 1;
        background: transparent;
        &:focus { border: none; border-top: solid $border; }
        &:focus { border-title-color: $foreground; border-title-style: bold; }
    }
"""
"""The CSS of a list with a title in a rule above it."""


def rule_title(title: str) -> Content:
    """Returns the padded title of a top border; Textual pads it only if there are corners."""
    return Content(title).pad(1, 1)


class EpochTable(DataTable[Text]):
    """A row of figures per epoch; the best one is marked. It stays at its end unless it is scrolled
    up."""

    DEFAULT_CSS = f"""
    EpochTable {FRAME}
    EpochTable {{
        scrollbar-size-horizontal: 0;
        & > .datatable--header {{ background: transparent; color: $text-muted; }}
        &:focus {{ background-tint: $foreground 0%; }}
    }}
    """

    def __init__(self) -> None:
        super().__init__(id="epochs", cursor_type="none", header_height=2)
        self._shown: list[EpochEnded] = []
        self._columns: list[tuple[str, str]] = []
        """The lines on which each figure was measured, and its name."""
        self._best: int | None = None

    def show(self, epochs: Sequence[EpochEnded], best: int | None) -> None:
        """Shows these epochs, of which most are shown already."""
        if self._shown != epochs[: len(self._shown)]:
            self.clear(columns=True)
            self._shown, self._best = [], None
        if epochs and not self._shown:
            self._add_columns(epochs[0])
        is_at_end = self.scroll_y >= self.max_scroll_y
        for ended in epochs[len(self._shown) :]:
            figures = {(lines, name): text for lines, name, text in epoch_figures(ended)}
            cells = (figures.get(column, "") for column in self._columns)
            texts = [Text(cell, justify="right") for cell in (f"{ended.epoch}", *cells)]
            self.add_row(*texts, key=f"{ended.epoch}")
        if is_at_end and len(epochs) > len(self._shown):
            self.call_after_refresh(self.scroll_end, animate=False)
        self._shown = list(epochs)
        for epoch in {self._best, best} - {None} if best != self._best else ():
            mark = BEST_MARK if epoch == best else ""
            text = Text(f"{mark}{epoch}", "bold" if mark else "", justify="right")
            self.update_cell(f"{epoch}", "epoch", text)
        self._best = best

    def on_resize(self) -> None:
        self.call_after_refresh(self.scroll_end, animate=False)

    def _add_columns(self, first: EpochEnded) -> None:
        """Adds a column for each figure; the first of the same lines names these."""
        self._columns = [(lines, name) for lines, name, _ in epoch_figures(first)]
        self.add_column(Text("\nepoch"), key="epoch", width=7)
        before = ""
        for lines, name in self._columns:
            kind = lines.removesuffix(" lines") if lines != before else ""
            self.add_column(Text(f"{kind}\n{name}", justify="right"))
            before = lines


class RunLog(RichLog):
    """What the run writes after each epoch, and notes on it, in the order of time. It stays at its
    end unless it is scrolled up."""

    DEFAULT_CSS = f"""
    RunLog {FRAME}
    RunLog:focus {{ background-tint: $foreground 0%; }}
    """

    def __init__(self) -> None:
        super().__init__(id="log", min_width=1)
        self._shown: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Shows these lines, of which most are shown already."""
        if self._shown != lines[: len(self._shown)]:
            self.clear()
            self._shown = []
        width = self.scrollable_content_region.width - LABEL_WIDTH
        if width <= 0:
            return  # it has no size yet
        is_at_end = self.is_vertical_scroll_end
        for line in lines[len(self._shown) :]:
            label = line.label
            for row in Text(line.text).wrap(self.app.console, width):
                text = Text(f"{label:>{LABEL_WIDTH - 2}}  ", "dim")
                text.append(row.plain, "bold" if line.label == WARNING else "not dim")
                self.write(text, scroll_end=is_at_end)
                label = ""
        self._shown = list(lines)

    def on_resize(self, event: events.Resize) -> None:
        """Wraps the lines again."""
        lines, self._shown = self._shown, []
        self.clear()
        self.show(lines)
