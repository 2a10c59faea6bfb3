"""The models whose words stand beside those of the one that suggests. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

MOST = 2
"""What a screen of 120 columns has room for, beside the model that suggests."""


class Comparison:
    """Up to two models to compare with, the one chosen last at the end. Each is loaded for this
    alone, since one that suggests is asked in its own place."""

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._model_loader: tuple[LoadedModel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models that were chosen."""
        return tuple(loaded_model.name for loaded_model in self._model_loader)

    def to(self, loaded_model: LoadedModel) -> tuple[LoadedModel, ...]:
        """The models to be asked beside this one: all but itself."""
        return tuple(other for other in self._model_loader if other.name != loaded_model.name)

    async def toggle(self, name: str) -> None:
        """Adds a model, in the place of the one chosen first where there are enough, or takes it
        away. Raises RnnlmError where it cannot be loaded."""
        if name in self.names:
            self.drop(name)
            return
        loaded_model = await asyncio.to_thread(self._opened, name)
        self.drop(name)
        self._model_loader = (*self._model_loader, loaded_model)[-MOST:]

    async def renew(self, name: str) -> None:
        """The model was saved: takes it as it is now, or does without it where it cannot be."""
        if name not in self.names:
            return
        try:
            fresh = await asyncio.to_thread(self._opened, name)
        except RnnlmError:
            self.drop(name)
        else:
            self._model_loader = tuple(fresh if s.name == name else s for s in self._model_loader)

    def drop(self, name: str) -> None:
        """The model is gone, or is to be compared no longer."""
        self._model_loader = tuple(
            loaded_model for loaded_model in self._model_loader if loaded_model.name != name
        )

    def _opened(self, name: str) -> LoadedModel:
        return LoadedModel(name, *self._library().open(name))
