"""The card of a model, beside the list of models or below it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

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
from rnnlm_tui.results import accuracy_sentence, trained_part, words_read
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Entry
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.tui.widgets.chart import LossChart, loss_points

ACTIVE = "●"
"""The mark of the model that suggests."""
Row = tuple[str, str]
"""A label, which may be empty, and a text; or a heading without a text."""


def state(entry: Entry) -> str:
    """What is special about a model, in a word or two."""
    if entry.trained_by is not None:
        return "training"
    if entry.damaged is not None:
        return "damaged"
    return "built in" if entry.built_in else "" if entry.has_model else "unfinished"


def card_rows(entry: Entry) -> Iterator[Row]:
    """Describes a model, or says why it cannot be used and what to do."""
    card, run = entry.card, entry.run
    if entry.trained_by is not None:
        yield "trained by", entry.trained_by
    if entry.damaged is not None:
        yield "reason", entry.damaged
        yield "to do", "delete it, or train a model with this name again"
    elif card is None:
        yield "epochs", f"{run.epochs_done:,} done" if run and run.epochs_done else "none saved yet"
        if entry.trained_by is None:
            yield "to do", "resume it, or delete it"
    else:
        if run is not None and run.is_unfinished:
            yield "training", "was stopped and can be resumed"
        yield from _made_of(card)
        yield "how good it is", ""
        yield from _quality(card)
        yield f"{table_heads(card.config.preset)[0]}s", ""
        for layer in layers_of(card.config, card.total_words, card.window, card.ngrams):
            yield layer.name, f"{layer.type}, {layer.parameters:,}"
    yield "on disk", ""
    for name, size in entry.files.items():
        yield format_bytes(size), name
    yield "folder", str(entry.path.parent)
    if card is not None:
        yield "created", local_time(card.created)
        yield "saved", local_time(card.updated)
        yield "versions", ", ".join(f"{name} {number}" for name, number in card.versions.items())


def _made_of(card: ModelCard) -> Iterator[Row]:
    """What the model learned, and what it is."""
    corpus = card.corpus
    yield "preset", f"{card.config.preset}: {PRESETS[card.config.preset].summary}"
    yield "corpus", f"{corpus.name}: {plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
    for ancestor in reversed(card.ancestors):
        yield "ancestor", f"{ancestor.name}, of {ancestor.corpus.name}"
    if card.mixture_text:
        yield "mixture", card.mixture_text
    yield "vocabulary", plural(card.words_known, "word")
    yield "window", words_read(card.config.model, card.window)
    yield table_heads(card.config.preset)[1], f"{card.parameters:,}"
    if hasattr(card.config.train, "epochs"):
        kept = f"epoch {card.metrics.epoch:,} is kept" if card.metrics else "only n-grams yet"
        yield "epochs", f"{card.epochs_done:,} of {card.config.epochs:,} done, {kept}"
    if card.about:
        yield "about", card.about


def _quality(card: ModelCard) -> Iterator[Row]:
    """The figures on held-out lines and on those it was trained on, of a mixture also those of its
    network alone."""
    alone, kept, whole = trained_part(card.config), card.metrics, card.evaluation
    is_mixed, held_out = card.mixture is not None, "held-out lines"
    if whole is not None:
        yield held_out, _figures("mixture" if is_mixed else alone, whole.perplexity, whole.top1)
    if kept is not None and (found := kept.held_out) is not None and (is_mixed or whole is None):
        label = "" if whole is not None else held_out
        yield label, _figures(alone, found.perplexity, found.top1)
    if kept is not None and kept.train.perplexity is not None:  # n-grams have none
        yield "training lines", _figures(alone, kept.train.perplexity, kept.train.accuracy)


def _figures(part: str, perplexity: float | None, top1: float | None) -> str:
    hits = "" if top1 is None else f", top word right {format_percent(top1)}"
    return f"{part}: perplexity {format_perplexity(perplexity)}{hits}"


def heading(entry: Entry, is_active: bool) -> Text:
    """The name of the model, its state, and how many keys it saves."""
    marks = [f"{ACTIVE} active"] * is_active + [state(entry)]
    text = Text.assemble((sanitize(entry.name), "bold"), *(f"   {one}" for one in marks if one))
    return text if entry.card is None else text.append(f"\n{accuracy_sentence(entry.card)}\n")


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
        self._head, self._rows = Static(markup=False), Static(markup=False)
        self._chart = LossChart()
        self._shown: str | None = None

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._rows
        yield self._chart

    def show(self, entry: Entry | None, is_active: bool) -> None:
        """Shows the card of this model, or none. `is_active`: it is the active model."""
        self.display = entry is not None
        if entry is None:
            return
        if entry.name != self._shown:
            self._shown = entry.name
            self.scroll_home(animate=False, immediate=True)
        self._head.update(heading(entry, is_active))
        self._rows.update(_table(card_rows(entry)))
        epochs = read_epochs(entry.folder) if entry.card else []
        train = loss_points((each.epoch, each.train) for each in epochs)
        held_out = loss_points((each.epoch, each.held_out) for each in epochs)
        self._chart.display = len(train) > 1
        if entry.card is not None:
            kept = entry.card.metrics.epoch if entry.card.metrics else None
            self._chart.show(train, held_out, kept, trained_part(entry.card.config))


def _table(rows: Iterator[Row]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=14, style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        if label and not text:
            table.add_row()
        table.add_row(Text(sanitize(label), "" if text else "bold not dim"), Text(sanitize(text)))
    return table
