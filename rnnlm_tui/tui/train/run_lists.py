"""The lists of a run: the figures of its epochs, and its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.tui.runs.progress import WARNING, LogLine
from rnnlm_tui.tui.widgets.chart import BEST_MARK
from rnnlm_tui.tui.widgets.styles import BEST_STYLE, MODEL_STYLE
from rnnlm_tui.wording.trainings import epoch_figures

MOST_ROWS = 200
"""The last rows that a list shows. Drawing them after each epoch takes 20 ms."""
FIGURE_WIDTH, COLUMN_GAP = 5, 2
"""The least width of a column of figures, and the gap between two, in cells."""
LOG_LABEL_WIDTH = 7


class RunList(VerticalScroll, can_focus=True):
    """Rows below a rule with a title. The list stays at its end unless it is scrolled up."""

    DEFAULT_CSS = """
    RunList {
        height: 1fr;
        padding: 0 1;
        scrollbar-size: 1 1;
        border-top: solid $foreground 20%;
        border-title-color: $quiet;
        &:focus { border-top: solid $border; border-title-style: bold; }
        &:focus { border-title-color: $foreground; }
        Static { text-wrap: nowrap; text-overflow: clip; }
        .heads { dock: top; height: 2; color: $quiet; display: none; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.rows = Static(markup=False)
        self.heads = Static(markup=False, classes="heads")
        self._shown: object = None
        self._is_at_end = True
        """True if the list scrolls to its end when rows are added, also while it is hidden."""

    def compose(self) -> ComposeResult:
        yield self.heads
        yield self.rows

    def on_resize(self) -> None:
        self.watch_virtual_size()

    def watch_virtual_size(self) -> None:
        if self._is_at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._is_at_end = self.is_vertical_scroll_end or (self._is_at_end and new_value > old_value)

    def show(self, title: str, items: object, draw: Callable[[int], tuple[str, Content]]) -> None:
        """Shows the heads and the rows that `draw` returns for a width in cells. They are drawn
        again only if the items or the width have changed."""
        self.border_title = Content(title).pad(1, 1)
        width = self.scrollable_content_region.width
        if (items, width) != self._shown:
            self._shown = items, width
            self._is_at_end = self._is_at_end or self.is_vertical_scroll_end
            heads, rows = draw(width)
            self.heads.update(Content(heads))
            self.heads.display = bool(heads)
            self.rows.update(rows)


def epoch_table(epochs: Sequence[EpochEnded], best: int | None) -> tuple[str, Content]:
    """Returns the two rows of heads of a table, and its rows, one for each epoch. The first heads
    are the lines that were measured, the second the figures. The `best` epoch is marked."""
    columns = [(lines, name) for lines, name, _ in epoch_figures(epochs[0])] if epochs else []
    kinds, names = [""], ["epoch"]
    for lines, name in columns:
        kinds.append("" if lines in kinds else lines)
        names.append(name)
    heads = zip(kinds, names, strict=True)
    widths = [COLUMN_GAP + max(FIGURE_WIDTH, *map(len, pair)) for pair in heads]

    def row(cells: Iterable[str]) -> str:
        return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))

    rows = []
    for ended in epochs:
        figures = {(lines, name): text for lines, name, text in epoch_figures(ended)}
        is_best = ended.epoch == best
        number = f"{BEST_MARK if is_best else ''}{ended.epoch}"
        text = row((number, *(figures.get(column, "") for column in columns)))
        rows.append(Content.styled(text, BEST_STYLE if is_best else ""))
    return f"{row(kinds)}\n{row(names)}" if epochs else "", Content("\n").join(rows)


def log_rows(lines: Sequence[LogLine], width: int) -> Content:
    """Returns the log of a run, wrapped to a width in cells."""
    rows = []
    for line in lines:
        label, style = line.label, "bold" if line.label == WARNING else ""
        if label.isdigit():  # the number of an epoch, after which the model wrote this
            style = MODEL_STYLE
        for row in Content(line.text).wrap(max(1, width - LOG_LABEL_WIDTH)):
            rows.append(Content.assemble((f"{label:>5}  ", "dim"), (row.plain, style)))
            label = ""
    return Content("\n").join(rows)
