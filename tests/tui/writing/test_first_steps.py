"""The first minute: what the app tells a user who has written nothing yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.preferences import SettingsFile
from rnnlm_tui.tui.writing.first_steps import EXAMPLE, STEPS, FirstSteps
from tests.helpers.app import check_layout, picture
from tests.helpers.writing_screen import AppDesk, desk

README = Path(__file__).parents[3] / "README.md"


def told(it: AppDesk) -> str | None:
    """The step that is shown, None if there is none."""
    line = it.screen.query_one(FirstSteps)
    shown = [step for step, text in STEPS.items() if text in picture(it.app)]
    assert bool(line.region) == bool(shown)
    return shown[0] if shown else None


def is_over(tmp_path: Path) -> bool:
    """Whether the steps are stored as no longer needed."""
    return not SettingsFile(tmp_path / "config").preferences.first_steps


async def test_each_step_is_shown_until_it_is_done(tmp_path: Path) -> None:
    async with desk(tmp_path, first_steps=True) as it:
        assert told(it) == "type"
        assert "1 of 4" in picture(it.app)
        check_layout(it.app)
        await it.write(*"day ")
        assert not it.shown
        assert told(it) == "type", "there is no grey word that Tab could take"
        await it.write("ctrl+u", *"shall ")
        await it.until(lambda: told(it) == "tab")
        await it.write("tab")
        await it.until(lambda: told(it) == "digit")
        await it.write(*"compare th")
        await it.write("alt+2")
        await it.until(lambda: told(it) == "send")
        assert not is_over(tmp_path)
        await it.press("enter")
        await it.until(lambda: told(it) is None)
    assert is_over(tmp_path)


async def test_a_step_done_early_is_not_asked_for(tmp_path: Path) -> None:
    async with desk(tmp_path, first_steps=True) as it:
        await it.press(*"day", "enter")
        await it.until(lambda: it.page)
        await it.write(*"shall ", "tab", *"compare th")
        await it.until(lambda: told(it) == "digit")
        assert "3 of 4" in picture(it.app)
        await it.write("alt+1")
        await it.until(lambda: told(it) is None)
    assert is_over(tmp_path)


async def test_escape_ends_the_steps_and_only_then_hides_the_suggestions(tmp_path: Path) -> None:
    async with desk(tmp_path, first_steps=True) as it:
        await it.write(*"shall ")
        assert it.shown == "i compare thee to"
        await it.press("escape")
        await it.until(lambda: told(it) is None)
        assert it.shown
        assert is_over(tmp_path)
        await it.press("escape")
        assert not it.shown


async def test_they_are_not_shown_once_something_is_written(tmp_path: Path) -> None:
    async with desk(tmp_path, first_steps=True) as it:
        await it.write(*"sh")
    async with desk(tmp_path, first_steps=True) as it:
        assert it.line == "sh"
        assert told(it) is None


async def test_a_small_window_has_no_room_for_them(tmp_path: Path) -> None:
    async with desk(tmp_path, size=(50, 12), first_steps=True) as it:
        assert told(it) is None
        check_layout(it.app)


async def test_the_empty_page_says_what_the_app_is_and_that_it_is_private(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        words = " ".join(it.static("#how-to-begin").split())
        assert "suggests the next words" in words
        assert "nothing that you write leaves it" in words
        assert "F3: learn from my own texts" in words
        await it.press("f3")
        await it.until(lambda: it.app.current_mode == "train")


async def test_the_first_example_has_a_ghost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the README and of the first step, with the English that ships."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    english = Library(tmp_path).open("english")[1]
    assert f"1. Type `{EXAMPLE}`" in README.read_text()
    async with desk(tmp_path, {"english": english}, first_steps=True) as it:
        assert EXAMPLE in picture(it.app)
        await it.write(*EXAMPLE)
        assert it.shown.startswith("ard")
        await it.until(lambda: told(it) == "tab")
