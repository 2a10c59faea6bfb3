"""The Autocomplete screen: the transcript, the text being written, and the suggested words."""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.tui.session.database import KeptText, SessionDatabase
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.candidates import BestWords, Candidates
from rnnlm_tui.tui.writing.editor import LineChanged, LineEditor, TextSent
from rnnlm_tui.tui.writing.empty_state import EmptyState
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import accuracy
from rnnlm_tui.tui.writing.keystrokes import Keystrokes
from rnnlm_tui.tui.writing.predictor import Answer, Predictor, Question
from rnnlm_tui.tui.writing.side_pane import Shown, SidePane, note_on
from rnnlm_tui.tui.writing.spacing import LONGEST_TEXT, TextTooLong
from rnnlm_tui.tui.writing.switches import Switches
from rnnlm_tui.tui.writing.transcript import PREVIOUS_LINES, kept_words
from rnnlm_tui.tui.writing.transcript_view import TRANSCRIPT_KEYS, TranscriptView


class AutocompleteScreen(AppScreen):
    """Where one writes. What is written is kept over restarts and crashes."""

    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-short"), (16, "-low"), (20, "-medium"), (24, "-high"), (32, "-tall"),
    ]  # fmt: skip
    AUTO_FOCUS = "LineEditor"  # by default the first widget that can have the focus
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "toggle_continuing", "continue lines", id="autocomplete.continue_lines",
                tooltip="Switch on or off: the model continues each line that is sent"),
        Binding("ctrl+t", "toggle_ghost", "ghost", show=False, id="autocomplete.toggle_ghost",
                tooltip="Switch the ghost off or on"),
        Binding("alt+t", "ask_threshold", "Ghost threshold", show=False,
                id="autocomplete.ghost_threshold",
                tooltip="From which probability on the ghost is shown"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move between the line and the transcript", show=False),
        Binding("f9", "compare", "Compare models", show=False, id="autocomplete.compare",
                tooltip="Show what other models suggest, on a wide screen"),
        *TRANSCRIPT_KEYS,
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        #lines { border: round $foreground 30%; border-title-color: $text-muted; }
        #lines:ansi { border: round ansi_bright_black; }
        #lines:focus-within { border: round $border; border-title-color: $foreground; }
        #accuracy, #figures { height: 1; padding: 0 2; color: $text-muted; }
        #accuracy { height: auto; max-height: 2; }
        SidePane { display: none; }
        &.-wide SidePane { display: block; }
        &.-wide #accuracy, &.-low #accuracy { display: none; }
        &.-wide BestWords, &.-narrow BestWords, &.-short BestWords { height: 1; }
        &.-tall TranscriptLine.-you { margin-top: 1; }
        &.-low EmptyState { padding: 0 1; }
        /* Eight rows would leave none to the transcript, or push the keys off the screen. */
        &.-low LineEditor, &.-medium LineEditor { max-height: 40%; }
        &.-wide ToastHolder { align-horizontal: left; } /* at the right it would cover the words */
        /* A small window has room for writing alone. */
        &.-narrow LineEditor, &.-short LineEditor {
            display: block; border: none !important; max-height: 50%;
        }
        &.-narrow BestWords, &.-short BestWords { display: block; }
        &.-narrow > TooSmall, &.-short > TooSmall { display: none; }
    }
    """

    def __init__(self, database: SessionDatabase) -> None:
        super().__init__()
        self.answer: Answer | None = None
        """The latest answer to the line; None until the active model has given one."""
        self.editor = LineEditor(self._ask)
        self._database = database
        self._draft = KeptText(database, "draft")
        self._predictor = Predictor(self.show_answer)
        self.view = TranscriptView(database, self._predictor)
        self.pane = SidePane()
        self._sent = Keystrokes()

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    @property
    def line_in_hand(self) -> str:
        """The line being written, else the one sent last, else none."""
        turns = self.view.transcript.turns
        lines = (self.editor.text.strip() or (turns[-1].line if turns else "")).splitlines()
        return lines[-1].strip() if lines else ""

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(id="upper"):
            with Vertical(id="lines"):
                yield EmptyState()
                yield self.view
            yield self.pane
        yield self.editor
        yield BestWords()
        yield Static("", id="accuracy", markup=False)
        yield FixedText("figures")
        yield KeyBar()
        yield TooSmall()

    async def on_mount(self) -> None:
        self._switches = Switches(self.host, self.editor.suggested.visibility)
        self.run_worker(self._predictor.run(), group="predictor")
        self.editor.focus()
        try:
            draft = await self._draft.restore()
            await self.view.restore()
            if draft and not self.editor.text:
                self.editor.set_text(draft)
        except StorageError as error:
            self.host.show_error_once(error)
        if self.app.is_running:
            self._lines_changed()
            self.active_model_changed()

    def on_unmount(self) -> None:
        self._predictor.close()

    # The active model

    def active_model_changed(self) -> None:
        """Another model is active, or the same after it was saved again, or none."""
        if not self.app.is_running:
            return
        loaded_model = self.host.loaded_model
        before = self.answer.question.loaded_model.name if self.answer else None
        if loaded_model is not None:
            self.editor.typing.takes_space = loaded_model.model.tokenizer.takes_space
        if loaded_model is None or loaded_model.name != before:  # else a choice stays chosen
            self.answer = None
            self.editor.show(None)
        self.editor.ask_again()
        self.show_empty_state()
        self._name_models()
        self._show_accuracy_sentence("")
        self._show_suggested()
        self.show_accuracy()

    @work(group="accuracy", exclusive=True)
    async def show_accuracy(self) -> None:
        """Shows how often the model is right on lines that it never saw."""
        if (loaded_model := self.host.loaded_model) is not None:
            sentence = await asyncio.to_thread(accuracy, self.host.library, loaded_model)
            if self.host.loaded_model is loaded_model and self.app.is_running:
                self._show_accuracy_sentence(sentence)

    def _show_accuracy_sentence(self, sentence: str) -> None:
        self.query_one("#accuracy", Static).update(sentence)
        self.pane.show_model(self.host.loaded_model, sentence)

    def show_empty_state(self) -> None:
        """Shows how to begin, if there is no model or no line."""
        has_lines, has_models = self.view.transcript.next_number > 1, not self.host.has_no_models
        self.query_one(EmptyState).show(has_lines=has_lines, has_models=has_models)

    def _name_models(self) -> None:
        """Puts the names of the active model and of the compared ones where they belong."""
        name = self.host.active_name or ""
        count = self.view.transcript.next_number - 1
        self.query_one("#lines").border_title = plural(count, "line") if count else "transcript"
        self.editor.border_title = Content(sanitize(name or "no model"))
        self.pane.name_columns()

    @on(LineEditor.Changed)
    def _say_how_to_end_an_edit(self) -> None:
        is_edit = self.editor.sent.edited is not None
        subtitle = "Enter changes what was sent, Esc leaves it" if is_edit else ""
        if self.editor.border_subtitle != subtitle:  # setting it paints the editor anew
            self.editor.border_subtitle = subtitle

    # Suggestions

    @property
    def _above(self) -> tuple[str, ...]:
        """The lines above the one with the cursor, the nearest last."""
        sent = self.view.transcript.previous_lines(self.editor.sent.edited)
        own = self.editor.document.lines[: self.editor.cursor_location[0]]
        return (*sent, *filter(None, own))[-PREVIOUS_LINES:]

    def _ask(self) -> bool:
        """Asks what comes at the cursor; returns whether an answer will come."""
        loaded_model = self.host.loaded_model
        if loaded_model is None:
            return False
        compared = self.pane.compared if self.has_class("-wide") else ()
        line, cursor = self.editor.line, self.editor.cursor
        self._predictor.ask(Question(loaded_model, line, cursor, self._above, compared))
        return True

    def show_answer(self, answer: Answer) -> None:
        """Shows an answer, unless the line, the lines above or the model have changed since."""
        question = answer.question
        asked = (question.loaded_model, question.line, question.cursor, question.previous_lines)
        now = (self.host.loaded_model, self.editor.line, self.editor.cursor, self._above)
        if asked != now or not self.app.is_running:
            return
        self.answer = answer
        self.editor.show(answer.suggestions)
        self._show_suggested()

    @on(LineChanged)
    def _show_suggested(self) -> None:
        """Shows the words and the figures."""
        editor = self.editor
        answer = None if editor.is_hidden else self.answer
        shown = Shown(answer, editor.suggested.choice, self._note())
        self.pane.show(shown)
        found = answer.suggestions if answer else None
        # On a wide screen the pane has the note, where it is not cut.
        is_in_pane = self.has_class("-wide") and found is not None and found.candidates
        self.query_one(BestWords).show(found, shown.choice, "" if is_in_pane else shown.note)
        took = f" · {self.answer.took_s * 1000:.1f} ms" if self.answer else ""
        figures = f"{self._sent + editor.keystrokes}{took}"
        on = str(self._switches)
        room = self.size.width - 4 - len(figures)
        figures += on.rjust(room) if len(on) < room else ""
        self.query_one("#figures", FixedText).show(figures)

    def _note(self) -> str:
        """Why there are no words, or which words of the line the model does not know."""
        if self.host.loaded_model is None:
            return "no model suggests" if self.host.has_no_models else "loading the model ..."
        if self.editor.is_hidden:
            return "hidden until the next word; ctrl+space suggests now"
        return note_on(self.answer.suggestions) if self.answer else ""

    @on(Candidates.Picked)
    def _insert_picked(self, event: Candidates.Picked) -> None:
        self.editor.insert_candidate(event.index, keys=1)
        self.editor.focus()

    def on_resize(self) -> None:
        """Fits the texts to the new width; a screen that has become wide compares models."""
        self.call_after_refresh(self._show_suggested)
        if self.pane.compared:
            self.call_after_refresh(self.editor.ask_again)

    def action_toggle_ghost(self) -> None:
        self._switches.toggle_ghost()
        self.editor.visibility_changed()

    @work(group="dialog")
    async def action_ask_threshold(self) -> None:
        await self._switches.ask_threshold()
        self.editor.ask_again()

    def action_toggle_continuing(self) -> None:
        self._switches.toggle_continuing()
        self._show_suggested()

    # Compared models

    def action_compare(self) -> None:
        self.pane.choose_compared()

    @on(SidePane.ComparedChanged)
    def _compared_changed(self) -> None:
        self._name_models()
        self.editor.ask_again()

    # The text being written and the lines above

    @on(LineEditor.Changed)
    def _keep_draft(self) -> None:
        texts = filter(None, (self.editor.sent.draft, self.editor.text))
        self._draft.keep("\n".join(texts))

    @on(events.Paste)
    @on(TranscriptView.Typed)
    def _write(self, event: events.Paste | TranscriptView.Typed) -> None:
        """Text that is typed or pasted while something else has the focus is for the editor."""
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
            f"at most {LONGEST_TEXT:,} characters at a time: F3 trains on a longer text",
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
        """There are other lines above the one being written."""
        self.editor.sent.turns = self.view.transcript.turns
        self.editor.ask_again()
        self.show_empty_state()
        self._name_models()

    def farewell(self) -> str:
        """What was kept, and how to go on with it, for when the app is left."""
        count = self.view.transcript.next_number - 1
        return "" if self._database.is_broken else kept_words(count, bool(self.editor.text))

    def action_transcript(self, what: str) -> None:
        """Does one of the things that concern the transcript, wherever the focus is."""
        getattr(self.view, what)()

    def action_move_pane(self) -> None:
        can_go = self.view.can_focus and not self.view.has_focus
        (self.view if can_go else self.editor).focus()
