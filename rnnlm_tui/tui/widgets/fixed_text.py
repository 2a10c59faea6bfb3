"""A text in a widget of fixed size."""

from __future__ import annotations

from textual.widgets import Static


class FixedText(Static):
    """A Static that repaints only itself when its text changes. Its CSS must fix its size.

    A Static lays out the whole screen again, which takes 3 ms per key press.
    """

    def __init__(self, id: str) -> None:
        super().__init__("", id=id, markup=False)

    def show(self, text: str) -> None:
        if text != self.content:
            self.update(text, layout=False)
