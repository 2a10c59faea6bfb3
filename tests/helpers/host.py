"""A minimal app for tests of one screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.widgets.terminal import TerminalApp


def recorded(name: str) -> Callable[..., None]:
    """A method that only records its calls."""

    def record(app: HostApp, *arguments: Any) -> None:
        app.calls.append((name, *arguments))

    return record


class HostApp(TerminalApp):
    """Records the messages to the user in `told` and the calls to the app in `calls`."""

    show_mode = recorded("show_mode")
    show_model = recorded("show_model")
    store_preferences = recorded("store_preferences")
    resume_run = recorded("resume_run")
    update_model = recorded("update_model")
    watch_run = recorded("watch_run")

    def __init__(self, library: Library) -> None:
        super().__init__(Path("app.log"))
        self.library = library
        self.session = SessionDatabase(library.folder.parent / "session", self.show_error)
        self.active_name: str | None = None
        self.told: list[str] = []
        self.calls: list[tuple[Any, ...]] = []

    async def on_unmount(self) -> None:
        await self.session.close()

    def header_text(self) -> str:
        return "no model"

    def notify_user(self, message: str, severity: str = "information") -> None:
        self.told.append(message)

    def show_error(self, error: RnnlmError) -> None:
        self.told.append(error.message)

    def use_model(self, name: str) -> None:
        self.active_name = name
        self.calls.append(("use_model", name))
