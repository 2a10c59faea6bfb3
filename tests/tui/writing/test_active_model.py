"""Which model suggests, while choices and saves come in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import MODEL
from rnnlm_tui.tui.writing.active_model import ModelLoader
from tests.helpers.app import ScriptedLibrary, ScriptedModel

PATIENCE_S = 10


class GatedLibrary(ScriptedLibrary):
    """Opens a model only once its gate is open; `opened` has the names in order."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(folder, {name: ScriptedModel() for name in names})
        self.gate = threading.Event()
        self.gate.set()
        self.opened: list[str] = []

    def open(self, name: str) -> tuple[ModelCard, LanguageModel]:
        """Waits at the gate."""
        self.opened.append(name)
        assert self.gate.wait(PATIENCE_S)
        return super().open(name)


class Trial:
    """ModelLoader at work, with what they have told."""

    def __init__(self, library: GatedLibrary) -> None:
        self.library = library
        self.names: list[str | None] = []
        self.errors: list[str] = []
        self.model_loader = ModelLoader(lambda: library, self._changed, self._failed)

    def _changed(self) -> None:
        self.names.append(self.model_loader.name)

    def _failed(self, error: RnnlmError) -> None:
        self.errors.append(error.message)

    async def until(self, names: list[str | None]) -> None:
        """Waits until these have suggested, one after the other."""
        async with asyncio.timeout(PATIENCE_S):
            while self.names != names:
                await asyncio.sleep(0.001)

    async def until_opening(self, name: str) -> None:
        """Waits until this model is being loaded."""
        async with asyncio.timeout(PATIENCE_S):
            while name not in self.library.opened:
                await asyncio.sleep(0.001)


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Trial]:
    """ModelLoader over the models `poems`, the newest, and `other`."""
    trial = Trial(GatedLibrary(tmp_path, "poems", "other"))
    work = asyncio.create_task(trial.model_loader.run())
    yield trial
    work.cancel()


async def test_the_model_asked_for_comes_before_the_last_before_the_newest(it: Trial) -> None:
    it.model_loader.begin("other", "poems")
    await it.until(["other"])
    it.model_loader.begin(None, "other")
    await it.until(["other", "other"])
    it.model_loader.begin(None, "")
    await it.until(["other", "other", "poems"])


async def test_a_choice_is_not_lost_to_the_saves_of_the_model_in_training(it: Trial) -> None:
    it.model_loader.choose("poems")
    await it.until(["poems"])
    it.library.gate.clear()
    it.model_loader.choose("other")
    await it.until_opening("other")
    for _ in range(12):
        it.model_loader.renew("poems")
    it.library.gate.set()
    await it.until(["poems", "other"])
    it.model_loader.renew("poems")
    await asyncio.sleep(0)
    assert it.library.opened == ["poems", "other"]


async def test_saves_while_one_is_loaded_are_loaded_once(it: Trial) -> None:
    it.model_loader.choose("poems")
    await it.until(["poems"])
    it.library.gate.clear()
    it.model_loader.renew("poems")
    async with asyncio.timeout(PATIENCE_S):
        while len(it.library.opened) < 2:
            await asyncio.sleep(0.001)
    for _ in range(12):
        it.model_loader.renew("poems")
    it.library.gate.set()
    await it.until(["poems", "poems"])
    assert it.library.opened == ["poems"] * 3


async def test_a_save_by_another_process_is_loaded_once(it: Trial) -> None:
    card = it.library.path("poems") / MODEL
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    it.model_loader.choose("poems")
    await it.until(["poems"])
    it.model_loader.renew_if_saved()
    os.utime(card, ns=(1, 1))
    for _ in range(2):
        it.model_loader.renew_if_saved()
        await it.until(["poems", "poems"])
    card.unlink()
    it.model_loader.renew_if_saved()
    await asyncio.sleep(0)
    assert it.library.opened == ["poems", "poems"]


async def test_the_latest_choice_wins(it: Trial) -> None:
    it.library.gate.clear()
    it.model_loader.choose("poems")
    await it.until_opening("poems")
    it.model_loader.choose("other")
    it.library.gate.set()
    await it.until(["other"])


async def test_models_that_cannot_be_used_are_passed_over_and_told_of_once(it: Trial) -> None:
    it.model_loader.begin("unheard-of", "nor-this")
    await it.until(["poems"])
    assert it.errors == ["there is no model unheard-of"]


async def test_with_no_model_that_is_known(it: Trial) -> None:
    it.library.models.clear()
    it.model_loader.begin(None, "")
    await it.until([None])
    assert it.model_loader.is_empty
    assert not it.errors
