"""The open text: what comes back, what a model reads above the line, and saving to a file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rnnlm_tui.accepting import LINES_ABOVE
from rnnlm_tui.errors import StorageError
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.tables import Continuation, Copied, Text, TextFile
from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.text.reading import count_words
from rnnlm_tui.tui.writing import open_text
from rnnlm_tui.tui.writing.open_text import OpenText, kept_sentence
from rnnlm_tui.tui.writing.spacing import MAX_TEXT
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


@pytest.mark.parametrize(
    "line", ["שלום 漢字 [/b]", "a\u2028b", "a\x85b", "a\x0bb\x1cc", "a\rb", "a\nb", "nul\x00nul"]
)
async def test_lines_come_back_as_they_were(line: str, tmp_path: Path) -> None:
    continuations = [
        Continuation(line, "sonnets", sampled=False, copied=(Copied(0, 5, 12), Copied(6, 7, 3))),
        Continuation("do love", line, sampled=True),
    ]
    async with app(tmp_path) as text:
        first = text.add_line(line)
        text.add_line("when i")
        for continuation in continuations:  # late: another line was sent meanwhile
            text.add_continuation(first, continuation)
    async with app(tmp_path) as text:
        assert lines(text) == [line, "when i"]
        assert text.turns[0].continuations == continuations
        assert text.text.words == count_words(line) + 2


async def test_each_text_has_its_own_lines_and_its_own_end(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        text.add_line("in the first")
        text.keep_draft("half a line")
        assert await text.open(None) == ""
        assert (lines(text), text.title) == ([], "new text")
        text.add_line("in the second")
        text.keep_draft("another half")
        assert text.previous_lines() == ("in the second",)
        assert await text.open(1) == "half a line"
        assert text.previous_lines() == ("in the first",)
    async with app(tmp_path) as text:
        assert (text.title, lines(text)) == ("in the first", ["in the first"])
        assert await text.open(2) == "another half"


async def test_a_draft_comes_back_until_it_is_emptied(tmp_path: Path) -> None:
    for line in ("s", "two\nlines [/b] \u2028 lone \ud800", ""):
        async with app(tmp_path) as text:
            text.keep_draft(line)
        async with app(tmp_path) as text:
            assert await text.open(text.text.number) == line.replace("\ud800", "?")


async def test_a_draft_is_stored_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_text, "LONGEST_WAIT_S", 20.0)
    async with app(tmp_path) as text:
        for line in ("s", "sh", "sha", "x" * MAX_TEXT):
            text.keep_draft(line)
            assert drafts(tmp_path) == [line]


async def test_a_slow_disk_gets_the_latest_draft_only(tmp_path: Path) -> None:
    gate, statements = threading.Event(), list[str]()

    def hold(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        assert gate.wait(10)

    async with app(tmp_path) as text:
        text.database.write(hold)
        for line in ("a", "a b", "a bi", "a bird"):
            text.keep_draft(line)
        gate.set()
    assert drafts(tmp_path) == ["a bird"]
    assert len([statement for statement in statements if "SET draft" in statement]) == 1


async def test_a_draft_survives_a_killed_app(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys, pathlib\n"
        "from rnnlm_tui.session.database import SessionDatabase\n"
        "from rnnlm_tui.tui.writing.open_text import OpenText\n"
        "async def main():\n"
        "    text = OpenText(SessionDatabase(pathlib.Path(sys.argv[1]), print))\n"
        "    text.keep_draft('half a line')\n"
        "    await text.database.read(lambda connection: None)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "session")]
    assert subprocess.run(command, check=False, timeout=60).returncode != 0
    async with app(tmp_path) as text:
        assert await text.open(text.text.number) == "half a line"


async def test_the_lines_above_are_the_nearest_without_blank_ones(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        turns = [text.add_line(line) for number in range(LINES_ABOVE) for line in (f"{number}", "")]
        text.add_line("two\nlines")
        above = text.previous_lines()
        assert len(above) == LINES_ABOVE
        assert above[0] == "2" and above[-3:] == (f"{LINES_ABOVE - 1}", "two", "lines")
        assert text.previous_lines(turns[4]) == ("0", "1")
        text.add_line("x" * 1_000_000)
        assert len(text.previous_lines()[-1]) == MAX_TEXT


async def test_a_file_becomes_a_text_and_is_saved_with_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\n\r\ntwo\r\n")
    async with app(tmp_path) as text:
        await text.open_file(read_text_file(path))
        assert (lines(text), text.title, text.text.is_saved) == (["one", "", "two"], "one", True)
        text.change_line(text.turns[0], "first")
        text.add_line("of two\nlines")
        assert not text.text.is_saved
        await text.save(text.text, str(path))
        assert text.text.is_saved
        assert path.read_bytes() == b"first\r\n\r\ntwo\r\nof two\r\nlines\r\n"
        await text.open(None)
        await text.open_file(read_text_file(path))
        assert lines(text) == ["first", "", "two", "of two\nlines"], "the same text"
        assert text.text.words == 5


async def test_of_a_file_that_others_have_changed_the_unsaved_lines_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\n")
    async with app(tmp_path) as text:
        await text.open_file(read_text_file(path))
        path.write_text("one\nof others\n")
        await text.open_file(read_text_file(path))
        assert lines(text) == ["one", "of others"], "nothing was unsaved"
        text.add_line("mine")
        path.write_text("all else\n")
        await text.open_file(read_text_file(path))
        assert lines(text) == ["one", "of others", "mine"]


async def test_a_text_that_cannot_be_saved_is_not_saved(tmp_path: Path) -> None:
    async with app(tmp_path) as text:
        text.add_line("one")
        with pytest.raises(StorageError, match="could not save"):
            await text.save(text.text, str(tmp_path / "none" / "a.txt"))
        assert (text.text.file, text.text.is_saved) == (None, False)


@pytest.mark.parametrize("saved", [0.0, 4e9, 1e18])
def test_a_change_is_later_than_the_file_whatever_the_clock_said(saved: float) -> None:
    text = Text(file=TextFile("a.txt", "utf-8", "\n", "", saved), changed=saved)
    assert text.is_saved
    text.changed_by(1)
    assert not text.is_saved


def test_the_last_words_of_the_app() -> None:
    assert kept_sentence("", []) == ""
    assert kept_sentence("Anna", []) == "Kept: “Anna”\nTo continue: rnnlm-tui"
    assert kept_sentence("", ["/a/b.md"]) == "Not saved to its file: /a/b.md (F5 saves it)"
