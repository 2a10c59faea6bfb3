"""Lists to choose from, which ignore Page Up and Page Down until they are laid out.

Textual 8.2.8 counts the rows of a list only once it has a size, and raises KeyError for these keys
before: right after the list is opened, or while the window is too small for it.
"""

from __future__ import annotations

from typing import TypeVar

from textual.app import ComposeResult
from textual.widgets import OptionList, Select
from textual.widgets._select import SelectCurrent, SelectOverlay

T = TypeVar("T")


class RowList(OptionList):
    """A list of rows, of which one is highlighted."""

    def action_page_up(self) -> None:
        if self._lines:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self._lines:
            super().action_page_down()  # type: ignore[no-untyped-call]


class DropDownList(SelectOverlay, RowList):  # its CSS is that of the first base
    """The list that a `DropDown` opens."""


class DropDown(Select[T]):
    """A field that opens a list of its values."""

    def compose(self) -> ComposeResult:
        yield SelectCurrent(self.prompt)
        yield DropDownList(self._type_to_search).data_bind(compact=Select.compact)
