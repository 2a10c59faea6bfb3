"""The list of the user's texts."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from rnnlm_tui.formatting import day_name, plural, sanitize, shorten
from rnnlm_tui.paths import current_dir
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.folding import straight_quotes
from rnnlm_tui.session.tables import Text
from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.session.texts import Listed
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Confirm, Dialog
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.lists import RowList
from rnnlm_tui.tui.writing.saving import TextWanted

if TYPE_CHECKING:
    from textual import getters

    from rnnlm_tui.tui.app import RnnlmApp

MAX_SHOWN = 100
"""Texts in the list. The search finds the others."""
WIDTH = 80
"""Of the box, in cells."""
DAY_WIDTH, WORDS_WIDTH, FILE_WIDTH = 11, 12, 16
WITH_FILES = 64
"""Width of a row from which it has room for the name of the file."""
KEYS = "Enter open · ctrl+r rename · ctrl+d delete · Esc close"
AROUND = 24
"""Characters shown before what was found in a line, and those of a word cut there."""


class TextsDialog(Dialog[TextWanted]):
    """Finds texts by what is typed. Keys act on the highlighted one. Returns what is to be opened.

    Letters go to the search, so no letter alone is a key.
    """

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move('cursor_up')", "Up", id="texts.up", show=False,
                tooltip="Go to the row above"),
        Binding("down", "move('cursor_down')", "Down", id="texts.down", show=False,
                tooltip="Go to the row below"),
        Binding("pageup", "move('page_up')", "Page up", id="texts.page_up", show=False,
                tooltip="Go a page up"),
        Binding("pagedown", "move('page_down')", "Page down", id="texts.page_down", show=False,
                tooltip="Go a page down"),
        Binding("ctrl+n", "new", "New", id="texts.new", tooltip="Begin a new text"),
        Binding("ctrl+o", "open_file", "File", id="texts.open_file",
                tooltip="Open a text file"),
        Binding("ctrl+r", "rename", "Rename", id="texts.rename", priority=True,
                tooltip="Rename the text"),
        Binding("ctrl+d", "delete", "Delete", id="texts.delete", priority=True,
                tooltip="Delete the text; asks first"),
        Binding("ctrl+z", "undo", "Undo", id="texts.undo",
                tooltip="Bring back the last deleted text"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TextsDialog {
        & > .dialog-box {
            width: 80; border-title-color: $primary; border-subtitle-color: $text-muted;
        }
        .dialog-box > Input { margin: 0 0 1 0; width: 1fr; height: 1; }
        #nothing { display: none; height: auto; padding: 0 2; color: $text-muted; }
        RowList {
            height: auto; max-height: 60vh; border: none; padding: 0; background: $surface;
            scrollbar-size-vertical: 1;
        }
    }
    """

    def __init__(self, database: SessionDatabase, open_text: Text, deleted: list[int]) -> None:
        """`deleted` are the numbers of texts that can be brought back, to which it adds others."""
        self._database, self._open_text, self._deleted = database, open_text, deleted
        self._listed: list[Listed] = []
        self._contents: list[Content] = []
        self._marked = 0
        """The row with the mark, which some terminals show better than its colour."""
        self._search = SafeInput(placeholder="search in titles and lines", compact=True)
        self._search.cursor_blink = False
        self._rows = RowList(markup=False)
        self._rows.can_focus = False
        self._nothing = Static(id="nothing", markup=False)
        self._found: str | None = None
        """What the rows were searched for."""
        self._is_submitted = False
        super().__init__("Texts", "", self._search, self._nothing, self._rows)

    if TYPE_CHECKING:
        app = getters.app(RnnlmApp)

    def on_mount(self) -> None:
        self._show_keys(KEYS)

    def _show_keys(self, keys: str) -> None:
        self.query_one(".dialog-box").border_subtitle = keys

    @on(Input.Changed)
    def show_found(self) -> None:
        self._find(self._search.value)

    def on_resize(self) -> None:
        super().on_resize()
        self._find(self._search.value)

    @work(group="find", exclusive=True)
    async def _find(self, query: str, highlighted: int = 0, number: int | None = None) -> None:
        """Lists the texts that are found, and highlights a row, or the text of this number."""
        with self.app.showing_errors():
            find = partial(texts.find_texts, query=query)
            self._listed = (await self._database.read(find))[:MAX_SHOWN]
            numbers = [text.number for text in self._listed]
            if number in numbers:
                highlighted = numbers.index(number)
            width = min(WIDTH, self.app.size.width) - 8
            is_nothing = bool(query.strip()) and not self._listed
            self._nothing.update(f"no text has “{shorten(query.strip())}”")
            self._nothing.display = is_nothing
            found, opened = query.split()[:1], self._open_text.number
            self._contents = [
                *(row_of(t, width, found, is_open=t.number == opened) for t in self._listed),
                Content("a new text".ljust(width - 6) + "ctrl+n"),
                Content("open a file ...".ljust(width - 6) + "ctrl+o"),
            ]
            self._rows.set_options(Option("  " + row) for row in self._contents)
            last = len(self._contents) - 1
            self._rows.highlighted = None if is_nothing else min(highlighted, last)
            self._found = query
            if self._is_submitted:
                self._open_highlighted()

    @on(RowList.OptionHighlighted)
    def _move_mark(self, event: RowList.OptionHighlighted) -> None:
        for row, mark in (self._marked, "  "), (event.option_index, "▸ "):
            if row < self._rows.option_count:
                content = mark + self._contents[row]
                self._rows.replace_option_prompt_at_index(row, content)
        self._marked = event.option_index

    def action_move(self, action: str) -> None:
        getattr(self._rows, f"action_{action}")()

    @on(Input.Submitted)
    def _open_highlighted(self) -> None:
        """Opens the marked text, once it is that of the search that was typed."""
        self._is_submitted = self._found != self._search.value
        if not self._is_submitted and self._rows.highlighted is not None:
            self._open(self._rows.highlighted)

    @on(RowList.OptionSelected)
    def _open_selected(self, event: RowList.OptionSelected) -> None:
        self._open(event.option_index)

    def _open(self, row: int) -> None:
        if row < len(self._listed):
            self.dismiss(TextWanted(self._listed[row].number))
        elif row == len(self._listed):
            self.action_new()
        else:
            self.action_open_file()

    @property
    def _highlighted(self) -> Listed | None:
        row = self._rows.highlighted
        return self._listed[row] if row is not None and row < len(self._listed) else None

    def action_new(self) -> None:
        self.dismiss(TextWanted())

    @work(group="dialog")
    async def action_open_file(self) -> None:
        path, about = (
            f"{current_dir()}/",
            "A text file of up to 1 MB. Each of its lines is a paragraph.",
        )
        with self.app.showing_errors():
            chosen = await self.app.push_screen_wait(AskPath("Open a file", about, path))
            if chosen is not None:
                read = await asyncio.to_thread(read_text_file, Path(chosen))
                self.dismiss(TextWanted(file=read))

    @work(group="dialog")
    async def action_rename(self) -> None:
        if (text := self._highlighted) is None:
            return
        about = "Without a name it is called by its first words."
        ask = AskText(f"Rename “{text.title}”", about, text.title, check=lambda title: None)
        title = await self.app.push_screen_wait(ask)
        if title is not None and title != text.title:
            with self.app.showing_errors():
                rename = partial(texts.rename_text, number=text.number, title=title.strip())
                await self._database.read(rename)
            self._find(self._search.value, self._rows.highlighted or 0)

    @work(group="dialog")
    async def action_delete(self) -> None:
        if (text := self._highlighted) is None:
            return
        file = f" Its file {Path(text.path).name} stays as it is." if text.path else ""
        undo = "Until you quit, ctrl+z in this list brings it back."
        about = f"It has {plural(text.words, 'word')}.{file} {undo}"
        if await self.app.push_screen_wait(Confirm(f"Delete “{text.title}”?", about)):
            with self.app.showing_errors():
                delete = partial(texts.delete_text, number=text.number)
                await self._database.read(delete)
                self._deleted.append(text.number)
                self._show_keys("deleted · ctrl+z brings it back")
            self._find(self._search.value, self._rows.highlighted or 0)

    @work(group="dialog")
    async def action_undo(self) -> None:
        if not self._deleted:
            self.app.notify_user("no text was deleted since the start")
            return
        deleted = self._deleted.pop()
        with self.app.showing_errors():
            await self._database.read(partial(texts.restore_text, number=deleted))
            self._show_keys(KEYS)
        self._find(self._search.value, number=deleted)


