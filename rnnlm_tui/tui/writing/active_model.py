"""The model that suggests, loaded off the event loop. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.widgets.latest import LatestQuestion
from rnnlm_tui.tui.writing.predictor import LoadedModel

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library


class Request(NamedTuple):
    """Asks for the first model that can be used. `names` gives the names to try, in a thread. The
    user is told about a failure of `named` alone; `only` is the name if there is just one."""

    names: Callable[[], Iterable[str]]
    named: str
    only: str | None = None


class Outcome(NamedTuple):
    """The model, when it was saved in nanoseconds, and what the user is to be told."""

    loaded_model: LoadedModel | None
    saved_ns: int | None
    error: RnnlmError | None


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
        self._latest = LatestQuestion(self._load, self._take)
        self.run = self._latest.run

    @property
    def name(self) -> str | None:
        """The name of the active model."""
        return self.current.name if self.current else None

    def begin(self, asked: str | None, last: str) -> None:
        """Loads the model asked for, else the one used last, else the newest that can be used."""

        def names() -> list[str]:
            found = sorted(self._library().newest_first(), key=lambda name: name != last)
            return found if asked is None else [asked, *(name for name in found if name != asked)]

        self._latest.ask(Request(names, asked or last))

    def choose(self, name: str) -> None:
        """Loads this model, in place of any other that was asked for."""
        self._latest.ask(Request(lambda: [name], name, only=name))

    def renew(self, name: str) -> None:
        """Loads a model that was saved again, if it is the active one or there is none. A choice
        that is being loaded goes first."""
        asked = self._latest.asked
        loading = asked.only if asked else None
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
        """The active model is gone."""
        self.current = None

    async def _load(self, request: Request) -> Outcome:
        return await asyncio.to_thread(self._open_first, request)

    def _open_first(self, request: Request) -> Outcome:
        errors = dict[str, RnnlmError]()
        try:
            for name in request.names():
                saved_ns = self._when_saved(name)  # before it is read: a later save is read again
                try:
                    loaded_model = LoadedModel(name, *self._library().open(name))
                except RnnlmError as error:
                    errors[name] = error
                else:
                    return Outcome(loaded_model, saved_ns, errors.get(request.named))
        except RnnlmError as error:  # the folder cannot be read
            return Outcome(None, None, error)
        return Outcome(None, None, next(iter(errors.values()), None))

    def _take(self, outcome: Outcome) -> None:
        if outcome.loaded_model is not None:
            self.current, self._saved_ns = outcome.loaded_model, outcome.saved_ns
        self.is_empty = self.current is None
        self._changed()
        if outcome.error is not None:
            self._failed(outcome.error)

    def _when_saved(self, name: str) -> int | None:
        """In the file system's nanoseconds; None if there is no such model."""
        from rnnlm_tui.store.files import MODEL  # imports numpy

        with suppress(OSError, RnnlmError):
            return (self._library().path(name) / MODEL).stat().st_mtime_ns
        return None
