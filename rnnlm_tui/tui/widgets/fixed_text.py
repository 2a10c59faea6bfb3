"""A text in a place of fixed size."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class FixedText(Static):
    """A change of its text repaints it alone; its CSS must fix its size. A Static lays out the
    whole screen again each time, which takes 3 ms of a key press."""

    def __init__(self, id: str, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)

    def show(self, text: str | Content) -> None:
        if text != self.content:
            self.update(text, layout=False)
