"""Describes a run in words and figures, on the Train screen and on any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.notifications import SeverityLevel

from rnnlm_tui.events import COMPARING, MEASURING
from rnnlm_tui.formatting import format_duration, plural, sanitize, shorten
from rnnlm_tui.store.saved_runs import SavedRun
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.wording.savings import comparison_sentence
from rnnlm_tui.wording.trainings import ending

BADGES: Mapping[Phase, str] = {
    Phase.STARTING: "… preparing",
    Phase.TRAINING: "▶ training",
    Phase.PAUSED: "‖ PAUSED",
    Phase.STOPPING: "■ stopping",
    Phase.FINISHED: "✓ done",
    Phase.FAILED: "✗ failed",
}
"""Each phase as a glyph and a word."""
AT_END: Mapping[str, str] = {
    MEASURING: "how many keys it saves, on lines that it has not seen",
    COMPARING: "how many keys the models save that it is compared with, on the same lines",
}
"""What is measured in the phases after the last epoch."""


def badge(progress: RunProgress) -> str:
    """Returns the phase of a run, or how a finished one ended, as a glyph and a word."""
    if progress.phase is Phase.TRAINING and progress.is_past_training:
        return "▶ measuring"
    reason = progress.finished.reason if progress.finished is not None else ""
    return {"stopped": "■ stopped", "diverged": "✗ diverged"}.get(reason, BADGES[progress.phase])


def run_facts(run: FollowedRun) -> str:
    """Describes who trains, and the preset, size, device and corpus."""
    progress, parts = run.progress, []
    if not run.is_own:
        parts.append(f"trained by {run.trainer}")
    elif run.detached and not progress.phase.is_over:
        parts.append("continues when you quit")
    if (started := progress.started) is not None:
        last = progress.last_report
        parts.append(started.preset)
        if started.parameters:  # the number of n-grams is known only at the end
            parts.append(f"{started.parameters:,} parameters")
        threads = plural((last and last.threads) or started.threads, "thread")
        parts += [f"{started.device}, {threads}", shorten(str(started.corpus.name))]
        if last is not None and progress.phase is Phase.TRAINING:
            parts.append(f"{last.examples_per_s:,.0f} examples/s")
    return sanitize(" · ".join(parts))


def time_left_words(progress: RunProgress) -> str:
    """Says how long the run still takes, next to the bar of the epochs."""
    if progress.phase is Phase.STOPPING:
        return "saving the model"
    if progress.run_share == 1:
        return "measuring the model"
    if progress.last_report is None or (left := progress.last_report.eta_s) is None:
        return "estimating"
    return f"{format_duration(left)} left"


def is_bad_end(progress: RunProgress) -> bool:
    """Returns whether the run failed or diverged."""
    return progress.failed is not None or badge(progress) == "✗ diverged"


def end_lines(progress: RunProgress) -> list[str]:
    """Says how a run ended: a headline, and details or what to do. Empty before its end."""
    if (failed := progress.failed) is not None:
        last = progress.saved.epoch if progress.saved is not None else 0
        kept = f"epoch {last} was saved" if last else "no epoch was saved yet"
        return [sanitize(line) for line in (failed.message, failed.hint, kept) if line]
    if (finished := progress.finished) is None:
        return []
    done, total = progress.epochs_done, progress.epochs_total
    headline, *details = (f"{s[0].upper()}{s[1:]}" for s in ending(finished, done, total))
    if finished.reason == "diverged":
        details.append("Train again with a smaller learning rate (under more)")
    return [sanitize(headline), *(sanitize(f"{line}.") for line in details)]


def unfinished_notice(runs: Iterable[SavedRun]) -> str:
    """Says which trainings go on or are unfinished; "" if there is none."""
    runs = list(runs)
    if on := ", ".join(sanitize(run.name) for run in runs if run.trainer is not None):
        return f"▶ {on} is being trained in the background: F3 shows it"
    match [run for run in runs if run.is_unfinished]:
        case []:
            return ""
        case [run]:
            done = (
                f"epoch {run.epochs_done} of {run.epochs}" if run.epochs_done else "its first epoch"
            )
            return f"‖ {sanitize(run.name)}  stopped at {done}: F4 resumes it"
        case several:
            return f"{len(several)} trainings were stopped before their end: F4 lists them"


def progress_text(run: FollowedRun, active: str | None) -> str:
    """Says how far a run is. Its name is left out if it is that of the `active` model, which stands
    beside this text."""
    progress = run.progress
    name = "" if run.name == active else f" {run.name}"
    if progress.phase.is_over:  # its process may take some seconds to end
        return f"{badge(progress)}{name}"
    if progress.started is None:
        return f"▶ {run.name} starts"
    if progress.is_past_training:
        return f"▶ measuring{name}"
    glyph = "‖" if progress.phase is Phase.PAUSED else "▶"
    return f"{glyph} {progress.run_share:.0%}{name and f' of{name}'}"


def end_notice(run: FollowedRun, use: str) -> tuple[str, SeverityLevel]:
    """Returns the notice on the end of a run, and its severity. `use` is its `use_sentence`."""
    headline, *details = [f"{s[0].lower()}{s[1:]}".rstrip(".") for s in end_lines(run.progress)]
    if is_bad_end(run.progress):
        return f"{run.name}: {'; '.join((headline, *details))}", "error"
    found = run.progress.finished.comparison if run.progress.finished else None
    if found is not None and found.name in use:  # `use` has the figures of both models
        return use, "information"
    told = f"{run.name}: {headline}."
    return f"{told} {use or 'F3 shows it'}", "information"


def use_sentence(run: FollowedRun, active: str | None, *, is_used: bool) -> str:
    """Says whether the model of a run that has ended is used in place of the `active` one, why, and
    how to change that. Empty if the run has made no model, or that is active anyway."""
    if (finished := run.progress.finished) is None or finished.metrics is None:
        return ""
    if finished.update is not None or run.name == active:
        return ""
    found = finished.comparison
    why = f"{comparison_sentence(run.name, found)}: " if found and found.name == active else ""
    if is_used:
        return sanitize(f"{why}it is in use now. F4, u: back to {active}")
    return sanitize(f"{why}{active or 'no model'} stays in use. F3, w: write with {run.name}")


def has_learned(progress: RunProgress) -> bool:
    """Returns whether anything is kept of a run that is stopped now."""
    return progress.started is not None or bool(progress.epochs)


def kept_if_stopped(progress: RunProgress) -> str:
    """Says what is kept of a run that is stopped now."""
    if not has_learned(progress):
        return "nothing is kept: it has learned nothing yet"
    if progress.is_update:
        return "the model stays as it is, and you can resume the training"
    if progress.is_past_training:
        return "you can use the model, which is trained"
    if progress.is_saved:
        return "you can use the model as it is now, and resume the training"
    return "there is no model yet, but you can resume the training"


def run_farewell(run: FollowedRun, answer: str) -> str:
    """Returns what to print about the app's own run once the app is closed. `answer` is "detach" or
    "stop"."""
    if answer == "detach":
        return f"{run.name} trains in the background. In the app F3 shows it, and x stops it there."
    if not has_learned(run.progress):
        return f"{run.name} was stopped before it had learned anything."
    finished = run.progress.finished
    if finished is not None and finished.reason != "stopped":
        return f"{run.name} is trained and saved."
    resume = f"rnnlm-tui --train --resume --name {run.name}"
    return f"{run.name} was stopped and saved. To resume it:\n  {resume}"
