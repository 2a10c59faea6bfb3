"""Messages and questions about trainings that the app shows on any screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rnnlm_tui.tui.runs.actions import is_unfinished, run_line
from rnnlm_tui.tui.runs.wording import end_of
from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.host import Severity

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Run
    from rnnlm_tui.tui.runs.follower import FollowedRun


def unfinished_notice(runs: Iterable[Run]) -> str:
    """Says which trainings are unfinished; "" if none is."""
    lines = [run_line(run) for run in runs if is_unfinished(run)]
    if len(lines) > 1:
        return f"{len(lines)} trainings were stopped before their end: F3 lists them"
    return f"{lines[0]} (F3, o)" if lines else ""


def progress_text(run: FollowedRun) -> str:
    if run.progress.started is None:
        return f"▶ {run.name} starts"
    glyph = "‖" if run.progress.phase == "paused" else "▶"
    return f"{glyph} {run.progress.run_share:.0%} of {run.name}"


def end_notice(run: FollowedRun) -> tuple[str, Severity]:
    """Returns how a run ended, and its severity, for a toast."""
    end = end_of(run.progress, run.name, [])
    if not end.is_bad:
        headline = f"{end.headline[0].lower()}{end.headline[1:]}"
        return f"{run.name}: {headline}. F3 shows it", "information"
    return " ".join((f"{run.name}: {end.headline}.", *end.details)), "error"


def quit_question(run: FollowedRun) -> Choice:
    """Asks what to do with a training when the app is closed: "stop" or "detach"."""
    return Choice(
        "Stop the training?",
        f"{run.name} is still training.",
        (
            ("stop", "Stop and save", "you can use the model, and resume the training later"),
            ("detach", "Train in the background", "it continues after the app is closed"),
        ),
        cancel="Stay in the app",
    )


def farewell(run: FollowedRun, answer: str) -> str:
    """Returns what to print once the app is closed."""
    if answer == "detach":
        return f"{run.name} trains in the background. Its progress is on the Train screen."
    resume = f"rnnlm-tui --train --resume --name {run.name}"
    return f"{run.name} was stopped and saved. To resume it:\n  {resume}"
