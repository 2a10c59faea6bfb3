"""What the Train screen says of a corpus and of a run, in words and figures. Knows no screen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rnnlm_tui.events import EpochEnded, Finished
from rnnlm_tui.formatting import format_duration, plural, sanitize
from rnnlm_tui.tui.runs.state import Phase, RunProgress
from rnnlm_tui.tui.widgets.error_text import without_flags

LONGEST_WORD = 40
"""Characters shown of a word: a corpus may hold one of ten thousand letters."""
COLUMNS = (("epoch", 6), ("loss", 7), ("penalty", 8), ("right", 7), ("perplexity", 11))
HELD_OUT_COLUMNS = (("held-out", 9), ("perplexity", 11), ("top-1", 6), ("top-5", 6))


def shortened(text: str, most: int = LONGEST_WORD) -> str:
    """Foreign text, printable and at most `most` characters long."""
    shown = sanitize(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def shortened_words(text: str) -> str:
    """The same for each word of a line."""
    return " ".join(shortened(word) for word in text.split(" "))


PHASE_LABELS: Mapping[Phase, str] = {
    Phase.STARTING: "preparing",
    Phase.TRAINING: "training",
    Phase.PAUSED: "PAUSED",
    Phase.STOPPING: "stopping",
    Phase.FINISHED: "done",
    Phase.FAILED: "failed",
    Phase.LOST: "lost",
}
PHASE_GLYPHS: Mapping[Phase, str] = {
    Phase.STARTING: "…",
    Phase.TRAINING: "▶",
    Phase.PAUSED: "‖",
    Phase.STOPPING: "■",
    Phase.FINISHED: "✓",
    Phase.FAILED: "✗",
    Phase.LOST: "✗",
}


def badge(progress: RunProgress) -> str:
    """The phase of a run, as a glyph and a word; a run that was stopped is not done."""
    finished = progress.finished
    if finished is not None and finished.reason == "stopped":
        return "■ stopped"
    if finished is not None and finished.reason == "diverged":
        return "✗ diverged"
    return f"{PHASE_GLYPHS[progress.phase]} {PHASE_LABELS[progress.phase]}"


def run_facts(progress: RunProgress) -> str:
    """The preset, size and place of a run; nothing before it has said so."""
    started = progress.started
    if started is None:
        return ""
    threads = plural(started.threads, "thread")
    corpus = shortened(str(started.corpus.get("name", "")))
    # Counts say how many there are once they are counted.
    size = f" · {started.parameters:,} parameters" if started.parameters else ""
    return f"{sanitize(started.preset)}{size} · {sanitize(started.device)}, {threads} · {corpus}"


def epoch_words(progress: RunProgress, now: float) -> str:
    """What stands beside the epoch bar: how long it will go on."""
    left = progress.eta_s(now)
    match progress.phase:
        case Phase.STARTING:
            return "getting ready"
        case Phase.STOPPING:
            return "saves what it has learned"
        case Phase.PAUSED if left is not None:
            return f"{format_duration(left)} left (paused)"
        case Phase.PAUSED:
            return "paused"
        case _ if left is None:
            return "estimating"
    return f"{format_duration(left)} left"


def step_words(progress: RunProgress, now: float) -> str:
    """What stands beside the step bar: how long it has gone on, and how fast."""
    elapsed = f"{format_duration(progress.elapsed_s(now))} so far"
    last = progress.progress
    if last is None or progress.phase is not Phase.TRAINING:
        return elapsed
    return f"{elapsed}, {figure(last.examples_per_s, ',.0f')} pairs/s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run has ended: a headline, and what it means or what to do."""

    headline: str
    details: tuple[str, ...]
    is_bad: bool


def outcome(
    progress: RunProgress, name: str, log_tail: list[str], is_deleted: bool = False
) -> Outcome:
    """What a run that is over has come to, in plain words."""
    end = _ended(progress, name, log_tail)
    if not is_deleted:
        return end
    gone = f"What it has left, {sanitize(name)}, was deleted since."
    return dataclasses.replace(end, details=(gone,))


