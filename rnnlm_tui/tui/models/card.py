"""The card of a model, beside the list of models or below it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.wording.model_rows import card_rows, state
from rnnlm_tui.wording.trainings import held_out_curve, trained_part, training_curve

ACTIVE = "●"
"""The mark of the model that suggests."""


class ModelCardView(VerticalScroll):
    """Shows the card of a model."""

    DEFAULT_CSS = """
    ModelCardView {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        Static { height: auto; }
        LossChart { height: 9; margin-top: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows, self._chart = Static(), LossChart()
        self._shown: str | None = None

    def compose(self) -> ComposeResult:
        yield self._rows
        yield self._chart

    def show(self, entry: Entry | None, is_active: bool) -> None:
        """Shows the card of this model, or nothing. `is_active` is true for the active model."""
        self.display = entry is not None
        if entry is None:
            return
        if entry.name != self._shown:
            self._shown = entry.name
            self.scroll_home(animate=False, immediate=True)
        self._rows.update(_table(entry, is_active))
        epochs = read_epochs(entry.folder) if entry.card else []
        self._chart.display = len(epochs) > 1
        if entry.card is not None:
            kept = entry.card.metrics.epoch if entry.card.metrics else None
            curves = training_curve(epochs), held_out_curve(epochs)
            self._chart.show(*curves, kept, trained_part(entry.card.config))


def _table(entry: Entry, is_active: bool) -> Table:
    """Returns the rows of a model's card under its name and its state."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title_justify = "left"
    marks = [f"{ACTIVE} in use" if is_active else "", state(entry)]
    table.title = Text.assemble(
        (sanitize(entry.name), "bold not italic"),
        (f"   {'   '.join(filter(None, marks))}", "not italic"),
    )
    table.add_column(width=14, style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in card_rows(entry):
        if label and not text:
            table.add_row()
        table.add_row(Text(sanitize(label), "" if text else "bold not dim"), Text(sanitize(text)))
    return table
