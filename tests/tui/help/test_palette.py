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
from textual.command import CommandList, CommandPalette
from textual.dom import DOMNode
from textual.pilot import Pilot

from rnnlm_tui import tui
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen
from rnnlm_tui.tui.help.palette import KEY_ONLY, action_title, commands, show_themes
from rnnlm_tui.tui.keymap import all_bindings, own_bindings
from rnnlm_tui.tui.widgets.dialogs import AskPath
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from tests.helpers.app import (
    picture,
    post_keys,
    press,
    running,
    scripted_app,
    scripted_model,
    told,
    until,
)
from tests.helpers.writing_screen import desk


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
    async with desk(tmp_path, size=(110, 80)) as it:
        await it.press("f1")
        await until(lambda: isinstance(it.app.screen, KeysScreen))
        await until(lambda: "Quit; asks first" in picture(it.app))
        rows = it.rows
        for kind in (LineEditor, AutocompleteScreen, RnnlmApp):
            for binding in own_bindings(kind):
                if str(binding.id).startswith("line.take_"):
                    continue
                (row,) = (row for row in rows if binding.tooltip[:50] in row)
                assert row.partition(binding.tooltip[:50])[0].strip(" │▏")
        assert "Rename the model" not in picture(it.app)
        assert it.has(" alt+1 to alt+5 ", " Accept word 1 to 5 of the list ")
        headings = re.findall(r"─ (\w+) ──", picture(it.app))
        assert headings == ["Write", "Take", "Texts", "Page", "Screens"]
        it.check_layout()
        await it.resize(150, 60)
        await it.sees("─ Write ─", "─ Texts ─")
        it.check_layout()
        for height in (16, 17, 19, 20, 21, 24, 40):
            await it.resize(60, height)
            await until(lambda: "Esc close" in it.rows[-3])
        await it.press("f1")
        await until(lambda: it.app.screen is it.app.autocomplete)


async def choose_in_palette(pilot: Pilot[None], title: str) -> None:
    """Opens the palette, types the title of a command, and chooses it with Enter."""
    app = pilot.app
    await press(pilot, "ctrl+p")
    await until(lambda: isinstance(app.screen, CommandPalette))
    await until(lambda: app.screen.has_class("-ready"))
    await until(lambda: app.screen.query_one(CommandList).region)
    rows = app.screen.query_one(CommandList)
    await press(pilot, *title[:24])

    def is_highlighted() -> bool:
        option = rows.highlighted_option
        return option is not None and str(option.prompt).startswith(f"{title} ")

    await until(is_highlighted)
    await press(pilot, "enter")
    await until(lambda: not isinstance(app.screen, CommandPalette))


async def test_the_palette_offers_what_can_be_done_here_and_does_it(tmp_path: Path) -> None:
    async with desk(tmp_path, {"a": scripted_model(), "b": scripted_model()}) as it:
        offered = {each.title: each.keys for each in commands(it.app, it.app.screen)}
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
        await choose_in_palette(it.pilot, "Use model b")
        await until(lambda: it.app.active_name == "b")
        await choose_in_palette(it.pilot, "Show your models")
        await until(lambda: it.app.current_mode == "models")
        await choose_in_palette(it.pilot, "Import an exported model")
        await until(lambda: isinstance(it.app.screen, AskPath) and it.app.focused)


@pytest.mark.parametrize("wanted", ["light", "dark"])
async def test_a_light_theme_is_light_in_any_terminal(wanted: str, tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.app.theme = "dracula"
        show_themes(it.app)
        await until(lambda: it.app.screen.query(CommandList) and it.has("nord"))
        rows = it.app.screen.query_one(CommandList)
        own = [str(rows.get_option_at_index(place).prompt).strip() for place in range(2)]
        assert own == ["rnnlm-dark", "rnnlm-light"]
        await it.press(*wanted)
        await until(lambda: wanted in str(rows.get_option_at_index(0).prompt))
        await it.press("enter")
        await until(lambda: it.app.theme != "dracula")
        theme = it.app.current_theme
        assert (theme.ansi, theme.dark) == (False, wanted == "dark")


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_a_palette_that_is_closed_twice_in_a_moment_closes_once(
    key: str, tmp_path: Path
) -> None:
    async with desk(tmp_path) as it:
        show_themes(it.app)
        await until(lambda: it.app.screen.query(CommandList) and it.has("nord"))
        palette = it.app.screen
        post_keys(it.app, key, key)
        await until(lambda: palette not in it.app.screen_stack)
        await it.pilot.pause()  # until all keys are handled
        assert it.app.screen_stack == [it.app.autocomplete]


async def test_the_palette_tells_where_it_has_written_or_why_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, folder = scripted_app(tmp_path), tmp_path / "not" / "there"
    (tmp_path / "file").write_text("")
    async with running(app) as pilot:
        for title, says in (
            ("Save a picture", f"saved {folder}"),
            ("Save a picture", "not a directory"),
            ("Change keys", "edit "),
            ("Change keys", "already exists"),
        ):
            monkeypatch.setattr(platformdirs, "user_downloads_path", partial(Path, folder))
            await choose_in_palette(pilot, title)
            await told(app, says)
            folder = tmp_path / "file" / "x"
    assert "<svg" in next((tmp_path / "not" / "there").iterdir()).read_text()
