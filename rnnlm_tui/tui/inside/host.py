"""What the Inside screen asks of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rnnlm_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from rnnlm_tui.lm.model import LanguageModel


class ModelInMemory(Protocol):
    """The active model."""

    @property
    def model(self) -> LanguageModel: ...


class InsideHost(Host, Protocol):
    """The app, as the Inside screen sees it."""

    @property
    def loaded_model(self) -> ModelInMemory | None:
        """The active model; None while no model is loaded."""

    @property
    def has_no_models(self) -> bool:
        """Whether it is known that no model can be loaded."""

    @property
    def trained_name(self) -> str | None:
        """The name of the model that the app is training; None if there is none."""

    @property
    def written(self) -> tuple[str, tuple[str, ...]]:
        """The line on the Autocomplete screen up to the cursor, and the lines above it."""
