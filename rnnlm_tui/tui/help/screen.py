"""F1: all keys, written from the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.tui.help.bindings import own_bindings, sections

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host


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
        .what { width: 1fr; }
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
            for title, kind in sections(type(self.app)):
                yield Static(title, classes="section", markup=False)
                for binding in own_bindings(kind):
                    with Horizontal(classes="row"):
                        keys = ", ".join(cast("Host", self.app).shown_keys(binding))
                        yield Static(keys, classes="keys", markup=False)
                        yield Static(binding.tooltip, classes="what", markup=False)

    def on_mount(self) -> None:
        """Lets the arrow keys scroll."""
        self.query_one("#keys").focus()
