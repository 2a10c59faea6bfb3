"""The Models screen: what it lists at which width, every action by key, by mouse and by name, the
card, and hostile names and texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from rich.cells import cell_len
from textual.app import SystemCommand
from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.formatting import format_percent, format_perplexity
from rnnlm_tui.store.evaluations import figures_of, write_evaluation
from rnnlm_tui.store.library import BUILT_IN, Library
from rnnlm_tui.tui.help.palette import commands
from rnnlm_tui.tui.models import facts as facts_module
from rnnlm_tui.tui.models import screen as models_module
from rnnlm_tui.tui.models.card import ModelCardScreen, ModelCardView, losses, section
from rnnlm_tui.tui.models.facts import (
    Listed,
    date_text,
    facts,
    layers,
    on_disk,
    quality,
    read_library,
)
from rnnlm_tui.tui.models.screen import ModelsScreen, free_name, name_problem
from rnnlm_tui.tui.models.table import (
    HEADERS,
    ModelTable,
    cell,
    fitted,
    in_short,
    natural_widths,
    row_of,
)
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Confirm
from rnnlm_tui.tui.widgets.path_input import PathInput
from tests.helpers.app import (
    choose_in_palette,
    click,
    post_keys,
    problem_in,
    scripted_app,
    wait_until,
)
from tests.helpers.host import HostApp
from tests.helpers.models import change_card, held_elsewhere, make_model, put, put_state
from tests.tui import scripted_child

HOSTILE = (
    "[/b] [red]x \u7269\u8a9e\u308a e\u0301\u0301\u0301 \u05d0\u05d1\u05d2 \x1b[31m\a"
    + "w" * 10_000
)
HOSTILE_NAMES = [
    "[red]x",
    "\u7269\u8a9e\u308a" * 8,
    "e\u0301\u0301",
    "\u05d0\u05d1\u05d2",
    "a\n\x1b[31mb",
]
SIZES = [(60, 16), (80, 24), (120, 40), (200, 50)]


@pytest.fixture
def library(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Three models, the third damaged, and a run that has saved no model."""
    monkeypatch.chdir(tmp_path)
    library = Library(data_dir)
    make_model(library.path("one"), seed=1)
    make_model(library.path("two"), epoch=3, seed=2)
    put(library.path("three"), {"model.json": b"{}"})
    put(library.path("run"), {"resume.safetensors": b"x" * 100})
    return library


class Host(HostApp):
    """An app that shows the Models screen."""

    current_mode: ClassVar[str] = "models"

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.active_name = "one"
        self.models = ModelsScreen()

    def on_mount(self) -> None:
        self.push_screen(self.models)

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        yield from commands(cast(Any, self), screen)

    def action_write_keymap(self) -> None:
        pass

    def models_changed(self) -> None:
        self.models.reload()


def hold_out(data: dict[str, Any]) -> None:
    """Gives a card figures of lines that the model never saw."""
    for epoch in (*data["history"], data["metrics"]):
        epoch["held_out"] = {"loss": 6.0, "perplexity": 403.4, "top1": 0.152, "top5": 0.26}


def listed(library: Library, name: str) -> Listed:
    """The model as the screen has it."""
    return next(one for one in read_library(library) if one.name == name)


@asynccontextmanager
async def shown(
    library: Library, size: tuple[int, int] = (80, 24), row: str | None = None
) -> AsyncIterator[tuple[Pilot[None], Host]]:
    """The screen with the library listed and the row of a model in hand."""
    app = Host(library)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.screen is app.models and app.models.is_mounted)
        names = {path.name for path in library.folder.iterdir() if path.name != ".locks"}
        names |= set(library.names())
        await wait_until(pilot, lambda: set(rows(app)) == names and lines(app)[0].strip())
        if row is not None:
            table = app.models.query_one(ModelTable)
            table.move_cursor(row=table.get_row_index(row))
            await wait_until(pilot, lambda: table.current == row)
        yield pilot, app


def rows(app: Host) -> list[str]:
    """The names of the models in the list."""
    return [str(key.value) for key in app.models.query_one(ModelTable).rows]


