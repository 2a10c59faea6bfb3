"""The tables of session.db, and the statements on the lines of a text. Does not import textual."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from rnnlm_tui.formatting import as_unicode
from rnnlm_tui.text.reading import count_words

STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Makes SQLite refuse values of a wrong type. Versions before 3.37 cannot, and store them."""
TABLES = (
    """CREATE TABLE text (
    number INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, changed REAL NOT NULL,
    opened REAL NOT NULL, pid INTEGER, draft TEXT NOT NULL, edited INTEGER, edit TEXT NOT NULL,
    deleted INTEGER NOT NULL, path TEXT, encoding TEXT, line_end TEXT, digest TEXT, saved INTEGER
)""",
    """CREATE TABLE turn (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    text INTEGER NOT NULL REFERENCES text ON DELETE CASCADE, line TEXT NOT NULL, sent REAL,
    words INTEGER NOT NULL)""",
    "CREATE INDEX turn_of_text ON turn (text)",
    "CREATE TABLE day (day TEXT PRIMARY KEY, saved INTEGER NOT NULL)",
)
"""The columns `pid` and `opened` are the process that has the text open and the time when it opened
it. `draft`, `edited` and `edit` are the fields of the text's `Draft`; `edited` is the number of the
turn. `deleted` is the time when the text was deleted in milliseconds since the epoch, or 0. The
table `day` has the number of saved keys for each day, such as 2026-01-31."""


class SavedPart(IntEnum):
    """How much of a text its file has."""

    NOTHING = 0
    ALL = 1
    LINES = 2
    """All lines, but not the draft."""


class TextFile(NamedTuple):
    """The file of a text."""

    path: str
    encoding: str
    line_end: str
    digest: str
    """The digest of the contents when the file was last read or written."""
    saved: SavedPart = SavedPart.ALL


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user, which may have line breaks."""

    line: str
    number: int | None = None
    """The key in the database; None until its thread has stored the line."""
    sent: float | None = None
    """The time when the line was sent, in seconds since the epoch; None for a line of a file."""


class Draft(NamedTuple):
    """The unfinished part of a text."""

    end: str = ""
    """The line being written at the end of the text."""
    edited: Turn | None = None
    """The turn being edited, if there is one."""
    edit: str = ""
    """The new text of this turn."""


NO_DRAFT = Draft()


@dataclass(slots=True, eq=False)
class Text:
    """A text of the user. Without a `title` its first words are its title. `changed` is the time of
    the last change of its lines, in seconds since the epoch. `number` is as in `Turn`."""

    number: int | None = None
    title: str | None = None
    changed: float = 0.0
    file: TextFile | None = None
    draft: Draft = NO_DRAFT

    def note_change(self) -> None:
        """Notes that the lines change now, and that the file, if there is one, lacks the change."""
        self.changed = time.time()
        self.file = self.file and self.file._replace(saved=SavedPart.NOTHING)


def stored_number(connection: sqlite3.Connection, text: Text) -> int:
    """Returns the number of a text. A new text is first stored, and noted as open in this app."""
    if text.number is None:
        row = (text.title, time.time(), time.time(), os.getpid())
        statement = """INSERT INTO text (title, changed, opened, pid, draft, edit, deleted)
            VALUES (?, ?, ?, ?, '', '', 0)"""
        text.number = connection.execute(statement, row).lastrowid
    assert text.number is not None
    return text.number


def store_draft(connection: sqlite3.Connection, text: Text) -> None:
    """Stores the draft of a text. If both the text and its draft are empty, stores nothing."""
    end, edited, edit = text.draft
    if end or text.number is not None:
        number = edited.number if edited else None
        saved = text.file and text.file.saved
        row = (as_unicode(end), number, as_unicode(edit), saved, stored_number(connection, text))
        statement = "UPDATE text SET draft = ?, edited = ?, edit = ?, saved = ? WHERE number = ?"
        connection.execute(statement, row)


def add_turn(connection: sqlite3.Connection, text: Text, turn: Turn) -> None:
    """Stores a turn that is new, was changed or is restored. A turn with a number keeps its place
    in the text."""
    row = (
        turn.number,
        stored_number(connection, text),
        as_unicode(turn.line),
        turn.sent,
        count_words(turn.line),
    )
    statement = "INSERT OR REPLACE INTO turn VALUES (?, ?, ?, ?, ?)"
    turn.number = connection.execute(statement, row).lastrowid
    _store_change(connection, text)


def remove_turn(connection: sqlite3.Connection, text: Text, turn: Turn) -> None:
    connection.execute("DELETE FROM turn WHERE number = ?", (turn.number,))
    _store_change(connection, text)


Change: TypeAlias = Callable[[sqlite3.Connection, Text, Turn], None]
"""Either `add_turn` or `remove_turn`."""


@contextmanager
def transaction(
    connection: sqlite3.Connection, text: Text, turns: Sequence[Turn]
) -> Iterator[None]:
    """Makes all of some changes of a text and its turns, or none. If that fails, takes back the
    numbers that they got."""
    numbered: tuple[Text | Turn, ...] = (text, *turns)
    before = [(each, each.number) for each in numbered]
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    except sqlite3.Error:
        for each, number in before:
            each.number = number
        raise


def store_turns(
    connection: sqlite3.Connection, change: Change, text: Text, turns: Sequence[Turn]
) -> None:
    """Adds or removes turns, all of them or none."""
    with transaction(connection, text, turns):
        for turn in turns:
            change(connection, text, turn)


def _store_change(connection: sqlite3.Connection, text: Text) -> None:
    row = (text.changed, text.file and text.file.saved, text.number)
    connection.execute("UPDATE text SET changed = ?, saved = ? WHERE number = ?", row)


def read_turns(connection: sqlite3.Connection, text_number: int | None) -> list[Turn]:
    """Returns the lines of a text."""
    statement = "SELECT number, line, sent FROM turn WHERE text = ? ORDER BY number"
    found = connection.execute(statement, (text_number,))
    return [Turn(line, number, sent) for number, line, sent in found]
