"""The panes with the suggested words: below the line, and on a wide screen next to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.writing.candidates import CandidateList

if TYPE_CHECKING:
    from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel

NEXT_WORD = "NEXT WORD"
LISTS = ("side-list", "compared-1", "compared-2")
LONGEST_NAME = 80
"""Characters of a corpus's name that are shown. One of 400,000 took a second each time."""


class Suggested(NamedTuple):
    """An answer, or None and a `note` on why there is none; the number of the chosen word; the
    words `ahead` that the ghost is made of."""

    answer: Answer | None
    choice: int | None
    note: str
    ahead: str


class LowerPane(Horizontal):
    """Below the line: the list, the words ahead, and how often the model is right."""

    DEFAULT_CSS = """
    LowerPane {
        height: 5;
        CandidateList { width: 1fr; }
        Vertical { width: 1fr; padding: 0 1; }
        #ahead { height: 2; color: $text-muted; }
        #accuracy { height: 3; color: $text-muted; }
    }
    """

    def compose(self) -> ComposeResult:
        yield CandidateList(id="list")
        with Vertical():
            yield FixedText("ahead")
            yield FixedText("accuracy")

    def show(self, suggested: Suggested) -> None:
        found = suggested.answer.suggestions if suggested.answer else None
        self.query_one(CandidateList).show(found, suggested.choice, suggested.note)
        keys = "Tab, Tab ..." if " " in suggested.ahead else "Tab"
        ahead = f"{keys}: {suggested.ahead}" if suggested.ahead else ""
        self.query_one("#ahead", FixedText).show(ahead)

    def show_accuracy(self, sentence: str) -> None:
        self.query_one("#accuracy", FixedText).show(sentence)


class SidePane(Vertical):
    """Next to the transcript: more words, the words ahead, and facts about the model. Each compared
    model has a list of its own under its name."""

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
        &.-compared-1, &.-compared-2 { width: 62; }
        &.-compared-2 { width: 81; }
        &.-compared-1 .column-1, &.-compared-2 .column-1, &.-compared-2 .column-2 {
            display: block;
        }
        #more { height: 1; }
        #side-ahead { height: 2; }
    }
    """

    def compose(self) -> ComposeResult:
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

    def show(self, suggested: Suggested) -> None:
        answer = suggested.answer
        found = answer.suggestions if answer else None
        self.query_one("#side-list", CandidateList).show(found, suggested.choice, suggested.note)
        for id_, other in zip_longest(LISTS[1:], answer.compared if answer else ()):
            self.query_one(f"#{id_}", CandidateList).show(other)
        self.query_one("#more", FixedText).show(more_words(answer) if answer else "")
        self.query_one("#side-ahead", FixedText).show(suggested.ahead or "-")

    def name_columns(self, active_name: str, compared: Sequence[str]) -> None:
        """Makes room for the lists of the compared models."""
        for count in (1, 2):
            self.set_class(len(compared) == count, f"-compared-{count}")
        titles = [active_name if compared else NEXT_WORD, *compared]
        for place, title in enumerate(titles):
            self.query_one(f".column-{place} .title", Static).update(Content(sanitize(title)))

    def show_model(self, loaded_model: LoadedModel | None, accuracy: str) -> None:
        """Shows facts about the active model, and how often it is right."""
        facts = "\n".join((*model_facts(loaded_model), accuracy)) if loaded_model else "none yet"
        self.query_one("#model", Static).update(facts)


def more_words(answer: Answer) -> str:
    """How many words the list leaves out."""
    found = answer.suggestions
    left = answer.suggestions.matching_words - len(found.candidates)
    typed = f" begin with {sanitize(found.prefix)}" if found.prefix else ""
    return f"   ... {left:,} more words{typed}" if left > 0 else ""


def model_facts(loaded_model: LoadedModel) -> Iterator[str]:
    """What a writer should know of the model."""
    corpus = loaded_model.card.corpus
    yield f"{sanitize(loaded_model.name)}: {loaded_model.kind}"
    yield f"learned from {shorten(corpus['name'], LONGEST_NAME)}, {plural(corpus['lines'], 'line')}"
    known = plural(len(loaded_model.model.vocabulary.words), "word")
    yield f"knows {known}, sees {loaded_model.card.window} at a time"


def context_line(answer: Answer, width: int) -> Content:
    """The words that the model sees, and at the right those that it does not know, in `width`
    cells. If there is no room for all words the last ones are shown: they matter most."""
    found, model = answer.suggestions, answer.question.loaded_model.model
    above = model.uses_previous_lines and answer.question.previous_lines
    more = " and the lines above" if above else ""
    head = f"the model sees {len(found.seen)} of {model.window} words{more}: "
    frame = len(head) + len("|  | ")
    unknown = Content(f"unknown: {sanitize(', '.join(found.unknown)) or '-'}")
    unknown = unknown.truncate(max(0, min(width // 2, width - frame - 1)), ellipsis=True)
    room = max(1, width - frame - unknown.cell_length)
    words = [sanitize(word) for word in found.seen]
    seen = Content(" ".join(words))
    while len(words) > 1 and seen.cell_length > room:
        words = words[max(1, len(words) // 16) :]
        seen = Content(" ".join(["…", *words]))
    if seen.cell_length > room:
        seen = Content(words[-1]).truncate(room, ellipsis=True)
    left = Content.assemble(head, "| ", seen, " |")
    gap = " " * max(1, width - left.cell_length - unknown.cell_length)
    return Content.assemble(left, gap, unknown)