def lines(app: Host) -> list[str]:
    """The rows of the list as they stand on the screen, the headers first."""
    table = app.models.query_one(ModelTable)
    return [table.render_line(y).text for y in range(len(rows(app)) + 1)]


def line_of(app: Host, name: str) -> str:
    """The row of a model."""
    return next(line for line in lines(app)[1:] if f" {name} " in line)


def count_text(app: Host) -> str:
    """What stands below the list."""
    return str(app.models.query_one(".models-count", Static).content)


async def told(pilot: Pilot[None], app: Host, part: str) -> None:
    """Waits until the user has been told something."""
    await wait_until(pilot, lambda: any(part in message for message in app.told))


async def dialog(pilot: Pilot[None], app: Host, kind: type[Any]) -> Any:
    """Waits for a dialog and gives it."""
    await wait_until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused)
    return app.screen


# The list


@pytest.mark.parametrize("size", SIZES)
async def test_every_row_fits_and_says_what_is_the_matter(
    library: Library, size: tuple[int, int]
) -> None:
    change_card(library, "two", hold_out)
    async with shown(library, size) as (_, app):
        table = app.models.query_one(ModelTable)
        header = lines(app)[0]
        for name in ("name", "perplexity · top-1", "saved"):
            assert name in header
        assert all(cell_len(line.rstrip()) <= table.size.width for line in lines(app))
        assert line_of(app, "one").startswith(" ●")
        assert "12.2 · 25% (train)" in line_of(app, "one")
        assert "403 · 15%" in line_of(app, "two")
        assert "(train)" not in line_of(app, "two")
        assert line_of(app, "three").startswith(" !")
        assert "damaged" in line_of(app, "three")
        assert line_of(app, "run").startswith(" ○")
        assert "unfinished" in line_of(app, "run")
        assert count_text(app).startswith("3 models, ")
        assert "● suggests now" in count_text(app)
        assert all(row.name for row in table._models)


async def test_a_wide_screen_shows_all_columns_and_the_card_of_the_row(library: Library) -> None:
    async with shown(library, (120, 40), "two") as (pilot, app):
        header = lines(app)[0]
        assert header.split() == " ".join(HEADERS.values()).split()
        side = app.models.query_one(ModelCardView)
        assert side.display
        head = side.query_one(".card-head", Static)
        await wait_until(pilot, lambda: str(head.content) == "two")
        await pilot.press("up")
        await wait_until(pilot, lambda: str(head.content) == "three   ! damaged")
        await pilot.press("home", "down")
        await wait_until(pilot, lambda: "○ unfinished" in str(head.content))


async def test_a_resize_chooses_the_columns_anew_and_keeps_the_row(library: Library) -> None:
    async with shown(library, (120, 40), "two") as (pilot, app):
        table = app.models.query_one(ModelTable)
        for size, count in (((60, 16), 5), ((80, 24), 8), ((120, 40), 9)):
            await pilot.resize_terminal(*size)
            await wait_until(pilot, lambda count=count: len(table.columns) >= count)  # type: ignore[misc]
            assert table.current == "two"
            assert app.models.query_one(ModelCardView).display is (size[0] >= 100)


async def test_an_empty_library_says_what_to_do(data_dir: Path) -> None:
    app = Host(Library(data_dir))
    async with app.run_test() as pilot:
        empty = app.models.query_one(".models-empty", Static)
        await wait_until(pilot, lambda: empty.display)
        assert "There is no model yet" in str(empty.content)
        assert not app.models.query_one(ModelTable).display
        for key in ("enter", "u", "r", "c", "e", "d", "g"):
            app.told.clear()
            await pilot.press(key)
            await told(pilot, app, "no model is chosen")
        make_model(app.library.path("one"))
        await pilot.press("f5")
        await wait_until(pilot, lambda: rows(app) == ["one"])
        assert not empty.display
        await pilot.press("u")
        assert app.calls == [("use_model", "one")]


