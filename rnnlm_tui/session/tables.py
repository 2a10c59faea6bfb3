"""The tables of session.db, and the statements on the lines of a text. Does not import textual."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from rnnlm_tui.text.reading import count_words

STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Lets SQLite refuse values of a wrong type; older libraries store them."""
TABLES = (
    """CREATE TABLE text (
    number INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, changed REAL NOT NULL,
    opened REAL NOT NULL, pid INTEGER, words INTEGER NOT NULL, draft TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    path TEXT, encoding TEXT, line_end TEXT, digest TEXT, saved REAL
)""",
    """CREATE TABLE turn (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    text INTEGER NOT NULL REFERENCES text ON DELETE CASCADE, line TEXT NOT NULL, sent REAL
)""",
    """CREATE TABLE continuation (
    turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE,
    text TEXT NOT NULL, model TEXT NOT NULL, sampled INTEGER NOT NULL, copied TEXT NOT NULL
)""",
    "CREATE INDEX turn_of_text ON turn (text)",
    "CREATE INDEX continuation_of_turn ON continuation (turn)",
)
"""A text is open in the app whose process has the id `pid`, since `opened`; `draft` is what is
being written at its end. `deleted` is 1 from its deletion until the app ends. `copied` is JSON, a
list of a list for each `Copied`."""


class TextFile(NamedTuple):
    """The file of a text: its encoding, the end of its lines, the digest of its contents when it
    was last read or written, and when that was."""

    path: str
    encoding: str
    line_end: str
    digest: str
    saved: float


class Copied(NamedTuple):
    """A span of `length` words from index `start` that is copied from the training text of the
    model, where it first occurs in line `line_number`, from 1."""

    start: int
    length: int
    line_number: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """The continuation of a line by a model. `sampled` is false if it is the likeliest one."""

    text: str
    model: str
    sampled: bool
    copied: tuple[Copied, ...] = ()


@dataclass(slots=True, eq=False)
class Turn:
    """A line of the user and its continuations. `sent` is when it was sent, None for a line of a
    file. `number` is the key in the database, None until it is stored; only the database's thread
    uses it. All times are in seconds since the epoch."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    number: int | None = None
    sent: float | None = None


@dataclass(slots=True, eq=False)
class Text:
    """A text of the user. Without a `title` it is called by its first words. `changed` is when its
    lines were last changed; `number` as in `Turn`."""

    number: int | None = None
    title: str | None = None
    changed: float = 0.0
    words: int = 0
    file: TextFile | None = None

    @property
    def is_saved(self) -> bool:
        """Whether its file has all its lines."""
        return self.file is not None and self.changed <= self.file.saved

    def changed_by(self, words: int) -> None:
        """Notes that its lines were changed now. They have `words` more words."""
        self.words += words
        # Later than the file even if the clock was set back.
        after_file = math.nextafter(self.file.saved, math.inf) if self.file else 0.0
        self.changed = max(time.time(), after_file)


def store_text(connection: sqlite3.Connection, text: Text) -> int:
    """Stores a new text, which is open in this app, and returns its number."""
    if text.number is None:
        row = (text.title, time.time(), time.time(), os.getpid())
        statement = """INSERT INTO text (title, changed, opened, pid, words, draft, deleted)
            VALUES (?, ?, ?, ?, 0, '', 0)"""
        text.number = connection.execute(statement, row).lastrowid
    assert text.number is not None
    return text.number


def put_draft(connection: sqlite3.Connection, text: Text, line: str) -> None:
    """Stores what is being written at the end of a text."""
    if line or text.number is not None:
        row = (storable(line), store_text(connection, text))
        connection.execute("UPDATE text SET draft = ? WHERE number = ?", row)


def _lines_changed(connection: sqlite3.Connection, text: Text, words: int) -> None:
    """Notes that a text has changed: by `words` words."""
    row = (words, text.changed, text.number)
    connection.execute("UPDATE text SET words = words + ?, changed = ? WHERE number = ?", row)


def add_turn(connection: sqlite3.Connection, text: Text, turn: Turn) -> None:
    row = (store_text(connection, text), storable(turn.line), turn.sent)
    statement = "INSERT INTO turn (text, line, sent) VALUES (?, ?, ?)"
    turn.number = connection.execute(statement, row).lastrowid
    _lines_changed(connection, text, count_words(turn.line))


def change_turn(connection: sqlite3.Connection, text: Text, turn: Turn, line: str) -> None:
    """Replaces the line of a turn and deletes its continuations; an empty line deletes it."""
    statement = "SELECT line FROM turn WHERE number = ?"
    (before,) = connection.execute(statement, (turn.number,)).fetchone() or ("",)
    connection.execute("DELETE FROM continuation WHERE turn = ?", (turn.number,))
    if line:
        row = (storable(line), turn.number)
        connection.execute("UPDATE turn SET line = ? WHERE number = ?", row)
    else:
        connection.execute("DELETE FROM turn WHERE number = ?", (turn.number,))
    _lines_changed(connection, text, count_words(line) - count_words(before))


def add_continuation(connection: sqlite3.Connection, turn: Turn, added: Continuation) -> None:
    """Stores a continuation, unless its turn was deleted or never stored."""
    copied = msgspec.json.encode(added.copied).decode()
    connection.execute(
        "INSERT INTO continuation SELECT number, ?, ?, ?, ? FROM turn WHERE number = ?",
        (storable(added.text), storable(added.model), added.sampled, copied, turn.number),
    )


def remove_continuation(connection: sqlite3.Connection, turn: Turn, removed: Continuation) -> None:
    """Deletes a continuation, or one of several that are alike."""
    connection.execute(
        "DELETE FROM continuation WHERE rowid = (SELECT rowid FROM continuation"
        " WHERE turn = ? AND text = ? AND model = ? LIMIT 1)",
        (turn.number, storable(removed.text), storable(removed.model)),
    )


def read_turns(connection: sqlite3.Connection, text: int | None) -> list[Turn]:
    """Returns the lines of a text and their continuations."""
    statement = "SELECT number, line, sent FROM turn WHERE text = ? ORDER BY number"
    turns = {
        number: Turn(line, number=number, sent=sent)
        for number, line, sent in connection.execute(statement, (text,))
    }
    theirs = (
        "SELECT continuation.* FROM turn JOIN continuation ON turn.number = continuation.turn"
        " WHERE turn.text = ? ORDER BY continuation.rowid"
    )
    for number, line, model, sampled, copied in connection.execute(theirs, (text,)):
        spans: tuple[Copied, ...] = ()
        with suppress(msgspec.MsgspecError):
            spans = msgspec.json.decode(copied, type=tuple[Copied, ...])
        turns[number].continuations.append(Continuation(line, model, bool(sampled), spans))
    return list(turns.values())


def storable(text: str) -> str:
    """Returns the text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
