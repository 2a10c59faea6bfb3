"""The app around its screens: theme, modes, sizes, the active model, quitting."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets._toast import Toast

from rnnlm_tui.errors import StorageError
from rnnlm_tui.event_types import Saved
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import SavedRun
from rnnlm_tui.store.locks import Trainer
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen
from rnnlm_tui.tui.preferences import SettingsFile
from rnnlm_tui.tui.runs.progress import RunProgress
from rnnlm_tui.tui.runs.wording import unfinished_notice
from rnnlm_tui.tui.start import log_to_file
from rnnlm_tui.tui.widgets import terminal
from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from tests.helpers.app import (
    ScriptedLibrary,
    answered,
    chain,
    check_layout,
    picture,
    post_keys,
    press,
    rows_of,
    scripted_app,
    scripted_model,
    texts,
    toasts,
    wait_until,
    write,
)
from tests.helpers.events import finished, started
from tests.helpers.models import put_state
from tests.helpers.session import drafts


class ScriptedRun:
    """A training of the app, half done. `closed` has the arguments of close()."""

    is_own, name = True, "poems"

    def __init__(self, *, is_running: bool = True, detached: bool = False) -> None:
        self.is_running, self.detached = is_running, detached
        self.progress = RunProgress()
        self.progress.take(started(epochs_done=1, epochs=2))
        self.closed: list[bool] = []

    async def close(self, *, detach: bool) -> None:
        self.closed.append(detach)


def give_run(app: RnnlmApp, **options: bool) -> ScriptedRun:
    """Puts a training of its own into the app."""
    run = ScriptedRun(**options)
    app.runs.own = cast(Any, run)
    return run


def saved_by(app: RnnlmApp, *, best: bool = True) -> None:
    """Reports that the run poems has saved its model."""
    app.run_saved(cast(Any, ScriptedRun()), Saved(1.0, 1, "models/poems", best))


def scripted_models(app: RnnlmApp) -> dict[str, Any]:
    """The models of a scripted app."""
    return cast(ScriptedLibrary, app.library).models


def column_of(row: str, text: str) -> int:
    """Where a text begins in a row of the screen."""
    assert text in row
    return row.index(text)


# Start


async def test_the_first_key_is_typed_into_the_first_screen(tmp_path: Path) -> None:
    """Python 3.12 and later run the mounting of widgets at once, 3.11 in later steps: on all of
    them the first screen is the app's when its widgets are mounted, and ready for the first key."""
    app = scripted_app(tmp_path)
    mounted_on: list[object] = []

    class Asking(Widget):
        def on_mount(self) -> None:
            mounted_on.append(app.screen)

    app.autocomplete.page.compose_add_child(Asking())

    async def type_at_once(pilot: Pilot[object]) -> None:
        post_keys(app, *"shall")
        await wait_until(pilot, lambda: app.autocomplete.editor.line == "shall")
        app.exit()

    await app.run_async(headless=True, auto_pilot=type_at_once)  # run_test waits for the screen
    assert mounted_on == [app.autocomplete]


# Theme


async def test_the_theme_is_kept(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        assert app.theme == "textual-dark"
        app.theme = "textual-light"
    kept = SettingsFile(tmp_path / "config").preferences
    assert kept.theme == "textual-light"
    app = scripted_app(tmp_path, preferences=kept)
    async with app.run_test():
        assert app.theme == "textual-light"


# Screens


async def shown(pilot: Pilot[None], mode: str, label: str) -> None:
    """Waits until the screen is shown."""
    await wait_until(pilot, lambda: pilot.app.current_mode == mode)
    await wait_until(pilot, lambda: f"[{label}]" in rows_of(pilot.app)[0])
    check_layout(pilot.app)


async def test_screens_by_key_and_by_click(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall")
        await press(pilot, "f4")
        await shown(pilot, "models", "Models")
        await press(pilot, "f3")
        await shown(pilot, "train", "Train")
        column = column_of(rows_of(app)[0], "Autocomplete")
        await pilot.click(Header, offset=(column + 3, 0))
        await shown(pilot, "autocomplete", "Autocomplete")
        assert app.autocomplete.editor.line == "shall"
        assert app.autocomplete.editor.has_focus


async def test_the_other_screens_are_built_while_nobody_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "IDLE_S", 0.01)
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: {"train", "models"} <= app._screen_stacks.keys())
        await press(pilot, *"shall")
        assert app.autocomplete.editor.line == "shall"
        await press(pilot, "f3")
        await shown(pilot, "train", "Train")
        assert app.screen.focused is not None


