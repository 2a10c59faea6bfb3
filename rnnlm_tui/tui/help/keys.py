"""The app's key bindings, used by F1, the command palette and keymap.toml, which maps their ids to
the user's own keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, cast, get_args

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.config import read_toml
from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.tui.models.card import ModelCardScreen
from rnnlm_tui.tui.models.screen import ModelsScreen
from rnnlm_tui.tui.train.run_pane import RunPane
from rnnlm_tui.tui.train.screen import TrainScreen
from rnnlm_tui.tui.widgets.dialogs import Choice, Confirm, Dialog
from rnnlm_tui.tui.widgets.host import Host, Mode
from rnnlm_tui.tui.widgets.inputs import PathInput
from rnnlm_tui.tui.widgets.terminal import TerminalApp
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.transcript_view import TranscriptView

KEYS_WIDTH = 19
MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
KEY_NAMES = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """Returns the bindings with an id that a class itself declares."""
    return [b for b in kind.BINDINGS if isinstance(b, Binding) and b.id is not None]


def sections(app: type[DOMNode]) -> dict[str, type[DOMNode]]:
    """Returns the classes with key bindings by title. `app` is the class of the app."""
    return {
        "Everywhere": app,
        "Autocomplete: the line": LineEditor,
        "Autocomplete": AutocompleteScreen,
        "Autocomplete: the transcript": TranscriptView,
        "Train": TrainScreen,
        "Train: a run": RunPane,
        "Models": ModelsScreen,
        "A model's card": ModelCardScreen,
        "The path of a file": PathInput,
        "Every dialog": Dialog,
        "A yes or no": Confirm,
        "One of several": Choice,
        "All keys": KeysScreen,
    }


def all_bindings(app: type[DOMNode]) -> Iterator[tuple[str, Binding]]:
    """Yields every binding with the title of its section."""
    for title, kind in sections(app).items():
        for binding in own_bindings(kind):
            yield title, binding


def screen_bindings(app: type[DOMNode]) -> Iterator[tuple[Mode, type[DOMNode], Binding]]:
    """Yields the bindings of the three screens, and of the run on the Train screen."""
    kinds = sections(app)
    parts: list[tuple[Mode, str]] = [(mode, mode.capitalize()) for mode in get_args(Mode)]
    for mode, title in (*parts, ("train", "Train: a run")):
        for binding in own_bindings(kinds[title]):
            yield mode, kinds[title], binding


class KeysScreen(ModalScreen[None]):
    """The list of all keys. Esc or F1 closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss", "Close", id="keys.close", show=False,
                tooltip="Close the list of keys"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    KeysScreen {
        align: center middle;
        #keys {
            width: 90%; max-width: 92; height: 90%;
            border: round $border; border-title-color: $text-primary;
            background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        }
        Static { height: auto; margin: 0 1 1 0; }
    }
    """
    AUTO_FOCUS = "#keys"  # so that the arrow keys scroll it

    def compose(self) -> ComposeResult:
        box = VerticalScroll(id="keys")
        box.border_title = "All keys"
        box.border_subtitle = "↑ ↓ scroll · Esc closes"
        with box:
            for title, kind in sections(type(self.app)).items():
                table = Table(box=None, show_header=False, pad_edge=False, title=title)
                table.title_justify, table.title_style = "left", "bold"
                table.add_column(width=KEYS_WIDTH, style="bold")
                for binding in own_bindings(kind):
                    keys = ", ".join(cast(Host, self.app).shown_keys(binding))
                    table.add_row(Text(keys), Text(binding.tooltip))
                yield Static(table)


# The user's own keys


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
    if not os.path.lexists(path):
        return {}, []
    data = _flat(read_toml(path))
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


def _flat(data: Mapping[str, object]) -> dict[str, object]:
    """Joins nested names with dots: `[line] send = "enter"` becomes `line.send`, the same as a
    quoted key. Without recursion, since tables may be nested a thousand deep."""
    flat, tables = dict[str, object](), [("", data)]
    while tables:
        prefix, table = tables.pop()
        for name, value in table.items():
            if isinstance(value, dict):
                tables.append((f"{prefix}{name}.", value))
            else:
                flat[f"{prefix}{name}"] = value
    return flat


def is_key(key: str) -> bool:
    """Returns whether this is a key, such as "ctrl+n", "f7", "question_mark" or "x". Textual writes
    names in small letters: no keyboard has the key "Tab"."""
    *modifiers, last = key.split("+")
    is_named = last in KEY_NAMES or (last.islower() and key_to_character(last) is not None)
    return set(modifiers) <= MODIFIERS and (len(last) == 1 or is_named)


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
