"""The Models screen: the list, the card next to it, and what can be done with a model."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Entry, Library
from rnnlm_tui.tui.models import screen
from rnnlm_tui.tui.models.card import ModelCardScreen, ModelCardView
from rnnlm_tui.tui.models.screen import ModelsScreen
from rnnlm_tui.tui.models.table import COLUMNS, ModelTable
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, ChooseSeveral, Confirm
from rnnlm_tui.tui.widgets.inputs import PathInput
from tests.helpers.app import check_layout, click, picture, post_keys, problem_in, wait_until
from tests.helpers.events import ended
from tests.helpers.host import HostApp
from tests.helpers.models import change_card, held_elsewhere, make_model, put
from tests.helpers.runs import lines_of

HOSTILE = (
    "[/b] [red]x \u7269\u8a9e\u308a e\u0301\u0301\u0301 \u05d0\u05d1\u05d2 \x1b[31m\a" + "w" * 900
)


@pytest.fixture
def library(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Two models, a damaged one, and a run that has saved no model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 1e9)
    library = Library(data_dir)
    make_model(library.path("one"), seed=1)
    make_model(library.path("two"), epoch=3, seed=2)
    put(library.folder, {"three.safetensors": b"{}"})
    put(library.run_folder("two"), {"history.jsonl": lines_of(ended(1), ended(2)).encode()})
    put(library.run_folder("run"), {"resume.safetensors": b"x" * 100})
    return library


class Host(HostApp):
    """An app that shows the Models screen, with the model `one` active."""

    current_mode: ClassVar[str] = "models"

    def __init__(self, library: Library) -> None:
        super().__init__(library=library)
        self.active_name = "one"
        self.models = ModelsScreen()

    def on_mount(self) -> None:
        self.push_screen(self.models)

    def use_model(self, name: str) -> None:
        super().use_model(name)
        self.models_changed()

    def models_changed(self) -> None:
        self.models.reload()

    def name_changed(self, old: str, new: str | None) -> None:
        self.calls.append(("name_changed", old, new))
        self.models_changed()

    @property
    def table(self) -> ModelTable:
        return self.models.query_one(ModelTable)


@asynccontextmanager
async def shown(
    library: Library, size: tuple[int, int] = (80, 24), row: str | None = None
) -> AsyncIterator[tuple[Pilot[None], Host]]:
    """The screen with the library listed and the row of a model selected."""
    app = Host(library)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.models.query(ModelTable))
        names = {one.name for one in library.entries()}
        await wait_until(pilot, lambda: set(rows(app)) == names)
        if row is not None:
            app.table.move_cursor(row=app.table.get_row_index(row))
            await wait_until(pilot, lambda: app.table.selected == row)
        yield pilot, app


def rows(app: Host) -> list[str]:
    """The names of the models in the list."""
    return [str(key.value) for key in app.table.rows]


def line_of(app: Host, name: str) -> str:
    """The row of a model on the screen, or "" until it is drawn."""
    lines = [app.table.render_line(y).text for y in range(len(rows(app)) + 1)]
    return next((line for line in lines if f" {name} " in line), "")


async def told(pilot: Pilot[None], app: Host, part: str) -> None:
    """Waits for a message to the user."""
    await wait_until(pilot, lambda: any(part in message for message in app.told))


async def dialog(pilot: Pilot[None], app: Host, kind: type[Any]) -> Any:
    """Waits for a dialog, and returns it."""
    await wait_until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused)
    return app.screen


# The list


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 50)])
async def test_every_row_fits_and_says_what_is_wrong(
    library: Library, size: tuple[int, int]
) -> None:
    change_card(library, "one", lambda card: card["metrics"]["train"].update(perplexity=123.4))
    async with shown(library, size) as (pilot, app):
        await wait_until(pilot, lambda: line_of(app, "one").startswith("●   one"))
        check_layout(app)
        if size[0] >= 80:
            assert "12.2 · 25% (train)" in line_of(app, "two")
            assert line_of(app, "one").index("·") == line_of(app, "two").index("·")
        assert line_of(app, "three").startswith("!")
        assert "damaged" in line_of(app, "three")
        assert line_of(app, "run").startswith("○")
        assert "unfinished" in line_of(app, "run")
        assert "3 models, " in picture(app)
        assert "● active" in picture(app)
        if size[0] >= 200:
            for column in COLUMNS.values():
                assert column.title in picture(app)


async def test_a_wide_screen_shows_the_card_of_the_selected_row(library: Library) -> None:
    async with shown(library, (120, 40), "two") as (pilot, app):
        assert app.models.query_one(ModelCardView).display
        await wait_until(
            pilot, lambda: "6 lines, 40 words" in picture(app) and "held out" in picture(app)
        )
        await pilot.press("up")
        await wait_until(pilot, lambda: "three   ! damaged" in picture(app))
        await pilot.press("home", "down")
        await wait_until(pilot, lambda: "run   ○ unfinished" in picture(app))


async def test_an_empty_library_says_what_to_do(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 0.05)
    app = Host(Library(data_dir))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        await pilot.press("enter", "u", "r", "c", "e", "d", "g")
        assert app.screen is app.models
        make_model(app.library.path("one"))
        await wait_until(pilot, lambda: rows(app) == ["one"])
        assert "There is no model yet" not in picture(app)


async def test_the_end_of_a_training_of_another_process_is_seen(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 0.05)
    async with shown(library, row="two") as (pilot, app):
        with held_elsewhere(library, "two"):
            await wait_until(pilot, lambda: line_of(app, "two").startswith("◆"))
        await wait_until(pilot, lambda: line_of(app, "two").startswith(" "))


async def test_the_selected_row_stays_selected(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        make_model(library.path("another"))
        app.models.reload()
        await wait_until(pilot, lambda: "another" in rows(app))
        assert app.table.selected == "two"
        library.delete("two")
        app.models.reload()
        await wait_until(pilot, lambda: "two" not in rows(app))
        assert app.table.selected == "three"
        app.models.choose("another")
        app.models.reload()
        await wait_until(pilot, lambda: app.table.selected == "another")


async def test_a_library_that_cannot_be_read_is_reported(library: Library) -> None:
    async with shown(library) as (pilot, app):
        app.library = Library(library.path("one"))
        app.models.reload()
        await told(pilot, app, "cannot read")


async def test_the_library_is_read_once_at_a_time_and_only_while_it_is_seen(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Semaphore(0), []

    read_all = Library.entries

    def read(library: Library) -> list[Entry]:
        begun.append(library)
        assert gate.acquire(timeout=20)
        return read_all(library)

    async with shown(library) as (pilot, app):
        monkeypatch.setattr(Library, "entries", read)
        app.models.reload()
        await wait_until(pilot, lambda: begun)
        for _ in range(5):
            app.models.reload()
        make_model(library.path("another"))
        gate.release(2)
        await wait_until(pilot, lambda: "another" in rows(app))
        assert len(begun) == 2
        await app.push_screen(Confirm("x", "x"))
        app.models.reload()
        await pilot.pause()
        assert len(begun) == 2
        gate.release()
        await pilot.press("escape")
        await wait_until(pilot, lambda: len(begun) == 3)


# Actions


async def test_the_card_opens_by_key_and_by_click(library: Library) -> None:
    async with shown(library, (60, 16), row="one") as (pilot, app):
        await pilot.click(ModelTable, offset=(4, 1 + rows(app).index("two")))
        await wait_until(pilot, lambda: app.table.selected == "two")
        await pilot.click(ModelTable, offset=(4, 1 + rows(app).index("two")))
        card = await dialog(pilot, app, ModelCardScreen)
        view = card.query_one(ModelCardView)
        await wait_until(pilot, lambda: view.max_scroll_y > 0)
        assert card.query_one(LossChart).display
        await pilot.press("end")
        await wait_until(pilot, lambda: view.scroll_offset.y == view.max_scroll_y)
        await click(pilot, "#close")
        await wait_until(pilot, lambda: app.screen is app.models)
        await pilot.press("enter")
        await dialog(pilot, app, ModelCardScreen)
        await pilot.press("u")
        await wait_until(pilot, lambda: app.calls == [("use_model", "two")])


@pytest.mark.parametrize("key", ["enter", "d", "r", "e", "i"])
async def test_a_key_that_repeats_opens_one_dialog_and_harms_nothing(
    library: Library, key: str
) -> None:
    async with shown(library, row="two") as (pilot, app):
        for _ in range(3):
            post_keys(app, *[key] * 10, *["escape"] * 3)
            await pilot.pause()
            assert len(app.screen_stack) <= 3
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert set(rows(app)) == {"one", "two", "three", "run"}


async def test_a_model_is_renamed(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("r")
        ask = await dialog(pilot, app, AskText)
        line, ok = ask.query_one(Input), ask.query_one("#ok", Button)
        assert line.value == "two"
        for wrong in ("", "one", "run", "a b", "x" * 65, "con"):
            line.value = wrong
            await wait_until(pilot, lambda: ok.disabled)
        line.value = "zwei"
        await wait_until(pilot, lambda: not ok.disabled)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.table.selected == "zwei")
        assert app.calls == [("name_changed", "two", "zwei")]
        assert app.told == ["two is now zwei"]
        await pilot.press("r")
        await dialog(pilot, app, AskText)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert len(app.calls) == 1, "the same name changes nothing"


@pytest.mark.parametrize("key", ["1", "2", "3", "escape"])
async def test_an_update_asks_whether_to_learn_what_was_written_or_some_of_the_texts(
    library: Library, key: str
) -> None:
    texts = library.folder.parent / "texts"
    async with shown(library, row="two") as (pilot, app):
        diary, letter = Text(title="diary", changed=2), Text(title="letter", changed=1)
        for text, line in (diary, "We left."), (letter, "It rained."), (diary, "Well\n\nthen."):
            app.session.write(partial(add_turn, text=text, turn=Turn(line)))
        await pilot.press("f5")
        await dialog(pilot, app, Choice)
        assert "1 With your 3 lines written here" in picture(app)
        await pilot.press(key)
        if key == "2":
            await dialog(pilot, app, ChooseSeveral)
            await wait_until(pilot, lambda: "▐ ▌ diary (4 words, 1 Jan 1970)" in picture(app))
            await pilot.press("down", "space")
            await wait_until(pilot, lambda: "▐X▌ letter (2 words" in picture(app))
            await click(pilot, "#ok")
        await wait_until(pilot, lambda: not app.screen.is_modal)
        if key == "escape":
            assert "start_training" not in [call[0] for call in app.calls]
            return
        learned = {"1": ["We left.\n\nIt rained.\n\nWell\nthen.\n"], "2": ["It rained.\n"]}
        added = (str(texts / "two-written.txt"),) if key in learned else ()
        started = ("start_training", TrainArguments.updating("two", added))
        await wait_until(pilot, lambda: app.calls[-1:] == [started])
        kept = [path.read_text("utf-8-sig") for path in texts.glob("*")]
        assert kept == learned.get(key, [])


async def test_a_model_is_exported_and_imported(library: Library, tmp_path: Path) -> None:
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("e")
        ask = await dialog(pilot, app, AskPath)
        assert ask.query_one(PathInput).value == str(tmp_path / "two.safetensors")
        await pilot.press("enter")
        await told(pilot, app, f"two was written to {tmp_path / 'two.safetensors'}")
        await pilot.press("i")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "two.safetensors")
        await pilot.press("enter")
        name = await dialog(pilot, app, AskText)
        assert name.query_one(Input).value == "two-2"
        assert "The name two is taken; two-2 is free." in picture(app)
        name.query_one(Input).value = "imported"
        await pilot.press("enter")
        await told(pilot, app, "imported was imported")
        await wait_until(pilot, lambda: app.table.selected == "imported")


@pytest.mark.parametrize("replace", [True, False])
async def test_an_export_asks_before_it_replaces_a_file(
    library: Library, tmp_path: Path, replace: bool
) -> None:
    (tmp_path / "mine.safetensors").write_text("precious")
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("e")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "mine.safetensors")
        await pilot.press("enter")
        confirm = await dialog(pilot, app, Confirm)
        await click(pilot, confirm.query_one("#yes" if replace else "#no"))
        if replace:
            await told(pilot, app, "two was written to")
        else:
            again = await dialog(pilot, app, AskPath)
            assert again.query_one(PathInput).value == str(tmp_path / "mine.safetensors")
    assert ((tmp_path / "mine.safetensors").read_bytes() != b"precious") is replace


async def test_a_file_that_is_not_a_model_is_explained(library: Library, tmp_path: Path) -> None:
    (tmp_path / "new.safetensors").write_text("not a model")
    async with shown(library) as (pilot, app):
        await pilot.press("i")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / "new.safetensors")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is not ask and problem_in(app))
        again = await dialog(pilot, app, AskPath)
        assert "cannot import" in problem_in(app)
        line = again.query_one(PathInput)
        assert line.selection == (0, len(str(tmp_path / "new.safetensors"))), "typing replaces it"
        library.export("two", tmp_path / "other.safetensors")
        line.value = str(tmp_path / "other.safetensors")
        await wait_until(pilot, lambda: not problem_in(app))
        await pilot.press("enter")
        await told(pilot, app, "other was imported")
        assert "new" not in rows(app)


@pytest.mark.parametrize("name", ["one", "three", "run"])
async def test_a_model_a_damaged_one_and_a_run_are_deleted(library: Library, name: str) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press("d")
        ask = await dialog(pilot, app, Confirm)
        assert ask.focused.id == "no"
        assert ("It is the active model" in picture(app)) is (name == "one")
        await pilot.press("y", "enter")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert library.has(name), "no letter and no lone Enter says yes"
        await pilot.press("delete")
        await dialog(pilot, app, Confirm)
        await pilot.press("left", "enter")
        await wait_until(pilot, lambda: name not in rows(app))
        assert app.calls == [("name_changed", name, None)]
        assert not library.has(name)


@pytest.mark.parametrize(
    ("name", "calls", "message"),
    [
        ("run", [("resume_run", "run")], ""),
        ("two", [("resume_run", "two")], ""),
        ("three", [], "three has no training"),
    ],
)
async def test_a_training_is_resumed_or_done_for_longer(
    library: Library, name: str, calls: list[tuple[str, str]], message: str
) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press("g")
        assert app.calls == calls
        assert message in " ".join(app.told)


@pytest.mark.parametrize("key", ["u", "e"])
@pytest.mark.parametrize(
    ("name", "reason"), [("three", "three is damaged: "), ("run", "run has not saved a model yet")]
)
async def test_what_cannot_be_used_says_why(
    library: Library, key: str, name: str, reason: str
) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press(key)
        await told(pilot, app, reason)
        assert app.screen is app.models


async def test_a_model_in_training_is_watched_and_left_alone(library: Library) -> None:
    with held_elsewhere(library, "two"):
        async with shown(library, row="two") as (pilot, app):
            assert line_of(app, "two").startswith("◆")
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


async def test_the_model_that_ships_is_read_only(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "shipped", {f"{ENGLISH}.safetensors": library.path("two").read_bytes()})
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "shipped"))
    async with shown(Library(library.folder.parent), row=ENGLISH) as (pilot, app):
        await pilot.press("d", "r")
        assert app.told == [f"{ENGLISH} is built in and read-only"] * 2
        assert app.screen is app.models


# Hostile texts


async def test_hostile_texts_break_nothing(library: Library) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["corpus"].update(name=HOSTILE, sha256=HOSTILE)
        data["created"] = data["updated"] = HOSTILE
        data["versions"] = {HOSTILE: HOSTILE}

    change_card(library, "two", spoil)
    async with shown(library, (60, 16), row="two") as (pilot, app):
        await pilot.press("enter")
        card = await dialog(pilot, app, ModelCardScreen)
        await wait_until(pilot, lambda: card.query_one(".card-facts").size.height)
        check_layout(app)
        assert "[red]x" in picture(app)
        await pilot.press("escape", "d")
        await dialog(pilot, app, Confirm)
        check_layout(app)
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.models)
        check_layout(app)
