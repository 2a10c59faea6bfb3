"""Loads the active model, the one that suggests, off the event loop. Does not import textual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.tui.widgets.latest_question import LatestQuestion
from rnnlm_tui.tui.writing.predictor import LoadedModel, load_model

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library


@dataclass(frozen=True, eq=False)
class Request:
    """A request for the model `asked`. With `or_another`, `last` and then the newest usable model
    are tried if that one cannot be loaded."""

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
    ) -> None:
        """`library` is called in a thread, since it imports numpy. `changed` and `failed` are
        called on the event loop: `changed` when the active model has changed or none can be loaded,
        `failed` when the requested model, or any model, cannot be loaded."""
        self.current: LoadedModel | None = None
        self.is_empty = False
        self._library, self._changed, self._failed = library, changed, failed
        self._saved_ns: int | None = None
        self._latest = LatestQuestion(self._load, self._show)
        self.run = self._latest.run

    @property
    def name(self) -> str | None:
        return self.current.name if self.current else None

    def begin(self, asked: str | None, last: str) -> None:
        """Loads the requested model, or the last one used, or the newest usable one."""
        self._latest.ask(Request(asked, last, or_another=True))

    def choose(self, name: str) -> None:
        """Loads this model in place of any other request."""
        self._latest.ask(Request(name))

    def reload(self, name: str) -> None:
        """Reloads a model that was saved again, if it is the active one or no model is active.
        Does nothing while another chosen model is being loaded."""
        request = self._latest.asked
        loading = request.asked if request is not None and not request.or_another else None
        if self._latest.waiting is None and (loading or self.name) in (None, name):
            self.choose(name)

    def reload_if_saved(self) -> None:
        """Reloads the active model if another process, such as a background training, has saved
        it."""
        saved_ns = self._when_saved(self.name) if self.name else None
        if self.name and saved_ns not in (None, self._saved_ns):
            self._saved_ns = saved_ns
            self.reload(self.name)

    def drop(self) -> None:
        self.current = None

    async def _load(self, request: Request) -> RnnlmError | None:
        """Loads the first usable model, unless a newer request has come in. Returns the error to
        show: why the requested model cannot be used, or why none can."""
        errors = dict[str, RnnlmError]()
        try:
            for name in await asyncio.to_thread(self._names, request):
                try:
                    opened = await asyncio.to_thread(self._open, name)
                except RnnlmError as error:
                    errors[name] = error
                else:
                    if self._latest.waiting is None:
                        self._saved_ns, self.current = opened
                        if fault := _missing_base(opened[1]):
                            return fault
                    return errors.get(request.asked or request.last)
        except RnnlmError as error:  # the folder cannot be read
            return error
        return next(iter(errors.values()), None)

    def _names(self, request: Request) -> list[str]:
        names = [request.asked] if request.asked is not None else []
        if request.or_another:
            names += sorted(self._library().newest_first(), key=lambda name: name != request.last)
        return list(dict.fromkeys(names))

    def _open(self, name: str) -> tuple[int | None, LoadedModel]:
        saved_ns = self._when_saved(name)  # read first, so that no later save is missed
        return saved_ns, load_model(self._library(), name)

    def _show(self, error: RnnlmError | None) -> None:
        self.is_empty = self.current is None
        self._changed()
        if error is not None:
            self._failed(error)

    def _when_saved(self, name: str) -> int | None:
        """Returns the modification time in nanoseconds; None if there is no such model."""
        from rnnlm_tui.store.files import MODEL  # imports numpy

        with suppress(OSError, RnnlmError):
            return (self._library().path(name) / MODEL).stat().st_mtime_ns
        return None


def _missing_base(loaded: LoadedModel) -> ModelError | None:
    """Returns the error to show if the model was opened without the one that it is built on."""
    from rnnlm_tui.store.load import missing_base  # imports numpy

    sentence = missing_base(loaded.card, loaded.model)
    return ModelError(f"{loaded.name}: {sentence}") if sentence else None
