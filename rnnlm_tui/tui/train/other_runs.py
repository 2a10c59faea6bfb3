"""The list of running and unfinished trainings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.runs.actions import RunRow, run_rows
from rnnlm_tui.tui.train.run_lists import FRAME, rule_title
from rnnlm_tui.tui.widgets.lists import RowList

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp


class OtherRuns(RowList):
    """One row per run; hidden while there is none. `reload` updates it."""

    @dataclass
    class Opened(Message):
        """A run was chosen: to be shown, watched or resumed."""

        row: RunRow

    DEFAULT_CSS = f"""
    OtherRuns {FRAME}
    OtherRuns {{
        display: none;
        height: auto;
        max-height: 5;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        & > .option-list--option {{ padding: 0; }}
    }}
    """

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.border_title = rule_title("trainings: Enter opens or resumes one")
        self._rows: list[RunRow] = []

    @property
    def is_empty(self) -> bool:
        return not self._rows

    @work(group="reload", exclusive=True)
    async def reload(self) -> None:
        """Reads the runs in the library, including those of other processes."""
        try:
            runs = await asyncio.to_thread(self.app.library.runs)
        except RnnlmError:
            return  # shown when a training is started
        self._show(run_rows(runs, self.app.runs))

    def _show(self, rows: list[RunRow]) -> None:
        if rows == self._rows:
            return
        chosen = self._rows[self.highlighted or 0].name if self._rows else ""
        self._rows = rows
        self.set_options([Option(Content(row.text)) for row in rows])
        names = [row.name for row in rows]
        if rows:
            self.highlighted = names.index(chosen) if chosen in names else 0
        self.display = bool(rows)

    @on(RowList.OptionSelected)
    def _selected(self, event: RowList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._rows):  # the list may have become shorter
            self.post_message(self.Opened(self._rows[event.option_index]))
