"""The Autocomplete screen: the page, the text being written, and the suggested words."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.errors import RnnlmError, StorageError
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import SavedPart, Turn
from rnnlm_tui.session.text_file import ReadFile
from rnnlm_tui.store.languages import WORDS_JUDGED
from rnnlm_tui.suggesting.accepting import LINES_ABOVE, LISTED, DigitSetting
from rnnlm_tui.text.reading import count_words
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.tui.writing.candidates import (
    Candidates,
    Listing,
    WordClicked,
    note_on_words,
    unknown_in,
)
from rnnlm_tui.tui.writing.editor import LineEditor, ListChanged, Pasted
from rnnlm_tui.tui.writing.finding import FindLine
from rnnlm_tui.tui.writing.insertion import MAX_TEXT, TextTooLong
from rnnlm_tui.tui.writing.keys_saved import KeysSaved
from rnnlm_tui.tui.writing.language import NO_NOTE, LanguageNote, note_on_language
from rnnlm_tui.tui.writing.open_text import Copy, Opening, OpenText, Reversal
from rnnlm_tui.tui.writing.page import LineClicked, Page
from rnnlm_tui.tui.writing.predictor import Predictor, Question, last_lines
from rnnlm_tui.tui.writing.recall import LinesKept
from rnnlm_tui.tui.writing.saving import Saving
from rnnlm_tui.tui.writing.updating import offer_of_update, update_active
from rnnlm_tui.tui.writing.welcome import welcome

DIGITS_TAKE: dict[DigitSetting, str] = {
    "with alt": "{} to {} take a word; a plain digit is typed",
    "inside words": "1 to 5 take a word while one is half typed",
}
CHECK_STORED_EVERY_S = 3.0
"""Seconds between two checks that what is written is still stored."""


class AutocompleteScreen(AppScreen):
    """The screen on which the user writes. What is written survives restarts and crashes."""

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
        Binding("alt+d", "next_digits", "Digits", show=False, id="autocomplete.digits",
                tooltip="Set what digits do; with alt, inside words"),
        Binding("f6", "move_pane", "pane", id="autocomplete.move_pane",
                tooltip="Move to the other pane; the line or the page", show=False),
        Binding("ctrl+r", "continue", "continue", id="autocomplete.continue",
                tooltip="Continue the sentence; again, in another way; or a next line"),
        Binding("f8", "update_model", "Update", show=False, id="autocomplete.update_model",
                tooltip="Update the model; with what you wrote since it was trained"),
        Binding("ctrl+g", "use_language", "Language", show=False, id="autocomplete.use_language",
                tooltip="Use the model of this language; if a line says that another one knows it"
                " better"),
        Binding("pageup", "scroll_page(-1)", "Page up", show=False, id="autocomplete.page_up",
                tooltip="Scroll the page up"),
        Binding("pagedown", "scroll_page(1)", "Page down", show=False, id="autocomplete.page_down",
                tooltip="Scroll the page down"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    AutocompleteScreen {
        #desk { height: 1fr; align-horizontal: center; }
        #column { width: 1fr; max-width: 105; } /* lines of 100 cells */
        #title { height: 1; padding: 0 2; color: $quiet; }
        &.-high #title { height: 2; }
    }
    """

    def __init__(
        self, database: SessionDatabase, preferences: Preferences, file: ReadFile | None = None
    ) -> None:
        """`file` is the text to open first, or None for the text opened last."""
        super().__init__()
        self.open_text = OpenText(database, self._turn_changed)
        self._predictor = Predictor()
        self.editor = LineEditor(self.open_text, self._predictor, preferences)
        self._database = database
        self.page = Page(self.open_text)
        self._title = Static(id="title")
        self._list = Candidates()
        self._find_line = FindLine(self.page)
        self._offer = ""
        """The offer to update the model, which is shown until the next line is kept; or ""."""
        self._language_note = NO_NOTE
        """Says that the last words are in another language than the model; or NO_NOTE."""
        self._told_languages = set[LanguageNote]()
        """The notes that were shown for the open text: each is shown once."""
        self._told_unknown = set[str]()
        """The unknown words that were named while earlier lines of the text were written."""
        self.keys_saved = KeysSaved(database, self.editor.typing)
        self._first_file = file
        self._is_file_changed = False
        """True if another program has changed the file of the open text."""

    @cached_property
    def saving(self) -> Saving:
        """Saves the text to a file."""
        return Saving(self.app, self.open_text)

    @property
    def latest_line(self) -> str:
        """The last line being written, or else the last line of the page; "" if there is none."""
        turns = self.open_text.turns
        lines = (self.editor.text.strip() or (turns[-1].line if turns else "")).splitlines()
        return " ".join(lines[-1].split()) if lines else ""  # a tab would be shown as U+FFFD

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="desk"), Vertical(id="column"):
            yield self._title
            yield self.page
            yield self._find_line
            yield self.editor
            yield self._list

    async def on_mount(self) -> None:
        self.editor.focus()
        with suppress(StorageError):  # told when the text is opened
            await self.keys_saved.load()
        if self._first_file is not None:
            await self._open(partial(self.open_text.open_file, self._first_file))
        else:
            await self._open(self.open_text.open_last)
        if self.app.is_running:
            self.active_model_changed()
            self.set_interval(CHECK_STORED_EVERY_S, self._watch_storage)

    def on_unmount(self) -> None:
        self.keys_saved.store()
        self._predictor.close()

    # The active model

    def active_model_changed(self) -> None:
        """Shows that another model is active, or a new version of the same one, or none."""
        if not self.app.is_running:
            return
        opened_model = self.app.opened_model
        answer = self.editor.answer
        before = answer.question.opened_model.name if answer is not None else None
        self._predictor.opened_model = opened_model
        if opened_model is not None:
            tokenizer = opened_model.model.tokenizer
            self.editor.typing.replaces_space = lambda before, character: tokenizer.replaces_space(
                before, character, self.editor.above
            )
        # A new version of the same model keeps the word that is chosen in the list.
        if opened_model is None or opened_model.name != before:
            self.editor.forget_answer()
        self._begin_with_last_lines()
        self._suggest_anew()

    def _suggest_anew(self) -> None:
        """Asks for suggestions, since another model is active or another text was opened."""
        self.lines_changed()
        self._show_suggested()
        self._judge_language()
        self._read_texts()

    def _begin_with_last_lines(self) -> None:
        """If there are many lines above, lets suggestions follow from the last of them only, until
        the model has read all."""
        above = self.editor.above
        self._predictor.is_reading = last_lines(above) != above

    @work(group="earlier", exclusive=True)
    async def _read_texts(self) -> None:
        """Lets the active model read the lines above. Once nobody types, lets it also read what was
        written in earlier texts."""
        if (opened_model := self.app.opened_model) is None:
            return
        if self._predictor.is_reading:
            await self._predictor.read(opened_model, (), self.editor.above)
            self._predictor.is_reading = False
            if self.app.is_running:
                self.editor.ask_again()
        await self.app.idle()
        with suppress(StorageError):  # told when it is opened
            read = partial(
                texts.earlier_lines, number=self.open_text.text.number, skipped=LINES_ABOVE
            )
            if earlier := await self._database.read(read):
                await self._predictor.read(opened_model, earlier, self.editor.above)
                if self.app.is_running:
                    self.editor.ask_again()

    def _update_titles(self, *news: str) -> None:
        """Shows above the page what the text is called and where it is, and `news` about it. Shows
        on the page how to begin if it has no lines."""
        text = self.open_text
        is_stored = self._database.problem is None or not text.lines
        key = self.app.shown_key("autocomplete.save", "f5")
        facts = [text.title if is_stored else f"NOT STORED, {key} saves it: {text.title}"]
        words = sum(line.words for line in self.page.lines)
        if text.turns:
            facts.append(plural(words, "word"))
        if (file := text.text.file) is not None:
            name = sanitize(Path(file.path).name)
            is_saved = file.saved == SavedPart.ALL
            if self._is_file_changed:
                facts.append(f"{'older than' if is_saved else 'differs from'} {name}: {key} asks")
            else:
                facts.append(f"saved to {name}" if is_saved else f"newer than {name}: {key} saves")
        self._title.update(Content(" · ".join((*facts, *news))), layout=False)
        self.header.update()
        self.page.show_hint(None if self.app.has_no_models else partial(welcome, self.app))

    # Suggestions

    @on(ListChanged)
    def _show_suggested(self) -> None:
        listing = self.editor.listing
        if self.editor.is_hidden:  # Esc hides this, too
            self._language_note = NO_NOTE
        self._list.show(listing, self._words_note(listing))
        self._show_editor_note()

    def _words_note(self, listing: Listing) -> str:
        """Returns the note below the words: why there are none, what a key does, or which words
        of the line the model does not know."""
        answer, key = self.editor.answer, self.app.shown_key
        if self._predictor.opened_model is None:
            why = f"{key('app.train', 'f3')} trains one, or install the program again"
            no_model = f"No model can be used: {why}"
            return no_model if self.app.has_no_models else "loading the model ..."
        if self.editor.is_hidden:
            now = key("line.suggest_now", "ctrl+space")
            return f"hidden until the next word; {now} suggests now"
        if listing.choice:
            insert = key("line.send", "enter")
            never = key("line.never_suggest", "delete")
            return f"{insert}: insert it   {never}: never suggest it"
        if answer is None or self._predictor.is_reading:
            return "reading ..."
        if self._language_note != NO_NOTE and listing.words:
            return ""  # the note below the editor says that the model does not know the language
        return note_on_words(answer.suggestions, self._told_unknown)

    def action_continue(self) -> None:
        """Shows how the active model continues the line being written, or what it proposes as the
        next line. Pressed again, continues it in another way."""
        self.editor.focus()
        shown = self.editor.requested_ghost  # as it is before the cursor moves
        self.editor.move_cursor(self.editor.document.end)
        if (question := self._predictor.question(*self.editor.place)) is None:
            why = f"there is no model: {self.app.shown_key('app.train', 'f3')} trains one"
            self.app.notify_user(why if self.app.has_no_models else "loading ...", "warning")
        else:
            self.editor.request_gate.clear()
            self._continue(question, shown)

    @work(group="continuation", exclusive=True)
    async def _continue(self, question: Question, unlike: str) -> None:
        pieces = await self._predictor.continuation(question, unlike)
        self.editor.request_gate.set()
        # Nothing was typed meanwhile if the question is still the same.
        if not self.app.is_running or question != self._predictor.question(*self.editor.place):
            return
        if any(piece.text for piece in pieces):
            self.editor.show_requested(pieces)
        else:
            self.app.notify_user(f"{question.opened_model.name} has nothing to add to this line")

    @on(WordClicked)
    def _insert_clicked(self, event: WordClicked) -> None:
        self.editor.insert_candidate(event.index)
        self.editor.focus()

    def on_resize(self) -> None:
        """Fits the ghost and the words to the new width."""
        self.call_after_refresh(self.editor.redraw_suggested)

    def action_toggle_ghost(self) -> None:
        self.editor.suggested.toggle_ghost()
        self.app.store_preferences()
        is_on = "on" if self.app.preferences.ghost else "off"
        self.app.notify_user(f"the ghost is {is_on}", topic="ghost")
        self.editor.redraw_suggested()

    def action_next_digits(self) -> None:
        """Goes to the next setting of which digits take a word of the list."""
        settings = list(DIGITS_TAKE)
        digits = settings[(settings.index(self.app.preferences.digits) + 1) % len(settings)]
        self.app.preferences.digits = digits
        self.app.store_preferences()
        keys = (self.app.shown_key(f"line.take_{each}", f"alt+{each}") for each in (1, LISTED))
        self.app.notify_user(f"{digits}: {DIGITS_TAKE[digits].format(*keys)}", topic="digits")
        self._show_suggested()

    # Texts

    async def _open(self, opening: Opening, words: str = "", number: int | None = None) -> None:
        """Opens and shows a text, unless the open one cannot be stored. If the `number` of a turn
        is given, finds the `words` in it. Keys wait until the text is open, a second at most. Later
        ones are typed at once, and what they typed is put behind its draft."""
        self.editor.opening_gate.clear()
        self.open_text.keep_draft()  # `_text_changed` may come after keys for the new text
        self.open_text.is_opening = True
        text, draft = self.open_text.text, self.open_text.draft
        self.editor.suggested.show_as_usual()
        self.open_text.end_edit()
        self.editor.set_text("")
        self.editor.focus()
        try:
            await self.saving.store()
            warning = await opening()
        except StorageError as error:
            self.app.show_error(error)
            warning = ""
        if self.open_text.text is text:  # the same text stays open
            self.open_text.go_on_with(draft)
        else:
            self.editor.recall.forget()
        self.open_text.is_opening = False
        written = (self.open_text.written, self.editor.text)
        self.editor.forget_answer()
        self._begin_with_last_lines()  # before `set_text`, which asks for suggestions
        self.editor.set_text("\n".join(filter(None, written)))  # also if the app is being closed
        if self.app.is_running:
            self.page.show()
            self._is_file_changed = False
            self._watch_storage()
            self._told_unknown.clear()
            self._language_note = NO_NOTE
            self._told_languages.clear()
            self._suggest_anew()
            if warning:
                self.app.notify_user(warning, "warning")
            for each in self.open_text.turns:
                is_found = number is not None and each.number == number
                if is_found and each is not self.open_text.edited:
                    self._find_line.begin(words, each)
        self.editor.opening_gate.set()

    def open_file(self, read: ReadFile) -> None:
        """Opens the text of a file."""
        self.call_later(self._open, partial(self.open_text.open_file, read))

    def action_new_text(self) -> None:
        self.editor.opening_gate.clear()
        self.call_later(self._open, partial(self.open_text.open, None))

    @work(group="dialog")
    async def action_texts(self) -> None:
        """Shows the list of texts, and opens the text that is chosen, or a new one if the open text
        was deleted. Texts are opened one after the other."""
        from rnnlm_tui.tui.writing.texts_dialog import TextsDialog

        with self.app.showing_errors():
            chosen = await self.app.ask(TextsDialog(self.open_text))
            if chosen is not None:
                self.call_later(self._open, *chosen)
            elif self.open_text.is_deleted:
                self.call_later(self._open, partial(self.open_text.open, None))
            self._update_titles()

    def action_save(self) -> None:
        if self.open_text.is_opening:
            return
        copy = self.open_text.copy()  # now, and not when a worker starts
        self._update_titles()
        if copy.lines or copy.text.file is not None:
            self._save(copy)
        else:
            self.app.notify_user("there is nothing to save yet")

    @work(group="dialog")
    async def _save(self, copy: Copy) -> None:
        with self.app.showing_errors():
            if await self.saving.save(copy):
                self._is_file_changed = False
                self._update_titles()

    @work(group="storage", exclusive=True)
    async def _watch_storage(self) -> None:
        """Checks whether the text is stored, and whether another program has changed its file. The
        title says so as long as it is true."""
        was_stored = self._database.problem is None
        if not (await self.saving.is_stored() and was_stored):
            self._update_titles()
        if await self.saving.is_file_changed() is not self._is_file_changed:
            self._is_file_changed = not self._is_file_changed
            self._update_titles()

    # The text being written and the lines above it

    @on(LineEditor.Changed)
    def _text_changed(self) -> None:
        file = self.open_text.text.file
        self.open_text.keep_draft()
        if self.open_text.text.file != file:  # the file no longer has all of the text
            self._update_titles()
        self._show_editor_note()
        self.header.update()
        self.page.mark_edited(self.open_text.edited)

    def _show_editor_note(self) -> None:
        """Says below the editor how an edit ends, or offers an update, or says that the model does
        not know the language."""
        if self.open_text.edited is not None:
            change = self.app.shown_key("line.send", "enter")
            note = f"{change} changes the line, {self.app.shown_key('line.hide', 'escape')} cancels"
        elif self._offer or not self._language_note.model:
            note = self._offer or self._language_note.text
        else:
            models = self.app.shown_key("app.models", "f4")
            use = self.app.shown_key("autocomplete.use_language", "ctrl+g")
            name = sanitize(self._language_note.model)
            note = f"this looks like {name.capitalize()}: {models} {name}, or {use}"
        if self.editor.border_subtitle != note:  # setting it repaints the editor
            self.editor.border_subtitle = note

    @on(Pasted)
    @work(group="language", exclusive=True)
    async def _judge_language(self) -> None:
        """Judges in which language the last words are, once there are suggestions after them."""
        await self.editor.answer_gate.wait()
        if (opened_model := self.app.opened_model) is None:
            return
        lines = (*self.editor.above, self.editor.line)
        found = await asyncio.to_thread(note_on_language, opened_model, lines)
        if self.app.is_running and found != self._language_note:
            self._language_note = NO_NOTE if found in self._told_languages else found
            self._told_languages.add(found)
            if self._language_note.model:
                self.app.models_screen.choose(self._language_note.model)  # F4 selects it
            self._show_suggested()

    def action_use_language(self) -> None:
        """Uses the model of the language of the last words, also if no note is shown: each is shown
        once, and none after a short quotation."""
        note = NO_NOTE
        if (opened_model := self.app.opened_model) is not None:
            lines = (*self.editor.above, self.editor.line)
            note = note_on_language(opened_model, lines, is_asked=True)
        if model := note.model:
            self._language_note = NO_NOTE
            undo = self.app.shown_key("line.undo", "ctrl+z")
            notice = f"{model} is in use; {undo} goes back to {self.app.active_name}"
            self.editor.recall.note_step(self._use(model, notice))
            self._show_editor_note()
        else:
            self.app.notify_user(
                f"no other model knows the last {WORDS_JUDGED} words better; fewer are not judged"
            )

    def _use(self, name: str, notice: str = "") -> Reversal:
        """Uses a model, with a notice once it is active; returns what goes back to the one
        before."""
        before = self.app.active_name or name
        self.app.use_model(name, notice)
        return partial(self._use, before)

    @on(events.Paste)
    def _paste(self, event: events.Paste) -> None:
        event.stop()
        self.action_write(event.text)

    def action_write(self, text: str) -> None:
        """Inserts text that was typed or pasted while another widget had the focus."""
        self.editor.add_text(text)
        self.editor.focus()

    def action_go_back(self) -> None:
        """Goes back to the line being written."""
        self.editor.focus()

    @on(LineClicked)
    def _edit_clicked(self, event: LineClicked) -> None:
        self.edit(event.turn)

    def action_edit_marked(self) -> None:
        """Edits the line that is marked on the page."""
        if (line := self.page.marked_line) is not None:
            self.edit(line.turn)
        self.editor.focus()

    def action_remove_marked(self) -> None:
        """Removes the line that is marked on the page. If it is being edited, goes to the editor,
        which says how the edit ends."""
        if (line := self.page.marked_line) is None:
            return
        if line.turn is self.open_text.edited:
            self.editor.focus()
            return
        place = self.page.lines.index(line)
        self.editor.recall.remove(line.turn)
        self._tell_of_removal()
        self.page.mark_at(place)
        if not self.page.lines:
            self.editor.focus()

    def action_undo(self) -> None:
        """Undoes the last step, also while the page has the focus."""
        self.editor.action_undo()
        self._go_to_edit()

    def action_redo(self) -> None:
        self.editor.action_redo()
        self._go_to_edit()

    def _go_to_edit(self) -> None:
        if self.open_text.edited is not None:
            self.editor.focus()

    def edit(self, turn: Turn) -> None:
        """Edits a turn, unless another one is being edited and was changed."""
        if self.open_text.edited is None or self.open_text.is_edit_unchanged:
            self.editor.recall.edit(turn)
        elif turn is not self.open_text.edited:
            self.app.notify_user("end the edit of this line first", "warning")
        self.editor.focus()

    @on(TextTooLong)
    @work(group="dialog")
    async def _offer_text(self, event: TextTooLong) -> None:
        """Offers to open a paste that is too long for a line as a text of its own."""
        from rnnlm_tui.tui.widgets.dialogs import Choice

        about = f"A line has at most {MAX_TEXT:,} characters."
        if not event.text:
            self.app.notify_user(about, "warning")
            return
        rows = [("open", "Open it as a new text", "each of its lines is a paragraph")]
        if await self.app.ask(Choice("This is too long for a line", about, rows)):
            self.call_later(self._open, partial(self.open_text.open_pasted, event.text))

    @on(LinesKept)
    def _lines_kept(self, event: LinesKept) -> None:
        self.keys_saved.store()
        if event.answer is not None:
            self._told_unknown.update(unknown_in(event.answer.suggestions))
        self._offer = ""
        self._judge_language()
        if event.edited is None:
            self._offer_update(sum(map(count_words, event.lines)))
        elif not event.lines[0]:
            self._tell_of_removal()

    def _tell_of_removal(self) -> None:
        undo = self.app.shown_key("line.undo", "ctrl+z")
        self._update_titles(f"removed: {undo} brings it back")

    @work(group="offer")
    async def _offer_update(self, written: int) -> None:
        """Offers to update the model, if enough is new to it with the `written` words."""
        # The model cannot be updated, its card has no date (ValueError), or the database fails,
        # which is shown when the line is stored.
        with suppress(RnnlmError, ValueError):
            if offer := await offer_of_update(self.app, written):
                self._offer = offer
                self._show_editor_note()

    @work(group="update")
    async def action_update_model(self) -> None:
        self._offer = ""
        self._show_editor_note()
        with self.app.showing_errors():
            await update_active(self.app)

    def _turn_changed(self, turn: Turn) -> None:
        self.page.show(turn)
        self.lines_changed()

    def lines_changed(self) -> None:
        """Shows that the lines above the one being written have changed."""
        self.editor.ask_again()
        self._update_titles()

    # Finding

    def action_find(self) -> None:
        if not self.page.lines:
            self.app.notify_user("there are no lines on the page to find anything in")
        else:
            self._find_line.begin()

    def action_scroll_page(self, by: int) -> None:
        self.page.scroll_page(by)

    def action_move_pane(self) -> None:
        can_go = self.page.can_focus and not self.page.has_focus
        # At once, unlike `focus`, so that the next key goes to the new pane.
        self.set_focus(self.page if can_go else self.editor)
