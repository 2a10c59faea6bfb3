"""Dialogs: keys, safe defaults, and hostile texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
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
    path_problem,
)
from tests.helpers.app import (
    HOSTILE,
    dialog_read,
    post_clicks,
    post_keys,
    press,
    problem_in,
    rows_of,
    running,
    sees,
    settled,
    until,
)
from tests.helpers.host import HostApp

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


def several() -> ChooseSeveral:
    return ChooseSeveral("Which?", [(1, "one"), (2, "two"), (3, "three")], chosen=[2])


def text() -> AskText:
    return AskText("Name", "", "a", check=no_spaces)


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
    async with running(app, size=size) as pilot:
        keep_answer(app, make)
        await until(lambda: isinstance(app.screen, Dialog) and app.focused)
        await pilot.pause()
        yield pilot, app


async def answer_of(pilot: Pilot[None], app: HostApp) -> object:
    """The answer, once there is one."""
    await until(lambda: app.calls)
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
        (choice, "up enter", None),
        (choice, "9 down enter", "detach"),
        (several, "enter", [2]),
        (several, "space down space down space enter", [1, 3]),
        (text, "b enter", "b"),
        (text, "end space b enter backspace backspace enter", "a"),
        (text, "b escape", None),
    ],
)
async def test_keys_and_the_answer(make: Make, keys: str, answer: object) -> None:
    """Keys that come all at once keep their order."""
    async with asked(make) as (pilot, app):
        await press(pilot, *keys.split())
        assert await answer_of(pilot, app) == answer


@pytest.mark.parametrize("make", [confirm, choice, several, text])
async def test_keys_typed_ahead_do_not_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine that has just been started, where its clock begins."""
    monkeypatch.setattr(dialogs, "TYPE_AHEAD_S", 3600)
    monkeypatch.setattr(dialogs, "time", SimpleNamespace(monotonic=lambda: 0.0))
    async with asked(make) as (pilot, app):
        post_keys(app, "ctrl+y", "1", "down", "enter", "up", "enter")
        await settled(pilot)
        assert not app.calls
        post_keys(app, "escape")
        assert await answer_of(pilot, app) is None


async def test_a_second_dialog_is_not_opened_and_a_key_that_repeats_closes_one() -> None:
    async with asked(text) as (pilot, app):
        keep_answer(app, confirm)
        assert await answer_of(pilot, app) is None
        assert len(app.screen_stack) == 2
        await dialog_read(pilot)
        post_keys(app, *["enter"] * 5, *["escape"] * 5)
        await until(lambda: len(app.calls) == 2)
        await pilot.pause()
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize(
    ("make", "keys"),
    [
        (confirm, "ctrl+y yes  Enter choose  Esc cancel"),
        (several, "Space choose  Enter accept  Esc cancel"),
        (text, "Enter accept  Esc cancel"),
    ],
)
@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_a_dialog_names_its_keys_which_can_be_clicked(
    make: Make, keys: str, size: tuple[int, int]
) -> None:
    async with asked(make, size) as (pilot, app):
        await sees(app, "│", f" {keys} ", "│")
        rows = rows_of(app)
        (place,) = [(row.index("Esc cancel"), y) for y, row in enumerate(rows) if keys in row]
        await dialog_read(pilot)
        post_clicks(app, place)
        assert await answer_of(pilot, app) is None


def test_what_is_wrong_with_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    for path, for_new_file, problem in (
        ("", False, "enter the path of a file"),
        ("a/none", False, "there is no such file"),
        ("a/file", False, None),
        ("a/new", True, None),
        ("a", True, "this is a folder; add the name of a file"),
        ("no/new", True, "make the folder no first"),
        ("x" * 5000, True, "this path cannot be read"),
    ):
        assert path_problem(path, for_new_file) == problem


async def test_a_path_is_checked_as_it_is_typed_and_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first value is not criticised."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    async with asked(lambda: AskPath("File", "", "~/", problem="try again")) as (pilot, app):
        assert problem_in(app) == "try again"
        await press(pilot, "end", "a", "enter")
        assert not app.calls and problem_in(app) == "there is no such file"
        (tmp_path / "ab").write_text("")
        await press(pilot, "b", "enter")
        assert await answer_of(pilot, app) == str(tmp_path / "ab")


DIALOGS: list[Make] = [
    lambda: Confirm(HOSTILE, HOSTILE * 4, yes=HOSTILE),
    lambda: Choice(HOSTILE, HOSTILE, [("a", HOSTILE, HOSTILE), ("b", HOSTILE, HOSTILE)]),
    lambda: ChooseSeveral(HOSTILE, [(1, HOSTILE), (2, HOSTILE)]),
    lambda: AskText(HOSTILE, HOSTILE, HOSTILE, check=lambda text: f"{HOSTILE} is wrong"),
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
        await press(pilot, "escape")
        assert not await answer_of(pilot, app)
