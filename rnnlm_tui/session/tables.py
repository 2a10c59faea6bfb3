"""The tables of session.db, and the statements on the lines of a text. Does not import textual."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from rnnlm_tui.text.reading import count_words

STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Lets SQLite refuse values of a wrong type; older libraries store them."""
DAY = "CREATE TABLE day (day TEXT PRIMARY KEY, saved INTEGER NOT NULL)"
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
    DAY,
)
"""A text is open in the app whose process has the id `pid`, since `opened`. `draft`, `edited` and
`edit` are its `Draft`; `edited` is the number of the turn. `deleted` is when it was deleted, in
milliseconds since the epoch, 0 if it was not. A day, such as 2026-01-31, has the number of saved
keys."""


class SavedPart(IntEnum):
    """The part of a text, as it is now, that its file has."""

    NOTHING = 0
    ALL = 1
    LINES = 2
    """All lines, but not what is being written."""


class TextFile(NamedTuple):
    """The file of a text: its encoding, the end of its lines, the digest of its contents when it
    was last read or written, and the part of the text that it has."""

    path: str
    encoding: str
    line_end: str
    digest: str
    saved: SavedPart = SavedPart.ALL


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user, which may have line breaks. `sent` is when it was sent, None for a line
    of a file. `number` is the key in the database, None until the line is stored; only the
    database's thread sets it. All times are in seconds since the epoch."""

    line: str
    number: int | None = None
    sent: float | None = None


class Draft(NamedTuple):
    """The unfinished part of a text: the line at its `end`; the turn `edited`, None if no turn is
    being edited; and `edit`, its new text."""

    end: str = ""
    edited: Turn | None = None
    edit: str = ""


NO_DRAFT = Draft()


@dataclass(slots=True, eq=False)
class Text:
    """A text of the user. Without a `title` its first words are its title. `changed` is when its
    lines were last changed; `number` is as in `Turn`."""

    number: int | None = None
    title: str | None = None
    changed: float = 0.0
    file: TextFile | None = None
    draft: Draft = NO_DRAFT

    def changed_now(self) -> None:
        """Notes that the lines were changed now: its file, if any, has to be saved again."""
        self.changed = time.time()
        self.file = self.file and self.file._replace(saved=SavedPart.NOTHING)


def stored_number(connection: sqlite3.Connection, text: Text) -> int:
    """Returns the number of a text. A new one is stored first, as open in this app."""
    if text.number is None:
        row = (text.title, time.time(), time.time(), os.getpid())
        statement = """INSERT INTO text (title, changed, opened, pid, draft, edit, deleted)
            VALUES (?, ?, ?, ?, '', '', 0)"""
        text.number = connection.execute(statement, row).lastrowid
    assert text.number is not None
    return text.number


def store_draft(connection: sqlite3.Connection, text: Text) -> None:
    """Stores the draft of a text. A new text is not stored for an empty draft."""
    end, edited, edit = text.draft
    if end or text.number is not None:
        number = edited.number if edited else None
        saved = text.file and text.file.saved
        row = (storable(end), number, storable(edit), saved, stored_number(connection, text))
        statement = "UPDATE text SET draft = ?, edited = ?, edit = ?, saved = ? WHERE number = ?"
        connection.execute(statement, row)


def add_turn(connection: sqlite3.Connection, text: Text, turn: Turn) -> None:
    """Stores a turn that is new, was changed or comes back. With a number it keeps its place."""
    row = (
        turn.number,
        stored_number(connection, text),
        storable(turn.line),
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


def store_turns(
    connection: sqlite3.Connection, change: Change, text: Text, turns: Iterable[Turn]
) -> None:
    """Adds or removes turns, all of them or none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for turn in turns:
            change(connection, text, turn)


def _store_change(connection: sqlite3.Connection, text: Text) -> None:
    row = (text.changed, text.file and text.file.saved, text.number)
    connection.execute("UPDATE text SET changed = ?, saved = ? WHERE number = ?", row)


def read_turns(connection: sqlite3.Connection, text: int | None) -> list[Turn]:
    """Returns the lines of a text."""
    statement = "SELECT number, line, sent FROM turn WHERE text = ? ORDER BY number"
    found = connection.execute(statement, (text,))
    return [Turn(line, number, sent) for number, line, sent in found]


def storable(text: str) -> str:
    """Returns the text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
