"""Describes a run in words and figures, for the Train screen, the header and notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from textual.content import Content
from textual.notifications import SeverityLevel

from rnnlm_tui.events import COMPARING, MEASURING
from rnnlm_tui.formatting import format_duration, plural, sanitize, shorten
from rnnlm_tui.store.saved_runs import SavedRun
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.wording.savings import comparison_sentence
from rnnlm_tui.wording.trainings import outcome, result_sentences

BADGES: Mapping[Phase, str] = {
    Phase.STARTING: "… preparing",
    Phase.TRAINING: "▶ training",
    Phase.PAUSED: "‖ PAUSED",
    Phase.STOPPING: "■ stopping",
    Phase.FINISHED: "✓ done",
    Phase.FAILED: "✗ failed",
}
"""Each phase as a glyph and a word."""
ShownKey: TypeAlias = Callable[[str, str], str]
"""Returns the key to show for the binding with this id, from that and the default."""
AT_END: Mapping[str, str] = {
    MEASURING: "how many keys it saves, on lines that it has not seen",
    COMPARING: "how many keys other models save, on the same lines",
}
"""The text for each phase in which the model is measured after the last epoch."""
LABEL_WIDTH = 25
"""The width of the text before a bar, in cells."""
WORDS_WIDTH = 35
"""The width of the text after a bar, in cells."""
SAVED_KEYS = r"\d+(?= of (?:100|one)\b)"
"""Matches numbers of saved keys in a sentence, as in "41 of 100 keys"."""
PHASE_STYLES = {
    Phase.PAUSED: "$warn bold reverse",
    Phase.STOPPING: "$warn bold",
    Phase.FINISHED: "$good bold",
    Phase.FAILED: "$warn bold",
}


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
        threads = plural((last.threads if last else None) or started.threads, "thread")
        parts += [f"{started.device}, {threads}", shorten(str(started.corpus.name))]
        if last is not None and progress.phase is Phase.TRAINING:
            parts.append(f"{last.examples_per_s:,.0f} examples/s")
    return sanitize(" · ".join(parts))


def run_head(run: FollowedRun, width: int, keys: Content) -> Content:
    """Returns the rows above the figures of a run: its phase and name, and its bar. A run that is
    over has in place of the bar how it ended, and the `keys` for what to do now."""
    progress = run.progress
    rows = [_title(run, width)]
    if not progress.phase.is_over:
        return Content("\n").join((*rows, bar_line(progress, width)))
    headline, *details = end_lines(progress)
    if is_bad_end(progress):
        rows += [Content.styled(headline, "bold $warn"), *map(Content, details)]
    else:
        rows.append(Content(headline).highlight_regex(SAVED_KEYS, style="bold $good"))
        if details:
            rows.append(Content(" ".join(details)))
    return Content("\n").join((*rows, keys))


def _title(run: FollowedRun, width: int) -> Content:
    style = PHASE_STYLES.get(run.progress.phase, "bold")
    name = shorten(run.name, 64)
    left = Content.assemble((f" {badge(run.progress)} ", style), " ", (name, "bold"), "  ")
    space = max(0, width - left.cell_length)
    facts = Content(run_facts(run)).truncate(space, ellipsis=True)
    return Content.assemble(left, " " * (space - facts.cell_length), (facts.plain, "$quiet"))


def bar_line(progress: RunProgress, width: int) -> Content:
    """Returns a bar for the epochs or for the preparation, between two texts. There is no bar while
    the model is measured, since it would not move."""
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
        # In a fast run epochs end without a report, so the last report may be of an earlier epoch.
        epoch = max(last.epoch, done) if last is not None else min(done + 1, total)
        step = f", step {progress.step:,}/{last.steps:,}" if last is not None else ""
        label, share = f"epoch {epoch:,}/{total:,}{step}", progress.run_share
        words = f"{time_left_words(progress)}, {format_duration(progress.elapsed_s)} so far"
    style = "$warn" if progress.phase is Phase.PAUSED else "$ghost"
    space = max(10, width - LABEL_WIDTH - WORDS_WIDTH - 9)  # 9: the share, and spaces
    full = round(min(1.0, share) * space)
    bar = ("━" * full, f"bold {style}"), ("─" * (space - full), "$quiet")
    line = Content.assemble(f"{label:{LABEL_WIDTH}} ", *bar, f" {share:5.0%}  ", (words, "$quiet"))
    return line.truncate(width, ellipsis=True)


def time_left_words(progress: RunProgress) -> str:
    """Says how long the run still takes, or what it does at its end."""
    if progress.phase is Phase.STOPPING:
        return "saving the model"
    if progress.run_share == 1:
        return "measuring the model"
    if progress.last_report is None or (left := progress.last_report.eta_s) is None:
        return "estimating"
    # The last steps, such as the longest n-grams and their measurement, may take longer.
    return f"{format_duration(left)} left" if left >= 1 else "nearly done"


def is_bad_end(progress: RunProgress) -> bool:
    """Returns whether the run failed or diverged."""
    finished = progress.finished
    return progress.failed is not None or (finished is not None and finished.reason == "diverged")


def end_lines(progress: RunProgress) -> list[str]:
    """Says how a run ended: in a headline, and in sentences on details. Empty before its end."""
    if (failed := progress.failed) is not None:
        # A run that fails before it is resumed has the epochs of the saved run.
        before = progress.started.epochs_done if progress.started else progress.epochs_done
        last = progress.saved.epoch if progress.saved is not None else before
        kept = "no epoch was saved yet" if progress.started else ""
        if last:
            kept = f"epoch {last} was saved"
        return [sanitize(line) for line in (failed.message, failed.hint, kept) if line]
    if (finished := progress.finished) is None:
        return []
    done, total = progress.epochs_done, progress.epochs_total
    headline, *details = (f"{s[0].upper()}{s[1:]}" for s in result_sentences(finished, done, total))
    if finished.reason == "diverged":
        details.append("Train again with a smaller learning rate (under more)")
    return [sanitize(headline), *(sanitize(f"{line}.") for line in details)]


def unfinished_notice(runs: Sequence[SavedRun], key: ShownKey) -> str:
    """Says which trainings are running or unfinished; "" if there are none."""
    if running := ", ".join(sanitize(run.name) for run in runs if run.trainer is not None):
        return f"▶ {running} is being trained in the background: {key('app.train', 'f3')} shows it"
    models = key("app.models", "f4")
    match [run for run in runs if run.is_unfinished]:
        case []:
            return ""
        case [run]:
            done = (
                f"epoch {run.epochs_done} of {run.epochs}" if run.epochs_done else "its first epoch"
            )
            return f"‖ {sanitize(run.name)}  stopped at {done}: {models} resumes it"
        case several:
            return f"{len(several)} trainings were stopped before their end: {models} lists them"


def progress_text(run: FollowedRun, active: str | None) -> str:
    """Says in the header how far a run is. Leaves out the name of the `active` model, which stands
    there anyway."""
    progress = run.progress
    name = "" if run.name == active else f" {run.name}"
    if progress.phase.is_over or progress.phase is Phase.STOPPING:  # may take some seconds to end
        return f"{badge(progress)}{name}"
    if progress.started is None:
        return f"▶ {run.name} starts"
    if progress.is_past_training:
        return f"▶ measuring{name}"
    share = f"{'‖' if progress.phase is Phase.PAUSED else '▶'} {progress.run_share:.0%}"
    return f"{share} of{name}" if name else share


def end_notice(
    run: FollowedRun, active: str | None, about_use: str, key: ShownKey
) -> tuple[str, SeverityLevel]:
    """Returns the notice on the end of a run, and its severity. `about_use` is its
    `use_sentence`."""
    headline, *details = [f"{s[0].lower()}{s[1:]}".rstrip(".") for s in end_lines(run.progress)]
    if is_bad_end(run.progress):
        return f"{run.name}: {'; '.join((headline, *details))}", "error"
    if about_use and run.progress.comparison_with(active):  # it has the figures of both models
        return about_use, "information"
    more = about_use or f"{key('app.train', 'f3')} shows it"
    return f"{run.name}: {headline}. {more}", "information"


def use_sentence(run: FollowedRun, active: str | None, key: ShownKey, *, is_used: bool) -> str:
    """Says whether the model of a finished run is now used in place of the `active` one, why, and
    how to change that. Empty if the run has made no model, or if its model is active anyway."""
    if (finished := run.progress.finished) is None or finished.metrics is None:
        return ""
    if finished.update is not None or run.name == active:
        return ""
    comparison = run.progress.comparison_with(active)
    why = f"{comparison_sentence(run.name, comparison)}: " if comparison else ""
    if is_used:
        keys = f"{key('app.models', 'f4')}, {key('models.use', 'u')}"
        return sanitize(f"{why}it is in use now. {keys}: back to {active}")
    keys = f"{key('app.train', 'f3')}, {key('train.write', 'w')}"
    return sanitize(f"{why}{active or 'no model'} stays in use. {keys}: write with {run.name}")


def has_learned(progress: RunProgress) -> bool:
    """Returns whether anything is kept of a run that is stopped now. N-grams cannot be resumed."""
    is_network = progress.started is not None and progress.started.config.has_network
    return is_network or bool(progress.epochs)


def kept_if_stopped(progress: RunProgress) -> str:
    """Says what is kept of a run that is stopped now."""
    if not has_learned(progress):
        return "nothing of the training is kept: it has learned nothing yet"
    if progress.is_update:
        return "the model stays as it is, and you can resume the training"
    if progress.is_past_training:
        return "you can use the model, which is trained"
    if progress.is_saved:
        return "you can use the model as it is now, and resume the training"
    return "there is no model yet, but you can resume the training"


def run_farewell(run: FollowedRun, answer: str, *, can_resume: bool) -> str:
    """Returns what to print about the app's own run once the app is closed. `answer` is "detach" or
    "stop". The run may have ended while the user was asked."""
    progress, name = run.progress, run.name
    if not progress.phase.is_over:
        if answer == "detach":
            return f"{name} trains in the background. In the app, the Train screen shows it."
        return f"{name} is still being saved."
    if (finished := progress.finished) is None:
        return f"{name}: {'; '.join(end_lines(progress))}"
    if finished.reason == "stopped" and can_resume:
        resume = f"rnnlm-tui --train --resume --name {name}"
        return f"{name} was stopped and saved. To resume it:\n  {resume}"
    return f"{name}: {outcome(finished, progress.epochs_done, progress.epochs_total)}"
