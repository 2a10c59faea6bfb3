"""The head of a run: its name and phase, and its bars or how it ended."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from rnnlm_tui.formatting import format_duration, shorten
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import (
    badge,
    end_lines,
    is_bad_end,
    run_facts,
    speed_words,
    time_left_words,
)

WORDS_WIDTH = 57
"""The width of the texts beside a bar, in cells: its label, share, time and speed."""
PHASE_STYLES = {
    Phase.PAUSED: "$warn bold reverse",
    Phase.STOPPING: "$warn bold",
    Phase.FINISHED: "$good bold",
    Phase.FAILED: "$warn bold",
}


def head_of(run: FollowedRun, width: int) -> Content:
    """Returns the name and the phase of a run, and its bars or how it ended."""
    progress = run.progress
    rows = [_title(run, width)]
    if progress.phase.is_over:
        style = "$warn bold" if is_bad_end(progress) else "$good bold"
        headline, *details = end_lines(progress)
        rows += [Content.styled(headline, style), *map(Content, details)]
    else:
        rows += bar_lines(progress, width)
    return Content("\n").join(rows)


def _title(run: FollowedRun, width: int) -> Content:
    style = PHASE_STYLES.get(run.progress.phase, "bold")
    name = shorten(run.name, 64)
    left = Content.assemble((f" {badge(run.progress)} ", style), " ", (name, "bold"), "  ")
    space = max(0, width - left.cell_length)
    facts = Content(run_facts(run)).truncate(space, ellipsis=True)
    return Content.assemble(left, " " * (space - facts.cell_length), (facts.plain, "dim"))


def bar_lines(progress: RunProgress, width: int) -> Iterator[Content]:
    """Yields the bars of the epochs and of the steps, or that of the preparation, each with its
    texts."""
    last = progress.last_report
    done, total = progress.epochs_done, progress.epochs_total
    rows: list[tuple[str, float, str]]
    if (preparing := progress.preparing) is not None:
        left = preparing.eta_s
        words = "estimating" if left is None else f"{format_duration(left)} left for this"
        rows = [(preparing.phase, preparing.done / max(1, preparing.of), words)]
    elif total is None:
        rows = [("preparing", 0.0, "getting ready")]
    else:
        # In a fast run, epochs end without a progress report.
        epoch = max(last.epoch, done) if last is not None else min(done + 1, total)
        steps = f"step {progress.step:,}/{last.steps:,}" if last is not None else "first steps"
        rows = [
            (f"epoch {epoch:,}/{total:,}", progress.run_share, time_left_words(progress)),
            (steps, progress.epoch_share, speed_words(progress)),
        ]
    style = "$warn" if progress.phase is Phase.PAUSED else "$ghost"
    space = max(10, min(width - WORDS_WIDTH, width // 2))
    for label, share, words in rows:
        full = round(min(1.0, share) * space)
        bar = ("━" * full + "─" * (space - full), style)
        line = Content.assemble(f"{label:15} ", bar, f" {share:5.0%}  ", words)
        yield line.truncate(width, ellipsis=True)
