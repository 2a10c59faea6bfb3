"""Asks which of the texts written in the app to train on."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.formatting import day_name, plural
from rnnlm_tui.session.database import SessionDatabase
from rnnlm_tui.session.texts import Listed, find_texts
from rnnlm_tui.tui.widgets.dialogs import ChooseSeveral

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp


async def texts_with_words(session: SessionDatabase) -> list[Listed]:
    """Returns the texts that have lines, the newest first. Raises StorageError."""
    return [text for text in await session.read(partial(find_texts, query="")) if text.words]


async def choose_texts(app: RnnlmApp, chosen: Collection[int] = ()) -> list[int] | None:
    """Asks for some of the texts that have lines, of which the `chosen` ones are ticked at first.
    Returns the numbers of the texts, or None if the user cancels. Raises StorageError."""
    rows = [
        (
            text.number,
            f"{text.title} ({plural(text.words, 'word')}, {day_name(text.changed, '%b')})",
        )
        for text in await texts_with_words(app.session)
    ]
    return await app.ask(ChooseSeveral("Train on which texts?", rows, chosen))
