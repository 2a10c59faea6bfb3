"""Lists to choose from, with guards against two faults of Textual 8.2.8.

It counts the rows of a list only once the list has a size, and raises KeyError for Page Up and Page
Down before: right after the list is opened, or while the window is too small for it. It raises
IndexError for a click on a row that has been removed before the click is handled.
"""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import OptionList, Select

from rnnlm_tui.tui.widgets.textual_private import SelectCurrent, SelectOverlay

T = TypeVar("T")


class RowList(OptionList):
    """A list of rows, of which one is highlighted."""

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def on_click(self, event: events.Click) -> None:
        row = event.style.meta.get("option")
        if row is not None and row >= self.option_count:
            event.prevent_default()


class DropDownList(SelectOverlay, RowList):  # its CSS is that of the first base
    """The list that a `DropDown` opens."""


class DropDown(Select[T]):
    """A field that opens a list of its values."""

    def compose(self) -> ComposeResult:
        yield SelectCurrent(self.prompt)
        yield DropDownList().data_bind(compact=Select.compact)