async def test_the_row_in_hand_stays_in_hand(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        make_model(library.path("another"))
        app.models.reload()
        await wait_until(pilot, lambda: "another" in rows(app))
        assert app.models.query_one(ModelTable).current == "two"
        library.delete("two")
        app.models.reload()
        await wait_until(pilot, lambda: "two" not in rows(app))
        assert app.models.query_one(ModelTable).current == "three"
        app.models.choose("another")
        app.models.reload()
        await wait_until(pilot, lambda: app.models.query_one(ModelTable).current == "another")


async def test_the_list_is_read_anew_whenever_the_screen_is_shown(library: Library) -> None:
    async with shown(library) as (pilot, app):
        await app.push_screen(Confirm("x", "x"))
        make_model(library.path("another"))
        await pilot.press("escape")
        await wait_until(pilot, lambda: "another" in rows(app))


async def test_the_mark_follows_the_model_that_suggests(library: Library) -> None:
    async with shown(library) as (pilot, app):
        app.active_name = "two"
        await wait_until(pilot, lambda: line_of(app, "two").startswith(" ●"))
        assert line_of(app, "one").startswith("  ")


async def test_a_library_that_cannot_be_read_is_explained(library: Library) -> None:
    async with shown(library) as (pilot, app):
        app.library = Library(library.folder / "one" / "model.json")
        await pilot.press("f5")
        await told(pilot, app, "cannot read")


# Actions

BINDINGS = [binding for binding in ModelsScreen.BINDINGS if isinstance(binding, Binding)]


def by_key(pilot: Pilot[None], app: Host, action: str) -> Any:
    """Presses the first key of an action."""
    key = next(binding.key for binding in BINDINGS if binding.action == action)
    return pilot.press(key.split(",")[0])


async def by_palette(pilot: Pilot[None], app: Host, action: str) -> None:
    """Chooses the action in the palette."""
    title = next(b.description for b in BINDINGS if b.action == action).capitalize()
    await choose_in_palette(pilot, title)


async def by_click(pilot: Pilot[None], app: Host, action: str) -> None:
    """Clicks the action in the key bar."""
    bar = app.models.query_one("KeyBar")
    for y in range(bar.size.height):
        x = 0
        for segment in bar.render_line(y):
            meta = segment.style.meta if segment.style else {}
            if str(meta.get("@click", "")).endswith(f".{action}"):
                await pilot.click("KeyBar", offset=(x, y))
                return
            x += segment.cell_length
    pytest.fail(f"{action} is not in the key bar")


every_way = pytest.mark.parametrize("use", [by_key, by_palette, by_click])


def test_every_action_has_an_id_a_description_and_a_tooltip() -> None:
    assert len({binding.id for binding in BINDINGS}) == len(BINDINGS) == 9
    for binding in BINDINGS:
        assert binding.id == f"models.{binding.action}"
        assert binding.description
        assert binding.tooltip
        assert callable(getattr(ModelsScreen, f"action_{binding.action}"))


@every_way
async def test_the_card_opens_and_closes(library: Library, use: Any) -> None:
    async with shown(library, row="two") as (pilot, app):
        await use(pilot, app, "open")
        await dialog(pilot, app, ModelCardScreen)
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert app.calls == []


async def test_a_click_on_the_row_in_hand_opens_its_card(library: Library) -> None:
    async with shown(library, row="one") as (pilot, app):
        table = app.models.query_one(ModelTable)
        await pilot.click(ModelTable, offset=(4, 1 + rows(app).index("two")))
        await wait_until(pilot, lambda: table.current == "two")
        await pilot.click(ModelTable, offset=(4, 1 + rows(app).index("two")))
        await dialog(pilot, app, ModelCardScreen)


@every_way
async def test_a_model_is_used_for_writing(library: Library, use: Any) -> None:
    async with shown(library, row="two") as (pilot, app):
        await use(pilot, app, "use")
        await wait_until(pilot, lambda: app.calls == [("use_model", "two")])
        await wait_until(pilot, lambda: line_of(app, "two").startswith(" ●"))


@pytest.mark.parametrize("way", ["key", "button"])
async def test_a_model_is_used_from_its_card(library: Library, way: str) -> None:
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("enter")
        await dialog(pilot, app, ModelCardScreen)
        await (pilot.press("u") if way == "key" else click(pilot, "#use"))
        await wait_until(pilot, lambda: app.calls == [("use_model", "two")])


@every_way
async def test_a_model_is_renamed(library: Library, use: Any) -> None:
    async with shown(library, row="two") as (pilot, app):
        await use(pilot, app, "rename")
        ask = await dialog(pilot, app, AskText)
        line, ok = ask.query_one(Input), ask.query_one("#ok", Button)
        assert line.value == "two"
        for wrong in ("", "one", "run", "a b", "[/b]", "x" * 65, ".a", "con"):
            line.value = wrong
            await wait_until(pilot, lambda: ok.disabled)
        line.value = "zwei"
        await wait_until(pilot, lambda: not ok.disabled)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "zwei" in rows(app))
        assert app.calls == [("renamed", "two", "zwei")]
        assert app.told == ["two is now zwei"]
        await wait_until(pilot, lambda: app.models.query_one(ModelTable).current == "zwei")
        assert library.open("zwei")