async def test_a_click_on_a_key_in_the_bar_does_what_the_key_does(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        row = rows_of(app)[-1]
        shown = "Tab word  → all  Enter keep  alt+1-5 take  F1 keys  ctrl+p more  ctrl+q quit"
        assert row.strip() == shown
        await pilot.click(KeyBar, offset=(column_of(row, "Tab word") + 1, 0))
        await wait_until(pilot, lambda: app.autocomplete.editor.line == "shall i ")
        await pilot.click(KeyBar, offset=(column_of(row, "F1 keys") + 4, 0))
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))


async def test_the_other_screens_are_one_line_below_60_by_16(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(60, 16)) as pilot:
        await press(pilot, "f4")
        await shown(pilot, "models", "Models")
        for size in ((59, 16), (60, 15), (20, 5), (1, 1)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0)
            assert "Models" not in picture(app)
            check_layout(app)
            if size[0] >= 40:
                assert "please enlarge to 60 x 16" in rows_of(app)[0]


async def test_toasts_do_not_cover_the_line_being_written(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(60, 16), notifications=True) as pilot:
        await answered(pilot)
        for _ in range(4):
            app.notify_user("a message of some length, which takes three lines or so " * 2, "error")
        await wait_until(pilot, lambda: len(app.screen.query(Toast)) == 4)
        await wait_until(pilot, lambda: "a message of some length" in picture(app))
        assert "╰" in rows_of(app)[app.autocomplete.editor.region.bottom - 1]
        assert "shall" in rows_of(app)[app.autocomplete.editor.region.y + 1]


@pytest.mark.parametrize("turns", [0, 10])
@pytest.mark.parametrize(
    "keys", [["f3"], ["f4"], ["ctrl+p"], ["f1"], [*"shall", "enter"]], ids=lambda keys: keys[-1]
)
async def test_the_app_may_be_closed_while_a_screen_is_being_built(
    keys: list[str], turns: int, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot, asyncio.timeout(10):
        await answered(pilot)
        post_keys(app, *keys)
        for _ in range(turns):  # of the event loop, in which the screen grows
            await asyncio.sleep(0)
        app.exit()
        while app.is_running:
            await asyncio.sleep(0.01)
    assert app.return_code == 0


async def test_a_session_that_cannot_be_read_is_reported_and_the_app_works(tmp_path: Path) -> None:
    path = tmp_path / "data" / "session" / "session.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 100)
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await write(pilot, *"shall ")
        await wait_until(pilot, lambda: any("session.db.damaged" in toast for toast in toasts(app)))
        assert len(toasts(app)) == 1
        await wait_until(pilot, lambda: drafts(tmp_path / "data") == ["shall "])


# The active model


async def test_without_a_model_one_can_write_and_train(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.has_no_models)
        await wait_until(pilot, lambda: "No model can be used" in picture(app))
        check_layout(app)
        await press(pilot, *"shall i", "enter")
        assert texts(app.autocomplete.page.lines) == ["shall i"]
        assert "No model can be used" in picture(app)
        scripted_models(app)["poems"] = scripted_model()
        saved_by(app)
        await wait_until(pilot, lambda: app.active_name == "poems")
        await write(pilot, *"shall ")
        assert app.autocomplete.editor.suggestion == "i compare thee to"
        assert "No model can be used" not in picture(app)


async def test_an_unknown_model_is_reported_and_another_suggests(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, model="unheard-of")
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        assert any("there is no model unheard-of" in toast for toast in toasts(app))
        assert app.active_name == "sonnets"


async def test_the_active_model_is_renamed_or_deleted(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"one": scripted_model(), "two": scripted_model()})
    async with app.run_test() as pilot:
        await answered(pilot)
        models = scripted_models(app)
        models["uno"] = models.pop("one")
        run = give_run(app, is_running=False)
        run.name = "one"
        app.name_changed("one", "uno")
        await wait_until(pilot, lambda: app.active_name == "uno")
        assert run.name == "uno"
        del models["uno"]
        app.name_changed("uno", None)
        await wait_until(pilot, lambda: app.active_name == "two")
        assert app.runs.own is None
        del models["two"]
        app.name_changed("two", None)
        await wait_until(pilot, lambda: "No model can be used" in picture(app))
        assert app.autocomplete.editor.suggestion == ""


async def test_the_best_model_of_a_training_suggests_at_once(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"poems": scripted_model()})
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        better = scripted_model(chain("shall", "we", "dance"))
        scripted_models(app)["poems"] = better
        saved_by(app, best=False)
        await pilot.pause(0)
        assert app.loaded_model is not None
        assert app.loaded_model.model is not better
        saved_by(app)
        await wait_until(pilot, lambda: app.loaded_model and app.loaded_model.model is better)
        await answered(pilot)
        assert app.autocomplete.editor.suggestion == "we dance"


