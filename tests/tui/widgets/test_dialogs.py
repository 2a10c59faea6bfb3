"""Dialogs: keys, safe defaults, and hostile texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from rnnlm_tui.tui.widgets import dialogs
from rnnlm_tui.tui.widgets.dialogs import (
    AskPath,
    AskText,
    Choice,
    ChooseSeveral,
    Confirm,
    Dialog,
)
from rnnlm_tui.tui.widgets.inputs import PathInput
from tests.helpers.app import has_row, post_clicks, post_keys, problem_in, rows_of, wait_until
from tests.helpers.host import HostApp

HOSTILE = "[/b] [red]x \u7269\u8a9e e\u0301\u0301 \u05d0\u05d1 \x1b[31m\a " + "w" * 200
OPTIONS = (
    ("stop", "Stop and save", "saves it"),
    ("detach", "Train in the background", "it trains to its end"),
)
Make = Callable[[], Dialog[Any]]


def no_spaces(value: str) -> str | None:
    """A check that refuses spaces."""
    return "no spaces, please" if " " in value else None


def confirm() -> Confirm:
    return Confirm("Delete it?", "It cannot be undone.")


def choice() -> Choice:
    return Choice("Stop?", "What now?", OPTIONS)


def several() -> ChooseSeveral[int]:
    return ChooseSeveral("Which?", [(1, "one"), (2, "two"), (3, "three")], chosen=[2])


def text() -> AskText:
    return AskText("Name", "", "a", check=no_spaces)


def path() -> AskPath:
    return AskPath("File", "", "a")


def keep_answer(app: HostApp, make: Make) -> None:
    """Asks a question, and keeps the answer in the calls."""

    async def keep() -> None:
        app.calls.append((await app.ask(make()),))

    app.run_worker(keep())


@asynccontextmanager
async def asked(
    make: Make, size: tuple[int, int] = (80, 24)
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


@pytest.mark.parametrize(
    ("make", "keys", "answer"),
    [
        # No letter and no lone Enter says yes.
        (confirm, "enter", None),
        (confirm, "escape", None),
        (confirm, "y e s space enter", None),
        (confirm, "ctrl+y", "yes"),
        (confirm, "down enter", "yes"),
        (confirm, "down up enter", None),
        (choice, "enter", "stop"),
        (choice, "escape", None),
        (choice, "1", "stop"),
        (choice, "3", None),
        (choice, "up enter", None),
        (choice, "9 down enter", "detach"),
        (several, "enter", [2]),
        (several, "escape", None),
        (several, "space down space down space enter", [1, 3]),
        (text, "b enter", "b"),
        (text, "end space b enter backspace backspace enter", "a"),
        (text, "b escape", None),
    ],
)
async def test_keys_and_the_answer(make: Make, keys: str, answer: object) -> None:
    async with asked(make) as (pilot, app):
        await pilot.press(*keys.split())
        assert await answer_of(pilot, app) == answer


@pytest.mark.parametrize("make", [confirm, choice])
async def test_keys_typed_ahead_do_not_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogs, "TYPE_AHEAD_S", 3600)
    async with asked(make) as (pilot, app):
        await pilot.press("ctrl+y", "1", "down", "enter", "up", "enter")
        assert not app.calls
        await pilot.press("escape")
        assert await answer_of(pilot, app) is None


async def test_a_second_dialog_is_not_opened_over_the_first() -> None:
    async with asked(confirm) as (pilot, app):
        keep_answer(app, confirm)
        assert await answer_of(pilot, app) is None
        assert len(app.screen_stack) == 2


async def test_a_key_that_repeats_closes_one_screen_only() -> None:
    async with asked(text) as (pilot, app):
        post_keys(app, *["enter"] * 5, *["escape"] * 5)
        await answer_of(pilot, app)
        await pilot.pause()
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize(
    ("make", "keys"),
    [
        (confirm, "ctrl+y yes · Enter choose · Esc cancel"),
        (choice, "Enter choose · Esc cancel"),
        (several, "Space choose · Enter accept · Esc cancel"),
        (text, "Enter accept · Esc cancel"),
        (path, "Tab complete · Enter accept · Esc cancel"),
    ],
)
@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_a_dialog_names_its_keys_which_can_be_clicked(
    make: Make, keys: str, size: tuple[int, int]
) -> None:
    async with asked(make, size) as (pilot, app):
        assert has_row(app, "╰", f" {keys} ", "╯")
        rows = rows_of(app)
        (place,) = [(row.index("Esc cancel"), y) for y, row in enumerate(rows) if keys in row]
        post_clicks(app, place)
        assert await answer_of(pilot, app) is None


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
        ("~/" + "x" * 5000, True, "this path cannot be read"),
    ],
)  # fmt: skip
async def test_a_path_is_checked_as_it_is_typed(
    folder: Path, text: str, for_new_file: bool, problem: str
) -> None:
    """The answer has its home written out. What it begins with is not criticised."""

    def ask() -> AskPath:
        return AskPath("File", "", "~/p", for_new_file=for_new_file, problem="try again")

    async with asked(ask) as (pilot, app):
        assert problem_in(app) == "try again"
        app.screen.query_one(PathInput).value = text
        expected = problem.replace("{home}", str(folder))
        await wait_until(pilot, lambda: problem_in(app) == expected)
        await pilot.press("enter")
        if not problem:
            assert await answer_of(pilot, app) == text.replace("~", str(folder))
        else:
            assert not app.calls and problem_in(app) == expected


DIALOGS: list[Make] = [
    lambda: Confirm(HOSTILE, HOSTILE * 20, yes=HOSTILE),
    lambda: Choice(HOSTILE, HOSTILE, [("a", HOSTILE, HOSTILE), ("b", HOSTILE, HOSTILE)]),
    lambda: ChooseSeveral(HOSTILE, [("a", HOSTILE), ("b", HOSTILE)]),
    lambda: AskText(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
    lambda: AskPath(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
]


@pytest.mark.parametrize("make", DIALOGS)
@pytest.mark.parametrize("size", [(60, 16), (20, 5)])
async def test_hostile_texts_are_shown_as_they_are_and_the_answers_stay(
    make: Make, size: tuple[int, int]
) -> None:
    async with asked(make, size) as (pilot, app):
        title = app.screen.query_one(".dialog-title", Static)
        assert str(title.content).startswith("[/b] [red]x")
        assert "\x1b" not in str(title.content)
        assert app.screen.query_one(".dialog-box").region.bottom <= size[1]
        await pilot.press("escape")
        assert not await answer_of(pilot, app)
