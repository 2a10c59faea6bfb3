"""F1 and the palette, both made from the bindings."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import partial
from pathlib import Path

import platformdirs
import pytest
from textual.binding import Binding
from textual.command import CommandList
from textual.dom import DOMNode

from rnnlm_tui import tui
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen
from rnnlm_tui.tui.help.palette import KEY_ONLY, action_title, commands, show_themes
from rnnlm_tui.tui.keymap import all_bindings, own_bindings
from rnnlm_tui.tui.widgets.dialogs import AskPath
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from tests.helpers.app import (
    answered,
    check_layout,
    choose_in_palette,
    has_row,
    picture,
    post_keys,
    press,
    resize,
    running,
    scripted_app,
    scripted_model,
    toasts,
    wait_until,
)


def test_every_binding_has_a_unique_id_a_description_and_a_tooltip() -> None:
    seen: list[str] = []
    for module in pkgutil.walk_packages(tui.__path__, "rnnlm_tui.tui."):
        for kind in vars(importlib.import_module(module.name)).values():
            if not isinstance(kind, type) or kind.__module__ != module.name:
                continue
            for binding in vars(kind).get("BINDINGS", ()) if issubclass(kind, DOMNode) else ():
                assert isinstance(binding, Binding)
                assert binding.id and binding.tooltip and binding.description, binding
                title = action_title(binding)
                assert len(title) <= 36 and title[0].isupper(), title
                seen.append(binding.id)
    assert len(seen) == len(set(seen))
    assert {*seen} == all_bindings().keys(), "F1 and a keymap know them all"


async def test_f1_lists_the_keys_that_work_here_in_groups(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with running(app, size=(110, 80)) as pilot:
        await answered(pilot)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: isinstance(app.screen, KeysScreen))
        await wait_until(pilot, lambda: "Quit; asks first" in picture(app))
        rows = picture(app).split("\n")
        for kind in (LineEditor, AutocompleteScreen, RnnlmApp):
            for binding in own_bindings(kind):
                if str(binding.id).startswith("line.take_"):
                    continue
                (row,) = (row for row in rows if binding.tooltip[:50] in row)
                assert row.partition(binding.tooltip[:50])[0].strip(" │▏")
        assert "Rename the model" not in picture(app)
        assert has_row(app, " alt+1 to alt+5 ", " Accept word 1 to 5 of the list ")
        headings = re.findall(r"─ (\w+) ──", picture(app))
        assert headings == ["Write", "Take", "Texts", "Page", "Screens"]
        check_layout(app)
        await resize(pilot, 150, 60)
        await wait_until(pilot, lambda: has_row(app, "─ Write ─", "─ Texts ─"))
        check_layout(app)
        await press(pilot, "f1")
        await wait_until(pilot, lambda: app.screen is app.autocomplete)


async def test_the_palette_offers_what_can_be_done_here_and_does_it(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {"a": scripted_model(), "b": scripted_model()})
    async with running(app) as pilot:
        await answered(pilot)
        offered = {each.title: each.keys for each in commands(app, app.screen)}
        for kind in (RnnlmApp, AutocompleteScreen, LineEditor):
            for binding in own_bindings(kind):
                is_by_key_only = binding.key.split(",")[0] in {"ctrl+p", *KEY_ONLY}
                assert (action_title(binding) in offered) == (not is_by_key_only)
        assert (offered["Show all keys"], offered["Suggest now"]) == ("F1", "ctrl+space")
        assert "Rename the model" not in offered, "it is for another screen"
        # What is usually typed comes after what is looked for.
        order = ["Begin a new text", "Change theme", "Show all keys", "Use model a", "Use model b",
                 "Undo", "Change keys"]  # fmt: skip
        assert sorted(order, key=[*offered].index) == order
        await choose_in_palette(pilot, "Use model b")
        await wait_until(pilot, lambda: app.active_name == "b")
        await choose_in_palette(pilot, "Show your models")
        await wait_until(pilot, lambda: app.current_mode == "models")
        await choose_in_palette(pilot, "Import an exported model")
        await wait_until(pilot, lambda: isinstance(app.screen, AskPath) and app.focused)


@pytest.mark.parametrize("wanted", ["light", "dark"])
async def test_a_light_theme_is_light_in_any_terminal(wanted: str, tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with running(app) as pilot:
        await answered(pilot)
        app.theme = "dracula"
        show_themes(app)
        await wait_until(pilot, lambda: app.screen.query(CommandList) and has_row(app, "nord"))
        rows = app.screen.query_one(CommandList)
        own = [str(rows.get_option_at_index(place).prompt).strip() for place in range(2)]
        assert own == ["rnnlm-dark", "rnnlm-light"]
        await press(pilot, *wanted)
        await wait_until(pilot, lambda: wanted in str(rows.get_option_at_index(0).prompt))
        await press(pilot, "enter")
        await wait_until(pilot, lambda: app.theme != "dracula")
        theme = app.current_theme
        assert (theme.ansi, theme.dark) == (False, wanted == "dark")


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_a_palette_that_is_closed_twice_in_a_moment_closes_once(
    key: str, tmp_path: Path
) -> None:
    app = scripted_app(tmp_path)
    async with running(app) as pilot:
        await answered(pilot)
        show_themes(app)
        await wait_until(pilot, lambda: app.screen.query(CommandList) and has_row(app, "nord"))
        palette = app.screen
        post_keys(app, key, key)
        await wait_until(pilot, lambda: palette not in app.screen_stack)
        await pilot.pause()  # until all keys are handled
        assert app.screen_stack == [app.autocomplete]


async def test_the_palette_tells_where_it_has_written_or_why_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, folder = scripted_app(tmp_path), tmp_path / "not" / "there"
    (tmp_path / "file").write_text("")
    async with running(app) as pilot:
        for title, told in (
            ("Save a picture", f"saved {folder}"),
            ("Save a picture", "not a directory"),
            ("Change keys", "edit "),
            ("Change keys", "already exists"),
        ):
            monkeypatch.setattr(platformdirs, "user_downloads_path", partial(Path, folder))
            await choose_in_palette(pilot, title)
            await wait_until(pilot, partial(is_told, app, told))
            folder = tmp_path / "file" / "x"
    assert "<svg" in next((tmp_path / "not" / "there").iterdir()).read_text()


def is_told(app: RnnlmApp, text: str) -> bool:
    return any(text in toast for toast in toasts(app))
