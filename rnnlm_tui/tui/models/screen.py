"""The Models screen: all models and unfinished runs, and the actions on them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from rnnlm_tui.config import NetworkTrainConfig
from rnnlm_tui.formatting import format_bytes, plural
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models import actions
from rnnlm_tui.tui.models.card import ACTIVE, ModelCardScreen, ModelCardView
from rnnlm_tui.tui.models.table import COLUMNS, FEW, ModelTable
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

EMPTY = """\
There is no model yet.

To train one on your own text, press F3 or click Train above.
To import one, press i or click import below."""

RELOAD_EVERY_S = 2.0
"""How often the library is read: other processes train, too."""


class ModelsScreen(AppScreen):
    """Lists the models in the library, which is read in a thread."""

    DEFAULT_CSS = """
    ModelsScreen {
        .models-body { height: 1fr; }
        .models-left { width: 1fr; }
        .models-count { height: 1; padding: 0 1; color: $text-muted; }
        .models-empty { display: none; height: 1fr; padding: 2 4; }
        .models-side { display: none; }
        &.-wide .models-side {
            display: block;
            width: 38%; min-width: 36; max-width: 60; height: 100%;
            border-left: vkey $panel-lighten-2;
        }
        &.-empty {
            ModelTable, &.-wide .models-side { display: none; }
            .models-empty { display: block; }
        }
    }
    """
    AUTO_FOCUS = "ModelTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "card", id="models.open", tooltip="Show the model's card"),
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
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._table, self._side = ModelTable(), ModelCardView(classes="models-side")
        self._count = Static("", classes="models-count", markup=False)
        self._entries: dict[str, Entry] = {}
        self._to_select: str | None = None
        self._is_scanning = self._is_stale = False

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(classes="models-body"):
            with Vertical(classes="models-left"):
                yield self._table
                yield Static(EMPTY, classes="models-empty", markup=False)
                yield self._count
            yield self._side
        yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        self.set_interval(RELOAD_EVERY_S, self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    # The list

    def choose(self, name: str) -> None:
        """Selects this model at the next reload."""
        self._to_select = name

    def reload(self) -> None:
        """Reads the library again, unless another screen is shown. Keeps the selection."""
        self._is_stale = self.is_mounted and self.is_active
        if self._is_stale and not self._is_scanning:
            self._is_scanning = True
            self._scan()

    @work(group="models-list")
    async def _scan(self) -> None:
        """Reads the library, and again if a reload was requested in the meantime."""
        with self.app.showing_errors():
            while self._is_stale:
                self._is_stale = False
                entries = await asyncio.to_thread(self.app.library.entries)
                self._entries = {entry.name: entry for entry in entries}
                self._show()
        self._is_scanning = False

    def _show(self) -> None:
        entries, active = list(self._entries.values()), self.app.active_name
        selected = self._table.selected
        if self._to_select in self._entries:
            selected, self._to_select = self._to_select, None
        self._table.show(entries, active, selected)
        self.set_class(not entries, "-empty")
        count = plural(sum(entry.has_model for entry in entries), "model")
        size = format_bytes(sum(entry.size_bytes for entry in entries))
        legend = f"   {ACTIVE} active" if active in self._entries else ""
        if any(COLUMNS["saves"].text(entry) == FEW for entry in entries):
            legend += f"   {FEW} measured on too few words to tell"
        self._count.update(f"{count}, {size}{legend}" if entries else "")
        self._show_card()

    @on(DataTable.RowHighlighted)
    def _show_card(self) -> None:
        selected = self._selected
        self._side.show(selected, self._table.selected == self.app.active_name)

    @property
    def _selected(self) -> Entry | None:
        name = self._table.selected
        return self._entries.get(name) if name is not None else None

    # Actions

    @on(DataTable.RowSelected)
    @work(group="models-action")
    async def action_open(self) -> None:
        if (entry := self._selected) is None:
            return
        card = ModelCardScreen(entry, entry.name == self.app.active_name)
        if await self.app.ask(card) == "use" and self._is_usable(entry):
            self.app.use_model(entry.name)

    def action_use(self) -> None:
        if (entry := self._selected) and self._is_usable(entry):
            self.app.use_model(entry.name)

    def action_rename(self) -> None:
        if (entry := self._selected) and self._is_changeable(entry):
            self._act(actions.rename(self.app, entry.name))

    def action_export(self) -> None:
        if (entry := self._selected) and self._is_usable(entry):
            self._act(actions.export(self.app, entry.name))

    def action_import(self) -> None:
        self._act(actions.import_(self.app))

    def action_delete(self) -> None:
        if (entry := self._selected) and self._is_changeable(entry):
            self._act(actions.delete(self.app, entry))

    def action_resume(self) -> None:
        if (entry := self._selected) is None:
            return
        is_network = entry.card is not None and isinstance(
            entry.card.config.train, NetworkTrainConfig
        )
        if entry.trained_by is not None:
            self.app.watch_run(entry.name)
        elif entry.run is not None or (is_network and not entry.built_in):
            self.app.resume_run(entry.name)
        else:
            self.app.notify_user(f"{entry.name} has no training to resume")

    def action_update(self) -> None:
        entry = self._selected
        if entry is None or not (self._is_changeable(entry) and self._is_usable(entry)):
            return
        if entry.trained_by is not None:
            self.app.notify_user(f"{entry.name} is already being trained: g shows it")
        else:
            self._act(actions.update(self.app, entry.name))

    def _is_changeable(self, entry: Entry) -> bool:
        """Returns whether the user may change the model; says why if not."""
        if not entry.built_in:
            return True
        self.app.notify_user(f"{entry.name} is built in and read-only")
        return False

    def _is_usable(self, entry: Entry) -> bool:
        """Returns whether the model can be used; says why if not."""
        if not entry.has_model:
            self.app.notify_user(f"{entry.name} has not saved a model yet", "warning")
        elif entry.damaged is not None:
            self.app.notify_user(f"{entry.name} is damaged: {entry.damaged}", "error")
        return entry.card is not None

    @work(group="models-action")
    async def _act(self, action: Coroutine[object, object, str | None]) -> None:
        """Runs an action, shows its errors, and selects the model that it returns. Several may run
        at once."""
        with self.app.showing_errors():
            name = await action
            if name is not None:
                self.choose(name)
                self.reload()
