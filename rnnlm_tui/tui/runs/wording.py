"""Describes a run in words and figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.notifications import SeverityLevel

from rnnlm_tui.event_types import Finished, Preparing
from rnnlm_tui.formatting import (
    cut_words,
    format_duration,
    plural,
    sanitize,
    shorten,
)
from rnnlm_tui.results import ending
from rnnlm_tui.store.library import SavedRun
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.state import Phase, RunProgress

BADGES: Mapping[Phase, str] = {
    Phase.STARTING: "… preparing",
    Phase.TRAINING: "▶ training",
    Phase.PAUSED: "‖ PAUSED",
    Phase.STOPPING: "■ stopping",
    Phase.FINISHED: "✓ done",
    Phase.FAILED: "✗ failed",
    Phase.CRASHED: "✗ crashed",
}
"""Each phase as a glyph and a word."""


def badge(progress: RunProgress) -> str:
    """Returns the phase of a run, or how a finished one ended, as a glyph and a word."""
    reason = progress.finished.reason if progress.finished is not None else ""
    return {"stopped": "■ stopped", "diverged": "✗ diverged"}.get(reason, BADGES[progress.phase])


def run_facts(progress: RunProgress) -> str:
    """Describes the preset, size, device and corpus of a run; "" before it has started."""
    started = progress.started
    if started is None:
        return ""
    last = progress.progress
    threads = plural((last and last.threads) or started.threads, "thread")
    corpus = shorten(str(started.corpus.name))
    # The number of n-grams is known only at the end.
    size = f" · {started.parameters:,} parameters" if started.parameters else ""
    return f"{sanitize(started.preset)}{size} · {sanitize(started.device)}, {threads} · {corpus}"


def time_left_words(progress: RunProgress, now: float) -> str:
    """Says how long the run still takes, next to the bar of the epochs."""
    left = progress.eta_s(now)
    match progress.phase:
        case Phase.STARTING:
            return "getting ready"
        case Phase.STOPPING:
            return "saving the model"
        case Phase.PAUSED if left is not None:
            return f"{format_duration(left)} left (paused)"
        case Phase.PAUSED:
            return "paused"
        case _ if left is None:
            return "finishing" if progress.run_share == 1 else "estimating"
    return f"{format_duration(left)} left"


def phase_left_words(phase: Preparing) -> str:
    """Says how long a phase of the preparation still takes."""
    left = phase.eta_s
    return "estimating" if left is None else f"{format_duration(left)} left for this"


def speed_words(progress: RunProgress, now: float) -> str:
    """Says how long the run has taken and how fast it is, next to the bar of the steps."""
    elapsed = f"{format_duration(progress.elapsed_s(now))} so far"
    last = progress.progress
    if last is None or progress.phase is not Phase.TRAINING:
        return elapsed
    return f"{elapsed}, {last.examples_per_s:,.0f} examples/s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: a headline, and details or what to do."""

    headline: str
    details: tuple[str, ...]
    is_bad: bool


def end_of(
    progress: RunProgress, name: str, log_tail: list[str], is_deleted: bool = False
) -> Outcome:
    """Describes how a run ended, for the Train screen."""
    if progress.finished is not None:
        end = _finished(progress, progress.finished)
    elif progress.failed is not None:
        hint = sanitize(progress.failed.hint)
        end = Outcome(sanitize(progress.failed.message), (hint,) if hint else (), True)
    else:
        saved = progress.saved.epoch if progress.saved else progress.epochs_done
        kept = f"epoch {saved} was saved" if saved else "no epoch was saved yet"
        lines = tuple(shorten(line, 200) for line in log_tail)
        end = Outcome(f"{sanitize(progress.crash_reason)}; {kept}", lines, True)
    if is_deleted:
        return dataclasses.replace(end, details=(f"The model {sanitize(name)} was deleted.",))
    return end


def _finished(progress: RunProgress, finished: Finished) -> Outcome:
    done, total = progress.epochs_done, progress.epochs_total
    is_bad = finished.reason == "diverged"
    headline, *lines = map(_capitalized, ending(finished, progress.part, done))
    if finished.reason == "stopped" and total is not None:
        place = 1 if finished.evaluation is not None else 0
        lines.insert(place, f"{done:,} of {plural(total, 'epoch')} done")
    details = [f"{line}." for line in lines]
    if is_bad:
        details.append("Train again with a smaller learning rate (More settings).")
    return Outcome(headline, tuple(details), is_bad)


def _capitalized(text: str) -> str:
    return sanitize(f"{text[0].upper()}{text[1:]}")


def continuation(seed: str, text: str) -> str:
    """Returns what a sample adds to its seed line."""
    rest = text.removeprefix(seed).strip() if text.startswith(seed) else text
    return cut_words(sanitize(rest)) or "(nothing)"


# Runs in the library, and what the app says of a run on any screen


def run_line(run: SavedRun) -> str:
    """Describes a run that another process trains or that was stopped."""
    epoch = f"epoch {run.epochs_done} of {run.epochs}" if run.epochs_done else ""
    if run.trainer is not None:
        saved = f"{epoch} is saved" if epoch else "no epoch is saved yet"
        return sanitize(f"▶ {run.name}  trained by {run.trainer}, {saved}")
    return sanitize(f"‖ {run.name}  stopped at {epoch or 'its first epoch'}")


def unfinished_notice(runs: Iterable[SavedRun]) -> str:
    """Says which trainings are unfinished; "" if none is."""
    lines = [run_line(run) for run in runs if run.is_unfinished]
    if len(lines) > 1:
        return f"{len(lines)} trainings were stopped before their end: F3 lists them"
    return f"{lines[0]}: F3, F6 and Enter resume it" if lines else ""


def progress_text(run: FollowedRun) -> str:
    if run.progress.started is None:
        return f"▶ {run.name} starts"
    glyph = "‖" if run.progress.phase == "paused" else "▶"
    return f"{glyph} {run.progress.run_share:.0%} of {run.name}"


def end_notice(run: FollowedRun) -> tuple[str, SeverityLevel]:
    """Returns how a run ended, and its severity, for a toast."""
    end = end_of(run.progress, run.name, [])
    if not end.is_bad:
        headline = f"{end.headline[0].lower()}{end.headline[1:]}"
        return f"{run.name}: {headline}. F3 shows it", "information"
    return " ".join((f"{run.name}: {end.headline}.", *end.details)), "error"


def farewell(run: FollowedRun, answer: str) -> str:
    """Returns what to print once the app is closed."""
    if answer == "detach":
        return f"{run.name} trains in the background. Its progress is on the Train screen."
    resume = f"rnnlm-tui --train --resume --name {run.name}"
    return f"{run.name} was stopped and saved. To resume it:\n  {resume}"
