"""A text that is no longer stored: it is said at once, the text can be saved to a file, and nothing
is called kept that is not."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.writing import screen
from rnnlm_tui.tui.writing.texts_dialog import TextsDialog
from tests.helpers.app import dialog_read, post_keys, until
from tests.helpers.writing_screen import AppDesk, desk, name_file, open_list

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot go")
OFFER = "” is not stored"


@pytest.fixture(autouse=True)
def checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices a loss without waiting for seconds."""
    monkeypatch.setattr(screen, "CHECK_STORED_EVERY_S", 0.02)


def lose(folder: Path) -> None:
    shutil.rmtree(folder / "data" / "session")


async def answer(it: AppDesk, key: str) -> None:
    """Answers the question about a text that is not stored."""
    await until(lambda: isinstance(it.app.screen, Choice) and it.has(OFFER))
    it.check_layout()
    await dialog_read(it.pilot)
    post_keys(it.app, key)  # without waiting for widgets, which the end of the app removes


def without_spaces(text: str) -> str:
    return "".join(text.split())


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What the app has printed at its end, without the spaces: a long path is wrapped anywhere."""
    return without_spaces(capsys.readouterr().err)


async def quit_app(it: AppDesk) -> None:
    post_keys(it.app, "ctrl+q")
    await until(lambda: not it.app.is_running)


async def test_a_loss_is_said_at_once_and_all_is_saved_also_what_is_written_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "diary.txt"
    async with desk(tmp_path) as it:
        await it.send("before", 1)
        await it.write(*"half a li")
        lose(tmp_path)  # and nothing is typed
        await it.told("another program has moved, replaced or emptied it")
        await it.sees("NOT STORED, F5 saves it: before")
        await it.press("f5")
        await name_file(it, Path("/proc/no-such-file"))
        await it.sees("could not save /proc/no-such-file")
        it.check_layout()
        await name_file(it, target)
        await until(target.exists)
        await until(lambda: target.read_text() == "before\nhalf a li\n")
        await it.told(f"saved to {target}")
        await it.send("after", 2)
        await it.write(*"more")
        await it.press("f5")
        await until(lambda: target.read_text() == "before\nafter\nmore\n")
        await it.sees("· saved to diary.txt")
        await quit_app(it)
    assert printed(capsys) == without_spaces(f"Saved to: {target}")


async def test_one_can_write_on_and_save_on_the_way_out_also_below_a_dialog(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "diary.txt"
    async with desk(tmp_path) as it:
        await it.send("before", 1)
        lose(tmp_path)
        await it.sees("NOT STORED")
        await it.send("after", 2)
        await it.write(*"half a li")
        await it.press("ctrl+n")  # another text cannot be opened, this one stays
        await it.press("e")
        assert (it.page, it.line) == (["before", "after"], "half a lie")
        post_keys(it.app, "ctrl+q")
        await answer(it, "3")
        await until(lambda: not it.app.screen.is_modal)
        await it.press("ctrl+o")
        await until(lambda: isinstance(it.app.screen, TextsDialog))
        post_keys(it.app, "ctrl+q")
        await answer(it, "1")
        await name_file(it, target)
        await until(lambda: not it.app.is_running)
    assert target.read_text() == "before\nafter\nhalf a lie\n"
    assert printed(capsys) == without_spaces(f"Saved to: {target}")


async def test_a_line_kept_right_before_quitting_is_stored_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The editor is busy when both keys arrive."""
    async with desk(tmp_path) as it:
        await it.send("before", 1)
        await it.write(*"shall i")
        it.editor.opening_gate.clear()
        post_keys(it.app, "enter", "ctrl+q")
        asyncio.get_running_loop().call_later(0.1, it.editor.opening_gate.set)
        await until(lambda: not it.app.is_running)
    assert "Kept" in printed(capsys)
    async with desk(tmp_path) as it:
        assert (it.page, it.line) == (["before", "shall i"], "")


async def test_what_another_program_has_changed_is_not_called_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(tmp_path) as it:
        await it.send("before", 1)
        await it.app.session.read(lambda connection: None)
        with closing(sqlite3.connect(tmp_path / "data" / "session" / "session.db")) as connection:
            connection.execute("UPDATE turn SET line = 'x'")
            connection.commit()
        post_keys(it.app, "ctrl+q")
        await answer(it, "2")
        await until(lambda: not it.app.is_running)
    assert "Notkept" in printed(capsys)


async def test_a_write_that_failed_and_was_made_up_for_is_no_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of the text is stored again. A line that was removed before can still come back."""

    def fail(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database is locked")

    async with desk(tmp_path) as it:
        for lines, line in enumerate(["before", "between", "after"], 1):
            await it.send(line, lines)
        it.editor.recall.remove(it.screen.open_text.turns[1])
        it.app.session.write(fail)
        await it.told("database is locked")
        await until(lambda: it.app.session.problem is None)
        assert not it.app.screen.is_modal
        await it.press("ctrl+z")
        await quit_app(it)
    assert "Kept:“before”" in printed(capsys)


@pytest.mark.parametrize("is_left", [False, True])
async def test_what_was_written_while_the_database_was_gone_is_stored_later(
    is_left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, or when another text is opened."""
    if is_left:
        monkeypatch.setattr(screen, "CHECK_STORED_EVERY_S", 1e6)
    folder, elsewhere = tmp_path / "data" / "session", tmp_path / "elsewhere"
    async with desk(tmp_path) as it:
        await it.send("before", 1)
        await it.app.session.read(lambda connection: None)
        folder.rename(elsewhere)
        await it.send("meanwhile", 2)
        await it.write(*"half ")
        await until(lambda: it.app.session.problem is not None)
        elsewhere.rename(folder)
        if is_left:
            await it.press("ctrl+n")
            await until(lambda: it.page == [])
            await open_list(it)
            await it.press("enter")
            await until(lambda: it.page == ["before", "meanwhile"])
        else:
            await until(lambda: it.app.session.problem is None)
        await it.write(*"a line")
    async with desk(tmp_path) as it:
        assert (it.page, it.line) == (["before", "meanwhile"], "half a line")


async def test_no_other_text_is_opened_while_the_disk_is_full(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:

        async def limit(pages: int) -> None:
            """Limits the database to so many pages, or to those that it has, if they are more."""
            pragma = f"PRAGMA max_page_count = {pages}"
            await it.app.session.read(lambda connection: connection.execute(pragma))

        await limit(1)
        await it.send("the sea " * 1000, 1)
        await it.told("disk is full")
        it.app.clear_notifications()
        await it.press("ctrl+n")
        await it.told("disk is full")
        assert it.page
        await limit(1000)
        await it.press("ctrl+n")
        await until(lambda: not it.page)
        await open_list(it, "the sea")
        await it.press("enter")
        await until(lambda: len(it.page) == 1)
