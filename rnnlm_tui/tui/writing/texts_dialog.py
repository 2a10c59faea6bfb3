"""The list of the user's texts."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.formatting import day_name, plural, sanitize, shorten, straight_quotes
from rnnlm_tui.paths import current_dir
from rnnlm_tui.session import texts
from rnnlm_tui.session.text_file import ReadFile, read_text_file
from rnnlm_tui.session.texts import DELETED_FOR_DAYS, Listed
from rnnlm_tui.tui.widgets.base_screen import OfApp
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Choice, Dialog
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.textual_private import unbind
from rnnlm_tui.tui.writing.open_text import Opening, OpenText

MAX_SHOWN = 100
"""The most texts in the list. A search finds the others."""


class Chosen(NamedTuple):
    """A text to open. If a search has found a line of it, also the `words` of the search and the
    number of the turn."""

    opening: Opening
    words: str = ""
    turn: int | None = None


class TextsDialog(OfApp, Dialog[Chosen]):
    """Lists the texts in which the words of a search are found. Keys act on the highlighted text.
    No letter is a key, since letters are typed into the search."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move('up')", "Up", id="texts.up", show=False, tooltip="Go to the row above"),
        Binding("down", "move('down')", "Down", id="texts.down", show=False,
                tooltip="Go to the row below"),
        Binding("ctrl+n", "new", "New", id="texts.new", show=False, tooltip="Begin a new text"),
        Binding("ctrl+o", "open_file", "File", id="texts.open_file", show=False,
                tooltip="Open a text file"),
        Binding("ctrl+r", "rename", "Rename", id="texts.rename", tooltip="Rename the text"),
        Binding("ctrl+d", "delete", "Delete", id="texts.delete",
                tooltip=f"Delete the text; for {DELETED_FOR_DAYS} days it can be brought back"),
        Binding("ctrl+z", "undo", "Undo", id="texts.undo",
                tooltip="Bring back the last deleted text"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    TextsDialog {
        & > .dialog-box { width: 100%; }
        .dialog-box > Input { margin: 0 0 1 0; padding: 0; background: $background; }
        OptionList { max-height: 60vh; margin-top: 0; }
        OptionList:ansi > .option-list--option-highlighted { /* shown as with the focus */
            color: $block-cursor-foreground; background: $block-cursor-background;
        }
    }
    """

    def __init__(self, text: OpenText) -> None:
        """`text` is the one that is open."""
        self._opened = text
        self._listed: dict[str, Listed] = {}
        """The texts by the ids of their rows."""
        self._search = SafeInput(placeholder="search in titles and lines", compact=True)
        self._search.cursor_blink = False
        unbind(self._search, ("ctrl+d",))
        self._rows = OptionList(markup=False)
        self._rows.can_focus = False
        super().__init__("Texts", "", self._search, self._rows)

    def on_resize(self) -> None:
        self.call_later(self._find)  # the rows are made for the width

    @on(Input.Changed)
    async def _search_changed(self, event: Input.Changed) -> None:
        if event.value == self._search.value:  # nothing was typed since
            await self._find()

    async def _find(self, number: int | None = None, place: int = 0) -> None:
        """Lists the texts that are found. Highlights the text with this number, or else the row at
        this place."""
        query, open_number = self._search.value, self._opened.text.number
        key = self.app.shown_key
        new_key, file_key = key("texts.new", "ctrl+n"), key("texts.open_file", "ctrl+o")
        with self.app.showing_errors():
            database = self._opened.database
            found = await database.read(partial(texts.find_texts, query=query))
            self._opened.deleted = await database.read(texts.deleted_texts)
            self._listed = {str(text.number): text for text in found[:MAX_SHOWN]}
            width = self.app.size.width - 5  # without borders and scrollbar
            contents = rows_of(self._listed.values(), width, query, open_number)
            rows = [*map(Option, contents, self._listed)]
            if query.strip() and not rows:
                hint = f"; {file_key} opens a file" if is_path(query) else ""
                nothing = f"no text has “{shorten(query.strip())}”{hint}"
                rows = [Option(nothing, disabled=True)]
            new = Content.assemble((new_key, "bold"), "  a new text")
            file = Content.assemble((file_key, "bold"), "  open a file ...")
            self._rows.set_options([*rows, None, Option(new, "new"), Option(file, "file")])
            if str(number) in self._listed:
                place = self._rows.get_option_index(str(number))
            self._rows.highlighted = None if query.strip() and not self._listed else place
            deleted = plural(len(self._opened.deleted), "text")
            title = f"{deleted} deleted: {key('texts.undo', 'ctrl+z')} brings back the last"
            self.query_one(".dialog-box").border_title = title if self._opened.deleted else ""
            self.refresh_bindings()

    @on(OptionList.OptionHighlighted)
    def _row_highlighted(self) -> None:
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("rename", "delete") and self._highlighted is None:
            return False
        if action == "undo" and not self._opened.deleted:
            return False
        return super().check_action(action, parameters)

    def action_move(self, where: str) -> None:
        getattr(self._rows, f"action_cursor_{where}")()

    @on(Input.Submitted)
    def _open_highlighted(self) -> None:
        self._rows.action_select()

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        if (row := event.option.id) == "file":
            self.action_open_file()
        else:
            text = self._listed.get(row or "")
            if text is None:
                self.action_new()
            else:
                opening = partial(self._opened.open, text.number)
                self.dismiss(Chosen(opening, self._search.value, text.turn))

    @property
    def _highlighted(self) -> Listed | None:
        row = self._rows.highlighted_option
        return self._listed.get(row.id or "") if row is not None else None

    def action_new(self) -> None:
        self.dismiss(Chosen(partial(self._opened.open, None)))

    @work(group="dialog")
    async def action_open_file(self) -> None:
        about = "A text file of up to 1 MB. Each of its lines is a paragraph."
        typed = self._search.value.strip()
        with self.app.showing_errors():
            ask = AskPath("Open a file", about, typed if is_path(typed) else f"{current_dir()}/")
            if (chosen := await self.app.push_screen_wait(ask)) is None:
                return
            try:
                read = await asyncio.to_thread(read_text_file, Path(chosen))
            except CorpusError as error:
                if not isinstance(error.__cause__, UnicodeDecodeError):
                    raise
                rows = [("read", "Read it as Latin-1", "it is saved as that, too")]
                wrong = Choice(f"{Path(chosen).name} is not in UTF-8", "", rows)
                if await self.app.push_screen_wait(wrong) is None:
                    return
                read = await asyncio.to_thread(read_latin, Path(chosen))
            self.dismiss(Chosen(partial(self._opened.open_file, read)))

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
                await self._opened.database.read(rename)
                if text.number == self._opened.text.number:
                    self._opened.text.title = title.strip() or None
            await self._find(text.number)

    @work(group="dialog")
    async def action_delete(self) -> None:
        if (text := self._highlighted) is not None:
            await self._set_deleted(text.number, deleted=True)
            await self._find(place=self._rows.highlighted or 0)

    @work(group="dialog")
    async def action_undo(self) -> None:
        if deleted := self._opened.deleted:
            await self._set_deleted(deleted[-1], deleted=False)
            await self._find(deleted[-1])

    async def _set_deleted(self, number: int, *, deleted: bool) -> None:
        """Deletes a text, or brings it back."""
        with self.app.showing_errors():
            set_deleted = partial(texts.set_deleted, number=number, deleted=deleted)
            await self._opened.database.read(set_deleted)


def is_path(query: str) -> bool:
    """Returns whether a search looks like the path of a file."""
    query = query.strip()
    return query.startswith(("/", "~/", "./", "../")) or (os.sep in query and " " not in query)


def read_latin(path: Path) -> ReadFile:
    """Reads a file in the Latin-1 of Windows, which has curly quotes, or else in that of the
    standard, in which every byte is a character. Raises RnnlmError."""
    try:
        return read_text_file(path, "cp1252")
    except CorpusError:
        return read_text_file(path, "latin-1")


def rows_of(
    texts: Collection[Listed], width: int, query: str, open_number: int | None
) -> list[Content]:
    """Returns the rows of texts in `width` cells. Each has the title, cut to the cells left, the
    day, the number of words, in a wide row the file, and below them the line that was found."""
    days, today = list[str](), day_name(time.time(), "%b")
    for text in texts:
        day = day_name(text.changed, "%b")
        days.append("open" if text.number == open_number else "today" if day == today else day)
    counts = [plural(text.words or text.draft_words, "word") for text in texts]
    files = [Content(sanitize(Path(text.path).name)) for text in texts]
    day_width, count_width = (max(map(len, each), default=0) for each in (days, counts))
    file_width = min(max(0, width - 60), max((file.cell_length for file in files), default=0))
    rows = list[Content]()
    for text, day, count, file in zip(texts, days, counts, files, strict=True):
        facts = f"  {day:{day_width}}  {count:>{count_width}}  "
        rest = width - len(facts) - file_width
        title = _underlined(text.full_title, query).truncate(rest, ellipsis=True, pad=True)
        row = title + facts + file.truncate(file_width, ellipsis=True, pad=True)
        line = " ".join(text.found.split())
        if line and (line != text.full_title or len(line) > rest):
            row += "\n  " + _underlined(_excerpt(line, width - 2, query), query)
        rows.append(row)
    return rows


def _excerpt(line: str, width: int, query: str) -> str:
    """Returns the part of a line around the first word of the query."""
    found, _ = next(_places(line, query))
    begin = max(0, min(found - width // 3, len(line) - width + 2))
    if begin > 0:  # at a word
        begin = max(begin, line.find(" ", begin - 1, found) + 1)
    return shorten(("… " if begin else "") + line[begin:], width)


def _underlined(text: str, query: str) -> Content:
    """Returns a text with the words of the query in bold and underlined."""
    content = Content(text)
    for start, end in _places(text, query):
        content = content.stylize("bold underline", start, end)
    return content


def _places(text: str, query: str) -> Iterator[tuple[int, int]]:
    """Yields the start and the end of each place of a text that has a word of the query."""
    folded = [character.casefold() for character in straight_quotes(text)]
    places = [place for place, letters in enumerate(folded) for _ in letters]  # two for "ß"
    for word in straight_quotes(query).casefold().split():
        for match in re.finditer(re.escape(word), "".join(folded)):
            yield places[match.start()], places[match.end() - 1] + 1
