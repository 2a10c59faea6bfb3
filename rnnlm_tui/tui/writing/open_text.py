"""The text that is open: its lines, and the line being written or edited."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rnnlm_tui.formatting import INVISIBLE, as_unicode, same_start
from rnnlm_tui.session import tables, texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import NO_DRAFT, Draft, SavedPart, Text, Turn
from rnnlm_tui.session.text_file import ReadFile, write_text_file
from rnnlm_tui.suggesting.accepting import LINES_ABOVE
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.writing.insertion import MAX_TEXT

STORE_WAIT_S = 0.05
"""Seconds that a key press waits for its text to be stored, before it is painted. Storing takes
0.05 ms, and longer while a model is loaded or the log is copied into the database."""
BLOCK = re.compile(r"\s*([-*+•–]\s|\d+[.)]\s|[>|])")
"""Begins a line of a list, a quotation or a table in Markdown."""
CODE = "```"
"""The mark before and after a block of code."""
Opening: TypeAlias = Callable[[], Awaitable[str | None]]
"""Opens a text. May return a warning to show."""
Reversal: TypeAlias = Callable[[], "Reversal"]
"""Undoes or redoes a change, and returns what reverses that again."""


class Copy(NamedTuple):
    """A text as it is to be saved. Keys may change the text while it is being saved."""

    text: Text
    title: str
    lines: list[str]
    changed: float
    draft: Draft


class OpenText:
    """The lines of a text, in memory and in the session database, and the line being written.

    A line that was kept is a *turn*. What is being written at the end of the text, or in place of
    the turn being edited, is the *draft*.
    """

    def __init__(
        self, database: SessionDatabase, changed: Callable[[Turn], None] = lambda turn: None
    ) -> None:
        """`changed` is called with a turn that was added, changed, removed or brought back."""
        self.database = database
        self.text = Text()
        self.turns: list[Turn] = []
        self.deleted: list[int] = []
        """The numbers of the texts that can be brought back, the last deleted one last."""
        self.written = ""
        """The text in the editor, which keeps this up to date."""
        self.edited: Turn | None = None
        """The turn that is being edited."""
        self.interrupted = ""
        """What was being written at the end of the text when the edit began."""
        self.is_opening = False
        """True while another text is being opened, to which typed keys belong."""
        self._lines_in_file: list[str] | None = None
        """The lines that the file has; None if they are not known."""
        self._draft_in_file: Draft | None = None
        """The draft whose text the file has among its lines; None if that is not known."""
        self._changed = changed
        self._draft_write: Future[object] | None = None
        """The last write of the draft."""

    # Editing lines

    @property
    def is_edit_unchanged(self) -> bool:
        """True if a turn is being edited, and the editor still has its text."""
        return self.edited is not None and self.written == shown_line(self.edited)

    def begin_edit(self, turn: Turn) -> str:
        """Begins the edit of a turn, which interrupts what is being written. Returns the text of
        the turn."""
        if self.edited is None:
            self.interrupted = self.written
        self.edited = turn
        return shown_line(turn)

    def end_edit(self) -> str:
        """Ends the edit, if there is one. Returns the text that was being written before it."""
        text, self.interrupted, self.edited = self.interrupted, "", None
        return text

    # Opening and storing

    async def open(self, number: int | None) -> None:
        """Opens the text with this number, or a new one (None). Raises StorageError."""
        self._set_text(*await self.database.read(partial(texts.open_text, number=number)))

    async def open_last(self) -> None:
        """Opens the text that was opened last. Raises StorageError."""
        self._set_text(*await self.database.read(texts.open_last_text))

    def _set_text(self, text: Text, turns: list[Turn]) -> None:
        self.text, self.turns = text, turns
        self.go_on_with(self.text.draft)
        is_saved = self.text.file is not None and self.text.file.saved == SavedPart.ALL
        self._draft_in_file = self.text.draft if is_saved else None
        self._lines_in_file = self.lines if is_saved else None

    def go_on_with(self, draft: Draft) -> None:
        """Goes on with what was being written, also with the edit of a turn."""
        self.edited = draft.edited
        self.interrupted = "" if draft.edited is None else draft.end
        self.written = draft.end if draft.edited is None else draft.edit

    @property
    def draft(self) -> Draft:
        """The unfinished part of the text, without an edit that has changed nothing."""
        if self.edited is None:
            return Draft(self.written)
        if self.is_edit_unchanged:
            return Draft(self.interrupted)
        return Draft(self.interrupted, self.edited, self.written)

    @property
    def lines(self) -> list[str]:
        """All lines of the text, with the draft as Enter would keep it. Empty if they are blank."""
        draft = self.draft
        edited, end = draft.edited, line_to_keep(draft.end)
        edit = line_to_keep(draft.edit, edited)
        lines = [edit if turn is edited else turn.line for turn in self.turns]
        if end:
            lines += [*self.blank_before(end), end]
        return lines if any(map(str.strip, lines)) else []

    def keep_draft(self) -> None:
        """Stores what is being written.

        Usually it is stored before this method returns, and survives if the app is killed. If the
        disk is slow, it is stored later, or a later draft in its place.
        """
        if self.is_opening:
            return
        text = self.text
        text.draft = self.draft
        if text.file and text.file.saved != SavedPart.NOTHING:
            text.file = text.file._replace(saved=_saved(text.draft, self._draft_in_file))
        write = self._draft_write
        if write is None or write.running() or write.done():  # otherwise it will store this draft
            store = partial(tables.store_draft, text=text)
            self._draft_write = self.database.write(store, STORE_WAIT_S)

    async def open_file(self, read: ReadFile) -> str:
        """Opens the text of a file.

        It gets the lines of the file, unless its lines were changed here since they were saved. If
        another program has changed the file, returns a warning that says which lines the text has,
        or else "". The draft stays in any case. Raises StorageError.
        """
        text = await self.database.read(partial(texts.text_of_file, path=read.file.path))
        name = Path(read.file.path).name
        warning, draft = "", NO_DRAFT
        if text is None or text.file is None:
            text = Text()
        elif text.file.digest == read.file.digest:
            await self.open(text.number)
            return ""
        else:
            await self.open(text.number)
            ours = {line for turn in self.turns for line in turn.line.split("\n")}
            if text.file.saved == SavedPart.NOTHING and not ours <= {*read.lines}:
                return (
                    f"another program has changed {name}, and here are lines that are not in it: "
                    "save them under another name"
                )
            warning = f"another program has changed {name}: this is what it has now"
            draft = self.text.draft
        text.changed = time.time()
        text.file = read.file._replace(saved=_saved(draft, NO_DRAFT))
        put = partial(texts.replace_turns, text=text, turns=[*map(Turn, read.lines)])
        await self.database.read(put)
        await self.open(text.number)
        return warning

    async def open_pasted(self, lines: str) -> None:
        """Opens a new text with these lines. Raises StorageError."""
        text = Text(changed=time.time())
        turns = [*map(Turn, lines.rstrip().split("\n"))]
        put = partial(texts.replace_turns, text=text, turns=turns)
        await self.database.read(put)
        await self.open(text.number)

    async def store_again(self) -> None:
        """Stores all of the text again, after a write has failed. Raises StorageError."""
        text, turns = self.text, [*self.turns]

        def store(connection: sqlite3.Connection) -> None:
            texts.replace_turns(connection, text, turns)
            tables.store_draft(connection, text)

        await self.database.read(store)

    async def check_stored(self) -> None:
        """Raises StorageError unless the database has all lines and the draft, as a later app would
        read them."""

        def check(connection: sqlite3.Connection) -> None:
            found = [turn.line for turn in tables.read_turns(connection, self.text.number)]
            statement = "SELECT draft, edit FROM text WHERE number = ?"
            drafts = connection.execute(statement, (self.text.number,)).fetchone() or ("", "")
            end, _, edit = self.text.draft
            wanted = [as_unicode(turn.line) for turn in self.turns]
            if (found, *drafts) != (wanted, as_unicode(end), as_unicode(edit)):
                raise sqlite3.DatabaseError("it does not have all of the text")

        await self.database.read_anew(check)

    @property
    def is_deleted(self) -> bool:
        return self.text.number in self.deleted

    @property
    def title(self) -> str:
        """The name of the text, or else its first words."""
        first = next((turn.line for turn in self.turns if turn.line.strip()), self.draft.end)
        return texts.title_of(self.text.title or first)

    def blank_before(self, line: str) -> list[str]:
        """Returns the blank line that goes before a new line at the end, or [] if none does. There
        is one if the last paragraph or block has one above it, as in Markdown, but none within a
        block or in code."""
        lines = [turn.line for turn in self.turns]
        is_code = sum(each.count(CODE) for each in lines) % 2
        last = lines.pop() if lines else ""
        is_block = BLOCK.match(last)
        if is_code or not last.strip() or (is_block and BLOCK.match(line)):
            return []
        while is_block and lines and BLOCK.match(lines[-1]):
            lines.pop()
        return [""] if lines and not lines[-1].strip() else []

    def add_lines(self, *lines: str) -> None:
        """Adds lines at the end and stores them."""
        self.text.note_change()
        self._insert(len(self.turns), [Turn(line, sent=self.text.changed) for line in lines])

    def _insert(self, place: int, turns: Sequence[Turn]) -> Reversal:
        """Inserts turns. Returns what removes them again."""
        self.turns[place:place] = turns
        self._store(tables.add_turn, *turns)
        return partial(self.remove, turns)

    def remove(self, turns: Sequence[Turn]) -> Reversal:
        """Removes turns that follow each other. Returns what brings them back."""
        place = self.turns.index(turns[0])
        del self.turns[place : place + len(turns)]
        self._store(tables.remove_turn, *turns)
        return partial(self._insert, place, turns)

    def change(self, turn: Turn, line: str) -> None:
        """Replaces the line of a turn."""
        turn.line = line
        self._store(tables.add_turn, turn)

    def _store(self, change: tables.Change, *turns: Turn) -> None:
        """Stores turns that were changed. If the lines are now those of the file, the file has all
        of the text again, as when Enter keeps a draft that was saved among its lines."""
        file = self.text.file
        self.text.note_change()
        if file is not None and [turn.line for turn in self.turns] == self._lines_in_file:
            self._draft_in_file = NO_DRAFT
            self.text.file = file._replace(saved=_saved(self.draft, NO_DRAFT))
        self.database.write(partial(tables.store_turns, change=change, text=self.text, turns=turns))
        self._changed(turns[-1])

    def lines_above(self) -> tuple[str, ...]:
        """Returns the last LINES_ABOVE lines above the turn being edited, or else of all turns."""
        end = self.turns.index(self.edited) if self.edited in self.turns else len(self.turns)
        above = list[str]()
        for before in reversed(self.turns[:end]):
            # A file may be one line of a megabyte, which takes seconds to read.
            above += reversed(before.line[-MAX_TEXT:].splitlines())
            if len(above) >= LINES_ABOVE:
                break
        return tuple(reversed(above[:LINES_ABOVE]))

    def copy(self) -> Copy:
        """Returns the text as it is to be saved now."""
        self.keep_draft()
        return Copy(self.text, self.title, self.lines, self.text.changed, self.text.draft)

    async def save(self, copy: Copy, path: str, *, is_stored: bool) -> None:
        """Saves a text to the file with this absolute path. `is_stored` is true if the database can
        store that. Raises RnnlmError."""
        text = copy.text
        old = text.file if text.file and text.file.path == path else None
        encoding, line_end = (old.encoding, old.line_end) if old else ("utf-8", "\n")
        to_write = [as_unicode(line).replace("\n", line_end) for line in copy.lines]
        file = await asyncio.to_thread(write_text_file, path, to_write, encoding, line_end)
        is_changed = text.changed != copy.changed
        saved = SavedPart.NOTHING if is_changed else _saved(text.draft, copy.draft)
        text.file = file._replace(saved=saved)
        if text is self.text:  # no other text was opened meanwhile
            self._lines_in_file = copy.lines
            self._draft_in_file = copy.draft
        if is_stored:
            await self.database.read(partial(texts.store_file, text=text))


def _saved(draft: Draft, in_file: Draft | None) -> SavedPart:
    """Returns which part of a text its file has, if no line was kept or changed since it was saved.
    `draft` is the draft now, and `in_file` the one that was saved."""
    if draft == in_file:
        return SavedPart.ALL
    # In the file, a turn that was being edited has the text of the edit.
    is_edited = in_file is not None and in_file.edited is not None
    return SavedPart.NOTHING if is_edited else SavedPart.LINES


def shown_line(turn: Turn) -> str:
    """Returns the line of a turn as it is shown. In a file whose lines end in several ways, it may
    end in a carriage return."""
    return sanitize_lines(turn.line.removesuffix("\r"))


def line_to_keep(text: str, edited: Turn | None = None) -> str:
    """Returns the line that Enter keeps of the text in the editor, or "" if that is blank.

    It has no spaces at its end, where an accepted word leaves one. Where the text is still that of
    the `edited` turn, its line keeps what is not shown, and the spaces that it ends in.
    """
    if not text.strip():
        return ""
    if edited is None:
        return text.strip("\n").rstrip()
    line, shown = edited.line, shown_line(edited)
    if not shown[-1:].isspace():
        text = text.rstrip()
    start = same_start(shown, text)
    end = min(same_start(shown[::-1], text[::-1]), min(len(shown), len(text)) - start)
    places = [place for place, character in enumerate(line) if character not in INVISIBLE]
    places.append(len(line))
    changed = text[start : len(text) - end]
    return line[: places[start]] + changed + line[places[len(shown) - end] :]
