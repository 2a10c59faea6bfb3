"""Reads and writes keymap.toml, which maps the ids of bindings to the user's own keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from rnnlm_tui.errors import RnnlmError, StorageError, UsageError, os_reason
from rnnlm_tui.tui.help.keys import all_bindings
from rnnlm_tui.tui.widgets.terminal import TerminalApp

MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
KEY_NAMES = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def use_keymap(app: TerminalApp, folder: Path) -> list[str]:
    """Applies the user's keys to the app and returns them. Shows what is wrong with the file."""
    keymap: dict[str, str] = {}
    with app.showing_errors():
        keymap, faults = load_keymap(folder, type(app))
        for fault in faults:
            app.notify_user(fault, "warning")
        app.set_keymap(keymap)
    return [key for keys in keymap.values() for key in keys.split(",")]


def load_keymap(folder: Path, app: type[DOMNode]) -> tuple[dict[str, str], list[str]]:
    """Returns the user's keys by the id of their binding, and what is wrong with other entries.

    `app` is the class of the app. Raises UsageError if the file cannot be read.
    """
    path = folder / "keymap.toml"
    try:
        data = _flat(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    known = {binding.id for _, binding in all_bindings(app)}
    keymap, faults = dict[str, str](), list[str]()
    for name, value in data.items():
        if name not in known:
            faults.append(f"keymap: there is no action {name}")
        elif not isinstance(value, str):
            faults.append(f'keymap: {name} must be text in quotes, such as "ctrl+n"')
        elif not all(map(is_key, value.replace(" ", "").split(","))):
            faults.append(f"keymap: no keyboard has the key {value} of {name}")
        else:
            keymap[name] = value.replace(" ", "")
    return keymap, faults


def _flat(data: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Joins nested names with dots: `[line] send = "enter"` becomes `line.send`, the same as a
    quoted key."""
    flat: dict[str, object] = {}
    for name, value in data.items():
        full = f"{prefix}{name}"
        flat |= _flat(value, f"{full}.") if isinstance(value, dict) else {full: value}
    return flat


def is_key(key: str) -> bool:
    """Returns whether this is a key, such as "ctrl+n", "f7", "question_mark" or "x"."""
    *modifiers, last = key.split("+")
    is_known = last in KEY_NAMES or key_to_character(last) is not None
    return set(modifiers) <= MODIFIERS and is_known


def write_keymap(folder: Path, app: type[DOMNode]) -> Path:
    """Writes a keymap file with all bindings commented out, for the user to edit.

    Raises RnnlmError if it already exists, StorageError if it cannot be written.
    """
    path = folder / "keymap.toml"
    text = [
        "# Your own keys: remove the # and change what is in quotes, then restart the app.\n"
        '# Several keys for one action: "tab,ctrl+right".\n'
    ]
    for title, binding in all_bindings(app):
        text.append(f'\n# {title}: {binding.tooltip}\n# "{binding.id}" = "{binding.key}"\n')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(text)
    except OSError as error:
        if path.exists():
            raise RnnlmError(f"{path} already exists", "edit it, then restart the app") from error
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error
    return path
