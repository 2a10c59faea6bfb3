"""F1: all keys, read from the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.tui.help.bindings import own_bindings, sections

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

KEYS_WIDTH = 18


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
        Static { height: auto; margin-bottom: 1; }
    }
    """

    def compose(self) -> ComposeResult:
        """A table for each screen and widget."""
        box = VerticalScroll(id="keys")
        box.border_title = "All keys"
        box.border_subtitle = "↑ ↓ scroll · Esc closes"
        with box:
            for title, kind in sections(type(self.app)):
                yield Static(self._table(title, own_bindings(kind)))

    def _table(self, title: str, bindings: list[Binding]) -> Table:
        """The title, and a row for each binding: its keys and what it does."""
        table = Table(box=None, show_header=False, pad_edge=False, title=title)
        table.title_justify, table.title_style = "left", "bold"
        table.add_column(width=KEYS_WIDTH, style="bold")
        table.add_column()
        for binding in bindings:
            keys = ", ".join(cast("Host", self.app).shown_keys(binding))
            table.add_row(Text(keys), Text(binding.tooltip))
        return table

    def on_mount(self) -> None:
        """Lets the arrow keys scroll."""
        self.query_one("#keys").focus()
