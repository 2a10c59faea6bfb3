"""The card of a model, beside the list of models or below it, and the curve of its training."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_history
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.wording.model_rows import card_rows, state_of
from rnnlm_tui.wording.trainings import (
    FIRST_POINTS,
    Points,
    held_out_curve,
    trained_part,
    training_curve,
)

ACTIVE = "●"
"""The mark of the active model."""


class ModelCardView(VerticalScroll):
    """Shows the card of a model, and in a narrow window also the curve of its training."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"label", "bar"}
    DEFAULT_CSS = """
    ModelCardView {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        & > .label { color: $quiet; }
        & > .bar { color: $ghost; }
        LossChart { height: 9; margin-top: 1; }
        &.-no-curve LossChart { display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows = Static()
        self._shown: str | None = None

    def compose(self) -> ComposeResult:
        yield self._rows
        yield LossChart()

    def show(self, entry: Entry | None, is_active: bool) -> None:
        """Shows the card of this model, or nothing. `is_active` is true for the active model."""
        self.display = entry is not None
        if entry is None:
            return
        if entry.name != self._shown:
            self._shown = entry.name
            self.scroll_home(animate=False, immediate=True)
        self._rows.update(self._table(entry, is_active))

    def _table(self, entry: Entry, is_active: bool) -> Table:
        """Returns the rows of a model's card under its name and its state."""
        label_style = self.get_component_rich_style("label", partial=True)
        bar_style = self.get_component_rich_style("bar", partial=True)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.title_justify = "left"
        marks = [f"{ACTIVE} in use" if is_active else "", state_of(entry)]
        table.title = Text.assemble(
            (sanitize(entry.name), "bold not italic"),
            (f"   {'   '.join(filter(None, marks))}", "not italic"),
        )
        table.add_column(width=14, no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in card_rows(entry):
            if label and not text:
                table.add_row()
            shown = Text(sanitize(text))
            shown.highlight_regex("[━╸]+", bar_style)
            shown.highlight_regex("─+", label_style)
            table.add_row(Text(sanitize(label), label_style if text else "bold"), shown)
        return table


def curve_of(entry: Entry) -> tuple[Points, Points, int | None, str]:
    """Returns what `LossChart.show` needs for the training of a model. There are no losses if it
    was trained elsewhere, or not long enough for a line. Reads a file, so call it in a thread."""
    card = entry.card
    history = [*read_history(entry.folder, FIRST_POINTS // 2)]  # the epochs with several points
    train = training_curve(history)
    if len(train) < 2:
        return [], [], None, ""
    epochs = {event.epoch: event for event in history if isinstance(event, EpochEnded)}
    best = card.metrics.epoch if card and card.metrics else None
    part = "" if card is None else trained_part(card.config, "")
    return train, held_out_curve(epochs.values()), best, part
