"""The small questions: by key and by mouse, harmless by default, and hostile texts in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static

from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Confirm, Dialog
from rnnlm_tui.tui.widgets.path_input import PathInput
from tests.helpers.app import click, problem_in, wait_until

OPEN = object()
HOSTILE = "[/b] [red]x \u7269\u8a9e e\u0301\u0301 \u05d0\u05d1 \x1b[31m\a " + "w" * 200
OPTIONS = (
    ("stop", "Stop and keep", "saves it"),
    ("detach", "Go on in the background", "it trains to its end"),
)


class Host(App[None]):
    """Asks one question and keeps the answer."""

    answer: object = OPEN

    def ask(self, dialog: Dialog[Any]) -> None:
        def keep(answer: object) -> None:
            self.answer = answer

        self.push_screen(dialog, keep)


@asynccontextmanager
async def asked(
    dialog: Dialog[Any], size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], Host]]:
    """An app in which the dialog stands."""
    app = Host()
    async with app.run_test(size=size) as pilot:
        app.ask(dialog)
        await wait_until(pilot, lambda: app.screen is dialog and dialog.focused is not None)
        await pilot.pause()
        yield pilot, app


async def answer_of(pilot: Pilot[None], app: Host) -> object:
    await wait_until(pilot, lambda: app.answer is not OPEN)
    return app.answer


def no_spaces(value: str) -> str | None:
    """The check of these tests."""
    return "no spaces, please" if " " in value else None


# Confirm


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], False),
        (["escape"], False),
        (["n"], False),
        (["y"], True),
        (["tab", "enter"], True),
        (["left", "enter"], True),
        (["left", "right", "enter"], False),
    ],
)
async def test_a_yes_needs_more_than_enter(keys: list[str], answer: bool) -> None:
    async with asked(Confirm("Delete it?", "It cannot be brought back.")) as (pilot, app):
        await pilot.press(*keys)
        assert await answer_of(pilot, app) is answer


async def test_an_enter_typed_ahead_says_no() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.ask(Confirm("Delete it?", ""))
        await pilot.press("enter")
        await pilot.press("enter")
        assert await answer_of(pilot, app) is False


@pytest.mark.parametrize(("button", "answer"), [("#yes", True), ("#no", False)])
async def test_a_click_answers(button: str, answer: bool) -> None:
    async with asked(Confirm("Delete it?", "", yes="[/b]", no="[red]")) as (pilot, app):
        assert str(app.screen.query_one("#yes", Button).label) == "[/b]"
        await click(pilot, button)
        assert await answer_of(pilot, app) is answer


# Choice


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], None),
        (["escape"], None),
        (["1"], "stop"),
        (["2"], "detach"),
        (["3"], None),
        (["up", "enter"], "detach"),
        (["up", "up", "enter"], "stop"),
        (["9", "up", "enter"], "detach"),
    ],
)
async def test_one_of_several_by_key(keys: list[str], answer: str | None) -> None:
    async with asked(Choice("A model trains", "What now?", OPTIONS)) as (pilot, app):
        await pilot.press(*keys)
        assert await answer_of(pilot, app) == answer


@pytest.mark.parametrize(("row", "answer"), [(0, "stop"), (1, "stop"), (2, "detach"), (4, None)])
async def test_one_of_several_by_mouse(row: int, answer: str | None) -> None:
    """Each row but the last is two lines high."""
    async with asked(Choice("A model trains", "What now?", OPTIONS)) as (pilot, app):
        await pilot.click(OptionList, offset=(3, row))
        assert await answer_of(pilot, app) == answer


async def test_a_row_of_the_callers_own_cancels_in_its_place() -> None:
    options = (("cancel", "Stay", "nothing ends"), *OPTIONS)
    async with asked(Choice("A model trains", "", options)) as (pilot, app):
        assert app.screen.query_one(OptionList).option_count == 3
        await pilot.press("enter")
        assert await answer_of(pilot, app) is None


# AskText


async def test_a_text_is_taken_only_where_it_is_right() -> None:
    async with asked(AskText("Name", "", "a b", check=no_spaces)) as (pilot, app):
        ok, problem = app.screen.query_one("#ok", Button), app.screen.query_one(".dialog-problem")
        assert isinstance(problem, Static)
        assert (ok.disabled, str(problem.content)) == (True, ""), "nothing was typed yet"
        await pilot.press("enter")
        assert app.answer is OPEN
        assert str(problem.content) == "no spaces, please"
        app.screen.query_one(Input).value = "ab"
        await wait_until(pilot, lambda: not ok.disabled)
        assert str(problem.content) == ""
        await pilot.press("enter")
        assert await answer_of(pilot, app) == "ab"


@pytest.mark.parametrize(("button", "answer"), [("#ok", "ab"), ("#cancel", None)])
async def test_the_buttons_of_a_text(button: str, answer: str | None) -> None:
    async with asked(AskText("Name", "", "ab", check=no_spaces)) as (pilot, app):
        await click(pilot, button)
        assert await answer_of(pilot, app) == answer


async def test_escape_gives_no_text() -> None:
    async with asked(AskText("Name", "", "ab", check=no_spaces)) as (pilot, app):
        await pilot.press("escape")
        assert await answer_of(pilot, app) is None


# AskPath


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a folder and two files."""
    home = tmp_path / "home"
    (home / "poems").mkdir(parents=True)
    (home / "poems.zip").write_text("x")
    (home / "prose.zip").write_text("x")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


