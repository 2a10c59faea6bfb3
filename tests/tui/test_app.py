"""What is around the screens: keys, palette, themes, models, sizes, and the end."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.worker import WorkerFailed

from rnnlm_tui import tui
from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store.library import BUILT_IN
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.bindings import all_ids, own_bindings, screens, sections
from rnnlm_tui.tui.help.screen import KeysScreen
from rnnlm_tui.tui.models.table import ModelTable
from rnnlm_tui.tui.preferences import Preferences, load_preferences
from rnnlm_tui.tui.start import _log_to_file
from rnnlm_tui.tui.train import ngram_bootstrap
from rnnlm_tui.tui.train.plan import Plan
from rnnlm_tui.tui.train.screen import TrainScreen
from rnnlm_tui.tui.widgets.dialogs import AskPath, Choice
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.transcript_view import TranscriptView
from tests.helpers.app import (
    ScriptedLibrary,
    ScriptedModel,
    answered,
    app_of,
    chain,
    check_layout,
    choose_in_palette,
    click,
    picture,
    press,
    rows_of,
    scripted_app,
    texts,
    toasts,
    wait_until,
    write,
)


class ScriptedRun:
    """A training of the app's own that is on. `asked` is what the app asked of it."""

    name = "poems"
    is_running = True
    detached = False
    progress = SimpleNamespace(
        epoch_share=0.5,
        started=object(),
        finished=None,
        failed=None,
        phase=SimpleNamespace(is_over=False),
    )


class ScriptedRuns:
    """The app's runs, with one that is on, or none. `closed` says how it was left."""

    def __init__(self, own: ScriptedRun | None = None) -> None:
        self.own = own
        self.closed: list[bool] = []
        self.started: list[Any] = []
        self.names: list[tuple[str, ...]] = []
        self.may_close = asyncio.Event()
        self.may_close.set()

    async def close(self, detach: bool) -> None:
        self.closed.append(detach)
        await self.may_close.wait()

    async def start(self, request: Any) -> ScriptedRun:
        self.started.append(request)
        return ScriptedRun()

    def renamed(self, old: str, new: str) -> None:
        self.names.append((old, new))

    def deleted(self, name: str) -> None:
        self.names.append((name,))


def with_runs(app: RnnlmApp, own: ScriptedRun | None = None) -> ScriptedRuns:
    """Puts scripted runs into the app."""
    runs = ScriptedRuns(own)
    app._runs = cast(Any, runs)
    return runs


def saved_by(app: RnnlmApp, run: ScriptedRun, *, best: bool = True) -> None:
    """The run has saved its model."""
    app._run_saved(cast(Any, run), cast(Any, SimpleNamespace(best=best)))


async def send_a_line(pilot: Pilot[Any]) -> None:
    """Has a line in the transcript, which cannot have the focus before."""
    await write(pilot, *"shall i", "enter")
    view = app_of(pilot).autocomplete.query_one(TranscriptView)
    await wait_until(pilot, lambda: len(view.lines) == 2)


def column_of(row: str, text: str) -> int:
    """Where a text begins in a row of the screen."""
    assert text in row
    return row.index(text)


# The bindings themselves


def _own_classes() -> Iterator[type[DOMNode]]:
    for module in pkgutil.walk_packages(tui.__path__, "rnnlm_tui.tui."):
        for kind in vars(importlib.import_module(module.name)).values():
            is_own = isinstance(kind, type) and kind.__module__ == module.name
            if is_own and issubclass(kind, DOMNode) and "BINDINGS" in vars(kind):
                yield kind


def test_every_binding_has_an_id_of_its_own_a_description_and_a_tooltip() -> None:
    seen: list[str] = []
    for kind in _own_classes():
        if kind is ModelTable:  # it has a choice of a table's own keys, which move in it
            continue
        for binding in kind.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id, f"{kind.__name__}: {binding.key}"
            assert binding.tooltip, f"{kind.__name__}: {binding.key}"
            assert binding.description, f"{kind.__name__}: {binding.key}"
            seen.append(binding.id)
    assert len(seen) == len(set(seen))
    assert set(seen) == all_ids(RnnlmApp), "F1 and a keymap know them all"


async def test_the_line_keeps_the_focus_when_a_dialog_closes_in_a_small_window(
    tmp_path: Path,
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await pilot.resize_terminal(50, 12)
        await press(pilot, "escape")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: app.focused is app.autocomplete.editor)
        await press(pilot, "h", "i")
        await wait_until(pilot, lambda: app.autocomplete.editor.line == "hi")


