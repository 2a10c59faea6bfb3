"""What can be done with a run: which keys work, and the actions after its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rnnlm_tui.formatting import format_duration, sanitize
from rnnlm_tui.store.library import SavedRun
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import badge, run_line

CONTROLS = ("pause", "stop", "detach", "seed")
"""The actions of the process that has started a run; others can stop it at most."""


def is_saved(run: FollowedRun) -> bool:
    """Returns whether this run has saved a model."""
    if run.is_deleted:
        return False
    progress = run.progress
    learned = progress.finished is not None and bool(progress.finished.metrics)
    return progress.saved is not None or learned or progress.epochs_done > 0


def end_actions(run: FollowedRun, can_resume: bool) -> list[str]:
    """Returns the actions for a run that is over, the most useful first; none before its end."""
    if run.is_deleted:
        return ["again"]
    has_model, started = is_saved(run), run.progress.started
    go_on = ["go_on"] * can_resume
    match run.progress.phase:
        case Phase.FINISHED:
            is_network = started is not None and started.preset != "ngram"
            more = go_on or ["longer"] * (has_model and is_network)
            return ["use", "inside"] * has_model + more + ["compare"] * has_model + ["again"]
        case Phase.CRASHED | Phase.FAILED:
            return [*go_on, *["use", "inside"] * has_model, "again"]
    return []


def is_allowed(action: str, run: FollowedRun, can_resume: bool) -> bool | None:
    """Returns whether an action works on the run now, as `check_action` does: None dims its key,
    False hides it."""
    phase = run.progress.phase
    if phase.is_over:
        return action in end_actions(run, can_resume) or action == "again"
    if action in ("write", "inside"):
        return True  # before the first save it says when that will be
    if action not in CONTROLS or not (run.is_own or (action == "stop" and run.can_stop)):
        return False
    allowed = run.is_running and phase is not Phase.STOPPING
    if action == "pause":
        allowed = allowed and phase in (Phase.TRAINING, Phase.PAUSED)
    if action == "detach":
        allowed = allowed and not run.detached
    return True if allowed else None


def first_save(run: FollowedRun) -> str:
    """Says when the run will have saved a model."""
    last = run.progress.progress
    if last is None or not last.step:
        return "the first save comes after the first epoch"
    left = last.elapsed_s / last.step * (last.steps - last.step)
    return f"the first epoch ends in about {format_duration(left, roughly=True)}"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list below the form, and what opening it does."""

    name: str
    text: str
    opens: Literal["own", "watch", "resume"]


def run_rows(saved_runs: Iterable[SavedRun], runs: Runs) -> list[RunRow]:
    """Returns the rows of the list below the form.

    The app's own run comes first, if it is running or Esc does not show it. Then come the runs in
    the library that another process trains, and those that were stopped.
    """
    own, rows = runs.own, []
    if own is not None and (own.is_running or own is not runs.shown) and not own.is_deleted:
        glyph, _, label = badge(own.progress).partition(" ")
        text = sanitize(f"{glyph} {own.name}  {label}, started here; Enter shows it")
        rows.append(RunRow(own.name, text, "own"))
    listed = own.name if own is not None and rows else None
    for run in saved_runs:
        if run.trainer is not None and not (run.name == listed and runs.training is not None):
            rows.append(RunRow(run.name, run_line(run), "watch"))
        elif run.is_unfinished and run.name != listed:
            rows.append(RunRow(run.name, run_line(run), "resume"))
    return rows
