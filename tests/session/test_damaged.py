"""Databases that are damaged, of another program or of another version: they are put aside."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import tables
from rnnlm_tui.session.damaged import put_aside
from rnnlm_tui.session.database import VERSION, SessionDatabase, connect
from rnnlm_tui.session.tables import (
    Continuation,
    Copied,
    Text,
    TextFile,
    Turn,
    add_continuation,
    add_turn,
    change_turn,
    put_draft,
    read_turns,
)
from rnnlm_tui.session.texts import (
    delete_text,
    find_texts,
    last_text,
    lines_of_texts,
    open_text,
    restore_text,
    set_file,
    unsaved_files,
)

Change = Callable[[sqlite3.Connection], object]


def whole(path: Path) -> None:
    """Creates a database with rows in every table."""
    text = Text(title="a title")
    with closing(connect(path)) as connection:
        for number in range(12):
            turn = Turn(f"line {number} of a \u00fcser" + " x" * 40 * number, sent=1e9)
            add_turn(connection, text, turn)
            copied = (Copied(0, 3, 7), Copied(4, 2, number))
            added = Continuation("and goes on", "m", bool(number % 2), copied)
            add_continuation(connection, turn, added)
        set_file(connection, text, TextFile("/a/file", "utf-8", "\n", "0123", 1e9))
        put_draft(connection, text, "half a line")


async def use(folder: Path) -> tuple[list[str], list[StorageError]]:
    """Does with a database all that an app does, and returns what was reported, and the errors that
    were raised. Any error but StorageError fails the test."""
    reported, raised = list[str](), list[StorageError]()
    session = SessionDatabase(folder, lambda error: reported.append(f"{error} ({error.hint})"))
    opened, turns = [(Text(), "")], list[Turn]()

    async def read(work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            await session.read(work)
        except StorageError as error:
            raised.append(error)

    await read(lambda connection: opened.append(open_text(connection, last_text(connection))))
    text, _ = opened[-1]
    await read(lambda connection: turns.extend(read_turns(connection, text.number)))
    for work in (partial(find_texts, query="x"), partial(lines_of_texts, numbers=None)):
        await read(work)
    await read(unsaved_files)
    new = Turn("a new line")
    session.write(partial(add_turn, text=text, turn=new))
    session.write(partial(add_continuation, turn=new, added=Continuation("text", "m", False)))
    for turn, line in zip(turns[:2], ("changed", ""), strict=False):
        session.write(partial(change_turn, text=text, turn=turn, line=line))
    await read(lambda connection: delete_text(connection, text.number or 0))
    session.write(lambda connection: restore_text(connection, text.number or 0))
    session.write(partial(put_draft, text=text, line="a new line to come"))
    await session.close()
    return reported, raised


async def check_recovery(folder: Path) -> bool:
    """Uses a database that may be damaged; returns whether it was put aside. Fails unless the app
    says so, once, keeps the old file and works with the new one."""
    before = (folder / "session.db").read_bytes()
    reported, raised = await use(folder)
    is_aside = (folder / "session.db.damaged").exists()
    assert not raised
    assert len(reported) == is_aside
    if is_aside:
        assert str(folder / "session.db.damaged") in reported[0]
        assert "x x" not in reported[0] and "half a line" not in reported[0], "private"
        assert (folder / "session.db.damaged").stat().st_size >= len(before)
        with closing(connect(folder / "session.db")) as connection:
            assert lines_of_texts(connection, None) == ["a new line"]
    return is_aside


@pytest.mark.skipif(not tables.STRICT, reason="an older SQLite")
def test_sqlite_refuses_values_of_a_wrong_type(tmp_path: Path) -> None:
    whole(tmp_path / "session.db")
    with closing(sqlite3.connect(tmp_path / "session.db")) as connection:
        for table, column in (("turn", "line"), ("continuation", "sampled"), ("text", "pid")):
            with pytest.raises(sqlite3.IntegrityError, match="cannot store BLOB value"):
                connection.execute(f"UPDATE {table} SET {column} = x'00ff'")


@pytest.mark.parametrize(
    "cases", [60, pytest.param(600, marks=pytest.mark.slow)], ids=["some", "many"]
)
async def test_no_damage_of_the_file_stops_the_app(cases: int, tmp_path: Path) -> None:
    """Wrong bytes, most in the pages of the schema and the headers, and files that are cut."""
    whole(tmp_path / "whole.db")
    raw, rng, aside = (tmp_path / "whole.db").read_bytes(), random.Random(7), 0
    for case in range(cases):
        damaged = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 8, 32))):
            end = rng.choice((100, 4096, len(raw)))
            damaged[rng.randrange(end)] = rng.randrange(256)
        if case % 10 == 0:
            del damaged[rng.randrange(len(damaged)) :]
        folder = tmp_path / str(case)
        folder.mkdir()
        (folder / "session.db").write_bytes(damaged)
        aside += await check_recovery(folder)
    assert cases / 4 < aside < cases, "the damage is too little or too much to test anything"


def newer(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")


def foreign(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 0")


async def test_a_header_that_says_read_only_is_damage(tmp_path: Path) -> None:
    whole(tmp_path / "session.db")
    damaged = bytearray((tmp_path / "session.db").read_bytes())
    damaged[18] = 7  # the version of the format for writing
    (tmp_path / "session.db").write_bytes(damaged)
    assert await check_recovery(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [(newer, "another version"), (foreign, "already exists")],
)
async def test_tables_that_are_not_the_current_ones_are_put_aside(
    change: Change, reason: str, tmp_path: Path
) -> None:
    whole(tmp_path / "session.db")
    with closing(sqlite3.connect(tmp_path / "session.db")) as connection, connection:
        change(connection)
    reported, _ = await use(tmp_path)
    assert len(reported) == 1 and reason in reported[0]
    assert (tmp_path / "session.db.damaged").exists()
    assert await use(tmp_path) == ([], [])


async def test_nothing_that_was_put_aside_is_replaced(tmp_path: Path) -> None:
    for contents in (b"no database " * 100, b"no database either " * 100):
        (tmp_path / "session.db").write_bytes(contents)
        assert len((await use(tmp_path))[0]) == 1
    assert (tmp_path / "session.db.damaged").read_bytes() == b"no database " * 100
    assert (tmp_path / "session.db.damaged-2").read_bytes() == b"no database either " * 100


async def test_what_is_in_the_log_only_is_kept(tmp_path: Path) -> None:
    """The log holds what was written since it was last copied into the database."""
    with closing(connect(tmp_path / "running.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        add_turn(connection, Text(), Turn("in the log only"))
        for end in ("", "-wal", "-shm"):  # as a killed app leaves them
            shutil.copy(tmp_path / f"running.db{end}", tmp_path / f"session.db{end}")
    damaged = bytearray((tmp_path / "session.db").read_bytes())
    damaged[:100] = bytes(100)
    (tmp_path / "session.db").write_bytes(damaged)
    assert len((await use(tmp_path))[0]) == 1
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("session.db.damaged*"))
    assert b"in the log only" in kept


def test_a_name_is_taken_if_any_of_its_files_is_there(tmp_path: Path) -> None:
    for name in ("a", "a-wal", "a.damaged-wal"):
        (tmp_path / name).write_text(name)
    assert put_aside(tmp_path / "a", ("-wal", "")) == tmp_path / "a.damaged-2"
    assert (tmp_path / "a.damaged-2-wal").read_text() == "a-wal"
    assert (tmp_path / "a.damaged-wal").read_text() == "a.damaged-wal"
