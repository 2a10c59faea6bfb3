"""Loads the active model, the one that suggests, off the event loop. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel, load_model, when_saved

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library


class ModelLoader:
    """Loads and holds the active model.

    `current` is None while no model is loaded; `is_empty` is true once it is known that none can
    be loaded.
    """

    def __init__(
        self,
        library: Callable[[], Library],
        changed: Callable[[], None],
        failed: Callable[[RnnlmError], None],
        run_worker: Callable[[Callable[[], Coroutine[None, None, None]]], object],
    ) -> None:
        """`library` is called in a thread, since it imports numpy. `changed` and `failed` are
        called on the event loop: `changed` when the active model has changed or none can be loaded,
        `failed` when the requested model, or any model, cannot be loaded. `run_worker` runs the
        work for a request and cancels that for an earlier one."""
        self.current: LoadedModel | None = None
        self.is_empty = False
        self._library, self._changed, self._failed = library, changed, failed
        self._run_worker = run_worker
        self._request: tuple[str | None, str | None] | None = None
        """The request at work: the model that is asked for, and the last one used, if that or any
        other will do."""
        self._thread = ThreadPoolExecutor(1, "model_loader")  # no two models at a time

    @property
    def name(self) -> str | None:
        return self.current.name if self.current else None

    def begin(self, asked: str | None, last: str | None) -> None:
        """Loads the model `asked`, or else, unless `last` is None, that one, a built-in one or any
        other. Replaces an earlier request."""
        self._request = asked, last
        self._run_worker(partial(self._obey, asked, last))

    def choose(self, name: str) -> None:
        """Loads this model in place of any other request."""
        self.begin(name, None)

    def reload(self, name: str) -> None:
        """Reloads a model that was saved again, if it is the active one or no model is active.
        Does nothing while another chosen model is being loaded."""
        chosen = self._request[0] if self._request and self._request[1] is None else None
        if (chosen or self.name) in (None, name):
            self.choose(name)

    def reload_if_saved(self) -> None:
        """Reloads the active model if another process, such as a background training, has saved
        it."""
        if (model := self.current) is not None:
            saved_ns = when_saved(self._library(), model.name)
            if saved_ns not in (None, model.saved_ns):
                model.saved_ns = saved_ns
                self.reload(model.name)

    def name_changed(self, old: str, new: str | None) -> None:
        """Follows a model that was renamed, or deleted (None), even while it is being loaded."""
        if self._request is None and self.name != old:
            return
        asked, last = self._request or (None, None)
        asked = asked or self.name
        if self.name == old and new is None:
            self.current = None
        self.begin((new if asked == old else asked) or self.name, last or "")

    async def _obey(self, asked: str | None, last: str | None) -> None:
        loop = asyncio.get_running_loop()
        loaded, error = await loop.run_in_executor(self._thread, self._load, asked, last)
        self.current = loaded or self.current
        self._request = None
        self.is_empty = self.current is None
        self._changed()
        if error is not None:
            self._failed(error)

    def _load(
        self, asked: str | None, last: str | None
    ) -> tuple[LoadedModel | None, RnnlmError | None]:
        """Loads the first usable model. Also returns the error to show: why the requested model
        cannot be used, or why none can."""
        errors = dict[str, RnnlmError]()
        try:
            library, names = self._library(), [] if asked is None else [asked]
            if last is not None:
                # Not the newest: a model trained elsewhere is not what one chose to write with.
                names += sorted(
                    library.newest_first(), key=lambda n: (n != last, not library.is_built_in(n))
                )
            for name in dict.fromkeys(names):
                try:
                    return load_model(library, name), errors.get(asked or last or "")
                except RnnlmError as error:
                    errors[name] = error
        except RnnlmError as error:  # the folder cannot be read
            return None, error
        return None, next(iter(errors.values()), None)
