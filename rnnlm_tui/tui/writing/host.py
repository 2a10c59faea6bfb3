"""What the Autocomplete screen asks of the app."""

from __future__ import annotations

from typing import Protocol

from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.host import Host
from rnnlm_tui.tui.writing.predictor import LoadedModel


class WritingHost(Host, Protocol):
    """The app, as the Autocomplete screen sees it."""

    preferences: Preferences

    @property
    def loaded_model(self) -> LoadedModel | None:
        """The active model; None while none is loaded."""

    @property
    def has_no_models(self) -> bool:
        """Whether there is no model that could suggest."""

    def store_preferences(self) -> None:
        """Saves the user's choices."""