def row_of(text: Listed, width: int, found: list[str], *, is_open: bool) -> Content:
    """Returns the row of a text in `width` cells, and below it the line in which `found` stands."""
    when, today = (day_name(seconds, "%b") for seconds in (text.changed, time.time()))
    when = "open" if is_open else "today" if when == today else when
    words = plural(text.words, "word").rjust(WORDS_WIDTH)
    row = Content(" ").join([Content(when.ljust(DAY_WIDTH)), Content(words)])
    if width >= WITH_FILES:
        name = Content(f" {sanitize(Path(text.path).name)}")
        row += name.truncate(FILE_WIDTH, ellipsis=True, pad=True)
    title = Content(sanitize(text.title))
    row = title.truncate(width - row.cell_length - 1, ellipsis=True, pad=True) + " " + row
    line = " ".join(text.found.split())
    if not line or not found:
        return row
    folded, word = (straight_quotes(each).casefold() for each in (line, found[0]))
    place = max(0, folded.find(word))
    begin = line.rfind(" ", 0, max(0, place - AROUND)) + 1
    excerpt = Content(("… " if begin else "") + shorten(line[begin:], width))
    start = place - begin + (2 if begin else 0)
    excerpt = excerpt.stylize("bold", start, start + len(found[0]))
    return row + "\n    " + excerpt.truncate(width - 2, ellipsis=True)
