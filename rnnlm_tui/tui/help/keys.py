"""The key bindings of the app, for F1, for the palette, and for keymap.toml, in which users give
actions keys of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.screen import Screen
from textual.widgets import Static

from rnnlm_tui.config import read_toml
from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.widgets.dialogs import Dialog
from rnnlm_tui.tui.widgets.terminal import TerminalApp, is_sent

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

KEYMAP = "keymap.toml"
"""The name of the file in the config folder."""
SCREEN_MODULES = ("writing.texts_dialog", "train.screen", "models.screen", "inside.screen")
"""These modules import all classes that have key bindings."""
GROUPS = {
    "Write": ("line.send", "line.new_line", "line.undo", "line.redo", "autocomplete.continue",
              "autocomplete.toggle_ghost", "autocomplete.digits", "autocomplete.update_model",
              "autocomplete.use_language"),
    "Take": ("line.accept_word", "line.accept_second", "line.take_1", "line.accept_all",
             "line.accept_all_end", "line.choose_next", "line.choose_previous",
             "line.never_suggest", "line.hide", "line.suggest_now"),
    "Texts": ("autocomplete.texts", "autocomplete.new_text", "autocomplete.save"),
    "Page": ("autocomplete.find", "autocomplete.page_up", "autocomplete.page_down",
             "autocomplete.move_pane"),
    "Screens": ("app.autocomplete", "app.train", "app.models", "app.inside", "app.keys",
                "app.commands", "app.suspend", "app.quit"),
}  # fmt: skip
"""The groups of the list of keys, each with the ids of its bindings."""
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
    for kind in kinds:  # the list grows
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("rnnlm_tui."):
            found |= {str(binding.id): binding for binding in own_bindings(kind)}
    return found


class Action(NamedTuple):
    """An action that keys do now on the widget or screen `node`. `keys` are as they are shown."""

    node: DOMNode
    binding: Binding
    enabled: bool
    keys: list[str]


def actions_on(app: RnnlmApp, screen: Screen[object]) -> list[Action]:
    """Returns the actions that keys do on a screen, those of the focused widget first and those of
    the app last. Leaves out the bindings of Textual, which have no id."""
    found = dict[str, Action]()
    for node, binding, enabled, _ in screen.active_bindings.values():  # one for each key
        if binding.id:
            action = found.setdefault(binding.id, Action(node, binding, enabled, []))
            if is_sent(binding.key):
                action.keys.append(app.get_key_display(replace(binding, key_display=None)))
    return list(found.values())


class KeysScreen(Dialog[None]):
    """Lists the keys that work on a screen, in groups."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "cancel", "close", id="keys.close",
                tooltip="Close the list of keys"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    KeysScreen {
        & > .dialog-box { width: 92%; max-width: 92; max-height: 96%; }
        #keys { height: auto; max-height: 74vh; margin-top: 1; scrollbar-size-vertical: 1; }
        #keys Vertical { height: auto; padding-right: 2; }
        #keys Static { margin-bottom: 1; border-top: solid $foreground 20%; }
        #keys Static { border-title-color: $ghost; border-title-style: bold; }
        &.-wide > .dialog-box { max-width: 150; }
        &.-wide #keys { layout: horizontal; }
        &.-wide #keys Vertical { width: 1fr; }
    }
    """
    AUTO_FOCUS = "#keys"  # so that the arrow keys scroll it

    def __init__(self, actions: Iterable[Action]) -> None:
        rows = dict[str, tuple[str, str]]()  # by the ids of bindings
        for action in actions:
            keys, tooltip = ", ".join(action.keys), action.binding.tooltip
            if keys == "alt+1":  # its row stands for five
                keys, tooltip = "alt+1 to alt+5", tooltip.replace("1", "1 to 5")
            if keys not in ("alt+2", "alt+3", "alt+4", "alt+5"):
                rows[str(action.binding.id)] = keys, tooltip
        others = [id_ for id_ in rows if not any(id_ in ids for ids in GROUPS.values())]
        width = max(len(keys) for keys, _ in rows.values())
        tables = list[Static]()
        for name, ids in {"Here": others, **GROUPS}.items():
            table = Table(box=None, show_header=False, pad_edge=False)
            table.add_column(width=width, style="bold")
            for id_ in ids:
                if id_ in rows:
                    table.add_row(*map(Text, rows[id_]))
            if table.rows:
                tables.append(Static(table))
                tables[-1].border_title = f" {name} "
        half = len(tables) // 2
        columns = (Vertical(*column) for column in (tables[:half], tables[half:]) if column)
        super().__init__("All keys here", "", VerticalScroll(*columns, id="keys"))


# The user's own keys


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
    be used, or "". Of the keys of an action, the first one is sent by terminals. Raises UsageError
    if the file cannot be read."""
    ids = all_bindings()
    keymap, unusable = dict[str, str](), list[str]()
    for name, value in read_toml(folder / KEYMAP).items():
        keys = str(value).replace(" ", "").split(",")
        if "ctrl+@" in keys or "ctrl+space" in keys:  # one key, with a name of each terminal
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
