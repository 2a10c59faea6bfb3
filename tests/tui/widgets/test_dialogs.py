"""Dialogs: keys, safe defaults, and hostile texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from rnnlm_tui.tui.widgets import dialogs
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm, Dialog
from rnnlm_tui.tui.widgets.inputs import PathInput
from tests.helpers.app import has_row, post_keys, problem_in, wait_until
from tests.helpers.host import HostApp

HOSTILE = "[/b] [red]x \u7269\u8a9e e\u0301\u0301 \u05d0\u05d1 \x1b[31m\a " + "w" * 200
OPTIONS = (
    ("stop", "Stop and save", "saves it"),
    ("detach", "Train in the background", "it trains to its end"),
)


def keep_answer(app: HostApp, make: Callable[[], Dialog[Any]]) -> None:
    """Asks a question, and keeps the answer in the calls."""

    async def keep() -> None:
        app.calls.append((await app.ask(make()),))

    app.run_worker(keep())


@asynccontextmanager
async def asked(
    make: Callable[[], Dialog[Any]], size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], HostApp]]:
    """An app that shows the dialog."""
    app = HostApp()
    async with app.run_test(size=size) as pilot:
        keep_answer(app, make)
        await wait_until(pilot, lambda: isinstance(app.screen, Dialog) and app.focused)
        await pilot.pause()
        yield pilot, app


async def answer_of(pilot: Pilot[None], app: HostApp) -> object:
    """The answer, once there is one."""
    await wait_until(pilot, lambda: app.calls)
    return app.calls[-1][0]


def no_spaces(value: str) -> str | None:
    """A check that refuses spaces."""
    return "no spaces, please" if " " in value else None


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], False),
        (["escape"], None),
        (["n"], False),
        ([*"yes ", "enter"], False),
        (["ctrl+y"], True),
        (["tab", "enter"], True),
        (["left", "enter"], True),
        (["left", "right", "enter"], False),
    ],
)
async def test_no_letter_and_no_lone_enter_says_yes(keys: list[str], answer: bool | None) -> None:
    async with asked(lambda: Confirm("Delete it?", "It cannot be undone.")) as (pilot, app):
        await pilot.press(*keys)
        assert await answer_of(pilot, app) is answer


@pytest.mark.parametrize(
    "make", [lambda: Confirm("Clear?", ""), lambda: Choice("Stop?", "", OPTIONS)]
)
async def test_keys_typed_ahead_do_not_answer(
    make: Callable[[], Dialog[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "TYPE_AHEAD_S", 3600)
    async with asked(make) as (pilot, app):
        await pilot.press("ctrl+y", "1", "left", "enter", "up", "enter")
        assert not app.calls
        await pilot.press("escape")
        assert await answer_of(pilot, app) is None


async def test_a_second_dialog_is_not_opened_over_the_first() -> None:
    async with asked(lambda: Confirm("Delete it?", "")) as (pilot, app):
        keep_answer(app, lambda: Confirm("Delete it?", ""))
        assert await answer_of(pilot, app) is None
        assert len(app.screen_stack) == 2


async def test_a_key_that_repeats_closes_one_screen_only() -> None:
    async with asked(lambda: AskText("Name", "", "ab", check=no_spaces)) as (pilot, app):
        post_keys(app, *["enter"] * 5, *["escape"] * 5)
        await answer_of(pilot, app)
        await pilot.pause()
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], "stop"),
        (["escape"], None),
        (["1"], "stop"),
        (["3"], None),
        (["up", "enter"], None),
        (["9", "down", "enter"], "detach"),
    ],
)
async def test_one_of_several_by_key(keys: list[str], answer: str | None) -> None:
    async with asked(lambda: Choice("Stop?", "What now?", OPTIONS)) as (pilot, app):
        await pilot.press(*keys)
        assert await answer_of(pilot, app) == answer


@pytest.mark.parametrize(
    ("make", "keys"),
    [
        (lambda: Confirm("Delete it?", ""), "ctrl+y yes · n no · Esc cancel"),
        (lambda: Choice("Stop?", "", OPTIONS), "Enter choose · Esc cancel"),
        (lambda: AskText("Name", "", "a", check=no_spaces), "Enter accept · Esc cancel"),
        (lambda: AskPath("File", "", "a"), "Tab complete · Enter accept · Esc cancel"),
    ],
    ids=["yes or no", "one of several", "text", "path"],
)
@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_a_dialog_names_its_keys(
    make: Callable[[], Dialog[Any]], keys: str, size: tuple[int, int]
) -> None:
    async with asked(make, size) as (_, app):
        assert has_row(app, "╰", f" {keys} ", "╯")


async def test_a_text_is_accepted_only_if_it_is_right() -> None:
    async with asked(lambda: AskText("Name", "", "a b", check=no_spaces)) as (pilot, app):
        ok = app.screen.query_one("#ok", Button)
        await wait_until(pilot, lambda: ok.disabled)
        assert problem_in(app) == "", "nothing was typed yet"
        await pilot.press("enter")
        await wait_until(pilot, lambda: problem_in(app) == "no spaces, please")
        assert not app.calls
        app.screen.query_one(Input).value = "ab"
        await wait_until(pilot, lambda: not ok.disabled)
        assert problem_in(app) == ""
        await pilot.press("enter")
        assert await answer_of(pilot, app) == "ab"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a folder and two files."""
    home = tmp_path / "home"
    (home / "poems").mkdir(parents=True)
    (home / "poems.safetensors").write_text("x")
    (home / "prose.safetensors").write_text("x")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


