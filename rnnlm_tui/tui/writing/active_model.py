"""The model that suggests, loaded off the event loop. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.tui.widgets.latest_question import LatestQuestion
from rnnlm_tui.tui.writing.predictor import LoadedModel, load

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library


@dataclass(frozen=True, eq=False)
class Request:
    """Asks for the model `asked`; `or_another`: else for `last`, else for the newest that can be
    used."""

    asked: str | None
    last: str = ""
    or_another: bool = False


class ModelLoader:
    """Holds the active model.

    `current` is None while none is loaded; `is_empty` is true once it is known that none can be.
    """

    def __init__(
        self,
        library: Callable[[], Library],
        changed: Callable[[], None],
        failed: Callable[[RnnlmError], None],
    ) -> None:
        """`library` is called in a thread, since it imports numpy. `changed` is called on the event
        loop when another model is active or none can be, `failed` when a model that was named
        cannot be used, or none can."""
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
        """Loads the model asked for, else the one used last, else the newest that can be used."""
        self._latest.ask(Request(asked, last, or_another=True))

    def choose(self, name: str) -> None:
        """Loads this model, in place of any other that was asked for."""
        self._latest.ask(Request(name))

    def renew(self, name: str) -> None:
        """Loads a model that was saved again, if it is the active one or there is none. A choice
        that is being loaded goes first."""
        now = self._latest.asked
        loading = now.asked if now is not None and not now.or_another else None
        if self._latest.waiting is None and (loading or self.name) in (None, name):
            self.choose(name)

    def renew_if_saved(self) -> None:
        """Loads the active model again if another process has saved it, as a training in the
        background does."""
        saved_ns = self._when_saved(self.name) if self.name else None
        if self.name and saved_ns not in (None, self._saved_ns):
            self._saved_ns = saved_ns
            self.renew(self.name)

    def drop(self) -> None:
        self.current = None

    async def _load(self, request: Request) -> RnnlmError | None:
        """Takes the first model that can be used, unless another is asked for by then. Returns what
        the user is to be told: why the model that was named cannot be used, or why none can."""
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
        saved_ns = self._when_saved(name)  # before it is read: a later save is read again
        return saved_ns, load(self._library(), name)

    def _show(self, error: RnnlmError | None) -> None:
        self.is_empty = self.current is None
        self._changed()
        if error is not None:
            self._failed(error)

    def _when_saved(self, name: str) -> int | None:
        """In the file system's nanoseconds; None if there is no such model."""
        from rnnlm_tui.store.files import MODEL  # imports numpy

        with suppress(OSError, RnnlmError):
            return (self._library().path(name) / MODEL).stat().st_mtime_ns
        return None


def _missing_base(loaded: LoadedModel) -> ModelError | None:
    """What the user is to be told of a model that was opened without the one it is built on."""
    from rnnlm_tui.store.load import missing_base  # imports numpy

    sentence = missing_base(loaded.card, loaded.model)
    return ModelError(f"{loaded.name}: {sentence}") if sentence else None
