"""The tables of session.db, their rows, and the statements on them. Does not import textual."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

SCHEMA = """
CREATE TABLE turn (number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, model TEXT);
CREATE TABLE continuation (
    turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE,
    text TEXT NOT NULL, model TEXT NOT NULL, sampled INTEGER NOT NULL, copied TEXT NOT NULL
);
CREATE INDEX continuation_of_turn ON continuation (turn);
CREATE TABLE draft (app TEXT PRIMARY KEY, pid INTEGER, changed REAL, text TEXT NOT NULL);
CREATE TABLE pasted (app TEXT PRIMARY KEY, pid INTEGER, changed REAL, text TEXT NOT NULL);
"""


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


# The transcript


def add_turn(connection: sqlite3.Connection, turn: Turn) -> None:
    row = (_storable(turn.line), turn.model)
    statement = "INSERT INTO turn (line, model) VALUES (?, ?)"
    turn.number = connection.execute(statement, row).lastrowid


def lines_sent_with(connection: sqlite3.Connection, model: str) -> list[str]:
    """Returns the lines sent while this model was active, the oldest first."""
    statement = "SELECT line FROM turn WHERE model = ? ORDER BY number"
    return [line for (line,) in connection.execute(statement, (model,))]


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
    copied = " ".join(f"{s.start}:{s.length}:{s.line_number}" for s in added.copied)
    connection.execute(
        "INSERT INTO continuation SELECT number, ?, ?, ?, ? FROM turn WHERE number = ?",
        (_storable(added.text), _storable(added.model), added.sampled, copied, turn.number),
    )


def read_turns(
    connection: sqlite3.Connection, before: int | None = None, limit: int = -1
) -> list[Turn]:
    """Returns the newest turns, oldest first: at most `limit` unless that is negative, and only
    those with numbers below `before` unless that is None."""
    rows = connection.execute(
        "SELECT number, line FROM turn WHERE number < ? ORDER BY number DESC LIMIT ?",
        (before or 1 << 62, limit),
    )
    turns = {number: Turn(line, number=number) for number, line in rows}
    for number, text, model, sampled, copied in connection.execute(
        "SELECT * FROM continuation WHERE turn BETWEEN ? AND ? ORDER BY rowid",
        (min(turns, default=0), max(turns, default=0)),
    ):
        if number in turns:  # another app may have changed the tables between the two queries
            spans = tuple(Copied(*map(int, span.split(":"))) for span in copied.split())
            turns[number].continuations.append(Continuation(text, model, bool(sampled), spans))
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
    rows = connection.execute(f"SELECT app, pid, changed, text FROM {table} ORDER BY changed")
    return [(app, text) for app, pid, changed, text in rows if not is_running(pid, changed)]


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
