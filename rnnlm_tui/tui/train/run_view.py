"""The view of a run: bars, loss curve, epochs, continuations of the seed line, notes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.state import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import (
    Outcome,
    badge,
    phase_left_words,
    run_facts,
    speed_words,
    time_left_words,
)
from rnnlm_tui.tui.train.run_lists import (
    NOTE_INDENT,
    SAMPLE_INDENT,
    TextList,
    epoch_table,
    note_lines,
    rule_title,
    sample_lines,
)
from rnnlm_tui.tui.widgets.chart import LossChart, Points, loss_points

FULL, EMPTY, PIECE = "━", "─", 12
PIECE_PER_S = 10
"""Speed of the moving piece of an indeterminate bar, in columns per second."""
WORDS_WIDTH = 57
"""Columns next to a bar for its label, share, time and speed."""
LOW = 16
"""Height in rows below which the curve is hidden, and after the end of a run the epochs too."""
PHASE_STYLES = {
    Phase.PAUSED: "$text-warning bold reverse",
    Phase.STOPPING: "$text-warning bold",
    Phase.FINISHED: "$text-success bold",
    Phase.FAILED: "$text-error bold",
    Phase.CRASHED: "$text-error bold",
}


def progress_bar(fraction: float | None, width: int, now: float) -> str:
    """Returns a bar filled up to `fraction`; if that is None, a piece of it moves back and forth.

    Textual's own bar tells full from empty by colour alone.
    """
    if fraction is not None:
        full = round(max(0.0, min(1.0, fraction)) * width)
        return FULL * full + EMPTY * (width - full)
    piece = min(PIECE, width)
    way = max(1, width - piece)
    place = int(now * PIECE_PER_S) % (2 * way)
    start = min(place, 2 * way - place)
    return EMPTY * start + FULL * piece + EMPTY * (width - piece - start)


class RunHead(Static):
    """The name, phase and progress of a run. Three rows; one after its end."""

    DEFAULT_CSS = """
    RunHead { height: 3; padding: 0 1; }
    RunHead.-over { height: 1; }
    """
    ALLOW_SELECT = False

    def show(self, run: FollowedRun, now: float) -> None:
        """Shows the state at `now`; redraws only if it has changed."""
        is_over = run.progress.phase.is_over
        self.set_class(is_over, "-over")
        width = max(20, self.content_size.width or self.app.size.width - 2)
        bars = () if is_over else bar_lines(run.progress, now, width)
        text = Content("\n").join((head_line(run, width), *bars))
        if text != self.content:
            self.update(text, layout=False)


def head_line(run: FollowedRun, width: int) -> Content:
    phase = run.progress.phase
    where = "" if run.is_own else f"trained by {run.trainer}"
    if run.is_own and run.detached and not phase.is_over:
        where = "continues when you quit"
    facts = " · ".join(part for part in (where, run_facts(run.progress)) if part)
    name = shorten(run.name, 64)
    left = Content.assemble(
        (f" {badge(run.progress)} ", PHASE_STYLES.get(phase, "bold")), " ", (name, "bold"), "  "
    )
    space = max(0, width - left.cell_length)
    right = Content(sanitize(facts)).truncate(space, ellipsis=True)
    return Content.assemble(left, " " * (space - right.cell_length), (right.plain, "dim"))


def bar_lines(progress: RunProgress, now: float, width: int) -> Sequence[Content]:
    """Returns the bars of the epochs and of the steps, each with its texts."""
    left, speed = time_left_words(progress, now), speed_words(progress, now)
    rows: tuple[tuple[str, float | None, str], ...]
    if (phase := progress.preparing) is not None:
        rows = ((phase.phase, phase.done / max(1, phase.of), phase_left_words(phase)),)
    elif progress.phase is Phase.STARTING:
        rows = (("preparing", None, left),)
    else:
        rows = (
            (_epoch_label(progress), progress.run_share, left),
            # There is no progress before the first report of the first epoch.
            (_step_label(progress), progress.epoch_share if progress.progress else None, speed),
        )
    style = "$text-warning" if progress.phase is Phase.PAUSED else "$primary"
    space = max(10, min(width - WORDS_WIDTH, width // 2))
    lines = []
    for label, fraction, words in rows:
        percent = "" if fraction is None else f"{fraction:5.0%}"
        bar = (progress_bar(fraction, space, now), style)
        line = Content.assemble(f"{label:15} ", bar, f" {percent}  ")
        # The last parts matter least.
        room, parts = width - line.cell_length, words.split(", ")
        while len(", ".join(parts)) > room and len(parts) > 1:
            parts.pop()
        lines.append((line + ", ".join(parts)).truncate(width, ellipsis=True))
    return lines


def _epoch_label(progress: RunProgress) -> str:
    total, done = progress.epochs_total, progress.epochs_done
    # In a fast run, epochs end without a progress report.
    epoch = max(progress.epoch, done) if progress.progress else min(done + 1, total or done + 1)
    return f"epoch {epoch:,}/{total:,}" if total else f"epoch {epoch:,}"


def _step_label(progress: RunProgress) -> str:
    last = progress.progress
    return "first steps" if last is None else f"step {progress.step:,}/{last.steps:,}"


class RunEnd(Static):
    """How a run ended. The keys say what can be done next."""

    DEFAULT_CSS = """
    RunEnd { display: none; height: auto; max-height: 8; padding: 0 1; }
    """

    def show(self, end: Outcome) -> None:
        style = "$text-error bold" if end.is_bad else "$text-success bold"
        lines = [Content.styled(end.headline, style), *map(Content, end.details)]
        self.update(Content("\n").join(lines))
        self.display = True


class RunView(Vertical):
    """The view of a run. `show` is called twice a second and redraws only what has changed."""

    DEFAULT_CSS = """
    RunView {
        #run-panes { height: 1fr; layout: vertical; }
        #run-left { height: 1fr; }
        #run-right { height: 6; }
        LossChart { height: 1fr; min-height: 1; padding: 0 1; }
        #epochs { height: 5; }
        &.-one-pass LossChart, &.-low LossChart { display: none; }
        &.-low #epochs { height: 1fr; }
        &.-one-pass #epochs { height: 3; }
        &.-one-pass #run-left { height: auto; }
        &.-one-pass #run-right { height: 1fr; }
        &.-one-pass #samples { height: 3; }
        &.-one-pass #notes { height: 1fr; }
        #samples { height: 3; }
        #notes { height: 3; }
        &.-over.-low #run-left { display: none; }
        &.-over.-low #run-right { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._listed: object = None
        """What the lists show."""

    def compose(self) -> ComposeResult:
        yield RunHead()
        yield RunEnd(markup=False)
        with Container(id="run-panes"):
            with Vertical(id="run-left"):
                yield LossChart("the curve begins with the first epoch")
                yield TextList("the first epoch has not ended yet", id="epochs")
            with Vertical(id="run-right"):
                empty = "it is continued after each epoch"
                yield TextList(empty, id="samples", indent=SAMPLE_INDENT)
                yield TextList("no notes yet", id="notes", indent=NOTE_INDENT)

    def show(self, run: FollowedRun, now: float) -> None:
        """Shows the state of the run at `now`."""
        progress = run.progress
        self.query_one(RunHead).show(run, now)
        epochs, best = progress.epochs, progress.best_epoch
        # An n-gram model is trained in one pass: the curve would be a single point.
        self.set_class(progress.epochs_total == 1, "-one-pass")
        self.query_one(LossChart).show(*losses_of(progress), best, progress.part)
        notes = progress.notes
        listed = (run, len(epochs), epochs[-1:], best, len(notes), notes[-1:])
        if listed == self._listed:  # making them takes 1.2 ms for 130 epochs, twice a second
            return
        self._listed = listed
        has_few = progress.has_few_held_out
        table = epoch_table(epochs, best, progress.part, has_few=has_few)
        self.query_one("#epochs", TextList).show(*table)
        seed = f": {shorten(epochs[-1].sample['seed'], 200)} ..." if epochs else ""
        samples = sample_lines(epochs, best)
        self.query_one("#samples", TextList).show(rule_title(f"your line{seed}"), samples)
        self.query_one("#notes", TextList).show(rule_title("notes"), note_lines(notes))

    def show_end(self, end: Outcome, has_epochs: bool) -> None:
        self.add_class("-over")
        self.query_one(RunEnd).show(end)
        self.query_one("#run-panes").display = has_epochs

    def hide_end(self) -> None:
        """Hides the end, since another run is shown."""
        self.remove_class("-over")
        self.query_one(RunEnd).display = False
        self.query_one("#run-panes").display = True

    def on_resize(self) -> None:
        """Hides the curve if there is no room for it, and the epochs if there is none either."""
        self.set_class(self.size.height < LOW, "-low")


def losses_of(progress: RunProgress) -> tuple[Points, Points]:
    """Returns the training and held-out losses by epoch, including the current epoch so far."""
    train = loss_points((ended.epoch, ended.train) for ended in progress.epochs)
    last = progress.progress
    if last is not None and last.epoch > progress.epochs_done and last.loss is not None:
        train.append((last.epoch, last.loss))
    return train, loss_points((ended.epoch, ended.held_out) for ended in progress.epochs)
