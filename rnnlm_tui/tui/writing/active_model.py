"""Loads the active model, the one that suggests. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.store.files import saved_ns
from rnnlm_tui.tui.writing.predictor import return_freed_memory

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library, OpenedModel


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Asks for a model by name. With `or_else`, the model in use and then that of the locale's
    language are tried if there is no name or its model cannot be loaded. With `is_choice`, the
    named model becomes the one in use."""

    name: str | None
    or_else: bool = False
    is_choice: bool = True


class ModelLoader:
    """Loads and holds the active model.

    `current` is None while no model is loaded. `is_empty` is true once it is known that none can be
    loaded.
    """

    def __init__(
        self,
        library: Callable[[], Library],
        changed: Callable[[], None],
        failed: Callable[[RnnlmError], None],
        run_worker: Callable[[Callable[[], Coroutine[None, None, None]]], object],
    ) -> None:
        """`library` is called in a thread, since it imports numpy. `changed` is called when another
        model or none is active, `failed` with what went wrong for a request, both on the event
        loop. `run_worker` runs the work for a request, and cancels the work for an earlier one."""
        self.current: OpenedModel | None = None
        self.is_empty = False
        self._library, self._changed, self._failed = library, changed, failed
        self._run_worker = run_worker
        self._request: ModelRequest | None = None
        """The request that is being worked on."""
        self._thread = ThreadPoolExecutor(1, "model_loader")  # no two models at a time

    @property
    def name(self) -> str | None:
        return self.current.name if self.current else None

    def begin(self, asked: str | None = None) -> None:
        """Loads the model `asked`, which becomes the one in use. If it is None or cannot be loaded,
        loads the model in use, or else that of the locale's language. Replaces an earlier
        request."""
        self._ask(ModelRequest(asked, or_else=True))

    def choose(self, name: str) -> None:
        """Loads this model, and makes it the one in use. Replaces an earlier request."""
        self._ask(ModelRequest(name))

    def _ask(self, request: ModelRequest) -> None:
        self._request = request
        self._run_worker(partial(self._obey, request))

    def reload(self, name: str) -> None:
        """Loads a model that was saved again, if it is the active one or no model is active. Does
        nothing while a model that the user has chosen is being loaded, unless it is this one."""
        if (chosen := self._request) is not None and not chosen.or_else:
            if chosen.name == name:
                self._ask(chosen)
        elif self.name in (None, name):
            self._ask(ModelRequest(name, is_choice=False))

    def reload_if_saved(self) -> None:
        """Reloads the active model if another process, such as a background training, has saved
        it."""
        if (model := self.current) is not None:
            saved = saved_ns(model.path)
            if saved not in (0, model.saved_ns):  # 0: the file is gone
                model.saved_ns = saved
                self.reload(model.name)

    def name_changed(self, old: str, new: str | None) -> None:
        """Called when a model was renamed, or deleted (`new` is None). If it is active, or any is
        being loaded, loads the one asked for, or else the active one, by its new name. In place of
        a deleted one, loads the active one, or the one that `or_else` finds."""
        if self._request is None and self.name != old:
            return
        request = self._request or ModelRequest(None, is_choice=False)
        wanted = request.name or self.name
        if wanted == old:
            wanted = new
        if self.name == old and new is None:
            self.current = None
        self._ask(replace(request, name=wanted or self.name, or_else=True))

    async def _obey(self, request: ModelRequest) -> None:
        loop = asyncio.get_running_loop()
        loaded, error = await loop.run_in_executor(self._thread, self._load, request)
        self.current = loaded or self.current
        self._request = None
        self.is_empty = self.current is None
        self._changed()
        if error is not None:
            self._failed(error)

    def _load(self, request: ModelRequest) -> tuple[OpenedModel | None, RnnlmError | None]:
        """Returns the first model that can be loaded, and the first error. For threads."""
        errors, library = list[RnnlmError](), self._library()
        for name in self._names(request, library, errors):
            try:
                opened = library.open(name)
            except RnnlmError as error:
                errors.append(error)
                continue
            return_freed_memory()
            if request.is_choice and name == request.name:
                try:
                    library.use(name)
                except RnnlmError as error:  # it becomes active, but is not stored as in use
                    errors.append(error)
            return opened, next(iter(errors), None)
        return None, next(iter(errors), None)

    def _names(
        self, request: ModelRequest, library: Library, errors: list[RnnlmError]
    ) -> Iterator[str]:
        """Yields the names of the models to try. If the one in use is gone, adds an error."""
        from rnnlm_tui.store.languages import model_of_locale

        if request.name is not None:
            yield request.name
        if request.or_else:
            yield library.in_use(lambda problem: errors.append(ModelError(problem)))
            yield model_of_locale()
