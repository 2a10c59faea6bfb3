"""A minimal app for tests of one screen."""

from __future__ import annotations

from pathlib import Path

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.widgets.terminal import TerminalApp


class HostApp(TerminalApp):
    """Records the messages to the user in `told` and the calls to the app in `calls`."""

    def __init__(self, library: Library) -> None:
        super().__init__(Path("app.log"))
        self.library = library
        self.active_name: str | None = None
        self.told: list[str] = []
        self.calls: list[tuple[str, ...]] = []

    def header_text(self) -> str:
        return "no model"

    def notify_user(self, message: str, severity: str = "information") -> None:
        self.told.append(message)

    def show_error(self, error: RnnlmError) -> None:
        self.told.append(error.message)

    def show_mode(self, mode: str) -> None:
        self.calls.append(("show_mode", mode))

    def use_model(self, name: str) -> None:
        self.active_name = name
        self.calls.append(("use_model", name))

    def models_changed(self) -> None:
        self.calls.append(("models_changed",))

    def renamed(self, old: str, new: str) -> None:
        self.calls.append(("renamed", old, new))
        self.models_changed()

    def deleted(self, name: str) -> None:
        self.calls.append(("deleted", name))
        self.models_changed()

    def resume_run(self, name: str) -> None:
        self.calls.append(("resume_run", name))

    def update_model(self, name: str, added: tuple[str, ...]) -> None:
        self.calls.append(("update_model", name, *added))

    def watch_run(self, name: str) -> None:
        self.calls.append(("watch_run", name))
