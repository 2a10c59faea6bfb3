"""The open text: what comes back, what a model reads above the line, and saving to a file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import SavedPart
from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.session.texts import last_text
from rnnlm_tui.suggesting.accepting import LINES_ABOVE
from rnnlm_tui.tui.writing import open_text
from rnnlm_tui.tui.writing.insertion import MAX_TEXT
from rnnlm_tui.tui.writing.open_text import OpenText, lines_of
from tests.helpers.session import drafts


@asynccontextmanager
async def app(folder: Path) -> AsyncIterator[OpenText]:
    """The open text of an app that runs during the `with` block."""
    failures: list[StorageError] = []
    database = SessionDatabase(folder / "session", failures.append)
    text = OpenText(database)
    await text.open_last()
    yield text
    await database.close()
    assert not failures


def lines(text: OpenText) -> list[str]:
    return [turn.line for turn in text.turns]


def is_saved(text: OpenText) -> bool:
    return text.text.file is not None and text.text.file.saved == SavedPart.ALL


def put_draft(text: OpenText, line: str) -> None:
    text.written = line
    text.keep_draft()


async def test_an_app_takes_the_last_text_before_another_one_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app(tmp_path) as text:
        text.add_lines("one")

    def chosen(connection: sqlite3.Connection) -> int | None:
        number = last_text(connection)
        path = tmp_path / "session" / "session.db"
        with (
            closing(sqlite3.connect(path, timeout=0)) as other,
            suppress(sqlite3.OperationalError),
            other,
        ):
            other.execute("UPDATE text SET pid = ?, opened = ?", (os.getppid(), time.time()))
        return number

    monkeypatch.setattr(texts, "last_text", chosen)
    async with app(tmp_path) as text:
        assert lines(text) == ["one"]


async def test_what_a_killed_save_left_is_removed_when_its_text_is_opened(tmp_path: Path) -> None:
    path, code = tmp_path / "note.txt", "import os\n"
    code += "from rnnlm_tui.session.text_file import write_text_file\n"
    code += "os.fsync = lambda number: os._exit(1)\n"
    code += f"write_text_file({str(path)!r}, ['one'])\n"
    path.write_text("one\n")
    async with app(tmp_path) as text:
        await text.open_file(read_text_file(path))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1
    assert len([*tmp_path.glob(".note.txt*")]) == 1
    async with app(tmp_path) as text:
        assert lines(text) == ["one"]
    assert not [*tmp_path.glob(".note.txt*")]
    assert path.read_text() == "one\n"


@pytest.mark.parametrize(
    "line", ["שלום 漢字 [/b]", "a\u2028b", "a\x85b", "a\x0bb\x1cc", "a\rb", "a\nb", "nul\x00nul"]
)
async def test_lines_and_drafts_come_back_as_they_were(line: str, tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        text.add_lines(line)
        text.add_lines("when i")
        put_draft(text, f"{line} \ud800")
    async with app(tmp_path) as text:
        assert lines(text) == [line, "when i"]
        assert text.written == f"{line} ?"
        put_draft(text, "")
    async with app(tmp_path) as text:
        assert text.written == ""


async def test_while_the_disk_is_slow_only_the_latest_draft_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_text, "STORE_WAIT_S", 0.0)
    gate, statements = threading.Event(), list[str]()

    def hold(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        assert gate.wait(20)

    async with app(tmp_path) as text:
        text.database.write(hold)
        for line in ("a", "a b", "a bi", "a bird"):
            put_draft(text, line)
        gate.set()
    assert [s for s in statements if "SET draft" in s and "a bird" in s]
    assert len([s for s in statements if "SET draft" in s]) == 1


async def test_a_draft_is_stored_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_text, "STORE_WAIT_S", 20.0)
    async with app(tmp_path) as text:
        for line in ("s", "sh", "sha", "x" * MAX_TEXT):
            put_draft(text, line)
            assert drafts(tmp_path) == [line]


async def test_an_edit_and_the_draft_below_it_survive_a_killed_app(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys, pathlib\n"
        "from rnnlm_tui.session.database import SessionDatabase\n"
        "from rnnlm_tui.tui.writing.open_text import OpenText\n"
        "async def main():\n"
        "    text = OpenText(SessionDatabase(pathlib.Path(sys.argv[1]), print))\n"
        "    text.add_lines('one')\n"
        "    text.add_lines('two')\n"
        "    text.begin_edit(text.turns[0], 'half a line')\n"
        "    text.written = 'one!'\n"
        "    text.keep_draft()\n"
        "    await text.database.read(lambda connection: None)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "session")]
    assert subprocess.run(command, check=False, timeout=60).returncode != 0
    async with app(tmp_path) as text:
        assert (lines(text), text.written) == (["one", "two"], "one!")
        assert text.edited is text.turns[0]
        assert text.end_edit() == "half a line"


async def test_the_lines_above_are_the_nearest_without_blank_ones(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        for number in range(LINES_ABOVE):
            text.add_lines(f"{number}")
            text.add_lines("")
        text.add_lines("two\nlines")
        above = text.lines_above()
        assert len(above) == LINES_ABOVE
        assert above[0] == "2" and above[-3:] == (f"{LINES_ABOVE - 1}", "two", "lines")
        assert text.lines_above(text.turns[4]) == ("0", "1")
        text.add_lines("x" * 1_000_000)
        assert len(text.lines_above()[-1]) == MAX_TEXT


async def test_a_file_gets_what_there_was_when_its_saving_began(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    async with app(tmp_path) as text:
        text.add_lines("one")
        put_draft(text, "half")
        copy = text.copy()
        put_draft(text, "half a line")
        await text.save(copy, str(path), is_stored=True)
        assert path.read_text() == "one\nhalf\n" and not is_saved(text)
        put_draft(text, "half")
        assert is_saved(text)
        text.add_lines("two")
        copy = text.copy()
        await text.open(None)
        await text.save(copy, str(path), is_stored=True)
        assert path.read_text() == "one\ntwo\nhalf\n" and text.text.file is None
        await text.open_file(read_text_file(path))
        assert is_saved(text) and (lines(text), text.written) == (["one", "two"], "half")


async def test_what_is_cleared_while_another_text_is_opened_stays_stored(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        text.add_lines("one")
        put_draft(text, "half a line")
        text.is_changing = True
        put_draft(text, "")
        await text.open(text.text.number)
        assert text.written == "half a line"


async def test_of_a_file_that_others_have_changed_the_unsaved_lines_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\n")
    async with app(tmp_path) as text:
        await text.open_file(read_text_file(path))
        text.begin_edit(text.turns[0], "half a line")
        put_draft(text, "one!")
        path.write_text("one\nof others\n")
        assert "this is what it has now" in await text.open_file(read_text_file(path))
        assert lines(text) == ["one", "of others"], "nothing was unsaved"
        assert not is_saved(text), "what is being written is not in it"
        assert (text.edited, text.written) == (None, "half a line\none!"), "of the line before"
        text.add_lines("mine")
        path.write_text("one\nof others\nmine\nmore\n")
        assert "this is what it has now" in await text.open_file(read_text_file(path))
        assert lines(text)[-2:] == ["mine", "more"], "all that is here is in it"
        text.add_lines("mine, too")
        path.write_text("all else\n")
        assert "lines that are not in it" in await text.open_file(read_text_file(path))
        assert lines(text)[-2:] == ["more", "mine, too"]


def test_foreign_text_can_steer_nothing() -> None:
    assert lines_of("a\r\nb\nc\td\x1b[31m\x00\u2028e\x85f") == "a\nb\nc d\ufffd[31m\ufffd\ne\nf"
    harmless = "\U0001f468\u200d\U0001f469 e\u0301 שלום"
    assert lines_of(harmless) == harmless
