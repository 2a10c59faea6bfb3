"""session.db: who can read it, and what happens if it is locked, lost or cut."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import database
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import Draft, Text, Turn, add_turn, read_turns, store_draft


@asynccontextmanager
async def session(
    folder: Path, failures: list[str] | None = None
) -> AsyncIterator[SessionDatabase]:
    """An app's session, closed at the end. Errors go to `failures`; without it there must be
    none."""
    failed: list[str] = []
    database = SessionDatabase(folder, lambda error: failed.append(error.message))
    yield database
    await database.close()
    if failures is None:
        assert not failed
    else:
        failures += failed


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    async with session(folder) as database:
        await database.read(partial(store_draft, text=Text(draft=Draft("private"))))
        assert {path.name for path in folder.iterdir()} >= {"session.db", "session.db-wal"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_text_that_cannot_be_stored_gives_the_same_error_each_time(tmp_path: Path) -> None:
    folder, failures = tmp_path / "session", list[str]()
    folder.write_text("a file")
    async with session(folder, failures) as database:
        for line in ("one", "two"):
            database.write(partial(store_draft, text=Text(draft=Draft(line))))
        with pytest.raises(StorageError) as caught:
            await database.read(lambda connection: None)
    assert set(failures) == {caught.value.message}
    assert str(folder) in caught.value.message


async def test_a_database_that_another_program_has_locked_is_not_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    path, failures = tmp_path / "session.db", list[str]()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        async with session(tmp_path, failures) as locked:
            locked.write(partial(store_draft, text=Text(draft=Draft("one"))))
    assert "database is locked" in failures[0]
    assert [path.name for path in tmp_path.iterdir()] == ["session.db"]


def replace_by_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


LOSSES: dict[str, Callable[[Path], object]] = {
    "folder deleted": lambda path: shutil.rmtree(path.parent),
    "folder moved": lambda path: path.parent.rename(path.parent.parent / "moved"),
    "file deleted": Path.unlink,
    "replaced by a copy": replace_by_copy,
    "emptied": lambda path: os.truncate(path, 0),
    "log deleted": lambda path: Path(f"{path}-wal").unlink(),
    "log emptied": lambda path: os.truncate(f"{path}-wal", 0),
}
"""Changes by other programs to the files of a running app, given the path of the database."""


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot go")
@pytest.mark.parametrize("loss", LOSSES)
async def test_nothing_is_written_to_files_that_are_not_those_that_were_opened(
    loss: str, tmp_path: Path
) -> None:
    text, failures = Text(), list[str]()
    async with session(tmp_path / "session", failures) as database:
        for number in range(50):
            database.write(partial(add_turn, text=text, turn=Turn(f"{number} before " * 40)))
        await database.read(lambda connection: None)
        assert database.problem is None
        LOSSES[loss](tmp_path / "session" / "session.db")
        database.write(partial(add_turn, text=text, turn=Turn("after")))
        with pytest.raises(StorageError, match=r"could not store .*session\.db") as caught:
            await database.read(partial(read_turns, text_number=text.number))
        assert database.problem is caught.value
    assert set(failures) == {caught.value.message}
