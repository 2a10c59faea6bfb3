"""The pane of the Train screen that shows a run."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.progress import BEFORE_MIXED, Phase
from rnnlm_tui.tui.runs.wording import kept_if_stopped, run_head
from rnnlm_tui.tui.train.run_lists import (
    MOST_ROWS,
    EpochList,
    RunList,
    log_rows,
    next_word_rows,
    seed_title,
)
from rnnlm_tui.tui.widgets.base_screen import OfApp
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm
from rnnlm_tui.wording.trainings import held_out_curve, trained_part

AFTER_END = {
    "write": "write with it",
    "inside": "look inside it",
    "compare": "compare it with others",
    "go_on": "train on",
    "screen.form": "back to the form",
}
"""What one can do after the end of a run, by the actions of the keys."""


def train_key(key: str, action: str, text: str, tooltip: str) -> Binding:
    return Binding(key, action, text, id=f"train.{action}", tooltip=tooltip)


class RunPane(OfApp, Vertical, can_focus=True):
    """Shows the run `FollowedRuns.shown`, which keys control."""

    # The most needed keys come first, since a row of 80 columns has room for six.
    BINDINGS: ClassVar[list[BindingType]] = [
        train_key("p", "pause", "pause", "Pause the training"),
        train_key("p", "resume", "resume", "Go on with the training"),
        train_key("x", "stop", "stop", "Stop the training; keep its best model, after a question"),
        train_key("w", "write", "write", "Write; with the best model saved so far"),
        Binding("escape", "screen.form", "form", id="train.form",
                tooltip="Go back to the form; it stops no training"),
        train_key("g", "seed", "line", "Change your line; it is continued after each epoch"),
        train_key("i", "inside", "inside", "Use the model and look inside; as it was saved last"),
        train_key("r", "go_on", "train on", "Train on; resumed, or for more epochs"),
        train_key("d", "detach", "background", "Train in the background; even after you quit"),
        train_key("c", "compare", "models", "Show it among the other models"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    RunPane {
        height: 1fr;
        #run-head { height: auto; max-height: 9; padding: 0 1; }
        #run-top { height: 1fr; }
        LossChart { width: 7fr; min-height: 1; padding: 0 1; }
        #words { width: 5fr; height: 100%; margin-left: 1; }
        #run-bottom { height: 1fr; min-height: 8; layout: vertical; }
        #epochs { width: 1fr; height: 2fr; min-height: 5; }
        #log { width: 1fr; height: 1fr; min-height: 2; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="run-head", markup=False)
        words = RunList("words")
        words.can_focus = False
        with Horizontal(id="run-top"):
            yield LossChart("the curve begins with the first steps")
            yield words
        with Container(id="run-bottom"):
            yield EpochList("epochs")
            yield RunList("log")

    @property
    def run(self) -> FollowedRun | None:
        """The run that this pane shows, or would show if the form did not hide it."""
        return self.app.followed_runs.shown

    def paint(self) -> None:
        """Draws what has changed of the run."""
        progress, head = self._shown_run.progress, self.query_one("#run-head", Static)
        keys = self._what_to_do() if progress.phase.is_over else Content("")
        text = run_head(self._shown_run, max(20, self.app.size.width - 2), keys)
        if text != head.content:
            head.update(text)
        epochs = progress.epochs[-MOST_ROWS:]
        lines = progress.log[-MOST_ROWS:]
        is_measured = bool(epochs) and epochs[-1].held_out is not None
        best = progress.best_epoch if is_measured else None
        chart = self.query_one(LossChart)
        chart.show(progress.curve.points, held_out_curve(progress.epochs), best, "")
        chart.display = progress.epochs_total != 1  # a curve of n-grams would be a point
        words = self.query_one("#words", RunList)
        height = words.size.height
        words.show(
            seed_title(epochs, words.size.width - 4),
            (epochs, best, height),
            lambda width: next_word_rows(epochs, best, width, height),
        )
        config = progress.started.config if progress.started else None
        part = trained_part(config, BEFORE_MIXED) if config else "network"
        self.query_one(EpochList).show_epochs(part, epochs or progress.so_far, best)
        log = self.query_one("#log", RunList)
        log.show("how it goes on", lines, lambda width: log_rows(lines, width))
        self.refresh_bindings()

    def _what_to_do(self) -> Content:
        """Returns the keys for what one can do after the end of a run: if nothing else, go back."""
        active = (active.binding for active in self.screen.active_bindings.values())
        bindings = {binding.action: binding for binding in active}
        possible = [action for action in AFTER_END if action in bindings]
        if len(possible) > 1:
            possible.remove("screen.form")
        return Content("   ").join(
            Content.assemble(
                (self.app.get_key_display(bindings[action]), "bold $take"), f" {AFTER_END[action]}"
            )
            for action in possible
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides the keys that do nothing for the run now."""
        if (run := self.run) is None:
            return False
        progress, phase = run.progress, run.progress.phase
        is_network = progress.started is not None and progress.started.config.has_network
        can_go_on = self.app.library.runs.can_resume(run.name) or (progress.is_saved and is_network)
        obeys = run.is_running and phase is not Phase.STOPPING and not progress.is_past_training
        allowed = {
            "pause": obeys and phase is Phase.TRAINING,
            "resume": obeys and phase is Phase.PAUSED,
            "stop": obeys,
            "detach": run.is_running and run.is_own and not (run.detached or phase.is_over),
            "seed": obeys,
            "write": run.is_running or progress.is_saved,
            "inside": progress.is_saved,
            "compare": progress.is_saved and phase.is_over,
            "go_on": phase.is_over and can_go_on,
        }
        return allowed.get(action, True)

    @property
    def _shown_run(self) -> FollowedRun:
        assert self.run is not None
        return self.run

    def action_pause(self) -> None:
        with self.app.showing_errors():
            self._shown_run.order("pause")

    def action_resume(self) -> None:
        with self.app.showing_errors():
            self._shown_run.order("resume")

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Asks, since the key may be a letter meant for a text, and lets the run save and end."""
        run = self._shown_run
        text = "" if run.is_own else f"It is trained by {run.trainer}. "
        text += f"If you stop it, {kept_if_stopped(run.progress)}."
        question = Confirm(f"Stop the training of {run.name}?", text, yes="Stop")
        if await self.app.ask(question):
            with self.app.showing_errors():
                run.stop()

    def action_detach(self) -> None:
        with self.app.showing_errors():
            self._shown_run.detach()

    def action_write(self) -> None:
        """Shows the Autocomplete screen, where the model suggests if the run has saved one."""
        run = self._shown_run
        if run.progress.is_saved:
            self.app.use_model(run.name)
        else:
            now = self.app.active_name or "nothing"
            self.app.notify_user(f"{run.name} has saved nothing yet; until then {now} suggests")
        self.app.show_mode("autocomplete")

    def action_inside(self) -> None:
        self.app.use_model(self._shown_run.name)
        self.app.show_mode("inside")

    @work(group="seed", exclusive=True)
    async def action_seed(self) -> None:
        """Asks for the line to continue after each epoch."""
        run, epochs = self._shown_run, self._shown_run.progress.epochs
        line = epochs[-1].sample["seed"] if epochs else self.app.default_seed_line

        def check(text: str) -> str | None:
            return None if text.strip() else "type at least one word"

        text = "It is continued after each epoch."
        answer = await self.app.ask(AskText("Your line", text, line, check=check))
        with self.app.showing_errors():
            if answer is not None and run.sample(answer):
                self.app.notify_user("your line is continued after this epoch")

    def action_compare(self) -> None:
        self.app.show_model(self._shown_run.name)

    @work(group="go_on", exclusive=True)
    async def action_go_on(self) -> None:
        """Resumes the run or trains its model longer, once its process has ended: that takes a
        second or two after the last event."""
        run = self._shown_run
        await run.ended()
        self.app.resume_run(run.name)
