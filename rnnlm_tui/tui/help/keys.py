"""The list of the keys that work on a screen, and the actions that they do there, which the palette
lists, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from rnnlm_tui.suggesting.accepting import DIGITS
from rnnlm_tui.tui.widgets.dialogs import Dialog
from rnnlm_tui.tui.widgets.terminal import is_sent

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

TAKE = [f"line.take_{digit}" for digit in DIGITS]
"""The ids of the keys that take a word of the list."""
GROUPS = {
    "Write": ("line.send", "line.new_line", "line.undo", "line.redo", "autocomplete.continue",
              "autocomplete.toggle_ghost", "autocomplete.digits", "autocomplete.update_model",
              "autocomplete.use_language"),
    "Take": ("line.accept_word", "line.accept_second", *TAKE, "line.accept_all",
             "line.accept_all_end", "line.choose_next", "line.choose_previous",
             "line.never_suggest", "line.hide", "line.suggest_now"),
    "Texts": ("autocomplete.texts", "autocomplete.new_text", "autocomplete.save"),
    "Page": ("autocomplete.find", "autocomplete.page_up", "autocomplete.page_down",
             "autocomplete.move_pane"),
    "Screens": ("app.autocomplete", "app.train", "app.models", "app.inside", "app.keys",
                "app.commands", "app.suspend", "app.quit"),
}  # fmt: skip
"""The groups of the list of keys, each with the ids of its bindings."""

ROWS_AROUND = 7
"""The rows of a window beside those of the list: the border of the box, the title, the row of keys,
the rows between them, and one outside."""


class Action(NamedTuple):
    """An action that keys do now on the widget or screen `node`. `keys` are as they are shown."""

    node: DOMNode
    binding: Binding
    enabled: bool
    keys: list[str]


def actions_on(app: RnnlmApp, screen: Screen[object]) -> list[Action]:
    """Returns the actions that keys do on a screen: the focused widget's first, the app's last. The
    bindings of Textual, which have no id, are left out."""
    found = dict[str, Action]()
    for node, binding, enabled, _ in screen.active_bindings.values():  # of each key
        if binding.id:
            action = found.setdefault(binding.id, Action(node, binding, enabled, []))
            if is_sent(binding.key):  # its `key_display` may name two keys, for the key bar
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
        & > .dialog-box { width: 92%; max-width: 92; }
        #keys { height: auto; margin-top: 1; scrollbar-size-vertical: 1; }
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
            rows[str(action.binding.id)] = ", ".join(action.keys), action.binding.tooltip
        if [rows.get(id_, ("",))[0] for id_ in TAKE] == [f"alt+{digit}" for digit in DIGITS]:
            first, *more = TAKE  # one row stands for the five keys
            rows[first] = "alt+1 to alt+5", rows[first][1].replace("1", "1 to 5")
            for id_ in more:
                del rows[id_]
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

    def on_resize(self) -> None:
        self.query_one("#keys").styles.max_height = self.size.height - ROWS_AROUND
