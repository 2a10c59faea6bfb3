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
        self._speakers: tuple[LoadedModel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models that were chosen."""
        return tuple(speaker.name for speaker in self._speakers)

    def to(self, speaker: LoadedModel) -> tuple[LoadedModel, ...]:
        """The models to be asked beside this one: all but itself."""
        return tuple(other for other in self._speakers if other.name != speaker.name)

    async def toggle(self, name: str) -> None:
        """Adds a model, in the place of the one chosen first where there are enough, or takes it
        away. Raises RnnlmError where it cannot be loaded."""
        if name in self.names:
            self.drop(name)
            return
        speaker = await asyncio.to_thread(self._opened, name)
        self.drop(name)
        self._speakers = (*self._speakers, speaker)[-MOST:]

    async def renew(self, name: str) -> None:
        """The model was saved: takes it as it is now, or does without it where it cannot be."""
        if name not in self.names:
            return
        try:
            fresh = await asyncio.to_thread(self._opened, name)
        except RnnlmError:
            self.drop(name)
        else:
            self._speakers = tuple(fresh if s.name == name else s for s in self._speakers)

    def drop(self, name: str) -> None:
        """The model is gone, or is to be compared no longer."""
        self._speakers = tuple(speaker for speaker in self._speakers if speaker.name != name)

    def _opened(self, name: str) -> LoadedModel:
        return LoadedModel(name, *self._library().open(name))
