"""The tables of session.db, their rows, and the statements on them. Does not import textual."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from rnnlm_tui.text.reading import count_words

T = TypeVar("T")
STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Lets SQLite refuse values of a wrong type; older libraries store them. In any case, rows are
checked when they are read."""
TABLES = (
    """CREATE TABLE text (
    number INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, changed REAL NOT NULL,
    opened REAL NOT NULL, words INTEGER NOT NULL,
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
    """CREATE TABLE draft (
    app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL, line TEXT NOT NULL,
    text INTEGER REFERENCES text ON DELETE CASCADE
)""",
    """CREATE TABLE pasted (
    app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL, line TEXT NOT NULL,
    text INTEGER REFERENCES text ON DELETE CASCADE
)""",
)
INDEXES = (
    "CREATE INDEX turn_of_text ON turn (text)",
    "CREATE INDEX continuation_of_turn ON continuation (turn)",
)
SEQUENCE = "CREATE TABLE sqlite_sequence(name,seq)"
"""The table that SQLite makes for AUTOINCREMENT. If this is damaged, every write fails."""
Count = Annotated[int, Meta(ge=0, lt=1 << 31)]
_spans = msgspec.json.Decoder(tuple[tuple[Count, Count, Count], ...])


class TextRow(NamedTuple):
    """A row of `text`. The columns from `path` on are those of its file, None if it has none."""

    number: int
    title: str | None
    changed: float
    opened: float
    words: int
    path: str | None
    encoding: str | None
    line_end: str | None
    digest: str | None
    saved: float | None

    @property
    def file(self) -> TextFile | None:
        try:
            return None if self.path is None else msgspec.convert(self[5:], TextFile)
        except msgspec.ValidationError as error:
            raise sqlite3.DatabaseError(f"the file of a text: {error}") from error


class TurnRow(NamedTuple):
    """A row of `turn`."""

    number: int
    text: int
    line: str
    sent: float | None


class ContinuationRow(NamedTuple):
    """A row of `continuation`. `copied` is a list in JSON, of a list for each `Copied`."""

    turn: int
    text: str
    model: str
    sampled: Annotated[int, Meta(ge=0, le=1)]
    copied: str

    @property
    def continuation(self) -> Continuation:
        """The continuation of the row. Raises sqlite3.DatabaseError."""
        try:
            spans = _spans.decode(self.copied)
        except msgspec.MsgspecError as error:
            raise sqlite3.DatabaseError(f"the copied words of a row: {error}") from error
        copied = tuple(Copied(*span) for span in spans)
        return Continuation(self.text, self.model, bool(self.sampled), copied)


class KeptRow(NamedTuple):
    """A row of `draft` or `pasted`. `pid` is the id of the app's process, None if that has ended or
    has left the text; `text` is the number of the text that a draft belongs to."""

    app: str
    pid: Annotated[int, Meta(gt=0, lt=1 << 31)] | None
    changed: float
    line: str
    text: int | None


class TextFile(NamedTuple):
    """The file of a text: its encoding, the end of its lines, the digest of its contents when it
    was last read or written, and when that was."""

    path: str
    encoding: str
    line_end: str
    digest: str
    saved: float


@dataclass(frozen=True, slots=True)
class Copied:
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


def make_tables(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(f"{table}{STRICT}")
    for index in INDEXES:
        connection.execute(index)


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError if these are not the tables of `make_tables`, or if any row is
    damaged. Takes 40 ms for 20,000 turns with a continuation each."""
    statement = """SELECT sql FROM sqlite_master
        WHERE name NOT GLOB 'sqlite[_]*' OR name = 'sqlite_sequence'"""
    created = {str(sql).removesuffix(" STRICT") for (sql,) in connection.execute(statement)}
    if created != {*TABLES, *INDEXES, SEQUENCE}:
        raise sqlite3.DatabaseError("it has other tables")
    (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if result != "ok":
        raise sqlite3.DatabaseError(str(result))
    for text in rows(connection, TextRow, "SELECT * FROM text"):
        _ = text.file
    rows(connection, TurnRow, "SELECT * FROM turn")
    for row in rows(connection, ContinuationRow, "SELECT * FROM continuation"):
        _ = row.continuation
    for table in ("draft", "pasted"):
        rows(connection, KeptRow, f"SELECT * FROM {table}")


def rows(
    connection: sqlite3.Connection, kind: type[T], statement: str, parameters: Sequence[object] = ()
) -> list[T]:
    """Returns the rows that a statement selects. Raises sqlite3.DatabaseError if one is not of this
    kind."""
    try:
        found = connection.execute(statement, parameters).fetchall()
        return msgspec.convert(found, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise sqlite3.DatabaseError(f"a damaged row: {error}") from error


def adopt_transcript(connection: sqlite3.Connection) -> None:
    """Makes the transcript of a database of version 1 the first text."""
    old = ("continuation", "turn", "draft", "pasted")
    kept = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in old}
    for table in old:
        connection.execute(f"DROP TABLE {table}")
    make_tables(connection)
    words = sum(count_words(line) for _, line, _ in kept["turn"])
    row = (time.time(), time.time(), words)
    connection.execute("INSERT INTO text (number, changed, opened, words) VALUES (1, ?, ?, ?)", row)
    for number, line, _ in kept["turn"]:
        connection.execute("INSERT INTO turn VALUES (?, 1, ?, NULL)", (number, line))
    connection.executemany("INSERT INTO continuation VALUES (?, ?, ?, ?, ?)", kept["continuation"])
    connection.executemany("INSERT INTO draft VALUES (?, ?, ?, ?, 1)", kept["draft"])
    connection.executemany("INSERT INTO pasted VALUES (?, ?, ?, ?, NULL)", kept["pasted"])


# The lines of a text


def store_text(connection: sqlite3.Connection, text: Text) -> int:
    """Stores a new text, or one that another app has deleted, and returns its number."""
    row = (text.number, text.title, time.time(), time.time())
    statement = "INSERT OR IGNORE INTO text (number, title, changed, opened, words)"
    added = connection.execute(f"{statement} VALUES (?, ?, ?, ?, 0)", row)
    if text.number is None:
        text.number = added.lastrowid
    assert text.number is not None
    return text.number


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
    copied = json.dumps([(s.start, s.length, s.line_number) for s in added.copied])
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
    statement = "SELECT * FROM turn WHERE text = ? ORDER BY number"
    turns = {
        row.number: Turn(row.line, number=row.number, sent=row.sent)
        for row in rows(connection, TurnRow, statement, (text,))
    }
    theirs = (
        "SELECT continuation.* FROM turn JOIN continuation ON turn.number = continuation.turn"
        " WHERE turn.text = ? ORDER BY continuation.rowid"
    )
    for row in rows(connection, ContinuationRow, theirs, (text,)):
        if row.turn in turns:  # another app may have changed the tables between the two queries
            turns[row.turn].continuations.append(row.continuation)
    return list(turns.values())


# What is being written: the tables `draft` and `pasted`


def put_kept(
    connection: sqlite3.Connection,
    table: str,
    app: str,
    line: str,
    pid: int | None = None,
    text: int | None = None,
) -> None:
    """Stores what is written in an app in place of the previous one, or deletes it if `line` is
    empty. `pid` and `text` as in `KeptRow`."""
    if line:
        row = (app, pid, time.time(), storable(line), text)
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?)", row)
    else:
        connection.execute(f"DELETE FROM {table} WHERE app = ?", (app,))


def left_lines(
    connection: sqlite3.Connection, table: str, text: int | None
) -> list[tuple[str, str]]:
    """Returns the apps that have ended or have left the text, each with what was written there, the
    newest last."""
    statement = f"SELECT * FROM {table} WHERE text IS ? ORDER BY changed"
    kept = rows(connection, KeptRow, statement, (text,))
    return [(row.app, row.line) for row in kept if not is_running(row.pid, row.changed)]


def is_running(pid: int | None, then: float) -> bool:
    """Returns whether the process that had this id at the time `then` (seconds since the epoch) is
    still running. False for this process."""
    if pid is None or pid == os.getpid():
        return False
    import psutil  # 20 ms, needed only after a crash

    try:
        process = psutil.Process(pid)
        return process.create_time() <= then and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def storable(text: str) -> str:
    """Returns the text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
