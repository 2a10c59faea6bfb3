"""Input fields without control characters, which could control the terminal. Some terminals, such
as tmux, pass on the control characters of a paste."""

from __future__ import annotations

from textual.document._edit import Edit
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input, TextArea
from textual.widgets.text_area import EditResult

from rnnlm_tui.formatting import sanitize


class SafeInput(Input):
    """A line of text. Control characters become U+FFFD.

    Its CSS must fix its size: a change of its text repaints only the input. Textual's Input lays
    out the whole screen again at each key, which takes 5 ms on a form.
    """

    virtual_size = Reactive(Size(0, 0))

    def validate_value(self, value: str) -> str:
        return sanitize(value)


class SafeTextArea(TextArea):
    """Lines of text. Line ends become newlines; control characters other than tabs become
    U+FFFD."""

    def edit(self, edit: Edit) -> EditResult:
        edit.text = sanitize_lines(edit.text)
        return super().edit(edit)

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(sanitize_lines(text), language)


def sanitize_lines(text: str) -> str:
    """Returns `text` with newlines for all line ends, and U+FFFD for control characters other than
    tabs."""
    # The dot makes sure that the last line has no end.
    lines = f"{text}.".splitlines()
    shown = "\n".join("\t".join(map(sanitize, line.split("\t"))) for line in lines)
    return shown[:-1]
