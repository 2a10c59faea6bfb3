"""The fields of the Train screen's form."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import RadioButton, Static

from rnnlm_tui.paths import current_dir
from rnnlm_tui.tui.widgets.inputs import PathInput, expand_home

PATH_SEPARATOR = ";"
"""Stands between the paths of several files."""


class SourceChoice(RadioButton):
    """A radio button whose glyph, and not only its colour, shows whether it is chosen."""

    def __init__(self, source: str, label: str) -> None:
        super().__init__(Content(label), source == "bundled", id=f"source-{source}", compact=True)

    def render(self) -> Content:
        self.BUTTON_INNER = "●" if self.value else "○"
        return super().render()


class Field(Horizontal):
    """A labelled line of the form, marked if its value is wrong."""

    DEFAULT_CSS = """
    Field {
        height: auto;
        /* A bar at the left marks the row with the focus, also without colours. */
        border-left: blank;
        &:focus-within { border-left: outer $border; }
        &:focus-within .field-label { color: $foreground; text-style: bold; }
        .field-label { width: 12; color: $quiet; }
        &.-wrong .field-label { color: $warn; text-style: bold reverse; }
        .field-hint { width: 1fr; height: auto; color: $quiet; padding-left: 2; }
        Input { width: 1fr; }
        Input:ansi { text-style: underline; }
        Select { width: 1fr; }
        Button { width: auto; }
    }
    """

    def __init__(self, name: str, label: str, control: Widget, hint: str = "") -> None:
        """`name` is also the `field` of an error about the value."""
        super().__init__(id=f"field-{name}")
        self._parts = [Static(label, classes="field-label", markup=False), control]
        if hint:
            self._parts.append(Static(hint, classes="field-hint", markup=False))

    def compose(self) -> ComposeResult:
        yield from self._parts


class FilesInput(PathInput):
    """An input for the paths of several files, which completes the last one."""

    def path_in(self, value: str) -> str:
        return value.rpartition(PATH_SEPARATOR)[2].lstrip()


def paths_in(line: str) -> tuple[str, ...]:
    """Returns the paths in a line, with `~` expanded and without the quotes that a terminal puts
    around a dropped file. They are absolute, so that none looks like an option."""
    parts = (part.strip() for part in line.split(PATH_SEPARATOR))
    return tuple(str(current_dir() / expand_home(_unquoted(part))) for part in parts if part)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
