"""What the app says, asks and offers about trainings, whichever screen is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rnnlm_tui.tui.runs.actions import is_unfinished, run_line
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.runs.wording import end_of
from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.host import Severity

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library, Run
    from rnnlm_tui.tui.runs.follower import FollowedRun

FIRST_MODEL = "sonnets"


def unfinished_notice(runs: Iterable[Run]) -> str:
    """Which trainings were stopped before their end; nothing if none was."""
    lines = [run_line(run) for run in runs if is_unfinished(run)]
    if len(lines) > 1:
        return f"{len(lines)} trainings were stopped before their end: F3 lists them"
    return f"{lines[0]} (F3, o)" if lines else ""


def progress_text(run: FollowedRun) -> str:
    """How far a training of the app's own is, for the header."""
    if run.progress.started is None:
        return f"▶ {run.name} starts"
    glyph = "‖" if run.progress.phase == "paused" else "▶"
    return f"{glyph} {run.progress.epoch_share:.0%} of {run.name}"


def end_notice(run: FollowedRun) -> tuple[str, Severity]:
    """How a run has ended, and how bad that is, for a toast."""
    end = end_of(run.progress, run.name, [])
    if not end.is_bad:
        return f"{run.name}: {end.headline}. F3 shows it", "information"
    return " ".join((f"{run.name}: {end.headline}.", *end.details)), "error"


def quit_question(run: FollowedRun) -> Choice:
    """Asks what becomes of a training when the app is closed: "stop" or "detach"."""
    return Choice(
        "Stop the training?",
        f"{run.name} is still training.",
        (
            ("stop", "Stop and save", "you can use it, and resume the training later"),
            ("detach", "Train in the background", "it goes on after the app is closed"),
        ),
        cancel="Stay in the app",
    )


def farewell(run: FollowedRun, answer: str) -> str:
    """What to print once the app is closed."""
    if answer == "detach":
        return f"{run.name} trains in the background. Its progress is on the Train screen."
    resume = f"rnnlm-tui --train --resume --name {run.name}"
    return f"{run.name} was stopped and saved. To resume it:\n  {resume}"


def first_model_request(library: Library) -> TrainingRequest | None:
    """The training that is offered if there is no model: three epochs of the lesson's network on
    the sonnets, half a minute. It is resumed if it was begun; None if a process trains it now.

    Reads the library, so call it in a thread. Raises StorageError.
    """
    run = next((run for run in library.runs() if run.name == FIRST_MODEL), None)
    if run is not None and run.running:
        return None
    if run is not None and run.resumable:
        return TrainingRequest.resuming(FIRST_MODEL)
    return TrainingRequest(("--name", FIRST_MODEL, "--epochs", "3"), FIRST_MODEL)
