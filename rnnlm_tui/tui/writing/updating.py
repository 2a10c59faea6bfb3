"""Updates the active model with what the user has written, and offers that from time to time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from rnnlm_tui.errors import ModelError
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.session import texts

if TYPE_CHECKING:
    from rnnlm_tui.store.library import OpenedModel
    from rnnlm_tui.tui.app import RnnlmApp

NEW_WORDS = 500
"""Words. An update is offered each time that this many more were written since the training."""


async def offer_of_update(app: RnnlmApp, written: int) -> str:
    """Returns a sentence that offers to update the active model with what was written since its
    training, if a multiple of NEW_WORDS was reached with the last `written` words, or else "". Only
    a model of the user's own is updated.

    Raises RnnlmError, and ValueError if the card of the model has no date.
    """
    model = app.opened_model
    if (
        model is None
        or app.library.is_built_in(model.name)
        or app.followed_runs.running is not None
    ):
        return ""
    since = datetime.fromisoformat(model.card.created).timestamp()
    words = await app.session.read(partial(texts.words_since, since=since))
    words_before = max(0, words - written)
    if words // NEW_WORDS == words_before // NEW_WORDS:
        return ""
    await _check_updatable(app, model)
    key = app.shown_key("autocomplete.update_model", "f8")
    return f"{words:,} new words: {key} updates {sanitize(model.name)} with them"


async def update_active(app: RnnlmApp) -> None:
    """Updates the active model with all that was written and that it has not learned, while the
    user goes on writing. For workers only. Raises RnnlmError."""
    from rnnlm_tui.tui.runs.actions import may_update
    from rnnlm_tui.tui.runs.child import TrainArguments, written_arguments

    if (model := app.opened_model) is None:
        train = app.shown_key("app.train", "f3")
        app.notify_user(f"there is no model to update: {train} trains one")
        return
    await _check_updatable(app, model)
    if await may_update(app, model.name):
        await app.followed_runs.start(TrainArguments.updating(model.name, written_arguments()))
        app.notify_user(f"{model.name} learns what you wrote; keep writing")


async def _check_updatable(app: RnnlmApp, model: OpenedModel) -> None:
    """Raises RnnlmError if the model cannot be updated, such as one that was imported."""
    from rnnlm_tui.store.corpora import find_sources

    name, card = model.name, model.card
    hint = f"{app.shown_key('app.train', 'f3')} makes a model of what you wrote"
    if app.library.is_built_in(name):
        raise ModelError(f"{name} is built in and cannot be updated", hint)
    if card.config.is_lesson:
        raise ModelError(f"{name} is of the preset lesson and cannot be updated", hint)
    await asyncio.to_thread(find_sources, name, model.folder, card, hint)
