"""The lines of an editor: keeps them, takes them back to be edited, undoes and redoes that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from textual.message import Message
from textual.widgets import TextArea

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.writing.insertion import MAX_TEXT, TextTooLong, Typing
from rnnlm_tui.tui.writing.open_text import OpenText, Reversal, lines_of

if TYPE_CHECKING:
    from rnnlm_tui.tui.writing.predictor import Answer

EditorState: TypeAlias = tuple[Turn | None, str]
"""The turn being edited, and what stands in the editor."""


@dataclass
class LinesKept(Message):
    """Lines were added to the open text. If `edited` is a turn, the only line has replaced it, or
    removed it if it is "". `answer` is the last one for the text that was kept."""

    lines: Sequence[str]
    edited: Turn | None
    answer: Answer | None


class Recall:
    """Keeps the text of an editor as lines of the open text, and takes them back to be edited.

    Undo within a line is Textual's. When a line is kept, its steps of undo are put away; they come
    back when that is undone.
    """

    def __init__(
        self,
        editor: TextArea,
        typing: Typing,
        text: OpenText,
        set_text: Callable[[str], None],
        tell_kept: Callable[[Sequence[str], Turn | None], None],
    ) -> None:
        """`set_text` replaces the text of the editor; `tell_kept` is called with the fields of
        `LinesKept` when lines are kept."""
        self._editor, self._typing, self._text = editor, typing, text
        self._set_text, self._tell_kept = set_text, tell_kept
        self._done: list[tuple[EditorState, Reversal]] = []
        """How to undo what was done, the newest last, each with the state after it."""
        self._undone: list[tuple[EditorState, Reversal]] = []
        """How to redo what was undone, the last one last, each with the state after that."""

    # Lines

    def keep(self) -> None:
        """Keeps the text of the editor as a new line, or in place of the one that is edited, which
        is removed if nothing is left of it."""
        line, edited = self._editor.text.strip(), self._text.edited
        if not line and edited is None:
            return
        go_on = self._put_away()
        self._set_text(self._text.end_edit())
        self._store([line], edited)
        if line:
            kept = edited or self._text.turns[-1]
            self._add(self._reversal(partial(go_on, kept)))

    def keep_pasted(self, pasted: str) -> None:
        """Keeps the lines that end in a pasted text, without blank ones at its ends, as one step of
        undo. The first one begins with what stands before the cursor; the last one, if it has no
        end, is written on."""
        editor, (start, end) = self._editor, sorted(self._editor.selection)
        before = editor.get_text_range((0, 0), start)
        after = editor.get_text_range(end, editor.document.end)
        first, *more, rest = pasted.split("\n")
        lines = [before + first, *more, rest + after]
        filled = [place for place, line in enumerate(lines) if line.strip()]
        kept = lines[filled[0] : filled[-1] + 1] if filled else []
        if filled and filled[-1] == len(more) + 1:
            kept.pop()
        if max(map(len, lines)) > MAX_TEXT:
            editor.post_message(TextTooLong(pasted))
        elif not kept:
            self._typing.insert(rest)
        else:
            go_on = self._put_away()
            self._set_text(rest + after)
            editor.move_cursor((0, len(rest)))
            self._store(kept, None)
            turns = self._text.turns[-len(kept) :]
            self._add(self._reversal(go_on, partial(self._text.remove, turns)))

    def _store(self, lines: Sequence[str], edited: Turn | None) -> None:
        self._tell_kept(lines, edited)
        if edited is None:
            self._text.add_lines(*lines)
        elif not lines[0]:
            self.remove(edited)
        elif lines[0] != lines_of(edited.line).strip():
            self._text.change(edited, lines[0])

    def remove(self, turn: Turn) -> None:
        """Removes a line."""
        self.note(self._text.remove([turn]))

    def step(self, by: int) -> None:
        """Edits the previous (-1) or next (1) line. Stops at the oldest one; after the newest one
        comes what was being written."""
        turns = [turn for turn in self._text.turns if turn.line.strip()]
        edited = self._text.edited
        place = max(0, by + (turns.index(edited) if edited in turns else len(turns)))
        if place < len(turns):
            self.edit(turns[place])
        elif by > 0:
            self._set_text(self._text.end_edit())

    def edit(self, turn: Turn) -> None:
        """Edits a line. What is being written comes back afterwards."""
        text = self._text.begin_edit(turn, self._editor.text)
        if len(text) > MAX_TEXT:  # a paragraph of a file; the rest of it would be lost
            text = self._text.end_edit()
            self._editor.post_message(TextTooLong(""))
        self._set_text(text)

    def leave_edit(self) -> None:
        """Ends the edit of a line, which stays as it was."""
        go_on = self._put_away()
        self._set_text(self._text.end_edit())
        self._add(self._reversal(go_on))

    # Undo and redo

    @property
    def _state(self) -> EditorState:
        return self._text.edited, self._text.written

    def note(self, undo: Reversal) -> None:
        """Notes how to undo what was done with lines or the list, while the text stayed."""
        self._add(self._reversal(self._put_away(), undo))

    def _add(self, undo: Reversal) -> None:
        self._done.append((self._state, undo))
        self.forget_undone()

    def forget(self) -> None:
        """Forgets all steps: another text is open."""
        self._done = []
        self.forget_undone()

    def forget_undone(self) -> None:
        """Forgets what could be redone: something else was done."""
        self._undone = []

    def undo(self) -> None:
        """Undoes what was done last, unless the text in the editor was changed after it."""
        if self._done and self._done[-1][0] == self._state:
            undone = self._undone  # the undo changes the text, which forgets them
            redo = self._done.pop()[1]()
            self._undone = [*undone, (self._state, redo)]

    def redo(self) -> None:
        """Redoes what was undone last, unless another line is being edited now."""
        if self._undone and self._undone[-1][0] == self._state:
            *undone, (_, redo) = self._undone
            undo = redo()
            self._done.append((self._state, undo))
            self._undone = undone

    def _put_away(self) -> Callable[..., None]:
        """Begins new steps of undo within the line. Returns what goes on with those until now and
        with the text as it is now; with a turn as its argument, as an edit of that."""
        editor = self._editor
        text, selection, history = editor.text, editor.selection, editor.history
        edited, interrupted = self._text.edited, self._text.interrupted
        editor.history = replace(history)  # an empty one

        def go_on(kept: Turn | None = None) -> None:
            edit = (kept or edited, interrupted)
            if (text, *edit) != (editor.text, self._text.edited, self._text.interrupted):
                self._text.edited, self._text.interrupted = edit
                self._set_text(text)
                editor.selection = selection
            editor.history = history

        return go_on

    def _reversal(self, go_on: Callable[[], None], of_lines: Reversal | None = None) -> Reversal:
        """Returns what reverses what was done with lines or the list, and then goes on with what
        was put away."""

        def reverse() -> Reversal:
            go_back = self._put_away()
            back = None if of_lines is None else of_lines()
            go_on()
            return self._reversal(go_back, back)

        return reverse
