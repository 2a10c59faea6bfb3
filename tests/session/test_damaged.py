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

from rnnlm_tui.session.database import VERSION, SessionDatabase, connect
from rnnlm_tui.session.tables import (
    Draft,
    Text,
    TextFile,
    Turn,
    add_turn,
    remove_turn,
    store_draft,
)
from rnnlm_tui.session.texts import (
    find_texts,
    last_text,
    lines_of_texts,
    open_text,
    set_deleted,
    store_file,
    unsaved_files,
)


def whole(path: Path) -> None:
    """Creates a database with rows in every table."""
    text = Text(title="a title", draft=Draft("half a line"))
    with closing(connect(path)) as connection:
        for number in range(12):
            turn = Turn(f"line {number} of a \u00fcser" + " x" * 40 * number, sent=1e9)
            add_turn(connection, text, turn)
        text.file = TextFile("/a/file", "utf-8", "\n", "0123")
        store_file(connection, text)
        store_draft(connection, text)


async def use(folder: Path) -> list[str]:
    """Does with a database all that an app does, and returns what was reported. Any error but
    StorageError fails the test."""
    reported = list[str]()
    session = SessionDatabase(folder, lambda error: reported.append(f"{error} ({error.hint})"))
    text, turns = await session.read(lambda c: open_text(c, last_text(c)))
    for work in (partial(find_texts, query="x"), partial(lines_of_texts, numbers=None)):
        await session.read(work)
    await session.read(unsaved_files)
    session.write(partial(add_turn, text=text, turn=Turn("a new line")))
    for turn in turns[:2]:
        turn.line = "changed"
        session.write(partial(add_turn, text=text, turn=turn))
        session.write(partial(remove_turn, text=text, turn=turn))
    for deleted in (True, False) if text.number else ():
        session.write(partial(set_deleted, number=text.number or 0, deleted=deleted))
    text.draft = Draft("a new line to come")
    session.write(partial(store_draft, text=text))
    await session.close()
    return reported


async def check_recovery(folder: Path) -> bool:
    """Uses a database that may be damaged; returns whether it was put aside. Fails unless the app
    says so, once, keeps the old file and works with the new one."""
    before = (folder / "session.db").read_bytes()
    reported, kept = await use(folder), folder / "session.db.damaged"
    assert len(reported) == kept.exists()
    if reported:
        assert str(kept) in reported[0]
        assert "x x" not in reported[0] and "half a line" not in reported[0], "private"
        assert kept.stat().st_size >= len(before)
        with closing(connect(folder / "session.db")) as connection:
            assert lines_of_texts(connection, None) == ["a new line"]
    return bool(reported)


@pytest.mark.parametrize("cases", [60, pytest.param(2_000, marks=pytest.mark.hunt)])
async def test_no_damage_of_the_file_stops_the_app(cases: int, tmp_path: Path) -> None:
    """Wrong bytes and flipped bits, most in the headers and the schema, and files that are cut."""
    whole(tmp_path / "whole.db")
    raw, rng, aside = (tmp_path / "whole.db").read_bytes(), random.Random(7), 0
    for case in range(cases):
        damaged = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 8, 32))):
            place = rng.randrange(rng.choice((100, 4096, len(raw))))
            damaged[place] = rng.choice((rng.randrange(256), damaged[place] ^ 1 << case % 8))
        if case % 10 == 0:
            del damaged[rng.randrange(len(damaged)) :]
        folder = tmp_path / str(case)
        folder.mkdir()
        (folder / "session.db").write_bytes(damaged)
        aside += await check_recovery(folder)
        shutil.rmtree(folder)
    assert cases / 4 < aside < cases, "the damage is too little or too much to test anything"


async def test_a_damaged_index_is_made_again_and_nothing_is_lost(tmp_path: Path) -> None:
    """SQLite's quick check passes, and each later write would fail."""
    path = tmp_path / "session.db"
    whole(path)
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"\x04\x03\x09\x01\x0b") + 4] ^= 16  # line 11 of text 1
    path.write_bytes(damaged)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    assert await use(tmp_path) == []
    assert [each.name for each in tmp_path.iterdir()] == ["session.db"]
    with closing(connect(path)) as connection:
        assert len(lines_of_texts(connection, None)) == 11


def version_of(number: int) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {number}")

    return change


def header_of_read_only(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[18] = 7  # the version of the format for writing
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (version_of(VERSION + 1), "another version"),
        (version_of(0), "already exists"),
        (header_of_read_only, "readonly"),
        (lambda path: path.write_bytes(b"no database " * 100), "not a database"),
    ],
)
async def test_what_is_not_a_whole_database_of_this_version_is_put_aside(
    change: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    """And replaces nothing that was put aside before."""
    for kept in ("session.db.damaged", "session.db.damaged-2"):
        whole(tmp_path / "session.db")
        change(tmp_path / "session.db")
        before = (tmp_path / "session.db").read_bytes()
        (reported,) = await use(tmp_path)
        assert reason in reported and kept in reported
        assert (tmp_path / kept).read_bytes()[:16] == before[:16]
        assert await use(tmp_path) == []
        (tmp_path / "session.db").unlink()


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
    assert len(await use(tmp_path)) == 1
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("session.db.damaged*"))
    assert b"in the log only" in kept
