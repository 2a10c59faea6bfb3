"""The editor of the line being written, with the ghost: suggested words in italics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location, Selection

from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.session.tables import Turn
from rnnlm_tui.suggesting.accepting import (
    DIGITS,
    LINES_ABOVE,
    LISTED,
    WITH_ALT,
    takes_digits,
    ways_to_accept,
)
from rnnlm_tui.tui.widgets.base_screen import OfApp
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.widgets.textual_private import unbind
from rnnlm_tui.tui.writing.candidates import Listing
from rnnlm_tui.tui.writing.insertion import MAX_TEXT, Typing
from rnnlm_tui.tui.writing.open_text import OpenText, Reversal
from rnnlm_tui.tui.writing.recall import LinesKept, Recall
from rnnlm_tui.tui.writing.suggested import (
    BEFORE_SECOND,
    SECOND_KEY,
    GhostRows,
    Suggested,
    fit_ghost,
)

if TYPE_CHECKING:
    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions
    from rnnlm_tui.text.tokenizer import Insertion
    from rnnlm_tui.tui.preferences import Preferences
    from rnnlm_tui.tui.writing.predictor import Answer, Predictor

CHOOSING = "123456789"
"""The digits that take a word while one is chosen in the list."""
PROVISIONAL = "underline italic"
"""The style of a word that a plain digit has taken, until the next key."""
ANSWER_WAIT_S = 1.0
"""Seconds that a key waits for the answer that it needs. Later keys wait behind it."""
WORDS_LATE_S = 0.3
"""Seconds without an answer after which the words for an earlier text are hidden."""
LINE_KEYS: tuple[Binding, ...] = (
    Binding("tab", "accept_word", "word", id="line.accept_word",
            tooltip="Accept a word; the next one of the ghost, or the first one of the list"),
    Binding("shift+tab", "accept_second", "second word", show=False, id="line.accept_second",
            tooltip="Accept the second word of the list; it stands behind the ghost"),
    Binding("right", "accept_all('cursor_right')", "all", id="line.accept_all",
            tooltip="Accept the whole ghost; move the cursor to the right"),
    Binding("end,ctrl+e", "accept_all('cursor_line_end')", "Accept all", show=False,
            id="line.accept_all_end",
            tooltip="Accept the ghost to its end; move the cursor to the end"),
    Binding("down", "choose_next", "Choose", show=False, id="line.choose_next",
            tooltip="Choose a word in the list; Enter or a digit inserts it"),
    Binding("up", "choose_previous", "Earlier", show=False, id="line.choose_previous",
            tooltip="Move up in the list; on an empty line, edit the line above it"),
    Binding("escape", "hide", "hide", show=False, id="line.hide",
            tooltip="Hide the suggestions; first leave the list, or cancel an edit"),
    Binding("enter", "send_or_insert", "keep", id="line.send",
            tooltip="Add the text to the page; insert the word chosen in the list"),
    *(
        Binding(f"alt+{number}", f"take({number})", "take", show=number == 1,
                key_display="alt+1-5" if number == 1 else None, id=f"line.take_{number}",
                tooltip=f"Accept word {number} of the list")
        for number in range(1, LISTED + 1)
    ),
    Binding("delete", "never_suggest_or_delete", "Delete", show=False, id="line.never_suggest",
            tooltip="Delete to the right; never suggest the word chosen in the list (↓) again"),
    Binding("ctrl+j,shift+enter", "new_line", "new line", show=False, id="line.new_line",
            tooltip="Start a new line"),
    Binding("ctrl+@,ctrl+space", "suggest_now", "suggest", show=False, id="line.suggest_now",
            tooltip="Suggest now; even if the ghost is off or hidden"),
    Binding("ctrl+z,super+z", "undo", "undo", show=False, id="line.undo",
            tooltip="Undo; a word is one step; after Enter, edit that line again"),
    Binding("ctrl+y,super+y", "redo", "Redo", show=False, id="line.redo",
            tooltip="Redo; what was undone last"),
)  # fmt: skip
"""The keys of the line. The list of actions shows their tooltips up to the semicolon."""


class KeyGate(asyncio.Event):
    """An event for which keys wait. It is cleared while an answer or another text is coming. A
    widget handles no other key while one waits."""

    def __init__(self) -> None:
        super().__init__()
        self.set()

    async def is_passed(self) -> bool:
        """Waits a second at most. Returns whether what was coming has come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), ANSWER_WAIT_S)
        return self.is_set()


