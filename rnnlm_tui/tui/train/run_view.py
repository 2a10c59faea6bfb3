"""A training as it goes: bars, curve, figures, the seed line continued, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.runs.state import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import (
    Outcome,
    badge,
    epoch_words,
    outcome,
    run_facts,
    shortened,
    step_words,
)
from rnnlm_tui.tui.train.run_lines import EpochTable, WrappedLines, note_lines, sample_lines
from rnnlm_tui.tui.widgets.chart import LossChart, Points

if TYPE_CHECKING:
    from rnnlm_tui.tui.runs.manager import ShownRun

FULL, EMPTY, BOUNCE = "━", "─", 12
BOUNCE_PER_S = 10
WORDS = 57
"""Columns beside a bar: its label, its share, and how long and how fast."""
PHASE_STYLES = {
    Phase.PAUSED: "$text-warning bold reverse",
    Phase.STOPPING: "$text-warning bold",
    Phase.FINISHED: "$text-success bold",
    Phase.FAILED: "$text-error bold",
    Phase.LOST: "$text-error bold",
}


def progress_bar(share: float, width: int) -> str:
    """A bar that is full as far as `share`, of whole characters, which every terminal has."""
    full = round(max(0.0, min(1.0, share)) * width)
    return FULL * full + EMPTY * (width - full)


def moving_bar(now: float, width: int) -> str:
    """A bar for what takes nobody knows how long: a piece of it walks to and fro."""
    piece = min(BOUNCE, width)
    way = max(1, width - piece)
    place = int(now * BOUNCE_PER_S) % (2 * way)
    start = min(place, 2 * way - place)
    return EMPTY * start + FULL * piece + EMPTY * (width - piece - start)


class RunHead(Widget):
    """What runs, how far it is, and how long it still takes. Three rows; one once it is over."""

    DEFAULT_CSS = """
    RunHead { height: 3; padding: 0 1; }
    RunHead.-over { height: 1; }
    """
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[Content, ...] = ()

    def show(self, run: ShownRun, trainer: str, now: float) -> None:
        """Takes the rows of this moment, and draws them where they are other ones."""
        progress = run.progress
        self.set_class(progress.phase.is_over, "-over")
        width = max(20, self.content_size.width or self.app.size.width - 2)
        lines = [head_line(run, trainer, width)]
        if not progress.phase.is_over:
            lines += bar_lines(progress, now, width)
        if (drawn := tuple(lines)) != self._lines:
            self._lines = drawn
            self.refresh()

    def render(self) -> Content:
        """The rows."""
        return Content("\n").join(self._lines)


def head_line(run: ShownRun, trainer: str, width: int) -> Content:
    """The phase, the name, and what kind of run it is."""
    phase = run.progress.phase
    where = f"trained by {trainer}" if not run.owned else ""
    if run.owned and run.detached and not phase.is_over:
        where = "goes on when you quit"
    facts = " · ".join(part for part in (where, run_facts(run.progress)) if part)
    name = shortened(run.name, 64)
    left = Content.assemble(
        (f" {badge(run.progress)} ", PHASE_STYLES.get(phase, "bold")), " ", (name, "bold"), "  "
    )
    space = max(0, width - left.cell_length)
    right = Content(sanitize(facts)).truncate(space, ellipsis=True)
    return Content.assemble(left, " " * (space - right.cell_length), (right.plain, "dim"))


def bar_lines(progress: RunProgress, now: float, width: int) -> list[Content]:
    """The bars of the epochs and of the steps, each with its words."""
    total, last = progress.epochs_total, progress.progress
    space = max(10, min(width - WORDS, width // 2))
    style = "$text-warning" if progress.phase is Phase.PAUSED else "$primary"
    if progress.phase is Phase.STARTING:
        first = (f"{'preparing':15}", moving_bar(now, space), "", epoch_words(progress, now))
        second = ("", "", "", "")
    else:
        share, words = progress.epoch_share, epoch_words(progress, now)
        done = progress.epochs_done
        # A quick run ends epochs without a report from within them.
        epoch = max(progress.epoch, done) if last else min(done + 1, total or done + 1)
        label = f"epoch {epoch:,}/{total:,}" if total else f"epoch {epoch:,}"
        first = (f"{label:15}", progress_bar(share, space), f"{share:5.0%}", words)
        second = step_line(progress, now, space)
    return [
        Content.assemble(label, " ", (drawn, style), f" {percent}  ", words).truncate(
            width, ellipsis=True
        )
        for label, drawn, percent, words in (first, second)
    ]


def step_line(progress: RunProgress, now: float, space: int) -> tuple[str, str, str, str]:
    """The label, the bar, the share and the words of the steps of an epoch."""
    last, words = progress.progress, step_words(progress, now)
    if last is None:  # it has begun, or goes on, and has not said yet how far it is
        return f"{'first steps':15}", moving_bar(now, space), "", words
    label, share = f"step {progress.step:,}/{last.steps:,}", progress.step_share
    return f"{label:15}", progress_bar(share, space), f"{share:5.0%}", words


class RunEnd(Vertical):
    """How a run has ended, and what can be done now."""

    DEFAULT_CSS = """
    RunEnd {
        display: none;
        height: auto;
        padding: 0 1;
        #end-words { height: auto; max-height: 8; }
        #end-buttons { height: auto; padding-top: 1; }
        #end-buttons Button { margin-right: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        """The words above the buttons; each button is a key too."""
        yield Static("", id="end-words", markup=False)
        with Horizontal(id="end-buttons"):
            for action, label in (
                ("form", "Back to the form"),
                ("go_on", "Go on with it"),
                ("use", "Use it for writing"),
                ("longer", "Train longer"),
                ("compare", "Compare"),
                ("again", "New training"),
            ):
                yield Button(label, id=f"end-{action}", compact=True)

    def show(self, end: Outcome, actions: Sequence[str]) -> None:
        """Says what has happened and offers these actions."""
        style = "$text-error bold" if end.is_bad else "$text-success bold"
        lines = [Content.styled(end.headline, style), *map(Content, end.details)]
        self.query_one("#end-words", Static).update(Content("\n").join(lines))
        for button in self.query(Button):
            button.display = str(button.id).removeprefix("end-") in actions
        first = next((a for a in actions), None)
        for button in self.query(Button):
            button.variant = "primary" if button.id == f"end-{first}" else "default"


class RunView(Vertical):
    """All of a run. `show` is called some times a second and draws only what is another one."""

    DEFAULT_CSS = """
    RunView {
        #run-panes { height: 1fr; layout: vertical; }
        #run-left { height: 1fr; }
        #run-right { height: 6; }
        LossChart { height: 1fr; min-height: 4; padding: 0 1; }
        #epochs { height: 4; }
        #samples { height: 3; }
        #notes { height: 3; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        """The parts."""
        yield RunHead(id="head")
        yield RunEnd(id="end")
        with Container(id="run-panes"):
            with Vertical(id="run-left"):
                yield LossChart("the curve begins with the first epoch")
                yield EpochTable(id="epochs")
            with Vertical(id="run-right"):
                empty = "it is continued after each epoch"
                yield WrappedLines("your line", empty, id="samples")
                yield WrappedLines("notes", "nothing to note yet", id="notes")

    def show(self, run: ShownRun, trainer: str, now: float) -> None:
        """Draws the run as it stands `now`."""
        progress = run.progress
        self.query_one(RunHead).show(run, trainer, now)
        epochs, best = progress.epochs, progress.best_epoch
        stand = (id(run), len(epochs), epochs[-1].epoch if epochs else 0, best)
        if self._is_new("epochs", stand):
            self.query_one(EpochTable).show(epochs, best)
            samples = progress.samples
            lines = self.query_one("#samples", WrappedLines)
            lines.show(lambda width: sample_lines(samples, width))
            seed = f": {shortened(samples[-1].seed, 200)} ..." if samples else ""
            lines.border_title = Content(f"your line{seed}")
        last = progress.progress
        if self._is_new("curve", (stand, last.loss if last else None, last and last.epoch)):
            self.query_one(LossChart).show(*losses_of(progress), best)
        notes = list(progress.notes)
        if self._is_new("notes", (id(run), len(notes), notes[-1] if notes else None)):
            self.query_one("#notes", WrappedLines).show(lambda width: note_lines(notes, width))

    def show_end(self, run: ShownRun, log_tail: list[str], actions: Sequence[str]) -> None:
        """Says how the run has ended."""
        end = self.query_one(RunEnd)
        end.display = run.progress.phase.is_over
        self.query_one("#run-panes").display = not end.display or bool(run.progress.epochs)
        if end.display:
            end.show(outcome(run.progress, run.name, log_tail, run.is_deleted), actions)

    def _is_new(self, part: str, stand: object) -> bool:
        new = self._drawn.get(part) != stand
        self._drawn[part] = stand
        return new


def losses_of(progress: RunProgress) -> tuple[Points, Points]:
    """The training and held-out losses of the epochs, and of the current epoch so far."""
    train = [(float(e.epoch), _loss(e.train)) for e in progress.epochs]
    held_out = [(float(e.epoch), _loss(e.held_out)) for e in progress.epochs if e.held_out]
    last = progress.progress
    if last is not None and last.epoch > progress.epochs_done and last.loss is not None:
        train.append((float(last.epoch), last.loss))
    return train, held_out


def _loss(figures: dict[str, float]) -> float:
    """The loss; what is missing or not finite is no point of the curve."""
    value = figures.get("loss")
    return float("nan") if value is None else float(value)
