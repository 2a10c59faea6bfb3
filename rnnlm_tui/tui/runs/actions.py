"""Decisions about a training: how to go on with it, and whether to stop it when the app is
closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rnnlm_tui.config import ALL_SETTINGS
from rnnlm_tui.store.corpora import find_sources
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.runs.wording import has_learned, kept_if_stopped, run_farewell
from rnnlm_tui.tui.widgets.dialogs import AskText, Choice, Confirm, number_check

if TYPE_CHECKING:
    from rnnlm_tui.tui.app import RnnlmApp

OTHER_TEXT = "train a new model on another text"
"""The hint if the text of a model is gone or was never known here."""
LONGER = "It is trained further on its text, and replaced if that makes it better. How many epochs?"
"""Asks for the number of further epochs."""


async def request_to_go_on(app: RnnlmApp, name: str) -> TrainArguments | None:
    """Returns the arguments that resume the run `name`. If it has finished, asks for the number of
    further epochs, and returns the arguments for these, or None if the user cancels.

    For workers only. `find_sources` raises RnnlmError if the model's text is not known here.
    """
    path = app.library.path(name)
    if app.library.runs.can_resume(name) or not path.exists():
        return TrainArguments.resuming(name)
    card = await asyncio.to_thread(read_card, path)
    await asyncio.to_thread(find_sources, name, app.library.runs.folder(name), card, OTHER_TEXT)
    check, epochs = number_check(ALL_SETTINGS["epochs"].type), str(card.config.epochs or 1)
    answer = await app.ask(AskText(f"Train {name} longer", LONGER, epochs, check=check))
    return None if answer is None else TrainArguments.updating(name, ("--epochs", answer.strip()))


async def may_update(app: RnnlmApp, name: str) -> bool:
    """Asks whether to update a model whose training is unfinished. Returns True if it is not. For
    workers only."""
    run = await asyncio.to_thread(app.library.runs.get, name)
    if not run.progress_lost:
        return True
    text = f"Its training stopped at {run.progress_lost}. After an update it cannot be resumed."
    return await app.ask(Confirm(f"Update {name}?", text, yes="Update")) is not None


async def leave_run(app: RnnlmApp, run: FollowedRun) -> str | None:
    """Asks whether to stop the app's own run or to let it continue in the background, and does
    that. Returns what to print once the app is closed.

    Returns None if the app is to stay open: because the user wants so, or because the run could not
    be stopped or detached, which is shown as an error. For workers only.
    """
    answer: str | None
    if run.progress.phase.is_over:  # but its process has not ended yet
        answer = "stop"
    elif run.detached:
        answer = "detach"
    else:  # unlike `ask`, this shows the question also while another dialog is open
        answer = await app.push_screen_wait(_question_of_quitting(run))
    if answer is None:
        return None
    app.notify_user("saving the training ..." if answer == "stop" else "closing ...")
    with app.showing_errors():
        await run.close(detach=answer == "detach")
        can_resume = app.library.runs.can_resume(run.name)
        return run_farewell(run, answer, can_resume=can_resume)
    return None


def _question_of_quitting(run: FollowedRun) -> Choice:
    is_paused = run.progress.phase is Phase.PAUSED
    state = "is paused, and will be saved" if is_paused else "is still training"
    stop = "Stop and save" if has_learned(run.progress) else "Stop"
    options = (
        ("stop", stop, kept_if_stopped(run.progress)),
        ("detach", "Train in the background", "it continues after the app is closed"),
    )
    return Choice("Stop the training?", f"{run.name} {state}.", options, cancel="Stay in the app")
