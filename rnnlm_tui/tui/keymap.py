"""The keys of the app, each a `Binding` with an id beside the code of its action, and keymap.toml,
in which users give the actions other keys."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from rnnlm_tui.config import read_toml
from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.widgets.terminal import TerminalApp, is_sent

KEYMAP = "keymap.toml"
"""The name of the file in the config folder."""
SCREEN_MODULES = ("writing.texts_dialog", "train.screen", "models.screen", "inside.screen")
"""These modules import all classes that have key bindings."""
MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
TEXTUAL_KEYS = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())
"""The names that Textual gives to keys."""


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """Returns the bindings with an id that a class itself declares."""
    declared = vars(kind).get("BINDINGS", ())
    return [b for b in declared if isinstance(b, Binding) and b.id is not None]


def all_bindings() -> dict[str, Binding]:
    """Returns every binding of the app by its id."""
    for name in SCREEN_MODULES:
        import_module(f"rnnlm_tui.tui.{name}")
    found = dict[str, Binding]()
    kinds = [DOMNode]
    for kind in kinds:  # the list grows by the subclasses of each class in it
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("rnnlm_tui."):
            found |= {str(binding.id): binding for binding in own_bindings(kind)}
    return found


def use_keymap(app: TerminalApp, folder: Path) -> None:
    """Gives the app the user's own keys. Shows what is wrong with the file."""
    with app.showing_errors():
        app.user_keys, warning = load_keymap(folder)
        if warning:
            app.notify_user(warning, "warning")
        app.set_keymap({**app.user_keys})
        app.screen.refresh_bindings()  # Textual does not while the app is being mounted


def load_keymap(folder: Path) -> tuple[dict[str, str], str]:
    """Returns the user's own keys by the id of their binding, and a warning of entries that cannot
    be used, or "". Of several keys of an action, those that terminals send come first. Raises
    UsageError if the file cannot be read."""
    ids = all_bindings()
    keymap, unusable = dict[str, str](), list[str]()
    for name, value in read_toml(folder / KEYMAP).items():
        keys = str(value).replace(" ", "").split(",")
        if "ctrl+@" in keys or "ctrl+space" in keys:  # one key, whose name depends on the terminal
            keys += [key for key in ("ctrl+@", "ctrl+space") if key not in keys]
        if name in ids and all(map(is_key, keys)) and any(map(is_sent, keys)):
            keys.sort(key=is_sent, reverse=True)
            keymap[name] = ",".join(keys)
        else:
            unusable.append(f'"{name}" = "{value}"')
    wrong = f"{KEYMAP}: no such action, or no key that terminals send; the default stays"
    return keymap, shorten(f"{wrong}: {', '.join(unusable)}", 300) if unusable else ""


def is_key(key: str) -> bool:
    """Returns whether this is the name of a key, such as "ctrl+n", "f7", "question_mark" or "x".
    Textual has no names with capitals, such as "Tab"."""
    *modifiers, last = key.split("+")
    is_named = last in TEXTUAL_KEYS or (last.islower() and key_to_character(last) is not None)
    return set(modifiers) <= MODIFIERS and (len(last) == 1 or is_named)


def write_keymap(folder: Path) -> Path:
    """Writes a keymap for the user to edit, with all bindings commented out. Returns its path.

    Raises RnnlmError if the file already exists, StorageError if it cannot be written.
    """
    path = folder / KEYMAP
    text = [
        "# Your own keys: remove the # and change what is in quotes, then restart the app.\n"
        '# Several keys for one action: "tab,ctrl+right".\n'
    ]
    for id_, binding in all_bindings().items():
        text.append(f'\n# {binding.tooltip}\n# "{id_}" = "{binding.key}"\n')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(text)
    except OSError as error:
        if path.exists():
            raise RnnlmError(f"{path} already exists", "edit it, then restart the app") from error
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error
    return path
