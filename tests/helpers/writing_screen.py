"""The Autocomplete screen in a scripted app."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeAlias

from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.widgets.dialogs import AskPath
from rnnlm_tui.tui.writing.editor import LineEditor
from rnnlm_tui.tui.writing.open_text import OpenText
from rnnlm_tui.tui.writing.predictor import Answer, Predictor
from rnnlm_tui.tui.writing.screen import AutocompleteScreen
from rnnlm_tui.tui.writing.texts_dialog import TextsDialog
from tests.helpers.app import (
    AppType,
    InTest,
    answered,
    app_of,
    dialog_read,
    post_keys,
    running,
    scripted_app,
    toasts,
    until,
    write,
)


class Desk(InTest[AppType]):
    """An app in which one writes."""

    def __init__(self, app: AppType, pilot: Pilot[Any], editor: LineEditor) -> None:
        super().__init__(app, pilot)
        self.editor = editor

    @property
    def screen(self) -> AutocompleteScreen:
        return app_of(self.pilot).autocomplete

    @property
    def line(self) -> str:
        return self.editor.text

    @property
    def shown(self) -> str:
        """The ghost after the cursor."""
        return self.editor.suggestion

    @property
    def page(self) -> list[str]:
        return [line.plain_text for line in self.screen.page.lines]

    def tells(self, text: str) -> bool:
        """Whether a toast has this text."""
        return any(text in toast for toast in toasts(self.app))

    async def write(self, *keys: str) -> None:
        await write(self.pilot, *keys)

    async def follow(self, keys: str) -> None:
        """Presses letters and, in braces, the names of keys."""
        for key, letters in re.findall(r"\{(.*?)\}|([^{]+)", keys):
            await self.press(*(letters or [key]))

    async def send(self, line: str, lines_after: int) -> None:
        """Sends a line, and waits until the page has `lines_after` lines."""
        self.editor.set_text(line)
        await self.press("enter")
        await until(lambda: len(self.page) == lines_after)


async def name_file(it: Desk[RnnlmApp], path: Path) -> None:
    """Names a file in the dialog that asks for one."""
    await until(lambda: isinstance(it.app.screen, AskPath) and it.app.screen.query(Input))
    dialog = it.app.screen
    dialog.query_one(Input).value = str(path)
    await dialog_read(it.pilot)
    post_keys(it.app, "enter")  # without waiting for widgets, which the end of the app removes
    await until(lambda: it.app.screen is not dialog)


class NoDatabase(SessionDatabase):
    """Stores nothing."""

    def write(self, work: Callable[[Connection], object], wait_s: float = 0.0) -> None:
        """Writes nothing."""


def unstored_text() -> OpenText:
    """A text that is not stored."""
    return OpenText(NoDatabase(Path("never used"), lambda error: None))


class SilentPredictor(Predictor):
    """Records what it is asked, and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.will_answer = True
        self.questions: list[tuple[str, int]] = []

    def ask(self, line: str, cursor: int, above: tuple[str, ...]) -> asyncio.Future[Answer] | None:
        """Records the line and the cursor."""
        self.questions.append((line, cursor))
        return asyncio.get_running_loop().create_future() if self.will_answer else None


AppDesk: TypeAlias = Desk[RnnlmApp]


@asynccontextmanager
async def desk(
    folder: Path,
    models: Mapping[str, LanguageModel] | None = None,
    size: tuple[int, int] = (80, 24),
    **settings: Any,
) -> AsyncIterator[AppDesk]:
    """The app, once its model has answered for the empty line."""
    app = scripted_app(folder, models, **settings)
    async with running(app, size=size) as pilot:
        await answered(pilot)
        yield Desk(app, pilot, app.autocomplete.editor)


async def open_list(it: AppDesk, search: str = "") -> TextsDialog:
    """Opens the list and searches in it."""
    await it.press("ctrl+o")
    await until(lambda: isinstance(it.app.screen, TextsDialog))
    dialog = it.app.screen
    assert isinstance(dialog, TextsDialog)
    await until(lambda: dialog.query_one(OptionList).option_count)
    if search:
        await it.press(*search)
        await until(lambda: dialog.query_one(Input).value == search)
    return dialog