@pytest.mark.parametrize(
    ("text", "for_new_file", "problem"),
    [
        ("", False, "enter the path of a file"),
        ("~/poems", False, "this is a folder; add the name of a file"),
        ("~/none.safetensors", False, "there is no such file"),
        ("~/poems.safetensors", False, ""),
        ("~/poems.safetensors", True, ""),
        ("~/new.safetensors", True, ""),
        ("~/poems", True, "this is a folder; add the name of a file"),
        ("~/nowhere/new.safetensors", True, "there is no folder {home}/nowhere"),
        ("~/nowhere/", True, "there is no folder {home}/nowhere"),
        ("a\0b", True, "the path has characters that cannot be shown; choose another"),
        ("~/" + "x" * 5000, True, "this path cannot be read"),
    ],
)  # fmt: skip
async def test_a_path_is_checked_as_it_is_typed(
    folder: Path, text: str, for_new_file: bool, problem: str
) -> None:
    async with asked(lambda: AskPath("File", "", "~/p", for_new_file=for_new_file)) as (pilot, app):
        ok = app.screen.query_one("#ok", Button)
        app.screen.query_one(PathInput).value = text
        expected = problem.replace("{home}", str(folder))
        await wait_until(pilot, lambda: problem_in(app) == expected)
        await wait_until(pilot, lambda: ok.disabled is bool(problem))


async def test_the_path_that_a_dialog_begins_with_is_selected_and_not_criticised(
    folder: Path,
) -> None:
    async with asked(lambda: AskPath("File", "", "~/poems", problem="no model in it")) as (
        pilot,
        app,
    ):
        await wait_until(pilot, lambda: app.screen.query_one("#ok", Button).disabled)
        assert problem_in(app) == "no model in it"
        assert app.screen.query_one(Input).selection == (0, 7)
        await pilot.press("end", "x")
        await wait_until(pilot, lambda: problem_in(app) == "there is no such file")


async def test_a_path_typed_and_sent_at_once_comes_back_with_its_home_written_out(
    folder: Path,
) -> None:
    seen = []

    def check(path: str) -> str | None:
        seen.append(path)
        return None

    async with asked(lambda: AskPath("File", "", "", check=check)) as (pilot, app):
        app.screen.query_one(PathInput).value = "~/prose.safetensors"
        await pilot.press("enter")
        assert await answer_of(pilot, app) == str(folder / "prose.safetensors")
        assert set(seen) == {str(folder / "prose.safetensors")}


DIALOGS: list[Callable[[], Dialog[Any]]] = [
    lambda: Confirm(HOSTILE, HOSTILE * 20, yes="Delete"),
    lambda: Choice(HOSTILE, HOSTILE, [("a", HOSTILE, HOSTILE), ("b", HOSTILE, HOSTILE)]),
    lambda: AskText(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
    lambda: AskPath(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
]


@pytest.mark.parametrize("make", DIALOGS)
@pytest.mark.parametrize("size", [(60, 16), (20, 5)])
async def test_hostile_texts_are_shown_as_they_are_and_the_buttons_stay(
    make: Callable[[], Dialog[Any]], size: tuple[int, int]
) -> None:
    async with asked(make, size) as (pilot, app):
        title = app.screen.query_one(".dialog-title", Static)
        assert str(title.content).startswith("[/b] [red]x")
        assert "\x1b" not in str(title.content)
        if size != (20, 5):
            bottom = app.screen.query_one(".dialog-box").region.bottom
            assert bottom <= size[1]
            for button in app.screen.query(Button):
                assert button.region.bottom < bottom
                assert button.region.height == 3
        await pilot.press("escape")
        assert not await answer_of(pilot, app)
