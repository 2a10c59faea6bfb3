"""The user's own keys: the file itself, and in the app."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rnnlm_tui.paths import PACKAGE
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.keymap import all_bindings, load_keymap, write_keymap
from rnnlm_tui.tui.widgets.base_screen import Header
from tests.helpers.app import (
    has_row,
    picture,
    press,
    running,
    scripted_app,
    sees,
    toasts,
    told,
    until,
    write,
)

KEY_IN_A_SENTENCE = re.compile(r"\bF\d+\b|\b(ctrl|alt)\+\S+ \w|\w (ctrl|alt)\+|\bEsc\b \w")


def test_a_wrong_entry_leaves_its_default_and_the_other_entries_in_force(tmp_path: Path) -> None:
    (tmp_path / "keymap.toml").write_text(
        '"line.send" = "ctrl+s, f9"\n"line.hide" = 5\n"line.sned" = "enter"\n'
        '"line.undo" = "banana+q"\n"line.redo" = "Tab"\n[app]\nkeys = "f10"\n'
    )
    keys, warning = load_keymap(tmp_path)
    assert keys == {"line.send": "ctrl+s,f9", "line.hide": "5"}
    assert warning == (
        "keymap.toml: no such action, or no key that terminals send; the default stays:"
        ' "line.sned" = "enter",'
        ' "line.undo" = "banana+q", "line.redo" = "Tab", "app" = "{\'keys\': \'f10\'}"'
    )


def test_the_keymap_that_is_written_changes_nothing_until_it_is_edited(tmp_path: Path) -> None:
    ids = all_bindings().keys()
    path = write_keymap(tmp_path / "config")
    assert load_keymap(path.parent) == ({}, "")
    lines = [line.removeprefix("# ") for line in path.read_text().splitlines() if " = " in line]
    path.write_text("\n".join(lines))
    everything, warning = load_keymap(path.parent)
    assert not warning
    assert everything.keys() == ids
    assert everything["line.accept_word"] == "tab"


def give_keys(tmp_path: Path, text: str) -> RnnlmApp:
    """The app with this keymap."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "keymap.toml").write_text(text)
    return scripted_app(tmp_path)


async def test_a_keymap_with_a_fault_is_reported_once_and_stops_nothing(tmp_path: Path) -> None:
    app = give_keys(tmp_path, "nonsense")
    async with running(app) as pilot:
        await told(app, "not valid TOML")
        assert len(toasts(app)) == 1
        await write(pilot, *"shall ")
        assert app.autocomplete.editor.line == "shall "


def test_no_sentence_names_a_key_that_users_can_change() -> None:
    """`shown_key` names it. F1 has a row for five keys if they are the default ones."""
    for path in (PACKAGE / "tui").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_shown = id(node) not in docs and node.value != "alt+1 to alt+5"
                names = is_shown and KEY_IN_A_SENTENCE.search(node.value)
                assert not names, f"{path}:{node.lineno}: {node.value}"


async def test_the_users_keys_work_and_are_shown(tmp_path: Path) -> None:
    """One that terminals do not send leaves the default."""
    app = give_keys(
        tmp_path,
        '"app.train" = "super+t"\n"app.models" = "ctrl+@"\n"dialog.cancel" = "hyper+alt+t"\n'
        '"app.keys" = "super+k,f11"\n"line.accept_word" = "ctrl+n"\n'
        '"line.suggest_now" = "f12"\n"line.accept_second" = "f9"\n"line.take_1" = "f8"',
    )
    async with running(app, size=(120, 150)) as pilot:
        await told(app, '"app.train" = "super+t", "dialog.cancel" = "hyper+alt+t"')
        assert len(toasts(app)) == 1
        await write(pilot, *"shall ")
        await write(pilot, "ctrl+n")
        assert app.autocomplete.editor.line == "shall i "
        await sees(app, "compare thee to   do F9")
        await press(pilot, "escape")
        await sees(app, "F12 suggests now")
        assert has_row(app, " ctrl+n ", "takes a word: forward") and has_row(app, " F11 all keys")
        tabs = app.screen.query_one(Header).render().plain
        assert "Train F3" in tabs and "Models ctrl+space" in tabs
        await press(pilot, "f11")
        await sees(app, " F11 ", "Show all keys")
        await sees(app, " F8 ", "Accept word 1 of the list")
        await sees(app, " alt+2 ", "Accept word 2 of the list")
        await press(pilot, "f1")
        await until(lambda: not app.screen.is_modal)
        await press(pilot, "ctrl+o")  # a dialog
        await until(lambda: "Esc cancel" in picture(app))
        await press(pilot, "escape")
        await until(lambda: not app.screen.is_modal)
        await press(pilot, "ctrl+@")
        await until(lambda: app.current_mode == "models")
