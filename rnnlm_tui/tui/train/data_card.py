"""The data card: facts about a corpus and the network for it, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import cut_words, sanitize, shorten
from rnnlm_tui.tui.train.run_lists import FRAME, rule_title
from rnnlm_tui.tui.train.summary import CorpusSummary, card_facts

FACT_WIDTH = 25
KIND_WIDTH, SIZES_WIDTH = 25, 32
"""Cells of a layer's kind, fewer on a narrow card, and of its sizes, which are never cut."""
EMPTY = "known once the text is counted"
PARTS = "layers: kind, output shape, parameters"
PAIRS = "first training pairs: input ---> next word"


class CardText(Static):
    """The text of the card, in as many columns as fit."""

    _summary: CorpusSummary | None = None

    def show(self, summary: CorpusSummary | None) -> None:
        """Shows the card; None while nothing is known."""
        if summary != self._summary:
            self._summary = summary
            self.on_resize()

    def on_resize(self) -> None:
        empty = (Content.styled(EMPTY, "dim"),)
        lines = card_lines(self._summary, max(1, self.size.width)) if self._summary else empty
        self.update(Content("\n").join(lines))


def card_lines(summary: CorpusSummary, width: int) -> Iterator[Content]:
    """Yields the lines of the card; `width` is in cells."""
    yield Content.styled(shorten(summary.corpus.name, width), "bold")
    yield from _fact_lines(summary, max(1, width // FACT_WIDTH))
    yield Content.assemble(("window     ", "dim"), summary.reads)
    for note in summary.notes:
        yield from Content.styled(sanitize(note), "dim").wrap(width)
    for warning in summary.warnings:
        yield from Content.styled(f"! {sanitize(warning)}", "bold").wrap(width)
    yield Content("")
    if summary.first_padded:
        yield from _lesson_lines(summary, width)
        yield Content("")
    yield from Content.styled(PARTS, "dim").wrap(width)
    yield from _part_lines(summary, max(1, min(KIND_WIDTH, width - SIZES_WIDTH)))
    if summary.first_padded:
        return
    yield Content("")
    yield from Content.styled(PAIRS, "dim").wrap(width)
    for features, label in summary.first_pairs:
        yield _pair(features, label, width)


def _lesson_lines(summary: CorpusSummary, width: int) -> Iterator[Content]:
    """Yields the steps from the text to the first training pairs, under the lesson's names."""
    steps = (
        ("Tokenizer", f"{summary.total_words - 1:,} words become ids; total_words counts 0 too"),
        (
            "n-gram sequences",
            f"the first 2 words of a line, the first 3 ...: {summary.examples:,}",
        ),
        ("pad_sequences", f"zeros before them, {len(summary.first_padded[0][0]) + 1:,} ids in all"),
        ("predictors, label", "all ids but the last, and the last, as ids and as words:"),
    )
    for name, what in steps:
        yield from Content.assemble((f"{name}: ", "bold"), (what, "dim")).wrap(width)
    for (ids, label), (words, next_word) in zip(
        summary.first_padded, summary.first_pairs, strict=False
    ):
        yield _pair(" ".join(f"{number}" for number in ids), f"{label}", width)
        yield _pair(words, next_word, width)


def _pair(features: str, label: str, width: int) -> Content:
    words, shown = cut_words(sanitize(features)), shorten(label)
    room = max(1, width - len(shown) - 8)
    if len(words) > room:  # the nearest words matter most
        words = f"…{words[1 - room :] if room > 1 else ''}"
    return Content.assemble("  ", words, (" ---> ", "dim"), (shown, "bold"))


def _part_lines(summary: CorpusSummary, kind_width: int) -> Iterator[Content]:
    """Yields a line per layer: its kind, its output shape without the batch, its parameters."""
    same_kind = len({layer.type for layer in summary.layers}) == 1
    for layer in summary.layers:
        kind = shorten(layer.name if same_kind else layer.type, kind_width)
        sizes = [f"{size:,}" for size in layer.output_shape if size is not None]
        yield Content(f"  {kind:{kind_width}} {' x '.join(sizes)[:16]:>16} {layer.parameters:>12,}")
    yield Content.styled(f"  {'in all':{kind_width + 17}} {summary.parameters:>12,}", "bold")


def _fact_lines(summary: CorpusSummary, columns: int) -> Iterator[Content]:
    facts = card_facts(summary)
    rows = -(-len(facts) // columns)
    for row in range(rows):
        cells = [
            Content.assemble((f"{label:11}", "dim"), f"{value:{FACT_WIDTH - 11}}")
            for label, value in facts[row * columns : (row + 1) * columns]
        ]
        yield Content("").join(cells)


class DataCard(VerticalScroll, can_focus=True):
    """The card in a frame. It can have the focus, so that the arrow keys scroll it."""

    DEFAULT_CSS = f"""
    DataCard {FRAME}
    DataCard CardText {{ height: auto; text-wrap: nowrap; text-overflow: ellipsis; }}
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = rule_title("the text, and a model of it")
        self._text = CardText(markup=False)
        self.show = self._text.show

    def compose(self) -> ComposeResult:
        yield self._text
