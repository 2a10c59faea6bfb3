"""F1: all keys, written from the bindings themselves."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.tui.keys import own_bindings, sections


class KeysScreen(ModalScreen[None]):
    """A list to scroll; Esc or F1 closes it."""

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
            background: $surface; padding: 0 1;
        }
        Static { height: auto; }
        .row { height: auto; }
        .keys { width: 18; color: $text-accent; text-style: bold; }
        .section { color: $text-accent; text-style: bold; margin-top: 1; }
    }
    """

    def compose(self) -> ComposeResult:
        """A title for each screen and widget, and below it its keys."""
        box = VerticalScroll(id="keys")
        box.border_title = "All keys"
        box.border_subtitle = "↑ ↓ scroll · esc closes"
        with box:
            for title, kind in sections():
                yield Static(title, classes="section", markup=False)
                for binding in own_bindings(kind):
                    with Horizontal(classes="row"):
                        yield Static(self._keys(binding), classes="keys", markup=False)
                        yield Static(binding.tooltip, markup=False)

    def on_mount(self) -> None:
        """Lets the arrow keys scroll."""
        self.query_one("#keys").focus()

    def _keys(self, binding: Binding) -> str:
        keys = self.app._keymap.get(binding.id or "", binding.key)
        shown = [
            self.app.get_key_display(Binding(key, binding.action, key_display=None))
            for key in keys.split(",")
            if not key.startswith("super+")
        ]
        # ctrl+@ is how a terminal sends ctrl+space.
        return ", ".join(key for key in dict.fromkeys(shown) if key != "^@")
