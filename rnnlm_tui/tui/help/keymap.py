"""The user's own keys: keymap.toml, by the ids of the bindings."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from rnnlm_tui.errors import RnnlmError, StorageError, UsageError, os_reason

RENAMED_IDS: Mapping[str, str] = {}
"""Ids of earlier versions and what they are called now."""
MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
KEY_NAMES = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def keymap_path(folder: Path) -> Path:
    """The file of the user's own keys, which may not exist."""
    return folder / "keymap.toml"


def load_keymap(folder: Path, known: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """The user's keys by the id of their binding, and what is wrong with the other entries.

    `known` are the ids of all bindings. Raises UsageError if the file cannot be read.
    """
    path = keymap_path(folder)
    try:
        data = _flat(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    keymap, faults = dict[str, str](), list[str]()
    for name, value in data.items():
        id_ = RENAMED_IDS.get(name, name)
        if id_ != name:
            faults.append(f"{name} is now called {id_}")
        if id_ not in known:
            faults.append(f"there is no action {name}")
        elif not isinstance(value, str):
            faults.append(f'{name} must be text in quotes, such as "ctrl+n"')
        elif not all(map(is_key, value.replace(" ", "").split(","))):
            faults.append(f"no keyboard has the key {value} of {name}")
        else:
            keymap[id_] = value.replace(" ", "")
    return keymap, faults


def _flat(data: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Tables as dotted names: `[line] send = "enter"` is `line.send`, and so is a quoted key."""
    flat: dict[str, object] = {}
    for name, value in data.items():
        full = f"{prefix}{name}"
        flat |= _flat(value, f"{full}.") if isinstance(value, dict) else {full: value}
    return flat


def is_key(key: str) -> bool:
    """Whether this names a key, such as "ctrl+n", "f7", "question_mark" or "x"."""
    *modifiers, last = key.split("+")
    if not set(modifiers) <= MODIFIERS:
        return False
    if len(last) == 1 or last in KEY_NAMES:
        return True
    try:
        unicodedata.lookup(last.replace("_", " "))  # how Textual names characters
    except KeyError:
        return False
    return last.islower()


def write_keymap(folder: Path, lines: Iterable[tuple[str, str, str]]) -> Path:
    """Writes a keymap file to edit, of (id, keys, what it does), all commented out.

    Raises RnnlmError if there is one already, StorageError if it cannot be written.
    """
    path = keymap_path(folder)
    text = [
        "# Your own keys: remove the # and change what is in quotes, then restart the app.\n"
        '# Several keys for one action: "tab,ctrl+right".\n'
    ]
    text += [f'\n# {what}\n# "{name}" = "{keys}"\n' for name, keys, what in lines]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(text)
    except OSError as error:
        if path.exists():
            raise RnnlmError(f"{path} exists already", "edit it, then restart the app") from error
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error
    return path
