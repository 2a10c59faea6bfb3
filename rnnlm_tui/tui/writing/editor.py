"""The line being written, with the ghost of what may follow it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult
from textual.document._edit import Edit
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.ghost import Ghost, Visibility, cut_to
from rnnlm_tui.tui.writing.key_order import AnswerGate, run_own_binding, unbind
from rnnlm_tui.tui.writing.keystrokes import KeystrokeCounter, Keystrokes
from rnnlm_tui.tui.writing.transcript import EarlierLines

WORD = re.compile(r" *[^ ]+")
WHOLE = re.compile(r".*[^ ].*")
CLOSING = frozenset(",.;:!?)]}”»")
"""Marks that are written close to the word before them: they replace the space of an accept."""
LONGEST_LINE = 20_000
"""Characters. With 20,000 a key takes 5 ms more; with 2 million it took half a second."""
ROOM_FOR_GHOST = 24
"""Cells kept free for the ghost if the line is longer than the field."""
SIZE_STEP = 16
"""Cells. A new size of the field is a new layout of the screen, so it grows in steps."""
APP_KEYS = ("f6", "f7")
"""A TextArea binds them to selecting, which ctrl+a and shift do too. The app needs them."""
LINE_KEYS: tuple[Binding, ...] = (
    Binding("tab", "accept_word_or_move_on", "word", id="line.accept_word",
            tooltip="Accept one word of the ghost; without a ghost, move the focus"),
    Binding("ctrl+right,alt+f", "accept('word', 'cursor_word_right')", "Accept a word", show=False,
            id="line.accept_word_right",
            tooltip="Accept one word of the ghost; without a ghost, move a word to the right"),
    Binding("right", "accept('all', 'cursor_right')", "all", id="line.accept_all",
            tooltip="Accept all of the ghost; elsewhere, move the cursor to the right"),
    Binding("end,ctrl+e", "accept('all', 'cursor_line_end')", "Accept all", show=False,
            id="line.accept_all_end",
            tooltip="Accept all of the ghost; elsewhere, move the cursor to the end"),
    Binding("down", "choose_next", "choose", id="line.choose_next",
            tooltip="Choose in the list; Enter or a digit inserts"),
    Binding("up", "choose_previous_or_recall", "Earlier", show=False, id="line.choose_previous",
            tooltip="Up in the list; on an empty line, your earlier lines"),
    Binding("escape", "hide", "hide", id="line.hide",
            tooltip="Hide the suggestions until the next word"),
    Binding("enter", "send_or_insert", "send", id="line.send",
            tooltip="Send the line; the model continues it. In the list: insert the chosen word"),
    Binding("ctrl+@,ctrl+space", "suggest_now", "suggest", show=False, id="line.suggest_now",
            tooltip="Suggest now, even if the ghost is off or hidden"),
    Binding("ctrl+z,super+z", "undo", "undo", id="line.undo",
            tooltip="Undo; one accept is one step"),
    Binding("ctrl+y,super+y", "redo", "Redo", show=False, id="line.redo",
            tooltip="Redo what was undone"),
)  # fmt: skip


@dataclass
class LineSent(Message):
    """The line is finished."""

    line: str
    keystrokes: Keystrokes


class LineChanged(Message):
    """The line, what is chosen or what is hidden has changed, and no answer will follow."""


class LineTooLong(Message):
    """Text was not put in, since the line would be too long."""


class LineEditor(TextArea):
    """One line of text. The ghost is shown only at its end, so that no key that moves the cursor
    within the line ever accepts.

    A TextArea holds it: it has undo and redo, and types through its suggestion without a blank.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*LINE_KEYS]
    DEFAULT_CSS = """
    LineEditor {
        height: 3;
        padding: 0 1;
        border: round $border-blurred;
        background: $background;
        scrollbar-size: 0 0;
        &:focus { border: round $border; }
        & .text-area--suggestion { color: $text-muted; text-style: italic underline; }
        & .text-area--cursor-line { background: transparent; }
        &:ansi .text-area--suggestion { color: ansi_default; text-style: italic underline dim; }
        &:ansi .text-area--cursor { color: ansi_default; background: ansi_default; }
        &:ansi .text-area--cursor { text-style: reverse; }
    }
    """

    def __init__(self, ask: Callable[[], bool]) -> None:
        """`ask` is called when the line or the cursor has changed; it returns whether an answer
        will come."""
        super().__init__(soft_wrap=False, highlight_cursor_line=False, tab_behavior="focus")
        unbind(self, APP_KEYS)
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self.choice: int | None = None
        """The number of the word that is chosen in the list, from 0."""
        self.earlier = EarlierLines()
        self.visibility = Visibility()
        self.answer_gate = AnswerGate()
        self._ask = ask
        self._ghost = Ghost()
        self._counter = KeystrokeCounter()
        self._seen = ("", self.selection)
        self._is_editing = False
        self._added_space_at: int | None = None

    @property
    def line(self) -> str:
        return self.document.get_line(0)

    @property
    def cursor(self) -> int:
        return self.cursor_location[1]

    @property
    def before(self) -> str:
        """The line up to the cursor."""
        return self.line[: self.cursor]

    @property
    def may_have_ghost(self) -> bool:
        """Whether the cursor is at the end, with nothing selected, and suggestions are shown."""
        is_at_end = self.selection.is_empty and self.cursor == len(self.line)
        return is_at_end and self.visibility.shows_ghost(self.before)

    @property
    def ghost(self) -> str:
        """The whole ghost, of which only a part may fit on the screen."""
        return self._ghost.remaining(self.line) if self.may_have_ghost else ""

    @property
    def keystrokes(self) -> Keystrokes:
        return self._counter.count(self.line)

    def set_line(self, line: str) -> None:
        """Replaces the line, which undo brings back."""
        self._put_in(one_line(line[:LONGEST_LINE]), Selection((0, 0), self.document.end))

    def show(self, words: tuple[str, ...], prefix: str, continuation: tuple[str, ...]) -> None:
        """Suggests `words`, all of which begin with `prefix`, at the cursor; the ghost is
        `continuation`, which begins with the first of them."""
        self._ghost.suggest(words, prefix)
        if self.choice is not None:
            self.choice = min(self.choice, len(words) - 1) if words else None
        self._set_ghost(sanitize(" ".join(continuation)))
        self.answer_gate.set()

    def ask_again(self) -> None:
        """Asks what comes at the cursor; the suggestions stay until the answer comes."""
        if self._ask():
            self.answer_gate.clear()
        else:
            self.answer_gate.set()
            self.post_message(LineChanged())

    def _set_ghost(self, continuation: str) -> None:
        if self.choice is not None:
            continuation = self._ghost.words[self.choice]
        self._ghost.set(self.before, continuation)
        self._draw_ghost()

    def _draw_ghost(self) -> None:
        room = max(ROOM_FOR_GHOST, self.content_size.width - cell_len(self.line)) - 1
        self.suggestion = cut_to(self.ghost, min(room, self.content_size.width - 1))

    # A TextArea of one line, with room for the ghost

    def _refresh_size(self) -> None:
        """Makes room for the ghost next to the text, which alone would end at the cursor."""
        width = cell_len(self.line) + 1 + cell_len(self.suggestion)
        steps = math.ceil((width - self.content_size.width) / SIZE_STEP)
        self.virtual_size = Size(self.content_size.width + SIZE_STEP * max(0, steps), 1)

    def watch_suggestion(self) -> None:
        if self.is_mounted:
            self._refresh_size()
            self.scroll_cursor_visible()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Keeps the cursor and the ghost after it in the field."""
        self._recompute_cursor_offset()  # type: ignore[no-untyped-call]
        x, y = self._cursor_offset
        width = min(2 + cell_len(self.suggestion), max(1, self.content_size.width - 1))
        shown = Region(x, y, width, 1)
        return self.scroll_to_region(shown, animate=False, force=True, center=center)

    def on_resize(self) -> None:
        self._draw_ghost()
        self.watch_suggestion()

    def edit(self, edit: Edit) -> EditResult:
        """Makes every change but undo and redo."""
        self._added_space_at = None
        start, end = (self._column(location) for location in (edit.top, edit.bottom))
        if end - start > 1:  # deleted on purpose, and not to be suggested again
            self._ghost.clear()
        self._counter.typed(start, end, len(edit.text))
        self._is_editing = True
        result = super().edit(edit)
        self._is_editing = False
        return result

    def _column(self, location: tuple[int, int]) -> int:
        """In characters. A TextArea ends the deletion of a line at the beginning of the next."""
        return location[1] if location[0] == 0 else len(self.line)

    def update_suggestion(self) -> None:
        self._moved()  # after an edit, an undo or a redo

    def watch_selection(self, before: Selection, after: Selection) -> None:
        if before != after:
            self._moved()  # most edits move the cursor too

    def _moved(self) -> None:
        line, selection = self._seen
        if (line, selection) == (self.line, self.selection):
            return
        self._seen = (self.line, self.selection)
        if line != self.line and not self._is_editing:
            self._counter.restored(line, self.line)
        self.visibility.move_to(self.before, is_empty=not self.line)
        self.choice = None
        self._draw_ghost()
        self.ask_again()

    def _put_in(self, text: str, place: Selection | None = None, keys: int | None = None) -> None:
        """Replaces what is at `place`, by default what is selected, as one step to undo. `keys` is
        the number of key presses that have accepted the text, None if it was pasted or recalled."""
        start, end = sorted(place or self.selection)
        if len(self.line) - (end[1] - start[1]) + len(text) > LONGEST_LINE:
            self.post_message(LineTooLong())
            return
        self.history.checkpoint()
        self.replace(text, start, end, maintain_selection_offset=False)
        self.history.checkpoint()
        self._counter.put_in(start[1], start[1] + len(text), keys)

    async def _on_key(self, event: events.Key) -> None:
        character = event.character
        # Not `event.is_printable`, which leaves out joiners and the spaces of other languages.
        if character and sanitize(character) == character:
            event.prevent_default().stop()
            if not self._is_more_than_a_letter(character):
                self._replace_via_keyboard(character, *self.selection)
        elif await run_own_binding(self, event.key):
            event.prevent_default().stop()
        elif event.key == "enter":  # bound to nothing: a TextArea would begin a new line
            event.prevent_default()

    def _is_more_than_a_letter(self, character: str) -> bool:
        """Whether the character chooses a word, or replaces the space that an accept has added;
        does it."""
        if self.choice is not None and character in "123456789":
            self.insert_candidate(int(character) - 1)
            return True
        here, self._added_space_at = self._added_space_at, None
        if here != self.cursor or not self.selection.is_empty or character not in (" ", *CLOSING):
            return False
        if character == " ":
            self._counter.typed(here - 1, here, 1)
        else:
            self.replace(character, (0, here - 1), (0, here), maintain_selection_offset=False)
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        self._put_in(one_line(event.text))

    def action_paste(self) -> None:
        """Pastes what was copied in this app; the terminal's own paste comes as an event."""
        self._put_in(one_line(self.app.clipboard))

    def _accept(self, text: str, keys: int) -> None:
        """Puts in what is accepted, and a space after it unless there is one."""
        if not self.line[self.cursor :].startswith(" "):
            text += " "
        self._put_in(text, keys=keys)
        self._added_space_at = self.cursor if text.endswith(" ") else None

    def _accept_ghost(self, pattern: re.Pattern[str]) -> bool:
        """Accepts the part of the ghost that matches; returns whether there is one."""
        found = pattern.match(self.ghost)
        if found is not None:
            self._accept(found[0], 1 if self.choice is None else self.choice + 2)
        return found is not None

    async def action_accept_word_or_move_on(self) -> None:
        may_come = self.may_have_ghost and not self.ghost
        # A slow model is no reason to take the focus away from the line.
        is_answered = not may_come or await self.answer_gate.is_passed()
        if not self._accept_ghost(WORD) and is_answered:
            self.screen.focus_next()

    async def action_accept(self, what: str, otherwise: str) -> None:
        """Accepts a word or all of the ghost; if there is none, runs the other action."""
        if not self._accept_ghost(WORD if what == "word" else WHOLE):
            await self.run_action(otherwise)

    def action_cursor_right(self, select: bool = False) -> None:
        self.suggestion = ""  # a TextArea would insert it, even if the key selects
        super().action_cursor_right(select)
        self._draw_ghost()

    def insert_candidate(self, index: int, keys: int | None = None) -> None:
        """Inserts a word of the list; by default `keys` are those of the choice and one more."""
        # Until the answer has come, the words are those for an earlier line.
        if index < len(self._ghost.words) and self.answer_gate.is_set():
            keys = 2 + (self.choice or 0) if keys is None else keys
            self._accept(self._ghost.remaining_of_word(index), keys)

    async def action_choose_next(self) -> None:
        if self.earlier.is_recalled(self.line):
            self._recall(1)
        elif await self.answer_gate.is_passed() and not self.visibility.is_hidden(self.before):
            following = 0 if self.choice is None else self.choice + 1
            if self._ghost.words:
                self._choose(min(following, len(self._ghost.words) - 1))

    def action_choose_previous_or_recall(self) -> None:
        if self.choice is not None:
            self._choose(self.choice - 1 if self.choice > 0 else None)
        elif self.earlier.is_recalled(self.line) or (not self.line and self.earlier.lines):
            self._recall(-1)

    def _choose(self, choice: int | None) -> None:
        self.choice = choice
        if choice is None:
            self._ask()
        else:
            self._set_ghost("")
        self.post_message(LineChanged())

    def _recall(self, by: int) -> None:
        self.set_line(self.earlier.step(by, self.line))
        self.earlier.shown = self.line

    def action_hide(self) -> None:
        self.visibility.hide(self.before)
        self.choice = None
        self._visibility_changed()

    def action_suggest_now(self) -> None:
        self.visibility.force(self.before)
        self._visibility_changed()

    def toggle_ghost(self) -> None:
        """Switches the ghost off or on; the list stays."""
        self.visibility.toggle()
        self._visibility_changed()

    def _visibility_changed(self) -> None:
        self._draw_ghost()
        self.post_message(LineChanged())

    def action_send_or_insert(self) -> None:
        if self.choice is not None:
            self.insert_candidate(self.choice)
        elif line := self.line.strip():
            self.post_message(LineSent(line, self.keystrokes))
            # Emptied at once: what is typed next belongs to the next line. Undo brings it back.
            self.set_line("")
            self.visibility.reset()
            self._added_space_at = None


def one_line(text: str) -> str:
    """Text from elsewhere, in one line and without anything that could steer the terminal."""
    return sanitize(" ".join(text.splitlines()).replace("\t", " "))
