"""The lists about a run: the figures of its epochs, its log, and the next words of its line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.runs.progress import WARNING, LogLine
from rnnlm_tui.tui.widgets.chart import BEST_MARK
from rnnlm_tui.tui.widgets.styles import BEST_STYLE, MODEL_STYLE
from rnnlm_tui.wording.trainings import epoch_figures, explain_figure, next_words

MOST_ROWS = 200
"""Rows that a list shows, the last ones. Drawing them after each epoch takes 20 ms."""
FIGURE_WIDTH = 6
"""The least width of a column of figures, in cells."""
COLUMN_GAP = 1
"""The gap between two columns, in cells."""
HEADS = {"perplexity": "perpl."}
"""Shorter heads for some figures, with which the widest table fits in 80 columns."""
LOG_LABEL_WIDTH = 7
LONGEST_NEXT_WORD = 16
Column = tuple[str, str]
"""Names a column of the table: by the lines that were measured, such as "held-out", and by the
name of the figure, such as "loss"."""
EPOCH: Column = ("", "epoch")
"""The first column, with the numbers of the epochs."""


class RunList(VerticalScroll, can_focus=True):
    """Rows below a rule with a title. The list stays at its end until it is scrolled up."""

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
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.rows = Static(markup=False)
        self._shown: object = None
        self._is_at_end = True
        """True until the list is scrolled up, and again at its end. Hiding the list keeps it."""

    def compose(self) -> ComposeResult:
        yield self.rows

    def on_resize(self) -> None:
        self.watch_virtual_size()

    def watch_virtual_size(self) -> None:
        if self._is_at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._is_at_end = self.is_vertical_scroll_end or (self._is_at_end and new_value > old_value)

    def show(self, title: str, items: object, draw: Callable[[int], Content]) -> None:
        """Shows `items` as `draw` draws them for a width in cells. They are drawn again only if the
        items or the width have changed."""
        self.border_title = Content(title).pad(1, 1)
        width = self.scrollable_content_region.width
        if (items, width) != self._shown:
            self._shown = items, width
            self._is_at_end = self._is_at_end or self.is_vertical_scroll_end
            self.rows.update(draw(width))


class EpochList(RunList):
    """Shows the figures of the epochs in a table, and below it a line that explains one of the
    columns: at first the loss, then the one that keys or clicks choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "explain(-1)", "explain", id="train.explain_left", show=False,
                tooltip="Explain the figure to the left; in the table of a run"),
        Binding("right", "explain(1)", "explain", id="train.explain_right", show=False,
                tooltip="Explain the figure to the right; in the table of a run"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    EpochList {
        .heads { dock: top; height: 2; color: $quiet; }
        .explained { dock: bottom; height: 1; color: $quiet; text-overflow: ellipsis; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._heads = Static(markup=False, classes="heads")
        self._explained = Static(markup=False, classes="explained")
        self._epochs: Sequence[EpochEnded] = []
        self._widths = dict[Column, int]()
        self._wanted: Column = "held-out", "loss"
        """The column to explain, if the table has it."""

    def compose(self) -> ComposeResult:
        yield self._heads
        yield self._explained
        yield from super().compose()

    def show_epochs(self, part: str, epochs: Sequence[EpochEnded], best: int | None) -> None:
        """Shows the figures of these epochs, which measure a `part` of a model. The epoch `best` is
        marked."""
        if epochs != self._epochs:
            self._epochs, self._widths = epochs, epoch_widths(epochs)
            self._explain()
        title = f"figures of the {part}" if epochs else "figures"
        self.show(title, (epochs, best), lambda width: epoch_rows(epochs, self._widths, best))

    @property
    def _chosen(self) -> Column:
        """The column that is explained: the chosen one, or else the first one after the epochs."""
        columns = [*self._widths]
        return self._wanted if self._wanted in columns else columns[min(1, len(columns) - 1)]

    def _explain(self) -> None:
        heads, explained = Content(""), ""
        if self._epochs:
            heads = epoch_heads(self._widths, self._chosen)
            explained = f"◂▸ {explain_figure(*self._chosen, self._epochs[-1])}"
        self._heads.update(heads)
        self._explained.update(explained)

    def action_explain(self, by: int) -> None:
        if columns := [*self._widths]:
            self._wanted = columns[(columns.index(self._chosen) + by) % len(columns)]
            self._explain()

    def on_click(self, event: events.Click) -> None:
        """Explains the figure whose column was clicked."""
        end = self.content_region.x
        for column, width in self._widths.items():
            end += width
            if event.screen_x < end:
                self._wanted = column
                self._explain()
                break


def epoch_widths(epochs: Sequence[EpochEnded]) -> dict[Column, int]:
    """Returns the columns of a table of these epochs, with their widths. Empty without epochs."""
    if not epochs:
        return {}
    columns = [EPOCH, *((lines, name) for lines, name, _ in epoch_figures(epochs[0]))]
    return {
        (lines, name): COLUMN_GAP + max(FIGURE_WIDTH, len(HEADS.get(name, name)))
        for lines, name in columns
    }


def epoch_heads(widths: Mapping[Column, int], chosen: Column) -> Content:
    """Returns two rows of heads: the lines that were measured, and below them the figures. The
    `chosen` figure is marked."""
    first_row, second_row, lines_before = "", Content(""), ""
    for (lines, name), width in widths.items():
        first_row += f"{lines if lines != lines_before else '':>{width}}"
        lines_before = lines
        style = "bold underline $foreground" if (lines, name) == chosen else ""
        head = Content.styled(HEADS.get(name, name), style)
        second_row += head.pad_left(width - head.cell_length)
    return Content(f"{first_row}\n") + second_row


def epoch_rows(
    epochs: Sequence[EpochEnded], widths: Mapping[Column, int], best: int | None
) -> Content:
    """Returns a row of figures for each epoch. The epoch `best` is marked."""
    rows = []
    for ended in epochs:
        figures = {(lines, name): text for lines, name, text in epoch_figures(ended)}
        figures[EPOCH], style = marked_number(ended.epoch, best)
        text = "".join(f"{figures.get(column, ''):>{width}}" for column, width in widths.items())
        rows.append(Content.styled(text, style))
    return Content("\n").join(rows)


def marked_number(epoch: int, best: int | None) -> tuple[str, str]:
    """Returns the number of an epoch, with a mark if it is the `best` one, and its style."""
    return (f"{BEST_MARK}{epoch}", BEST_STYLE) if epoch == best else (f"{epoch}", "")


def log_rows(lines: Sequence[LogLine], width: int) -> Content:
    """Returns the log of a run, wrapped to a width in cells."""
    rows = []
    for line in lines:
        label, style = line.label, "bold" if line.label == WARNING else ""
        if label.isdigit():  # the number of an epoch, after which the model wrote this
            style = MODEL_STYLE
        for row in Content(line.text).wrap(max(1, width - LOG_LABEL_WIDTH)):
            rows.append(Content.assemble((f"{label:>5}  ", "$quiet"), (row.plain, style)))
            label = ""
    return Content("\n").join(rows)


def seed_title(epochs: Sequence[EpochEnded], width: int) -> str:
    """Returns the title of the next words: the seed line, or as much of its end as fits."""
    seed = sanitize(epochs[-1].sample["seed"]) if epochs else ""
    room = max(2, width - len("your line:  ..."))
    if len(seed) > room:
        end = seed[1 - room :]
        seed = f"…{end.partition(' ')[2] or end}"
    return f"your line: {seed} ..." if seed else "your line"


def next_word_rows(
    epochs: Sequence[EpochEnded], best: int | None, width: int, height: int
) -> Content:
    """Returns at most `height` rows, each with the likeliest next words after an epoch. The epochs
    are the best one, the last one and others at equal distances. The word that is likeliest after
    the last epoch is bold in every row."""
    if not epochs:
        hint = Content.styled("each epoch adds the words that it finds likeliest", "$quiet")
        return Content("\n").join(hint.wrap(max(1, width)))
    seed, last = epochs[-1].sample["seed"], epochs[-1].epoch
    of_seed = [ended for ended in epochs if ended.sample["seed"] == seed]
    step = math.ceil(len(of_seed) / max(1, height - 2))
    shown = [e for i, e in enumerate(of_seed) if i % step == 0 or e.epoch in (best, last)]
    shown = shown[-max(1, height) :]
    words_of = [next_words(ended) for ended in shown]
    likeliest = words_of[-1][0][0] if words_of[-1] else ""
    numbers = (marked_number(ended.epoch, best) for ended in shown)
    rows = [Content.styled(f"{number:>5}", style or "$quiet") for number, style in numbers]
    for column in zip_longest(*words_of, fillvalue=("", "")):
        cells = []
        for word, share in column:
            style = f"bold {MODEL_STYLE}" if word == likeliest else MODEL_STYLE
            cut = Content.styled(word, style).truncate(LONGEST_NEXT_WORD, ellipsis=True)
            cells.append(Content.assemble("  ", cut, (f" {share}", "$quiet")))
        widest = max(cell.cell_length for cell in cells)
        if rows[0].cell_length + widest > width:
            break
        padded = (cell.pad_right(widest - cell.cell_length) for cell in cells)
        rows = [row + cell for row, cell in zip(rows, padded, strict=True)]
    return Content("\n").join(rows)
