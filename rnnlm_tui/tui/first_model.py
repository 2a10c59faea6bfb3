"""The training that the app offers if there is no model yet. No textual here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlm_tui.tui.runs.child import TrainingRequest

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

NAME = "sonnets"
REQUEST = TrainingRequest(("--name", NAME, "--epochs", "3"), NAME)
"""Three epochs of the lesson's network on the sonnets: half a minute."""


def first_model_request(library: Library) -> TrainingRequest | None:
    """The first model's training, resumed if it was begun; None if a process trains it now.

    Reads the library, so call it in a thread. Raises StorageError.
    """
    run = next((run for run in library.runs() if run.name == NAME), None)
    if run is not None and run.running:
        return None
    return TrainingRequest.resuming(NAME) if run is not None and run.resumable else REQUEST
