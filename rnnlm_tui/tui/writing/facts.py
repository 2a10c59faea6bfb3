"""The facts at the right of a very wide window: what the model reads, and which model that is."""

from __future__ import annotations

from collections.abc import Iterator

from textual.widgets import Static

from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel

WIDTH = 32
MOST = 4 * WIDTH
"""Characters of a fact. Showing the name of a corpus with 400,000 took a second each time."""


class Facts(Static):
    """Quiet facts, without a border."""

    DEFAULT_CSS = """
    Facts { width: 36; height: 100%; padding: 1 1 0 3; color: $text-muted; }
    Facts:ansi { color: ansi_default; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, answer: Answer | None, loaded_model: LoadedModel | None) -> None:
        """Shows what is known now. Repaints only itself: a layout of the screen takes 3 ms."""
        text = "\n".join(facts_on(answer, loaded_model))
        if text != self.content:
            self.update(text, layout=False)


def facts_on(answer: Answer | None, loaded_model: LoadedModel | None) -> Iterator[str]:
    """Yields a line each: the last words that the model sees, those it does not know, its name and
    kind, its corpus."""
    if answer is not None:
        seen, unknown = " ".join(answer.suggestions.seen), ", ".join(answer.suggestions.unknown)
        yield f"seen: {'… ' * (len(seen) > MOST)}{sanitize(seen[-MOST:])}" if seen else ""
        yield f"unknown: {shorten(unknown, MOST)}" if unknown else ""
    if loaded_model is not None:
        corpus = loaded_model.card.corpus
        yield ""
        yield f"{shorten(loaded_model.name, MOST)}: {loaded_model.kind}"
        size = f"{plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
        yield f"learned from {shorten(corpus.name, MOST)}: {size}"
        yield f"{plural(len(loaded_model.model.vocabulary.words), 'word')} known"