@pytest.mark.parametrize(("before", "is_used"), [(None, True), (ENGLISH, True), ("letters", False)])
async def test_the_first_save_of_a_training_suggests_unless_one_of_the_users_own_does(
    before: str | None, is_used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedLibrary, "is_built_in", lambda library, name: name == ENGLISH)
    app = scripted_app(tmp_path, {before: scripted_model()} if before else {})
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.has_no_models or app.loaded_model is not None)
        scripted_models(app)["poems"] = scripted_model()
        saved_by(app)
        active = "poems" if is_used else before
        await wait_until(pilot, lambda: app.active_name == active)
        assert f" {active} " in rows_of(app)[0]


async def test_stopped_trainings_are_announced_at_the_start(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    put_state(app.library.run_folder("poems"), 3, 9)
    async with app.run_test(notifications=True) as pilot:
        told = "‖ poems  stopped at epoch 2 of 9: F4 resumes or deletes it"
        await wait_until(pilot, lambda: told in toasts(app))
    put_state(app.library.run_folder("verses"), 3, 9)
    told = unfinished_notice(app.library.runs())
    assert told == "2 trainings were stopped before their end: F4 lists them"
    going = SavedRun("diary", Trainer(7, ""), resumable=True)
    assert unfinished_notice([going]) == "▶ diary is being trained: F4 shows it"
    assert unfinished_notice([]) == ""


# The end of a run, and of the app


@pytest.mark.parametrize(
    ("reason", "words"),
    [("completed", "poems: done"), ("diverged", "smaller learning")],
)
async def test_the_end_of_a_run_is_told_where_it_is_not_on_the_screen(
    reason: Any, words: str, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    run = ScriptedRun(is_running=False)
    run.progress.take(finished(reason, best_epoch=2))
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        app.run_ended(cast(Any, run))
        await wait_until(pilot, lambda: any(words in toast for toast in toasts(app)))
        app.clear_notifications()
        await press(pilot, "f3")  # the form
        await wait_until(pilot, lambda: app.current_mode == "train")
        app.run_ended(cast(Any, run))
        await wait_until(pilot, lambda: any(words in toast for toast in toasts(app)))


@pytest.mark.parametrize(
    ("row", "closed", "printed"),
    [
        (0, [False], "rnnlm-tui --train --resume --name poems"),
        (1, [True], "poems trains in the background"),
        (2, None, ""),
        (None, None, ""),
    ],
)
async def test_quitting_asks_while_a_model_trains(
    row: int | None,
    closed: list[bool] | None,
    printed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = scripted_app(tmp_path)
    run = give_run(app)
    async with app.run_test() as pilot:
        await answered(pilot)
        await wait_until(pilot, lambda: "▶ 50% of poems" in rows_of(app)[0])
        await press(pilot, "ctrl+q", "ctrl+q")
        await wait_until(pilot, lambda: isinstance(app.screen, Choice))
        assert "Stop the training?" in picture(app)
        check_layout(app)
        if row is None:
            await press(pilot, "escape")
        else:
            app.screen.query_one(OptionList).highlighted = row
            await press(pilot, "enter")
        if closed is None:
            await wait_until(pilot, lambda: app.screen is app.autocomplete)
        else:
            await wait_until(pilot, lambda: not app.is_running)
    assert run.closed == (closed or [])
    assert printed in capsys.readouterr().err


@pytest.mark.parametrize("key", ["f1", "ctrl+o", "ctrl+p"])
async def test_quitting_asks_over_what_is_open(key: str, tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    run = give_run(app)
    async with app.run_test() as pilot:
        await answered(pilot)
        await press(pilot, key)
        await wait_until(pilot, lambda: app.screen.is_modal)
        open_dialog = app.screen
        for answer in ("escape", "1"):
            await press(pilot, "ctrl+q")
            await wait_until(pilot, lambda: isinstance(app.screen, Choice))
            await press(pilot, answer)
            if answer == "escape":
                await wait_until(pilot, lambda: app.screen is open_dialog)
        await wait_until(pilot, lambda: not app.is_running)
    assert run.closed == [False]


@pytest.mark.parametrize("is_running", [False, True])
async def test_quitting_does_not_ask_if_nothing_would_be_lost(
    is_running: bool, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    run = give_run(app, is_running=is_running, detached=True)
    async with app.run_test() as pilot:
        await answered(pilot)
        await press(pilot, "ctrl+q")
        await wait_until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
    assert run.closed == ([True] if is_running else [])


def test_a_log_that_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNLM_LOG_DIR", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"app\.log") as caught:
        log_to_file()
    assert "RNNLM_LOG_DIR" in caught.value.hint
