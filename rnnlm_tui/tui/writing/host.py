"""What the Autocomplete screen asks of the app."""

from __future__ import annotations

from typing import Protocol

from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.host import Host
from rnnlm_tui.tui.writing.predictor import LoadedModel


class WritingHost(Host, Protocol):
    """The app, as the Autocomplete screen sees it."""

    preferences: Preferences

    async def idle(self) -> None:
        """Waits until nobody has typed for a while."""

    @property
    def loaded_model(self) -> LoadedModel | None:
        """The active model; None while no model is loaded."""

    @property
    def has_no_models(self) -> bool:
        """Whether it is known that no model can be loaded."""

    def store_preferences(self) -> None:
        """Saves the preferences."""