async def test_f1_lists_every_binding_with_its_keys(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await wait_until(pilot, lambda: app.screen.query(Static))
        shown = [str(static.render()) for static in app.screen.query(Static)]
        for title, kind in sections(RnnlmApp):
            assert title in shown
            for binding in own_bindings(kind):
                assert binding.tooltip in shown
                assert all(shown[shown.index(binding.tooltip) - 1].split(","))
        place = shown.index("Accept one word of the ghost; without a ghost, move the focus")
        assert shown[place - 1] == "tab"
        place = shown.index("Suggest now, though the ghost is off or hidden")
        assert shown[place - 1].lower() in ("^space", "ctrl+space")
        assert "All keys" in picture(app)
        check_layout(app)
        await press(pilot, "end", "escape")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await press(pilot, "f1")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)


async def test_the_palette_lists_every_action(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"a": ScriptedModel(), "b": ScriptedModel()})
    async with app.run_test() as pilot:
        await answered(pilot)
        offered = {command.title.lower() for command in app.get_system_commands(app.screen)}
        for kind in (RnnlmApp, AutocompleteScreen, LineEditor):
            missing = {b.description.lower() for b in own_bindings(kind)} - offered
            assert not missing, f"{kind.__name__}: {missing}"
        assert {"model a", "model b", "theme", "keymap", "screenshot"} <= offered
        await send_a_line(pilot)
        app.autocomplete.query_one(TranscriptView).focus()
        await pilot.pause(0)
        offered = {command.title.lower() for command in app.get_system_commands(app.screen)}
        assert {b.description.lower() for b in own_bindings(TranscriptView)} <= offered
        assert all(command.help for command in app.get_system_commands(app.screen))


