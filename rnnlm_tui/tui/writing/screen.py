"""The Autocomplete screen: the transcript, the line being written, and the suggested words."""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.session.database import KeptText, SessionDatabase
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.fixed_text import FixedText
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.candidates import CandidateList
from rnnlm_tui.tui.writing.comparison import Comparison
from rnnlm_tui.tui.writing.editor import (
    LONGEST_LINE,
    LineChanged,
    LineEditor,
    LineSent,
    LineTooLong,
)
from rnnlm_tui.tui.writing.empty_state import EmptyState
from rnnlm_tui.tui.writing.host import WritingHost
from rnnlm_tui.tui.writing.insights import accuracy
from rnnlm_tui.tui.writing.keystrokes import Keystrokes
from rnnlm_tui.tui.writing.predictor import Answer, Predictor, Question
from rnnlm_tui.tui.writing.side_pane import LowerPane, SidePane, Suggested, context_line
from rnnlm_tui.tui.writing.transcript_view import TranscriptView


class AutocompleteScreen(AppScreen):
    """Where one writes. What is written is kept over restarts and crashes."""

    AUTO_FOCUS = "LineEditor"  # by default the first widget that can have the focus
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
                tooltip="Clear the transcript, after a question"),
        Binding("f9", "compare", "Compare models", show=False, id="autocomplete.compare",
                tooltip="Show what other models suggest, on a wide screen"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        #context, #figures { height: 1; padding: 0 1; color: $text-muted; }
        SidePane { display: none; }
        &.-wide SidePane { display: block; }
        &.-wide LowerPane { display: none; }
        &.-wide ToastHolder { align-horizontal: left; } /* at the right it would cover the words */
    }
    """

    def __init__(self, database: SessionDatabase) -> None:
        super().__init__()
        self.answer: Answer | None = None
        """The latest answer to the line; None until the active model has given one."""
        self.editor = LineEditor(self._ask)
        self._draft = KeptText(database, "draft")
        self._predictor = Predictor(self.show_answer)
        self._comparison = Comparison(lambda: self.host.library)
        self.view = TranscriptView(database, self._predictor)
        self._sent = Keystrokes()

    @property
    def host(self) -> WritingHost:
        return cast(WritingHost, self.app)

    @property
    def line_in_hand(self) -> str:
        """The line being written, else the one sent last, else none."""
        turns = self.view.transcript.turns
        return self.editor.line.strip() or (turns[-1].line if turns else "")

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(id="upper"):
            with Vertical():
                yield EmptyState()
                yield self.view
            yield SidePane()
        yield FixedText("context")
        yield self.editor
        yield LowerPane()
        yield FixedText("figures")
        yield KeyBar()
        yield TooSmall()

    async def on_mount(self) -> None:
        self.editor.visibility.ghost_on = self.host.preferences.ghost
        self.run_worker(self._predictor.run(), group="predictor")
        self.editor.focus()
        try:
            await self._restore()
        except StorageError as error:
            self.host.show_error_once(error)
        if self.app.is_running:
            self._lines_changed()
            self.active_model_changed()

    async def _restore(self) -> None:
        draft = await self._draft.restore()
        if len(draft) > LONGEST_LINE:  # of an older version
            self.view.transcript.add_line(draft)
            draft = ""
        await self.view.restore()
        if draft and not self.editor.line:
            self.editor.set_line(draft)

    def on_unmount(self) -> None:
        self._predictor.close()

    # The active model

    def active_model_changed(self) -> None:
        """Another model is active, or the same after it was saved again, or none."""
        if not self.app.is_running:
            return
        loaded_model = self.host.loaded_model
        before = self.answer.question.loaded_model.name if self.answer else None
        if loaded_model is None or loaded_model.name != before:  # else a choice stays chosen
            self.answer = None
            self.editor.show((), "", ())
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
        self.query_one(LowerPane).show_accuracy(sentence)
        self.query_one(SidePane).show_model(self.host.loaded_model, sentence)

    def show_empty_state(self) -> None:
        """Shows how to begin, if there is no model or no line."""
        has_lines = self.view.transcript.next_number > 1
        self.query_one(EmptyState).show(has_lines=has_lines)

    def _name_models(self) -> None:
        """Puts the names of the active model and of the compared ones where they belong."""
        name = self.host.active_name or ""
        suggests = f" · {name} suggests" if name else ""
        number = self.view.transcript.next_number
        self.editor.border_title = Content(sanitize(f"line {number}{suggests}"))
        compared = [other.name for other in self._comparison.without(name)] if name else []
        self.query_one(SidePane).name_columns(name, compared)

    # Suggestions

    def _ask(self) -> bool:
        """Asks what comes at the cursor; returns whether an answer will come."""
        loaded_model = self.host.loaded_model
        if loaded_model is None:
            return False
        compared = self._comparison.without(loaded_model.name) if self.has_class("-wide") else ()
        above = self.view.transcript.previous_lines()
        line, cursor = self.editor.line, self.editor.cursor
        self._predictor.ask(Question(loaded_model, line, cursor, above, compared))
        return True

    def show_answer(self, answer: Answer) -> None:
        """Shows an answer, unless the line, the lines above or the model have changed since."""
        question = answer.question
        asked = (question.loaded_model, question.line, question.cursor, question.previous_lines)
        above = self.view.transcript.previous_lines()
        now = (self.host.loaded_model, self.editor.line, self.editor.cursor, above)
        if asked != now or not self.app.is_running:
            return
        self.answer = answer
        found = answer.suggestions
        words = tuple(candidate.word for candidate in found.candidates)
        self.editor.show(words, found.prefix, found.continuation)
        self._show_suggested()

    @on(LineChanged)
    def _show_suggested(self) -> None:
        """Shows the list, the words ahead, the context and the figures."""
        editor = self.editor
        answer = None if editor.visibility.is_hidden(editor.before) else self.answer
        suggested = Suggested(answer, editor.choice, self._note(), self._words_ahead(answer))
        self.query_one(SidePane).show(suggested)
        self.query_one(LowerPane).show(suggested)
        width = max(10, self.size.width - 2)
        context = context_line(self.answer, width) if self.answer else Content("")
        self.query_one("#context", FixedText).show(context)
        took = f" · {self.answer.took_s * 1000:.1f} ms" if self.answer else ""
        ghost = "on" if editor.visibility.ghost_on else "off"
        figures = f"{self._sent + editor.keystrokes}{took} · ghost {ghost} (ctrl+t)"
        self.query_one("#figures", FixedText).show(figures)

    def _words_ahead(self, answer: Answer | None) -> str:
        """The ghost from the beginning of its first word."""
        if answer is None or not self.editor.visibility.ghost_on:
            return ""
        found, choice = answer.suggestions, self.editor.choice
        words = found.continuation if choice is None else (found.candidates[choice].word,)
        return sanitize(" ".join(words))

    def _note(self) -> str:
        """Why the list is empty."""
        if self.host.loaded_model is None:
            return "no model suggests" if self.host.has_no_models else "loading the model ..."
        if self.editor.visibility.is_hidden(self.editor.before):
            return "hidden until the next word; ctrl+space suggests now"
        if self.answer is not None and self.answer.suggestions.prefix:
            return f"no known word begins with {sanitize(self.answer.suggestions.prefix)}"
        return ""

    @on(CandidateList.Picked)
    def _insert_picked(self, event: CandidateList.Picked) -> None:
        self.editor.insert_candidate(event.index, keys=1)
        self.editor.focus()

    def on_resize(self) -> None:
        """Fits the texts to the new width; a screen that has become wide compares models."""
        self.call_after_refresh(self._show_suggested)
        if self._comparison.names:
            self.call_after_refresh(self.editor.ask_again)

    def action_toggle_ghost(self) -> None:
        self.editor.toggle_ghost()
        self.host.preferences.ghost = self.editor.visibility.ghost_on
        self.host.store_preferences()

    # Compared models

    @work(group="dialog")
    async def action_compare(self) -> None:
        from rnnlm_tui.tui.widgets.dialogs import Choice

        with self.host.showing_errors():
            compared, rows = self._comparison.names, list[tuple[str, str, str]]()
            for name in await asyncio.to_thread(self.host.library.names):
                if name != self.host.active_name:
                    rows.append((name, f"{'✓ ' if name in compared else ''}{name}", ""))
            if not rows:
                self.host.notify_user("there is no other model to compare with: F3 trains one")
                return
            wide = "" if self.has_class("-wide") else " This window shows them from 110 columns on."
            text = f"At most two, whose words are shown next to the active model's.{wide}"
            chosen = await self.host.ask(Choice("Compare with which models?", text, rows))
            if chosen is not None:
                await self._comparison.toggle(chosen)
                self._comparison_changed()

    def _comparison_changed(self) -> None:
        self._name_models()
        self.editor.ask_again()

    @work(group="comparison")
    async def model_saved(self, name: str) -> None:
        """A model was saved: if it is compared, it is asked as it is now."""
        if name in self._comparison.names:
            await self._comparison.renew(name)
            self._comparison_changed()

    def model_deleted(self, name: str) -> None:
        self._comparison.drop(name)
        self._comparison_changed()

    # The line and the lines above

    @on(LineEditor.Changed)
    def _keep_draft(self) -> None:
        self._draft.keep(self.editor.line)

    @on(LineTooLong)
    def _refuse_text(self) -> None:
        self.host.notify_user(
            f"a line takes at most {LONGEST_LINE:,} characters: F3 trains on a longer text",
            "warning",
        )

    @on(LineSent)
    async def _send(self, event: LineSent) -> None:
        if event.line == "/clear":
            self.action_clear_transcript()
        elif event.line == "/help":
            await self.app.run_action("app.keys")
        else:
            self._sent += event.keystrokes
            await self.view.send(event.line)

    @on(TranscriptView.LinesChanged)
    def _lines_changed(self) -> None:
        """There are other lines above the one being written."""
        self.editor.earlier.lines = [turn.line for turn in self.view.transcript.turns]
        self.editor.ask_again()
        self.show_empty_state()
        self._name_models()

    @on(TranscriptView.Taken)
    def _take_line(self, event: TranscriptView.Taken) -> None:
        self.editor.set_line(event.text)
        self.editor.focus()

    def action_another(self) -> None:
        self.view.draw_another()

    def action_copy_last(self) -> None:
        self.view.copy_last()

    def action_save_transcript(self) -> None:
        self.view.save()

    def action_clear_transcript(self) -> None:
        self.view.clear()

    def action_move_pane(self) -> None:
        can_go = self.view.can_focus and not self.view.has_focus
        (self.view if can_go else self.editor).focus()
