"""The tables of session.db. No textual here."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.tui.session.old_files import take_over

VERSION = 1
PATIENCE_S = 2.0
"""How long a write waits for another app's, which takes less than a millisecond."""
SCHEMA = """
CREATE TABLE turn (number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);
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
        _make_tables(connection, path.parent)
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection, folder: Path) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError("a newer version of this program has made it")
        if version == VERSION:
            return
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        taken = take_over(connection, folder)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # on the disk before the files go
    for file in taken:
        with suppress(OSError):  # held by an app of an older version
            file.unlink()
