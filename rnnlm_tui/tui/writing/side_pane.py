"""What a wide screen has room for: more words, the words ahead, and facts about the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.writing.candidates import CandidateList, Row

if TYPE_CHECKING:
    from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel


NEXT_WORD = "NEXT WORD"
LISTS = ("side-list", "beside-1", "beside-2")


class SidePane(Vertical):
    """Beside the transcript. Shown on wide screens alone. Where other models are compared with the
    one that suggests, each has a list of its own under its name."""

    DEFAULT_CSS = """
    SidePane {
        width: 44;
        border-left: vkey $foreground 20%;
        padding: 0 1;
        Static { height: auto; color: $text-muted; }
        .title { color: $foreground; text-style: bold; }
        .text { margin-bottom: 1; }
        CandidateList { height: 10; }
        #columns { height: auto; }
        .column { width: 1fr; height: auto; }
        .column-1, .column-2 { display: none; border-left: vkey $foreground 20%; }
        &.-beside-1, &.-beside-2 { width: 62; }
        &.-beside-2 { width: 81; }
        &.-beside-1 .column-1, &.-beside-2 .column-1, &.-beside-2 .column-2 { display: block; }
        #more { height: 1; }
        #side-ahead { height: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        """Titles and what stands below them."""
        with Horizontal(id="columns"):
            for place, id_ in enumerate(LISTS):
                with Vertical(classes=f"column column-{place}"):
                    yield Static(NEXT_WORD, classes="title", markup=False)
                    yield CandidateList(id=id_)
        yield FixedText("more", "text")
        yield Static("WHAT TAB TAKES, A WORD AT A TIME", classes="title", markup=False)
        yield FixedText("side-ahead", "text")
        yield Static("THE MODEL", classes="title", markup=False)
        yield Static("", id="model", classes="text", markup=False)
        yield Static("F9 shows what other models suggest", classes="text", markup=False)

    def show_answer(self, answer: Answer | None, ahead: str) -> None:
        """The words beside those in the list, and `ahead`, the ghost from its beginning."""
        self.query_one("#more", FixedText).show(more_words(answer) if answer else "")
        self.query_one("#side-ahead", FixedText).show(ahead or "-")

    def name_beside(self, loaded_model: str, names: Sequence[str]) -> None:
        """Makes room for the models `names`, beside the one that suggests."""
        for count in (1, 2):
            self.set_class(len(names) == count, f"-beside-{count}")
        titles = [loaded_model if names else NEXT_WORD, *names]
        for place, title in enumerate(titles):
            self.query_one(f".column-{place} .title", Static).update(Content(sanitize(title)))

    def show_beside(self, answer: Answer | None) -> None:
        """What the other models say."""
        said = answer.compared if answer else ()
        for id_, found in zip_longest(LISTS[1:], said):
            rows = tuple(Row(c.word, c.probability) for c in found.candidates) if found else ()
            typed = len(found.prefix) if found else 0
            self.query_one(f"#{id_}", CandidateList).show(rows, typed, None, "")

    def show_model(self, loaded_model: LoadedModel | None, trust: str) -> None:
        """Facts about the model that suggests, and how far to trust it."""
        facts = "\n".join((*model_facts(loaded_model), trust)) if loaded_model else "none yet"
        self.query_one("#model", Static).update(facts)


def more_words(answer: Answer) -> str:
    """How many words stand behind those in the list."""
    found = answer.suggestions
    left = answer.matching_words - len(found.candidates)
    if left <= 0:
        return ""
    typed = f" begin with {sanitize(found.prefix)}" if found.prefix else ""
    return f"   ... {left:,} more words{typed}"


def model_facts(loaded_model: LoadedModel) -> Iterator[str]:
    """What a writer should know of the model, in plain words."""
    card, corpus = loaded_model.card, loaded_model.card.corpus
    yield f"{sanitize(loaded_model.name)}: {loaded_model.kind}"
    lines = corpus.get("lines")
    of = f", {plural(lines, 'line')}" if isinstance(lines, int) else ""
    yield f"learned from {sanitize(str(corpus.get('name', 'a text')))}{of}"
    known = plural(len(loaded_model.model.vocabulary.words), "word")
    yield f"knows {known}, sees {card.window} at a time"
