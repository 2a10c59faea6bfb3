"""A minimal app for tests of one screen, or of widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.widget import Widget

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.widgets.terminal import TerminalApp


def recorded(name: str) -> Callable[..., None]:
    """A method that only records its calls."""

    def record(app: HostApp, *arguments: Any) -> None:
        app.calls.append((name, *arguments))

    return record


class HostApp(TerminalApp):
    """Shows widgets. Records the messages to the user in `told` and the calls to the app in
    `calls`."""

    show_mode = recorded("show_mode")
    show_model = recorded("show_model")
    store_preferences = recorded("store_preferences")
    resume_run = recorded("resume_run")
    start_training = recorded("start_training")
    watch_run = recorded("watch_run")

    def __init__(self, *make: Callable[[], Widget], library: Library | None = None) -> None:
        """`make` the widgets: some can be created only after the app."""
        super().__init__(Path("app.log"))
        self._make = make
        self.library = library or Library(Path("never used"))
        self.session = SessionDatabase(self.library.folder.parent / "session", self.show_error)
        self.active_name: str | None = None
        self.told: list[str] = []
        self.calls: list[tuple[Any, ...]] = []

    def compose(self) -> ComposeResult:
        yield from (make() for make in self._make)

    async def on_unmount(self) -> None:
        await self.session.close()

    def header_texts(self) -> list[str]:
        return ["no model"]

    def notify_user(self, message: str, severity: str = "information", topic: str = "") -> None:
        self.told.append(message)

    def show_error(self, error: RnnlmError) -> None:
        self.told.append(error.message)

    def use_model(self, name: str) -> None:
        self.active_name = name
        self.calls.append(("use_model", name))
