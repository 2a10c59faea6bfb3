"""Completing a path: what matches, what Tab does, and the list beneath the line."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from rnnlm_tui.tui.widgets import path_input
from rnnlm_tui.tui.widgets.path_input import Matches, PathInput, expanded, matches
from tests.helpers.app import wait_until

on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither such names nor such folders"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two folders and a few files."""
    folder = tmp_path / "texts"
    for name in ("poems", "prose"):
        (folder / name).mkdir(parents=True)
    for name in ("poems.txt", "letters.txt", ".hidden"):
        (folder / name).write_text("x")
    return folder


class Host(App[None]):
    """A path between two other fields."""

    def __init__(self, text: str, floating: bool = False) -> None:
        super().__init__()
        self.path = PathInput(text, floating=floating)
        self.sent: list[str] = []
        self.changed: list[str] = []

    def compose(self) -> ComposeResult:
        yield Input(id="before")
        yield self.path
        yield Input(id="after")

    def on_path_input_submitted(self, event: PathInput.Submitted) -> None:
        self.sent.append(event.value)

    def on_path_input_changed(self, event: PathInput.Changed) -> None:
        self.changed.append(event.value)


@asynccontextmanager
async def typed(text: str, floating: bool = False) -> AsyncIterator[tuple[Pilot[None], Host]]:
    """An app with this text in its path, which has the focus and shows its entries."""
    app = Host("", floating)
    async with app.run_test() as pilot:
        app.path.focus()
        app.path.value = text
        await settled(pilot, app)
        yield pilot, app


async def settled(pilot: Pilot[None], app: Host) -> None:
    """Waits until the entries are those of the text."""
    await wait_until(pilot, lambda: app.path._matches.text == app.path.value)


# What matches


def test_entries_that_begin_alike_folders_first(folder: Path) -> None:
    head = f"{folder}/"
    assert matches(head) == Matches(
        head, head, ("poems/", "prose/", "letters.txt", "poems.txt"), ""
    )
    assert matches(f"{head}p").names == ("poems/", "prose/", "poems.txt")
    assert matches(f"{head}p").completed == f"{head}p"
    assert matches(f"{head}po").completed == f"{head}poems"
    assert matches(f"{head}l").completed == f"{head}letters.txt"
    assert matches(f"{head}pr").completed == f"{head}prose/"
    assert matches(f"{head}.").names == (".hidden",)
    assert matches(f"{head}x") == Matches(f"{head}x", head)


def test_paths_from_here_and_from_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert matches("le").completed == "letters.txt"
    assert matches("").names == matches("~/").names == matches("./").names
    assert matches("~").completed == "~/"
    assert matches("~/le").completed == "~/letters.txt"
    assert expanded("~/a") == str(folder / "a")
    assert expanded("~nobody-of-this-name/a") == "~nobody-of-this-name/a"


@pytest.mark.parametrize("text", ["/nowhere/at/all", "a\0b/c", "~nobody-of-this-name/a"])
def test_a_folder_that_is_not_there_has_no_entries(text: str) -> None:
    assert matches(text).names == ()
    assert matches(text).completed == text


@on_posix
def test_names_that_cannot_be_shown_are_left_out(folder: Path) -> None:
    for name in (b"w\xff", b"w\x1b[31m", b"w\n", "w\u7269".encode(), b"w[red]"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    (folder / "wlink").symlink_to("nowhere")
    assert matches(f"{folder}/w").names == ("w[red]", "wlink", "w\u7269")


def test_a_huge_folder_shows_its_first_entries(folder: Path) -> None:
    for number in range(300):
        (folder / f"x{number:03}").write_text("")
    found = matches(f"{folder}/x")
    assert found.names == tuple(f"x{number:03}" for number in range(200))
    assert found.completed == f"{folder}/x"


# Keys and mouse


async def test_tab_completes_and_then_moves_on(folder: Path) -> None:
    async with typed(f"{folder}/le") as (pilot, app):
        await pilot.press("tab")
        assert app.path.value == f"{folder}/letters.txt"
        assert app.path.input.has_focus
        await settled(pilot, app)
        assert not app.path.is_open
        await pilot.press("tab")
        assert app.focused is app.query_one("#after")
        await pilot.press("shift+tab")
        await pilot.press("shift+tab")
        assert app.focused is app.query_one("#before")


async def test_tab_moves_on_where_entries_differ(folder: Path) -> None:
    async with typed(f"{folder}/") as (pilot, app):
        assert app.path.entries == ("poems/", "prose/", "letters.txt", "poems.txt")
        await pilot.press("tab")
        assert app.focused is app.query_one("#after")
        await wait_until(pilot, lambda: not app.path.is_open)
        assert app.path.value == f"{folder}/"


@pytest.mark.parametrize("floating", [False, True])
async def test_down_and_enter_take_an_entry(folder: Path, floating: bool) -> None:
    async with typed(f"{folder}/", floating) as (pilot, app):
        await pilot.press("down", "down", "up", "enter")
        assert app.path.value == f"{folder}/poems/"
        assert app.sent == []
        await settled(pilot, app)
        await pilot.press("enter")
        assert app.sent == [f"{folder}/poems/"]


async def test_up_from_the_first_entry_and_escape_choose_none(folder: Path) -> None:
    async with typed(f"{folder}/") as (pilot, app):
        for key in ("up", "escape"):
            await pilot.press("down")
            assert app.path.has_choice
            await pilot.press(key)
            assert not app.path.has_choice
        await pilot.press("enter")
        assert app.sent == [f"{folder}/"]


@pytest.mark.parametrize("floating", [False, True])
async def test_a_click_takes_an_entry_and_the_line_keeps_the_focus(
    folder: Path, floating: bool
) -> None:
    async with typed(f"{folder}/", floating) as (pilot, app):
        entries = app.path.query_one(OptionList)
        border = int(floating)
        await pilot.click(entries, offset=(4, 2 + border))
        await wait_until(pilot, lambda: app.path.value == f"{folder}/letters.txt")
        assert app.path.input.has_focus
        assert app.changed[-1] == f"{folder}/letters.txt"


async def test_a_floating_list_moves_nothing(folder: Path) -> None:
    async with typed(f"{folder}/", floating=True) as (pilot, app):
        assert app.path.is_open
        await pilot.pause()
        assert app.query_one("#after").region.y == app.path.region.y + 3


async def test_an_answer_for_an_older_text_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = [], threading.Event()

    def slow(text: str) -> Matches:
        asked.append(text)
        if text.endswith("/le"):
            assert go_on.wait(20)
        return matches(text)

    monkeypatch.setattr(path_input, "matches", slow)
    app = Host("")
    async with app.run_test() as pilot:
        app.path.focus()
        app.path.value = f"{folder}/le"
        await wait_until(pilot, lambda: f"{folder}/le" in asked)
        for text in ("/p", "/po", "/pr"):
            app.path.value = f"{folder}{text}"
            await pilot.pause()
        go_on.set()
        await settled(pilot, app)
        assert app.path.entries == ("prose/",)
        # One folder at a time, and nothing for the texts between.
        assert asked[-2:] == [f"{folder}/le", f"{folder}/pr"]
