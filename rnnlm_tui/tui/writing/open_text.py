"""The text that is open, and the lines of it that are being edited."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.accepting import LINES_ABOVE
from rnnlm_tui.session import tables, texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import Continuation, Text, Turn, storable
from rnnlm_tui.session.text_file import ReadFile, write_text_file
from rnnlm_tui.text.reading import count_words
from rnnlm_tui.tui.widgets.inputs import sanitize_lines
from rnnlm_tui.tui.writing.spacing import MAX_TEXT

LONGEST_WAIT_S = 0.05
"""How long a key press waits for its text to be stored, so that it is painted after that. It takes
0.05 ms, and longer while a model is loaded or the log is copied into the database."""


Opening: TypeAlias = Callable[[], Awaitable[str]]
"""Opens a text, and returns what was being written at its end."""


class OpenText:
    """The lines of one text, in memory and in the session database, and the one being edited."""

    def __init__(self, database: SessionDatabase) -> None:
        self.database = database
        self.text = Text()
        self.turns: list[Turn] = []
        self.deleted: list[int] = []
        """The numbers of the texts deleted since the start, the newest last."""
        self.edited: Turn | None = None
        """The turn that is being edited."""
        self.interrupted = ""
        """What was being written at the end of the text when the edit began."""
        self.undoable: tuple[Turn, str] | None = None
        """The turn whose edit was ended last, and what an undo of that brings back: the edited text
        if it was cancelled, else the text before it."""
        self._draft = self.text, ""
        """What is being written at the end of a text."""
        self._is_waiting = False

    # Editing lines

    def is_unchanged(self, text: str) -> bool:
        """Returns whether `text` is that of the edited turn, not changed yet."""
        return self.edited is not None and text == lines_of(self.edited.line)

    def step(self, by: int, text: str) -> str | None:
        """Starts editing the previous (-1) or next (1) turn, and returns its text; None if there is
        none. Stops at the oldest turn; after the newest comes the unsent `text`."""
        turns = [turn for turn in self.turns if turn.line.strip()]
        here = turns.index(self.edited) if self.edited in turns else len(turns)
        there = max(0, here + by)
        if there < len(turns):
            return self.begin_edit(turns[there], text)
        return self.end_edit() if by > 0 else None

    def begin_edit(self, turn: Turn, text: str) -> str:
        """Starts editing a turn and returns its text. `text` is what it interrupts."""
        if self.edited is None:
            self.interrupted = text
        self.edited, self.undoable = turn, None
        return lines_of(turn.line)

    def end_edit(self, undoable: str | None = None) -> str:
        """Ends the edit, if there is one, and returns the text that was being written before it.
        An undo brings the text `undoable` back."""
        text, turn = self.interrupted, self.edited
        self.interrupted, self.edited = "", None
        self.undoable = None if turn is None or undoable is None else (turn, undoable)
        return text

    # Opening and storing

    async def open(self, number: int | None) -> str:
        """Opens the text with this number, or a new one, and returns what was being written at its
        end. Raises StorageError."""
        text, draft = await self.database.read(partial(texts.open_text, number=number))
        self.turns = await self.database.read(partial(tables.read_turns, text=text.number))
        self.text, self._draft = text, (text, draft)
        return draft

    def keep_draft(self, line: str) -> None:
        """Stores what is being written at the end of the text.

        Usually it is stored at the return, and survives if the app is killed. While the disk is
        slow, the latest one is stored later.
        """
        self._draft = self.text, line
        if not self._is_waiting:
            self._is_waiting = True
            self.database.write(self._write_draft, LONGEST_WAIT_S)

    def _write_draft(self, connection: sqlite3.Connection) -> None:
        self._is_waiting = False  # reset before the line is read, so that no later one is missed
        tables.put_draft(connection, *self._draft)

    async def open_last(self) -> str:
        """Opens the text that was opened last. Raises StorageError."""
        return await self.open(await self.database.read(texts.last_text))

    async def open_file(self, read: ReadFile) -> str:
        """Opens the text of a file, whose lines are those of the file unless they were changed here
        since it was saved. Raises StorageError."""
        number = await self.database.read(partial(texts.text_of_file, path=read.file.path))
        text = await self.database.read(partial(texts.read_text, number=number)) or Text()
        is_same = text.file is not None and text.file.digest == read.file.digest
        if not is_same and (text.file is None or text.is_saved):
            lines = [(line, None) for line in read.lines]
            put = partial(texts.set_file, text=text, file=read.file, lines=lines)
            await self.database.read(put)
        return await self.open(text.number)

    async def open_pasted(self, lines: str) -> str:
        """Opens a new text with these lines. Raises StorageError."""
        await self.open(None)
        for line in lines.rstrip().split("\n"):
            self.add_line(line)
        return ""

    async def is_still_there(self) -> bool:
        """Returns whether the text still exists, and takes over its new title. Raises
        StorageError."""
        stored = await self.database.read(lambda c: texts.read_text(c, self.text.number))
        if stored is not None:
            self.text.title = stored.title
        return stored is not None or self.text.number is None

    async def check_stored(self) -> None:
        """Raises StorageError unless a later app would find the lines and the draft."""

        def check(connection: sqlite3.Connection) -> None:
            found = [turn.line for turn in tables.read_turns(connection, self.text.number)]
            statement = "SELECT draft FROM text WHERE number = ?"
            (draft,) = connection.execute(statement, (self.text.number,)).fetchone() or ("",)
            wanted = [storable(turn.line) for turn in self.turns]
            if (found, draft) != (wanted, storable(self._draft[1])):
                raise sqlite3.DatabaseError("it does not have all of the text")

        await self.database.read_anew(check)

    @property
    def title(self) -> str:
        first = next((turn.line for turn in self.turns if turn.line.strip()), "")
        return texts.title_of(self.text.title or first)

    def add_line(self, line: str) -> Turn:
        """Adds a line and stores it."""
        self.text.changed_by(count_words(line))
        turn = Turn(line, sent=self.text.changed)
        self.turns.append(turn)
        self.database.write(partial(tables.add_turn, text=self.text, turn=turn))
        return turn

    def change_line(self, turn: Turn, line: str) -> None:
        """Replaces the line of a turn and deletes its continuations; an empty line deletes the
        turn."""
        self.text.changed_by(count_words(line) - count_words(turn.line))
        turn.line = line
        turn.continuations.clear()
        if not line:
            self.turns.remove(turn)
        change = partial(tables.change_turn, text=self.text, turn=turn, line=line)
        self.database.write(change)

    def add_continuation(self, turn: Turn, continuation: Continuation) -> None:
        turn.continuations.append(continuation)
        self.database.write(partial(tables.add_continuation, turn=turn, added=continuation))

    def remove_continuation(self, turn: Turn, continuation: Continuation) -> None:
        turn.continuations.remove(continuation)
        self.database.write(partial(tables.remove_continuation, turn=turn, removed=continuation))

    def previous_lines(self, turn: Turn | None = None) -> tuple[str, ...]:
        """Returns the lines above `turn`, by default all, the nearest last."""
        end = self.turns.index(turn) if turn in self.turns else len(self.turns)
        above = list[str]()
        for before in reversed(self.turns[:end]):
            # A file may be one line of a megabyte, which takes seconds to read.
            above += reversed(before.line[-MAX_TEXT:].splitlines())
            if len(above) >= LINES_ABOVE:
                break
        return tuple(reversed(above[:LINES_ABOVE]))

    async def save(self, text: Text, path: str, *, unstored: str | None = None) -> None:
        """Saves all lines of a text to a file. `path` is absolute. Another text may be opened
        meanwhile.

        If the text cannot be stored, `unstored` is what is being written: the file gets that too,
        and the lines that are in memory. Raises RnnlmError.
        """
        saved = max(time.time(), text.changed)
        if unstored is None:
            turns = await self.database.read(lambda c: tables.read_turns(c, text.number))
        else:
            turns = [*self.turns, *([Turn(unstored, sent=math.inf)] if unstored.strip() else ())]
        old = text.file if text.file and text.file.path == path else None
        encoding, line_end = (old.encoding, old.line_end) if old else ("utf-8", "\n")
        to_write = [storable(turn.line).replace("\n", line_end) for turn in turns]
        file = await asyncio.to_thread(write_text_file, path, to_write, encoding, line_end)
        file = file._replace(saved=saved)
        if unstored is None:
            await self.database.read(partial(texts.set_file, text=text, file=file))
        text.file = file


def kept_sentence(title: str, unsaved: Sequence[str]) -> str:
    """Says what was kept and how to continue, and which files do not have all of it; "" if nothing
    was kept."""
    kept = [f"Kept: “{title}”", f"To continue: {APP_NAME}"] if title else []
    return "\n".join([*kept, *(f"Not saved to its file: {path} (F5 saves it)" for path in unsaved)])


def lines_of(text: str) -> str:
    """Returns text without tabs or characters that could control the terminal."""
    return sanitize_lines(text.replace("\t", " "))
