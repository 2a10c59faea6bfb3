"""Loads the active model, the one that suggests, off the event loop. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel, load_model

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

Opened: TypeAlias = tuple[int | None, LoadedModel]
"""A model, and when it was saved: the modification time in nanoseconds."""


@dataclass(frozen=True, eq=False)
class ModelRequest:
    """A request for the model `asked`. With `or_another`, `last`, the built-in models and then
    the others are tried if that one cannot be loaded."""

    asked: str | None
    last: str = ""
    or_another: bool = False


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
        self._saved_ns: int | None = None
        self._request: ModelRequest | None = None
        """The request at work, or None."""
        self._thread = ThreadPoolExecutor(1, "model_loader")  # no two models at a time

    @property
    def name(self) -> str | None:
        return self.current.name if self.current else None

    def begin(self, asked: str | None, last: str) -> None:
        """Loads the requested model, or the last one used, or another usable one."""
        self._ask(ModelRequest(asked, last, or_another=True))

    def choose(self, name: str) -> None:
        """Loads this model in place of any other request."""
        self._ask(ModelRequest(name))

    def reload(self, name: str) -> None:
        """Reloads a model that was saved again, if it is the active one or no model is active.
        Does nothing while another chosen model is being loaded."""
        request = self._request
        loading = request.asked if request is not None and not request.or_another else None
        if (loading or self.name) in (None, name):
            self.choose(name)

    def reload_if_saved(self) -> None:
        """Reloads the active model if another process, such as a background training, has saved
        it."""
        saved_ns = self._when_saved(self.name) if self.name else None
        if self.name and saved_ns not in (None, self._saved_ns):
            self._saved_ns = saved_ns
            self.reload(self.name)

    def name_changed(self, old: str, new: str | None) -> None:
        """Follows a model that was renamed, or deleted (None), even while it is being loaded."""
        request = self._request
        if request is None and self.name != old:
            return
        asked = request.asked if request is not None and request.asked else self.name
        if self.name == old and new is None:
            self.current = None
        wanted = (new if asked == old else asked) or self.name
        self.begin(wanted, request.last if request is not None else "")

    def _ask(self, request: ModelRequest) -> None:
        """Replaces any earlier request with this one."""
        self._request = request
        self._run_worker(partial(self._obey, request))

    async def _obey(self, request: ModelRequest) -> None:
        loop = asyncio.get_running_loop()
        opened, error = await loop.run_in_executor(self._thread, self._load, request)
        if opened is not None:
            self._saved_ns, self.current = opened
        self._request = None
        self.is_empty = self.current is None
        self._changed()
        if error is not None:
            self._failed(error)

    def _load(self, request: ModelRequest) -> tuple[Opened | None, RnnlmError | None]:
        """Opens the first usable model. Also returns the error to show: why the requested model
        cannot be used, or why none can."""
        errors = dict[str, RnnlmError]()
        try:
            for name in self._names(request):
                try:
                    opened = self._open(name)
                except RnnlmError as error:
                    errors[name] = error
                else:
                    return opened, errors.get(request.asked or request.last)
        except RnnlmError as error:  # the folder cannot be read
            return None, error
        return None, next(iter(errors.values()), None)

    def _names(self, request: ModelRequest) -> list[str]:
        names = [request.asked] if request.asked is not None else []
        if request.or_another:
            library, last = self._library(), request.last
            # Not the newest: a model trained elsewhere is not what one chose to write with.
            names += sorted(
                library.newest_first(), key=lambda n: (n != last, not library.is_built_in(n))
            )
        return list(dict.fromkeys(names))

    def _open(self, name: str) -> Opened:
        saved_ns = self._when_saved(name)  # read first, so that no later save is missed
        return saved_ns, load_model(self._library(), name)

    def _when_saved(self, name: str) -> int | None:
        """Returns the modification time in nanoseconds; None if there is no such model."""
        with suppress(OSError, RnnlmError):
            return self._library().path(name).stat().st_mtime_ns
        return None
