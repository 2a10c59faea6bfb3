"""The Models screen: all models and unfinished runs, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import DataTable

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models import actions
from rnnlm_tui.tui.models.card import ACTIVE, ModelCardView
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.wording.model_rows import HEADS, list_row

MODELS_WIDTHS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]
COLUMN_WIDTHS = (19, 7, 11, 9, 14)
"""The widths of the columns in cells, with a cell for the gap before the next column."""
AT_THE_RIGHT = ("% of keys", "size")
"""The heads of the columns whose texts stand at the right."""
RELOAD_EVERY_S = 2.0
"""Seconds between two readings of the library: other processes train, too."""


def cells(entry: Entry, is_active: bool) -> Iterator[Text]:
    """Yields the cells of the row of a model."""
    name, *others = list_row(entry)
    row = [f"{ACTIVE if is_active else ' '} {name}", *others]
    for head, width, text in zip(HEADS, COLUMN_WIDTHS, row, strict=True):
        shown = Text(sanitize(text), no_wrap=True)
        shown.truncate(width - 1, overflow="ellipsis")
        if head in AT_THE_RIGHT:
            shown.align("right", width - 1)
        yield shown


class ModelsScreen(AppScreen):
    """Lists the models of the library, and shows the card of the selected one."""

    HORIZONTAL_BREAKPOINTS = MODELS_WIDTHS
    DEFAULT_CSS = """
    ModelsScreen {
        #models { height: 1fr; }
        DataTable {
            height: auto; max-height: 40%; min-height: 4;
            scrollbar-size-vertical: 1; overflow-x: hidden; background: $background;
            &:focus { background-tint: $foreground 0%; }
            &:nocolor > .datatable--cursor { text-style: reverse; }
        }
        ModelCardView { border-top: solid $foreground 20%; &:focus { border-top: solid $border; } }
        &.-wide #models {
            layout: horizontal;
            DataTable { width: 60; height: 100%; max-height: 100%; }
            ModelCardView {
                max-width: 100;
                border-top: none; border-left: vkey $panel-lighten-2;
                &:focus { border-top: none; border-left: vkey $border; }
            }
        }
    }
    """
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "use", "use", id="models.use", tooltip="Write with the model"),
        Binding("g", "resume", "resume", id="models.resume",
                tooltip="Train it on, resumed or longer; watch it if it is running"),
        Binding("f5", "update", "update", id="models.update",
                tooltip="Update the model; train it on the current content of its files and on what"
                " you wrote with it, and replace it if that is better"),
        Binding("d,delete", "delete", "delete", id="models.delete",
                tooltip="Delete the model, for good"),
        Binding("r", "rename", "rename", id="models.rename", tooltip="Rename the model"),
        Binding("e", "export", "export", id="models.export", tooltip="Export the model to a file"),
        Binding("i", "import", "import", id="models.import", tooltip="Import an exported model"),
        Binding("tab", "app.focus_next", "scroll", show=False, id="models.card",
                tooltip="Go to the card; arrows scroll it"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._table = DataTable[Text](cursor_type="row", cell_padding=0)
        self._card = ModelCardView()
        self._entries: list[Entry] = []
        self._drawn: object = None
        """The models in the table, and the name of the active one."""
        self._to_select: str | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        with Container(id="models"):
            yield self._table
            yield self._card
        yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        for head, width in zip(HEADS, COLUMN_WIDTHS, strict=True):
            title = f"  {head}" if head == "name" else head
            shown = title.rjust(width - 1) if head in AT_THE_RIGHT else title
            self._table.add_column(Text(shown, "bold"), width=width)
        self._to_select = self._to_select or self.app.active_name
        self.set_interval(RELOAD_EVERY_S, self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    # The list

    @property
    def selected(self) -> Entry | None:
        """The model in the row with the cursor; None if there is no model."""
        row = self._table.cursor_row
        return self._entries[row] if row < len(self._entries) else None

    def choose(self, name: str) -> None:
        """Selects this model when the library is read next."""
        self._to_select = name

    def reload(self) -> None:
        """Reads the library again, unless another screen is shown. Keeps the selection."""
        if self.is_mounted and self.is_active:
            self._read()

    @work(group="models-list", exclusive=True)
    async def _read(self) -> None:
        try:
            entries = await asyncio.to_thread(self.app.library.entries)
        except RnnlmError as error:
            self.app.show_error_once(error)
            return
        names = [entry.name for entry in entries]
        wanted = self.selected.name if self.selected is not None else None
        if self._to_select in names:
            wanted = self._to_select
        if (entries, self.app.active_name) != self._drawn:
            self._drawn = entries, self.app.active_name
            self._entries = entries
            row = self._table.cursor_row
            self._table.clear()
            for entry in entries:
                is_active = entry.name == self.app.active_name
                self._table.add_row(*cells(entry, is_active), key=entry.name)
            self._table.move_cursor(row=max(0, min(row, len(entries) - 1)), animate=False)
            self._show_card()
        if wanted in names:
            self._table.move_cursor(row=names.index(wanted), animate=False)
        if wanted == self._to_select:
            self._to_select = None

    @on(DataTable.RowHighlighted)
    def _show_card(self) -> None:
        selected = self.selected
        self._card.show(selected, selected is not None and selected.name == self.app.active_name)
        self.refresh_bindings()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dims the keys that do nothing for the selected model, whose card says why."""
        entry = self.selected
        is_own = entry is not None and not entry.built_in
        card = entry.card if entry else None
        is_network = card is not None and card.config.has_network
        keeps_learning = card is not None and not card.config.is_lesson
        can_do = {
            "use": card is not None,
            "export": card is not None,
            "rename": is_own,
            "delete": is_own,
            "resume": is_own and (is_network or bool(entry and entry.run)),
            "update": is_own and keeps_learning and not (entry and entry.trained_by),
        }
        return can_do.get(action, True) or None

    @on(DataTable.RowSelected)
    def action_use(self) -> None:
        if (entry := self.selected) and entry.card is not None:
            self.app.use_model(entry.name)

    def action_rename(self) -> None:
        if entry := self.selected:
            self._act(actions.rename(self.app, entry.name))

    def action_export(self) -> None:
        if entry := self.selected:
            self._act(actions.export(self.app, entry.name))

    def action_import(self) -> None:
        self._act(actions.import_(self.app))

    def action_delete(self) -> None:
        if entry := self.selected:
            self._act(actions.delete(self.app, entry))

    def action_resume(self) -> None:
        if entry := self.selected:
            if entry.trained_by is not None:
                self.app.watch_run(entry.name)
            else:
                self.app.resume_run(entry.name)

    def action_update(self) -> None:
        if (entry := self.selected) and entry.card is not None:
            self._act(actions.update(self.app, entry.name, entry.folder, entry.card))

    @work(group="models-action")
    async def _act(self, action: Coroutine[object, object, str | None]) -> None:
        """Runs an action, shows its errors, and selects the model that it returns."""
        with self.app.showing_errors():
            self._to_select = await action or self._to_select
            self.reload()