async def test_a_rename_to_the_same_name_changes_nothing(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("r")
        await dialog(pilot, app, AskText)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert (app.calls, app.told) == ([], [])


@every_way
async def test_a_model_is_copied(library: Library, use: Any) -> None:
    async with shown(library, row="two") as (pilot, app):
        await use(pilot, app, "duplicate")
        ask = await dialog(pilot, app, AskText)
        assert ask.query_one(Input).value == "two-2"
        await pilot.press("enter")
        await wait_until(pilot, lambda: "two-2" in rows(app))
        assert app.told == ["two-2 is a copy of two"]
        assert app.models.query_one(ModelTable).current == "two-2"


@every_way
async def test_a_model_is_exported_and_taken_in_again(
    library: Library, tmp_path: Path, use: Any
) -> None:
    async with shown(library, row="two") as (pilot, app):
        await use(pilot, app, "export")
        ask = await dialog(pilot, app, AskPath)
        assert ask.query_one(PathInput).value == str(tmp_path / "two.zip")
        ask.query_one(PathInput).value = str(tmp_path / "new.zip")
        await pilot.press("enter")
        await told(pilot, app, f"two is written to {tmp_path / 'new.zip'}")
        await use(pilot, app, "import")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "new.zip")
        await pilot.press("enter")
        await told(pilot, app, "new is here now")
        await wait_until(pilot, lambda: "new" in rows(app))
        assert app.models.query_one(ModelTable).current == "new"


@pytest.mark.parametrize("replace", [True, False])
async def test_an_export_asks_before_it_replaces_a_file(
    library: Library, tmp_path: Path, replace: bool
) -> None:
    (tmp_path / "two.zip").write_text("precious")
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("e")
        await dialog(pilot, app, AskPath)
        await pilot.press("enter")
        ask = await dialog(pilot, app, Confirm)
        await click(pilot, ask.query_one("#yes" if replace else "#no"))
        if replace:
            await told(pilot, app, "two is written to")
        await wait_until(pilot, lambda: app.screen is app.models)
    assert ((tmp_path / "two.zip").read_bytes() != b"precious") is replace


async def test_an_import_under_a_name_that_is_taken_asks_for_another(
    library: Library, tmp_path: Path
) -> None:
    library.export("two", tmp_path / "two.zip")
    async with shown(library) as (pilot, app):
        await pilot.press("i")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "two.zip")
        await pilot.press("enter")
        name = await dialog(pilot, app, AskText)
        assert name.query_one(Input).value == "two-2"
        text = str(name.query_one(".dialog-text", Static).content)
        assert text == "There is a model two already."
        name.query_one(Input).value = "taken-in"
        await pilot.press("enter")
        await wait_until(pilot, lambda: "taken-in" in rows(app))