class ListChanged(Message):
    """The list has other words or another choice, or it was hidden or shown."""


class Pasted(Message):
    """Text was inserted that was not typed."""


class LineEditor(OfApp, TextArea):
    """Edits the line being written, which wraps and may have line breaks. The ghost is shown only
    at the end of the text, so that a key that moves the cursor within it never accepts the ghost.

    It is not an Input: only a TextArea has undo, and keeps its suggestion while matching letters
    are typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*LINE_KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"second"}
    DEFAULT_CSS = """
    LineEditor {
        height: auto; max-height: 50%; padding: 0 1;
        border: round $foreground 30%;
        border-title-color: $quiet;
        background: $background;
        scrollbar-size: 0 0;
        & .text-area--suggestion { color: $ghost; text-style: italic; }
        & .second { color: $quiet; }
        &:ansi .second { color: ansi_default; text-style: dim; }
        &:ansi .text-area--suggestion { color: ansi_default; text-style: italic dim; }
        &:ansi .text-area--cursor { color: ansi_default; text-style: reverse; }
        &:ansi .text-area--cursor { background: ansi_default; }
        &:focus { border: round $border; border-title-color: $foreground; }
        &:ansi { border: round ansi_bright_black; }
        &:ansi:focus { border: round $border; }
    }
    """

    def __init__(self, text: OpenText, predictor: Predictor, preferences: Preferences) -> None:
        """`predictor` is asked whenever the text or the cursor changes."""
        super().__init__(
            soft_wrap=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            max_checkpoints=MAX_TEXT,  # steps of undo, each of a character or more
        )
        # Keys of the app. A TextArea has other keys for its actions.
        unbind(self, ("f6", "f7", "pageup", "pagedown"))
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self._preferences = preferences
        self.suggested = Suggested(preferences)
        self.open_text = text
        self.answer_gate = KeyGate()
        """Cleared while the answer for the text and the cursor is coming."""
        self.request_gate = KeyGate()
        """Cleared while the ghost that ctrl+r asks for is coming."""
        self.opening_gate = KeyGate()
        """Cleared while another text is being opened, to which typed keys belong."""
        self.answer: Answer | None = None
        """The latest answer of the active model; None before it has given one."""
        self._predictor = predictor
        self._asked: asyncio.Future[Answer] | None = None
        """The answer that was asked for last. It may have come."""
        self._late: asyncio.TimerHandle | None = None
        """Calls `_hide_words` if that answer is late."""
        self.typing = Typing(self)
        self.recall = Recall(self, self.typing, text, self.set_text, self._tell_kept)
        self._seen = ("", self.selection)
        """The text and the selection for which an answer was asked last."""
        self._drawn = GhostRows()
        """The ghost as it is drawn."""

    @property
    def writing_location(self) -> Location:
        """The place that suggestions are for: the cursor, or the start of the selection, which an
        accepted word replaces."""
        return min(self.selection)

    @property
    def line(self) -> str:
        """The line being written."""
        return self.document.get_line(self.writing_location[0])

    @property
    def cursor(self) -> int:
        """The column of the line at which words are suggested."""
        return self.writing_location[1]

    @property
    def before(self) -> str:
        """The line up to the cursor."""
        return self.line[: self.cursor]

    @property
    def word_begin(self) -> Location:
        """Where the word before the cursor begins. After a space, that is at the cursor."""
        row, column = self.writing_location
        before = self.before
        is_in_word = bool(before) and not before[-1].isspace()
        return row, column - (len(before.rsplit(None, 1)[-1]) if is_in_word else 0)

    @property
    def is_hidden(self) -> bool:
        """True while suggestions are hidden, until the next word."""
        return self.suggested.is_hidden(self.word_begin)

    @property
    def _shown_ghost(self) -> tuple[str, bool]:
        """The ghost to show, and whether it replaces the space before the cursor.

        "" unless the cursor is at the end and nothing is selected. An edited line of the page has a
        ghost only once it is changed, or if ctrl+r asks for one: before that, End accepts nothing.
        """
        is_at_end = self.selection.is_empty and self.cursor_location == self.document.end
        is_as_kept = self.open_text.is_edit_unchanged and not self.suggested.is_requested
        if not is_at_end or is_as_kept:
            return "", False
        return self.suggested.shown_ghost(self.before, self.word_begin)

    def set_text(self, text: str) -> None:
        """Replaces the text. Undo does not bring the old text back: it is on the page or stored
        elsewhere, and Enter would add it again."""
        self.suggested.set_ghost("", ())
        self.typing.replace_all(sanitize_lines(text))
        self.history.clear()
        # Otherwise a text that is replaced before it was laid out leaves its height behind.
        self.call_after_refresh(self.refresh, layout=True)

    def _tell_kept(self, lines: Sequence[str], edited: Turn | None) -> None:
        """Tells the screen that lines were kept."""
        self.suggested.show_as_usual()
        self.post_message(LinesKept(lines, edited, self.answer))

    def add_text(self, text: str) -> None:
        """Inserts text in place of the selection. Each of its lines that has an end is kept, as by
        Enter. While a line of the page is edited, all of the text goes into that line. While
        another text is being opened, it goes into the line being written."""
        text, is_in_line = sanitize_lines(text), self.open_text.edited or self.open_text.is_opening
        if "\n" in text and not is_in_line:
            self.recall.keep_pasted(text)
        else:
            self.typing.insert(text)
            self.post_message(Pasted())

    # Suggestions

    @property
    def above(self) -> tuple[str, ...]:
        """The lines above the line being written, also those of the page."""
        own = filter(None, self.document.lines[: self.writing_location[0]])
        above = (*self.open_text.lines_above(), *own)
        return above[-LINES_ABOVE:]

    @property
    def place(self) -> tuple[str, int, tuple[str, ...]]:
        """What the predictor is asked about: the line being written, the column in it, and the
        lines above."""
        return self.line, self.cursor, self.above

    def ask_again(self) -> None:
        """Asks what comes at the cursor. The suggestions stay until the answer comes."""
        self._asked = self._predictor.ask(*self.place)
        if self._asked is None:  # there is no model
            self.answer_gate.set()
            self.post_message(ListChanged())
            return
        self.answer_gate.clear()
        # The screen calls `show_answer` and raises its errors, since this widget may be busy with a
        # key that waits for the answer. A worker would take 0.5 ms more a key.
        self._asked.add_done_callback(partial(self.screen.call_next, self.show_answer))
        if self._late is not None:
            self._late.cancel()
        self._late = asyncio.get_running_loop().call_later(WORDS_LATE_S, self._hide_words)

    def _hide_words(self) -> None:
        """Hides the words, which are for an earlier text, if the answer has not come yet. Does
        nothing if one of them is chosen."""
        if not self.answer_gate.is_set() and not self.suggested.choice:
            self.answer = None
            self.post_message(ListChanged())

    def show_answer(self, answer: asyncio.Future[Answer]) -> None:
        """Shows an answer that has come, unless another one was asked for since or the app is being
        closed."""
        if answer is self._asked and not answer.cancelled() and self.is_attached:
            self.answer = answer.result()
            self.show(self.answer.suggestions)
            # Posted to the screen itself: bubbling up, it would come 2 ms later, after a paint.
            self.screen.post_message(ListChanged())

    def forget_answer(self) -> None:
        """Shows no suggestions until the next answer."""
        self.answer = None
        self.show(None)

    def show(self, suggestions: Suggestions | None) -> None:
        """Shows the suggestions for the cursor, or none."""
        self.suggested.show(suggestions, self.before)
        self._draw_ghost()
        self.answer_gate.set()

    @property
    def listing(self) -> Listing:
        """The contents of the list."""
        choice, digits = self.suggested.choice, self.digits
        if not digits and self._preferences.digits == WITH_ALT:
            digits = self._alt_digits
        if self.answer is None or self.is_hidden:
            return Listing(choice=choice, digits=digits)
        found = self.answer.suggestions
        return Listing(found.candidates, found.prefix, choice, digits)

    @property
    def requested_ghost(self) -> str:
        """The part of the ghost of ctrl+r that is not typed or accepted yet. "" if there is none,
        or if the text no longer matches it."""
        return self._shown_ghost[0] if self.suggested.is_requested else ""

    def show_requested(self, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Shows words that ctrl+r has asked for as the ghost."""
        self.suggested.request(self.before, pieces)
        self.redraw_suggested()

    def _draw_ghost(self) -> None:
        """Draws the ghost, cut to the row. A ghost that ctrl+r has asked for continues in the rows
        below, as far as there is room."""
        before, second = self.before, self.suggested.second(self.before)
        if second:
            accept = "line.accept_second"
            is_own = accept in self.app.user_keys
            second += f" {self.app.shown_key(accept, '') if is_own else SECOND_KEY}"
        column = self.wrapped_document.location_to_offset(self.cursor_location).x
        rows = self._room_for_ghost if self.requested_ghost else 0
        drawn = fit_ghost(self._shown_ghost, second, before, column, self.wrap_width, rows)
        old, self._drawn = self._drawn, drawn
        if drawn.below != old.below:
            self.refresh(layout=True)
        if drawn.over_space != old.over_space:
            self.notify_style_update()  # otherwise Textual would reuse the drawn rows
        if (drawn.over_space, drawn.second) != (old.over_space, old.second):
            self.refresh()
        self.suggestion = drawn.text

    @property
    def _room_for_ghost(self) -> int:
        """The rows by which the editor can grow, until it fills half of its container."""
        height = self.parent.size.height if isinstance(self.parent, Widget) else 0
        return max(0, height // 2 - self.gutter.height - self.wrapped_document.height)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        height = super().get_content_height(container, viewport, width)
        return height + len(self._drawn.below)

    def get_line(self, line_index: int) -> Text:
        """Returns a line as it is drawn. Marks a word that a plain digit has taken. Draws a ghost
        that replaces the space before the cursor, such as a comma, over that space."""
        line, (row, column) = super().get_line(line_index), self.cursor_location
        if self.typing.taken_by and line_index == row:
            before = line.plain[:column].rstrip()
            line.stylize(PROVISIONAL, before.rfind(" ") + 1, len(before))
        if self._drawn.over_space and self.has_focus and line_index == row:
            line.right_crop(1)
            style = self.get_component_rich_style("text-area--suggestion")
            line.append(self._drawn.over_space, style)
        return line

    def render_line(self, y: int) -> Strip:
        """Renders a row of the text, or of the ghost below it. Cuts it to the width of the editor:
        a character of several code points takes more cells when the cursor is within it."""
        strip = Strip(super().render_line(y))  # measured anew: TextArea's length is wrong with ❤️
        row = y + self.scroll_offset.y
        at = row - self.wrapped_document.height
        if 0 <= at < len(self._drawn.below) and self.has_focus:
            style = self.get_component_rich_style("text-area--suggestion")
            strip = Strip([Segment(self._drawn.below[at], style), *strip])  # the strip was blank
        strip = strip.adjust_cell_length(self.size.width)
        return self._with_second(strip, row) if self._drawn.second else strip

    def _with_second(self, strip: Strip, row: int) -> Strip:
        """Adds the second word of the list if this is the row of the text with the cursor."""
        x, y = self.wrapped_document.location_to_offset(self.cursor_location)
        if row != y or not self.has_focus:
            return strip
        begin = x + cell_len(self.suggestion + BEFORE_SECOND)
        style = self.get_component_rich_style("second")
        second = Strip([Segment(self._drawn.second, style)])
        rest = strip.crop(begin + second.cell_length, strip.cell_length)
        return Strip.join([strip.crop(0, begin), second, rest])

    def edit(self, edit: Edit) -> EditResult:
        """Makes a change of the text, other than an undo or a redo."""
        self.recall.forget_undone()
        deleted = 0 if edit.text else len(self.get_text_range(edit.top, edit.bottom))
        result = super().edit(edit)
        if deleted:
            self.typing.deleted(deleted)
        return result

    def update_suggestion(self) -> None:
        """Called by Textual after an edit, an undo or a redo."""
        self._ask_if_changed()

    def watch_selection(self, before: Selection, after: Selection) -> None:
        if before != after:
            self._ask_if_changed()

    def _ask_if_changed(self) -> None:
        """Asks for suggestions if the text or the selection has changed."""
        self.open_text.written = self.text
        seen = (self.text, self.selection)
        if seen == self._seen:
            return
        self._seen = seen
        self.typing.forget()
        self.suggested.choice = 0
        if not self.typing.is_halfway:
            self._draw_ghost()
            self.ask_again()

    def action_undo(self) -> None:
        """Undoes the last change within the line, or else the last change of lines or of the list.
        Right after a plain digit that took a word, types the digit instead."""
        if self.typing.give_digit_back():
            return
        if self.history.undo_stack:
            super().action_undo()
        else:
            self.recall.undo()

    def action_redo(self) -> None:
        if not self.recall.redo():
            super().action_redo()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Does nothing while the cursor is below the text. An undo shortens the text before it
        moves the cursor."""
        if self.cursor_location[0] < self.document.line_count:
            return super().scroll_cursor_visible(center, animate)
        return Offset()

    def action_delete_left(self) -> None:
        """Deletes to the left. Right after a plain digit that took a word, types the digit."""
        if not self.typing.give_digit_back():
            super().action_delete_left()

    # Keys

    async def handle_keys(self) -> None:
        """Waits until the keys that have arrived are handled, a second at most."""
        gate = KeyGate()
        gate.clear()
        self.call_later(gate.set)
        await gate.is_passed()

    async def on_key(self, event: events.Key) -> None:
        await self.opening_gate.is_passed()
        character, taken_before = event.character, self.typing.taken_by
        # `event.is_printable` would exclude joiners and spaces other than U+0020.
        if character and sanitize(character) == character:
            event.prevent_default().stop()
            if self.typing.give_digit_back(character) or not await self._take_by_digit(character):
                self.typing.type(character)
        elif await self._run_binding(event.key):
            event.prevent_default().stop()
        elif event.key == "enter":  # the user has unbound it; a TextArea would begin a new line
            event.prevent_default()
        if self.typing.taken_by == taken_before:  # only the key right after a digit gives it back
            self.typing.taken_by = ""
        if taken_before or self.typing.taken_by:
            self.notify_style_update()  # otherwise Textual would reuse the drawn rows
            self.refresh()

    async def _run_binding(self, key: str) -> bool:
        """Runs the binding of this widget or the screen for a key at once. Returns whether there is
        one. Textual runs it only when the key has bubbled up to the app, and letters typed quickly
        after it would overtake it."""
        active = self.screen.active_bindings.get(key)
        if active is None or active.node not in (self, self.screen) or not active.enabled:
            return False
        return await self.app.run_action(active.binding.action, active.node)

    async def _take_by_digit(self, character: str) -> bool:
        """Inserts the word of the list that a plain digit takes. Returns whether it takes one."""
        if character not in self._possible_digits:
            self._tell_of_alt(character)
            return False
        if not await self.answer_gate.is_passed() or character not in self.digits:
            return False
        if self.suggested.choice:
            self.insert_candidate(int(character) - 1)
        else:
            word = self.suggested.candidates[int(character) - 1]
            self.typing.take_by_digit(character, word)
            if not self.typing.taken_by:  # there was no room for the word
                self.ask_again()
        return True

    def _tell_of_alt(self, character: str) -> None:
        """Tells once, when a digit is typed within a word, which word it would take with alt."""
        preferences = self._preferences
        is_of_list = preferences.digits == WITH_ALT and character in self._alt_digits
        if is_of_list and self.before[-1:].isalpha() and not preferences.alt_told:
            preferences.alt_told = True
            word = shorten(self.suggested.candidates[DIGITS.index(character)].word)
            self.app.store_preferences()
            key = self.app.shown_key(f"line.take_{character}", f"alt+{character}")
            self.app.notify_user(f"{key} takes {word}")

    async def on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        await self.opening_gate.is_passed()
        self.add_text(event.text)

    def action_paste(self) -> None:
        """Pastes text that was copied in this app. The terminal sends its own as an event."""
        self.add_text(self.app.clipboard)

    def action_new_line(self) -> None:
        self.typing.type("\n")

    # Accepting

    @property
    def digits(self) -> str:
        """The plain digits that take a word of the list now."""
        possible = self._possible_digits
        return possible if self.suggested.choice else possible[: len(self.suggested.candidates)]

    @property
    def _possible_digits(self) -> str:
        """The plain digits that can take a word here. The list may have fewer words."""
        if self.suggested.choice:
            return CHOOSING
        is_before_word = self.line[self.cursor :][:1].isalnum()
        can_take = self.selection.is_empty and not self.is_hidden and not is_before_word
        return DIGITS if can_take and takes_digits(self.before, self._preferences.digits) else ""

    @property
    def _alt_digits(self) -> str:
        """The digits that take a word of the list with alt."""
        return "" if self.is_hidden else DIGITS[: len(self.suggested.candidates)]

    def _accept_by(self, key: str) -> bool:
        """Inserts what a key accepts of the suggestions. Returns whether it accepts anything. Only
        keys with alt replace selected text."""
        if self.is_hidden or not (self.selection.is_empty or key.startswith("alt+")):
            return False
        ghost = self.suggested.ghost.pieces(self.before) if self._shown_ghost[0] else ()
        ways = ways_to_accept(self.suggested.candidates, ghost, is_empty=not self.text)
        pieces = next((way.pieces for way in ways if way.keys == (key,)), ())
        if pieces:
            self.typing.accept(pieces, 1 + self.suggested.choice)
        return bool(pieces)

    async def action_accept_word(self) -> None:
        """Accepts the word chosen in the list, or else a word of the ghost, or else the first word
        of the list, but no word that corrects typed letters. Moves the focus if the text is empty
        and there is nothing to accept."""
        await self.request_gate.is_passed()
        if not self._shown_ghost[0] and not await self.answer_gate.is_passed():
            return  # the model is slow
        if choice := self.suggested.choice:
            if not self.suggested.candidates[choice - 1].corrects:
                self.insert_candidate(choice - 1)
        elif not self._accept_by("tab") and not self.text:
            self.screen.focus_next()

    async def action_accept_second(self) -> None:
        """Accepts the second word of the list. Moves the focus back where Tab moves it on."""
        if not await self.answer_gate.is_passed() or self._accept_by("shift+tab"):
            return
        if not self.text and not self._shown_ghost[0]:
            self.screen.focus_previous()

    async def action_take(self, number: int) -> None:
        """Inserts the word of the list with this number, unless the list is hidden."""
        if await self.answer_gate.is_passed():
            if self.suggested.choice:
                self.insert_candidate(number - 1)
            else:
                self._accept_by(f"alt+{number}")

    async def action_accept_all(self, otherwise: str) -> None:
        """Accepts the whole ghost, or runs the action `otherwise` if there is none."""
        await self.request_gate.is_passed()
        if not self._accept_by("right"):
            await self.run_action(otherwise)

    def action_cursor_right(self, select: bool = False) -> None:
        self.suggestion = ""  # a TextArea would insert it, also by shift+right, which selects
        super().action_cursor_right(select)
        self._draw_ghost()

    def insert_candidate(self, index: int) -> None:
        """Inserts a word of the list. Counts a key press, and those of ↓ that chose a word."""
        words, choice = self.suggested.candidates, self.suggested.choice
        # While an answer is coming, the words are for an earlier text, unless one is chosen.
        if index < len(words) and (self.answer_gate.is_set() or choice):
            self.typing.accept([words[index]], 1 + choice)
        if self.suggested.choice:  # nothing has changed: the word is in the line already
            self._choose(0)

    # Choosing in the list, and editing lines of the page

    async def action_never_suggest_or_delete(self) -> None:
        """Stores that the word chosen in the list is never to be suggested, which undo takes back.
        If no word is chosen, deletes to the right."""
        if not self.suggested.choice:
            self.action_delete_right()
        elif await self.answer_gate.is_passed() and self.suggested.choice:
            word = self.suggested.candidates[self.suggested.choice - 1].word
            if stored := self.app.never_suggest(word, self.before):
                self.recall.note_step(partial(self._set_unwanted, stored, False))
                self.suggested.drop_chosen(self.before)
                self._draw_ghost()
                self.ask_again()

    def _set_unwanted(self, word: str, is_unwanted: bool) -> Reversal:
        """Stores that a word is never to be suggested, or that it may be again. Returns what
        reverses that."""
        (self.app.never_suggest if is_unwanted else self.app.suggest_again)(word)
        self.ask_again()
        return partial(self._set_unwanted, word, not is_unwanted)

    async def action_choose_next(self) -> None:
        choice = self.suggested.choice
        if not choice and not self._is_in_row_of(self.document.end):
            self.action_cursor_down()
        elif not choice and self.open_text.is_edit_unchanged:
            self.recall.step(1)
        elif await self.answer_gate.is_passed() and not self.is_hidden:
            self._choose(choice + 1)

    def action_choose_previous(self) -> None:
        if self.suggested.choice:
            self._choose(self.suggested.choice - 1)
        elif not self._is_in_row_of((0, 0)):
            self.action_cursor_up()
        elif not self.text or self.open_text.is_edit_unchanged:
            self.recall.step(-1)

    def _is_in_row_of(self, location: Location) -> bool:
        """Returns whether the cursor is in the row of the screen that has a location."""
        offset_of = self.wrapped_document.location_to_offset
        return offset_of(self.cursor_location).y == offset_of(location).y

    def _choose(self, choice: int) -> None:
        self.suggested.choose(choice, self.before)
        self.redraw_suggested()

    def action_hide(self) -> None:
        if self.suggested.choice:
            self._choose(0)
        elif self.open_text.edited is not None and not self.requested_ghost:
            self.recall.leave_edit()
        else:
            if self.requested_ghost:
                self.suggested.choose(0, self.before)  # the usual ghost takes its place
            self.suggested.set_visible(self.word_begin, False)
            self.redraw_suggested()

    def action_suggest_now(self) -> None:
        self.suggested.set_visible(self.word_begin, True)
        self.redraw_suggested()

    def redraw_suggested(self) -> None:
        """Draws the ghost and the list again."""
        self._draw_ghost()
        self.post_message(ListChanged())

    def action_send_or_insert(self) -> None:
        if self.suggested.choice:
            self.insert_candidate(self.suggested.choice - 1)
        else:
            self.recall.keep()
