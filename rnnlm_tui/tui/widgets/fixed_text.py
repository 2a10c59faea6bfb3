"""A text in a place whose size does not depend on it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class FixedText(Static):
    """Painted again where its text changes, and nothing else: a Static of Textual's lays out the
    whole screen anew each time, which takes 3 ms of a key press. Its CSS must fix its size."""

    def __init__(self, id: str, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)

    def show(self, text: str | Content) -> None:
        """Shows this text."""
        if text != self.content:
            self.update(text, layout=False)
