"""The tables of session.db, their rows, and the statements on them. Does not import textual."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")
STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Lets SQLite refuse values of a wrong type; older libraries store them. In any case, rows are
checked when they are read."""
TABLES = (
    """CREATE TABLE turn (
    number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, model TEXT
)""",
    """CREATE TABLE continuation (
    turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE,
    text TEXT NOT NULL, model TEXT NOT NULL, sampled INTEGER NOT NULL, copied TEXT NOT NULL
)""",
    """CREATE TABLE draft (
    app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL, text TEXT NOT NULL
)""",
    """CREATE TABLE pasted (
    app TEXT PRIMARY KEY NOT NULL, pid INTEGER, changed REAL NOT NULL, text TEXT NOT NULL
)""",
)
INDEX = "CREATE INDEX continuation_of_turn ON continuation (turn)"
Count = Annotated[int, Meta(ge=0, lt=1 << 31)]
_spans = msgspec.json.Decoder(tuple[tuple[Count, Count, Count], ...])


class TurnRow(NamedTuple):
    """A row of `turn`."""

    number: int
    line: str
    model: str | None


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


class TextRow(NamedTuple):
    """A row of `draft` or `pasted`. `pid` is the id of the app's process, None if that has ended;
    `changed` is in seconds since the epoch."""

    app: str
    pid: Annotated[int, Meta(gt=0, lt=1 << 31)] | None
    changed: float
    text: str


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
    """A line of the user and its continuations. `model` is the name of the model that was active
    when the line was sent, or None. `number` is the key in the database, None until it is stored;
    only the database's thread uses it."""

    line: str
    continuations: list[Continuation] = field(default_factory=list)
    number: int | None = None
    model: str | None = None


def make_tables(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(f"{table}{STRICT}")
    connection.execute(INDEX)


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError if these are not the tables of `make_tables`, or if any row is
    damaged. Takes 40 ms for 20,000 turns with a continuation each."""
    statement = "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    created = [sql for (sql,) in connection.execute(statement)]
    if {str(sql).removesuffix(" STRICT") for sql in created} != {*TABLES, INDEX}:
        raise sqlite3.DatabaseError("it has other tables")
    (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if result != "ok":
        raise sqlite3.DatabaseError(str(result))
    _rows(connection, TurnRow, "SELECT * FROM turn")
    for row in _rows(connection, ContinuationRow, "SELECT * FROM continuation"):
        _ = row.continuation
    for table in ("draft", "pasted"):
        _rows(connection, TextRow, f"SELECT * FROM {table}")


def _rows(
    connection: sqlite3.Connection, kind: type[T], statement: str, parameters: Sequence[object] = ()
) -> list[T]:
    """Returns the rows that a statement selects. Raises sqlite3.DatabaseError if one is not of this
    kind."""
    try:
        return [msgspec.convert(row, kind) for row in connection.execute(statement, parameters)]
    except msgspec.ValidationError as error:
        raise sqlite3.DatabaseError(f"a damaged row: {error}") from error


# The transcript


def add_turn(connection: sqlite3.Connection, turn: Turn) -> None:
    row = (_storable(turn.line), turn.model)
    statement = "INSERT INTO turn (line, model) VALUES (?, ?)"
    turn.number = connection.execute(statement, row).lastrowid


def lines_sent_with(connection: sqlite3.Connection, model: str) -> list[str]:
    """Returns the lines sent while this model was active, the oldest first."""
    statement = "SELECT * FROM turn WHERE model = ? ORDER BY number"
    return [row.line for row in _rows(connection, TurnRow, statement, (model,))]


def rename_model(connection: sqlite3.Connection, old: str, new: str | None) -> None:
    """Renames the model of the lines sent with it; None if it was deleted."""
    connection.execute("UPDATE turn SET model = ? WHERE model = ?", (new, old))


def change_turn(connection: sqlite3.Connection, turn: Turn, line: str) -> None:
    """Replaces the line of a turn and deletes its continuations."""
    row = (_storable(line), turn.number)
    connection.execute("UPDATE turn SET line = ? WHERE number = ?", row)
    connection.execute("DELETE FROM continuation WHERE turn = ?", row[1:])


def add_continuation(connection: sqlite3.Connection, turn: Turn, added: Continuation) -> None:
    """Stores a continuation, unless its turn was deleted or never stored."""
    copied = json.dumps([(s.start, s.length, s.line_number) for s in added.copied])
    connection.execute(
        "INSERT INTO continuation SELECT number, ?, ?, ?, ? FROM turn WHERE number = ?",
        (_storable(added.text), _storable(added.model), added.sampled, copied, turn.number),
    )


def read_turns(
    connection: sqlite3.Connection, before: int | None = None, limit: int = -1
) -> list[Turn]:
    """Returns the newest turns, oldest first: at most `limit` unless that is negative, and only
    those with numbers below `before` unless that is None."""
    newest = "SELECT * FROM turn WHERE number < ? ORDER BY number DESC LIMIT ?"
    rows = _rows(connection, TurnRow, newest, (before or 1 << 62, limit))
    turns = {row.number: Turn(row.line, number=row.number) for row in rows}
    theirs = "SELECT * FROM continuation WHERE turn BETWEEN ? AND ? ORDER BY rowid"
    between = (min(turns, default=0), max(turns, default=0))
    for row in _rows(connection, ContinuationRow, theirs, between):
        if row.turn in turns:  # another app may have changed the tables between the two queries
            turns[row.turn].continuations.append(row.continuation)
    return list(reversed(turns.values()))


def count_turns(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM turn").fetchone()[0])


def delete_turns(connection: sqlite3.Connection, up_to: int | None, turns: Iterable[Turn]) -> None:
    """Deletes all turns up to a number, and those in `turns`, with their continuations."""
    connection.execute("DELETE FROM turn WHERE number <= ?", (up_to or 0,))
    numbers = ((turn.number,) for turn in turns)
    connection.executemany("DELETE FROM turn WHERE number = ?", numbers)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# Texts in progress: the tables `draft` and `pasted`


def put_text(
    connection: sqlite3.Connection, table: str, app: str, text: str, pid: int | None = None
) -> None:
    """Stores the text of an app in place of the previous one, or deletes it if `text` is empty.
    `pid` is the id of the app's process, None if that has ended."""
    if text:
        row = (app, pid, time.time(), _storable(text))
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", row)
    else:
        connection.execute(f"DELETE FROM {table} WHERE app = ?", (app,))


def left_texts(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Returns the apps that have ended, each with its text, the newest last."""
    rows = _rows(connection, TextRow, f"SELECT * FROM {table} ORDER BY changed")
    return [(row.app, row.text) for row in rows if not is_running(row.pid, row.changed)]


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


def _storable(text: str) -> str:
    """Returns the text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
