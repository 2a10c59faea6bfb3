"""The pane next to the page on a wide screen: more words, other models, facts."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.tui.writing.candidates import CandidateList, FixedText
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.predictor import Answer, LoadedModel, load_model

if TYPE_CHECKING:
    from rnnlm_tui.origin import Origin
    from rnnlm_tui.store.library import Library

LISTS = ("side-list", "compared-1", "compared-2")
MAX_COMPARED = 2
SIDE_BY_SIDE = 145
"""Columns of the window from which the lists of compared models are side by side, so that the prose
keeps 76. In a narrower one they are below each other."""
SHORT_NAME = 16
"""Characters of a base model's name and of a phrase that are shown."""
LEAST_SHARE = 0.005
MAX_NAME = 80
"""Characters shown of a corpus's name. Showing one of 400,000 took a second each time."""


class SidePane(Vertical):
    """The words of the active model and of each compared model, and facts about the active one."""

    DEFAULT_CSS = """
    SidePane {
        width: 39; /* leaves 76 cells for the prose at 120 columns */
        & > * { border: round $foreground 30%; border-title-color: $text-muted; padding: 0 1; }
        & > *:ansi { border: round ansi_bright_black; }
        #words { height: 17; }
        #facts { height: 1fr; }
        Horizontal { height: 11; }
        .column { width: 1fr; }
        .column-1, .column-2 { display: none; padding-left: 1; }
        &.-compared-1 { width: 50; }
        &.-compared-2 { width: 64; }
        &.-compared-1 .column-1, &.-compared-2 .column-1, &.-compared-2 .column-2 {
            display: block;
        }
        .title { display: none; color: $text-muted; height: 1; }
        &.-compared-1 .title, &.-compared-2 .title { display: block; }
        &.-stacked {
            width: 39;
            #words { height: 1fr; }
            #facts { display: none; }
            Horizontal { layout: vertical; height: 1fr; }
            .column { width: 1fr; height: 1fr; padding-left: 0; }
            .column-0 { min-height: 6; } /* the words that digits take */
        }
        #more, #model, #origin { color: $text-muted; }
        #more { height: 1; }
        #origin { height: 2; padding-left: 3; }
        #note {
            height: 1; color: $text-muted; text-style: italic;
            text-wrap: nowrap; text-overflow: ellipsis;
        }
    }
    """

    class ComparedChanged(Message):
        """The compared models have changed, or one of them was saved again."""

    def __init__(self) -> None:
        super().__init__()
        self._models: tuple[LoadedModel, ...] = ()
        """The models to compare, the latest choice last. They are loaded separately from the active
        one, even if one of them becomes active."""

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    @property
    def compared(self) -> tuple[LoadedModel, ...]:
        """The models to compare with the active one, which is not compared with itself."""
        return self._without(self.host.active_name)

    def _without(self, name: str | None) -> tuple[LoadedModel, ...]:
        return tuple(other for other in self._models if other.name != name)

    def _compare(self, models: tuple[LoadedModel, ...]) -> None:
        self._models = models
        self.post_message(self.ComparedChanged())

    def compose(self) -> ComposeResult:
        with Vertical(id="words") as words:
            words.border_title = "next word"
            with Horizontal():
                for place, id_ in enumerate(LISTS):
                    with Vertical(classes=f"column column-{place}"):
                        yield Static("", classes="title", markup=False)
                        yield CandidateList(id=id_)
            yield FixedText("more")
            yield FixedText("origin")
            yield FixedText("note")
        with Vertical(id="facts"):
            yield Static("", id="model", markup=False)

    def show(self, answer: Answer | None, choice: int | None, note: str, digits: str) -> None:
        """Shows an answer. `choice` is the index of the chosen word, `digits` insert one now.
        Without an answer or without words, `note` says why."""
        suggestions = answer.suggestions if answer else None
        self.query_one("#side-list", CandidateList).show(suggestions, choice, note, digits)
        for id_, other in zip_longest(LISTS[1:], answer.compared if answer else ()):
            self.query_one(f"#{id_}", CandidateList).show(other)
        has_details = self.host.preferences.details
        self.query_one("#more", FixedText).show(
            more_words(answer) if answer and has_details else ""
        )
        has_words = suggestions is not None and suggestions.candidates
        self.query_one("#note", FixedText).show(f"   {note}" if has_words else "")
        if not has_words:
            self.show_origin(None)

    def show_origin(self, origin: Origin | None) -> None:
        """Shows where the first word comes from; None if that is not known."""
        loaded_model, row = self.host.loaded_model, self.query_one("#origin", FixedText)
        base = loaded_model.card.base_named if loaded_model else None
        known = origin_words(origin, base["name"] if base else "", row.size.width) if origin else ""
        row.show(known)

    def name_columns(self) -> None:
        """Shows a column with a title for each model."""
        titles = [self.host.active_name or "", *(other.name for other in self.compared)]
        for count in (1, 2):
            self.set_class(len(titles) == 1 + count, f"-compared-{count}")
        self.set_class(len(titles) > 1 and self.app.size.width < SIDE_BY_SIDE, "-stacked")
        for place, title in enumerate(titles):
            name = Content(sanitize(title)).truncate(14, ellipsis=True)
            self.query_one(f".column-{place} .title", Static).update(name)

    @work(group="dialog")
    async def choose_compared(self) -> None:
        """Asks which model to add to the comparison, or to remove from it."""
        from rnnlm_tui.tui.widgets.dialogs import Choice

        library, active = self.host.library, self.host.active_name
        with self.host.showing_errors():
            names = [loaded_model.name for loaded_model in self._models]
            rows = await asyncio.to_thread(models_to_compare, library, active, names)
            if not rows:
                self.host.notify_user("there is no other model to compare with: F3 trains one")
                return
            wide = "" if self.display else " They are shown once the window has 120 columns."
            text = f"Up to two. Their words are shown next to the active model's.{wide}"
            chosen = await self.host.ask(Choice("Compare with which models?", text, rows))
            if chosen in names:
                self.drop_compared(chosen)
            elif chosen is not None:
                loaded_model = await asyncio.to_thread(load_model, library, chosen)
                # A third one replaces the earliest choice.
                self._compare((*self._without(chosen), loaded_model)[-MAX_COMPARED:])

    @work(group="comparison")
    async def reload_compared(self, name: str) -> None:
        """Reloads a model that was saved, if it is compared; drops it if that fails."""
        if len(self._without(name)) == len(self._models):
            return
        try:
            fresh = await asyncio.to_thread(load_model, self.host.library, name)
        except RnnlmError:
            self.drop_compared(name)
        else:
            self._compare(tuple(fresh if m.name == name else m for m in self._models))

    def drop_compared(self, name: str) -> None:
        self._compare(self._without(name))

    def show_model(self, loaded_model: LoadedModel | None, accuracy: str) -> None:
        """Shows facts about the active model; `accuracy` is a sentence."""
        name = sanitize(loaded_model.name) if loaded_model else "no model yet"
        self.query_one("#facts").border_title = Content(name)
        facts = (*model_facts(loaded_model), accuracy) if loaded_model else ()
        others = "F9 compares it with other models" if loaded_model else "F3 trains one"
        text = "\n".join(("\n".join(filter(None, facts)), "", others)).strip()
        self.query_one("#model", Static).update(text)


