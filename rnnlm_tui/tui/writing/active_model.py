"""Which model suggests: loaded off the event loop, the latest choice wins. No textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.writing.predictor import LoadedModel

if TYPE_CHECKING:
    from rnnlm_tui.lm.model import LanguageModel
    from rnnlm_tui.store.card import ModelCard
    from rnnlm_tui.store.library import Library

Wish = Callable[[], Iterable[str]]
"""Gives the names to try, the first that can be used is taken; called in a thread."""


class ModelLoader:
    """Holds the model that suggests.

    `current` is None while none does; `is_empty` is true once it is known that none can.
    """

    def __init__(
        self,
        library: Callable[[], Library],
        changed: Callable[[], None],
        failed: Callable[[RnnlmError], None],
    ) -> None:
        """`library` is called in a thread, where its import of numpy holds nothing up. `changed` is
        called on the event loop when another model suggests or none can, `failed` when a model
        that was wanted by its name cannot be used, or none can."""
        self.current: LoadedModel | None = None
        self.is_empty = False
        self._library, self._changed, self._failed = library, changed, failed
        self._wanted: Wish | None = None
        self._named = ""
        """The model that is wanted by its name; any other that cannot be used is passed over."""
        self._loading: str | None = None
        self._saved_at: int | None = None
        """When the model that suggests was saved, in the file system's nanoseconds."""
        self._is_wanted = asyncio.Event()

    @property
    def name(self) -> str | None:
        """The name of the model that suggests."""
        return self.current.name if self.current else None

    def begin(self, asked: str | None, last: str) -> None:
        """Wants the model asked for, else the one used last, else the newest that is whole."""

        def names() -> list[str]:
            found = sorted(self._library().newest_first(), key=lambda name: name != last)
            return found if asked is None else [asked, *(name for name in found if name != asked)]

        self._want(names, asked or last)

    def choose(self, name: str) -> None:
        """Wants this model, and none that was wanted before."""
        self._loading = name
        self._want(lambda: [name], name)

    def renew(self, name: str) -> None:
        """The model was saved: loads it anew where it suggests, or where none does yet. A choice
        that is on its way goes before."""
        if self._wanted is None and (self._loading or self.name) in (None, name):
            self.choose(name)

    def renew_if_saved(self) -> None:
        """Loads the model that suggests anew where another process has saved it meanwhile, as a
        training in the background does."""
        if (name := self.name) is None:
            return
        saved = self._stamp(name)
        if saved not in (None, self._saved_at):
            self._saved_at = saved
            self.renew(name)

    def drop(self) -> None:
        """The model that suggests is gone."""
        self.current = None

    def _want(self, names: Wish, named: str) -> None:
        self._wanted, self._named = names, named
        self._is_wanted.set()

    async def run(self) -> None:
        """Loads what is wanted, for ever."""
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            wish, self._wanted = self._wanted, None
            if wish is not None:
                await self._load(wish)
            if self._wanted is None:
                self._loading = None

    async def _load(self, wish: Wish) -> None:
        """Takes the first model that can be used, unless another is wanted by then."""
        named, errors = self._named, dict[str, RnnlmError]()
        try:
            for name in await asyncio.to_thread(wish):
                try:
                    saved, card, model = await asyncio.to_thread(self._opened, name)
                except RnnlmError as why:
                    errors[name] = why
                    continue
                if self._wanted is None:
                    self.current, self.is_empty = LoadedModel(name, card, model), False
                    self._saved_at = saved
                    self._changed()
                errors = {name: why for name, why in errors.items() if name == named}
                break
            else:
                self.is_empty = self.current is None
                self._changed()
        except RnnlmError as why:  # the folder cannot be read
            errors, self.is_empty = {"": why}, self.current is None
            self._changed()
        if errors:
            self._failed(next(iter(errors.values())))

    def _opened(self, name: str) -> tuple[int | None, ModelCard, LanguageModel]:
        saved = self._stamp(name)  # before it is read: what comes later is read again
        return saved, *self._library().open(name)

    def _stamp(self, name: str) -> int | None:
        from rnnlm_tui.store.files import MODEL  # imports numpy

        with suppress(OSError, RnnlmError):
            return (self._library().path(name) / MODEL).stat().st_mtime_ns
        return None