def _ended(progress: RunProgress, name: str, log_tail: list[str]) -> Outcome:
    if progress.finished is not None:
        return _finished(progress, progress.finished, name)
    if progress.failed is not None:
        hint = sanitize(without_flags(progress.failed.hint))
        return Outcome(sanitize(progress.failed.message), (hint,) if hint else (), True)
    saved = progress.saved.epoch if progress.saved else progress.epochs_done
    kept = f"epoch {saved} was saved" if saved else "nothing was saved yet"
    lines = tuple(shortened(line, 200) for line in log_tail if line.strip())
    reason = sanitize(progress.lost_reason) or "the training's process is gone"
    return Outcome(f"{reason}; {kept}", lines, True)


def _finished(progress: RunProgress, finished: Finished, name: str) -> Outcome:
    total, done = progress.epochs_total, progress.epochs_done
    # A save within an epoch names that epoch; a resumed run may end before its first report.
    epoch = progress.saved.epoch if progress.saved else progress.epoch
    place = "after" if epoch <= done else "in"
    where = f"{place} epoch {epoch} of {total or done:,}" if epoch else "at once"
    headline = {
        "completed": f"All {total or done:,} epochs are done" if total != 1 else "Done",
        "early_stop": f"Ended after epoch {done}: held-out loss fell no more",
        "stopped": f"Stopped {where} and saved",
        "diverged": "The loss was no number, again and again, so the training has ended",
    }[finished.reason]
    details = [_kept(progress, finished, name)]
    if finished.reason == "diverged":
        details.append("Train again with a smaller learning rate (More settings).")
    return Outcome(headline, tuple(details), finished.reason == "diverged")


def _kept(progress: RunProgress, finished: Finished, name: str) -> str:
    best = finished.best_epoch
    if best is None and not finished.metrics:
        return "Nothing was learned yet, so there is no model."
    epoch = best if best is not None else finished.metrics.get("epoch")
    ended = next((e for e in progress.epochs if e.epoch == epoch), None)
    figures = f" ({epoch_figures(ended)})" if ended else ""
    return f"Epoch {epoch} is kept{figures}, as the model {sanitize(name)}."


def epoch_figures(ended: EpochEnded) -> str:
    """An epoch's most telling figures."""
    if ended.held_out is not None:
        loss, top1 = ended.held_out.get("loss"), ended.held_out.get("top1")
        return f"held-out loss {figure(loss, '.3f')}, top-1 {share(top1)}"
    loss, right = ended.train.get("loss"), ended.train.get("accuracy")
    return f"loss {figure(loss, '.3f')}, {share(right)} right"


def figure(value: object, form: str) -> str:
    """A number, or a dash for one that is missing or not finite."""
    if isinstance(value, int | float) and math.isfinite(value):
        return format(value, form)
    return "-"


def share(value: object) -> str:
    """A share in per cent, in at most five characters."""
    shown = figure(value, ".1%")
    return shown if len(shown) <= 5 else figure(value, ".0%")


def perplexity(value: object) -> str:
    """A perplexity in at most nine characters."""
    if isinstance(value, int | float) and math.isfinite(value):
        return f"{value:,.1f}" if value < 100_000 else f"{value:.3g}"
    return "-"


def table_header(has_held_out: bool) -> str:
    """The names of an epoch's figures, above their columns."""
    columns = COLUMNS + (HELD_OUT_COLUMNS if has_held_out else ())
    return "".join(f"{name:>{width}}" for name, width in columns)


def table_row(ended: EpochEnded) -> str:
    """An epoch's figures below the names of `table_header`."""
    cells = list(_cells(ended))
    columns = COLUMNS + HELD_OUT_COLUMNS
    return "".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, columns, strict=False))


def _cells(ended: EpochEnded) -> Iterator[str]:
    yield f"{ended.epoch}"
    yield figure(ended.train.get("loss"), ".3f")
    yield figure(ended.train.get("penalty"), ".3f")
    yield share(ended.train.get("accuracy"))
    yield perplexity(ended.train.get("perplexity"))
    if ended.held_out is not None:
        yield figure(ended.held_out.get("loss"), ".3f")
        yield perplexity(ended.held_out.get("perplexity"))
        yield share(ended.held_out.get("top1"))
        yield share(ended.held_out.get("top5"))


def continued(seed: str, text: str) -> str:
    """What a sample adds to its seed line."""
    rest = text.removeprefix(seed).strip() if text.startswith(seed) else text
    return shortened_words(rest) or "(nothing)"
