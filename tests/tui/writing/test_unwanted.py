"""Del on a word that is chosen in the list: no model suggests it again, until that is undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.paths import NEVER_SUGGEST, config_dir
from tests.helpers.app import until
from tests.helpers.writing_screen import AppDesk, desk


def words(it: AppDesk) -> list[str]:
    """The words of the list."""
    return [word.word for word in it.editor.suggested.candidates]


def noted() -> str:
    """What the file has."""
    path = config_dir() / NEVER_SUGGEST
    return path.read_text() if path.is_file() else ""


async def test_del_never_suggests_the_chosen_word_and_ctrl_z_takes_that_back(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        first, second, third, *_ = before = words(it)
        await it.press("down", "down")
        assert any("Enter: insert it   Del: never suggest it" in row for row in it.rows)
        await it.press("delete")
        await until(lambda: second not in words(it))
        assert words(it)[:2] == [first, third]
        assert noted() == f"{second}\n"
        assert it.tells(f'"{second}" is never suggested now; ctrl+z takes this back')
        # The choice is the word that moved up, and the next key goes on from there.
        assert (it.editor.suggested.choice, it.shown) == (2, third)
        await it.press("delete")
        await until(lambda: third not in words(it))
        assert noted() == f"{second}\n{third}\n"
        assert it.line == "shall i compare "
        await it.press("ctrl+z")
        await until(lambda: third in words(it))
        assert noted() == f"{second}\n"
        assert it.tells(f'"{third}" is suggested again')
        await it.press("ctrl+z")
        await until(lambda: words(it) == before)
        assert noted() == ""
        assert not it.tells("takes this back")
        await it.press("ctrl+z")
        assert it.line == "shall i ", "what was typed before is undone next"


async def test_keys_typed_at_once_take_one_word_each(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall i compare ")
        first, second, *_ = words(it)
        await it.press("down", "delete", "delete", "enter")
        await until(lambda: noted() == f"{first}\n{second}\n")
        await until(lambda: it.line.startswith("shall i compare this"))


@pytest.mark.parametrize("again", ["now", "at the start"])
async def test_a_file_that_cannot_be_read_is_told_and_one_writes_on(
    tmp_path: Path, again: str
) -> None:
    path, raw = config_dir() / NEVER_SUGGEST, b"thee\nM\xfcller\n"
    config_dir().mkdir()
    if again == "at the start":
        path.write_bytes(raw)
    async with desk(tmp_path) as it:
        assert it.tells("is not UTF-8") is (again == "at the start")
        path.write_bytes(raw)
        await it.write(*"shall i compare ")
        before = words(it)
        await it.press("down", "delete")
        await it.told("never-suggest.txt is not UTF-8: byte 6")
        assert (words(it), it.line) == (before, "shall i compare ")
        assert path.read_bytes() == raw
        await it.press("enter")
        assert it.line == "shall i compare thee "
