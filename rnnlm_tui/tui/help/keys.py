"""The app's key bindings, used by F1, the command palette and keymap.toml, which maps their ids to
the user's own keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, cast, get_args

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.config import read_toml
from rnnlm_tui.errors import RnnlmError, StorageError, os_reason
from rnnlm_tui.formatting import shorten
from rnnlm_tui.tui.inside.picture import Picture
from rnnlm_tui.tui.inside.screen import InsideScreen
from rnnlm_tui.tui.models.card import ModelCardScreen
from rnnlm_tui.tui.models.screen import ModelsScreen
from rnnlm_tui.tui.train.run_pane import RunPane
from rnnlm_tui.tui.train.screen import TrainScreen
from rnnlm_tui.tui.widgets.dialogs import AskText, Choice, Confirm, Dialog, keys_line, own_bindings
from rnnlm_tui.tui.widgets.host import Host, Mode
from rnnlm_tui.tui.widgets.inputs import PathInput
from rnnlm_tui.tui.widgets.terminal import TerminalApp, is_sent
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.finding import FindLine
from rnnlm_tui.tui.writing.page import Page
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.texts_dialog import TextsDialog

KEYMAP = "keymap.toml"
KEYS_WIDTH = 19
MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
KEY_NAMES = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def sections(app: type[DOMNode]) -> dict[str, type[DOMNode]]:
    """Returns the classes with key bindings by title. `app` is the class of the app."""
    return {
        "Everywhere": app,
        "Autocomplete: the line": LineEditor,
        "Autocomplete": AutocompleteScreen,
        "Autocomplete: the page": Page,
        "Autocomplete: finding": FindLine,
        "Your texts": TextsDialog,
        "Train": TrainScreen,
        "Train: a run": RunPane,
        "Models": ModelsScreen,
        "A model's card": ModelCardScreen,
        "Inside": InsideScreen,
        "Inside: the cells": Picture,
        "The path of a file": PathInput,
        "Every dialog": Dialog,
        "A yes or no": Confirm,
        "One of several": Choice,
        "A line of text": AskText,
        "All keys": KeysScreen,
    }


def all_bindings(app: type[DOMNode]) -> Iterator[tuple[str, Binding]]:
    """Yields every binding with the title of its section."""
    for title, kind in sections(app).items():
        for binding in own_bindings(kind):
            yield title, binding


def screen_bindings(app: type[DOMNode]) -> Iterator[tuple[Mode, type[DOMNode], Binding]]:
    """Yields the bindings of the four screens, and of the run on the Train screen."""
    kinds = sections(app)
    parts: list[tuple[Mode, str]] = [(mode, mode.capitalize()) for mode in get_args(Mode)]
    for mode, title in (*parts, ("train", "Train: a run")):
        for binding in own_bindings(kinds[title]):
            yield mode, kinds[title], binding


class KeysScreen(ModalScreen[None]):
    """The list of all keys, first those of the current screen. Esc or F1 closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss", "Close", id="keys.close",
                tooltip="Close the list of keys"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    KeysScreen {
        align: center middle;
        #keys {
            width: 90%; max-width: 92; height: 90%;
            border: round $primary; border-subtitle-color: $text-muted;
            background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        }
        Static { height: auto; margin: 0 1 1 0; }
        .dialog-title { text-style: bold; }
    }
    """
    AUTO_FOCUS = "#keys"  # so that the arrow keys scroll it

    def compose(self) -> ComposeResult:
        box = VerticalScroll(id="keys")
        box.border_subtitle = Content("↑ ↓ scroll · ") + keys_line(self)
        with box:
            yield Static("All keys", classes="dialog-title")
            of_screen = cast(Host, self.app).current_mode.capitalize()
            known = sections(type(self.app)).items()
            for title, kind in sorted(known, key=lambda each: not each[0].startswith(of_screen)):
                table = Table(box=None, show_header=False, pad_edge=False, title=title)
                table.title_justify, table.title_style = "left", "bold"
                table.add_column(width=KEYS_WIDTH, style="bold")
                for binding in own_bindings(kind):
                    keys = ", ".join(cast(Host, self.app).shown_keys(binding))
                    table.add_row(Text(keys), Text(binding.tooltip))
                yield Static(table)


# The user's own keys


def use_keymap(app: TerminalApp, folder: Path) -> None:
    """Applies the user's keys to the app. Shows what is wrong with the file."""
    with app.showing_errors():
        app.user_keys, warning = load_keymap(folder, type(app))
        if warning:
            app.notify_user(warning, "warning")
        app.set_keymap({**app.user_keys})
        app.screen.refresh_bindings()  # which Textual leaves out while the app is being mounted


def load_keymap(folder: Path, app: type[DOMNode]) -> tuple[dict[str, str], str]:
    """Returns the user's keys by the id of their binding, and a sentence on the entries that cannot
    be used; "" if there is none.

    `app` is the class of the app. Raises UsageError if the file cannot be read.
    """
    ids = {binding.id for _, binding in all_bindings(app)}
    keymap, unusable = dict[str, str](), list[str]()
    for name, value in read_toml(folder / KEYMAP).items():
        keys = str(value).replace(" ", "").split(",")
        if "ctrl+@" in keys or "ctrl+space" in keys:  # which is sent depends on the terminal
            keys += [key for key in ("ctrl+@", "ctrl+space") if key not in keys]
        if name in ids and all(map(is_key, keys)) and any(map(is_sent, keys)):
            keys.sort(key=is_sent, reverse=True)  # the first one is shown
            keymap[name] = ",".join(keys)
        else:
            unusable.append(f'"{name}" = "{value}"')
    wrong = f"{KEYMAP}: no such action or key, so the default stays: {', '.join(unusable)}"
    return keymap, shorten(wrong, 300) if unusable else ""


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
    path = folder / KEYMAP
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
