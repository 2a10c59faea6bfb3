"""The interface of the app for the Train screen."""

from __future__ import annotations

from typing import Protocol

from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.widgets.host import Host


class TrainHost(Host, Protocol):
    """The app, as the Train screen sees it."""

    preferences: Preferences

    @property
    def runs(self) -> Runs:
        """The trainings of the app."""

    @property
    def session(self) -> SessionDatabase:
        """What survives a restart."""

    @property
    def default_seed_line(self) -> str:
        """The default of the line that a training continues after each epoch."""

    def show_model(self, name: str) -> None:
        """Shows a model on the Models screen."""

    def store_preferences(self) -> None:
        """Saves the preferences."""
