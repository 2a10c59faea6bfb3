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
from textual.widgets import DataTable, Static

from rnnlm_tui.config import NetworkTrainConfig
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import format_bytes, format_percent, local_time, plural, sanitize
from rnnlm_tui.results import ENOUGH_WORDS
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models import actions
from rnnlm_tui.tui.models.card import ACTIVE, ModelCardView, state
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

EMPTY = """\
There is no model yet.

To train one on your own text, press F3 or click Train above.
To import one, press i or click import below."""
COLUMNS = {"name": 21, "preset": 7, "keys saved": 11, "size": 9, "saved": 11}
"""The columns with their widths in cells, one of which is the gap before the next column."""
AT_THE_RIGHT = ("keys saved", "size")
WIDTHS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]
RELOAD_EVERY_S = 2.0
"""How often the library is read: other processes train, too."""


def cells(entry: Entry, is_active: bool) -> Iterator[Text]:
    """The row of a model. How many keys it saves is not told if that was measured on too few words,
    and of a model that is not ready its state stands in place of a date."""
    card, measured = entry.card, entry.evaluation
    saves = format_percent(measured.keystroke_savings) if measured else ""
    texts = (
        f"{ACTIVE if is_active else ' '} {entry.name}",
        card.config.preset if card else "",
        "few words" if measured and measured.words < ENOUGH_WORDS else saves,
        format_bytes(entry.size_bytes),
        state(entry) or (local_time(card.updated)[:10] if card else ""),
    )
    for (column, width), text in zip(COLUMNS.items(), texts, strict=True):
        shown = Text(sanitize(text), no_wrap=True)
        shown.truncate(width - 1, overflow="ellipsis")
        if column in AT_THE_RIGHT:
            shown.align("right", width - 1)
        yield shown


class ModelsScreen(AppScreen):
    """Lists the models in the library, which is read in a thread, with the card of one of them."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    DEFAULT_CSS = """
    ModelsScreen {
        #models { height: 1fr; }
        DataTable {
            height: auto; max-height: 40%; min-height: 4;
            scrollbar-size-vertical: 1; overflow-x: hidden; background: $background;
            &:focus { background-tint: $foreground 0%; }
            &:nocolor > .datatable--cursor { text-style: reverse; }
        }
        #count { height: 1; padding: 0 1; color: $text-muted; }
        ModelCardView { border-top: solid $foreground 20%; &:focus { border-top: solid $border; } }
        #empty { padding: 2 4; }
        &.-wide #models {
            layout: grid; grid-size: 2 2; grid-columns: 60 1fr; grid-rows: 1fr 1;
            DataTable { height: 100%; max-height: 100%; }
            ModelCardView {
                row-span: 2; height: 100%; max-width: 100;
                border-top: none; border-left: vkey $panel-lighten-2;
                &:focus { border-top: none; border-left: vkey $border; }
            }
        }
    }
    """
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "use", "use", id="models.use", tooltip="Write with the model"),
        Binding("r", "rename", "rename", id="models.rename", tooltip="Rename the model"),
        Binding("e", "export", "export", id="models.export", tooltip="Export the model to a file"),
        Binding("i", "import", "import", id="models.import", tooltip="Import an exported model"),
        Binding("d,delete", "delete", "delete", id="models.delete",
                tooltip="Delete the model; asks first"),
        Binding("g", "resume", "resume", id="models.resume",
                tooltip="Train it on, resumed or longer; watch it if it is running"),
        Binding("f5", "update", "update", id="models.update",
                tooltip="Update the model; train it on the current content of its files and on what"
                " you wrote with it, and replace it if that is better"),
        Binding("tab", "app.focus_next", "scroll", show=False, id="models.card",
                tooltip="Go to the card; arrows scroll it"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._table, self._card = (
            DataTable[Text](cursor_type="row", cell_padding=0),
            ModelCardView(),
        )
        self._empty = Static(EMPTY, id="empty", markup=False)
        self._count = Static("", id="count", markup=False)
        self._entries: list[Entry] = []
        self._drawn: object = None
        self._to_select: str | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        with Container(id="models"):
            yield self._empty
            yield self._table
            yield self._card
            yield self._count
        yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        for column, width in COLUMNS.items():
            title = f"{'  ' * (column == 'name')}{column}"
            shown = title.rjust(width - 1) if column in AT_THE_RIGHT else title
            self._table.add_column(Text(shown, "bold"), width=width)
        self._empty.display = False
        self.set_interval(RELOAD_EVERY_S, self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    # The list

    @property
    def selected(self) -> Entry | None:
        """The model of the row with the cursor."""
        row = self._table.cursor_row
        return self._entries[row] if row < len(self._entries) else None

    def choose(self, name: str) -> None:
        """Selects this model at the next reload."""
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
        selected, names = self.selected, [entry.name for entry in entries]
        is_wanted = self._to_select in names
        name = self._to_select if is_wanted else selected and selected.name
        if (entries, self.app.active_name) != self._drawn:
            self._drawn = entries, self.app.active_name
            self._draw(entries)
        if name in names:
            self._table.move_cursor(row=names.index(name), animate=False)
        if is_wanted:
            self._to_select = None

    def _draw(self, entries: list[Entry]) -> None:
        self._entries, row = entries, self._table.cursor_row
        self._empty.display = not entries
        self._table.display = bool(entries)
        self._table.clear()
        for entry in entries:
            is_active = entry.name == self.app.active_name
            self._table.add_row(*cells(entry, is_active), key=entry.name)
        self._table.move_cursor(row=max(0, min(row, len(entries) - 1)), animate=False)
        count = plural(sum(entry.has_model for entry in entries), "model")
        size = format_bytes(sum(entry.size_bytes for entry in entries))
        self._count.update(f"{count}, {size}   {ACTIVE} active" if entries else "")
        self._show_card()

    @on(DataTable.RowHighlighted)
    def _show_card(self) -> None:
        selected = self.selected
        self._card.show(selected, selected is not None and selected.name == self.app.active_name)
        self.refresh_bindings()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dims the keys that do nothing for the selected model, whose card says why."""
        if (entry := self.selected) is None:
            of_a_model = "use", "rename", "export", "delete", "resume", "update"
            return None if action in of_a_model else True
        is_own, works = not entry.built_in, entry.card is not None
        is_network = entry.card and isinstance(entry.card.config.train, NetworkTrainConfig)
        can_do = {
            "use": works,
            "export": works,
            "rename": is_own,
            "delete": is_own,
            "resume": entry.run is not None or (bool(is_network) and is_own),
            "update": is_own and works and entry.trained_by is None,
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
            show = self.app.watch_run if entry.trained_by is not None else self.app.resume_run
            show(entry.name)

    def action_update(self) -> None:
        if (entry := self.selected) and entry.card is not None:
            self._act(actions.update(self.app, entry.name, entry.folder, entry.card))

    @work(group="models-action")
    async def _act(self, action: Coroutine[object, object, str | None]) -> None:
        """Runs an action, shows its errors, and selects the model that it returns."""
        with self.app.showing_errors():
            self._to_select = await action or self._to_select
            self.reload()
