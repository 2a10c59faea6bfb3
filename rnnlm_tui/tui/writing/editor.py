"""The line being written, with the ghost of what may follow it.

A TextArea holds it: it has undo and redo, and types through its suggestion without a blank.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.document._document import EditResult
from textual.document._edit import Edit
from textual.message import Message
from textual.widgets.text_area import Selection

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.ghost import Ghost, fitting
from rnnlm_tui.tui.writing.keystrokes import KeystrokeCounter
from rnnlm_tui.tui.writing.line_keys import LINE_KEYS
from rnnlm_tui.tui.writing.one_line import OneLine

WORD = re.compile(r" *[^ ]+")
CLOSING = frozenset(",.;:!?)]}”»")
"""What is written close to the word before it, in place of the space that an accept has added."""
ROOM_FOR_GHOST = 24
"""Cells kept free for the ghost where the line is longer than the field."""
LONGEST_WAIT_S = 1.0
"""A key that needs an answer which is still to come waits so long, and those after it behind it."""


class LineEditor(OneLine):
    """One line. The ghost is shown at its end alone, so that no key that moves the cursor within it
    ever accepts."""

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
        &:ansi .text-area--cursor {
            color: ansi_default; background: ansi_default; text-style: reverse;
        }
    }
    """

    class Sent(Message):
        """The line is finished: `written` keys without suggestions, of which `saved` were saved."""

        def __init__(self, line: str, written: int, saved: int) -> None:
            super().__init__()
            self.line = line
            self.written = written
            self.saved = saved

    class StateChanged(Message):
        """What is chosen, hidden or accepted has changed."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        """`ask` is called when the line or the cursor has changed; it tells at once whether an
        answer will come."""
        super().__init__()
        self.ghost_on = True
        self.earlier_lines: list[str] = []
        self._account = KeystrokeCounter()
        self._ask = ask
        self._offer = Ghost()
        self.choice: int | None = None
        self._hidden_at: int | None = None
        self._forced_at: int | None = None
        self._recalled: int | None = None
        self._added_space_at: int | None = None
        self._answered = asyncio.Event()
        """Cleared while an answer to the line as it stands is still to come."""
        self._answered.set()

    # What stands in the line

    @property
    def ghost(self) -> str:
        """The whole ghost, though a part of it alone may fit on the screen."""
        return self._offer.rest_of(self.line) if self._is_shown and self.is_at_end else ""

    @property
    def is_hidden(self) -> bool:
        """Whether the suggestions are hidden until the next word."""
        return self._hidden_at is not None and self.word_number <= self._hidden_at

    @property
    def _is_shown(self) -> bool:
        forced = self._forced_at is not None and self._forced_at == self.word_number
        return forced or (self.ghost_on and not self.is_hidden)

    @property
    def written_keys(self) -> int:
        """Key presses that this line takes without suggestions."""
        return self._account.written(len(self.line))

    @property
    def saved_keys(self) -> int:
        """Key presses that accepts have saved in this line: the characters they put in less one
        each, and less those pressed in the list."""
        return self._account.saved

    # Answers

    def show(self, words: tuple[str, ...], prefix: str, continuation: tuple[str, ...]) -> None:
        """Offers `words`, all of which begin with `prefix`, for the place of the cursor; the ghost
        is `continuation`, which begins with the first of them."""
        self._offer.take(words, prefix)
        if self.choice is not None:
            self.choice = min(self.choice, len(words) - 1) if words else None
        self._promise(sanitize(" ".join(continuation)))
        self._answered.set()

    def forget(self) -> None:
        """Takes the offer back, which is another model's, and asks again."""
        self._offer, self.choice = Ghost(), None
        self._draw_ghost()
        self.ask_again()

    def ask_again(self) -> None:
        """Asks what comes at the cursor; the offer stands until the answer comes."""
        if self._ask():
            self._answered.clear()
        else:
            self._answered.set()

    async def _answer(self) -> None:
        """Waits for the answer, where one is to come. The keys that come meanwhile wait too, so
        that they keep their order."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), LONGEST_WAIT_S)

    def _promise(self, continuation: str) -> None:
        if self.choice is not None:
            continuation = self._offer.words[self.choice]
        self._offer.promise(self.line[: self.cursor], continuation)
        self._draw_ghost()

    def _draw_ghost(self) -> None:
        room = max(ROOM_FOR_GHOST, self.content_size.width - cell_len(self.line)) - 1
        self.suggestion = fitting(self.ghost, min(room, self.content_size.width - 1))

    # Edits and moves

    def edit(self, edit: Edit) -> EditResult:
        """Every change but undo and redo."""
        self._recalled = self._added_space_at = None
        start, end = (self._column(location) for location in (edit.top, edit.bottom))
        if end - start > 1:  # deleted on purpose, and not to be offered again
            self._offer.withdraw()
        self._account.edited(start, end, len(edit.text))
        result = super().edit(edit)
        self._account.remember(self.line)
        return result

    def _column(self, location: tuple[int, int]) -> int:
        """In characters; a TextArea ends the deletion of a line at the beginning of the next."""
        return location[1] if location[0] == 0 else len(self.line)

    def undo(self) -> None:
        """Takes back what was done last."""
        super().undo()
        self._account.restore(self.line)

    def redo(self) -> None:
        """Does what was taken back."""
        super().redo()
        self._account.restore(self.line)

    def update_suggestion(self) -> None:
        """After an edit, an undo or a redo."""
        self._moved()

    def watch_selection(self, before: Selection, after: Selection) -> None:
        """After the cursor has moved."""
        if before != after:
            self._moved()

    def _moved(self) -> None:
        if self.word_number != self._forced_at:
            self._forced_at = None
        if self._hidden_at is not None:
            if not self.line:
                self._hidden_at = 1
            if self.word_number > self._hidden_at:
                self._hidden_at = None
        self.choice = None
        self._draw_ghost()
        self.ask_again()
        self.post_message(self.StateChanged())

    def on_resize(self) -> None:
        """Cuts the ghost to the new width."""
        self._draw_ghost()

    def _takes(self, character: str) -> bool:
        """Whether the character is more than a letter to put in."""
        if self.choice is not None and character in "123456789":
            self._insert_candidate(int(character) - 1)
            return True
        return self._replaces_space(character)

    def _replaces_space(self, character: str) -> bool:
        """Whether the character takes the place of the space that an accept has added."""
        here, self._added_space_at = self._added_space_at, None
        if here != self.cursor or not self.selection.is_empty or self.line[here - 1 : here] != " ":
            return False
        if character == " ":
            self._account.lose_key()
            self._account.remember(self.line)
            return True
        if character in CLOSING:
            self.replace(character, (0, here - 1), (0, here), maintain_selection_offset=False)
            return True
        return False

    # Accepting

    def _put_in(
        self, text: str, place: Selection | None = None, *, keys: int | None = None
    ) -> None:
        """`keys` is how many accepted the text; it was pasted or recalled where that is None."""
        super()._put_in(text, place)
        # The figures are shown later, when the edit's messages are dealt with.
        self._account.not_typed(self.cursor - len(text), self.cursor, keys)
        self._account.remember(self.line)

    def _accept(self, text: str, keys: int) -> None:
        """Puts what is accepted in place; a space follows, where none does."""
        if not self.line[self.cursor :].startswith(" "):
            text += " "
        self._put_in(text, keys=keys)
        self._added_space_at = self.cursor if text.endswith(" ") else None

    def _accept_ghost(self, text: str) -> None:
        self._accept(text, 1 if self.choice is None else self.choice + 2)

    async def action_accept_word_or_move_on(self) -> None:
        may_come = self._is_shown and self.is_at_end
        if may_come and not self.ghost:
            await self._answer()
        # A model that keeps one waiting is no reason to take the focus from who writes.
        if not self._accept_word() and (self._answered.is_set() or not may_come):
            self.screen.focus_next()

    def action_accept_word_or_skip_word(self) -> None:
        if not self._accept_word():
            self.action_cursor_word_right()

    def _accept_word(self) -> bool:
        word = WORD.match(self.ghost)
        if word:
            self._accept_ghost(word[0])
        return bool(word)

    def action_accept_all_or_right(self) -> None:
        if self.ghost.strip():
            self._accept_ghost(self.ghost)
        else:
            self.action_cursor_right()

    def action_accept_all_or_end(self) -> None:
        if self.ghost.strip():
            self._accept_ghost(self.ghost)
        else:
            self.action_cursor_line_end()

    def action_cursor_right(self, select: bool = False) -> None:
        """A TextArea would insert its suggestion, even where the key selects."""
        self.suggestion = ""
        super().action_cursor_right(select)
        self._draw_ghost()

    # The list

    def insert_candidate(self, index: int) -> None:
        """Puts the candidate in place, which was clicked."""
        self._insert_candidate(index, 1)

    def _insert_candidate(self, index: int, keys: int | None = None) -> None:
        """By default with the keys that have led to the choice, and one more."""
        # While an answer is awaited, the words are those for an earlier line.
        if index < len(self._offer.words) and self._answered.is_set():
            keys = 2 + (self.choice or 0) if keys is None else keys
            self._accept(self._offer.rest_of_word(index), keys)

    async def action_choose_next(self) -> None:
        if self._recalled is not None:
            self._recall(self._recalled + 1)
            return
        await self._answer()
        last = len(self._offer.words) - 1
        if self._answered.is_set() and last >= 0 and not self.is_hidden:
            self._choose(0 if self.choice is None else min(self.choice + 1, last))

    def action_choose_previous_or_recall(self) -> None:
        if self.choice is not None:
            self._choose(self.choice - 1 if self.choice > 0 else None)
        elif self._recalled is not None:
            self._recall(self._recalled - 1)
        elif not self.line and self.earlier_lines:
            self._recall(len(self.earlier_lines) - 1)

    def _choose(self, choice: int | None) -> None:
        self.choice = choice
        if choice is None:
            self._ask()
        else:
            self._promise("")
        self.post_message(self.StateChanged())

    def _recall(self, number: int) -> None:
        """Puts an earlier line in place; after the last, the empty line."""
        number = max(0, number)
        line = self.earlier_lines[number] if number < len(self.earlier_lines) else ""
        self.set_line(line)
        self._recalled = number if line else None

    # Other keys

    def action_hide(self) -> None:
        self._hidden_at, self._forced_at, self.choice = self.word_number, None, None
        self._draw_ghost()
        self.post_message(self.StateChanged())

    def action_suggest_now(self) -> None:
        self._hidden_at, self._forced_at = None, self.word_number
        self._draw_ghost()
        self._ask()
        self.post_message(self.StateChanged())

    def toggle_ghost(self) -> None:
        """Switches the ghost off or on; the list stays."""
        self.ghost_on = not self.ghost_on
        self._forced_at = None
        if self.ghost_on:
            self._hidden_at = None
        self._draw_ghost()
        self.post_message(self.StateChanged())

    def action_send_or_insert(self) -> None:
        if self.choice is not None:
            self._insert_candidate(self.choice)
        elif self.line.strip():
            self.post_message(self.Sent(self.line.strip(), self.written_keys, self.saved_keys))
            # Emptied at once: what is typed next belongs to the next line. Undo brings it back.
            self._account.close(self.line)
            self.set_line("")
            self._recalled = self._hidden_at = self._forced_at = self._added_space_at = None