async def test_the_palette_lists_the_actions_of_the_other_screens(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        commands = [command.title for command in app.get_system_commands(app.screen)]
        for mode in ("train", "models"):
            for binding in own_bindings(screens(RnnlmApp)[cast(Any, mode)]):
                assert f"{mode.capitalize()}: {binding.description}" in commands


async def test_the_palette_does_what_is_chosen_in_it(tmp_path: Path) -> None:
    models = {"a": ScriptedModel(), "b": ScriptedModel(chain("shall", "we"))}
    app = scripted_app(tmp_path, models)
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        await choose_in_palette(pilot, "Model b")
        await wait_until(pilot, lambda: app.active_name == "b")
        await answered(pilot)
        assert app.autocomplete.editor.suggestion.startswith("we")


async def test_the_palette_does_what_a_key_of_the_line_does(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        await choose_in_palette(pilot, "Accept a word")
        await wait_until(pilot, lambda: app.autocomplete.editor.line == "shall i ")
        await choose_in_palette(pilot, "Ghost")
        await wait_until(pilot, lambda: not app.autocomplete.editor.ghost_on)


async def test_the_palette_does_what_another_screen_can_do(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        await choose_in_palette(pilot, "Models: import")
        await wait_until(pilot, lambda: isinstance(app.screen, AskPath) and app.focused)
        assert app.current_mode == "models"


@pytest.mark.parametrize("title", ["Train: pause/go on", "Train: use it", "Train: open run"])
async def test_an_action_of_another_screen_that_does_not_work_now_says_so(
    title: str, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    app._train = TrainScreen(summary_command=[sys.executable, "-c", "pass"])
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        await choose_in_palette(pilot, title)
        await wait_until(pilot, lambda: toasts(app) == [f'"{title}" does not work now'])
        assert app.current_mode == "train"
        await press(pilot, "f2")
        await choose_in_palette(pilot, title)
        await wait_until(pilot, lambda: len(toasts(app)) == 2)


class Question(ModalScreen[None]):
    """A question to which "use" is an answer."""

    used = False

    def action_use(self) -> None:
        self.used = True


async def test_an_action_of_another_screen_does_not_answer_a_question(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        question = Question()
        await app.push_screen(question)
        await choose_in_palette(pilot, "Models: use")
        await wait_until(pilot, lambda: toasts(app) == ['"Models: use" does not work now'])
        assert app.screen is question
        assert not question.used
        assert app.current_mode == "autocomplete"


# Looks


async def test_the_theme_is_kept(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test():
        assert app.theme == "textual-dark"
        app.theme = "textual-light"
    assert load_preferences(tmp_path / "config").theme == "textual-light"
    app = scripted_app(tmp_path, preferences=load_preferences(tmp_path / "config"))
    async with app.run_test():
        assert app.theme == "textual-light"


async def test_a_theme_that_is_unknown_is_not_used(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, preferences=Preferences(theme="no such theme"))
    async with app.run_test():
        assert app.theme in app.available_themes


async def test_without_colours_the_ghost_is_told_by_its_style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = scripted_app(tmp_path, preferences=Preferences(theme="nord"))
    async with app.run_test() as pilot:
        assert app.theme == "ansi-dark"
        await write(pilot, *"shall ")
        await pilot.pause(0)
        strips = app.screen._compositor.render_strips()
        row = next(strip for strip in strips if "│ shall i compare" in strip.text)
        style = next(s.style for s in row if "compare" in s.text)
        assert style is not None
        assert style.italic
        assert style.underline
        cursor = next(s for s in row if s.style and s.style.reverse)
        assert cursor.text == "i"
        for segment in (segment for strip in strips for segment in strip):
            for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                assert colour is None or colour.is_default, segment
    assert load_preferences(tmp_path / "config").theme == "nord", "the choice is kept"


# The user's own keys


async def test_a_keymap_gives_an_action_another_key(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    keymap = (
        '"line.accept_word" = "ctrl+n"\n"app.keys" = "f10"\n"autocomplete.move_pane" = "ctrl+k"'
    )
    (tmp_path / "config" / "keymap.toml").write_text(keymap)
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await write(pilot, *"shall ")
        await write(pilot, "ctrl+n")
        assert app.autocomplete.editor.line == "shall i "
        await send_a_line(pilot)
        await press(pilot, "ctrl+k")
        assert app.autocomplete.query_one(TranscriptView).has_focus, "not the line's own ctrl+k"
        await press(pilot, "f10")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        shown = [str(static.render()) for static in app.screen.query(Static)]
        assert shown[shown.index("All keys", 1) - 1].lower() == "f10"
        assert not toasts(app)


async def test_the_header_shows_the_users_own_key(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "keymap.toml").write_text('"app.train" = "f12"')
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "F12 Train" in app.screen.query_one(Header).render().plain)


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ("nonsense", "is not valid TOML"),
        ('"line.sned" = "f9"', "there is no action line.sned"),
        ('"line.hide" = "tab"', "several actions: tab (line.accept_word, line.hide)"),
        ('"app.quit" = "banana+q"', "keys that no keyboard has: banana+q"),
        ('"app.keys" = "ctrl+r"', "several actions: ctrl+r (app.keys, autocomplete.another)"),
    ],
)
async def test_a_keymap_with_a_fault_is_told_and_harms_nothing(
    keymap: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "keymap.toml").write_text(keymap)
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await write(pilot, *"shall ")
        await wait_until(pilot, lambda: any(said in toast for toast in toasts(app)))
        assert len(toasts(app)) == 1
        assert app.autocomplete.editor.line == "shall "


async def test_the_palette_writes_a_keymap_to_edit(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        app.action_write_keymap()
        await wait_until(pilot, lambda: any("edit " in toast for toast in toasts(app)))
        assert '"line.send" = "enter"' in (tmp_path / "config" / "keymap.toml").read_text()
        app.action_write_keymap()
        await wait_until(pilot, lambda: any("is there already" in toast for toast in toasts(app)))


# Screens


async def shown(pilot: Pilot[None], mode: str, label: str) -> None:
    """Waits until the screen is there."""
    await wait_until(pilot, lambda: pilot.app.current_mode == mode)
    await wait_until(pilot, lambda: f"[{label}]" in rows_of(pilot.app)[0])
    check_layout(pilot.app)


async def test_screens_by_key_and_by_click(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    app._train = TrainScreen(summary_command=[sys.executable, "-c", "pass"])
    async with app.run_test() as pilot:
        await write(pilot, *"shall")
        assert "[Autocomplete]" in rows_of(app)[0]
        for key, mode, label in (("f4", "models", "Models"), ("f3", "train", "Train")):
            await press(pilot, key)
            await shown(pilot, mode, label)
        column = column_of(rows_of(app)[0], "Autocomplete")
        await pilot.click(Header, offset=(column + 3, 0))
        await wait_until(pilot, lambda: app.current_mode == "autocomplete")
        assert app.autocomplete.editor.line == "shall"
        assert app.autocomplete.editor.has_focus
        column = column_of(rows_of(app)[0], "Models")
        await pilot.click(Header, offset=(column + 1, 0))
        await wait_until(pilot, lambda: app.current_mode == "models")
        await press(pilot, "f2")
        await wait_until(pilot, lambda: app.current_mode == "autocomplete")


async def test_a_click_on_a_key_in_the_bar_does_what_the_key_does(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        bar = app.screen.query_one(KeyBar)
        rows = rows_of(app)[-bar.size.height :]
        for text in ("tab word", "all", "choose", "hide", "send", "undo", "quit", "keys"):
            assert any(text in row for row in rows)
        await pilot.click(KeyBar, offset=(column_of(rows[0], "tab word") + 1, 0))
        await wait_until(pilot, lambda: app.autocomplete.editor.line == "shall i ")
        y = next(i for i, row in enumerate(rows) if "F1 keys" in row)
        await pilot.click(KeyBar, offset=(column_of(rows[y], "F1 keys") + 4, y))
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))


async def test_one_line_below_60_by_16(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(60, 16)) as pilot:
        await write(pilot, *"shall ")
        assert "[Autocomplete]" in picture(app)
        check_layout(app)
        for size in ((59, 16), (60, 15), (40, 10), (20, 5), (1, 1)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0)
            assert "Autocomplete" not in picture(app)
            check_layout(app)
            if size[0] >= 40:
                assert "please enlarge to 60 x 16" in rows_of(app)[0]
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: app.autocomplete.editor.has_focus)
        await write(pilot, "i")
        await pilot.pause(0)
        assert app.autocomplete.editor.line == "shall i"
        assert "shall i compare thee to" in picture(app)


async def test_any_size_at_any_moment(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await write(pilot, *"shall i ")
        await press(pilot, "enter")
        await write(pilot, *"when i co")
        for size in ((120, 40), (60, 16), (300, 100), (5, 2), (100, 17), (99, 31), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0)
            check_layout(app)
        await wait_until(pilot, lambda: "when i compare thee to" in picture(app))
        assert texts(app.autocomplete.query_one(TranscriptView).lines)[0] == "shall i"


# Models


async def test_the_first_start_says_what_to_do(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    app._train = TrainScreen(summary_command=[sys.executable, "-c", "pass"])
    runs = with_runs(app)
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: app.has_no_models)
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        assert "no model suggests" in picture(app)
        check_layout(app)
        editor = app.autocomplete.editor
        await press(pilot, *"shall i", "enter", "ctrl+r")
        await wait_until(pilot, lambda: any("F3 trains one" in toast for toast in toasts(app)))
        assert texts(app.autocomplete.query_one(TranscriptView).lines) == ["shall i"]
        await click(pilot, "#first-model")
        await wait_until(pilot, lambda: runs.started)
        assert runs.started[0].arguments == ("--name", "sonnets", "--epochs", "3")
        assert editor.has_focus
        await wait_until(pilot, lambda: any("training begins" in toast for toast in toasts(app)))
        cast(ScriptedLibrary, app.library).models["poems"] = ScriptedModel()
        saved_by(app, ScriptedRun())
        await wait_until(pilot, lambda: app.active_name == "poems")
        await write(pilot, *"shall ")
        assert editor.suggestion == "i compare thee to"
        assert "There is no model yet" not in picture(app)


async def test_the_first_start_leads_to_a_text_of_ones_own(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    app._train = TrainScreen(summary_command=[sys.executable, "-c", "pass"])
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        await pilot.pause(0)
        await click(pilot, "#own-model")
        await wait_until(pilot, lambda: app.current_mode == "train")


async def test_the_model_that_the_command_line_names(tmp_path: Path) -> None:
    models = {"newest": ScriptedModel(), "mine": ScriptedModel()}
    app = scripted_app(tmp_path, models, model="mine")
    async with app.run_test() as pilot:
        await answered(pilot)
        assert app.active_name == "mine"


async def test_a_model_that_is_unknown_is_told_and_another_suggests(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, model="unheard-of")
    async with app.run_test(notifications=True) as pilot:
        await write(pilot, *"shall ")
        assert any("there is no model unheard-of" in toast for toast in toasts(app))
        assert app.active_name == "sonnets"
        assert app.autocomplete.editor.suggestion == "i compare thee to"


async def test_a_model_that_is_unknown_with_no_other(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {}, model="unheard-of")
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        assert any("there is no model unheard-of" in toast for toast in toasts(app))


@pytest.fixture
def with_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model `damaged` cannot be used."""
    whole = ScriptedLibrary.open

    def open_(library: ScriptedLibrary, name: str) -> Any:
        if name == "damaged":
            raise ModelError("damaged is damaged", "delete it")
        return whole(library, name)

    monkeypatch.setattr(ScriptedLibrary, "open", open_)


@pytest.mark.usefixtures("with_damaged")
async def test_a_damaged_newest_model_does_not_hide_the_others(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"damaged": ScriptedModel(), "good": ScriptedModel()})
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        assert app.active_name == "good"
        assert not toasts(app), "nobody has asked for it"


@pytest.mark.usefixtures("with_damaged")
async def test_a_damaged_model_that_was_used_last_is_told(tmp_path: Path) -> None:
    models = {"good": ScriptedModel(), "damaged": ScriptedModel()}
    app = scripted_app(tmp_path, models, preferences=Preferences(model="damaged"))
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        assert app.active_name == "good"
        assert toasts(app) == ["damaged is damaged. Delete it"]


async def test_the_model_that_suggests_is_deleted_or_renamed(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"one": ScriptedModel(), "two": ScriptedModel()})
    async with app.run_test() as pilot:
        await answered(pilot)
        library = cast(ScriptedLibrary, app.library)
        library.models["uno"] = library.models.pop("one")
        runs = with_runs(app)
        app.renamed("one", "uno")
        await wait_until(pilot, lambda: app.active_name == "uno")
        del library.models["uno"]
        app.deleted("uno")
        await wait_until(pilot, lambda: app.active_name == "two")
        del library.models["two"]
        app.deleted("two")
        await wait_until(pilot, lambda: "There is no model yet" in picture(app))
        assert app.autocomplete.editor.suggestion == ""
        assert runs.names == [("one", "uno"), ("uno",), ("two",)]


async def test_a_better_model_from_training_suggests_at_once(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"poems": ScriptedModel()})
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        better = ScriptedModel(chain("shall", "we", "dance"))
        cast(ScriptedLibrary, app.library).models["poems"] = better
        saved_by(app, ScriptedRun(), best=False)
        await pilot.pause(0)
        assert app.loaded_model is not None
        assert app.loaded_model.model is not better
        saved_by(app, ScriptedRun())
        await wait_until(pilot, lambda: app.loaded_model and app.loaded_model.model is better)
        await answered(pilot)
        assert app.autocomplete.editor.suggestion == "we dance"


async def test_a_save_while_one_chooses_leaves_the_choice(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"poems": ScriptedModel()})
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        await press(pilot, "down", "down")
        editor, first = app.autocomplete.editor, app.loaded_model
        chosen = editor.suggestion
        saved_by(app, ScriptedRun())
        await wait_until(pilot, lambda: app.loaded_model is not first)
        assert (editor.choice, editor.suggestion) == (1, chosen)
        await answered(pilot)
        assert editor.choice == 1
        await press(pilot, "enter")
        assert editor.line == f"shall {chosen} "
        assert not app.autocomplete.transcript.turns


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of any text are ready at once, as the model `text-counts`."""

    async def counts_of(plan: Plan, paths: tuple[str, ...], library: ScriptedLibrary) -> str:
        library.models["text-counts"] = ScriptedModel(chain("shall", "we"))
        return "text-counts"

    monkeypatch.setattr(ngram_bootstrap, "counts_of", counts_of)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("before", [None, BUILT_IN])
async def test_counts_suggest_where_nothing_of_ones_own_did(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedLibrary, "is_built_in", lambda library, name: name == BUILT_IN)
    app = scripted_app(tmp_path, {before: ScriptedModel()} if before else {})
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: app.has_no_models or app.loaded_model is not None)
        app.bootstrap_ngram(Plan(), ())
        await wait_until(pilot, lambda: app.active_name == "text-counts")
        await write(pilot, *"shall ")
        assert app.autocomplete.editor.suggestion == "we"
        assert not any("ready meanwhile" in toast for toast in toasts(app))


@pytest.mark.usefixtures("counted")
async def test_counts_are_only_told_of_where_a_model_of_ones_own_suggests(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"letters": ScriptedModel()})
    said = "the counts of the text are ready meanwhile: ctrl+p, Model text-counts"
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        app.bootstrap_ngram(Plan(), ())
        await wait_until(pilot, lambda: toasts(app) == [said])
        await pilot.pause()
        assert app.active_name == "letters"
        app.use_model("text-counts")
        await wait_until(pilot, lambda: app.active_name == "text-counts")
        await app.bootstrap_ngram(Plan(), ()).wait()
        assert toasts(app).count(said) == 1, "they suggest already"


async def test_a_run_of_the_first_model_that_was_begun_goes_on(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    runs = with_runs(app)
    folder = tmp_path / "data" / "models" / "sonnets"
    folder.mkdir(parents=True)
    (folder / "resume.safetensors").write_bytes(b"")
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: app.has_no_models)
        await click(pilot, "#first-model")
        await wait_until(pilot, lambda: runs.started)
    assert runs.started[0].arguments == ("--resume", "--name", "sonnets")


# The end


@pytest.mark.parametrize(
    ("row", "closed"), [("stop", [False]), ("detach", [True]), ("cancel", None), (None, None)]
)
async def test_quitting_asks_while_a_model_trains(
    row: str | None, closed: list[bool] | None, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    runs = with_runs(app, ScriptedRun())
    async with app.run_test() as pilot:
        await answered(pilot)
        app._refresh_header()
        await wait_until(pilot, lambda: "▶ 50% of poems" in rows_of(app)[0])
        await press(pilot, "ctrl+q")
        await wait_until(pilot, lambda: isinstance(app.screen, Choice))
        assert "poems is in training" in picture(app)
        check_layout(app)
        if row is None:
            await press(pilot, "escape")
        else:
            options = app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index(row)
            await press(pilot, "enter")
        if closed is None:
            await wait_until(pilot, lambda: app.screen is app.autocomplete)
            assert app.is_running
            assert not runs.closed
        else:
            await _end(pilot)
    assert runs.closed == (closed or [])
    if closed is not None:
        assert app.return_code == 0


async def test_a_second_ctrl_q_neither_asks_again_nor_undoes_the_first(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    runs = with_runs(app, ScriptedRun())
    runs.may_close.clear()
    async with app.run_test() as pilot:
        await answered(pilot)
        await press(pilot, "ctrl+q", "ctrl+q")
        await wait_until(pilot, lambda: isinstance(app.screen, Choice))
        assert len(app.screen_stack) == 2
        await press(pilot, "escape")
        await wait_until(pilot, lambda: not app._is_quitting)
        await press(pilot, "ctrl+q")
        await wait_until(pilot, lambda: isinstance(app.screen, Choice))
        await press(pilot, "1")
        await wait_until(pilot, lambda: runs.closed)
        await press(pilot, "ctrl+q")
        assert app.screen is app.autocomplete
        runs.may_close.set()
        await _end(pilot)
    assert runs.closed == [False]


async def _end(pilot: Pilot[None]) -> None:
    """Waits for the app to leave."""
    await wait_until(pilot, lambda: pilot.app._exit)


async def test_quitting_does_not_ask_where_nothing_trains(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        await press(pilot, "ctrl+q")
        await _end(pilot)
    assert app.return_code == 0


async def test_an_answer_that_comes_while_the_app_ends_is_dropped(tmp_path: Path) -> None:
    model = ScriptedModel()
    app = scripted_app(tmp_path, {"slow": model})
    async with app.run_test() as pilot:
        await answered(pilot)
        model.gate.clear()
        await press(pilot, *"shall ", "enter", "x")
        real = app._close_all

        async def close_all() -> None:
            model.gate.set()
            await real()

        app._close_all = close_all  # type: ignore[method-assign]
        await press(pilot, "ctrl+q")
    assert app.return_code == 0


@pytest.mark.parametrize("where", ["callback", "worker"])
async def test_a_crash_is_one_sentence_and_the_rest_in_the_log(
    where: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise RuntimeError("a [/b] fault\x1b[31m\nand more")

    async def broken_worker() -> None:
        broken()

    app = scripted_app(tmp_path)
    caught = RuntimeError if where == "callback" else WorkerFailed
    with caplog.at_level(logging.INFO, "rnnlm_tui"), pytest.raises(caught):
        async with app.run_test(size=(200, 24)) as pilot:
            await write(pilot, *"shall")
            if where == "callback":
                app.call_later(broken)
            else:
                app.run_worker(broken_worker())
            await wait_until(pilot, lambda: app.return_code == 1)
    assert app.return_code == 1
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "rnnlm-tui crashed (a [/b] fault\ufffd[31m);" in told.replace("\n", " ")
    assert "the details are in" in told
    assert "app.log" in told
    assert "in broken" in caplog.text, "the log tells where"
    assert (tmp_path / "data" / "session" / "draft.txt").read_text() == "shall"


def test_a_log_that_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNLM_LOG_DIR", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"app\.log") as caught:
        _log_to_file()
    assert "RNNLM_LOG_DIR" in caught.value.hint
