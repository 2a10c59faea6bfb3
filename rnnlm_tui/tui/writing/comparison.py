"""The models compared with the active one. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel, load_model

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

MAX_COMPARED = 2
"""A screen of 120 columns has room for two models next to the active one."""


class Comparison:
    """Up to two models, the latest choice last. They are loaded separately from the active model,
    even if one of them becomes active."""

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._models: tuple[LoadedModel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(loaded_model.name for loaded_model in self._models)

    def without(self, name: str | None) -> tuple[LoadedModel, ...]:
        """Returns the models, except the one with this name."""
        return tuple(other for other in self._models if other.name != name)

    async def toggle(self, name: str) -> None:
        """Removes a model, or adds it; a third one replaces the earliest choice. Raises RnnlmError
        if the model cannot be loaded."""
        if name in self.names:
            self.drop(name)
            return
        loaded_model = await asyncio.to_thread(self._open, name)
        self._models = (*self.without(name), loaded_model)[-MAX_COMPARED:]

    async def reload(self, name: str) -> None:
        """Reloads a model that was saved again, or removes it if that fails."""
        try:
            fresh = await asyncio.to_thread(self._open, name)
        except RnnlmError:
            self.drop(name)
        else:
            self._models = tuple(fresh if m.name == name else m for m in self._models)

    def drop(self, name: str) -> None:
        self._models = self.without(name)

    def _open(self, name: str) -> LoadedModel:
        return load_model(self._library(), name)