async def test_a_file_that_is_no_model_is_explained(library: Library, tmp_path: Path) -> None:
    (tmp_path / "new.zip").write_text("not a zip")
    async with shown(library) as (pilot, app):
        await pilot.press("i")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "new.zip")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is not ask and problem_in(app))
        again = await dialog(pilot, app, AskPath)
        assert "cannot import" in problem_in(app)
        line = again.query_one(PathInput)
        assert line.value == str(tmp_path / "new.zip")
        assert line.selection == (0, len(line.value)), "typing puts another in its place"
        library.export("two", tmp_path / "other.zip")
        line.value = str(tmp_path / "other.zip")
        await wait_until(pilot, lambda: not problem_in(app))
        await pilot.press("enter")
        await told(pilot, app, "other is here now")
        assert "new" not in rows(app)


async def test_a_key_pressed_twice_asks_once(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        post_keys(app, "d", "d")
        await dialog(pilot, app, Confirm)
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.models)
        await pilot.pause()
        assert app.screen is app.models
        await pilot.press("d")
        await dialog(pilot, app, Confirm)


async def test_the_library_is_read_once_at_a_time_and_only_while_it_is_seen(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Semaphore(0), []

    def read(library: Library) -> list[Listed]:
        begun.append(library)
        assert gate.acquire(timeout=20)
        return read_library(library)

    async with shown(library) as (pilot, app):
        monkeypatch.setattr(models_module, "read_library", read)
        for _ in range(5):
            app.models.reload()
        await wait_until(pilot, lambda: begun)
        for _ in range(5):
            app.models.reload()
        await pilot.pause()
        assert len(begun) == 1
        make_model(library.path("another"))
        gate.release(2)
        await wait_until(pilot, lambda: "another" in rows(app))
        await wait_until(pilot, lambda: not app.models._is_scanning)
        assert len(begun) == 2
        await app.push_screen(Screen())
        app.models.reload()
        await pilot.pause()
        assert len(begun) == 2
        gate.release()
        app.pop_screen()
        await wait_until(pilot, lambda: len(begun) == 3)


@every_way
@pytest.mark.parametrize("name", ["two", "three", "run"])
async def test_a_model_a_damaged_one_and_a_run_are_deleted(
    library: Library, use: Any, name: str
) -> None:
    async with shown(library, row=name) as (pilot, app):
        await use(pilot, app, "delete")
        ask = await dialog(pilot, app, Confirm)
        assert ask.focused.id == "no"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert library.has(name)
        await use(pilot, app, "delete")
        await dialog(pilot, app, Confirm)
        await pilot.press("ctrl+y")
        await wait_until(pilot, lambda: name not in rows(app))
        assert app.calls == [("deleted", name)]
        assert not library.has(name)


async def test_deleting_the_model_that_suggests_says_so(library: Library) -> None:
    async with shown(library, row="one") as (pilot, app):
        await pilot.press("delete")
        ask = await dialog(pilot, app, Confirm)
        text = ask.query_one(".dialog-text", Static)
        assert "suggests now" in str(text.content)


@every_way
async def test_an_unfinished_run_goes_on(library: Library, use: Any) -> None:
    async with shown(library, row="run") as (pilot, app):
        await use(pilot, app, "resume")
        await wait_until(pilot, lambda: app.calls == [("resume_run", "run")])


@pytest.mark.parametrize(
    ("state", "done", "more"),
    [((4, 3), 3, ()), ((5, 9, 2, 2), 4, ("--patience", "10"))],
    ids=["all its epochs done", "ended early"],
)
async def test_a_model_whose_training_is_over_is_trained_longer(
    tmp_path: Path, state: tuple[int, ...], done: int, more: tuple[str, ...]
) -> None:
    app = scripted_app(tmp_path)
    library = app.library = Library(tmp_path / "data")
    make_model(library.path("poems"), epoch=done)
    put_state(library.path("poems"), *state)
    command = scripted_child.command("--model", "--done", str(done))
    app.runs = Runs(library, command=command, log_folder=tmp_path / "log")
    async with app.run_test() as pilot:
        app.show_mode("models")
        await wait_until(pilot, lambda: app.screen.query(ModelTable))
        table = app.screen.query_one(ModelTable)
        await wait_until(pilot, lambda: table.current == "poems")
        await pilot.press("g")
        await wait_until(pilot, lambda: isinstance(app.screen, AskText) and app.screen.focused)
        app.screen.query_one(Input).value = "12"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.runs.own)
        assert app.runs.own is not None
        assert app.runs.own.request.arguments == (
            *("--resume", "--name", "poems", "--epochs", "12"),
            *more,
        )
        await app.runs.own.wait()


