"""The Models screen: the list, the card next to it, and what can be done with a model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input

from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.text.reading import read_text
from rnnlm_tui.tui.models import screen
from rnnlm_tui.tui.models.card import ModelCardView
from rnnlm_tui.tui.models.screen import ModelsScreen
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, ChooseSeveral, Confirm
from rnnlm_tui.tui.widgets.inputs import PathInput
from tests.helpers.app import check_layout, has_row, picture, post_keys, problem_in, wait_until
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
    def table(self) -> DataTable[Any]:
        return self.models.query_one(DataTable)

    @property
    def selected(self) -> str | None:
        entry = self.models.selected
        return entry.name if entry else None


@asynccontextmanager
async def shown(
    library: Library, size: tuple[int, int] = (80, 24), row: str | None = None
) -> AsyncIterator[tuple[Pilot[None], Host]]:
    """The screen with the library listed and the row of a model selected."""
    app = Host(library)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.models.query(DataTable))
        names = {one.name for one in library.entries()}
        await wait_until(pilot, lambda: set(rows(app)) == names)
        if row is not None:
            app.table.move_cursor(row=app.table.get_row_index(row))
            await wait_until(pilot, lambda: app.selected == row)
        yield pilot, app


def rows(app: Host) -> list[str]:
    """The names of the models in the list."""
    return [str(key.value) for key in app.table.rows]


async def told(pilot: Pilot[None], app: Host, part: str) -> None:
    """Waits for a message to the user."""
    await wait_until(pilot, lambda: any(part in message for message in app.told))


async def dialog(pilot: Pilot[None], app: Host, kind: type[Any]) -> Any:
    """Waits for a dialog, and returns it."""
    await wait_until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused)
    return app.screen


# The list


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (160, 45)])
async def test_the_list_says_what_is_wrong_and_the_card_why(
    library: Library, size: tuple[int, int]
) -> None:
    async with shown(library, size, "three") as (pilot, app):
        await wait_until(pilot, lambda: has_row(app, "● one"))
        await wait_until(pilot, lambda: has_row(app, "three   damaged"))
        assert has_row(app, "two", "lesson", "2026-01-02")
        assert has_row(app, "three ", " damaged") and has_row(app, "run", "unfinished")
        assert has_row(app, "3 models, ", "● active")
        check_layout(app)
        await pilot.press("tab", "end", "tab", "up")
        await wait_until(pilot, lambda: has_row(app, "run   unfinished"))
        await pilot.click(DataTable, offset=(4, 1 + rows(app).index("two")))
        view = app.models.query_one(ModelCardView)
        await wait_until(pilot, lambda: has_row(app, "verses: 6 lines"))
        view.scroll_end(animate=False)
        await wait_until(pilot, lambda: has_row(app, "┤"))  # of the chart
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.calls == [("use_model", "two")])
        await wait_until(pilot, lambda: has_row(app, "● two"))
        assert view.scroll_y == view.max_scroll_y, "an update of the card does not scroll it"


async def test_an_empty_library_says_what_to_do(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 0.05)
    app = Host(Library(data_dir))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        await pilot.press("enter", "u", "r", "e", "d", "g", "f5")
        assert app.screen is app.models and not app.calls
        make_model(app.library.path("one"))
        await wait_until(pilot, lambda: rows(app) == ["one"])
        assert "There is no model yet" not in picture(app)


async def test_the_end_of_a_training_of_another_process_is_seen(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 0.05)
    async with shown(library, row="two") as (pilot, app):
        with held_elsewhere(library, "two"):
            await wait_until(pilot, lambda: has_row(app, "two", "training"))
        await wait_until(pilot, lambda: has_row(app, "two", "2026-01-02"))


async def test_the_selected_row_stays_selected(library: Library) -> None:
    async with shown(library, row="two") as (pilot, app):
        make_model(library.path("another"))
        app.models.reload()
        await wait_until(pilot, lambda: "another" in rows(app))
        assert app.selected == "two"
        library.delete("two")
        app.models.reload()
        await wait_until(pilot, lambda: "two" not in rows(app))
        assert app.selected == "three"
        app.models.choose("another")
        app.models.reload()
        await wait_until(pilot, lambda: app.selected == "another")


async def test_a_library_that_cannot_be_read_is_reported(library: Library) -> None:
    async with shown(library) as (pilot, app):
        app.library = Library(library.path("one"))
        app.models.reload()
        await told(pilot, app, "cannot read")


# Actions


@pytest.mark.parametrize("key", ["d", "r", "e", "i"])
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
        line = ask.query_one(Input)
        assert line.value == "two"
        for wrong in ("", "run", "x" * 65):
            line.value = wrong
            await wait_until(pilot, lambda: problem_in(app))
        line.value = "meine zwei"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.selected == "meine-zwei")
        assert app.calls == [("name_changed", "two", "meine-zwei")]
        assert app.told == ["two is now meine-zwei"]


def give_text(library: Library, name: str, folder: Path) -> Path:
    """Lets a model have learned a file."""
    text = folder / "learned.txt"
    text.write_text("the cat sat")
    change_card(library, name, lambda card: card["corpus"].update(sha256=read_text([text]).sha256))
    write_sources(library.run_folder(name), [str(text)], None)
    return text


@pytest.mark.parametrize(("text", "starts"), [("the cat sat", False), ("the dog", True)])
async def test_an_update_of_a_model_without_anything_new_says_so(
    library: Library, tmp_path: Path, text: str, starts: bool
) -> None:
    give_text(library, "two", tmp_path).write_text(text)
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("f5")
        await wait_until(pilot, lambda: app.calls or app.told)
        updating = [("start_training", TrainArguments.updating("two", ()))]
        assert app.calls == (updating if starts else [])
        nothing_new = ["two has learned its text already, and you wrote nothing new"]
        assert app.told == ([] if starts else nothing_new)


async def test_an_update_of_a_model_whose_text_is_gone_says_so(
    library: Library, tmp_path: Path
) -> None:
    give_text(library, "two", tmp_path).unlink()
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("f5")
        await told(pilot, app, "the text of two is gone")


@pytest.mark.parametrize("key", ["1", "2", "3", "escape"])
async def test_an_update_asks_whether_to_learn_what_was_written_or_some_of_the_texts(
    library: Library, tmp_path: Path, key: str
) -> None:
    give_text(library, "two", tmp_path).write_text("the dog")
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
            await pilot.press("enter")
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


@pytest.mark.parametrize("replaces", [None, True, False])
async def test_a_model_is_exported_and_asks_before_it_replaces_a_file(
    library: Library, tmp_path: Path, replaces: bool | None
) -> None:
    target = tmp_path / "two.safetensors"
    if replaces is not None:
        target.write_text("precious")
    async with shown(library, row="two") as (pilot, app):
        await pilot.press("e")
        ask = await dialog(pilot, app, AskPath)
        assert ask.query_one(PathInput).value == str(target)
        await pilot.press("enter")
        if replaces is not None:
            await dialog(pilot, app, Confirm)
            await pilot.press("2" if replaces else "1")
        if replaces is False:
            await wait_until(pilot, lambda: app.screen is app.models)
        else:
            await told(pilot, app, f"two was written to {target}")
    assert (target.read_bytes() == b"precious") is (replaces is False)


@pytest.mark.parametrize(
    ("file", "name"), [("two.safetensors", "two-2"), ("bad.safetensors", None)]
)
async def test_a_model_is_imported_if_its_file_is_one(
    library: Library, tmp_path: Path, file: str, name: str | None
) -> None:
    (tmp_path / "bad.safetensors").write_text("not a model")
    library.export("two", tmp_path / "two.safetensors")
    async with shown(library) as (pilot, app):
        await pilot.press("i")
        ask = await dialog(pilot, app, AskPath)
        ask.query_one(PathInput).value = str(tmp_path / file)
        await pilot.press("enter")
        await told(pilot, app, f"{name} was imported" if name else "cannot import")
        if name:
            await wait_until(pilot, lambda: app.selected == name)


@pytest.mark.parametrize("name", ["one", "three", "run"])
async def test_a_model_a_damaged_one_and_a_run_are_deleted(library: Library, name: str) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press("d")
        await dialog(pilot, app, Confirm)
        assert ("It is the active model" in picture(app)) is (name == "one")
        await pilot.press("y", "enter")
        await wait_until(pilot, lambda: app.screen is app.models)
        assert library.has(name), "no letter and no lone Enter says yes"
        await pilot.press("delete")
        await dialog(pilot, app, Confirm)
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: name not in rows(app))
        assert app.calls == [("name_changed", name, None)]
        assert not library.has(name)


ALLOWED: list[tuple[str, str]] = [
    ("one", "use export rename delete resume update"),
    ("three", "rename delete"),
    ("run", "rename delete resume"),
    (ENGLISH, "use export"),
]


@pytest.mark.parametrize(("name", "actions"), ALLOWED)
async def test_the_keys_that_do_nothing_for_a_model_are_dimmed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, actions: str
) -> None:
    put(tmp_path / "shipped", {f"{ENGLISH}.safetensors": library.path("two").read_bytes()})
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(tmp_path / "shipped"))
    async with shown(Library(library.folder.parent), row=name) as (_, app):
        of_a_model = "use", "export", "rename", "delete", "resume", "update"
        allowed = {action for action in of_a_model if app.models.check_action(action, ())}
        assert allowed == {*actions.split()}


@pytest.mark.parametrize("name", ["run", "two"])
async def test_a_training_is_resumed_or_done_for_longer(library: Library, name: str) -> None:
    async with shown(library, row=name) as (pilot, app):
        await pilot.press("g")
        assert app.calls == [("resume_run", name)]


async def test_a_model_in_training_is_watched_and_left_alone(library: Library) -> None:
    with held_elsewhere(library, "two"):
        async with shown(library, row="two") as (pilot, app):
            await pilot.press("f5", "g")
            assert app.calls == [("watch_run", "two")]
            await pilot.press("d")
            await dialog(pilot, app, Confirm)
            await pilot.press("ctrl+y")
            await told(pilot, app, "the model two is in use by process")
            assert library.has("two")


async def test_hostile_texts_break_nothing(library: Library) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["corpus"].update(name=HOSTILE, sha256=HOSTILE)
        data["created"] = data["updated"] = HOSTILE
        data["versions"] = {HOSTILE: HOSTILE}

    change_card(library, "two", spoil)
    async with shown(library, (60, 16), row="two") as (pilot, app):
        await wait_until(pilot, lambda: app.selected == "two")
        app.models.query_one(ModelCardView).scroll_to(y=4, animate=False)
        await wait_until(pilot, lambda: "[red]x" in picture(app))
        check_layout(app)
