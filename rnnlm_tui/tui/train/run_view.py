"""The head of a run: its name and phase, and its bar or how it ended."""

from __future__ import annotations

from textual.content import Content

from rnnlm_tui.formatting import format_duration, shorten
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import (
    AT_END,
    badge,
    end_lines,
    is_bad_end,
    run_facts,
    time_left_words,
)

LABEL_WIDTH, WORDS_WIDTH = 25, 35
"""The widths of the texts before a bar and behind it, in cells."""
SAVED_KEYS = r"\d+(?= of (?:100|one)\b)"
"""Matches the numbers of the keys that a model saves."""
PHASE_STYLES = {
    Phase.PAUSED: "$warn bold reverse",
    Phase.STOPPING: "$warn bold",
    Phase.FINISHED: "$good bold",
    Phase.FAILED: "$warn bold",
}


def head_of(run: FollowedRun, width: int, keys: Content) -> Content:
    """Returns the name and the phase of a run, and its bar, or how it ended with the `keys` of what
    to do now."""
    progress = run.progress
    rows = [_title(run, width)]
    if not progress.phase.is_over:
        return Content("\n").join((*rows, bar_line(progress, width)))
    headline, *details = end_lines(progress)
    if is_bad_end(progress):
        rows += [Content.styled(headline, "bold $warn"), *map(Content, details)]
    else:
        rows.append(Content(headline).highlight_regex(SAVED_KEYS, style="bold $good"))
        rows += [Content(" ".join(details))] if details else []
    return Content("\n").join((*rows, keys))


def _title(run: FollowedRun, width: int) -> Content:
    style = PHASE_STYLES.get(run.progress.phase, "bold")
    name = shorten(run.name, 64)
    left = Content.assemble((f" {badge(run.progress)} ", style), " ", (name, "bold"), "  ")
    space = max(0, width - left.cell_length)
    facts = Content(run_facts(run)).truncate(space, ellipsis=True)
    return Content.assemble(left, " " * (space - facts.cell_length), (facts.plain, "$quiet"))


def bar_line(progress: RunProgress, width: int) -> Content:
    """Returns the bar of the epochs, or that of the preparation, with its texts. The model is
    measured without a bar, which would stand still."""
    last, preparing = progress.last_report, progress.preparing
    done, total = progress.epochs_done, progress.epochs_total
    if preparing is not None:
        if (text := AT_END.get(preparing.phase)) is not None:
            return Content(f"{text} ...")
        label, share = preparing.phase, preparing.done / max(1, preparing.of)
        left = preparing.eta_s
        words = "" if left is None else f"{format_duration(left)} left for this"
    elif total is None:
        label, share, words = "preparing", 0.0, "getting ready"
    else:
        # In a fast run, epochs end without a progress report.
        epoch = max(last.epoch, done) if last is not None else min(done + 1, total)
        step = f", step {progress.step:,}/{last.steps:,}" if last is not None else ""
        label, share = f"epoch {epoch:,}/{total:,}{step}", progress.run_share
        words = f"{time_left_words(progress)}, {format_duration(progress.elapsed_s)} so far"
    style = "$warn" if progress.phase is Phase.PAUSED else "$ghost"
    space = max(10, width - LABEL_WIDTH - WORDS_WIDTH - 9)
    full = round(min(1.0, share) * space)
    bar = ("━" * full, f"bold {style}"), ("─" * (space - full), "$quiet")
    line = Content.assemble(f"{label:{LABEL_WIDTH}} ", *bar, f" {share:5.0%}  ", (words, "$quiet"))
    return line.truncate(width, ellipsis=True)
