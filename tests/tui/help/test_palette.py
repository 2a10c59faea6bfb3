"""F1 and the palette, both made from the bindings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from rnnlm_tui import tui
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen, all_bindings, own_bindings, screen_bindings
from rnnlm_tui.tui.models.table import ModelTable
from rnnlm_tui.tui.widgets.dialogs import AskPath
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from tests.helpers.app import (
    ScriptedModel,
    answered,
    chain,
    check_layout,
    choose_in_palette,
    in_order,
    picture,
    press,
    scripted_app,
    toasts,
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
        if kind is ModelTable:  # its keys are those of a DataTable, which move in it
            continue
        for binding in kind.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id, f"{kind.__name__}: {binding.key}"
            assert binding.tooltip, f"{kind.__name__}: {binding.key}"
            assert binding.description, f"{kind.__name__}: {binding.key}"
            seen.append(binding.id)
    assert len(seen) == len(set(seen))
    assert set(seen) == {binding.id for _, binding in all_bindings(RnnlmApp)}, (
        "F1 and a keymap know them all"
    )


async def test_f1_lists_every_binding_with_its_keys(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(size=(140, 200)) as pilot:
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await wait_until(pilot, lambda: "Close the list of keys" in picture(app))
        rows = picture(app).split("\n")
        for title, binding in all_bindings(RnnlmApp):
            assert any(title in row for row in rows)
            row = next(row for row in rows if binding.tooltip[:50] in row)
            assert row.partition(binding.tooltip[:50])[0].strip(" │▏")
        check_layout(app)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)


async def test_the_palette_says_what_every_action_does_and_its_keys(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"a": ScriptedModel(), "b": ScriptedModel()})
    async with app.run_test() as pilot:
        await answered(pilot)
        offered = {each.title: each.help for each in app.get_system_commands(app.screen)}
        titles = list(offered)
        for kind in (RnnlmApp, AutocompleteScreen, LineEditor):
            tooltips = {each.tooltip for each in own_bindings(kind) if each.id != "app.commands"}
            assert tooltips <= offered.keys()
        assert {binding.tooltip for _, _, binding in screen_bindings(RnnlmApp)} <= offered.keys()
        assert offered["Show all keys"] == "Everywhere · F1"
        assert offered["Export the model to a file"] == "Models · e"
        theme = "Choose a theme: dark, light or other"
        assert [title for title in titles if "theme" in title] == [theme]
        # What works on this screen comes first, then the models, then the other screens.
        order = ["Write with suggestions", "Use model a", "Use model b", "Rename the model"]
        assert sorted(order, key=titles.index) == order
        await press(pilot, "ctrl+p")
        await wait_until(pilot, lambda: in_order(picture(app), *titles[:3]))


async def test_the_palette_does_what_is_chosen_in_it(tmp_path: Path) -> None:
    models = {"a": ScriptedModel(), "b": ScriptedModel(chain("shall", "we"))}
    app = scripted_app(tmp_path, models)
    async with app.run_test() as pilot:
        await write(pilot, *"shall ")
        await choose_in_palette(pilot, "Use model b")
        await wait_until(pilot, lambda: app.active_name == "b")
        await answered(pilot)
        await choose_in_palette(pilot, "Switch the ghost on or off")
        await wait_until(pilot, lambda: not app.preferences.ghost)
        await choose_in_palette(pilot, "Import an exported model")
        await wait_until(pilot, lambda: isinstance(app.screen, AskPath) and app.focused)
        assert app.current_mode == "models"


@pytest.mark.parametrize("title", ["Pause or resume the training", "Train for more epochs"])
async def test_an_unavailable_action_of_another_screen_says_so(title: str, tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await answered(pilot)
        await choose_in_palette(pilot, title)
        await wait_until(pilot, lambda: toasts(app) == [f'"{title}" is not available'])
        assert app.current_mode == "train"
