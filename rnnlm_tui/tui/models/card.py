"""A model's card, next to the list of models or in front of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models.card_facts import (
    ACTIVE,
    layers,
    mark,
    on_disk,
    overview,
    quality,
    state,
)
from rnnlm_tui.tui.widgets.chart import LossChart, Points
from rnnlm_tui.tui.widgets.dialogs import Modal

LABEL_WIDTH = 12


def heading(entry: Entry, is_active: bool) -> Text:
    text = Text(sanitize(entry.name), style="bold")
    if is_active:
        text.append(f"   {ACTIVE} active", style="not bold")
    if mark(entry):
        text.append(f"   {mark(entry)} {state(entry)}", style="not bold")
    return text


def losses(card: ModelCard) -> tuple[Points, Points]:
    """Returns the training and held-out losses by epoch."""
    train: list[tuple[float, float]] = []
    held_out: list[tuple[float, float]] = []
    for epoch in card.history:
        for figures, points in ((epoch["train"], train), (epoch["held_out"], held_out)):
            if figures and (loss := figures["loss"]) is not None:
                points.append((epoch["epoch"], loss))
    return train, held_out


def section(title: str, rows: Iterable[Sequence[str]]) -> Table:
    """Returns a table of rows, each a label and one or more texts, below a title."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    if title:
        table.title, table.title_justify, table.title_style = title, "left", "bold"
    table.add_column(min_width=LABEL_WIDTH, style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


class ModelCardView(VerticalScroll):
    """Shows the card of a model."""

    DEFAULT_CSS = """
    ModelCardView {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        Static { height: auto; margin: 0 1 1 0; }
        LossChart { height: 9; margin-bottom: 1; }
        .card-title { margin-bottom: 0; text-style: bold; }
    }
    """
    NOTHING = "no model is selected"

    def __init__(self, *, can_focus: bool = False, classes: str | None = None) -> None:
        super().__init__(classes=classes, can_focus=can_focus)
        self._entry: Entry | None = None
        self._is_active = False

    def compose(self) -> ComposeResult:
        yield Static(self.NOTHING, classes="card-head", markup=False)
        yield Static("", classes="card-facts")
        yield Static("loss of each epoch", classes="card-title")
        yield LossChart()
        yield Static("", classes="card-more")

    def on_mount(self) -> None:
        self._draw()

    def show(self, entry: Entry | None, is_active: bool = False) -> None:
        """Shows the card of this model, or none. `is_active`: it is the active model."""
        if (entry, is_active) == (self._entry, self._is_active):
            return
        self._entry, self._is_active = entry, is_active
        if self.is_mounted:
            self.scroll_home(animate=False)
            self._draw()

    def _draw(self) -> None:
        entry = self._entry
        card = entry.card if entry else None
        train, held_out = losses(card) if card else ((), ())
        self.query(".card-facts, .card-more").set(display=entry is not None)
        self.query(".card-title, LossChart").set(display=len(train) > 1)
        head = self.query_one(".card-head", Static)
        if entry is None:
            head.update(self.NOTHING)
            return
        head.update(heading(entry, self._is_active))
        upper, lower = [section("", overview(entry))], [section("\non disk", on_disk(entry))]
        if card is not None:
            what, number = ARCHITECTURES[card.config.preset].table_heads
            upper.append(section("\nhow good it is", quality(entry, card)))
            lower.insert(0, section(f"{what}s and their {number}", layers(card)))
            self.query_one(LossChart).show(train, held_out, card.metrics["epoch"])
        self.query_one(".card-facts", Static).update(Group(*upper))
        self.query_one(".card-more", Static).update(Group(*lower))


class ModelCardScreen(Modal[str]):
    """Shows the card over the screen. Returns "use" if the user wants to write with the model."""

    DEFAULT_CSS = """
    ModelCardScreen {
        align: center middle;
        & > .card-box {
            width: 90%; max-width: 100; height: 100%; max-height: 44;
            border: round $primary; background: $surface;
        }
        ToastRack { dock: top; align: right top; margin: 0; max-height: 40%; }
        ModelCardView { height: 1fr; background: $surface; }
        .card-buttons { height: auto; align-horizontal: right; Button { margin: 0 1; } }
    }
    """
    AUTO_FOCUS = "ModelCardView"  # so that the arrow keys scroll it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "dismiss('use')", "Use it", id="card.use", tooltip="Write with this model"),
        Binding("escape,enter", "dismiss", "Close", id="card.close", tooltip="Go back to the list"),
    ]

    def __init__(self, entry: Entry, is_active: bool) -> None:
        super().__init__()
        self._entry, self._is_active = entry, is_active

    def compose(self) -> ComposeResult:
        view = ModelCardView(can_focus=True)
        view.show(self._entry, self._is_active)
        with Vertical(classes="card-box"):
            yield view
            with Horizontal(classes="card-buttons"):
                if self._entry.card is not None:
                    yield Button("Use it (u)", id="use", compact=True, variant="primary")
                yield Button("Close (Esc)", id="close", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("use" if event.button.id == "use" else None)
