"""session.db: what is restored after a restart, with one app or with several."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import database
from rnnlm_tui.session.database import KeptText, SessionDatabase, connect
from rnnlm_tui.session.tables import (
    Text,
    Turn,
    add_turn,
    is_running,
    put_kept,
    read_turns,
    store_text,
)
from tests.helpers.session import kept_texts


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


async def restored(folder: Path, table: str) -> str:
    """The text that a new app finds."""
    async with session(folder) as database:
        kept = KeptText(database, table)
        return await kept.restore()


@pytest.mark.parametrize("table", ["draft", "pasted"])
async def test_a_text_comes_back_until_it_is_emptied(table: str, tmp_path: Path) -> None:
    async with session(tmp_path / "session") as database:
        kept = KeptText(database, table)
        for text in ("s", "sh", "two\nlines [/b] \u2028 lone \ud800"):
            kept.keep(text)
    assert await restored(tmp_path / "session", table) == "two\nlines [/b] \u2028 lone ?"
    async with session(tmp_path / "session") as database:
        kept = KeptText(database, table)
        assert await kept.restore()
        kept.keep("")
    assert await restored(tmp_path / "session", table) == ""
    assert kept_texts(tmp_path, table) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    async with session(folder) as database:
        KeptText(database, "pasted").keep("private")
        await database.read(lambda connection: None)
        assert {path.name for path in folder.iterdir()} >= {"session.db", "session.db-wal"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_slow_disk_gets_the_latest_text_only(tmp_path: Path) -> None:
    gate, statements = threading.Event(), list[str]()

    def hold(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        assert gate.wait(10)

    async with session(tmp_path / "session") as database:
        database.write(hold)
        kept = KeptText(database, "draft")
        for text in ("a", "a b", "a bi", "a bird"):
            kept.keep(text)
        gate.set()
    assert kept_texts(tmp_path, "draft") == ["a bird"]
    assert len([statement for statement in statements if "INSERT" in statement]) == 1


@pytest.mark.parametrize(
    ("table", "turns", "then"), [("draft", ["oldest", "older"], ""), ("pasted", [], "older")]
)
async def test_of_several_texts_the_newest_comes_back(
    table: str, turns: list[str], then: str, tmp_path: Path
) -> None:
    """Other drafts of the text become turns of it, and other pasted texts stay. A running app keeps
    its own."""
    folder, text = tmp_path / "session", Text() if table == "draft" else None
    with closing(connect(folder / "session.db")) as connection:
        number = store_text(connection, text) if text else None
        put_kept(connection, table, "other", "of another app", os.getppid(), number)
        for place, line in enumerate(("oldest", "older", "newest")):
            put_kept(connection, table, f"app {place}", line, None, number)
    async with session(folder) as database:
        kept = KeptText(database, table, text)
        assert await kept.restore() == "newest"
        kept.keep("")
        found = await database.read(partial(read_turns, text=number))
        assert [turn.line for turn in found] == turns
        assert await KeptText(database, table, text).restore() == then
    assert "of another app" in kept_texts(tmp_path, table)


@pytest.mark.parametrize("table", ["draft", "pasted"])
async def test_a_text_is_stored_at_once(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_WAIT_S", 20.0)
    async with session(tmp_path / "session") as running:
        kept = KeptText(running, table)
        for text in ("s", "sh", "sha", "x" * 20_000):
            kept.keep(text)
            assert kept_texts(tmp_path, table) == [text]


async def test_a_long_text_is_stored_while_the_app_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_WAIT_S", 20.0)
    gate = threading.Event()
    async with session(tmp_path / "session") as running:
        running.write(lambda connection: gate.wait(10))
        KeptText(running, "pasted").keep("x" * 200_000)
        gate.set()  # it would not come to this if it waited
    assert kept_texts(tmp_path, "pasted") == ["x" * 200_000]


@pytest.mark.parametrize("table", ["draft", "pasted"])
async def test_a_text_survives_a_killed_app(table: str, tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys, pathlib\n"
        "from rnnlm_tui.session.database import KeptText, SessionDatabase\n"
        "async def main():\n"
        "    database = SessionDatabase(pathlib.Path(sys.argv[1]), print)\n"
        "    KeptText(database, sys.argv[2]).keep('half a line')\n"
        "    await database.read(lambda connection: None)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "session"), table], check=False, timeout=60
    )
    assert done.returncode != 0
    assert await restored(tmp_path / "session", table) == "half a line"


async def test_what_was_written_in_a_text_that_was_left_is_taken_over_by_who_opens_it(
    tmp_path: Path,
) -> None:
    """Also while the app that has left it is still open."""
    text = Text()
    async with session(tmp_path / "session") as one, session(tmp_path / "session") as two:
        kept = KeptText(one, "draft", text)
        kept.keep("half a line")
        assert await KeptText(two, "draft", Text()).restore() == "", "another text"
        kept.leave()
        await one.read(lambda connection: None)
        assert await KeptText(two, "draft", text).restore() == "half a line"


def test_a_process_runs_or_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(process.pid, time.time())
        assert not is_running(process.pid, 1.0), "its id was another process's then"
        process.kill()
        deadline = time.monotonic() + 10
        while is_running(process.pid, time.time()):  # nobody has waited for it yet
            assert time.monotonic() < deadline
    assert not is_running(process.pid, time.time())
    assert not is_running(None, time.time())
    assert not is_running(os.getpid(), time.time()), "an app of this process that has ended"


async def test_a_text_that_cannot_be_stored_gives_the_same_error_each_time(tmp_path: Path) -> None:
    folder, failures = tmp_path / "session", list[str]()
    folder.write_text("a file")
    async with session(folder, failures) as database:
        KeptText(database, "draft").keep("one")
        KeptText(database, "pasted").keep("two")
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
            KeptText(locked, "draft").keep("one")
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
    "index deleted": lambda path: Path(f"{path}-shm").unlink(),
}
"""What other programs do to the files of an app that is running, given the path of the database."""


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
            await database.read(partial(read_turns, text=text.number))
        assert database.problem is caught.value
    assert set(failures) == {caught.value.message}


async def test_what_another_app_deletes_is_no_loss(tmp_path: Path) -> None:
    """It empties the log, too."""
    text = Text()
    async with session(tmp_path / "session") as one, session(tmp_path / "session") as two:
        one.write(partial(add_turn, text=text, turn=Turn("before " * 1000)))
        await one.read(lambda connection: None)
        await two.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        assert (tmp_path / "session" / "session.db-wal").stat().st_size == 0
        one.write(partial(add_turn, text=text, turn=Turn("after")))
        assert len(await one.read_anew(partial(read_turns, text=text.number))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be cut")
def test_an_index_that_is_cut_neither_kills_the_app_nor_loses_anything(tmp_path: Path) -> None:
    """It is mapped into memory, so that access to what is missing is a signal and no error."""
    script = (
        "import asyncio, os, sys, pathlib\n"
        "from rnnlm_tui.session.database import KeptText, SessionDatabase\n"
        "async def main():\n"
        "    database = SessionDatabase(pathlib.Path(sys.argv[1]), print)\n"
        "    for last in (False, True):\n"
        "        KeptText(database, 'pasted').keep(f'{last}')\n"
        "        await database.read(lambda connection: None)\n"
        "        os.truncate(pathlib.Path(sys.argv[1]) / 'session.db-shm', 0)\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "session")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert kept_texts(tmp_path, "pasted") == ["False", "True"]
