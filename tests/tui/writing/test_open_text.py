"""The open text: what comes back, what a model reads above the line, and saving to a file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import SavedPart
from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.suggesting.accepting import LINES_ABOVE
from rnnlm_tui.tui.writing import open_text
from rnnlm_tui.tui.writing.insertion import MAX_TEXT
from rnnlm_tui.tui.writing.open_text import OpenText
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


async def test_the_lines_above_are_the_nearest_without_blank_ones(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        for number in range(LINES_ABOVE):
            text.add_lines(f"{number}")
            text.add_lines("")
        text.add_lines("two\nlines")
        above = text.lines_above()
        assert len(above) == LINES_ABOVE
        assert above[0] == "2" and above[-3:] == (f"{LINES_ABOVE - 1}", "two", "lines")
        text.begin_edit(text.turns[4])
        assert text.lines_above() == ("0", "1")
        text.end_edit()
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
        put_draft(text, "")
        text.add_lines("half")  # as Enter keeps it
        assert is_saved(text) and lines(text) == ["one", "half"]
        text.remove(text.turns[1:])
        put_draft(text, "half")
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
        text.is_opening = True
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
        put_draft(text, "half a line")
        text.begin_edit(text.turns[0])
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
