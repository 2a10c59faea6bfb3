"""Keeps the text in the editor as lines of the open text, takes lines back to edit them, and undoes
and redoes that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from textual.message import Message
from textual.widgets import TextArea

from rnnlm_tui.session.tables import Turn
from rnnlm_tui.tui.writing.insertion import MAX_TEXT, TextTooLong, Typing
from rnnlm_tui.tui.writing.open_text import OpenText, Reversal, line_to_keep

if TYPE_CHECKING:
    from rnnlm_tui.tui.writing.predictor import Answer

EditorState: TypeAlias = tuple[Turn | None, str]
"""The turn being edited, and the text in the editor."""


@dataclass
class LinesKept(Message):
    """Lines were added to the open text. Or, if `edited` is a turn, a single line has replaced it;
    a line "" has removed it. `answer` is the latest answer for what was kept."""

    lines: Sequence[str]
    edited: Turn | None
    answer: Answer | None


class Recall:
    """Keeps the text of an editor as lines of the open text, and takes them back to be edited.

    Textual undoes changes within a line. When the line is kept, these steps are put away. They come
    back if that is undone.
    """

    def __init__(
        self,
        editor: TextArea,
        typing: Typing,
        text: OpenText,
        set_text: Callable[[str], None],
        tell_kept: Callable[[Sequence[str], Turn | None], None],
    ) -> None:
        """`set_text` replaces the text of the editor. `tell_kept` is called with the lines and the
        edited turn, as in `LinesKept`, when lines are kept."""
        self._editor, self._typing, self._text = editor, typing, text
        self._set_text, self._tell_kept = set_text, tell_kept
        self._undo_steps: list[tuple[EditorState, Reversal]] = []
        """What undoes each step, the last one last, with the state of the editor after the step."""
        self._redo_steps: list[tuple[EditorState, Reversal]] = []
        """What redoes each step that was undone, the next one last, with the state before it."""

    # Lines

    def keep(self) -> None:
        """Keeps the text of the editor as a new line, or in place of the turn that is edited, which
        is removed if nothing is left of it. While another text is being opened, begins a new line
        instead."""
        edited = self._text.edited
        line = line_to_keep(self._editor.text, edited)
        if self._text.is_opening:
            self._typing.type("\n")
        if self._text.is_opening or (not line and edited is None):
            return
        bring_back = self._put_away()
        self._set_text(self._text.end_edit())
        self._tell_kept([line], edited)
        if edited is None:
            self._text.add_lines(*self._text.blank_before(line), line)
        elif not line:
            self.remove(edited)
            return
        elif line != edited.line:
            self._text.change(edited, line)
        kept = edited or self._text.turns[-1]
        self._add_step(partial(bring_back, kept))  # an undo edits the kept line

    def keep_pasted(self, pasted: str) -> None:
        """Keeps all lines of a pasted text that have an end, as one step of undo.

        The text before the cursor is put in front of the first one. What follows the last line end
        is left in the editor. Blank lines at both ends are left out.
        """
        editor, (start, end) = self._editor, sorted(self._editor.selection)
        before = editor.get_text_range((0, 0), start)
        after = editor.get_text_range(end, editor.document.end)
        first, *more, rest = pasted.split("\n")
        lines = [before + first, *more, rest + after]
        filled = [place for place, line in enumerate(lines) if line.strip()]
        kept = lines[filled[0] : min(filled[-1] + 1, len(lines) - 1)] if filled else []
        if max(map(len, lines)) > MAX_TEXT:
            editor.post_message(TextTooLong(pasted))
        elif not kept:
            self._typing.insert(rest)
        else:
            bring_back = self._put_away()
            self._set_text(rest + after)
            editor.move_cursor((0, len(rest)))
            self._tell_kept(kept, None)
            kept = [*self._text.blank_before(kept[0]), *kept]
            self._text.add_lines(*kept)
            turns = self._text.turns[-len(kept) :]
            self._add_step(bring_back, partial(self._text.remove, turns))

    def remove(self, turn: Turn) -> None:
        self.note_step(self._text.remove([turn]))

    def step(self, by: int) -> None:
        """Edits the previous (-1) or next (1) line. Stops at the first line. After the last line
        comes what was being written."""
        turns = [turn for turn in self._text.turns if turn.line.strip()]
        edited = self._text.edited
        place = max(0, by + (turns.index(edited) if edited in turns else len(turns)))
        if place < len(turns):
            self.edit(turns[place])
        elif by > 0:
            self._set_text(self._text.end_edit())

    def edit(self, turn: Turn) -> None:
        """Edits a line of the open text. What is being written comes back afterwards."""
        if self._text.is_opening or turn not in self._text.turns:  # of the text before
            return
        text = self._text.begin_edit(turn)
        if len(text) > MAX_TEXT:  # a line of a file, with which keys would be slow
            text = self._text.end_edit()
            self._editor.post_message(TextTooLong(""))
        self._set_text(text)

    def leave_edit(self) -> None:
        """Ends the edit of a line without changing it."""
        bring_back = self._put_away()
        self._set_text(self._text.end_edit())
        self._add_step(bring_back)

    # Undo and redo

    @property
    def _state(self) -> EditorState:
        return self._text.edited, self._text.written

    def note_step(self, undo: Reversal) -> None:
        """Notes a step that changed lines or the list, but not the text in the editor. `undo`
        undoes it."""
        self._add_step(self._put_away(), undo)

    def _add_step(
        self, bring_back: Callable[[], None], change_lines: Reversal | None = None
    ) -> None:
        """Adds a step, with what undoes it, as in `_reversal`."""
        self._undo_steps.append((self._state, self._reversal(bring_back, change_lines)))
        self.forget_undone()

    def forget(self) -> None:
        """Forgets all steps, since another text was opened."""
        self._undo_steps = []
        self.forget_undone()

    def forget_undone(self) -> None:
        """Forgets the steps that could be redone, since something else was done."""
        self._redo_steps = []

    def undo(self) -> None:
        """Undoes the last step, unless the text in the editor was changed after it, or another text
        is being opened."""
        is_last = bool(self._undo_steps) and self._undo_steps[-1][0] == self._state
        if is_last and not self._text.is_opening:
            redo_steps = self._redo_steps  # the undo changes the text, which forgets them
            _, undo = self._undo_steps.pop()
            redo = undo()
            self._redo_steps = [*redo_steps, (self._state, redo)]

    def redo(self) -> bool:
        """Redoes the step that was undone last, unless the text in the editor was changed since.
        Returns whether it does."""
        if not self._redo_steps or self._redo_steps[-1][0] != self._state:
            return False
        *redo_steps, (_, redo) = self._redo_steps
        undo = redo()
        self._undo_steps.append((self._state, undo))
        self._redo_steps = redo_steps
        return True

    def _put_away(self) -> Callable[..., None]:
        """Puts away the text in the editor, its steps of undo and the edited turn, and begins new
        steps of undo. Returns what brings all of that back. Called with a turn, it makes that the
        edited turn."""
        editor = self._editor
        text, selection, history = editor.text, editor.selection, editor.history
        edited, interrupted = self._text.edited, self._text.interrupted
        editor.history = replace(history)  # a new one with the same limits

        def bring_back(kept: Turn | None = None) -> None:
            edit = (kept or edited, interrupted)
            if (text, *edit) != (editor.text, self._text.edited, self._text.interrupted):
                self._text.edited, self._text.interrupted = edit
                self._set_text(text)
                editor.selection = selection
            editor.history = history

        return bring_back

    def _reversal(
        self, bring_back: Callable[[], None], change_lines: Reversal | None = None
    ) -> Reversal:
        """Returns a function that undoes a step, and returns one that redoes it, and so on. Each
        puts away what the editor has, calls `change_lines` for the lines of the text, and then
        `bring_back` for what the editor had before."""

        def reverse() -> Reversal:
            bring_this_back = self._put_away()
            change_back = None if change_lines is None else change_lines()
            bring_back()
            return self._reversal(bring_this_back, change_back)

        return reverse
