"""What a wide screen has room for: more words, the words ahead, and facts about the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from rnnlm_tui.printing import printable
from rnnlm_tui.tui.widgets.candidates import CandidateList
from rnnlm_tui.tui.widgets.fixed_text import FixedText

if TYPE_CHECKING:
    from rnnlm_tui.model_files import ModelCard
    from rnnlm_tui.tui.predictor import Answer, Speaker


class SidePane(Vertical):
    """Beside the transcript. Shown on wide screens alone."""

    DEFAULT_CSS = """
    SidePane {
        width: 44;
        border-left: vkey $foreground 20%;
        padding: 0 1;
        Static { height: auto; color: $text-muted; }
        .title { color: $foreground; text-style: bold; }
        .text { margin-bottom: 1; }
        CandidateList { height: 10; }
        #more { height: 1; }
        #side-ahead { height: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        """Titles and what stands below them."""
        yield Static("NEXT WORD", classes="title", markup=False)
        yield CandidateList(id="side-list")
        yield FixedText("more", "text")
        yield Static("IF YOU KEEP PRESSING TAB", classes="title", markup=False)
        yield FixedText("side-ahead", "text")
        yield Static("THE MODEL", classes="title", markup=False)
        yield Static("", id="model", classes="text", markup=False)

    def show_answer(self, answer: Answer | None, ahead: str) -> None:
        """The words beside those in the list, and `ahead`, the ghost from its beginning."""
        self.query_one("#more", FixedText).show(more_words(answer) if answer else "")
        self.query_one("#side-ahead", FixedText).show(ahead or "-")

    def show_model(self, speaker: Speaker | None) -> None:
        """Facts about the model that suggests."""
        facts = "\n".join(model_facts(speaker)) if speaker else "none yet"
        self.query_one("#model", Static).update(facts)


def more_words(answer: Answer) -> str:
    """How many words stand behind those in the list."""
    found = answer.suggestions
    left = answer.fitting - len(found.candidates)
    if left <= 0:
        return ""
    typed = f" begin with {printable(found.prefix)}" if found.prefix else ""
    return f"   ... {left:,} more words{typed}"


def model_facts(speaker: Speaker) -> Iterator[str]:
    """What a writer should know of the model, in plain words."""
    card, corpus = speaker.card, speaker.card.corpus
    yield f"{printable(speaker.name)}: {speaker.kind}"
    lines = corpus.get("lines")
    of = f", {lines:,} lines" if isinstance(lines, int) else ""
    yield f"learned from {printable(str(corpus.get('name', 'a text')))}{of}"
    yield f"knows {card.total_words - 1:,} words, sees {card.window} at a time"
    yield trust(card)


def trust(card: ModelCard) -> str:
    """How often it is right on lines that it never saw, where any were held out."""
    held_out = card.metrics.get("held_out")
    figures = [held_out.get(name) for name in ("top1", "top5")] if held_out else []
    if len(figures) == 2 and all(isinstance(f, float) and f > 0 for f in figures):
        first, five = (f"1 time in {1 / f:.0f}" for f in figures)
        return f"on lines it never saw: first word right {first}, among five {five}"
    return "trained on every line, so there is no figure for lines that it never saw"
