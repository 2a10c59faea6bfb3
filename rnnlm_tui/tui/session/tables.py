"""The tables of session.db, and what is read from them and written to them. No textual here."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.tui.session import old_files
from rnnlm_tui.tui.session.turns import Continuation, Copied, Turn

VERSION = 2
PATIENCE_S = 2.0
"""How long a write waits for another app's, which takes less than a millisecond."""
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


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database, or makes one that no other user can read.

    A new one takes over what older versions have kept in the same folder. Raises sqlite3.Error and
    OSError.
    """
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    try:
        for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA secure_delete = on")  # what is cleared is gone from the file too
        _bring_up_to_date(connection, path.parent)
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, folder: Path) -> None:
    taken = list[Path]()
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError("a newer version of this program has made it")
        if version == VERSION:
            return
        if version == 0:
            taken += _make_tables(connection, folder)
        else:
            connection.execute("ALTER TABLE turn ADD COLUMN model TEXT")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # on the disk before the files go
    for path in taken:
        with suppress(OSError):  # held by an app of an older version
            path.unlink()


def _make_tables(connection: sqlite3.Connection, folder: Path) -> list[Path]:
    """Makes the tables, and takes over what older versions have kept; returns their files."""
    for statement in SCHEMA.split(";\n"):
        connection.execute(statement)
    taken = list(old_files.paths(folder))
    for turn in old_files.turns(folder):
        add_turn(connection, turn)
        for continuation in turn.continuations:
            add_continuation(connection, turn, continuation)
    for table in ("draft", "pasted"):
        for name, text in old_files.texts(folder, table):
            put_text(connection, table, name, text)
    return taken


# The transcript


def add_turn(connection: sqlite3.Connection, turn: Turn) -> None:
    row = (_storable(turn.line), turn.model)
    statement = "INSERT INTO turn (line, model) VALUES (?, ?)"
    turn.number = connection.execute(statement, row).lastrowid


def lines_sent_with(connection: sqlite3.Connection, model: str) -> list[str]:
    """What was sent while this model suggested, the oldest first."""
    statement = "SELECT line FROM turn WHERE model = ? ORDER BY number"
    return [line for (line,) in connection.execute(statement, (model,))]


def rename_model(connection: sqlite3.Connection, old: str, new: str | None) -> None:
    """What was sent with the model `old` counts for `new`, or for none if the model is deleted."""
    connection.execute("UPDATE turn SET model = ? WHERE model = ?", (new, old))


def change_turn(connection: sqlite3.Connection, turn: Turn, line: str) -> None:
    """Stores another line in place of a turn's own, and deletes what continued that one."""
    row = (_storable(line), turn.number)
    connection.execute("UPDATE turn SET line = ? WHERE number = ?", row)
    connection.execute("DELETE FROM continuation WHERE turn = ?", row[1:])


def add_continuation(connection: sqlite3.Connection, turn: Turn, added: Continuation) -> None:
    """Stores a continuation, unless its turn was deleted meanwhile or never stored."""
    copied = " ".join(f"{s.start}:{s.length}:{s.line_number}" for s in added.copied)
    connection.execute(
        "INSERT INTO continuation SELECT number, ?, ?, ?, ? FROM turn WHERE number = ?",
        (_storable(added.text), _storable(added.model), added.sampled, copied, turn.number),
    )


def read_turns(
    connection: sqlite3.Connection, before: int | None = None, limit: int = -1
) -> list[Turn]:
    """The newest turns, the oldest first: at most `limit` unless that is negative, and those below
    the number `before` unless that is None."""
    rows = connection.execute(
        "SELECT number, line FROM turn WHERE number < ? ORDER BY number DESC LIMIT ?",
        (before or 1 << 62, limit),
    )
    turns = {number: Turn(line, number=number) for number, line in rows}
    for number, text, model, sampled, copied in connection.execute(
        "SELECT * FROM continuation WHERE turn BETWEEN ? AND ? ORDER BY rowid",
        (min(turns, default=0), max(turns, default=0)),
    ):
        if number in turns:  # another app may have added or deleted some since
            spans = tuple(Copied(*map(int, span.split(":"))) for span in copied.split())
            turns[number].continuations.append(Continuation(text, model, bool(sampled), spans))
    return list(reversed(turns.values()))


def count_turns(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM turn").fetchone()[0])


def delete_turns(connection: sqlite3.Connection, up_to: int | None, turns: Iterable[Turn]) -> None:
    """Deletes the turns up to a number and these, with their continuations."""
    connection.execute("DELETE FROM turn WHERE number <= ?", (up_to or 0,))
    for turn in turns:
        connection.execute("DELETE FROM turn WHERE number = ?", (turn.number,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# Texts in progress: the tables `draft` and `pasted`


def put_text(
    connection: sqlite3.Connection, table: str, app: str, text: str, pid: int | None = None
) -> None:
    """Stores the text of an app in place of the one before, or deletes it if `text` is empty. `pid`
    is the id of the app's process, None if it is gone."""
    if text:
        row = (app, pid, time.time(), _storable(text))
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", row)
    else:
        connection.execute(f"DELETE FROM {table} WHERE app = ?", (app,))


def left_texts(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The apps that have ended, however they did, and their texts, the newest last."""
    rows = connection.execute(f"SELECT app, pid, changed, text FROM {table} ORDER BY changed")
    return [(app, text) for app, pid, changed, text in rows if not is_running(pid, changed)]


def is_running(pid: int | None, then: float) -> bool:
    """Whether the process that had this id at the time `then` (seconds since the epoch) still runs,
    and is another than this one."""
    if pid is None or pid == os.getpid():
        return False
    import psutil  # 20 ms, for a start after a crash alone

    try:
        process = psutil.Process(pid)
        return process.create_time() <= then and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def _storable(text: str) -> str:
    """The text with lone surrogates replaced, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()
