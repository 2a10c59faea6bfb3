"""A model's card, next to the list of models or in front of it, and the facts on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.config import PRESETS
from rnnlm_tui.formatting import (
    format_bytes,
    format_percent,
    format_perplexity,
    local_time,
    plural,
    sanitize,
)
from rnnlm_tui.lm.stages import layers_of, table_heads
from rnnlm_tui.results import holds_out, savings_sentence, trained_part, words_read
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.tui.widgets.chart import LossChart, Points, loss_points
from rnnlm_tui.tui.widgets.dialogs import Modal, keys_line

ACTIVE, TRAINING, DAMAGED, UNFINISHED = "●", "◆", "!", "○"
"""The marks of the active model, a model in training, one that cannot be used, and a run that has
not saved a model. Each is explained next to it or below the list."""
LABEL_WIDTH = 14
Line = tuple[str, str]
"""A label, which may be empty, and a text."""


def mark(entry: Entry) -> str:
    """Returns the mark of its state; "" for a model that can be used."""
    if entry.trained_by is not None:
        return TRAINING
    if entry.damaged is not None:
        return DAMAGED
    return "" if entry.has_model else UNFINISHED


def state(entry: Entry) -> str:
    """Returns its state in a word or two; "" for a model of the user that can be used."""
    words = {TRAINING: "training", DAMAGED: "damaged", UNFINISHED: "unfinished"}
    return words.get(mark(entry), "built in" if entry.built_in else "")


def overview(entry: Entry) -> Iterator[Line]:
    """Describes the model, or says why it cannot be used."""
    run = entry.run
    if entry.trained_by is not None:
        yield "trained by", sanitize(entry.trained_by)
    if entry.damaged is not None:
        yield "reason", sanitize(entry.damaged)
        yield "to do", "delete it, or train a model with this name again"
    elif not entry.has_model:
        yield "epochs", f"{run.epochs_done:,} done" if run and run.epochs_done else "none saved yet"
        if entry.trained_by is None:
            yield "to do", "resume it, or delete it"
    if entry.card is not None:
        yield from _card_lines(entry.card)
        if run is not None and run.resumable and run.trainer is None:
            yield "training", "was stopped and can be resumed"


def _card_lines(card: ModelCard) -> Iterator[Line]:
    corpus = card.corpus
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    yield "corpus", sanitize(corpus.name)
    yield "", f"{plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
    if card.about:
        yield "about", sanitize(card.about)
    for ancestor in reversed(card.ancestors):
        yield "ancestor", sanitize(f"{ancestor.name}, of {ancestor.corpus.name}")
    if card.mixture_text:
        yield "mixture", sanitize(card.mixture_text)
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", words_read(card.config.model, card.window)
    yield table_heads(card.config.preset)[1], f"{card.parameters:,}"
    if hasattr(card.config.train, "epochs"):
        kept = f"epoch {card.metrics.epoch:,} is kept" if card.metrics else "only n-grams yet"
        yield "epochs", f"{card.epochs_done:,} of {card.config.epochs:,} done, {kept}"


def quality(card: ModelCard) -> Iterator[Line]:
    """Returns the quality of the model on held-out lines and on those it was trained on, of a
    mixture also that of its network alone."""
    alone, kept = trained_part(card.config), card.metrics
    is_mixed, label = card.mixture is not None, "held-out lines"
    if (whole := card.evaluation) is not None:
        part = "mixture" if is_mixed else alone
        yield from _figures(label, part, whole.perplexity, whole.top1, whole.top5)
        label = ""
    if kept is not None and (found := kept.held_out) is not None and (is_mixed or label):
        yield from _figures(label, alone, found.perplexity, found.top1, found.top5)
    if kept is not None:
        yield from _figures("training lines", alone, kept.train.perplexity, kept.train.accuracy)


def _keys(entry: Entry, card: ModelCard) -> str:
    """Says how many keys the model saves, or why that is not known."""
    if measured := savings_sentence(card.evaluation):
        return measured
    if not holds_out(card):
        return "keys saved: not known, no lines were held out of its training"
    return "keys saved: measured when its training ends"


def _figures(
    label: str, part: str, perplexity: float | None, top1: float | None, top5: float | None = None
) -> Iterator[Line]:
    """Returns the figures of a part of the model on these lines."""
    yield label, f"{part}: perplexity {format_perplexity(perplexity)} per word"
    rates = (("top word right", top1), ("top five", top5))
    if hits := [f"{what}: {format_percent(rate)}" for what, rate in rates if rate is not None]:
        yield "", "; ".join(hits)


def layers(card: ModelCard) -> Iterator[tuple[str, str, str]]:
    """Yields the layers of the model: name, number of parameters, type."""
    for layer in layers_of(card.config, card.total_words, card.window, card.ngrams):
        yield layer.name, f"{layer.parameters:>9,}", layer.type


def on_disk(entry: Entry) -> Iterator[Line]:
    """Yields the files, where the model is, dates, and the versions that wrote them."""
    for name, size in entry.files.items():
        yield format_bytes(size), sanitize(name)
    yield format_bytes(sum(entry.files.values())), "in all"
    yield "folder", sanitize(str(entry.path.parent))
    if (card := entry.card) is not None:
        yield "created", sanitize(local_time(card.created))
        yield "saved", sanitize(local_time(card.updated))
        versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        yield "versions", sanitize(versions)


def heading(entry: Entry, is_active: bool) -> Text:
    text = Text(sanitize(entry.name), style="bold")
    if is_active:
        text.append(f"   {ACTIVE} active", style="not bold")
    if mark(entry):
        text.append(f"   {mark(entry)} {state(entry)}", style="not bold")
    if entry.card is not None:
        text.append(f"\n{_keys(entry, entry.card)}", style="not bold")
    return text


def losses(entry: Entry) -> tuple[Points, Points]:
    """Returns the training and held-out losses by epoch, from the history of its run."""
    epochs = read_epochs(entry.folder)
    train = loss_points((each.epoch, each.train) for each in epochs)
    return train, loss_points((each.epoch, each.held_out) for each in epochs)


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
        train, held_out = losses(entry) if entry and card else ((), ())
        self.query(".card-facts, .card-more").set(display=entry is not None)
        self.query(".card-title, LossChart").set(display=len(train) > 1)
        head = self.query_one(".card-head", Static)
        if entry is None:
            head.update(self.NOTHING)
            return
        head.update(heading(entry, self._is_active))
        upper, lower = [section("", overview(entry))], [section("\non disk", on_disk(entry))]
        if card is not None:
            kept = card.metrics.epoch if card.metrics else None
            what, number = table_heads(card.config.preset)
            upper.append(section("\nhow good it is", quality(card)))
            lower.insert(0, section(f"{what}s and their {number}", layers(card)))
            part = trained_part(card.config)
            self.query_one(LossChart).show(train, held_out, kept, part)
        self.query_one(".card-facts", Static).update(Group(*upper))
        self.query_one(".card-more", Static).update(Group(*lower))


class ModelCardScreen(Modal[str]):
    """Shows the card over the screen. Returns "use" if the user wants to write with the model."""

    DEFAULT_CSS = """
    ModelCardScreen {
        align: center middle;
        & > .card-box {
            width: 90%; max-width: 100; height: 100%; max-height: 44;
            border: round $primary; border-subtitle-color: $text-muted; background: $surface;
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
        with Vertical(classes="card-box") as box:
            box.border_subtitle = Content("↑ ↓ scroll · ") + keys_line(self)
            yield view
            with Horizontal(classes="card-buttons"):
                if self._entry.card is not None:
                    yield Button("Use it", id="use", compact=True, variant="primary")
                yield Button("Close", id="close", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("use" if event.button.id == "use" else None)