async def test_a_model_without_its_training_state_cannot_go_on(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("g")
        await told(pilot, app, "no run of two can go on")
        assert app.calls == []


@every_way
async def test_the_list_is_read_anew(library: Library, use: Any) -> None:
    async with shown(library) as (pilot, app):
        make_model(library.path("another"))
        await use(pilot, app, "refresh")
        await wait_until(pilot, lambda: "another" in rows(app))


@pytest.mark.parametrize("key", ["u", "c", "e"])
@pytest.mark.parametrize(
    ("name", "reason"), [("three", "three is damaged: "), ("run", "run has saved no model yet")]
)
async def test_what_is_no_whole_model_says_why_it_cannot(
    library: Library, key: str, name: str, reason: str
) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press(key)
        await told(pilot, app, reason)
        assert app.screen is app.models


# In training


@contextmanager
def trained(library: Library, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains the model, as far as its lock says."""
    with held_elsewhere(library, name) as process:
        yield process


async def test_a_model_in_training_is_marked_and_watched_and_left_alone(library: Library) -> None:
    with trained(library, "two"):
        async with shown(library, row="two") as (pilot, app):
            assert line_of(app, "two").startswith(" ◆")
            assert "training" in line_of(app, "two")
            await pilot.press("g")
            assert app.calls == [("watch_run", "two")]
            await pilot.press("r")
            ask = await dialog(pilot, app, AskText)
            ask.query_one(Input).value = "zwei"
            await pilot.press("enter")
            await told(pilot, app, "the model two is in use by process")
            app.told.clear()
            await pilot.press("d")
            await dialog(pilot, app, Confirm)
            await pilot.press("ctrl+y")
            await told(pilot, app, "the model two is in use by process")
            assert library.has("two")
            assert dict(facts(listed(library, "two")))["trained by"].startswith("process ")
    assert "training" not in {one.state for one in read_library(library)}


# The card


async def test_a_card_says_all_there_is_to_say(library: Library) -> None:
    change_card(library, "two", hold_out)
    put(library.path("two"), {"resume.safetensors": b"x"})
    one = listed(library, "two")
    assert one.card is not None
    said = "\n".join(f"{label} {text}" for label, text in (*facts(one), *quality(one.card)))
    for part in (
        "preset lesson: the lesson's network, to the letter",
        "corpus verses",
        "6 lines, 40 words",
        "sha256 00",
        "vocabulary 6 words",
        "window the last 4 words",
        "parameters 96",
        "epochs 3 of 130 done, epoch 3 kept",
        "training can go on",
        "new lines perplexity 403",
        "first word right: 15%; among five: 26%",
        "own lines perplexity 12.2",
    ):
        assert part in said
    assert sum(int(text.split()[0].replace(",", "")) for _, text in layers(one.card, 60)) == 96
    assert all("Dense" not in text for _, text in layers(one.card, 20))
    disk = dict(on_disk(one))
    assert disk["folder"] == str(library.path("two"))
    assert {"created", "saved", "versions"} <= disk.keys()
    assert {text for _, text in on_disk(one)} >= {name for name, _ in one.files}
    assert [len(points) for points in losses(one.card)] == [3, 3]


async def test_figures_that_were_evaluated_are_shown(library: Library) -> None:
    change_card(library, "two", hold_out)
    card = listed(library, "two").card
    assert card is not None
    found = Evaluation(
        9, 99, 99, 5.0, 148.4, 90.0, 0.1, 0.07, 0.19, (0.1, 0.0, 0.0), 999, 0.41, 0.2
    )
    write_evaluation(library.path("two"), card, found)
    one = listed(library, "two")
    assert one.evaluation == found
    said = "\n".join(text for _, text in quality(card, one.evaluation))
    assert "perplexity 148\nfirst word right: 7.0%; among five: 19%" in said
    assert "saves 41% of keys, by the ghost alone 20%" in said
    assert row_of(one, None).cells["figures"] == "148 · 7.0%"
    assert row_of(one, None).cells["saves"] == "41%"


async def test_the_model_that_came_with_the_program_stays_as_it_is(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(library.path("two"), tmp_path / "shipped")
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "shipped"))
    shipped = Library(library.folder.parent)
    async with shown(shipped, row=BUILT_IN) as (pilot, app):
        for key in ("d", "r"):
            app.told.clear()
            await pilot.press(key)
            await told(pilot, app, f"{BUILT_IN} came with the program and stays as it is")
            assert not app.screen.is_modal
    assert listed(shipped, BUILT_IN).state == "built in"
    assert shipped.has(BUILT_IN)


async def test_a_model_without_held_out_lines_does_not_claim_to_know_new_ones(
    library: Library,
) -> None:
    card = listed(library, "one").card
    assert card is not None
    assert dict(quality(card))["new lines"] == "not known: no lines were held out of its training"
    figures = figures_of(card)
    assert figures is not None
    assert not figures.unseen


async def test_a_card_over_a_narrow_screen_scrolls(library: Library) -> None:
    async with shown(library, (60, 16), "two") as (pilot, app):
        await pilot.press("enter")
        card = await dialog(pilot, app, ModelCardScreen)
        view = card.query_one(ModelCardView)
        assert card.query_one(LossChart).display
        await wait_until(pilot, lambda: view.max_scroll_y > 0)
        await pilot.press("end")
        await wait_until(pilot, lambda: view.scroll_offset.y == view.max_scroll_y)
        await click(pilot, "#close")
        await wait_until(pilot, lambda: app.screen is app.models)


@pytest.mark.parametrize(
    ("name", "part"),
    [("three", "model.json is damaged"), ("run", "none saved yet")],
)
async def test_the_card_of_what_is_no_whole_model_says_what_to_do(
    library: Library, name: str, part: str
) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press("enter")
        card = await dialog(pilot, app, ModelCardScreen)
        text = str(card.query_one(".card-facts", Static).content)
        assert part in text
        assert "delete it" in text
        assert not card.query("#use")
        assert not card.query_one(LossChart).display


# Hostile texts


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_and_texts_break_nothing(
    library: Library, size: tuple[int, int]
) -> None:
    for name in HOSTILE_NAMES:
        put(library.folder / name, {"model.json": b"{}"})
    put(library.folder / "[red]x", {HOSTILE[:20].replace("/", "|"): b"x"})

    def spoil(data: dict[str, Any]) -> None:
        data["corpus"] = {"name": HOSTILE, "sha256": [HOSTILE], "lines": "[/b]", "words": None}
        data["created"] = data["updated"] = HOSTILE
        data["versions"] = {HOSTILE: HOSTILE}

    change_card(library, "two", spoil)
    async with shown(library, size) as (pilot, app):
        table = app.models.query_one(ModelTable)
        width = table.size.width
        assert all(cell_len(line.rstrip()) <= width for line in lines(app))
        assert not any("\x1b" in line or "\n" in line for line in lines(app))
        for name in ("two", *HOSTILE_NAMES):
            table.move_cursor(row=table.get_row_index(name))
            await pilot.press("enter")
            card = await dialog(pilot, app, ModelCardScreen)
            for static in card.query(Static):
                assert "\x1b" not in str(static.content)
            await pilot.press("escape", "d")
            await dialog(pilot, app, Confirm)
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is app.models)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
async def test_a_model_of_a_hostile_name_is_deleted_and_nothing_else(library: Library) -> None:
    name = HOSTILE_NAMES[-1]
    put(library.folder / name, {"model.json": b"{}"})
    async with shown(library, row=name) as (pilot, app):
        for key in ("u", "c", "e"):
            await pilot.press(key)
        await pilot.press("r")
        ask = await dialog(pilot, app, AskText)
        ask.query_one(Input).value = "tame"
        await pilot.press("enter")
        await told(pilot, app, "cannot be a model's name")
        await pilot.press("d")
        await dialog(pilot, app, Confirm)
        await pilot.press("ctrl+y")
        await wait_until(pilot, lambda: name not in rows(app))
        assert sorted(rows(app)) == ["one", "run", "three", "two"]


def test_a_file_that_goes_while_it_is_looked_at_is_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        name = "gone"

        def is_file(self, **_: object) -> bool:
            raise FileNotFoundError

    @contextmanager
    def scandir(folder: Path) -> Iterator[list[Any]]:
        with os.scandir(folder) as entries:
            yield [*entries, Gone()]

    class System:
        def __init__(self) -> None:
            self.scandir = scandir

    monkeypatch.setattr(facts_module, "os", System())
    files = dict(facts_module._files(library.path("two")))
    assert "model.json" in files
    assert "gone" not in files


# Small parts


def test_columns_give_way_in_the_order_of_their_weight(library: Library) -> None:
    rows_ = [row_of(one, "one") for one in read_library(library)]
    natural = natural_widths(rows_)
    gone_before: set[str] = set()
    for width in range(120, 30, -1):
        widths = fitted(natural, width)
        gone = HEADERS.keys() - widths.keys()
        assert gone_before <= gone
        gone_before = gone
        if width >= 50:
            assert sum(widths.values()) + len(widths) - 1 <= width
        assert {"marks", "name", "figures", "saved"} <= widths.keys()
    assert gone_before == {"parameters", "vocabulary", "size", "saves", "corpus", "preset"}


@pytest.mark.parametrize(
    "text", ["", "a", "abcdefgh", "\u7269\u8a9e\u308a", "e\u0301" * 9, "\u05d0" * 9]
)
@pytest.mark.parametrize("key", ["name", "size"])
def test_a_cell_is_as_wide_as_its_column(text: str, key: str) -> None:
    assert cell(key, text, 5).cell_len == 6
    assert cell("saved", text, 5).cell_len == 5


def test_a_long_name_shows_its_end_too() -> None:
    shown = [cell("name", f"my-long-story-{i}", 12).plain for i in (1, 2)]
    assert shown == ["my-long…ry-1 ", "my-long…ry-2 "]
    assert cell("name", "my-story-123", 12).plain == "my-story-123 "


def test_names_are_proposed_and_refused_in_words() -> None:
    assert free_name("a", ["a"]) == "a-2"
    assert free_name("a", ["a", "a-2", "a-3"]) == "a-4"
    assert free_name("x" * 64, ["a-2"]) == "x" * 62 + "-2"
    assert name_problem("a-2", ["a"]) is None
    assert name_problem("a", ["a"]) == "there is a model a already"
    assert "letters, digits" in (name_problem("a b", []) or "")
    assert name_problem("", []) == "give it a name"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (96, "96"), (5_755_471, "5.76M"), (12_345, "12.3k"), (2 * 10**9, "2G")],
)
def test_numbers_are_short(count: int, text: str) -> None:
    assert in_short(count) == text


def test_figures_are_short() -> None:
    assert [format_perplexity(v) for v in (None, 5.767, 403.4, 12_345.6, 1e9)] == [
        *("-", "5.8", "403", "12,346", "1.0e+09"),
    ]
    assert [format_percent(v) for v in (None, 0.0, 0.012, 0.0994, 0.0996, 0.577, 1.0)] == [
        *("-", "0%", "1.2%", "9.9%", "10%", "58%", "100%"),
    ]
    assert date_text("nonsense [/b]") == "nonsense [/b]"
    assert len(date_text("2026-11-25T02:01:12+00:00")) == 16


def test_lines_of_a_card_wrap_beside_their_labels() -> None:
    made = section("title", [("label", "a b c d e f g h i j"), ("", "x" * 30)], 22)
    assert made.plain.split("\n") == [
        "title",
        "label       a b c d e",
        "            f g h i j",
        "            xxxxxxxxxx",
        "            xxxxxxxxxx",
        "            xxxxxxxxxx",
    ]
