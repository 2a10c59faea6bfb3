"""F1 and the palette, both made from the bindings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.binding import Binding
from textual.command import CommandList, CommandPalette
from textual.dom import DOMNode

from rnnlm_tui import tui
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen, all_bindings
from rnnlm_tui.tui.help.palette import action_title, show_themes
from rnnlm_tui.tui.inside.panes import StageList
from rnnlm_tui.tui.widgets.dialogs import AskPath, own_bindings
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from tests.helpers.app import (
    answered,
    check_layout,
    choose_in_palette,
    in_order,
    palette_ready,
    picture,
    post_clicks,
    post_keys,
    press,
    scripted_app,
    scripted_model,
    wait_until,
    write,
)


def _own_classes() -> Iterator[type[DOMNode]]:
    for module in pkgutil.walk_packages(tui.__path__, "rnnlm_tui.tui."):
        for kind in vars(importlib.import_module(module.name)).values():
            is_own = isinstance(kind, type) and kind.__module__ == module.name
            if is_own and issubclass(kind, DOMNode) and "BINDINGS" in vars(kind):
                yield kind


def test_every_binding_has_a_unique_id_a_description_and_a_tooltip() -> None:
    seen: list[str] = []
    for kind in _own_classes():
        if kind is StageList:  # its keys are those of an OptionList
            continue
        for binding in kind.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id, f"{kind.__name__}: {binding.key}"
            assert binding.tooltip, f"{kind.__name__}: {binding.key}"
            assert binding.description, f"{kind.__name__}: {binding.key}"
            title = action_title(binding)
            assert len(title) <= 36 and title[0].isupper(), title
            seen.append(binding.id)
    assert len(seen) == len(set(seen))
    assert {*seen} == all_bindings().keys(), "F1 and a keymap know them all"


async def test_f1_lists_the_keys_that_work_here(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(140, 80)) as pilot:
        await answered(pilot)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await wait_until(pilot, lambda: "Quit; asks first" in picture(app))
        rows = picture(app).split("\n")
        for kind in (LineEditor, AutocompleteScreen, RnnlmApp):
            for binding in own_bindings(kind):
                (row,) = (row for row in rows if binding.tooltip[:50] in row)
                assert row.partition(binding.tooltip[:50])[0].strip(" │▏")
        assert "Rename the model" not in picture(app)
        check_layout(app)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)


async def test_the_palette_says_what_every_action_does_and_its_keys(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"a": scripted_model(), "b": scripted_model()})
    async with app.run_test() as pilot:
        await answered(pilot)
        offered = {each.title: each.help for each in app.get_system_commands(app.screen)}
        titles = list(offered)
        for kind in (RnnlmApp, AutocompleteScreen, LineEditor):
            actions = {action_title(b) for b in own_bindings(kind) if b.id != "app.commands"}
            assert actions <= offered.keys()
        assert offered["Show all keys"] == "F1"
        assert offered["Suggest now"] == "ctrl+space"
        assert "Rename the model" not in offered, "it is for another screen"
        # What is usually typed comes after what is looked for.
        order = ["Begin a new text", "Change theme", "Show all keys", "Use model a", "Use model b",
                 "Accept a word", "Change keys"]  # fmt: skip
        assert sorted(order, key=titles.index) == order
        await press(pilot, "ctrl+p")
        await wait_until(pilot, lambda: in_order(picture(app), *titles[:3]))


async def test_the_palette_does_what_is_chosen_in_it(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"a": scripted_model(), "b": scripted_model()})
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        await choose_in_palette(pilot, "Use model b")
        await wait_until(pilot, lambda: app.active_name == "b")
        await answered(pilot)
        await choose_in_palette(pilot, "Show your models")
        await wait_until(pilot, lambda: app.current_mode == "models")
        await choose_in_palette(pilot, "Import an exported model")
        await wait_until(pilot, lambda: isinstance(app.screen, AskPath) and app.focused)


CLOSINGS: dict[str, Callable[[App[Any]], None]] = {
    "Enter": lambda app: post_keys(app, *["enter"] * 3),
    "Esc": lambda app: post_keys(app, "escape", "f", "enter", "escape", "down", "enter"),
    "clicks": lambda app: post_clicks(app, (1, 1), (20, 8), (1, 1), (20, 8)),
}


@pytest.mark.parametrize("way", CLOSINGS)
async def test_a_palette_that_is_closed_twice_in_a_moment_closes_once(
    way: str, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test() as pilot:
        await answered(pilot)
        show_themes(app)
        await palette_ready(pilot)
        palette = app.screen
        CLOSINGS[way](app)
        await wait_until(pilot, lambda: palette not in app.screen_stack)
        await pilot.pause()  # until all keys and clicks are handled
        assert app.is_running and len(app.screen_stack) == 1


async def test_a_command_chosen_twice_in_a_moment_is_run_once(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        await press(pilot, "ctrl+p")
        await palette_ready(pilot)
        await press(pilot, *"Switch the ghost on or")
        rows = app.screen.query_one(CommandList)
        await wait_until(pilot, lambda: rows.option_count == 1)
        post_keys(app, "enter", "enter")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)
        await write(pilot, *"shall")
        assert not app.preferences.ghost


@pytest.mark.parametrize("size", [(80, 24), (1, 1)])
async def test_keys_may_come_before_a_palette_is_laid_out(
    size: tuple[int, int], tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=size) as pilot:
        await answered(pilot)
        for key in ("pageup", "pagedown", "up", "down", "ctrl+home", "ctrl+end"):
            post_keys(app, "ctrl+p", key, "x", key, "backspace", key)
            await wait_until(pilot, lambda: isinstance(app.screen, CommandPalette))
            await wait_until(pilot, lambda: app.screen.has_class("-ready"))
            await press(pilot, key, "escape")
            await wait_until(pilot, lambda: app.screen is app.autocomplete)
