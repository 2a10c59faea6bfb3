"""The app's key bindings, used by F1, the command palette and the keymap file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast, get_args

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from rnnlm_tui.tui.models.card import ModelCardScreen
from rnnlm_tui.tui.models.screen import ModelsScreen
from rnnlm_tui.tui.train.run_pane import RunPane
from rnnlm_tui.tui.train.screen import TrainScreen
from rnnlm_tui.tui.widgets.dialogs import Choice, Confirm, Dialog
from rnnlm_tui.tui.widgets.host import Mode
from rnnlm_tui.tui.widgets.inputs import PathInput
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.transcript_view import TranscriptView

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

KEYS_WIDTH = 19


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
                    keys = ", ".join(cast("Host", self.app).shown_keys(binding))
                    table.add_row(Text(keys), Text(binding.tooltip))
                yield Static(table)
