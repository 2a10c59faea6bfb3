"""Which model is active, while choices and saves come in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.tui.writing.active_model import ModelLoader
from tests.helpers.app import ScriptedLibrary, scripted_model, until


class GatedLibrary(ScriptedLibrary):
    """Opens a model only once its gate is open; `opened` has the names in order."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(folder, {name: scripted_model() for name in names})
        self.gate = threading.Event()
        self.opened: list[str] = []
        self.waiting = False

    def open(self, name: str | None) -> OpenedModel:
        """Waits at the gate."""
        assert name is not None
        self.opened.append(name)
        self.waiting = not self.gate.is_set()
        assert self.gate.wait(10)
        self.waiting = False
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

    async def play(self, script: str) -> None:
        """Calls methods of the loader, and `use` of the library. `loading` waits until another
        model is being opened, `wait` until the last request is done."""
        for step in script.split(", "):
            method, *names = step.split(" ")
            if method == "loading":
                await until(lambda: self.library.waiting)
            elif method == "wait":
                self.library.gate.set()
                await until(lambda: self._work is None or self._work.done())
                self.library.gate.clear()
            elif method == "rename":
                self.library.models[names[1]] = self.library.models.pop(names[0])
                self.loader.name_changed(*names)
            elif method == "use":
                self.library.use(*names)
            else:
                getattr(self.loader, method)(*(None if name == "-" else name for name in names))


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Trial]:
    """A ModelLoader over the models `damaged`, the newest, `poems`, `other` and `english`."""
    trial = Trial(GatedLibrary(tmp_path, "damaged", "poems", "other", "english"))
    yield trial
    trial.cancel()
    trial.library.gate.set()


DAMAGED = ["damaged is damaged"]
GONE = "the model in use, gone, is gone; english suggests instead"


WHICH: list[tuple[str, list[str], list[str] | None, list[str], str]] = [
    # The model that is asked for, or the one in use, or else the English: never the newest.
    ("use poems, begin other, wait", ["other"], ["other"], [], "other"),
    ("use other, begin, wait", ["other"], ["other"], [], "other"),
    ("begin, wait", ["english"], ["english"], [], "english"),
    ("use damaged, begin, wait", ["english"], ["damaged", "english"], DAMAGED, "damaged"),
    ("use gone, begin, wait", ["english"], ["english"], [GONE], "english"),
    ("use poems, begin gone, wait", ["poems"], None, ["there is no model gone"], "poems"),
    # A choice is not lost to the saves of the active model, which are loaded once.
    ("choose poems, wait, choose other, loading, reload poems, wait, reload poems, wait",
     ["poems", "other"], ["poems", "other"], [], "other"),
    ("choose poems, loading, reload poems, reload poems, reload poems, wait",
     ["poems"], ["poems"] * 2, [], "poems"),
    # After a choice that failed, the active model is loaded again.
    ("choose poems, wait, choose damaged, wait, reload poems, wait",
     ["poems"] * 3, ["poems", "damaged", "poems"], DAMAGED, "poems"),
    # A model that is saved again is not thereby what another app or the command line chose.
    ("choose poems, wait, use other, reload poems, wait", ["poems"] * 2, None, [], "other"),
    # A model that is deleted or renamed while it is loaded.
    ("choose poems, wait, choose other, loading, name_changed other -, wait",
     ["poems"] * 2, None, [], "poems"),
    ("choose other, loading, rename other letters, wait", ["letters"], None, [], "letters"),
]  # fmt: skip
"""Calls, the models that are active one after the other, those that are opened if that matters, the
errors, and the model that is in use then."""


@pytest.mark.parametrize(("script", "active", "opened", "errors", "in_use"), WHICH)
async def test_which_model_is_active(
    it: Trial,
    script: str,
    active: list[str],
    opened: list[str] | None,
    errors: list[str],
    in_use: str,
) -> None:
    await it.play(script)
    assert (it.names, [error.partition(" (")[0] for error in it.errors]) == (active, errors)
    assert opened in (None, it.library.opened)
    assert it.library.in_use(lambda problem: None) == in_use


async def test_a_choice_that_cannot_be_stored_suggests_all_the_same(
    it: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(library: Library, name: str) -> None:
        raise StorageError("no space left on device")

    monkeypatch.setattr(GatedLibrary, "use", fail)
    await it.play("choose poems, wait")
    assert (it.names, it.errors) == (["poems"], ["no space left on device"])


async def test_a_save_by_another_process_is_loaded_once(it: Trial) -> None:
    card = it.library.path("poems")
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    await it.play("choose poems, wait, reload_if_saved, wait")
    os.utime(card, ns=(1, 1))
    await it.play("reload_if_saved, wait, reload_if_saved, wait")
    card.unlink()
    await it.play("reload_if_saved, wait")
    assert it.names == it.library.opened == ["poems", "poems"]
