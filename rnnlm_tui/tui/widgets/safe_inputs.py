"""Input fields whose text cannot steer the terminal, whatever is pasted into them: tmux, for one,
passes on the control characters of a paste."""

from __future__ import annotations

from textual.document._edit import Edit
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input, TextArea
from textual.widgets.text_area import EditResult

from rnnlm_tui.formatting import sanitize


class SafeInput(Input):
    """A line of text. Each control character in its value becomes U+FFFD.

    Its CSS must fix its size, because a change of its text repaints it alone. Textual's input lays
    out the whole screen again at each key, which takes 5 ms on a form.
    """

    virtual_size = Reactive(Size(0, 0))

    def validate_value(self, value: str) -> str:
        return sanitize(value)


class SafeTextArea(TextArea):
    """Lines of text. Tabs stay; any other control character becomes U+FFFD, and each end of a line
    a newline."""

    def edit(self, edit: Edit) -> EditResult:
        edit.text = sanitize_lines(edit.text)
        return super().edit(edit)

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(sanitize_lines(text), language)


def sanitize_lines(text: str) -> str:
    """`text` with its tabs, newlines for ends of lines, and U+FFFD for other control characters."""
    # The letter makes sure that the last line has no end.
    lines = f"{text}.".splitlines()
    shown = "\n".join("\t".join(map(sanitize, line.split("\t"))) for line in lines)
    return shown[:-1]
