"""The models compared with the active one. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel, load

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

MOST = 2
"""A screen of 120 columns has room for so many next to the active model."""


class Comparison:
    """Up to two models, the one chosen last at the end. Each is loaded for this alone, even if it
    becomes the active one."""

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._models: tuple[LoadedModel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(loaded_model.name for loaded_model in self._models)

    def without(self, name: str | None) -> tuple[LoadedModel, ...]:
        """The models to compare with the active one, which has this name: all but itself."""
        return tuple(other for other in self._models if other.name != name)

    async def toggle(self, name: str) -> None:
        """Removes a model, or adds it in place of the one chosen first if there are enough. Raises
        RnnlmError if it cannot be loaded."""
        if name in self.names:
            self.drop(name)
            return
        loaded_model = await asyncio.to_thread(self._open, name)
        self._models = (*self.without(name), loaded_model)[-MOST:]

    async def renew(self, name: str) -> None:
        """Loads a model that was saved again; removes it if that fails."""
        try:
            fresh = await asyncio.to_thread(self._open, name)
        except RnnlmError:
            self.drop(name)
        else:
            self._models = tuple(fresh if m.name == name else m for m in self._models)

    def drop(self, name: str) -> None:
        self._models = self.without(name)

    def _open(self, name: str) -> LoadedModel:
        return load(self._library(), name)
