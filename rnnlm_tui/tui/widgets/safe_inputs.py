"""The fields that are typed into. Whatever is pasted or put into them, nothing in them can steer
the terminal: tmux, for one, hands on the control characters of a paste."""

from __future__ import annotations

from textual.document._edit import Edit
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input, TextArea
from textual.widgets.text_area import EditResult

from rnnlm_tui.formatting import sanitize


class SafeInput(Input):
    """A line. Each control character in its value becomes one U+FFFD.

    Its CSS must fix its size: as its text grows it is painted again, and nothing else is. An input
    of Textual's lays out the whole screen anew at each key, which takes 5 ms on a form.
    """

    virtual_size = Reactive(Size(0, 0))

    def validate_value(self, value: str) -> str:
        """The value as it may be shown, however it was given."""
        return sanitize(value)


class SafeTextArea(TextArea):
    """Lines of text. Each control character becomes one U+FFFD, each end of a line a newline, and
    each tab stays."""

    def edit(self, edit: Edit) -> EditResult:
        """Puts in what is typed, pasted or inserted."""
        edit.text = printable_lines(edit.text)
        return super().edit(edit)

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(printable_lines(text), language)


def printable_lines(text: str) -> str:
    """`text` with its tabs and the ends of its lines, and every other control character visible."""
    # The ends are those that a TextArea knows. The letter makes the last line one that has no end.
    lines = f"{text}.".splitlines()
    shown = "\n".join("\t".join(map(sanitize, line.split("\t"))) for line in lines)
    return shown[:-1]
