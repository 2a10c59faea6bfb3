"""What the Train screen asks of the app."""

from __future__ import annotations

from typing import Protocol

from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.widgets.host import Host


class TrainHost(Host, Protocol):
    """The app, as the Train screen sees it."""

    preferences: Preferences

    @property
    def runs(self) -> Runs:
        """The trainings that the app knows."""

    @property
    def session(self) -> SessionDatabase:
        """What survives a restart."""

    @property
    def default_seed_line(self) -> str:
        """The line that a training continues after each epoch by default."""

    def show_model(self, name: str) -> None:
        """Shows a model on the Models screen."""

    def store_preferences(self) -> None:
        """Saves the user's choices."""
