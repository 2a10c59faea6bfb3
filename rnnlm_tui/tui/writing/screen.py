"""The Autocomplete screen: the transcript, the text being written, and the suggested words."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content

from rnnlm_tui.accepting import LINES_ABOVE
from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.session.database import KeptText, SessionDatabase
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.candidates import Candidates, WordsPane, note_on
from rnnlm_tui.tui.writing.editor import LineChanged, LineEditor, TextSent
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import accuracy
from rnnlm_tui.tui.writing.keystrokes import Keystrokes
from rnnlm_tui.tui.writing.predictor import Answer, Predictor, Question
from rnnlm_tui.tui.writing.settings import ask_threshold, choose_digits
from rnnlm_tui.tui.writing.side_pane import SidePane
from rnnlm_tui.tui.writing.spacing import MAX_TEXT, TextTooLong
from rnnlm_tui.tui.writing.transcript import kept_sentence
from rnnlm_tui.tui.writing.transcript_pane import TranscriptPane
from rnnlm_tui.tui.writing.transcript_view import TRANSCRIPT_KEYS, TranscriptView

if TYPE_CHECKING:
    from rnnlm_tui.origin import Origin

HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-medium"), (24, "-high"), (32, "-tall")]
"""Rows of the window from which each class holds."""


class AutocompleteScreen(AppScreen[WritingHost]):
    """Where the user writes. What is written survives restarts and crashes."""

    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "LineEditor"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "toggle_continuing", "continue lines", id="autocomplete.continue_lines",
                tooltip="Continue lines; the model continues each line that you send, or not"),
        Binding("ctrl+t", "toggle_ghost", "ghost", show=False, id="autocomplete.toggle_ghost",
                tooltip="Switch the ghost on or off"),
        Binding("alt+t", "ask_threshold", "Ghost threshold", show=False,
                id="autocomplete.ghost_threshold",
                tooltip="Set the ghost threshold; the lowest probability at which it is shown"),
        Binding("alt+d", "choose_digits", "Digits", show=False, id="autocomplete.digits",
                tooltip="Set what digits do; they take words half typed, always or never"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move to the other pane; the line or the transcript", show=False),
        Binding("f9", "compare", "Compare models", show=False, id="autocomplete.compare",
                tooltip="Compare models; show what others suggest, on a wide screen"),
        *TRANSCRIPT_KEYS,
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        SidePane { display: none; }
        &.-wide SidePane { display: block; }
        &.-wide #accuracy, &.-low #accuracy { display: none; }
        &.-wide BestWords, &.-narrow BestWords, &.-short BestWords { height: 1; }
        &.-tall TranscriptLine.-you { margin-top: 1; }
        &.-low #how-to-begin { padding: 0 1; }
        /* Eight rows would hide the transcript, or push the keys off the screen. */
        &.-low LineEditor, &.-medium LineEditor { max-height: 40%; }
        &.-wide ToastHolder { align-horizontal: left; } /* on the right it would cover the words */
        /* A small window has room for the line and one row of words. */
        &.-narrow LineEditor, &.-short LineEditor {
            display: block; border: none !important; max-height: 50%;
        }
        &.-narrow WordsPane, &.-short WordsPane {
            display: block;
            #accuracy, #figures { display: none; }
        }
        &.-narrow > TooSmall, &.-short > TooSmall { display: none; }
    }
    """

    def __init__(self, database: SessionDatabase, preferences: Preferences) -> None:
        super().__init__()
        self.answer: Answer | None = None
        """The latest answer for the line; None until the active model has given one."""
        self.editor = LineEditor(self._ask, preferences)
        self._database = database
        self._draft = KeptText(database, "draft")
        self._predictor = Predictor()
        self.view = TranscriptView(database, self._predictor)
        self.pane = SidePane()
        self._words = WordsPane()
        self._sent = Keystrokes()

    @property
    def latest_line(self) -> str:
        """The last line being written, or else the last one sent; "" if there is neither."""
        turns = self.view.transcript.turns
        lines = (self.editor.text.strip() or (turns[-1].line if turns else "")).splitlines()
        return lines[-1].strip() if lines else ""

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(id="upper"):
            yield TranscriptPane(self.view)
            yield self.pane
        yield self.editor
        yield self._words
        yield KeyBar()
        yield TooSmall()

    async def on_mount(self) -> None:
        self.editor.focus()
        try:
            draft = await self._draft.restore()
            await self.view.restore()
            if draft:  # before what was typed meanwhile
                self.editor.set_text("\n".join(filter(None, [draft, self.editor.text])))
        except StorageError as error:
            self.host.show_error_once(error)
        if self.app.is_running:
            self._lines_changed()
            self.active_model_changed()

    def on_unmount(self) -> None:
        self._predictor.close()

    # The active model

    def active_model_changed(self) -> None:
        """Shows that a different model is active, a new version of the same one, or none."""
        if not self.app.is_running:
            return
        loaded_model = self.host.loaded_model
        before = self.answer.question.loaded_model.name if self.answer else None
        if loaded_model is not None:
            self.editor.typing.takes_space = loaded_model.model.tokenizer.takes_space
        if loaded_model is None or loaded_model.name != before:  # otherwise a choice is kept
            self.answer = None
            self.editor.show(None)
        self.editor.ask_again()
        self._update_titles()
        self._show_accuracy_sentence("")
        self._show_suggested()
        self.show_accuracy()

    @work(group="accuracy", exclusive=True)
    async def show_accuracy(self) -> None:
        """Shows how accurate the active model is on lines that it has not seen."""
        if (loaded_model := self.host.loaded_model) is not None:
            sentence = await asyncio.to_thread(accuracy, self.host.library, loaded_model)
            if self.host.loaded_model is loaded_model and self.app.is_running:
                self._show_accuracy_sentence(sentence)

    def _show_accuracy_sentence(self, sentence: str) -> None:
        self._words.show_accuracy(sentence)
        self.pane.show_model(self.host.loaded_model, sentence)

    def _update_titles(self) -> None:
        self.query_one(TranscriptPane).update(has_models=not self.host.has_no_models)
        self.editor.border_title = Content(sanitize(self.host.active_name or "no model"))
        self.pane.name_columns()

    # Suggestions

    @property
    def _question(self) -> Question | None:
        """What comes at the cursor? None while no model is loaded."""
        if (loaded_model := self.host.loaded_model) is None:
            return None
        compared = self.pane.compared if self.has_class("-wide") else ()
        return Question(loaded_model, *self.place, compared)

    @property
    def place(self) -> tuple[str, int, tuple[str, ...]]:
        """The line being written, the cursor in it, and the lines above."""
        editor = self.editor
        sent = self.view.transcript.previous_lines(editor.sent.edited)
        own = editor.document.lines[: editor.cursor_location[0]]
        return editor.line, editor.cursor, (*sent, *filter(None, own))[-LINES_ABOVE:]

    def _ask(self) -> bool:
        """Asks what comes at the cursor; returns whether an answer will come."""
        question = self._question
        if question is None or self._predictor.is_closed:
            return False
        self._predictor.answer(question).add_done_callback(self._show_coming)
        return True

    def _show_coming(self, coming: asyncio.Future[Answer]) -> None:
        """Shows an answer that has come, unless it was cancelled. As a message, so that an error is
        the app's; a worker takes 0.5 ms more a key."""
        if not coming.cancelled():
            self.call_next(lambda: self.show_answer(coming.result()))

    def show_answer(self, answer: Answer) -> None:
        """Shows an answer, unless the line, the lines above it or the models have changed."""
        if answer.question == self._question and self.app.is_running:
            self.answer = answer
            self.editor.show(answer.suggestions)
            self._show_suggested()
            if self.pane.display and not self._predictor.is_closed:
                self._predictor.origin(answer).add_done_callback(partial(self._show_origin, answer))

    def _show_origin(self, answer: Answer, coming: asyncio.Future[Origin | None]) -> None:
        """Shows where the first word of an answer comes from, if that is still the answer."""

        def show() -> None:
            if answer is self.answer and self.app.is_running:
                self.pane.show_origin(coming.result())

        if not coming.cancelled():
            self.call_next(show)

    @on(LineChanged)
    def _show_suggested(self) -> None:
        editor = self.editor
        editor.suggested.in_sight = self._words.room
        answer = None if editor.is_hidden else self.answer
        suggestions = answer.suggestions if answer else None
        choice, note, digits = editor.suggested.choice, self._note(), editor.digits
        self.pane.show(answer, choice, note, digits)
        has_note_in_pane = (
            self.has_class("-wide") and suggestions is not None and suggestions.candidates
        )
        self._words.show(suggestions, choice, "" if has_note_in_pane else note, digits)
        took_s = self.answer.took_s if self.answer else None
        self._words.show_figures(self._sent + editor.keystrokes, took_s, self.host.preferences)

    def _note(self) -> str:
        """Says why there are no words, or which words of the line the model does not know."""
        if self.host.loaded_model is None:
            return "no active model" if self.host.has_no_models else "loading the model ..."
        if self.editor.is_hidden:
            return "hidden until the next word; ctrl+space suggests now"
        return note_on(self.answer.suggestions) if self.answer else ""

    @on(Candidates.Picked)
    def _insert_picked(self, event: Candidates.Picked) -> None:
        self.editor.insert_candidate(event.index)
        self.editor.focus()

    def on_resize(self) -> None:
        """Fits the texts to the new width; compared models are asked on a wide screen only."""
        self.call_after_refresh(self._show_suggested)
        if self.pane.compared:
            self.call_after_refresh(self.editor.ask_again)

    def action_toggle_ghost(self) -> None:
        self.editor.suggested.visibility.toggle()
        self.host.store_preferences()
        self.editor.visibility_changed()

    @work(group="dialog")
    async def action_ask_threshold(self) -> None:
        if await ask_threshold(self.host):
            self.editor.ask_again()

    @work(group="dialog")
    async def action_choose_digits(self) -> None:
        if await choose_digits(self.host):
            self._show_suggested()

    def action_toggle_continuing(self) -> None:
        self.host.preferences.continue_lines ^= True
        self.host.store_preferences()
        self._show_suggested()

    def action_compare(self) -> None:
        self.pane.choose_compared()

    @on(SidePane.ComparedChanged)
    def _compared_changed(self) -> None:
        self.pane.name_columns()
        self.editor.ask_again()

    # The text being written and the lines above it

    @on(LineEditor.Changed)
    def _text_changed(self) -> None:
        sent = self.editor.sent
        self._draft.keep("\n".join(filter(None, (sent.draft, self.editor.text))))
        subtitle = "" if sent.edited is None else "Enter changes the sent text, Esc cancels"
        if self.editor.border_subtitle != subtitle:  # setting it repaints the editor
            self.editor.border_subtitle = subtitle

    @on(events.Paste)
    @on(TranscriptView.Typed)
    def _write(self, event: events.Paste | TranscriptView.Typed) -> None:
        """Inserts text that was typed or pasted while another widget had the focus."""
        event.stop()
        self.editor.add_text(event.text)
        self.editor.focus()

    @on(TranscriptView.EditWanted)
    def _edit(self, event: TranscriptView.EditWanted) -> None:
        self.editor.edit_turn(event.turn)
        self.editor.focus()

    @on(TextTooLong)
    def _refuse_text(self) -> None:
        self.host.notify_user(
            f"at most {MAX_TEXT:,} characters at a time: F3 trains on a longer text",
            "warning",
        )

    @on(TextSent)
    async def _send(self, event: TextSent) -> None:
        if event.text == "/clear":
            self.view.clear()
        elif event.text == "/help":
            await self.app.run_action("app.keys")
        else:
            self._sent += event.keystrokes
            if event.edited is None:
                await self.view.send(event.text)
            else:
                await self.view.change(event.edited, event.text)

    @on(TranscriptView.LinesChanged)
    def _lines_changed(self) -> None:
        self.editor.sent.turns = self.view.transcript.turns
        self.editor.ask_again()
        self._update_titles()

    def farewell(self) -> str:
        """What to print when the app is closed: what was kept, and how to continue."""
        if self._database.is_broken:
            return ""
        return kept_sentence(self.view.transcript.count, bool(self.editor.text))

    def action_transcript(self, what: str) -> None:
        """Calls a method of the transcript, whichever widget has the focus."""
        getattr(self.view, what)()

    def action_move_pane(self) -> None:
        can_go = self.view.can_focus and not self.view.has_focus
        (self.view if can_go else self.editor).focus()
