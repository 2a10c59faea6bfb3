"""Counts the keys that suggestions save on each day. Does not import textual."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.formatting import plural
from rnnlm_tui.session import texts
from rnnlm_tui.session.database import SessionDatabase

if TYPE_CHECKING:
    from rnnlm_tui.tui.writing.insertion import Typing


class KeysSaved:
    """The keys saved on each day, in the database and since the start of the app."""

    def __init__(self, database: SessionDatabase, typing: Typing) -> None:
        """`typing` counts the keys saved since the start."""
        self._database, self._typing = database, typing
        self._of_day = Counter[str]()
        """The keys in the database, by day."""
        self._stored = 0
        """How many of the keys saved since the start are in the database."""

    async def load(self) -> None:
        """Reads the keys saved today before the start. Raises StorageError."""
        keys = await self._database.read(partial(texts.saved_keys, day=today()))
        self._of_day[today()] = keys

    def store(self) -> None:
        """Adds the keys saved since the last call to those of today."""
        keys = self._typing.saved - self._stored
        if keys:
            self._stored += keys
            self._of_day[today()] += keys
            self._database.write(partial(texts.add_saved_keys, day=today(), keys=keys))

    def sentence(self) -> str:
        """Says how many keys were saved today; "" if none."""
        keys = self._of_day[today()] + self._typing.saved - self._stored
        return f"{plural(keys, 'key')} saved today" if keys > 0 else ""


def today() -> str:
    return date.today().isoformat()