@pytest.mark.parametrize(
    ("text", "for_new_file", "problem"),
    [
        ("", False, "give the path of a file"),
        ("~/poems", False, "this is a folder: add the name of a file"),
        ("~/none.zip", False, "there is no such file"),
        ("~/poems.zip", False, ""),
        ("~/poems.zip", True, ""),
        ("~/new.zip", True, ""),
        ("~/poems", True, "this is a folder: add the name of a file"),
        ("~/nowhere/new.zip", True, "there is no folder {home}/nowhere"),
        (
            "a\0b",
            True,
            "the path holds characters that cannot be shown: rename it, or take another",
        ),
        ("~/" + "x" * 5000, True, "this path cannot be looked at"),
    ],
)
async def test_a_path_is_looked_at_while_it_is_typed(
    folder: Path, text: str, for_new_file: bool, problem: str
) -> None:
    async with asked(AskPath("File", "", "~/p", for_new_file=for_new_file)) as (pilot, app):
        ok = app.screen.query_one("#ok", Button)
        app.screen.query_one(PathInput).value = text
        expected = problem.replace("{home}", str(folder))
        await wait_until(pilot, lambda: problem_in(app) == expected)
        await wait_until(pilot, lambda: ok.disabled is bool(problem))


async def test_a_path_that_stands_there_is_marked_and_not_complained_of(folder: Path) -> None:
    async with asked(AskPath("File", "", "~/poems")) as (pilot, app):
        ok = app.screen.query_one("#ok", Button)
        await wait_until(pilot, lambda: ok.disabled)
        assert problem_in(app) == ""
        assert app.screen.query_one(Input).selection == (0, 7)
        await pilot.press("end", "x")
        await wait_until(pilot, lambda: problem_in(app) == "there is no such file")
        await pilot.press("backspace")
        await wait_until(pilot, lambda: problem_in(app).startswith("this is a folder"))


async def test_a_path_comes_back_with_its_home_written_out(folder: Path) -> None:
    seen = []

    def check(path: str) -> str | None:
        seen.append(path)
        return None

    async with asked(AskPath("File", "", "~/poems.zip", check=check)) as (pilot, app):
        await pilot.press("enter")
        assert await answer_of(pilot, app) == str(folder / "poems.zip")
        assert set(seen) == {str(folder / "poems.zip")}


async def test_enter_waits_for_the_look_at_the_path(folder: Path) -> None:
    """Typed and sent at once, faster than the disk answers."""
    async with asked(AskPath("File", "", "")) as (pilot, app):
        app.screen.query_one(PathInput).value = "~/prose.zip"
        await pilot.press("enter")
        assert await answer_of(pilot, app) == str(folder / "prose.zip")


async def test_a_path_that_the_caller_refuses_stays_in_the_line(folder: Path) -> None:
    dialog = AskPath("File", "", "~/poems.zip", check=lambda path: "no model in it")
    async with asked(dialog) as (pilot, app):
        await pilot.press("enter")
        await wait_until(pilot, lambda: problem_in(app) == "no model in it")
        assert app.answer is OPEN
        assert app.screen.query_one(PathInput).value == "~/poems.zip"


async def test_an_entry_is_chosen_before_the_path_is_sent(folder: Path) -> None:
    async with asked(AskPath("File", "", "~/")) as (pilot, app):
        line = app.screen.query_one(PathInput)
        await wait_until(pilot, lambda: line.entries == ("poems/", "poems.zip", "prose.zip"))
        await pilot.press("down", "down", "enter")
        assert line.value == "~/poems.zip"
        await pilot.press("enter")
        assert await answer_of(pilot, app) == str(folder / "poems.zip")


@pytest.mark.parametrize(("button", "name"), [("#ok", "poems.zip"), ("#cancel", None)])
async def test_the_buttons_of_a_path(folder: Path, button: str, name: str | None) -> None:
    async with asked(AskPath("File", "", "~/poems.zip"), size=(60, 16)) as (pilot, app):
        await wait_until(pilot, lambda: not app.screen.query_one("#ok", Button).disabled)
        await click(pilot, button)
        assert await answer_of(pilot, app) == (str(folder / name) if name else None)


# All of them

DIALOGS: list[Callable[[], Dialog[Any]]] = [
    lambda: Confirm(HOSTILE, HOSTILE * 20, yes="Delete", no="Cancel"),
    lambda: Choice(HOSTILE, HOSTILE, [("a", HOSTILE, HOSTILE), ("b", HOSTILE, HOSTILE)]),
    lambda: AskText(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
    lambda: AskPath(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
]


@pytest.mark.parametrize("make", DIALOGS)
@pytest.mark.parametrize("size", [(60, 16), (80, 24), (20, 5)])
async def test_hostile_texts_are_shown_as_they_are_and_the_buttons_stay(
    make: Callable[[], Dialog[Any]], size: tuple[int, int]
) -> None:
    async with asked(make(), size) as (pilot, app):
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
