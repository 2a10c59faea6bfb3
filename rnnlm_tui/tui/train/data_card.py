"""The data card: facts about a text and the network for it, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import cut_words, format_bytes, plural, sanitize, shorten
from rnnlm_tui.tui.train.summary import CorpusSummary

KIND_WIDTH, CONTEXT_WIDTH = 25, 36
"""Cells of a layer's kind and of the words before a next one: the card of a window of 60 columns
holds both in a row."""
EMPTY = "known once the text is counted"
PARTS = "layers: kind, output shape, parameters"
PAIRS = "first training pairs: input ---> next word"


def card_lines(summary: CorpusSummary) -> Iterator[Content]:
    """Yields the lines of the card."""
    corpus = summary.corpus
    facts = (
        plural(corpus.lines, "line"),
        plural(corpus.words, "word"),
        f"vocabulary {summary.total_words - 1:,}",
        f"held out {plural(corpus.held_out_lines, 'line') if corpus.held_out_lines else 'nothing'}",
        f"{summary.examples:,} pairs",
        f"window {summary.reads}",
        f"{summary.parameters:,} parameters",
        f"{format_bytes(summary.memory_bytes)} of memory",
    )
    yield Content(" · ".join(facts))
    yield from (Content.styled(sanitize(note), "dim") for note in summary.notes)
    yield from (Content.styled(f"! {sanitize(text)}", "bold") for text in summary.warnings)
    yield Content("")
    if summary.first_padded:
        yield from _lesson_lines(summary)
        yield Content("")
    yield Content.styled(PARTS, "dim")
    same_kind = len({layer.type for layer in summary.layers}) == 1
    for layer in summary.layers:
        kind = shorten(layer.name if same_kind else layer.type, KIND_WIDTH)
        sizes = " x ".join(f"{size:,}" for size in layer.output_shape if size is not None)
        yield Content(f"  {kind:{KIND_WIDTH}} {sizes[:13]:>13} {layer.parameters:>12,}")
    if not summary.first_padded:
        yield Content("")
        yield Content.styled(PAIRS, "dim")
        yield from (_pair(features, label) for features, label in summary.first_pairs)


def _lesson_lines(summary: CorpusSummary) -> Iterator[Content]:
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
        yield Content.assemble((f"{name}: ", "bold"), (what, "dim"))
    for (ids, label), (words, next_word) in zip(
        summary.first_padded, summary.first_pairs, strict=False
    ):
        yield _pair(" ".join(f"{number}" for number in ids), f"{label}")
        yield _pair(words, next_word)


def _pair(features: str, label: str) -> Content:
    words = cut_words(sanitize(features))
    if len(words) > CONTEXT_WIDTH:  # the nearest words matter most
        words = f"…{words[1 - CONTEXT_WIDTH :]}"
    return Content.assemble("  ", words, (" ---> ", "dim"), (shorten(label), "bold"))


class DataCard(VerticalScroll, can_focus=True):
    """The card under a rule. It can have the focus, so that the arrow keys scroll it."""

    DEFAULT_CSS = """
    DataCard {
        height: auto;
        padding: 0 1;
        scrollbar-size: 1 1;
        border-top: solid $foreground 20%;
        border-title-color: $text-muted;
        &:focus { border-top: solid $border; border-title-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = Content("the text, and a model of it").pad(1, 1)
        self._text = Static(EMPTY, markup=False)

    def compose(self) -> ComposeResult:
        yield self._text

    def show(self, summary: CorpusSummary | None) -> None:
        """Shows the card; None if the text cannot be used."""
        self._text.update(Content("\n").join(card_lines(summary)) if summary else EMPTY)
