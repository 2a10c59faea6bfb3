"""The data card: what a corpus makes of the network, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.formatting import cut_words, sanitize, shorten
from rnnlm_tui.tui.train.summary import CorpusSummary, card_facts
from rnnlm_tui.tui.widgets.fixed_text import FixedText

FACT_WIDTH = 25
PARTS = "what it is made of: parts, what each puts out, parameters"
PAIRS = "the first pairs: what it sees ---> the word to learn"


class CardText(Static):
    """The card itself, in as many columns as there is space for."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._summary: CorpusSummary | None = None
        self._otherwise = ""

    def show(self, summary: CorpusSummary | None, otherwise: str) -> None:
        """Shows the card, or a sentence if there is none."""
        if (summary, otherwise) != (self._summary, self._otherwise):
            self._summary, self._otherwise = summary, otherwise
            self._rewrite()

    def on_resize(self) -> None:
        """Fits the columns to the new width."""
        self._rewrite()

    def _rewrite(self) -> None:
        self.set_class(self._summary is None, "-sentence")
        if self._summary is None:
            self.update(Content(self._otherwise))
        else:
            lines = card_lines(self._summary, max(1, self.size.width))
            self.update(Content("\n").join(lines))


def card_lines(summary: CorpusSummary, width: int) -> Iterator[Content]:
    """The card's lines for a width in columns."""
    yield Content.styled(shorten(summary.corpus.name, width), "bold")
    yield from _fact_lines(summary, max(1, width // FACT_WIDTH))
    yield Content("")
    yield Content.styled(PARTS, "dim")
    yield from _part_lines(summary)
    yield Content("")
    yield Content.styled(PAIRS, "dim")
    for features, label in summary.first_pairs:
        arrow = (" ---> ", "dim")
        words = cut_words(sanitize(features))
        yield Content.assemble("  ", words, arrow, (shorten(label), "bold"))


def _part_lines(summary: CorpusSummary) -> Iterator[Content]:
    """The layers: what each is, what it puts out for a word or a window of words, its size."""
    same_kind = len({layer.type for layer in summary.layers}) == 1
    for layer in summary.layers:
        kind = shorten(layer.name if same_kind else layer.type, 25)
        sizes = [f"{size:,}" for size in layer.output_shape if size is not None]
        yield Content(f"  {kind:25} {' x '.join(sizes)[:16]:>16} {layer.parameters:>12,}")
    yield Content.styled(f"  {'in all':42} {summary.parameters:>12,}", "bold")


def _fact_lines(summary: CorpusSummary, columns: int) -> Iterator[Content]:
    facts = card_facts(summary)
    rows = -(-len(facts) // columns)
    for row in range(rows):
        cells = [
            Content.assemble((f"{label:11}", "dim"), f"{value:{FACT_WIDTH - 11}}")
            for label, value in facts[row * columns : (row + 1) * columns]
        ]
        yield Content("").join(cells)


class DataCard(Vertical):
    """The card with its buttons: train, or back to the form."""

    DEFAULT_CSS = """
    DataCard {
        #card-scroll { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        CardText { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
        CardText.-sentence { text-wrap: wrap; text-overflow: fold; }
        #card-end { height: auto; padding: 0 1; }
        #card-buttons { height: auto; }
        #card-buttons Button { margin-right: 2; }
        #card-why { display: none; color: $text-warning; height: 2; }
        &.-wrong #card-why { display: block; }
    }
    """

    def compose(self) -> ComposeResult:
        """The text above the buttons."""
        with VerticalScroll(id="card-scroll"):
            yield CardText(id="card-text")
        with Vertical(id="card-end"):
            yield FixedText("card-why")
            with Horizontal(id="card-buttons"):
                yield Button("Train", variant="primary", id="card-train", compact=True)
                yield Button("Back", id="card-back", compact=True)

    def show(self, summary: CorpusSummary | None, otherwise: str, problem: str | None) -> None:
        """Shows what there is to know; `problem` says why a training cannot start."""
        self.query_one(CardText).show(summary, otherwise)
        self.query_one("#card-train", Button).disabled = problem is not None
        self.set_class(problem is not None, "-wrong")
        self.query_one("#card-why", FixedText).show(Content(sanitize(problem or "")))