def origin_words(origin: Origin, base: str, width: int) -> str:
    """Says in at most two rows of `width` cells where a word comes from, the largest shares first.
    `base` is the name of the base model."""
    from rnnlm_tui.lm.mixture import LABELS  # imports numpy

    labels = dict(LABELS)
    labels["base"] = shorten(base, SHORT_NAME) or labels["base"]
    if origin.phrase:
        labels["ngrams"] = f"phrases '{shorten(' '.join(origin.phrase), SHORT_NAME)}'"
    parts = [f"{share:.0%} {labels[name]}" for name, share in origin.shares if share >= LEAST_SHARE]
    while len(Content(", ".join(parts)).wrap(max(1, width))) > 2:
        parts.pop()
    return ", ".join(parts)


def more_words(answer: Answer) -> str:
    """Says how many words the list leaves out; "" if none."""
    suggestions = answer.suggestions
    left = suggestions.matching_words - len(suggestions.candidates)
    begin = "begins" if left == 1 else "begin"
    typed = f" {begin} with {sanitize(suggestions.prefix)}" if suggestions.prefix else ""
    return f"   … {left:,} more{typed}" if left > 0 else ""


def model_facts(loaded_model: LoadedModel) -> Iterator[str]:
    """Yields a line each on the kind of the model, its corpus and its vocabulary."""
    corpus = loaded_model.card.corpus
    yield loaded_model.kind
    size = f"{plural(corpus['lines'], 'line')}, {plural(corpus['words'], 'word')}"
    yield f"{shorten(corpus['name'], MAX_NAME)}: {size}"
    yield f"{plural(len(loaded_model.model.vocabulary.words), 'word')} known"


def models_to_compare(
    library: Library, active: str | None, compared: Container[str]
) -> list[tuple[str, str, str]]:
    """Returns all models except the active one: name, label (ticked if compared), description.

    Reads the library, so call it in a thread.
    """
    rows = []
    for entry in library.entries():
        name, card, what = entry.name, entry.card, ""
        if not entry.has_model or name == active:
            continue
        if card is not None:
            what = f"{card.config.preset} of {shorten(card.corpus['name'], MAX_NAME)}"
        rows.append((name, f"{'✓ ' if name in compared else ''}{name}", what))
    return rows
