"""What is known of a model: its card, beside the list of models or over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.formatting import finite
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.tui.models.facts import (
    ACTIVE,
    DAMAGED,
    TRAINING,
    UNFINISHED,
    Line,
    Listed,
    facts,
    foreign,
    layers,
    on_disk,
    quality,
)
from rnnlm_tui.tui.widgets.chart import LossChart, Points
from rnnlm_tui.tui.widgets.dialogs import Modal

LABEL_WIDTH, LAYER_WIDTH = 12, 15


def heading(listed: Listed, is_active: bool) -> Content:
    """The model's name, and what it does now."""
    words = [foreign(listed.name)]
    if is_active:
        words.append(f"{ACTIVE} suggests now")
    if listed.is_training:
        words.append(f"{TRAINING} in training")
    if listed.damaged is not None:
        words.append(f"{DAMAGED} damaged")
    elif listed.entry is None:
        words.append(f"{UNFINISHED} unfinished")
    return Content.assemble((words[0], "bold"), *(f"   {word}" for word in words[1:]))


def losses(card: ModelCard) -> tuple[Points, Points]:
    """The losses of the epochs on the lines trained on, and on those held out."""
    train: list[tuple[float, float]] = []
    held_out: list[tuple[float, float]] = []
    for epoch in card.history:
        for figures, points in ((epoch["train"], train), (epoch["held_out"], held_out)):
            if figures and (loss := figures["loss"]) is not None:
                points.append((epoch["epoch"], loss))
    return train, held_out


def section(
    title: str, lines: Iterable[Line], width: int, label_width: int = LABEL_WIDTH
) -> Content:
    """A title, and lines of a label and a text that wraps beside it."""
    rows = [Content.styled(title, "bold $text-primary")] if title else []
    for label, text in lines:
        left = f"{label[: label_width - 1]:<{label_width}}"
        for piece in Content(text).wrap(max(8, width - label_width)):
            # A piece holds no style, so no text of a card can bring one in.
            rows.append(Content.assemble((left, "$text-muted"), piece.plain.rstrip()))
            left = " " * label_width
    return Content("\n").join(rows)


class ModelCardView(VerticalScroll):
    """The card of one model, as wide as there is space; scrolls."""

    DEFAULT_CSS = """
    ModelCardView {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        Static { height: auto; margin-bottom: 1; }
        LossChart { height: 9; margin-bottom: 1; }
        .card-title { margin-bottom: 0; }
        .-absent { display: none; }
    }
    """
    NOTHING = "no model is chosen"

    def __init__(
        self, *, can_focus: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes, can_focus=can_focus)
        self._listed: Listed | None = None
        self._is_active = False

    def compose(self) -> ComposeResult:
        """The texts, with the curve among them."""
        yield Static(self.NOTHING, classes="card-head", markup=False)
        yield Static("", classes="card-facts", markup=False)
        yield Static(section("loss of each epoch", (), 0), classes="card-title", markup=False)
        yield LossChart()
        yield Static("", classes="card-more", markup=False)

    def on_mount(self) -> None:
        """Shows what it was given before."""
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Wraps the lines anew."""
        self._draw()

    def show(self, listed: Listed | None, is_active: bool = False) -> None:
        """Shows the card of this model; None empties it. `is_active`: it suggests now."""
        if (listed, is_active) == (self._listed, self._is_active):
            return
        self._listed, self._is_active = listed, is_active
        if self.is_mounted:
            self.scroll_home(animate=False)
            self._draw()

    def _draw(self) -> None:
        listed, width = self._listed, self.scrollable_content_region.width - 1
        card = listed.card if listed else None
        has_losses = card is not None and len(card.history) > 1 and any(losses(card))
        for selector, is_absent in (
            (".card-facts, .card-more", listed is None),
            (".card-title, LossChart", not has_losses),
        ):
            self.query(selector).set_class(is_absent, "-absent")
        head = Content(self.NOTHING) if listed is None else heading(listed, self._is_active)
        self.query_one(".card-head", Static).update(head)
        if listed is not None:
            self.query_one(".card-facts", Static).update(upper_text(listed, width))
            self.query_one(".card-more", Static).update(lower_text(listed, width))
        if card is not None:
            self.query_one(LossChart).show(*losses(card), finite(card.metrics.get("epoch")))


def upper_text(listed: Listed, width: int) -> Content:
    """What the model is and how good it is."""
    parts = [section("", facts(listed), width)]
    if (card := listed.card) is not None:
        parts.append(section("how good it is", quality(card, listed.evaluation), width))
    return Content("\n\n").join(parts)


def lower_text(listed: Listed, width: int) -> Content:
    """What it is made of, and its files."""
    parts = [section("on disk", on_disk(listed), width)]
    if (card := listed.card) is not None:
        rows = layers(card, width - LAYER_WIDTH)
        what, how_many = ARCHITECTURES[card.config.preset].table_heads
        title = f"{what}s and their {how_many}"
        parts.insert(0, section(title, rows, width, LAYER_WIDTH))
    return Content("\n\n").join(parts)


class ModelCardScreen(Modal[str]):
    """The card over the screen, for where there is no space beside the list.

    Closes with "use" where the model is to be written with, else with None.
    """

    DEFAULT_CSS = """
    ModelCardScreen {
        align: center middle;
        & > .card-box {
            width: 90%;
            max-width: 100;
            height: 100%;
            max-height: 44;
            border: round $primary;
            background: $surface;
        }
        ToastRack { dock: top; align: right top; margin: 0; max-height: 40%; }
        ModelCardView { height: 1fr; background: $surface; }
        .card-buttons {
            height: auto;
            align-horizontal: right;
            Button { margin: 0 1; }
        }
    }
    """
    AUTO_FOCUS = "ModelCardView"  # so that the arrow keys scroll it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "use", "Use it", id="card.use", tooltip="Write with this model"),
        Binding("escape,enter", "close", "Close", id="card.close", tooltip="Back to the list"),
    ]

    def __init__(self, listed: Listed, is_active: bool) -> None:
        super().__init__()
        self._listed, self._is_active = listed, is_active

    def compose(self) -> ComposeResult:
        """The card and two buttons."""
        with Vertical(classes="card-box"):
            yield ModelCardView(can_focus=True)
            with Horizontal(classes="card-buttons"):
                if self._listed.card is not None:
                    yield Button("Use it (u)", id="use", compact=True, variant="primary")
                yield Button("Close (Esc)", id="close", compact=True)

    def on_mount(self) -> None:
        """Shows the card."""
        self.query_one(ModelCardView).show(self._listed, self._is_active)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("use" if event.button.id == "use" else None)

    def action_use(self) -> None:
        """Asks for the model to be written with."""
        self.dismiss("use")

    def action_close(self) -> None:
        """Closes the card."""
        self.dismiss(None)
