"""The Autocomplete screen: the page, the text being written, and the suggested words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from rnnlm_tui.accepting import LINES_ABOVE, LISTED
from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.formatting import shorten
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.text_file import ReadFile
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.candidates import BestWords, Candidates, note_on
from rnnlm_tui.tui.writing.editor import (
    DigitTyped,
    LineChanged,
    LineEditor,
    TextSent,
)
from rnnlm_tui.tui.writing.finding import FindLine
from rnnlm_tui.tui.writing.insights import accuracy
from rnnlm_tui.tui.writing.keystrokes import Keystrokes
from rnnlm_tui.tui.writing.open_text import OpenText, kept_sentence
from rnnlm_tui.tui.writing.page import PAGE_KEYS, Page
from rnnlm_tui.tui.writing.page_pane import PagePane
from rnnlm_tui.tui.writing.predictor import Answer, Predictor, Question
from rnnlm_tui.tui.writing.saving import SaveWanted, TextWanted, ask_how_to_save
from rnnlm_tui.tui.writing.settings import choose_digits
from rnnlm_tui.tui.writing.side_pane import SidePane
from rnnlm_tui.tui.writing.spacing import MAX_TEXT, TextTooLong

HEIGHTS = [(0, "-short"), (16, "-low"), (20, "-medium"), (24, "-high"), (32, "-tall")]
"""Rows of the window from which each class holds."""
WIDTHS = [(0, "-narrow"), (60, "-normal"), (120, "-wide")]
"""Columns likewise. The pane of a wide window leaves 76 cells for the prose."""
CHECK_STORED_EVERY_S = 3.0
"""How often it is checked whether what is written is still stored."""
ENOUGH_WRITTEN = 200
"""Characters from which the share of keys saved is told. Before that each word moves it."""


class AutocompleteScreen(AppScreen):
    """Where the user writes. What is written survives restarts and crashes."""

    HORIZONTAL_BREAKPOINTS, VERTICAL_BREAKPOINTS = WIDTHS, HEIGHTS
    AUTO_FOCUS = "LineEditor"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "texts", "texts", id="autocomplete.texts",
                tooltip="Show your texts; search, open, rename or delete one, open a file"),
        Binding("ctrl+n", "new_text", "New text", show=False, id="autocomplete.new_text",
                tooltip="Begin a new text"),
        Binding("ctrl+f", "find", "Find", show=False, id="autocomplete.find",
                tooltip="Find words in the text"),
        Binding("f5,ctrl+s", "save", "Save", show=False, id="autocomplete.save",
                tooltip="Save the text; to its file, which it asks for the first time"),
        Binding("ctrl+t", "toggle_ghost", "ghost", show=False, id="autocomplete.toggle_ghost",
                tooltip="Switch the ghost on or off"),
        Binding("alt+d", "choose_digits", "Digits", show=False, id="autocomplete.digits",
                tooltip="Set what digits do; they take words with alt, or plain ones too"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move to the other pane; the line or the page", show=False),
        *PAGE_KEYS,
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #upper { height: 1fr; }
        SidePane { display: none; }
        &.-wide SidePane { display: block; }
        &.-narrow FindLine, &.-short FindLine { display: none !important; }
        &.-narrow BestWords, &.-short BestWords { display: block; height: 1; }
        &.-wide.-low BestWords, &.-wide.-medium BestWords, &.-wide.-high BestWords,
        &.-wide.-tall BestWords { display: none; } /* the words are in the pane */
        &.-low #how-to-begin { padding: 0 1; }
        &.-wide ToastHolder { align-horizontal: left; } /* on the right it would cover the words */
        /* A small window has room for the line and one row of words. */
        &.-narrow LineEditor, &.-short LineEditor {
            display: block; border: none !important;
        }
        &.-narrow > TooSmall, &.-short > TooSmall { display: none; }
    }
    """

    def __init__(
        self, database: SessionDatabase, preferences: Preferences, file: ReadFile | None = None
    ) -> None:
        """`file` is opened first; None for the text opened last."""
        super().__init__()
        self.answer: Answer | None = None
        """The latest answer for the line; None until the active model has given one."""
        self.editor = LineEditor(self._ask, preferences)
        self._database = database
        self._predictor = Predictor()
        self.page = Page(database, self._predictor)
        self.pane = SidePane()
        self._header = Header()
        self._words = BestWords()
        self._find_line = FindLine(self.page.find, self.page.find_next)
        self._sent = Keystrokes()
        self._deleted: list[int] = []
        """The numbers of the texts deleted since the start, the newest last."""
        self._was_asked = False
        """Whether the user knows that the text is not stored."""
        self._saved_copy: tuple[str, tuple[str, ...]] = ("", ())
        """The file in which a text that is not stored was saved, and all that was in it."""
        self._first_file = file

    @property
    def text(self) -> OpenText:
        """The open text."""
        return self.page.text

    @property
    def keys_saved(self) -> str:
        """The share of keys that the user has saved since the start, for the header; "" until
        enough was written to tell."""
        keystrokes = self._sent + self.editor.keystrokes
        if keystrokes.written < ENOUGH_WRITTEN:
            return ""
        return f"you saved {keystrokes.saved / keystrokes.written:.0%} (of your keys)"

    @property
    def latest_line(self) -> str:
        """The last line being written, or else the last one sent; "" if there is neither."""
        turns = self.text.turns
        lines = (self.editor.text.strip() or (turns[-1].line if turns else "")).splitlines()
        return lines[-1].strip() if lines else ""

    def compose(self) -> ComposeResult:
        yield self._header
        with Horizontal(id="upper"):
            yield PagePane(self.page)
            yield self.pane
        yield self._find_line
        yield self.editor
        yield self._words
        yield KeyBar()
        yield TooSmall()

    async def on_mount(self) -> None:
        self.editor.focus()
        if self._first_file is not None:
            await self._open(self.text.open_file(self._first_file))
        else:
            await self._open(self.text.open_last())
        if self.app.is_running:
            self.active_model_changed()
            self._watch_storage()

    def on_unmount(self) -> None:
        self._predictor.close()

    # The active model

    def active_model_changed(self) -> None:
        """Shows that a different model is active, a new version of the same one, or none."""
        if not self.app.is_running:
            return
        loaded_model = self.app.loaded_model
        before = self.answer.question.loaded_model.name if self.answer else None
        if loaded_model is not None:
            self.editor.typing.takes_space = loaded_model.model.tokenizer.takes_space
        if loaded_model is None or loaded_model.name != before:  # otherwise a choice is kept
            self.answer = None
            self.editor.show(None)
        self.editor.ask_again()
        self._update_titles()
        self.pane.show_model(loaded_model, "")
        self._show_suggested()
        self.show_accuracy()
        self._read_earlier()

    @work(group="earlier", exclusive=True)
    async def _read_earlier(self) -> None:
        """Lets the active model read what was written before, once it has suggested."""
        if (loaded_model := self.app.loaded_model) is None:
            return
        await self.app.idle()
        with suppress(StorageError):  # told when it is opened
            read = partial(texts.earlier_lines, number=self.text.text.number, skipped=LINES_ABOVE)
            if earlier := await self._database.read(read):
                await self._predictor.read_earlier(loaded_model, earlier, self.place[2])
                if self.app.is_running:
                    self.editor.ask_again()

    @work(group="accuracy", exclusive=True)
    async def show_accuracy(self) -> None:
        """Shows how accurate the active model is on lines that it has not seen."""
        if (loaded_model := self.app.loaded_model) is not None:
            sentence = await asyncio.to_thread(accuracy, self.app.library, loaded_model)
            if self.app.loaded_model is loaded_model and self.app.is_running:
                self.pane.show_model(loaded_model, sentence)

    def _update_titles(self) -> None:
        self.query_one(PagePane).update(has_models=not self.app.has_no_models)

    # Suggestions

    @property
    def _question(self) -> Question | None:
        """What comes at the cursor? None while no model is loaded."""
        if (loaded_model := self.app.loaded_model) is None:
            return None
        return Question(loaded_model, *self.place)

    @property
    def place(self) -> tuple[str, int, tuple[str, ...]]:
        """The line being written, the cursor in it, and the lines above."""
        editor = self.editor
        sent = self.text.previous_lines(editor.sent.edited)
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

    @on(LineChanged)
    def _show_suggested(self) -> None:
        editor = self.editor
        is_in_pane = self.has_class("-wide") and not self.has_class("-short")
        editor.suggested.in_sight = LISTED if is_in_pane else self._words.room
        answer = None if editor.is_hidden else self.answer
        suggestions = answer.suggestions if answer else None
        choice, note, digits = editor.suggested.choice, self._note(), editor.shown_digits
        self.pane.show(answer, choice, note, digits)
        has_note_in_pane = (
            self.has_class("-wide") and suggestions is not None and suggestions.candidates
        )
        self._words.show(suggestions, choice, "" if has_note_in_pane else note, digits)
        self._header.show(self.app.header_text())

    def _note(self) -> str:
        """Says why there are no words, or which words of the line the model does not know."""
        if self.app.loaded_model is None:
            return "no active model" if self.app.has_no_models else "loading the model ..."
        if self.editor.is_hidden:
            return "hidden until the next word; ctrl+space suggests now"
        return note_on(self.answer.suggestions) if self.answer else ""

    @on(DigitTyped)
    def _tell_of_alt(self, event: DigitTyped) -> None:
        if not self.app.preferences.alt_told:
            self.app.preferences.alt_told = True
            self.app.store_preferences()
            self.app.notify_user(f"alt+{event.digit} takes {shorten(event.written, 40)}")

    @on(Candidates.Picked)
    def _insert_picked(self, event: Candidates.Picked) -> None:
        self.editor.insert_candidate(event.index)
        self.editor.focus()

    def on_resize(self) -> None:
        """Fits the texts to the new width."""
        self.call_after_refresh(self._show_suggested)

    def action_toggle_ghost(self) -> None:
        self.editor.suggested.visibility.toggle()
        self.app.store_preferences()
        self.app.notify_user(f"the ghost is {'on' if self.app.preferences.ghost else 'off'}")
        self.editor.visibility_changed()

    @work(group="dialog")
    async def action_choose_digits(self) -> None:
        if await choose_digits(self.app):
            self._show_suggested()

    # Texts. Messages are handled one after the other: what is sent meanwhile waits.

    async def _open(self, opening: Awaitable[str]) -> None:
        """Shows the text that is being opened. Keys wait for it; what is written meanwhile, since
        they wait no longer than a second, becomes a part of it."""
        self.editor.opening_gate.clear()
        before = self.editor.unsent
        self.editor.begin("")
        try:
            draft = await opening
        except StorageError as error:
            self.app.show_error_once(error)
            draft = before  # the same text stays open
        if self.app.is_running:
            self.page.fill()
            self.editor.begin("\n".join(filter(None, [draft, self.editor.text])))
            self._lines_changed()
            self._read_earlier()
        self.editor.opening_gate.set()

    @on(TextWanted)
    async def _open_wanted(self, wanted: TextWanted) -> None:
        if wanted.file is not None:
            await self._open(self.text.open_file(wanted.file))
        else:
            await self._open(self.text.open(wanted.number))

    def action_new_text(self) -> None:
        self.editor.opening_gate.clear()
        self.text.keep_draft(self.editor.unsent)  # `Changed` comes behind the keys typed after it
        self.post_message(TextWanted())

    @work(group="dialog")
    async def action_texts(self) -> None:
        """Shows the texts, and opens the one that is chosen."""
        from rnnlm_tui.tui.writing.texts_dialog import TextsDialog

        with self.app.showing_errors():
            dialog = TextsDialog(self._database, self.text.text, self._deleted)
            wanted = await self.app.ask(dialog)
            is_there = await self.text.is_still_there()
            if wanted is not None or not is_there:
                self.post_message(wanted or TextWanted())
            self._update_titles()

    @work(group="dialog")
    async def action_save(self) -> None:
        if not await self._is_stored():
            await self._save_unstored()
            return
        if not self.text.turns and self.text.text.file is None:
            unsent = "Enter adds what you are writing to the page, then F5 saves it"
            nothing = "there is nothing to save yet"
            self.app.notify_user(unsent if self.editor.text.strip() else nothing)
            return
        with self.app.showing_errors():
            if (wanted := await ask_how_to_save(self.app, self.text)) is not None:
                self.post_message(wanted)

    @on(SaveWanted)
    async def _save(self, wanted: SaveWanted) -> None:
        with self.app.showing_errors():
            await self.text.save(wanted.path)
            rest = "; what you are writing is not in the file yet: Enter, then F5"
            is_all = not self.editor.unsent.strip()
            self.app.notify_user(f"saved to {wanted.path}{'' if is_all else rest}")
            self._lines_changed()

    # A text that cannot be stored

    @property
    def _written(self) -> tuple[str, ...]:
        """All of the text: the lines on the page, and what is being written; () if it is empty."""
        lines = (*(turn.line for turn in self.text.turns), self.editor.unsent)
        return lines if any(map(str.strip, lines)) else ()

    @property
    def _title(self) -> str:
        """What the text is called, "" if it is empty."""
        draft = self.editor.text.strip()
        return self.text.title if self.text.turns or not draft else texts.title_of(draft)

    @work(group="storage")
    async def _watch_storage(self) -> None:
        """Says once that what is written is no longer stored, and offers to save it to a file;
        again if it was stored meanwhile."""
        while True:
            if await self._is_stored():
                self._was_asked = False
            elif (
                not (self._was_asked or self.app.screen.is_modal)
                and self._written
                and await self._ask_about_unstored("Continue writing") == "save"
            ):
                await self._save_unstored()
            await asyncio.sleep(CHECK_STORED_EVERY_S)

    async def _is_stored(self) -> bool:
        """Whether the files of the database are still there and, if a read or a write has failed,
        whether they have all of the text nevertheless."""
        try:
            await self._database.read(lambda connection: None)
            if self._database.problem is not None:  # also of a write that was waiting
                await self.text.check_stored()
                self._database.problem = None
        except StorageError as error:
            self.app.show_error_once(error)
        return self._database.problem is None

    async def _ask_about_unstored(self, cancel: str, *others: tuple[str, str, str]) -> str | None:
        from rnnlm_tui.tui.widgets.dialogs import Choice

        self._was_asked = True
        about = self._database.problem.message if self._database.problem else ""
        save = ("save", "Save it to a file", "all lines, and what you are writing")
        title = f"“{self._title}” is not stored"
        return await self.app.ask(Choice(title, about, (save, *others), cancel))

    async def _save_unstored(self) -> str:
        """Saves all of the text to a file, for which it asks until one can be written. Returns its
        path, "" if the user cancels."""
        problem = ""
        while (wanted := await ask_how_to_save(self.app, self.text, problem)) is not None:
            written = self._written
            try:
                await self.text.save(wanted.path, unstored=self.editor.unsent)
            except RnnlmError as error:
                problem = error.message
                continue
            self._saved_copy = (wanted.path, written)
            self.app.notify_user(f"saved to {wanted.path}, with what you are writing")
            self._update_titles()
            return wanted.path
        return ""

    async def quit_unstored(self) -> str | None:
        """Asks what is to become of a text that is not stored. Returns what to print when the app
        is closed, or None if it is to stay open. For workers only."""
        lost = ("quit", "Quit", "the text is lost")
        answer = await self._ask_about_unstored("Stay in the app", lost)
        if answer == "quit":
            return f"Not kept: “{self._title}”"
        path = await self._save_unstored() if answer == "save" else ""
        return f"Saved to: {path}" if path else None

    # The text being written and the lines above it

    @on(LineEditor.Changed)
    def _text_changed(self) -> None:
        self.text.keep_draft(self.editor.unsent)
        is_edit = self.editor.sent.edited is not None
        subtitle = "Enter changes the line, Esc cancels" if is_edit else ""
        if self.editor.border_subtitle != subtitle:  # setting it repaints the editor
            self.editor.border_subtitle = subtitle
        self.page.mark_edited(self.editor.sent.edited)

    @on(events.Paste)
    @on(Page.Typed)
    def _write(self, event: events.Paste | Page.Typed) -> None:
        """Inserts text that was typed or pasted while another widget had the focus."""
        event.stop()
        self.editor.add_text(event.text)
        self.editor.focus()

    @on(Page.EditWanted)
    def _edit(self, event: Page.EditWanted) -> None:
        """Edits a turn, unless another one was changed: its border says how that edit ends."""
        sent = self.editor.sent
        if sent.edited is None or sent.is_unchanged(self.editor.text):
            self.editor.edit_turn(event.turn)
        self.editor.focus()

    @on(TextTooLong)
    def _refuse_text(self) -> None:
        self.app.notify_user(
            f"at most {MAX_TEXT:,} characters at a time: F3 trains on a longer text",
            "warning",
        )

    @on(TextSent)
    async def _send(self, event: TextSent) -> None:
        if event.text == "/help":
            await self.app.run_action("app.keys")
            return
        self._sent += event.keystrokes
        if event.edited is None:
            self.page.send(event.text)
        else:
            self.page.change(event.edited, event.text)

    @on(Page.LinesChanged)
    def _lines_changed(self) -> None:
        self.editor.sent.turns = [turn for turn in self.text.turns if turn.line.strip()]
        self.editor.ask_again()
        self._update_titles()

    async def farewell(self) -> str | None:
        """What to print when the app is closed: what was kept, how to continue, and which files do
        not have all of their texts. None if not all of the text is stored."""
        number = self.text.text.number
        try:
            is_there = await self.text.is_still_there()
            is_deleted = not is_there and number in self._deleted
            if not is_deleted:
                await self.text.check_stored()
            unsaved = await self._database.read(texts.unsaved_files)
        except StorageError:
            path, saved = self._saved_copy
            if self._written == saved:
                return f"Saved to: {path}" if path else ""
            return None
        return kept_sentence("" if is_deleted or not self._written else self._title, unsaved)

    # Finding

    def action_find(self) -> None:
        if self.page.lines and self.page.size:
            self._find_line.begin()
        else:
            self.app.notify_user("there are no lines on the page to find anything in")

    @on(FindLine.Ended)
    def _end_finding(self, event: FindLine.Ended) -> None:
        if event.edits and (turn := self.page.found) is not None:
            self._edit(Page.EditWanted(turn))
        self.editor.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Ends finding once another widget has the focus."""
        super().on_descendant_focus(event)
        if event.widget is not self._find_line:
            self._find_line.end()

    def action_page(self, what: str, *arguments: int) -> None:
        """Calls a method of the page, whichever widget has the focus."""
        getattr(self.page, what)(*arguments)

    def action_move_pane(self) -> None:
        can_go = self.page.can_focus and not self.page.has_focus
        (self.page if can_go else self.editor).focus()
