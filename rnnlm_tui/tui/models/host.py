"""What the Models screen asks of the app."""

from __future__ import annotations

from typing import Protocol

from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.widgets.host import Host


class ModelsHost(Host, Protocol):
    """The app, as the Models screen sees it."""

    @property
    def session(self) -> SessionDatabase:
        """What survives a restart."""

    def update_model(self, name: str, added: tuple[str, ...]) -> None:
        """Trains a model on what its files and those `added` hold now, on the Train screen."""
