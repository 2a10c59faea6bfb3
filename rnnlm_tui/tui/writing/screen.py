"""The chat: the transcript, the line being written with its ghost, the ranked words."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.widgets.base_screen import TooSmall
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.candidates import CandidateList, Row
from rnnlm_tui.tui.writing.comparison import Comparison
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.predictor import Answer, Question
from rnnlm_tui.tui.writing.side_pane import SidePane
from rnnlm_tui.tui.writing.transcript import Transcript
from rnnlm_tui.tui.writing.transcript_view import TranscriptView
from rnnlm_tui.tui.writing.writing_screen import WritingScreen

CANDIDATES = 10
EMPTY = """\
There is no model yet that could suggest anything.

Train a first one on Shakespeare's sonnets, which takes about a minute, or a model of your own on \
a text of yours. You can write meanwhile."""
WELCOME = """\
Type a line. The slanted words ahead of the cursor are what the model would write: Tab takes one \
of them, the right arrow takes all, Esc hides them. Enter sends the line, and the model goes on \
with it.

F3 trains a model on a text of your own. F1 shows all keys."""
COMING = "{} is being trained: F3 shows it. Its first words come after an epoch; write meanwhile."


class AutocompleteScreen(WritingScreen):
    """Where one writes."""

    AUTO_FOCUS = "LineEditor"  # by default the first that can be focused, be it hidden
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "another", "another", id="autocomplete.another",
                tooltip="Another continuation of the last line, drawn by chance"),
        Binding("ctrl+t", "toggle_ghost", "ghost", id="autocomplete.toggle_ghost",
                tooltip="Switch the ghost off or on"),
        Binding("f7", "copy_last", "copy", id="autocomplete.copy_last",
                tooltip="Copy the last line of the transcript"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move between the line and the transcript", show=False),
        Binding("f5", "save_transcript", "Save transcript", show=False,
                id="autocomplete.save_transcript",
                tooltip="Save the transcript to a file"),
        Binding("f8", "clear_transcript", "Clear transcript", show=False,
                id="autocomplete.clear_transcript",
                tooltip="Clear the transcript, after a question; /clear and Enter does it at once"),
        Binding("f9", "compare", "Compare models", show=False, id="autocomplete.compare",
                tooltip="Show what other models suggest beside, on a wide screen"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        #side { display: none; }
        #lower { height: 5; }
        #lower CandidateList { width: 1fr; }
        #beside-list { width: 1fr; padding: 0 1; }
        #ahead { height: 2; color: $text-muted; }
        #trust { height: 3; color: $text-muted; }
        #sees, #figures { height: 1; padding: 0 1; color: $text-muted; }
        #empty { height: auto; padding: 1 2; display: none; }
        #empty Static, #welcome { max-width: 72; height: auto; }
        #welcome { display: none; padding: 1 2; color: $text-muted; }
        &.-fresh #welcome { display: block; }
        #empty Button { margin: 1 1 0 0; }
        #empty Horizontal { height: auto; }
        &.-no-model #empty { display: block; }
        &.-coming #empty Horizontal { display: none; }
        &.-has-lines #empty { padding: 0 2; }
        &.-has-lines #empty Button { margin: 0 1 0 0; }
        &.-has-lines.-no-model #empty Static { display: none; }
        &.-has-lines.-coming #empty Static { display: block; }
        &.-wide #side { display: block; }
        &.-wide #lower { display: none; }
        &.-wide ToastHolder { align-horizontal: left; } /* at the right it would cover the words */
    }
    """

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.answer: Answer | None = None
        self.beside = Comparison(lambda: self.host.library)

    def compose(self) -> ComposeResult:
        """The transcript and the list, the strip, the line, the list again, the figures."""
        yield Header()
        with Horizontal(id="upper"):
            with Vertical():
                with Vertical(id="empty"):
                    yield Static(EMPTY, markup=False)
                    with Horizontal():
                        yield Button("Train on the sonnets", id="first-model", variant="primary")
                        yield Button("Train on my text", id="own-model")
                yield Static(WELCOME, id="welcome", markup=False)
                yield TranscriptView(id="transcript")
            yield SidePane(id="side")
        yield FixedText("sees")
        yield self.editor
        with Horizontal(id="lower"):
            yield CandidateList(id="list")
            with Vertical(id="beside-list"):
                yield FixedText("ahead")
                yield FixedText("trust")
        yield FixedText("figures")
        yield KeyBar()
        yield TooSmall()

    # The model

    def active_model_changed(self) -> None:
        """Another model suggests from now on, or the same as it was saved anew, or none does."""
        loaded_model = self.host.loaded_model
        self.show_empty_state()
        before = self.answer.question.loaded_model.name if self.answer else None
        if loaded_model is not None and loaded_model.name == before:
            self.editor.ask_again()  # it was saved anew: what is chosen meanwhile stays chosen
        else:
            self.answer = None
            self.editor.forget()
        self._title_editor()
        self._show_accuracy_sentence("")
        self._name_beside()
        self._show_state()
        self.show_accuracy()

    @work(group="trust", exclusive=True)
    async def show_accuracy(self) -> None:
        """How far to trust the model, in a sentence: as it is known, then as it is measured."""
        from rnnlm_tui.store.evaluations import accuracy_sentence

        if (loaded_model := self.host.loaded_model) is None:
            return
        for measure in (False, True):
            card = loaded_model.card
            evaluation = await self.insights.evaluation(loaded_model.name, card, measure=measure)
            if self.host.loaded_model is not loaded_model or not self.app.is_running:
                return
            self._show_accuracy_sentence(accuracy_sentence(card, evaluation))
            if evaluation is not None:
                if measure:
                    self.host.models_changed()
                return

    def _show_accuracy_sentence(self, sentence: str) -> None:
        self.query_one("#trust", FixedText).show(sentence)
        self.query_one(SidePane).show_model(self.host.loaded_model, sentence)

    def show_empty_state(self) -> None:
        """Where no model suggests: how to come by one, in few rows once lines were sent."""
        self.set_class(self.host.has_no_models, "-no-model")
        coming = self.host.trained_name
        self.set_class(coming is not None, "-coming")
        has_lines = bool(self.transcript.turns)
        self.set_class(has_lines, "-has-lines")
        self.set_class(not has_lines and not self.host.has_no_models, "-fresh")
        text = EMPTY if coming is None else COMING.format(sanitize(coming))
        self.query_one("#empty Static", Static).update(text)

    # Questions and answers

    def ask(self) -> bool:
        """The line or the cursor has changed. Whether an answer will come."""
        loaded_model = self.host.loaded_model
        if loaded_model is None:
            return False
        line, cursor = self.editor.line, self.editor.cursor
        beside = self.beside.to(loaded_model) if self.has_class("-wide") else ()
        question = Question(loaded_model, line, cursor, CANDIDATES, self._previous_lines(), beside)
        self._predictor.ask(question)
        return True

    def show_answer(self, answer: Answer) -> None:
        """Shows an answer, unless it is to an older line, to other lines above or another model's,
        or the app ends."""
        if not self.app.is_running:
            return
        question, editor = answer.question, self.editor
        now = (self.host.loaded_model, editor.line, editor.cursor, self._previous_lines())
        if (question.loaded_model, question.line, question.cursor, question.previous_lines) != now:
            return
        self.answer = answer
        found = answer.suggestions
        words = tuple(candidate.word for candidate in found.candidates)
        editor.show(words, found.prefix, found.continuation)
        self._show_state()

    @on(LineEditor.StateChanged)
    def _show_state(self) -> None:
        """The list, the strip and the figures, as the editor and the last answer have them."""
        answer, editor = self.answer, self.editor
        rows: tuple[Row, ...] = ()
        if answer is not None and not editor.is_hidden:
            rows = tuple(Row(c.word, c.probability) for c in answer.suggestions.candidates)
        typed = len(answer.suggestions.prefix) if answer else 0
        for name in ("#list", "#side-list"):
            self.query_one(name, CandidateList).show(rows, typed, editor.choice, self._note())
        self.query_one(SidePane).show_beside(answer if rows else None)
        words = answer.suggestions.continuation if answer and rows and editor.ghost_on else ()
        ahead = sanitize(" ".join(words))
        shown = f"{'Tab' if len(words) == 1 else 'Tab, Tab ...'}: {ahead}" if words else ""
        self.query_one("#ahead", FixedText).show(shown)
        self.query_one(SidePane).show_answer(answer if rows else None, ahead)
        sees = context_line(answer, max(10, self.size.width - 2)) if answer else Content("")
        self.query_one("#sees", FixedText).show(sees)
        self.query_one("#figures", FixedText).show(self._figures())

    def _note(self) -> str:
        """Why the list is empty."""
        answer = self.answer
        if self.host.loaded_model is None:
            return "no model suggests" if self.host.has_no_models else "loading the model ..."
        if self.editor.is_hidden:
            return "hidden until the next word; ^Space suggests now"
        if answer and answer.suggestions.prefix and not answer.suggestions.candidates:
            return f"no word that it knows begins with {sanitize(answer.suggestions.prefix)}"
        return ""

    def _figures(self) -> str:
        """Keys saved, how long the last answer took, and how the ghost stands."""
        editor = self.editor
        written = self._sent_keys + editor.written_keys
        saved = self._sent_saved + editor.saved_keys
        share = f" ({saved / written:.0%})" if written else ""
        took = f" · {self.answer.took_s * 1000:.1f} ms" if self.answer else ""
        ghost = "on" if editor.ghost_on else "off"
        return f"{saved} of {written} keys saved{share}{took} · ghost {ghost} (ctrl+t)"

    @on(CandidateList.Picked)
    def _insert_picked(self, event: CandidateList.Picked) -> None:
        self.editor.insert_candidate(event.index)
        self.editor.focus()

    # Other models beside

    @work(group="dialog")
    async def action_compare(self) -> None:
        """Asks which model's words to show beside, or to show no longer."""
        from rnnlm_tui.tui.widgets.dialogs import Choice

        with self.host.showing_errors():
            names = await asyncio.to_thread(self.host.library.names)
            shown = self.beside.names
            others = [name for name in names if name != self.host.active_name]
            if not others:
                self.host.notify_user("there is no other model to compare with: F3 trains one")
                return
            rows = [(n, f"{'✓ ' if n in shown else ''}{n}", "") for n in others]
            wide = "" if self.has_class("-wide") else " This window shows them from 110 columns on."
            text = f"Whose words are to stand beside? At most two models.{wide}"
            chosen = await self.host.ask(Choice("Compare models", text, rows))
            if chosen is not None:
                await self.beside.toggle(chosen)
                self._ask_beside()

    def on_resize(self) -> None:
        """The strip is cut to the new width, and a screen that has become wide has room for what
        other models say."""
        self.call_after_refresh(self._show_state)
        if self.beside.names:
            self.call_after_refresh(self.editor.ask_again)

    def _ask_beside(self) -> None:
        """Other models are to be asked from now on, or none."""
        self._name_beside()
        self.editor.ask_again()

    def _name_beside(self) -> None:
        loaded_model = self.host.loaded_model
        names = [other.name for other in self.beside.to(loaded_model)] if loaded_model else []
        self.query_one(SidePane).name_beside(loaded_model.name if loaded_model else "", names)

    @work(group="beside")
    async def model_saved(self, name: str) -> None:
        """A model was saved: if it stands beside, it is asked as it is now."""
        if name in self.beside.names:
            await self.beside.renew(name)
            self._ask_beside()

    def model_deleted(self, name: str) -> None:
        """A model is gone."""
        self.beside.drop(name)
        self._ask_beside()

    # Other actions

    def action_toggle_ghost(self) -> None:
        """Switches the ghost off or on, at the next start too."""
        self.editor.toggle_ghost()
        self.host.preferences.ghost = self.editor.ghost_on
        self.host.store_preferences()

    @on(Button.Pressed, "#first-model")
    def _train_first_model(self) -> None:
        self.host.train_first_model()
        self.editor.focus()

    @on(Button.Pressed, "#own-model")
    def _train_own_model(self) -> None:
        self.host.show_mode("train")


def context_line(answer: Answer, width: int) -> Content:
    """What the model has taken into account, and at the right what it does not know."""
    found, window = answer.suggestions, answer.question.loaded_model.model.window
    carried = (
        answer.question.loaded_model.model.uses_previous_lines and answer.question.previous_lines
    )
    above = " and the lines above" if carried else ""
    head = f"the model sees {len(found.seen)} of {window} words{above}: "
    frame = len(head) + len("|  | ")
    unknown = Content(f"unknown: {sanitize(', '.join(found.unknown)) or '-'}")
    unknown = unknown.truncate(max(0, min(width // 2, width - frame - 1)), ellipsis=True)
    room = max(1, width - frame - unknown.cell_length)
    words = [sanitize(word) for word in found.seen]
    seen = Content(" ".join(words))
    while len(words) > 1 and seen.cell_length > room:  # the end of the line matters most
        words = words[max(1, len(words) // 16) :]
        seen = Content(" ".join(["…", *words]))
    if seen.cell_length > room:
        seen = Content(words[-1]).truncate(room, ellipsis=True)
    left = Content.assemble(head, "| ", seen, " |")
    gap = " " * max(1, width - left.cell_length - unknown.cell_length)
    return Content.assemble(left, gap, unknown)
