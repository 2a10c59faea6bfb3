"""The Models screen: the list, the card next to it, and what can be done with a model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from msgspec.structs import asdict
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Input

from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.tui.models import screen
from rnnlm_tui.tui.models.card import ModelCardView
from rnnlm_tui.tui.models.screen import ModelsScreen, column_widths
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.dialogs import Choice, ChooseSeveral, Confirm
from tests.helpers.app import (
    check_layout,
    has_row,
    picture,
    press,
    problem_in,
    running,
    sees,
    settled,
    until,
)
from tests.helpers.events import ended, progress, writers
from tests.helpers.host import HostApp
from tests.helpers.models import (
    change_card_json,
    contents,
    held_elsewhere,
    make_model,
    models_of,
    put,
    saved_model,
)
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
    put(library.runs.folder("two"), {"history.jsonl": lines_of(ended(1), ended(2)).encode()})
    put(library.runs.folder("run"), {"resume.safetensors": b"x" * 100})
    return library


class Host(HostApp):
    """An app that shows the Models screen, with the model `one` active."""

    current_mode: ClassVar[str] = "models"
    pilot: Pilot[None]

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
) -> AsyncIterator[Host]:
    """The screen with the library listed and the row of a model selected."""
    app = Host(library)
    async with running(app, size=size) as app.pilot:
        await until(lambda: app.models.query(DataTable))
        names = {one.name for one in library.entries()}
        await until(lambda: set(rows(app)) == names)
        if row is not None:
            app.table.move_cursor(row=app.table.get_row_index(row))
            await until(lambda: app.selected == row)
        yield app


def rows(app: Host) -> list[str]:
    """The names of the models in the list."""
    return [str(key.value) for key in app.table.rows]


async def told(app: Host, part: str) -> None:
    """Waits for a message to the user."""
    await until(lambda: any(part in message for message in app.told))


async def dialog(app: Host, kind: type[Any]) -> Any:
    """Waits for a dialog, and returns it."""
    await until(lambda: isinstance(app.screen, kind) and app.screen.focused)
    await settled(app.pilot)
    return app.screen


# The list


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 45)])
async def test_the_list_says_what_is_wrong_and_the_card_why(
    library: Library, size: tuple[int, int]
) -> None:
    async with shown(library, size, "three") as app:
        await sees(app, "three   damaged")
        await sees(app, "two", "lesson", "2026-01-02")
        assert has_row(app, "● one")
        assert has_row(app, "three ", " damaged") and has_row(app, "run ", " resume")
        check_layout(app)
        await press(app.pilot, "tab", "end", "tab", "up")
        await sees(app, "was stopped after")
        await app.pilot.click(DataTable, offset=(4, 1 + rows(app).index("two")))
        view = app.models.query_one(ModelCardView)
        await sees(app, "perplexity 12.2")
        view.scroll_end(animate=False)
        await sees(app, "┤")  # of the chart
        await press(app.pilot, "enter")
        await sees(app, "● two")
        assert app.calls == [("use_model", "two")]
        assert view.scroll_y == view.max_scroll_y, "an update of the card does not scroll it"


async def test_the_list_follows_the_library_and_the_selected_row_stays(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "RELOAD_EVERY_S", 0.05)
    library = Library(data_dir)
    app = Host(library)
    app.active_name = None
    async with running(app) as app.pilot:
        await until(lambda: app.models.query(DataTable))
        await press(app.pilot, "enter", "u", "r", "e", "d", "g", "f5")
        assert app.screen is app.models and not app.calls
        make_model(library.path("two"))
        await until(lambda: app.selected == "two")
        for name in ("one", "three"):
            make_model(library.path(name))
        await until(lambda: rows(app) == ["one", "three", "two"])
        assert app.selected == "two"
        with held_elsewhere(library, "two"):
            await sees(app, "two", "training")
        await sees(app, "two", "2026-01-02")
        library.delete("two")
        await until(lambda: rows(app) == ["one", "three"])
        assert app.selected == "three"
        app.models.choose("one")
        await until(lambda: app.selected == "one")
        app.library = Library(library.path("one"))
        await told(app, "cannot read")


async def test_figures_of_another_text_than_that_of_the_selected_model_are_marked(
    library: Library,
) -> None:
    for name, text in (("one", "00"), ("two", "00"), ("other", "11")):
        put(library.folder, {f"{name}.safetensors": saved_model("ngram")})
        measured = partial(with_figures, sha256=text)
        change_card_json(library, name, measured)
    async with shown(library, (110, 30), "one") as app:
        await sees(app, "other", "≠ 20 and 5")
        await sees(app, "two", "  20 and 5")
        app.table.move_cursor(row=app.table.get_row_index("other"))
        await sees(app, "two", "≠ 20 and 5")
        await sees(app, "one", "≠ 20 and 5")
        assert has_row(app, "other", "  20 and 5")


async def test_the_curve_of_a_training_has_points_in_its_first_epoch(library: Library) -> None:
    steps = lines_of(*(progress(1, step) for step in (1, 2, 3)))
    put(library.runs.folder("run"), {"history.jsonl": steps.encode()})
    async with shown(library, (110, 30), "run") as app:
        await sees(app, "── train 5.00")
        app.table.move_cursor(row=app.table.get_row_index("one"))
        await sees(app, "no curve: it was not trained here")


def with_figures(card: dict[str, Any], sha256: str) -> None:
    """Gives a card a text of this hash, and figures on enough words."""
    card["corpus"]["sha256"] = sha256
    card["evaluation"] |= {"words": 999, "keystroke_savings": asdict(writers(0.2))}


@pytest.mark.parametrize("longest", [3, 30, 64])
def test_the_columns_fit_at_every_width(longest: int) -> None:
    for width in range(60, 200):
        widths = column_widths(width, longest)
        assert sum(widths.values()) + screen.GAP * len(widths) < width
        assert min(widths.values()) >= min(longest, 6)


async def test_the_library_is_read_only_while_the_list_is_seen(library: Library) -> None:
    app = Host(library)
    async with running(app):
        await until(lambda: "two" in rows(app))
        await app.workers.wait_for_complete()
        await app.push_screen(Screen())
        app.models.reload()
        assert not [*app.workers]
        app.pop_screen()
        app.models.reload()
        assert [*app.workers]


# Actions


DIALOGS: list[tuple[str, str, tuple[str, ...], str, str, str]] = [
    ("r", "two", ("", "run", "x" * 65), "meine zwei", "two is now meine-zwei", "meine-zwei"),
    ("e", "{}/two.safetensors", ("{}/old.safetensors",), "{}/new.safetensors",
     "two was written to {}/new.safetensors", "two"),
    ("i", "{}/", ("{}/gone", "{}/old.safetensors"), "{}/two.safetensors",
     "two-2 was imported", "two-2"),
]  # fmt: skip
"""A key, what its dialog has at first, what it refuses, an answer, what is told, and the model that
is selected then."""


@pytest.mark.parametrize("row", DIALOGS, ids=["rename", "export", "import"])
async def test_a_model_is_renamed_exported_and_imported(
    library: Library, tmp_path: Path, row: tuple[str, str, tuple[str, ...], str, str, str]
) -> None:
    key, first, refused, answer, message, selected = row
    (tmp_path / "old.safetensors").write_text("precious")
    if key == "i":
        library.export("two", tmp_path)
    async with shown(library, row="two") as app:
        await press(app.pilot, key)
        await until(lambda: isinstance(app.focused, Input))
        assert app.screen.query_one(Input).value == first.format(tmp_path)
        for wrong in (each.format(tmp_path) for each in refused):
            app.screen.query_one(Input).value = wrong
            await press(app.pilot, "enter")
            await until(lambda: app.screen.query(Input) and problem_in(app))
            assert app.screen.query_one(Input).value == wrong, "what was wrong stays in its dialog"
        app.screen.query_one(Input).value = answer.format(tmp_path)
        await press(app.pilot, "enter")
        await told(app, message.format(tmp_path))
        await until(lambda: app.selected == selected)
        renamed = [("name_changed", "two", "meine-zwei")]
        assert app.calls == (renamed if key == "r" else [])
    assert (tmp_path / "old.safetensors").read_text() == "precious"


def make_updatable(library: Library, folder: Path) -> Path:
    """Saves a model `diary` that has learned a file, and returns the path of that."""
    text = folder / "learned.txt"
    text.write_text("the cat sat")
    put(library.folder, {"diary.safetensors": saved_model("ngram")})
    change_card_json(
        library, "diary", lambda card: card["corpus"].update(sha256=read_corpus([text]).sha256)
    )
    put(library.runs.folder("diary"), {})
    write_sources(library.runs.folder("diary"), [str(text)], None)
    return text


UPDATING = ("start_training", TrainArguments.updating("diary", ()))
UPDATES: list[tuple[str | None, list[object], list[str]]] = [
    ("the cat sat", [], ["diary has learned its text already, and you wrote nothing new"]),
    ("the dog", [UPDATING], []),
    (None, [], ["the text of diary is gone"]),
]


@pytest.mark.parametrize(("text", "calls", "messages"), UPDATES)
async def test_an_update_needs_something_new(
    library: Library, tmp_path: Path, text: str | None, calls: list[object], messages: list[str]
) -> None:
    file = make_updatable(library, tmp_path)
    file.unlink() if text is None else file.write_text(text)
    async with shown(library, row="diary") as app:
        await press(app.pilot, "f5")
        await until(lambda: app.calls or app.told)
        assert app.calls == calls
        assert [said.partition(":")[0] for said in app.told] == messages


@pytest.mark.parametrize("key", ["1", "2", "3", "escape"])
async def test_an_update_asks_whether_to_learn_what_was_written_or_some_of_the_texts(
    library: Library, tmp_path: Path, key: str
) -> None:
    """The command line stores what is new to the model."""
    make_updatable(library, tmp_path).write_text("the dog")
    async with shown(library, row="diary") as app:
        day = datetime(1970, 1, 2, 12).timestamp()  # in the time zone of the machine
        diary, letter = Text(title="diary", changed=day), Text(title="letter", changed=1)
        for text, line in (diary, "We left."), (letter, "It rained."), (diary, "Well\n\nthen."):
            app.session.write(partial(add_turn, text=text, turn=Turn(line)))
        await press(app.pilot, "f5")
        await dialog(app, Choice)
        assert "1 With your 3 lines written here" in picture(app)
        await press(app.pilot, key)
        if key == "2":
            await dialog(app, ChooseSeveral)
            await until(lambda: "[ ] diary (4 words, 2 Jan 1970)" in picture(app))
            await press(app.pilot, "down", "space")
            await until(lambda: "[x] letter (2 words" in picture(app))
            await press(app.pilot, "enter")
        await until(lambda: not app.screen.is_modal)
        if key == "escape":
            assert "start_training" not in [call[0] for call in app.calls]
            return
        written = {"1": ["--written=all"], "2": ["--written=#2"]}.get(key, [])
        request = TrainArguments.updating("diary", tuple(written))
        await until(lambda: app.calls[-1:] == [("start_training", request)])


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("one", "It learned verses (6 lines, 40 words). It cannot"),
        ("two", "It learned verses (6 lines, 40 words) in 2.0 s. It cannot"),
        ("three", "It is damaged."),
        ("run", "It is a training with 0 epochs done."),
    ],
)
async def test_a_model_is_deleted_once_what_is_lost_was_told(
    name: str, lost: str, library: Library
) -> None:
    before = contents(library.data_dir)
    async with shown(library, row=name) as app:
        for answer in ("enter", "escape", "ctrl+y"):
            assert contents(library.data_dir) == before
            await press(app.pilot, "d")
            await dialog(app, Confirm)
            assert has_row(app, f"Delete {name}?") and has_row(app, lost)
            await press(app.pilot, answer)
        await told(app, f"deleted {name}")
        await until(lambda: name not in rows(app))
        assert app.calls == [("name_changed", name, None)]
    assert not [path for path in models_of(library) if f"/{name}" in path]


async def test_the_keys_that_do_nothing_for_a_model_are_hidden(
    library: Library, tmp_path: Path, built_in_dir: Path
) -> None:
    put(built_in_dir, {"english.safetensors": library.path("two").read_bytes()})
    make_updatable(library, tmp_path)
    async with shown(Library(library.folder.parent)) as app:
        for name, actions in (
            ("one", "use export rename delete resume"),
            ("diary", "use export rename delete update"),
            ("three", "rename delete"),
            ("run", "rename delete resume"),
            ("english", "use export"),
        ):
            app.table.move_cursor(row=app.table.get_row_index(name))
            await until(lambda: app.selected == name)  # noqa: B023
            of_a_model = "use", "export", "rename", "delete", "resume", "update"
            allowed = (app.models.check_action(action, ()) is not False for action in of_a_model)
            assert [*compress(of_a_model, allowed)] == actions.split()


async def test_a_training_is_resumed_or_done_for_longer_or_watched(library: Library) -> None:
    for name in ("run", "two"):
        async with shown(library, row=name) as app:
            await press(app.pilot, "g")
            assert app.calls == [("resume_run", name)]
    with held_elsewhere(library, "two"):
        async with shown(library, row="two") as app:
            await press(app.pilot, "f5", "g")
            assert app.calls == [("watch_run", "two")]
            await press(app.pilot, "d")
            await dialog(app, Confirm)
            await press(app.pilot, "ctrl+y")
            await told(app, "the model two is held by process")
            assert library.has("two")


async def test_hostile_texts_break_nothing(library: Library) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["corpus"].update(name=HOSTILE, sha256=HOSTILE)
        data["created"] = data["updated"] = HOSTILE
        data["versions"] = {HOSTILE: HOSTILE}

    change_card_json(library, "two", spoil)
    async with shown(library, (60, 16), row="two") as app:
        await until(lambda: app.selected == "two")
        card = app.models.query_one(ModelCardView)

        def is_shown_below() -> bool:
            # It scrolls at each look, since a card that was just filled in begins at its top.
            card.scroll_to(y=12, animate=False)
            return "[red]x" in picture(app)

        await until(is_shown_below)
        check_layout(app)
