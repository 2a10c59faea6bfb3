"""The pane next to the page on a wide screen: more words, facts about the model."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.tui.writing.candidates import CandidateList, FixedText
from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel

MAX_NAME = 80
"""Characters shown of a corpus's name. Showing one of 400,000 took a second each time."""


class SidePane(Vertical):
    """The words of the active model, and facts about it."""

    DEFAULT_CSS = """
    SidePane {
        width: 39; /* leaves 76 cells for the prose at 120 columns */
        & > * { border: round $foreground 30%; border-title-color: $text-muted; padding: 0 1; }
        & > *:ansi { border: round ansi_bright_black; }
        #words { height: 13; }
        #facts { height: 1fr; }
        #model { color: $text-muted; }
        #note {
            height: 1; color: $text-muted; text-style: italic;
            text-wrap: nowrap; text-overflow: ellipsis;
        }
    }
    """

    def compose(self) -> ComposeResult:
        with Vertical(id="words") as words:
            words.border_title = "next word"
            yield CandidateList(id="side-list")
            yield FixedText("note")
        with Vertical(id="facts"):
            yield Static("", id="model", markup=False)

    def show(self, answer: Answer | None, choice: int | None, note: str, digits: str) -> None:
        """Shows an answer. `choice` is the index of the chosen word, `digits` insert one now.
        Without an answer or without words, `note` says why."""
        suggestions = answer.suggestions if answer else None
        self.query_one("#side-list", CandidateList).show(suggestions, choice, note, digits)
        has_words = suggestions is not None and suggestions.candidates
        self.query_one("#note", FixedText).show(f"   {note}" if has_words else "")

    def show_model(self, loaded_model: LoadedModel | None, accuracy: str) -> None:
        """Shows facts about the active model; `accuracy` is a sentence."""
        name = sanitize(loaded_model.name) if loaded_model else "no model yet"
        self.query_one("#facts").border_title = Content(name)
        facts = (*model_facts(loaded_model), accuracy) if loaded_model else ("F3 trains one",)
        self.query_one("#model", Static).update("\n".join(filter(None, facts)))


def model_facts(loaded_model: LoadedModel) -> Iterator[str]:
    """Yields a line each on the kind of the model, its corpus and its vocabulary."""
    corpus = loaded_model.card.corpus
    yield loaded_model.kind
    size = f"{plural(corpus.lines, 'line')}, {plural(corpus.words, 'word')}"
    yield f"{shorten(corpus.name, MAX_NAME)}: {size}"
    yield f"{plural(len(loaded_model.model.vocabulary.words), 'word')} known"
