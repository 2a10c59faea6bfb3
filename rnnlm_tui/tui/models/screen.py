"""The Models screen: the models and the unfinished runs, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import cells_of, sanitize
from rnnlm_tui.store.library import Entry
from rnnlm_tui.tui.models import actions
from rnnlm_tui.tui.models.card import ACTIVE, ModelCardView, curve_of
from rnnlm_tui.tui.widgets.base_screen import AppScreen
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.wording.model_rows import (
    KEYS_NOTE,
    LIST_HEADS,
    UNLIKE,
    UNLIKE_NOTE,
    keys_saved,
    list_row,
)

GAP = 2
"""Cells between two columns."""
NAME, LANGUAGE, PRESET, KEYS, TEXT, SAVED = LIST_HEADS
WIDTHS = {LANGUAGE: 8, PRESET: 6, KEYS: 11, SAVED: 13}
"""The cells of the columns of a fixed width."""
LEAST_TEXT_WIDTH = 12
"""The fewest cells of the column of texts, which is left out if there is less room."""
NO_CURVE = (
    " no curve: it was not trained here, or one epoch at most\n"
    " Train makes a model of a text of yours, and its curve"
)
RELOAD_EVERY_S = 2.0
"""Seconds between two readings of the library, which other processes may change."""


def column_widths(width: int, longest_name: int) -> dict[str, int]:
    """Returns the widths of the columns of a list of this width, by their heads. The names and the
    texts share what the other columns leave. If that is too little, the texts are left out, and
    then the presets."""
    scrollbar = 1
    room = width - sum(WIDTHS.values()) - GAP * len(LIST_HEADS) - scrollbar
    with_mark = longest_name + 2  # the mark of the active model, and a space
    name = min(with_mark, room * 3 // 5)
    widths = {**WIDTHS, NAME: name, TEXT: room - name}
    if widths[TEXT] < LEAST_TEXT_WIDTH:
        del widths[TEXT]
        widths[NAME] = room + GAP
        if widths[NAME] < with_mark:
            widths[NAME] += widths.pop(PRESET) + GAP
    return {head: widths[head] for head in LIST_HEADS if head in widths}


class ModelsScreen(AppScreen):
    """Lists the models of the library, and shows the card of the selected one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"unlike", "wrong"}
    DEFAULT_CSS = """
    ModelsScreen {
        & > .unlike { color: $quiet; }
        & > .wrong { color: $warn; }
        #models { height: 1fr; }
        #models-list { height: auto; max-height: 40%; }
        #models-list > Static, #models-list > LossChart { display: none; }
        DataTable {
            min-height: 4; scrollbar-size-vertical: 1; overflow-x: hidden;
            background: $background;
            &:focus { background-tint: $foreground 0%; }
            & > .datatable--header, &:ansi > .datatable--header {
                background: $background; color: $quiet; text-style: none;
            }
            &:nocolor > .datatable--cursor { text-style: reverse; }
        }
        ModelCardView {
            border-top: solid $foreground 20%; border-title-color: $quiet;
            &:focus { border-top: solid $border; }
        }
        &.-wide {
            #models { layout: horizontal; }
            #models-list { width: 50%; height: 100%; max-height: 100%; }
            #models-list > Static { display: block; color: $quiet; padding: 0 2; }
            #models-list > LossChart { display: block; margin: 1; }
            DataTable { max-height: 60%; }
            ModelCardView {
                border-top: none; border-left: vkey $foreground 20%;
                &:focus { border-top: none; border-left: vkey $border; }
                LossChart { display: none; }
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
        """All that the table was built from. If it is the same, the table is not built again."""
        self._on_card: object = None
        """The model whose card is shown, and `_drawn` at that time."""
        self._to_select: str | None = None
        """The name of the model to select when the list is drawn next."""

    def compose_body(self) -> ComposeResult:
        with Container(id="models"):
            with Vertical(id="models-list"):
                yield self._table
                yield LossChart(NO_CURVE)
                yield Static(f"{KEYS_NOTE}\n{UNLIKE_NOTE}", markup=False)
            yield self._card

    def on_mount(self) -> None:
        self._card.border_title = Content(UNLIKE_NOTE).pad(1, 1)
        self._to_select = self._to_select or self.app.active_name
        self.set_interval(RELOAD_EVERY_S, self.reload)

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self._draw(self._entries))

    def on_screen_resume(self) -> None:
        self.reload()

    # The list

    @property
    def selected(self) -> Entry | None:
        """The model in the row with the cursor; None if there is no model."""
        row = self._table.cursor_row
        return self._entries[row] if row < len(self._entries) else None

    def choose(self, name: str) -> None:
        """Selects this model as soon as it is in the list."""
        self._to_select = name

    def reload(self) -> None:
        """Reads the library again, if this screen is shown. The selected model stays selected."""
        if self.is_mounted and self.is_active:
            self._read()

    @work(group="models-list", exclusive=True)
    async def _read(self) -> None:
        try:
            entries = await asyncio.to_thread(self.app.library.entries)
        except RnnlmError as error:
            self.app.show_error_once(error)
            return
        self._draw(entries)

    def _draw(self, entries: list[Entry]) -> None:
        """Shows these models. Builds the table anew only if something in it differs."""
        names = [entry.name for entry in entries]
        row = self._table.cursor_row
        wanted = self.selected.name if self.selected is not None else None
        if self._to_select in names:
            wanted = self._to_select
            self._to_select = None
        if wanted in names:
            row = names.index(wanted)
        width = self.size.width // (2 if self.has_class("-wide") else 1)
        to_draw = (entries, self.app.active_name, self.app.theme, width)
        if to_draw != self._drawn:
            self._drawn = to_draw
            self._entries = entries
            self._table.clear(columns=True)
            widths = column_widths(width, max(map(cells_of, names), default=0))
            for head, cells in widths.items():
                title = {NAME: f"  {NAME}", KEYS: f" {KEYS}"}.get(head, head)
                self._table.add_column(title, width=cells + GAP, key=head)
            for entry in entries:
                self._table.add_row(*self._row(entry, widths), key=entry.name)
        self._table.move_cursor(row=max(0, min(row, len(entries) - 1)), animate=False)
        self._show_card()

    def _row(self, entry: Entry, widths: dict[str, int]) -> Iterator[Text]:
        """Yields the cells of the row of a model. `widths` are those of the columns by head."""
        row = dict(zip(LIST_HEADS, list_row(entry), strict=True))
        row[NAME] = f"{ACTIVE if entry.name == self.app.active_name else ' '} {entry.name}"
        for head, width in widths.items():
            cell = Text(sanitize(row[head]), no_wrap=True)
            if head == SAVED and entry.damaged is not None:
                cell.stylize(self.get_component_rich_style("wrong", partial=True))
            cell.truncate(width, overflow="ellipsis")
            yield cell

    def _mark_unlike(self) -> None:
        """Marks the models whose keys saved cannot be compared with those of the selected model."""
        style = self.get_component_rich_style("unlike", partial=True)
        for entry in self._entries:
            text = keys_saved(entry, self.selected)
            cell = Text(text.rjust(WIDTHS[KEYS]), style if text.startswith(UNLIKE) else "")
            if cell != self._table.get_cell(entry.name, KEYS):
                self._table.update_cell(entry.name, KEYS, cell)

    @on(DataTable.RowHighlighted)
    def _show_card(self) -> None:
        """Shows the card of the selected model, unless it is shown already."""
        selected = self.selected
        if (selected, self._drawn) == self._on_card:
            return
        self._on_card = selected, self._drawn
        self._mark_unlike()
        self._card.show(selected, selected is not None and selected.name == self.app.active_name)
        self.refresh_bindings()
        if selected is not None:
            self._show_curve(selected)

    @work(group="models-curve", exclusive=True)
    async def _show_curve(self, entry: Entry) -> None:
        curve = await asyncio.to_thread(curve_of, entry)
        for chart in self.query(LossChart):
            chart.show(*curve)
        self._card.set_class(not curve[0], "-no-curve")

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the keys that do nothing for the selected model, whose card says why."""
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
        return can_do.get(action, True)

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
            self._to_select = (await action) or self._to_select
            self.reload()
