"""Which model is active, while choices and saves come in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.tui.writing.active_model import ModelLoader
from tests.helpers.app import ScriptedLibrary, scripted_model
from tests.helpers.runs import until

PATIENCE_S = 10


class GatedLibrary(ScriptedLibrary):
    """Opens a model only once its gate is open; `opened` has the names in order."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(folder, {name: scripted_model() for name in names})
        self.gate = threading.Event()
        self.gate.set()
        self.opened: list[str] = []

    def open(self, name: str) -> tuple[ModelCard, LanguageModel]:
        """Waits at the gate."""
        self.opened.append(name)
        assert self.gate.wait(PATIENCE_S)
        if name == "damaged":
            raise ModelError("damaged is damaged", "delete it")
        return super().open(name)


class Trial:
    """A running ModelLoader, the `names` of the models that were active in order, and the
    errors."""

    def __init__(self, library: GatedLibrary) -> None:
        self.library = library
        self.names: list[str | None] = []
        self.errors: list[str] = []
        self.loader = ModelLoader(
            lambda: library,
            lambda: self.names.append(self.loader.name),
            lambda error: self.errors.append(error.message),
            self._run_worker,
        )
        self._work: asyncio.Task[None] | None = None

    def _run_worker(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self.cancel()
        self._work = asyncio.create_task(work())

    def cancel(self) -> None:
        """Cancels the work for the latest request."""
        if self._work is not None:
            self._work.cancel()

    async def until_active(self, *names: str | None) -> None:
        """Waits until these have been active."""
        await until(lambda: self.names == list(names))

    async def begin_slowly(self, name: str) -> None:
        """Starts to load a model, which waits until the gate is opened."""
        opened = len(self.library.opened)
        self.library.gate.clear()
        self.loader.choose(name)
        await until(lambda: len(self.library.opened) > opened)


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Trial]:
    """A ModelLoader over the models `damaged`, the newest, `poems`, and `other`."""
    trial = Trial(GatedLibrary(tmp_path, "damaged", "poems", "other"))
    yield trial
    trial.cancel()


@pytest.mark.parametrize(
    ("asked", "last", "loaded", "errors"),
    [
        ("other", "poems", "other", []),
        (None, "other", "other", []),
        (None, "damaged", "poems", ["damaged is damaged"]),
        (None, "", "poems", []),
        ("unheard-of", "nor-this", "poems", ["there is no model unheard-of"]),
    ],
    ids=["asked for", "used last", "used last but damaged", "newest but damaged", "none of these"],
)
async def test_which_model_is_loaded_at_the_start(
    it: Trial, asked: str | None, last: str, loaded: str, errors: list[str]
) -> None:
    it.loader.begin(asked, last)
    await it.until_active(loaded)
    assert it.errors == errors


async def test_a_built_in_model_is_loaded_rather_than_the_newest(
    it: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(it.library, "is_built_in", lambda name: name == "other")
    it.loader.begin(None, "gone")
    await it.until_active("other")


async def test_with_no_model_that_can_be_used(it: Trial) -> None:
    it.library.models.clear()
    it.loader.begin(None, "")
    await it.until_active(None)
    assert it.loader.is_empty
    assert not it.errors


async def test_a_choice_is_not_lost_to_the_saves_of_the_active_model(it: Trial) -> None:
    it.loader.choose("poems")
    await it.until_active("poems")
    await it.begin_slowly("other")
    for _ in range(12):
        it.loader.reload("poems")
    it.library.gate.set()
    await it.until_active("poems", "other")
    it.loader.reload("poems")
    await asyncio.sleep(0)
    assert it.library.opened == ["poems", "other"]


async def test_after_a_choice_that_failed_the_active_model_is_loaded_again(it: Trial) -> None:
    for count, choose in enumerate(("poems", "damaged"), 1):
        it.loader.choose(choose)
        await it.until_active(*["poems"] * count)
    it.loader.reload("poems")
    await it.until_active(*["poems"] * 3)
    assert it.errors == ["damaged is damaged"]


async def test_a_model_deleted_while_it_is_loaded_does_not_become_active(it: Trial) -> None:
    it.loader.choose("poems")
    await it.until_active("poems")
    await it.begin_slowly("other")
    it.loader.name_changed("other", None)
    it.library.gate.set()
    await it.until_active("poems", "poems")


async def test_a_model_renamed_while_it_is_loaded_becomes_active(it: Trial) -> None:
    await it.begin_slowly("other")
    it.library.models["letters"] = it.library.models.pop("other")
    it.loader.name_changed("other", "letters")
    it.library.gate.set()
    await it.until_active("letters")
    assert not it.errors


async def test_saves_while_a_model_is_loaded_are_loaded_once(it: Trial) -> None:
    await it.begin_slowly("poems")
    for _ in range(12):
        it.loader.reload("poems")
    it.library.gate.set()
    await it.until_active("poems")
    assert it.library.opened == ["poems"] * 2


async def test_a_save_by_another_process_is_loaded_once(it: Trial) -> None:
    card = it.library.path("poems")
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    it.loader.choose("poems")
    await it.until_active("poems")
    it.loader.reload_if_saved()
    os.utime(card, ns=(1, 1))
    for _ in range(2):
        it.loader.reload_if_saved()
        await it.until_active("poems", "poems")
    card.unlink()
    it.loader.reload_if_saved()
    await asyncio.sleep(0)
    assert it.library.opened == ["poems", "poems"]
